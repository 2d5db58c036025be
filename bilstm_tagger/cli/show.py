"""``bilstm-tagger show``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from bilstm_tagger.cli.input import STDIN, check_format, guess_format, read_items
from bilstm_tagger.cli.output import replacing
from bilstm_tagger.errors import ConfigError, DataError, InputError

if TYPE_CHECKING:
    from bilstm_tagger.data.proteins.profiles import Profiles
    from bilstm_tagger.drawing import Shown
    from bilstm_tagger.drawing.predictions import Kind
    from bilstm_tagger.inference import Tagger
    from bilstm_tagger.tasks import Task
    from bilstm_tagger.types import TaggedSequence

SUFFIXES = (".html", ".svg", ".png")

HELP = """Draw predictions: proteins as helices and strands, text with its spans marked.

bilstm-tagger show protein-ss3 chains.fasta --output chains.html
bilstm-tagger show predictions.jsonl
bilstm-tagger show chain.ss2 --output chain.png
bilstm-tagger show runs/names --gold builtin:wnut17/test

What is drawn is a file that tag wrote (.jsonl, .ss2), or what a model
says of INPUT, or of the gold source where there is no INPUT. With
--gold the truth stands beside the prediction; differences are marked.

The page needs no network and no script. Proteins can also be drawn as
.svg or .png (the latter with the extra viz)."""


def show(
    source: Annotated[
        str,
        typer.Argument(metavar="PREDICTIONS_OR_MODEL", help="A file of predictions, or a model.", show_default=False),
    ],
    input: Annotated[
        str | None, typer.Argument(metavar="INPUT", help="What the model is to tag; - is standard input.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=f"{', '.join(SUFFIXES)}; - is standard output.", show_default="its name, with .html"
        ),
    ] = None,
    gold: Annotated[str | None, typer.Option(metavar="SOURCE", help="The true tags, as evaluate reads them.")] = None,
    labels: Annotated[str | None, typer.Option(metavar="FILE", help="FASTA: the file with the gold labels.")] = None,
    mask: Annotated[str | None, typer.Option(metavar="FILE", help="FASTA: 0 marks residues without a label.")] = None,
    profiles: Annotated[
        str | None, typer.Option(metavar="FOLDER|NPZ", help="Proteins: the profiles that the model reads, by id.")
    ] = None,
    split: Annotated[str, typer.Option(help="The part of a gold source that has several.")] = "test",
    format: Annotated[str | None, typer.Option(help="Format of INPUT, as for tag.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Draw the first so many sequences.")] = 500,
) -> None:
    """Reads or makes predictions, brings them together with gold tags, and draws them."""
    # A title and a file name: the predictions', or those of what the model tags.
    candidates = (input, source if Path(source).is_file() else gold, source)
    drawn = next(name for name in candidates if name not in (None, "-"))
    path = output or Path(f"{Path(str(drawn)).stem}.html")
    if path.suffix.lower() not in SUFFIXES and str(path) != "-":
        raise InputError("this is no kind of picture", received=path.name, accepted=SUFFIXES)
    if gold is None and (labels is not None or mask is not None):
        raise ConfigError("--labels and --mask belong to --gold", hint="Name the gold sequences with --gold")

    tagger = None if input is None and (gold is None or Path(source).is_file()) else _load(source)
    if profiles is not None and (tagger is None or tagger.task.kind != "residues"):
        raise ConfigError("--profiles belong to a model of proteins", received=profiles)
    reader: dict[str, Any] = {"labels": labels, "mask": mask, "split": split}
    if profiles is not None and tagger is not None:
        reader |= {"profiles": profiles, "profile_kinds": tagger.config.data.profile_kinds}
    # Opened first: that a file cannot be written is said before the work, not after it.
    with ExitStack() as stack:
        to_screen = str(path) == "-"
        file = stack.enter_context(nullcontext(typer.get_text_stream("stdout")) if to_screen else replacing(path))
        rows = None if gold is None or tagger is None else _gold_rows(gold, tagger.task, **reader)
        if tagger is None:
            contents: Iterator[Any] = _read(Path(source))
        elif input is None:
            contents = ({name: value for name, value in row.items() if name != "tags"} for row in rows or [])
        else:
            opened = None
            if profiles is not None:
                from bilstm_tagger.data.proteins.profiles import open_profiles

                opened = stack.enter_context(open_profiles(profiles, kinds=tagger.config.data.profile_kinds))
            contents = _contents(tagger.task, input, format, opened)
        first = islice(contents, limit)
        docs = list(first if tagger is None else tagger.stream(first))
        left_out = sum(1 for _ in contents)
        task = _task_of(docs) if tagger is None else tagger.task
        if gold is not None and rows is None:
            rows = _gold_rows(gold, task, **reader)
        title = Path(str(drawn)).name if Path(str(drawn)).is_file() else str(drawn)
        _draw(_paired(docs, rows, gold), file, path, kind=task.kind, title=title, left_out=left_out)
    if str(path) != "-":
        more = f"; {left_out:,} more are not shown (--limit)" if left_out else ""
        typer.echo(f"Drew {len(docs):,} {'sequence' if len(docs) == 1 else 'sequences'}: {path}{more}", err=True)


def _load(model: str) -> Tagger:
    from bilstm_tagger.inference import Tagger

    return Tagger.from_pretrained(model)


def _read(path: Path) -> Iterator[TaggedSequence]:
    if not path.is_file():
        raise DataError(
            "there is no such file of predictions",
            path=path,
            accepted="JSON Lines from tag, or .ss2; or a model and what it is to tag",
            hint="With a model: bilstm-tagger show MODEL INPUT",
        )
    from bilstm_tagger.drawing import read_predictions

    return read_predictions(path)


def _contents(task: Task, input: str, format: str | None, profiles: Profiles | None) -> Iterator[Any]:
    """Returns the items that a model is to tag."""
    path = STDIN if input == "-" else Path(input)
    if path is not STDIN:
        from bilstm_tagger.data.files import check_file

        check_file(path)
    from bilstm_tagger.data.records import ReadOptions

    options = ReadOptions(task=task, require_tags=False)
    chosen = guess_format(path, task) if format is None else check_format(format)
    return (item.content for item in read_items(path, chosen, options, profiles=profiles))


def _task_of(docs: list[TaggedSequence]) -> Task:
    """The task whose reader suits predictions of unknown origin."""
    from bilstm_tagger.drawing.predictions import kind_of
    from bilstm_tagger.tasks import get_task

    kind = kind_of(docs)
    if kind != "residues":
        return get_task("ner" if kind == "spans" else "pos")
    return get_task("protein_ss3" if all(set(doc.tags) <= set("CEH") for doc in docs) else "protein_ss8")


def _gold_rows(gold: str, task: Task, **reader: Any) -> list[dict[str, Any]]:
    from bilstm_tagger.data import load_rows

    return list(load_rows(gold, task=task, **reader))


def _paired(docs: list[TaggedSequence], rows: list[dict[str, Any]] | None, source: str | None) -> list[Shown]:
    from bilstm_tagger.drawing import Shown
    from bilstm_tagger.drawing.predictions import pair_with_gold

    return [Shown(doc) for doc in docs] if rows is None else list(pair_with_gold(docs, rows, source=str(source)))


def _draw(shown: list[Shown], file: TextIO, path: Path, *, kind: Kind, title: str, left_out: int) -> None:
    from bilstm_tagger.drawing import write_page, write_png, write_svg
    from bilstm_tagger.drawing.predictions import as_chain

    if not shown:
        raise InputError("there is nothing to draw", accepted="at least one sequence")
    suffix = path.suffix.lower()
    if suffix not in (".svg", ".png"):
        write_page(shown, file, kind=kind, title=title, left_out=left_out)
        return
    if kind != "residues":
        raise InputError("text is drawn as a page only", received=path.name, accepted="a file .html")
    chains = [as_chain(item, number) for number, item in enumerate(shown, start=1)]
    if suffix == ".svg":
        write_svg(chains, file)
    else:
        write_png(chains, file.buffer)
