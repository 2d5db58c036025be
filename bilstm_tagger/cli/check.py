"""``bilstm-tagger check``: the doctor of data."""

from __future__ import annotations

import json as json_format
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bilstm_tagger.cli.arguments import (
    AlignPolicy,
    Exclude,
    Format,
    Labels,
    Mask,
    OverlapPolicy,
    Separator,
    TagColumn,
    TagScheme,
    TokenColumn,
    Tokenizer,
    reader_options,
)
from bilstm_tagger.cli.output import replacing, stderr_console
from bilstm_tagger.errors import ConfigError

if TYPE_CHECKING:
    from bilstm_tagger.doctor import CheckReport

HELP = """Say what is wrong with data, where, and how it is mended.

bilstm-tagger check configs/ner-wnut17.toml
bilstm-tagger check train.conll --dev dev.conll --test test.conll
bilstm-tagger check corpus.tsv --tag-column 2 --html report.html
bilstm-tagger check sequences.fasta --labels states.fasta --json -

A configuration is checked whole: its parts, what they share, its word vectors.
For a source alone the task is guessed when --task does not say it.

Exit codes: 0 clean, or nothing worse than warnings; 1 warnings, with --strict;
2 errors: something that cannot be read, or that training would stop at."""


def check(
    source: Annotated[str, typer.Argument(metavar="CONFIG|SOURCE", help="A .toml, or data.", show_default=False)],
    dev: Annotated[str | None, typer.Option(metavar="SOURCE", help="A development part to compare with.")] = None,
    test: Annotated[str | None, typer.Option(metavar="SOURCE", help="A test part to compare with.")] = None,
    task: Annotated[str | None, typer.Option(help="ner, chunking, pos, protein_ss3, protein_ss8.")] = None,
    split: Annotated[str | None, typer.Option(help="The part of a source that has several.")] = None,
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
    strict: Annotated[bool, typer.Option("--strict", help="Warnings too end with an exit code, 1.")] = False,
    examples: Annotated[int, typer.Option(min=0, help="Places shown of each finding; files have 20.")] = 3,
    json: Annotated[str | None, typer.Option(metavar="FILE", help="Write all as JSON; - prints that alone.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all as a page for a browser.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Prints the report; ``--json`` writes ``CheckReport.to_dict()``, ``--html`` a page."""
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
    )
    with ExitStack() as stack:
        # Opened first: that a file cannot be written is said before the work, not after it.
        json_file = stack.enter_context(replacing(Path(json))) if json not in (None, "-") and json else None
        html_file = stack.enter_context(replacing(html)) if html is not None else None
        with stderr_console(quiet=quiet).status(f"Checking {source}"):
            if Path(source).suffix.lower() == ".toml":
                others = {"dev": dev, "test": test, "task": task, "split": split, **given}
                report = _check_config(source, [name for name, value in others.items() if value is not None])
            else:
                report = _check_sources(source, dev, test, task=task, split=split, **given)
        if json_file is not None:
            json_format.dump(report.to_dict(), json_file, indent=2, ensure_ascii=False)
            json_file.write("\n")
        if html_file is not None:
            from bilstm_tagger.doctor.html import report_page

            html_file.write(report_page(report))
    if json == "-":
        typer.echo(json_format.dumps(report.to_dict(), indent=2, ensure_ascii=False))
    elif not quiet:
        from bilstm_tagger.cli.check_view import print_report

        print_report(report, examples=examples)
    raise typer.Exit(report.exit_code(strict=strict))


def _check_config(source: str, others: list[str]) -> CheckReport:
    from bilstm_tagger.config import Config
    from bilstm_tagger.doctor import check_config

    if others:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise ConfigError(f"a configuration says itself how its data are read; {names} is for a source")
    return check_config(Config.load(source))


def _check_sources(
    source: str, dev: str | None, test: str | None, *, task: str | None, split: str | None, **options: Any
) -> CheckReport:
    from bilstm_tagger.doctor import check

    if dev is None and test is None:
        return check(source, task=task, split=split or "train", **options)
    if split is not None:
        raise ConfigError("--split is for a source alone; with --dev or --test the parts have their names")
    parts = {"train": source, "dev": dev, "test": test}
    return check({name: part for name, part in parts.items() if part is not None}, task=task, **options)
