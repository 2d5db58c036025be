"""``bilstm-tagger evaluate``."""

from __future__ import annotations

import json as json_format
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from bilstm_tagger.cli.arguments import (
    AlignPolicy,
    Exclude,
    Format,
    Labels,
    Mask,
    OverlapPolicy,
    Separator,
    SkipInvalid,
    TagColumn,
    TagScheme,
    TokenColumn,
    Tokenizer,
    reader_options,
)
from bilstm_tagger.cli.output import SOME_SKIPPED, replacing, stderr_console
from bilstm_tagger.errors import InputError

HELP = """Score a model on data with known tags, and print the report.

bilstm-tagger evaluate runs/names --data builtin:wnut17/test
bilstm-tagger evaluate runs/names --data test.conll --tag-column 3
bilstm-tagger evaluate runs/ss3 --data seq.fasta --labels states.fasta
bilstm-tagger evaluate runs/names --data test.conll --json report.json
bilstm-tagger evaluate runs/names --data test.conll --against runs/old

Names and chunks are scored twice, side by side, strict and default:
strict counts well-formed spans alone, default reads as conlleval does.

--details adds all confusions, accuracy by chain length, whether the
probabilities hold (calibration), and what a threshold on them trades.

The options from --format to --exclude are those of a configuration's \\[data] section."""


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model's folder.", show_default=False)],
    data: Annotated[str, typer.Option(metavar="SOURCE", help="A file, a glob, builtin:NAME/SPLIT, or a hub data set.")],
    split: Annotated[str, typer.Option(help="The part of a source that has several.")] = "test",
    format: Format = None,
    token_column: TokenColumn = None,
    tag_column: TagColumn = None,
    separator: Separator = None,
    scheme: TagScheme = None,
    tokenizer: Tokenizer = None,
    align: AlignPolicy = None,
    overlap: OverlapPolicy = None,
    labels: Labels = None,
    mask: Mask = None,
    exclude: Exclude = None,
    profiles: Annotated[
        str | None, typer.Option(metavar="FOLDER|NPZ", help="Proteins: the chains' profiles, as in data.profiles.")
    ] = None,
    skip_invalid: SkipInvalid = False,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as JSON too.")] = None,
    against: Annotated[
        str | None, typer.Option(metavar="OTHER_MODEL", help="Test whether the models differ; the report is MODEL's.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="Processor threads; 0 takes all cores.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    details: Annotated[bool, typer.Option("--details", help="Print the long tables too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """Prints ``Report.to_text()``; ``--json`` writes ``Report.to_dict()``, with ``--against`` also ``comparison``."""
    given = reader_options(
        format=format,
        token_column=token_column,
        tag_column=tag_column,
        separator=separator,
        scheme=scheme,
        tokenizer=tokenizer,
        align=align,
        overlap=overlap,
        labels=labels,
        mask=mask,
        exclude=exclude,
        profiles=profiles,
    )
    skipped: list[str] = []

    from bilstm_tagger.inference import Tagger

    with ExitStack() as stack:
        # Opened first: that a file cannot be written is said before the work, not after it.
        file = None if json is None else stack.enter_context(replacing(json))
        # Both are loaded first, for the same reason.
        where: dict[str, Any] = {"device": device, "threads": threads}
        tagger = Tagger.from_pretrained(model, **where)
        if skip_invalid:
            if tagger.task.kind != "residues":
                raise InputError("--skip-invalid is for proteins", received=tagger.task.name)
            given |= {"skip_invalid": True, "skipped": skipped}
        other = None if against is None else Tagger.from_pretrained(against, **where)
        with stderr_console(quiet=quiet).status(f"Scoring {model} on {data}"):
            if other is None:
                report, found = tagger.evaluate(data, split=split, **given), None
            else:
                # Gold tags are read once, as the first model's task reads them.
                rows = tagger.load_gold(data, split=split, **given)
                columns: dict[str, Any] = {"token_column": None, "tag_column": None}
                report = tagger.evaluate(rows, **columns)
                found = report.compare(other.evaluate(rows, states=tagger.config.data.states, **columns))
        figures = report.to_dict() | ({} if found is None else {"comparison": {"against": against} | found.to_dict()})
        if file is not None:
            json_format.dump(figures, file, indent=2, ensure_ascii=False)
            file.write("\n")
    typer.echo(report.to_text(details=details))
    if found is not None and against is not None:
        from bilstm_tagger.evaluation.text import comparison_text

        typer.echo("\n" + comparison_text(found, model, against))
    if skipped:  # each was named when it was read
        raise typer.Exit(SOME_SKIPPED)
