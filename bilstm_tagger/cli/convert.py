"""``bilstm-tagger convert``."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from bilstm_tagger.cli.arguments import (
    AlignPolicy,
    Labels,
    Mask,
    OverlapPolicy,
    TagColumn,
    TokenColumn,
    Tokenizer,
    column,
)
from bilstm_tagger.cli.output import replacing
from bilstm_tagger.errors import ConfigError, DataError, suggest

if TYPE_CHECKING:
    from bilstm_tagger.data.alignment import Align, Overlap
    from bilstm_tagger.data.conversion.convert import Conversion

HELP = """Convert tagged data from one format to another, whole and in bounded memory.

bilstm-tagger convert train.conll train.jsonl
bilstm-tagger convert train.conll - --scheme BIOES | head
bilstm-tagger convert spans.jsonl train.conll.gz --align contract
bilstm-tagger convert train.conll prodigy.jsonl --layout prodigy
bilstm-tagger convert en_ewt.conllu en_ewt.tsv
bilstm-tagger convert old.txt clean.conll --repair --json changes.json
bilstm-tagger convert chains.fasta chains.csv --labels states.fasta

IN is a file (also packed, or in an archive), a glob in quotes, a folder of
BRAT files, builtin:NAME/SPLIT, a hub id, or - for standard input. OUT tells
its format by its ending; a name without one is a folder of BRAT files, and
- is standard output. It appears whole or not at all, packed if it ends in
.gz, .xz or .bz2.

Formats to write:
- conll (.conll .txt .bio .iob), conllu, csv, tsv: columns
- jsonl, json: objects with tokens and tags, or text with spans in one of
  the layouts
- parquet, arrow: all that a row has
- brat: text and standoff spans
- fasta: chains with their states, and a mask beside it where states are
  unknown

What the format written cannot hold is told on standard error: a line for
each kind of loss, with its number of rows.

Tags of spans are written as IOB2, or as --scheme says, whatever scheme they
are read in. Ill-formed ones (an I- that continues nothing) are written
well-formed, with the spans that conlleval reads; a line says how many. A
token that the format cannot hold stops the conversion, and nothing is
written.

--repair mends what 'bilstm-tagger check' proposes, and lists each change:
- ill-formed tags; tags that differ from others in upper and lower case only
- empty tokens and repeated sentences, left out
- control and invisible characters, HTML entities, mojibake, in tokens
  without a running text
- byte order marks, CRLF, lines that are not UTF-8 (read as Windows-1252)
- tokens that the format cannot hold: what does not fit becomes _"""

_SHOWN = 50
_OPTIONS = {
    "align": "--align",
    "labels": "--labels",
    "mask": "--mask",
    "overlap": "--overlap",
    "scheme": "--from-scheme",
    "separator": "--from-separator",
    "tag_column": "--tag-column",
    "token_column": "--token-column",
    "tokenizer": "--tokenizer",
}
"""The options that stand for keys of the configuration's section ``data``."""

_SEPARATORS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}


def convert(
    source: Annotated[str, typer.Argument(metavar="IN", help="What to read.", show_default=False)],
    output: Annotated[str, typer.Argument(metavar="OUT", help="What to write.", show_default=False)],
    from_format: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="Format of IN.", show_default="found")
    ] = None,
    to_format: Annotated[
        str | None, typer.Option("--to", metavar="FORMAT", help="Format of OUT.", show_default="by its ending")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="ner, chunking, pos, protein_ss3 or protein_ss8.", show_default="found"),
    ] = None,
    scheme: Annotated[
        str, typer.Option(help="Scheme of the tags of spans in OUT: IOB2, IOB1, BIOES, BILOU, BMES or IO.")
    ] = "IOB2",
    from_scheme: Annotated[
        str, typer.Option(help="Scheme of the tags in IN, where it is not found by itself.")
    ] = "auto",
    layout: Annotated[
        str, typer.Option(help="Of JSON in OUT: tokens, spacy, prodigy, doccano, label-studio or hf.")
    ] = "tokens",
    separator: Annotated[
        str | None,
        typer.Option(help="Of columns in OUT: tab, space, comma or a character.", show_default="the format's"),
    ] = None,
    from_separator: Annotated[str | None, typer.Option(help="Of columns in IN.", show_default="found")] = None,
    token_column: TokenColumn = None,
    tag_column: TagColumn = None,
    split: Annotated[str, typer.Option(help="train, dev or test, where IN holds several.")] = "train",
    labels: Labels = None,
    mask: Mask = None,
    align: AlignPolicy = None,
    overlap: OverlapPolicy = None,
    tokenizer: Tokenizer = None,
    comments: Annotated[bool, typer.Option("--comments", help="Keep ids in conll as '# sent_id = ...' lines.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Mend the data, and list each change.")] = False,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write losses and all changes to a JSON file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace OUT if it is there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """Reads the source twice, once to know it and once to write it."""
    from bilstm_tagger.data.alignment import check_policies
    from bilstm_tagger.data.conversion.convert import convert_rows
    from bilstm_tagger.data.guess import guess_task
    from bilstm_tagger.data.readers.running_text import check_tokenizer
    from bilstm_tagger.data.records import ReadOptions
    from bilstm_tagger.data.repairs.changes import ChangeLog
    from bilstm_tagger.data.tags import parse_scheme
    from bilstm_tagger.data.writers.base import WriteOptions
    from bilstm_tagger.data.writers.formats import find_row_format
    from bilstm_tagger.data.writers.json import LAYOUTS
    from bilstm_tagger.schemes import Scheme
    from bilstm_tagger.tasks import get_task

    path = None if output == "-" else Path(output)
    row_format = find_row_format(path, to_format)
    found_scheme = parse_scheme(from_scheme)
    written_scheme = parse_scheme("IOB2" if scheme == "auto" else scheme)
    if layout not in LAYOUTS:
        raise ConfigError("unknown layout", received=layout, accepted=LAYOUTS, hint=suggest(layout, LAYOUTS))
    align, overlap, tokenizer = align or "expand", overlap or "outermost", tokenizer or "auto"
    check_policies(align, overlap)
    check_tokenizer(tokenizer)
    read = ReadOptions(
        task=get_task(task or "ner"),
        split=split,
        token_column=column(token_column),
        tag_column=column(tag_column),
        separator=_separator(from_separator),
        labels=labels,
        mask=mask,
        tokenizer=tokenizer,
        align=cast("Align", align),
        overlap=cast("Overlap", overlap),
    )
    write = WriteOptions(
        task=read.task,
        scheme=written_scheme or Scheme.IOB2,
        separator=_separator(separator),
        comments=comments,
        layout=layout,
    )
    log = ChangeLog(None if json_file is not None else _SHOWN) if repair else None
    with _input(source) as (name, shown), _naming_options():
        if task is None:
            read = replace(read, task=guess_task(name, read, format=from_format or "auto"))
            write = replace(write, task=read.task)
        result = convert_rows(
            name,
            path,
            row_format,
            read=read,
            write=write,
            format=from_format or "auto",
            found_scheme=found_scheme,
            repair=log,
            shown=shown,
            force=force,
        )
    if json_file is not None:
        with replacing(Path(json_file)) as file:
            json.dump(result.to_dict(), file, ensure_ascii=False, indent=2)
            file.write("\n")
    if not quiet:
        _tell(result)


@contextmanager
def _naming_options() -> Iterator[None]:
    """Names the options of this command where messages of the readers name configuration keys."""
    try:
        yield
    except DataError as error:
        message = re.sub(r"\bdata\.(\w+)", lambda key: _OPTIONS.get(key[1], key[0]), str(error))
        raise DataError(message.removesuffix("."), line=error.line) from None


def _separator(name: str | None) -> str | None:
    """Returns the character that a separator's name means.

    Raises:
        ConfigError: It is several characters.
    """
    character = None if name is None else _SEPARATORS.get(name, name)
    if character is not None and (len(character) != 1 or character in "\r\n"):
        raise ConfigError("a separator is one character", received=name, accepted=[*_SEPARATORS, "a character"])
    return character


@contextmanager
def _input(source: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Gives the name of the source, and what to show instead; standard input becomes a file, to be read twice."""
    if source != "-":
        yield source, {}
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "stdin")
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield str(copy), {str(copy): "standard input"}


def _tell(result: Conversion) -> None:
    """Says on standard error what was done, mended and lost."""
    for note in result.notes:
        typer.echo(f"warning: {note}", err=True)
    for change in result.changes[:_SHOWN]:
        typer.echo(f"changed: {change}", err=True)
    if result.repairs > _SHOWN:
        typer.echo(f"changed: {result.repairs - _SHOWN:,} more; --json FILE lists them all", err=True)
    for what, count in result.losses.counts.items():
        rows = "1 row" if count == 1 else f"{count:,} rows"
        typer.echo(f"lost: {what}: {rows}, first at {result.losses.first[what]}", err=True)
    rows = "1 sequence" if result.rows == 1 else f"{result.rows:,} sequences"
    where = f" to {', '.join(result.files)}" if result.files else ""
    scheme = "" if result.found_scheme is None else f", tags read as {result.found_scheme}"
    repairs = f", {result.repairs:,} changes" if result.repairs else ""
    typer.echo(
        f"Wrote {rows}, {result.tokens:,} tokens{where} ({result.format} for {result.task}{scheme}{repairs})", err=True
    )
