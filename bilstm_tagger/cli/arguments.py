"""Values that several commands read alike, and the options of those that read data."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bilstm_tagger.errors import ConfigError

__all__ = [
    "AlignPolicy",
    "Exclude",
    "Format",
    "Labels",
    "Mask",
    "OverlapPolicy",
    "Separator",
    "TagColumn",
    "TagScheme",
    "TokenColumn",
    "Tokenizer",
    "column",
    "reader_options",
    "seed_numbers",
]

Format = Annotated[str | None, typer.Option(help="Name of a format.", show_default="found")]
TokenColumn = Annotated[
    str | None, typer.Option(help="Column of the tokens: a number, from 0, or a name.", show_default="found")
]
TagColumn = Annotated[
    str | None,
    typer.Option(help="Column of the tags: a number, from 0 (-1 is the last), or a name.", show_default="found"),
]
Separator = Annotated[str | None, typer.Option(help=r"Column separator; \t is a tab.", show_default="found")]
TagScheme = Annotated[str | None, typer.Option(help="IOB1, IOB2, BIOES, BILOU, BMES or IO.", show_default="found")]
Labels = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|COLUMN", help="Labels of a FASTA file or of plain text; names of labels that are numbers."
    ),
]
Mask = Annotated[str | None, typer.Option(metavar="FILE|COLUMN", help="Proteins: 0 marks residues without a label.")]
Exclude = Annotated[str | None, typer.Option(metavar="FILE", help="Ids to leave out, one a line.")]
SkipInvalid = Annotated[
    bool, typer.Option("--skip-invalid", help="Proteins: go on without chains that cannot be used; exit code 1.")
]
AlignPolicy = Annotated[
    str | None,
    typer.Option(
        help="Character spans that do not fit the tokens: expand, contract, drop or strict (an error).",
        show_default="expand",
    ),
]
OverlapPolicy = Annotated[
    str | None,
    typer.Option(
        help="Of spans that share tokens, the one to keep: outermost, longest or first.", show_default="outermost"
    ),
]
Tokenizer = Annotated[
    str | None,
    typer.Option(help="How text with spans is cut: words, characters or whitespace.", show_default="by the task"),
]


def reader_options(
    *, token_column: str | None, tag_column: str | None, separator: str | None, **others: str | None
) -> dict[str, Any]:
    """Returns those options of ``load_rows`` that were given on the command line."""
    options: dict[str, Any] = {
        "token_column": column(token_column),
        "tag_column": column(tag_column),
        "separator": None if separator is None else separator.replace(r"\t", "\t"),
        **others,
    }
    return {name: value for name, value in options.items() if value is not None}


def column(text: str | None) -> str | int | None:
    """Reads a column that was given as a number or a name."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return text


def seed_numbers(text: str) -> list[int]:
    """Reads ``1,2,3``."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ConfigError("--seeds takes numbers", received=text, accepted="--seeds 1,2,3")
    return list(map(int, parts))
