"""Records of named fields that hold their tokens and tags as lists: JSON objects and rows of tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bilstm_tagger.data.alignment import CharSpan, Misfit, choose_spans
from bilstm_tagger.data.readers.fields import ID_FIELDS, MASK_FIELDS, find_field, match_field, tag_fields, token_fields
from bilstm_tagger.data.readers.label_names import NAME_FIELDS, LabelNames
from bilstm_tagger.data.readers.layouts import KNOWN_LAYOUTS, holds_spans, read_spans
from bilstm_tagger.data.records import UNKNOWN_TOKEN, ReadOptions, Record
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import Scheme, spans_to_tags

__all__ = ["has_tokens", "record_from_fields"]

_USED = ("text", "offsets", "dense", "document", *NAME_FIELDS)
_LARGEST = 3e38
_SPANS_OF_TOKENS = ("entities", "spans", "ner")


def has_tokens(value: Mapping[str, Any], options: ReadOptions) -> bool:
    """Says whether a record holds tokens with tags, or spans over tokens, rather than a text with marked characters."""
    field = match_field(list(value), options.token_column, token_fields(options))
    if field is None or not isinstance(value[field], list) or any(isinstance(token, dict) for token in value[field]):
        return False
    tag = match_field(list(value), options.tag_column, _tag_names(options))
    return not isinstance(value.get("text"), str) or tag is None or not holds_spans(value[tag])


def record_from_fields(
    value: Mapping[str, Any], options: ReadOptions, *, names: LabelNames, path: str, line: int, count: int
) -> Record:
    """Makes a record of named fields with tokens and tags.

    Raises:
        DataError: A field is missing, of another type, or of another length.
    """
    present = list(value)
    where: dict[str, Any] = {"path": path, "line": line}
    name = match_field(present, options.token_column, token_fields(options))
    if name is None:
        raise _unknown_layout(present, options.token_column, "token_column", where)
    tokens = _strings(value[name], f"field '{name}'", options, where)
    if None in tokens:
        raise DataError("a token is null", **where, received=tokens, accepted="strings")
    used: tuple[str | None, ...] = (name,)
    tags: list[str | None] = [None] * len(tokens)
    if options.require_tags:
        name = match_field(present, options.tag_column, _tag_names(options))
        if name is None:
            raise _unknown_layout(present, options.tag_column, "tag_column", where)
        tags = _tags(value[name], name, len(tokens), options, names, where)
        mask = find_field(present, options.mask, MASK_FIELDS, key="mask", required=False, **where)
        if mask is not None and value[mask] is not None and options.task.kind == "residues":
            tags = _masked(tags, value[mask], where)
        used = (*used, name, mask)
    identifier = find_field(present, None, ID_FIELDS, key="id", required=False, **where)
    words: list[str] = []
    for token in tokens:
        if not token or token.isspace():
            options.notes.add("empty tokens, read as U+FFFD", f"{path}:{line}")
        words.append(token if token and not token.isspace() else UNKNOWN_TOKEN)
    used = (*used, identifier, *_USED)
    options.notes.unread |= {f"field {field}": f"{path}:{line}" for field in present if field not in used}
    document = value.get("document")
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
        document=str(document) if isinstance(document, (str, int)) else None,
    )


def _tag_names(options: ReadOptions) -> tuple[str, ...]:
    usual = tag_fields(options)
    return (*usual, "spans") if options.task.kind == "spans" else usual


def _tags(
    value: Any, name: str, length: int, options: ReadOptions, names: LabelNames, where: dict[str, Any]
) -> list[str | None]:
    """Reads tags as strings, as numbers with names, or as spans over the tokens."""
    if options.task.kind == "spans" and (holds_spans(value) or (value == [] and name in _SPANS_OF_TOKENS)):
        # GLiNER's lists, under this name, end with the last token itself.
        return _span_tags(read_spans(value, names, where), length, name == "ner", options, where)
    if isinstance(value, list) and any(_is_number(tag) for tag in value):
        value = [names.name(tag, where) if _is_number(tag) else tag for tag in value]
    tags = _strings(value, f"field '{name}'", options, where)
    _same_length(len(tags), length, "tags", where)
    return tags


def _is_number(tag: Any) -> bool:
    return isinstance(tag, int) and not isinstance(tag, bool)


def _span_tags(
    spans: Iterable[CharSpan], length: int, inclusive: bool, options: ReadOptions, where: dict[str, Any]
) -> list[str | None]:
    """Writes spans over tokens as tags."""
    found = [(span.label, span.start, span.end + inclusive) for span in spans]
    for span in found:
        if not 0 <= span[1] < span[2] <= length:
            raise DataError("a span lies outside the tokens", **where, received=span, accepted=f"0 to {length}")
    kept, lost = choose_spans(found, options.overlap)
    options.misfits.spans += len(found)
    for index, problem in lost:
        label, start, end = found[index]
        misfit = Misfit(where["path"], where["line"], "", "", start, end, label, problem, "left out")
        options.misfits.add(misfit, "left out")
    return list(spans_to_tags((found[index] for index in kept), length, Scheme.IOB2))


def _unknown_layout(present: list[str], asked: str | int | None, key: str, where: dict[str, Any]) -> DataError:
    return DataError(
        f"there is no field for data.{key}" if asked is not None else f"no layout that is known (no data.{key})",
        **where,
        received=present,
        accepted=" | ".join(KNOWN_LAYOUTS) if asked is None else str(asked),
        hint=f"Set data.{key} to the name of the right field",
    )


def _strings(value: Any, what: str, options: ReadOptions, where: dict[str, Any]) -> list[str | None]:
    """Checks a list of strings and nulls; for proteins a string is its letters."""
    if isinstance(value, str) and options.task.kind == "residues":
        return list(value)
    if not isinstance(value, list) or not all(item is None or isinstance(item, str) for item in value):
        raise DataError(
            f"{what} is not a list of strings",
            **where,
            received=value,
            accepted='["a", "b"], with null for an unknown tag',
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
    except (TypeError, ValueError, OverflowError):
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
    # Not NaN, and nothing that single precision cannot hold.
    if not all(isinstance(number, (int, float)) and abs(number) < _LARGEST for row in rows for number in row):
        raise DataError("dense holds something other than numbers", **where, received=value, accepted="numbers")
    _same_length(len(rows), length, "rows of dense", where)
    return rows
