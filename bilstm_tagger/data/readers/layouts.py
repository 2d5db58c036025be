"""The ways in which annotation tools write text with spans, found by what a record holds.

============  ====================================================================================================
spaCy         ``["text", {"entities": [[start, end, "LABEL"]]}]``; ``{"text", "ents": [{"start", "end", "label"}]}``
Prodigy       ``{"text", "tokens": [{"text", "start", "end"}], "spans": [{"start", "end", "label"}], "answer"}``
doccano       ``{"text", "label": [[start, end, "LABEL"]]}``; ``{"text", "entities": [{"start_offset", "end_offset",
              "label"}]}``
Label Studio  ``{"data": {"text"}, "annotations": [{"result": [{"value": {"start", "end", "labels"}}]}]}``
others        ``entities`` with ``span`` or ``offsets`` and ``type``; the same names with lists instead of objects
============  ====================================================================================================

Spans over tokens (``{"tokens", "entities": [{"start", "end", "type"}]}``, end exclusive, as SpERT writes them, and
``{"tokenized_text", "ner": [[first, last, "LABEL"]]}``, last inclusive, as GLiNER does) are read too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bilstm_tagger.data.alignment import CharSpan
from bilstm_tagger.data.readers.label_names import LabelNames
from bilstm_tagger.data.readers.running_text import MarkedText
from bilstm_tagger.data.records import ReadOptions
from bilstm_tagger.errors import DataError

__all__ = ["KNOWN_LAYOUTS", "SPAN_FIELDS", "TEXT_FIELDS", "find_marked_text", "holds_spans", "read_spans"]

KNOWN_LAYOUTS = (
    '{"tokens": [...], "tags": [...]}',
    '{"text": "...", "entities": [[start, end, "LABEL"], ...]} (also spans, ents, label, labels; objects with start, '
    "end, label)",
    '["text", {"entities": [[start, end, "LABEL"], ...]}] (spaCy)',
    '{"data": {"text": "..."}, "annotations": [{"result": [...]}]} (Label Studio)',
)
TEXT_FIELDS = ("text", "sentence", "content", "raw_text")
SPAN_FIELDS = ("entities", "ents", "spans", "label", "labels", "annotations", "ner", "tags")

_STARTS = ("start", "start_offset", "startOffset", "start_char", "begin", "from")
_ENDS = ("end", "end_offset", "endOffset", "end_char", "stop", "to")
_PAIRS = ("span", "offsets", "offset", "points", "indices")
_LABELS = ("label", "labels", "type", "tag", "entity", "entity_type", "entity_group", "class", "category")
_TEXTS = ("text", "name", "word", "surface", "mention")

Where = dict[str, Any]


def find_marked_text(value: Any, options: ReadOptions, names: LabelNames, where: Where) -> MarkedText | None:
    """Reads a record of text with spans, in whichever layout it has.

    Args:
        value: The record.
        options: ``token_column`` and ``tag_column`` may name the fields of the text and of the spans.
        names: What numbers stand for.
        where: Path and line, for messages.

    Returns:
        The text, or None when the record has none of these layouts.

    Raises:
        DataError: It has one, but a span in it cannot be read.
    """
    if isinstance(value, list):
        if not 1 <= len(value) <= 2 or not isinstance(value[0], str):
            return None
        marks = value[1] if len(value) == 2 else []
        marks = marks.get("entities", marks.get("spans")) if isinstance(marks, dict) else marks
        return MarkedText(value[0], list(read_spans(marks, names, where)))
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("data"), dict) and any(name in value for name in ("annotations", "completions")):
        return _label_studio(value, names, where)
    text = _text_of(value, options)
    if text is None:
        return None
    name, document = _names_of(value)
    field = _span_field(value, options)
    if field is None:
        return None if options.require_tags else MarkedText(text, None, id=name, document=document)
    marks = value[field]
    # Not annotated, or not accepted by the annotator: nothing is known about it.
    known = marks is not None and value.get("answer", "accept") == "accept"
    spans = list(read_spans(marks, names, where)) if known else None
    tokens = _given_tokens(value.get("tokens"), text, where)
    return MarkedText(text, spans, tokens, id=name, document=document)


def holds_spans(value: Any) -> bool:
    """Says whether a field holds spans, in lists or objects, rather than one tag a token."""
    if isinstance(value, dict):
        return True
    return isinstance(value, list) and any(isinstance(mark, (list, dict)) for mark in value)


def read_spans(marks: Any, names: LabelNames, where: Where) -> Iterator[CharSpan]:
    """Yields the spans of a list of lists or of objects, or of an object of lists.

    Raises:
        DataError: One of them is no span.
    """
    if marks is None:
        return
    if isinstance(marks, dict):
        marks = _rows_of(marks, where)
    if not isinstance(marks, list):
        raise _no_span(marks, where)
    for mark in marks:
        yield from _read_span(mark, names, where)


def _read_span(mark: Any, names: LabelNames, where: Where) -> Iterator[CharSpan]:
    text: Any = None
    pieces: Any
    if isinstance(mark, list) and len(mark) >= 3:
        start, end, label = (mark[1], mark[2], mark[0]) if isinstance(mark[0], str) else mark[:3]
        pieces = [[start, end]]
    elif isinstance(mark, dict):
        pieces = _first(mark, _PAIRS)
        if pieces is None:
            pieces = [[_first(mark, _STARTS), _first(mark, _ENDS)]]
        elif isinstance(pieces, list) and len(pieces) == 2 and not isinstance(pieces[0], list):
            pieces = [pieces]
        label = _first(mark, _LABELS)
        text = _first(mark, _TEXTS)
    else:
        raise _no_span(mark, where)
    places = _places(pieces)
    if places is None:
        raise _no_span(mark, where)
    start, end = places[0][0], places[-1][1]
    for name in _label_names(label, names, where, mark):
        # Pieces that touch are one.
        apart = any(left[1] != right[0] for left, right in itertools.pairwise(places))
        claimed = text if isinstance(text, str) and not apart else None
        yield CharSpan(start, end, name, claimed, places if apart else ())


def _places(pieces: Any) -> tuple[tuple[int, int], ...] | None:
    """Returns pairs of offsets in their order, or None when they are something else."""
    if not isinstance(pieces, list) or not pieces:
        return None
    found: list[tuple[int, int]] = []
    for piece in pieces:
        if not isinstance(piece, list) or len(piece) != 2:
            return None
        if not all(isinstance(offset, int) and not isinstance(offset, bool) for offset in piece):
            return None
        found.append((piece[0], piece[1]))
    return tuple(sorted(found))


def _label_names(label: Any, names: LabelNames, where: Where, mark: Any) -> list[str]:
    """Returns the labels of a span; several stand in Label Studio's lists."""
    labels = label if isinstance(label, list) else [label]
    if not labels:
        raise _no_span(mark, where)
    found = []
    for item in labels:
        if isinstance(item, int) and not isinstance(item, bool):
            item = names.name(item, where)
        if not isinstance(item, str) or not item.strip():
            raise _no_span(mark, where)
        found.append(item.strip())
    return found


def _label_studio(task: Mapping[str, Any], names: LabelNames, where: Where) -> MarkedText:
    """Reads one task of a Label Studio export; of several annotations the first that was not cancelled counts."""
    annotations = task.get("annotations", task.get("completions"))
    annotations = annotations if isinstance(annotations, list) else []
    done = [item for item in annotations if isinstance(item, dict) and not item.get("was_cancelled")]
    results = done[0].get("result") if done else None
    spans: list[CharSpan] | None = None
    fields: set[str] = set()
    if isinstance(results, list):
        spans = []
        for result in results:
            value = result.get("value") if isinstance(result, dict) else None
            if not isinstance(value, dict) or "start" not in value:
                continue  # a choice or a rating of the whole text
            fields.add(str(result.get("to_name")))
            labels = next((value[key] for key in value if key.endswith("labels")), None)
            offsets = value.get("globalOffsets", value)
            spans += read_spans([{**offsets, "label": labels, "text": value.get("text")}], names, where)
    data = task["data"]
    strings = [key for key, item in data.items() if isinstance(item, str)]
    field = next((key for key in ("text", *sorted(fields), *TEXT_FIELDS) if key in strings), None)
    if field is None and len(strings) == 1:
        field = strings[0]
    if field is None:
        raise DataError(
            "a Label Studio task whose text cannot be found",
            **where,
            received=data,
            accepted='{"data": {"text": "..."}}',
        )
    name, document = _names_of(task)
    return MarkedText(data[field], spans, id=name, document=document)


def _text_of(value: Mapping[str, Any], options: ReadOptions) -> str | None:
    named = [options.token_column] if isinstance(options.token_column, str) else []
    text = next((value[name] for name in (*named, *TEXT_FIELDS) if isinstance(value.get(name), str)), None)
    return text if isinstance(text, str) else None


def _span_field(value: Mapping[str, Any], options: ReadOptions) -> str | None:
    named = (options.tag_column,) if isinstance(options.tag_column, str) else SPAN_FIELDS
    for name in named:
        marks = value.get(name, "")
        if marks is None or marks == [] or holds_spans(marks):
            return name
    return None


def _names_of(value: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Returns the names of a record and of its document, where it has them."""
    found = (
        next((value[key] for key in keys if isinstance(value.get(key), (str, int))), None)
        for keys in (("id", "sent_id", "name", "curid"), ("document", "doc_id"))
    )
    name, document = (None if item is None else str(item) for item in found)
    return name, document


def _given_tokens(tokens: Any, text: str, where: Where) -> list[tuple[int, int]] | None:
    """Returns the offsets of the tokens that a record brings: objects as Prodigy writes them, or strings."""
    if not isinstance(tokens, list) or not tokens:
        return None
    if all(isinstance(token, str) for token in tokens):
        return _find_tokens(tokens, text)
    if not all(isinstance(token, dict) for token in tokens):
        return None
    offsets: list[tuple[int, int]] = []
    before = 0
    for token in tokens:
        start, end = token.get("start"), token.get("end")
        if not isinstance(start, int) or not isinstance(end, int) or not before <= start <= end <= len(text):
            raise DataError(
                "a token does not lie in the text after the one before it",
                **where,
                received=token,
                accepted='{"text": "...", "start": 0, "end": 5}',
            )
        before = end
        if text[start:end].strip():
            offsets.append((start, end))
    return offsets


def _find_tokens(tokens: Sequence[str], text: str) -> list[tuple[int, int]] | None:
    """Finds tokens in their text one after the other, or returns None where they do not follow one another in it."""
    offsets: list[tuple[int, int]] = []
    end = 0
    for token in filter(str.strip, tokens):
        start = text.find(token, end)
        if start < 0 or text[end:start].strip():
            return None
        end = start + len(token)
        offsets.append((start, end))
    return None if text[end:].strip() else offsets


def _rows_of(columns: Mapping[str, Any], where: Where) -> list[dict[str, Any]]:
    """Turns an object of lists, which is how ``datasets`` may give a list of objects, into a list of objects."""
    lists = {name: column for name, column in columns.items() if isinstance(column, list)}
    if not lists or len({len(column) for column in lists.values()}) != 1:
        raise _no_span(columns, where)
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _first(mark: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((mark[key] for key in keys if mark.get(key) is not None), None)


def _no_span(mark: Any, where: Where) -> DataError:
    return DataError(
        "this is no span",
        **where,
        received=mark,
        accepted='[start, end, "LABEL"], or {"start": 0, "end": 5, "label": "LABEL"}, offsets counting characters',
    )
