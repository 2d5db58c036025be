"""``bilstm-tagger tag``."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bilstm_tagger.cli.arguments import Separator, SkipInvalid, TokenColumn, reader_options
from bilstm_tagger.cli.input import FORMATS, STDIN, Item, check_format, guess_format, read_items
from bilstm_tagger.cli.output import end_with_skipped, replacing, stderr_console
from bilstm_tagger.errors import DataError, InputError

if TYPE_CHECKING:
    from bilstm_tagger.inference import Tagger
    from bilstm_tagger.tasks import Task
    from bilstm_tagger.types import TaggedSequence

HELP = """Tag text or sequences from a file, from standard input, or typed line by line.

echo "Angela Merkel visited Oslo." | bilstm-tagger tag runs/names
bilstm-tagger tag runs/names news.txt --output news.jsonl --output-format jsonl
bilstm-tagger tag runs/names words.conll --output-format conll > tagged.conll
bilstm-tagger tag runs/ss3 chains.fasta --output folder/ --output-format ss2

Each input gives one result, in the same order, in memory that does not grow with the input.

Input formats:
- text: a sentence a line; an empty line is an empty sentence
- jsonl: objects with "tokens" or "text", and perhaps "id"
- conll, conllu: a token a line, blank lines between sentences; tags are not needed
- fasta, csv, dssp: protein chains; dssp reads PDB and mmCIF too

Output formats: conll, jsonl, table; for proteins fasta, ss2, horiz and csv too."""


def tag(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model's folder.", show_default=False)],
    source: Annotated[
        str | None, typer.Argument(metavar="INPUT", help="A file; - is standard input.", show_default=False)
    ] = None,
    format: Annotated[
        str | None, typer.Option(help=f"{', '.join(FORMATS)}.", show_default="by the file's suffix and the task")
    ] = None,
    token_column: TokenColumn = None,
    separator: Separator = None,
    output: Annotated[
        str | None, typer.Option(metavar="FILE", help="Written whole or not at all; a folder/ gets a file a sequence.")
    ] = None,
    output_format: Annotated[
        str | None, typer.Option(help="See above.", show_default="table on a terminal, else the task's first")
    ] = None,
    profiles: Annotated[
        str | None,
        typer.Option(metavar="FOLDER|NPZ", help="Proteins: NAME.pssm or NAME.hhm of each chain, or an .npz."),
    ] = None,
    states: Annotated[
        int | None, typer.Option(help="Proteins: 3 tells eight states as three.", show_default="the model's own")
    ] = None,
    skip_invalid: SkipInvalid = False,
    threads: Annotated[int, typer.Option(min=0, help="Processor threads; 0 takes all cores.")] = 0,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that share one copy of the weights; each has one thread.")
    ] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """Reads items, tags them as a stream, and writes each result as it comes."""
    path = STDIN if source is None or source == "-" else Path(source)
    # What can be wrong with the arguments is said before a model is loaded.
    if format is not None:
        check_format(format)
    if path is not STDIN:
        from bilstm_tagger.data.files import check_file

        check_file(path)
        if path.is_file() and path.stat().st_size == 0:
            raise DataError("the file is empty", path=path, accepted="something to tag")

    from bilstm_tagger.data.proteins.profiles import open_profiles
    from bilstm_tagger.data.proteins.three_states import in_three_states
    from bilstm_tagger.data.records import ReadOptions
    from bilstm_tagger.inference import Tagger

    tagger = Tagger.from_pretrained(model, device=device, threads=threads)
    task: Task = tagger.task
    shown = output_format or ("table" if output is None and sys.stdout.isatty() else task.outputs[0])
    if source is None and sys.stdin.isatty():
        _interact(tagger, shown)
        return
    if task.kind != "residues" and (profiles is not None or skip_invalid):
        raise InputError("--profiles and --skip-invalid are for proteins", received=task.name)
    three = _answers_in_three(states, tagger, shown)
    given = reader_options(token_column=token_column, tag_column=None, separator=separator)
    options = ReadOptions(task=task, require_tags=False, skip_invalid=skip_invalid, **given)
    chosen = format or guess_format(path, task)
    hidden = quiet or (output is None and sys.stdout.isatty())
    start = time.perf_counter()
    counts = _Counts()
    with _progress(path, hidden=hidden) as advance, ExitStack() as stack:
        opened = None
        if profiles is not None:
            opened = stack.enter_context(open_profiles(profiles, kinds=tagger.config.data.profile_kinds))
        items = read_items(path, chosen, options, profiles=opened)
        docs = _tagged(tagger, items, counts, advance, processes=processes)
        if three:
            docs = (in_three_states(doc, state_map=tagger.config.data.states) for doc in docs)
        _deliver(docs, output, shown, task)
    if not quiet:
        seconds = time.perf_counter() - start
        rate = f"{counts.tokens / seconds:,.0f} tokens/s"
        sequences = "1 sequence" if counts.sequences == 1 else f"{counts.sequences:,} sequences"
        message = f"Tagged {sequences}, {counts.tokens:,} tokens in {seconds:.1f} s ({rate})"
        typer.echo(message, err=True)
    end_with_skipped(options.notes.skipped)


def _answers_in_three(states: int | None, tagger: Tagger, format: str) -> bool:
    """Says whether eight states are to be told as three: where it is asked for, or the format knows no more.

    Raises:
        InputError: The model has no states, or not so many.
    """
    known = len(tagger.task.tags or ()) if tagger.task.kind == "residues" else 0
    if states is not None and (not known or states not in (3, known)):
        accepted = f"3 or {known}" if known > 3 else "3" if known else "no --states: this is no model of proteins"
        raise InputError("the model cannot answer in that many states", received=states, accepted=accepted)
    return known > 3 and (states == 3 or format in ("ss2", "horiz"))


def _deliver(docs: Iterable[TaggedSequence], output: str | None, format: str, task: Task) -> None:
    """Writes to standard output, to a file that appears whole or not at all, or to a folder."""
    from bilstm_tagger.data.writers.predictions import write, write_folder

    if output is None:
        write(docs, sys.stdout, format=format, task=task)
    elif output.endswith("/") or Path(output).is_dir():
        write_folder(docs, output, format=format, task=task)
    else:
        with replacing(Path(output)) as file:
            write(docs, file, format=format, task=task)


@dataclass(slots=True)
class _Counts:
    sequences: int = 0
    tokens: int = 0


Advance = Callable[[int, int], None]
"""Is told how many sequences are done, and the line of the input on which the last of them began."""


def _tagged(
    tagger: Tagger, items: Iterable[Item], counts: _Counts, advance: Advance, *, processes: int
) -> Iterator[TaggedSequence]:
    """Streams the items through the tagger, and counts."""
    lines: deque[int] = deque()

    def contents() -> Iterator[str | dict[str, Any]]:
        for item in items:
            lines.append(item.line)
            yield item.content

    for doc in tagger.stream(contents(), processes=processes):
        counts.sequences += 1
        counts.tokens += len(doc)
        advance(counts.sequences, lines.popleft())
        yield doc


@contextmanager
def _progress(path: Path, *, hidden: bool) -> Iterator[Advance]:
    """Shows on stderr how much of the input is done: a bar for files, a count for pipes."""
    console = stderr_console()
    if hidden or not console.is_terminal:
        yield lambda sequences, line: None
        return

    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.fields[sequences]:,} sequences"), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        bar = progress.add_task("tag", total=_count_lines(path), sequences=0)

        def advance(sequences: int, line: int) -> None:
            # Drawing is slower than tagging a short sentence.
            if sequences % 64 == 0:
                progress.update(bar, completed=line, sequences=sequences)

        yield advance


def _count_lines(path: Path) -> int | None:
    """Returns the number of lines of a file; None where that is unknown beforehand (pipes, compressed files)."""
    from bilstm_tagger.data.files import COMPRESSION_SUFFIXES

    if path is STDIN or path.suffix.lower() in COMPRESSION_SUFFIXES:
        return None
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(partial(file.read, 1 << 20), b""))


def _interact(tagger: Tagger, format: str) -> None:
    """Tags what is typed, line by line."""
    from bilstm_tagger.data.writers.predictions import write

    kind = "a protein sequence" if tagger.task.kind == "residues" else "a sentence"
    typer.echo(f"Type {kind} and press Enter; Ctrl-D ends.", err=True)
    while True:
        try:
            line = input("> ")
        except EOFError:
            typer.echo(err=True)
            return
        try:
            write([tagger.tag(line)], sys.stdout, format=format, task=tagger.task)
        except InputError as error:
            typer.echo(f"error: {error}", err=True)
