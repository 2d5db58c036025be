"""Reader of JSON lines: one object a sequence, with tokens and tags; also one JSON array of such objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bilstm_tagger.data.fields import ID_FIELDS, MASK_FIELDS, find_field, tag_fields, token_fields
from bilstm_tagger.data.files import read_lines, read_text
from bilstm_tagger.data.records import UNKNOWN_TOKEN, ReadOptions, Record
from bilstm_tagger.errors import DataError

__all__ = ["read_jsonl", "record_from_fields"]


def read_jsonl(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads ``{"tokens": [...], "tags": [...]}`` a line; ``id``, ``text`` with ``offsets``, and ``dense`` if present.

    Other common names of the fields are understood (``words``, ``ner_tags``, ``labels``, ``sequence``, ``ss3`` ...),
    and for proteins strings instead of lists. A tag of null is unknown.

    Raises:
        DataError: A line is no JSON object, lacks a field, or its lists are of different lengths.
    """
    for count, (line, value) in enumerate(_objects(path), start=1):
        if not isinstance(value, dict):
            raise DataError(
                "not a JSON object", path=path, line=line, received=value, accepted='{"tokens": [...], ...}'
            )
        yield record_from_fields(value, options, path=str(path), line=line, count=count)


def _objects(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        if line.lstrip().startswith("["):
            yield from _array(path)
            return
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(
                f"not valid JSON at column {error.colno} ({error.msg})", path=path, line=number, received=line.strip()
            ) from None


def _array(path: Path) -> Iterator[tuple[int, Any]]:
    """Reads a file that is one array; the line of each object is that of the whole array's."""
    try:
        values = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"not valid JSON at column {error.colno} ({error.msg})", path=path, line=error.lineno) from None
    yield from ((1, value) for value in values)


def record_from_fields(value: Mapping[str, Any], options: ReadOptions, *, path: str, line: int, count: int) -> Record:
    """Makes a record of named fields; also for rows of hub data sets.

    Raises:
        DataError: A field is missing, of another type, or of another length.
    """
    present = list(value)
    where: dict[str, Any] = {"path": path, "line": line}
    name = find_field(present, options.token_column, token_fields(options), key="token_column", **where)
    tokens = _strings(value[name or ""], f"field '{name}'", options, where)
    if None in tokens:
        raise DataError("a token is null", **where, received=tokens, accepted="strings")
    tags: list[str | None] = [None] * len(tokens)
    if options.require_tags:
        name = find_field(present, options.tag_column, tag_fields(options), key="tag_column", **where)
        tags = _strings(value[name or ""], f"field '{name}'", options, where)
        _same_length(len(tags), len(tokens), "tags", where)
        mask = find_field(present, options.mask, MASK_FIELDS, key="mask", required=False, **where)
        if mask is not None and value[mask] is not None and options.task.kind == "residues":
            tags = _masked(tags, value[mask], where)
    identifier = find_field(present, None, ID_FIELDS, key="id", required=False, **where)
    words = []
    for token in tokens:
        if not token or token.isspace():
            options.notes.add("empty tokens, read as U+FFFD", f"{path}:{line}")
        words.append(token if token and not token.isspace() else UNKNOWN_TOKEN)
    text, offsets = _text(value, len(words), where)
    return Record(
        str(count) if identifier is None or value[identifier] is None else str(value[identifier]),
        words,
        tags,
        path,
        line,
        text=text,
        offsets=offsets,
        dense=_dense(value.get("dense"), len(words), where),
    )


def _strings(value: Any, what: str, options: ReadOptions, where: dict[str, Any]) -> list[str | None]:
    """Checks a list of strings and nulls; for proteins a string is its letters."""
    if isinstance(value, str) and options.task.kind == "residues":
        return list(value)
    if not isinstance(value, list) or not all(item is None or isinstance(item, str) for item in value):
        numbers = isinstance(value, list) and any(isinstance(item, int) for item in value)
        raise DataError(
            f"{what} is not a list of strings",
            **where,
            received=value,
            accepted='["a", "b"], with null for an unknown tag',
            hint="Numbers cannot be read without the names they stand for" if numbers else None,
        )
    return value


def _same_length(length: int, tokens: int, what: str, where: dict[str, Any]) -> None:
    if length != tokens:
        raise DataError(f"{length} {what} for {tokens} tokens", **where, accepted="one for each token")


def _masked(tags: list[str | None], mask: Any, where: dict[str, Any]) -> list[str | None]:
    flags = [str(flag).lower() in ("1", "1.0", "true") for flag in mask]
    _same_length(len(flags), len(tags), "mask values", where)
    return [tag if flag else None for tag, flag in zip(tags, flags, strict=True)]


def _text(
    value: Mapping[str, Any], length: int, where: dict[str, Any]
) -> tuple[str | None, list[tuple[int, int]] | None]:
    text, offsets = value.get("text"), value.get("offsets")
    if not isinstance(text, str) or offsets is None:
        return None, None
    try:
        pairs = [(int(start), int(end)) for start, end in offsets]
    except (TypeError, ValueError):
        raise DataError(
            "offsets are no pairs of numbers", **where, received=offsets, accepted="[[0, 5], ...]"
        ) from None
    _same_length(len(pairs), length, "offsets", where)
    if any(not 0 <= start <= end <= len(text) for start, end in pairs):
        raise DataError("an offset lies outside the text", **where, received=offsets, accepted=f"0 to {len(text)}")
    return text, pairs


def _dense(value: Any, length: int, where: dict[str, Any]) -> list[list[float]] | None:
    if value is None:
        return None
    rows = value if isinstance(value, list) else []
    if (not rows and length) or not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
        raise DataError("dense is no list of rows of one width", **where, accepted="[[0.1, 0.2], ...]", received=value)
    if not all(isinstance(number, (int, float)) for row in rows for number in row):
        raise DataError("dense holds something other than numbers", **where, received=value, accepted="numbers")
    _same_length(len(rows), length, "rows of dense", where)
    return rows
