"""Reader of CoNLL-U, the format of Universal Dependencies (https://universaldependencies.org/format.html)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bilstm_tagger.data.files import read_lines
from bilstm_tagger.data.records import UNKNOWN_TOKEN, ReadOptions, Record, as_column_number
from bilstm_tagger.errors import DataError, suggest
from bilstm_tagger.schemes import OUTSIDE

__all__ = ["COLUMNS", "read_conllu"]

COLUMNS = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")

_PROBED_SENTENCES = 100
_COMMENT = re.compile(r"#\s*(sent_id|text|global\.columns)\s*=\s*(.*)")
_NEW_DOCUMENT = re.compile(r"#\s*newdoc\b(?:\s+id)?\s*=?\s*(.*?)\s*$")
_WORD = re.compile(r"\d+")
_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})")
_EMPTY_NODE = re.compile(r"\d+\.\d+")


def read_conllu(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads the syntactic words of each sentence with one column as tags: UPOS for ``pos``, or any that is asked for.

    Lines of multi-word tokens (``1-2``) and empty nodes (``8.1``) are no words. ``# sent_id`` gives the id. The text
    and the offsets come from ``# text`` where the words are found in it one after the other, otherwise the words are
    joined as ``SpaceAfter`` says. The words of a multi-word token that do not spell it share its offsets. The tag
    ``_`` is unknown. ``MISC:NE`` takes the tags from a key of a column of ``KEY=VALUE`` pairs; a word without the key
    is ``O`` for tasks of spans, otherwise unknown. ``# newdoc`` begins a document.

    Raises:
        DataError: A line has another number of columns or a wrong index; the column asked for does not exist.
    """
    columns: Sequence[str] = COLUMNS
    chosen: _Columns | None = None
    document: str | None = None
    documents = 0
    comments: dict[str, str] = {}
    rows: list[tuple[int, list[str]]] = []
    count = 0
    for number, line in enumerate(read_lines(path), start=1):
        line = line.rstrip("\r\n")
        if not line or line.isspace():
            if rows and chosen is not None:
                count += 1
                yield _sentence(rows, comments, chosen, str(path), count, options)._replace(document=document)
            rows, comments = [], {}
            continue
        if line.startswith("#") and not rows:
            if match := _NEW_DOCUMENT.match(line):
                documents += 1
                document = match[1] or str(documents)
            elif match := _COMMENT.match(line):
                comments[match[1]] = match[2].strip()
                columns = match[2].split() if match[1] == "global.columns" else columns
            continue
        fields = line.split("\t")
        if len(fields) != len(columns):
            raise DataError(
                f"wrong number of columns: {len(fields)} instead of {len(columns)}, separated by TABs",
                path=path,
                line=number,
                received=line,
                accepted=" ".join(columns),
            )
        if chosen is None:
            chosen = _find_columns(columns, path, options)
        rows.append((number, fields))
    if rows and chosen is not None:
        yield _sentence(rows, comments, chosen, str(path), count + 1, options)._replace(document=document)


class _Columns(NamedTuple):
    """Where the parts of a word stand; ``key`` finds the tag among pairs, ``missing`` stands for its absence."""

    names: Sequence[str]
    token: int
    tag: int
    key: str | None
    missing: str | None
    misc: int | None

    def tag_of(self, fields: Sequence[str]) -> str | None:
        value = fields[self.tag]
        if self.key is None:
            return value
        pairs = (pair.partition("=") for pair in value.split("|"))
        return next((tag for key, _, tag in pairs if key == self.key), self.missing)


def _find_columns(columns: Sequence[str], path: Path, options: ReadOptions) -> _Columns:
    token = "FORM" if options.token_column is None else options.token_column
    tag = options.tag_column
    if tag is None:
        # CoNLL-U Plus may have a column of the task's name.
        tag = next((name for name in columns if name.upper() == options.task.name.upper()), options.task.tag_column)
        if options.require_tags and isinstance(tag, int):
            raise DataError(
                f"CoNLL-U has no column for the task '{options.task.name}' of its own",
                path=path,
                accepted=[*columns, "MISC:KEY"],
                hint="Set data.tag_column to the column that holds the tags",
            )
    key = None
    if isinstance(tag, str):
        tag, _, key = tag.partition(":")
    return _Columns(
        columns,
        _column(token, columns, "token_column", path),
        _column(tag, columns, "tag_column", path),
        key or None,
        OUTSIDE if options.task.kind == "spans" else None,
        columns.index("MISC") if "MISC" in columns else None,
    )


def _column(column: str | int, columns: Sequence[str], key: str, path: Path) -> int:
    number = as_column_number(column)
    if number is not None and -len(columns) <= number < len(columns):
        return number % len(columns)
    names = [name.upper() for name in columns]
    if isinstance(column, str) and column.upper() in names:
        return names.index(column.upper())
    raise DataError(
        f"there is no such column as data.{key} asks for",
        path=path,
        received=column,
        accepted=columns,
        hint=suggest(str(column).upper(), names),
    )


def _sentence(
    rows: list[tuple[int, list[str]]],
    comments: dict[str, str],
    chosen: _Columns,
    path: str,
    count: int,
    options: ReadOptions,
) -> Record:
    if count <= _PROBED_SENTENCES:
        _note_unread(rows, chosen, path, options)
    tokens: list[str] = []
    tags: list[str | None] = []
    lines: list[int] = []
    no_space: list[bool] = []
    groups: list[tuple[int, int, str, bool]] = []
    for number, fields in rows:
        glued = chosen.misc is not None and "SpaceAfter=No" in fields[chosen.misc].split("|")
        if _WORD.fullmatch(fields[0]):
            token = fields[chosen.token]
            if not token or token.isspace():
                options.notes.add("empty tokens, read as U+FFFD", f"{path}:{number}")
                token = UNKNOWN_TOKEN
            tag = chosen.tag_of(fields)
            tokens.append(token)
            tags.append(tag if options.require_tags and tag != "_" else None)
            lines.append(number)
            no_space.append(glued)
        elif match := _RANGE.fullmatch(fields[0]):
            groups.append((len(tokens), int(match[2]) - int(match[1]) + 1, fields[chosen.token], glued))
        elif not _EMPTY_NODE.fullmatch(fields[0]):
            raise DataError(
                "wrong index", path=path, line=number, received=fields[0], accepted="3, 3-4 (multi-word), 3.1 (empty)"
            )
    if not tokens:
        raise DataError("a sentence without words", path=path, line=rows[0][0])
    units = _surface(tokens, no_space, groups)
    text, offsets = _align(units, comments.get("text"))
    return Record(comments.get("sent_id") or str(count), tokens, tags, path, lines[0], lines, text, offsets)


def _note_unread(rows: list[tuple[int, list[str]]], chosen: _Columns, path: str, options: ReadOptions) -> None:
    """Notes the columns that are not read and hold something."""
    for number, fields in rows:
        for column, value in enumerate(fields):
            if column not in (0, chosen.token, chosen.tag) and value not in ("_", "SpaceAfter=No"):
                options.notes.unread.setdefault(f"column {chosen.names[column]}", f"{path}:{number}")


def _surface(
    tokens: list[str], no_space: list[bool], groups: list[tuple[int, int, str, bool]]
) -> list[tuple[str, list[str], bool]]:
    """Returns what stands in the text: ``(form, words, glued to the next)``, a multi-word token as one form."""
    starts = {start: (size, form, glued) for start, size, form, glued in groups if size > 0}
    units = []
    position = 0
    while position < len(tokens):
        size, form, glued = starts.get(position, (1, tokens[position], no_space[position]))
        units.append((form, tokens[position : position + size], glued))
        position += size
    return units


def _align(units: list[tuple[str, list[str], bool]], text: str | None) -> tuple[str, list[tuple[int, int]]]:
    """Finds the forms in the text, or makes a text of them."""
    if text is not None:
        starts = _find_forms([form for form, _, _ in units], text)
    if text is None or starts is None:
        text, starts = "", []
        for form, _, glued in units:
            starts.append(len(text))
            text += form if glued else f"{form} "
        # Only the blank after the last form: that form may end with one of its own.
        text = text if units[-1][2] else text[:-1]
    offsets: list[tuple[int, int]] = []
    for (form, words, _), start in zip(units, starts, strict=True):
        spelled = "".join(words) == form
        position = start
        for word in words:
            offsets.append((position, position + len(word)) if spelled else (start, start + len(form)))
            position += len(word)
    return text, offsets


def _find_forms(forms: list[str], text: str) -> list[int] | None:
    """Returns where each form starts in the text, or None when they do not follow one another in it."""
    starts = []
    position = 0
    for form in forms:
        while position < len(text) and text[position].isspace() and not text.startswith(form, position):
            position += 1
        if not text.startswith(form, position):
            return None
        starts.append(position)
        position += len(form)
    return starts
