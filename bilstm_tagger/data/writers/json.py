"""Rows as JSON: our own layout, which holds everything, and those of annotation tools, which hold text and spans.

============  =====================================================================================================
tokens        ``{"id", "document", "tokens", "tags", "text", "offsets", "dense"}``, those that a row has
spacy         ``{"text", "ents": [{"start", "end", "label"}], "tokens": [{"id", "start", "end"}]}``, ``Doc.to_json``
prodigy       ``{"text", "tokens": [{"text", "start", "end", "id", "ws"}], "spans": [{"start", "end", "token_start",
              "token_end", "label"}], "answer": "accept"}``
doccano       ``{"text", "label": [[start, end, "LABEL"]]}``
label-studio  ``{"data": {"text"}, "annotations": [{"result": [{"value": {"start", "end", "text", "labels"}, ...}]}]}``
hf            ``{"text", "entities": [{"entity_group", "word", "start", "end"}]}``, as a transformers pipeline has them
============  =====================================================================================================

Offsets count characters (code points). Each object has the row's ``id``, and its ``document`` where it has one. Spans
of a row that nobody has annotated (all its tags are unknown) are null.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TextIO

from bilstm_tagger.data.readers.running_text import split_text
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.data.writers.base import WriteOptions, in_scheme
from bilstm_tagger.data.writers.predictions import json_line
from bilstm_tagger.errors import ConfigError, DataError
from bilstm_tagger.schemes import tags_to_spans

__all__ = ["LAYOUTS", "Marked", "mark_text", "write_json", "write_jsonl"]


def write_jsonl(records: Iterable[Record], stream: TextIO, options: WriteOptions) -> None:
    """Writes an object a line.

    Raises:
        ConfigError: The layout is one of text with spans, and the task has no spans.
        DataError: A span has no label.
    """
    for item in _objects(records, options):
        stream.write(json_line(item))


def write_json(records: Iterable[Record], stream: TextIO, options: WriteOptions) -> None:
    """Writes one array, an object a line; raises as :func:`write_jsonl` does."""
    before = "[\n"
    for item in _objects(records, options):
        stream.write(before + json_line(item).rstrip("\n"))
        before = ",\n"
    stream.write("[]\n" if before == "[\n" else "\n]\n")


def _objects(records: Iterable[Record], options: WriteOptions) -> Iterator[dict[str, Any]]:
    if options.layout == "tokens":
        yield from (_row(record, options) for record in records)
        return
    make = _SPAN_LAYOUTS[options.layout]
    if options.task.kind != "spans":
        raise ConfigError(
            f"the layout '{options.layout}' holds spans, and the task '{options.task.name}' has none",
            accepted="--layout tokens, or a task with spans",
        )
    for record in records:
        names = {"id": record.id} | ({} if record.document is None else {"document": record.document})
        yield names | make(mark_text(record, options))


def _row(record: Record, options: WriteOptions) -> dict[str, Any]:
    row: dict[str, Any] = {"id": record.id}
    if record.document is not None:
        row["document"] = record.document
    row |= {"tokens": record.tokens, "tags": in_scheme(record, options)}
    if record.text is not None:
        row |= {"text": record.text, "offsets": record.offsets}
    if record.dense is not None:
        # Numbers of single precision are written as the shortest that reads as the same.
        row["dense"] = [[x if isinstance(x, float) else float(str(x)) for x in column] for column in record.dense]
    return row


class Marked(NamedTuple):
    """A row as text with spans.

    Attributes:
        text: The text.
        offsets: ``(start, end)`` of each token; None where tokens share characters.
        spans: ``(start, end, label, first token, last token)`` of each span; None where nobody has annotated.
    """

    text: str
    offsets: list[tuple[int, int]] | None
    spans: list[tuple[int, int, str, int, int]] | None


def mark_text(record: Record, options: WriteOptions) -> Marked:
    """Returns a row as text with spans; tokens without a text are joined by blanks.

    Raises:
        DataError: A span has no label.
    """
    if record.text is None or record.offsets is None:
        text = " ".join(record.tokens)
        ends = list(itertools.accumulate(len(token) + 1 for token in record.tokens))
        offsets = [(end - len(token) - 1, end - 1) for end, token in zip(ends, record.tokens, strict=True)]
        if len(offsets) > 1:
            options.lose("which tokens had no blank between them: the text is the tokens joined by blanks", record)
    else:
        text, offsets = record.text, list(map(tuple, record.offsets))  # type: ignore[arg-type]
        if any(text[start:end] != token for (start, end), token in zip(offsets, record.tokens, strict=True)):
            options.lose("tokens that are spelt otherwise in the text", record)
    spans = None
    if any(tag is not None for tag in record.tags) or not record.tags:
        if None in record.tags:
            options.lose("which tags are unknown: they read as O", record)
        spans = []
        for label, first, end in tags_to_spans(record.tags):
            if not label.strip():
                raise DataError(
                    "a span without a label",
                    path=record.path,
                    line=record.line_of(first),
                    received=record.tags[first],
                    accepted="a prefix and a label, such as B-PER; or --layout tokens",
                )
            spans.append((offsets[first][0], offsets[end - 1][1], label, first, end - 1))
    apart = all(left[1] <= right[0] for left, right in itertools.pairwise(offsets))
    solid = apart and all(text[start:end].strip() for start, end in offsets)
    if options.layout not in _WITH_TOKENS and offsets != split_text(text, ReadOptions(task=options.task)):
        options.lose("tokens that the tokenizer does not cut so", record)
    elif options.layout in _WITH_TOKENS and not solid:
        options.lose("tokens that share characters, or have none", record)
    return Marked(text, offsets if solid else None, spans)


def _spacy(marked: Marked) -> dict[str, Any]:
    ents = _each(marked, lambda start, end, label, first, last: {"start": start, "end": end, "label": label})
    value: dict[str, Any] = {"text": marked.text, "ents": ents}
    if marked.offsets is not None:
        value["tokens"] = [{"id": i, "start": start, "end": end} for i, (start, end) in enumerate(marked.offsets)]
    return value


def _prodigy(marked: Marked) -> dict[str, Any]:
    value: dict[str, Any] = {"text": marked.text}
    if marked.offsets is not None:
        value["tokens"] = [
            {
                "text": marked.text[start:end],
                "start": start,
                "end": end,
                "id": i,
                "ws": marked.text[end : end + 1] == " ",
            }
            for i, (start, end) in enumerate(marked.offsets)
        ]
    value["spans"] = _each(
        marked,
        lambda start, end, label, first, last: {
            "start": start,
            "end": end,
            "token_start": first,
            "token_end": last,
            "label": label,
        },
    )
    return value if marked.spans is None else value | {"answer": "accept"}


def _doccano(marked: Marked) -> dict[str, Any]:
    return {"text": marked.text, "label": _each(marked, lambda start, end, label, first, last: [start, end, label])}


def _label_studio(marked: Marked) -> dict[str, Any]:
    def result(start: int, end: int, label: str, first: int, last: int) -> dict[str, Any]:
        value = {"start": start, "end": end, "text": marked.text[start:end], "labels": [label]}
        return {"from_name": "label", "to_name": "text", "type": "labels", "value": value}

    results = _each(marked, result)
    return {"data": {"text": marked.text}, "annotations": [] if results is None else [{"result": results}]}


def _hf(marked: Marked) -> dict[str, Any]:
    def entity(start: int, end: int, label: str, first: int, last: int) -> dict[str, Any]:
        return {"entity_group": label, "word": marked.text[start:end], "start": start, "end": end}

    return {"text": marked.text, "entities": _each(marked, entity)}


def _each(marked: Marked, make: Callable[[int, int, str, int, int], Any]) -> list[Any] | None:
    return None if marked.spans is None else [make(*span) for span in marked.spans]


_SPAN_LAYOUTS: Mapping[str, Callable[[Marked], dict[str, Any]]] = {
    "spacy": _spacy,
    "prodigy": _prodigy,
    "doccano": _doccano,
    "label-studio": _label_studio,
    "hf": _hf,
}
_WITH_TOKENS = ("spacy", "prodigy")

LAYOUTS = ("tokens", *_SPAN_LAYOUTS)
"""The layouts by name."""
