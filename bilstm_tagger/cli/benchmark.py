"""``bilstm-tagger benchmark``."""

from __future__ import annotations

import json as json_format
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bilstm_tagger.cli.arguments import column
from bilstm_tagger.cli.output import replacing, stderr_console
from bilstm_tagger.errors import DataError

if TYPE_CHECKING:
    from bilstm_tagger.inference import Tagger
    from bilstm_tagger.tasks import Task

HELP = """Measure a model: tokens a second, latency, load time, memory.

bilstm-tagger benchmark runs/names
bilstm-tagger benchmark runs/names --data news.txt --threads 1
bilstm-tagger benchmark protein-ss3 --data chains.fasta --json speed.json

The data are what evaluate reads, tags or none, or a text file with a
sentence a line; by default a built-in sample of the model's task.

What is timed is a user's call: text (or a row) in, spans with offsets and
exact scores out. Each repeat begins with empty caches. Figures depend on
the machine and on what else it does; compare those of one machine."""

WARM_UP = 5


@dataclass(frozen=True)
class Speed:
    """What was measured.

    Attributes:
        inputs: Inputs tagged in each repeat.
        tokens: Their tokens.
        load_seconds: From the model's folder to a tagger, the import of the package's own libraries included.
        first_seconds: Tagging the first input.
        tokens_per_second: All inputs in one call: median over the repeats.
        slowest: The slowest repeat's tokens a second.
        fastest: The fastest repeat's.
        words_per_second: Tokens a second from words to tags alone, without scores: median; None for rows with numbers.
        latency_p50_ms: One input at a time: the median.
        latency_p95_ms: 95 of 100 take no longer.
        memory_loaded_mb: Of the process, with the model loaded.
        memory_peak_mb: The most that it ever had.
    """

    inputs: int
    tokens: int
    load_seconds: float
    first_seconds: float
    tokens_per_second: float
    slowest: float
    fastest: float
    words_per_second: float | None
    latency_p50_ms: float
    latency_p95_ms: float
    memory_loaded_mb: float
    memory_peak_mb: float


def benchmark(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model's folder.", show_default=False)],
    data: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="What is tagged.", show_default="a built-in sample")
    ] = None,
    split: Annotated[str, typer.Option(help="The part of a source that has several.")] = "test",
    format: Annotated[str | None, typer.Option(help="text, or one of evaluate's.", show_default="auto")] = None,
    token_column: Annotated[str | None, typer.Option(help="Column of the tokens: a number, from 0, or a name.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Tag the first N inputs.")] = 2000,
    repeats: Annotated[int, typer.Option(min=1, help="Times that all of it is tagged.")] = 5,
    threads: Annotated[int, typer.Option(min=0, help="Processor threads; 0 takes torch's number.")] = 0,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the figures as JSON too.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """Loads, tags, and prints a table."""
    with ExitStack() as stack:
        # Opened first: that a file cannot be written is said before the work, not after it.
        file = None if json is None else stack.enter_context(replacing(json))
        began = time.perf_counter()

        from bilstm_tagger.inference import Tagger

        tagger = Tagger.from_pretrained(model, threads=threads)
        load_seconds = time.perf_counter() - began
        with stderr_console(quiet=quiet).status(f"Measuring {model}"):
            items, words = _inputs(
                tagger, data, split=split, format=format, token_column=column(token_column), limit=limit
            )
            speed = _measure(tagger, items, words, load_seconds=load_seconds, repeats=repeats, threads=threads)
        if file is not None:
            json_format.dump({"model": model, "data": data, "threads": threads} | asdict(speed), file, indent=2)
            file.write("\n")
    for line in _table(speed):
        typer.echo(line)


def _inputs(
    tagger: Tagger, data: str | None, *, split: str, format: str | None, token_column: str | int | None, limit: int
) -> tuple[list[str | dict[str, Any]], list[list[str]]]:
    """Returns what ``tag`` is given (text where that is enough), and the same as lists of words.

    Raises:
        DataError: The source cannot be read, or there is nothing in it.
    """
    from bilstm_tagger.data import load_rows
    from bilstm_tagger.data.files import read_lines, stem_suffix

    task = tagger.task
    source = data if data is not None else _sample(task)
    if format == "text" or (
        format is None and stem_suffix(Path(source)) in (".txt", ".text") and task.kind != "residues"
    ):
        texts = [
            line for line, _ in zip((line.strip() for line in read_lines(Path(source))), range(limit), strict=False)
        ]
        items: list[str | dict[str, Any]] = [text for text in texts if text]
        if not items:
            raise DataError("there is nothing in it to tag", path=source, accepted="a sentence on each line")
        return items, [doc.tokens for doc in tagger.tag_batch(items)]
    chosen = {} if format is None else {"format": format}
    rows = load_rows(
        source,
        task=task,
        split=split,
        token_column=token_column if token_column is not None else tagger.config.data.token_column,
        require_tags=False,
        **chosen,  # type: ignore[arg-type]
    )
    chosen_rows = [row for row in rows.select(range(min(limit, len(rows)))) if row["tokens"]]
    if not chosen_rows:
        raise DataError("there is nothing in it to tag", path=source, accepted="sequences with at least one token")
    return [_item(row, task) for row in chosen_rows], [row["tokens"] for row in chosen_rows]


def _sample(task: Task) -> str:
    """Names the built-in sample of a task."""
    from bilstm_tagger.data.builtin import BUILTINS

    wanted = set(task.tags or ())
    names = (name for name, it in BUILTINS.items() if it.kind == task.kind and wanted <= set(it.states or wanted))
    return f"builtin:{next(names)}/test"


def _item(row: dict[str, Any], task: Task) -> str | dict[str, Any]:
    """Text, cut into tokens as part of what is timed; rows with numbers of their own stay rows."""
    if "dense" in row:
        return {"tokens": row["tokens"], "dense": row["dense"]}
    return str(row["text"]) if "text" in row else ("" if task.kind == "residues" else " ").join(row["tokens"])


def _measure(
    tagger: Tagger,
    items: Sequence[str | dict[str, Any]],
    words: list[list[str]],
    *,
    load_seconds: float,
    repeats: int,
    threads: int,
) -> Speed:
    """Times the tagger on the inputs; each repeat has a tagger with empty caches, latencies come from a used one."""
    import numpy as np

    from bilstm_tagger.inference import Tagger
    from bilstm_tagger.memory import current_memory, peak_memory

    def fresh() -> Tagger:
        return Tagger(tagger.models, threads=threads)

    memory_loaded = current_memory()
    first_seconds = _seconds(lambda: fresh().tag(items[0]))
    tokens = sum(len(doc) for doc in fresh().tag_batch(items))
    rates = [tokens / _seconds(lambda: fresh().tag_batch(items)) for _ in range(repeats)]
    from_rows = any(isinstance(item, dict) for item in items)
    words_rates = (
        [] if from_rows else [sum(map(len, words)) / _seconds(lambda: fresh().tag_words(words)) for _ in rates]
    )
    used = fresh()
    for item in items[:WARM_UP]:
        used.tag(item)
    latencies = [1e3 * _seconds(lambda item=item: used.tag(item)) for item in items]  # type: ignore[misc]
    return Speed(
        inputs=len(items),
        tokens=tokens,
        load_seconds=load_seconds,
        first_seconds=first_seconds,
        tokens_per_second=statistics.median(rates),
        slowest=min(rates),
        fastest=max(rates),
        words_per_second=statistics.median(words_rates) if words_rates else None,
        latency_p50_ms=float(np.quantile(latencies, 0.5)),
        latency_p95_ms=float(np.quantile(latencies, 0.95)),
        memory_loaded_mb=memory_loaded,
        memory_peak_mb=peak_memory(),
    )


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _table(speed: Speed) -> Iterator[str]:
    mean = speed.tokens / speed.inputs
    rows = {
        "inputs": f"{speed.inputs:,}",
        "tokens": f"{speed.tokens:,} ({mean:.1f} an input)",
        "load the model": f"{speed.load_seconds:.2f} s",
        "first input": f"{1e3 * speed.first_seconds:.1f} ms",
        "all inputs": f"{speed.tokens_per_second:,.0f} tokens/s ({speed.slowest:,.0f} to {speed.fastest:,.0f})",
        "words to tags alone": "-" if speed.words_per_second is None else f"{speed.words_per_second:,.0f} tokens/s",
        "one at a time, p50": f"{speed.latency_p50_ms:.2f} ms",
        "one at a time, p95": f"{speed.latency_p95_ms:.2f} ms",
        "memory, loaded": f"{speed.memory_loaded_mb:,.0f} MB",
        "memory, at most": f"{speed.memory_peak_mb:,.0f} MB",
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        yield f"{name:{width}}  {value}"
