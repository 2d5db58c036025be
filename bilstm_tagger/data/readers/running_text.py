"""Running text with character spans as records of tokens and tags."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bilstm_tagger.data.alignment import CharSpan, align_spans
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.errors import ConfigError, DataError
from bilstm_tagger.split_rules import KINDS, Kind, pattern_for

__all__ = ["MarkedText", "check_tokenizer", "record_from_text", "split_text"]


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text with its spans, as any format gives them.

    Attributes:
        text: The text.
        spans: Its spans; None where nobody has looked for them, so that every tag is unknown.
        offsets: The tokens that the source gives, as ``(start, end)``; None leaves it to the tokenizer.
        id: The record's name.
        document: The document that it belongs to.
    """

    text: str
    spans: Sequence[CharSpan] | None
    offsets: Sequence[tuple[int, int]] | None = None
    id: str | None = None
    document: str | None = None


def check_tokenizer(name: str) -> None:
    """Makes sure that there is such a way to cut text.

    Raises:
        ConfigError: There is none.
    """
    if name not in ("auto", *KINDS):
        raise ConfigError("wrong value for 'data.tokenizer'", received=name, accepted=("auto", *KINDS))


@functools.cache
def _pattern(kind: Kind) -> re.Pattern[str]:
    return re.compile(pattern_for(kind))


def split_text(text: str, options: ReadOptions) -> list[tuple[int, int]]:
    """Cuts a text into tokens, by the rules that a model tags raw text with, and returns their offsets."""
    kind: Kind = options.task.tokenizer
    for known in KINDS:
        kind = known if known == options.tokenizer else kind
    return [match.span() for match in _pattern(kind).finditer(text)]


def record_from_text(marked: MarkedText, options: ReadOptions, *, path: str, line: int, count: int) -> Record:
    """Cuts a text into tokens and writes its spans as tags.

    Args:
        marked: The text and its spans.
        options: How to cut and align.
        path: The source.
        line: Its line (for data sets the row), from 1.
        count: The number of the record, for records without a name.

    Raises:
        DataError: The task has no spans, or a span does not fit and ``options.align`` is ``strict``.
    """
    text = marked.text
    name = str(count) if marked.id is None else marked.id
    offsets = split_text(text, options) if marked.offsets is None else list(marked.offsets)
    tags: list[str | None] = [None] * len(offsets)
    if options.require_tags:
        if options.task.kind != "spans":
            raise DataError(
                f"the task '{options.task.name}' has a tag for each token, and this is text with marked spans",
                path=path,
                line=line,
                accepted="tokens with tags",
            )
        if marked.spans is not None:
            tags = align_spans(
                text,
                offsets,
                marked.spans,
                align=options.align,
                overlap=options.overlap,
                misfits=options.misfits,
                source=path,
                line=line,
                id=name,
            )
    tokens = [text[start:end] for start, end in offsets]
    return Record(name, tokens, tags, path, line, text=text, offsets=offsets, document=marked.document)
