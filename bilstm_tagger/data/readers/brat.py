"""Reader of BRAT standoff: ``NAME.txt`` with the text, ``NAME.ann`` with its spans (https://brat.nlplab.org/standoff.html)."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

from bilstm_tagger.data.alignment import CharSpan, align_spans
from bilstm_tagger.data.files import is_file, read_lines
from bilstm_tagger.data.readers.running_text import split_text
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.errors import DataError

__all__ = ["read_brat"]

_PLACE = re.compile(r"(\S.*?) (\d{1,15} \d{1,15}(?:;\d{1,15} \d{1,15})*)")


def read_brat(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads one document, given by either of its files; each line of the text that has tokens is a sequence.

    Lines that a span joins stay one sequence. Entities (``T1``) are read; relations, events, attributes and notes say
    nothing about tags and are left out. Offsets count characters of the text file, line ends included.

    Raises:
        DataError: The other file is missing, or a line of an entity is ill-formed.
    """
    text_path, marks_path = path.with_suffix(".txt"), path.with_suffix(".ann")
    if options.task.kind != "spans" and options.require_tags:
        raise DataError(f"BRAT files hold spans, which the task '{options.task.name}' has not", path=path)
    if not is_file(text_path):
        raise DataError("there is no text beside it", path=marks_path, accepted=f"{text_path.name} in the same folder")
    lines = list(read_lines(text_path))
    text = "".join(lines)
    spans: list[CharSpan] = []
    if options.require_tags:
        if not is_file(marks_path):
            raise DataError("there are no spans beside it", path=text_path, accepted=f"{marks_path.name} beside it")
        spans = list(_read_marks(marks_path, text))
    offsets = split_text(text, options)
    tags: list[str | None] = [None] * len(offsets)
    if options.require_tags:
        tags = align_spans(
            text,
            offsets,
            spans,
            align=options.align,
            overlap=options.overlap,
            misfits=options.misfits,
            source=str(marks_path),
            id=path.stem,
        )
    token_starts = [start for start, _ in offsets]
    for number, start, end in _sequences(lines, spans):
        first, last = bisect_left(token_starts, start), bisect_left(token_starts, end)
        if first == last:
            continue
        yield Record(
            f"{path.stem}:{number}",
            [text[begin:stop] for begin, stop in offsets[first:last]],
            tags[first:last],
            str(text_path),
            number,
            text=text[start:end].rstrip("\r\n"),
            offsets=[(begin - start, stop - start) for begin, stop in offsets[first:last]],
            document=path.stem,
        )


def _read_marks(path: Path, text: str) -> Iterator[CharSpan]:
    for number, line in enumerate(read_lines(path), start=1):
        line = line.rstrip("\r\n")
        if not line.startswith("T"):
            continue
        name, _, rest = line.partition("\t")
        place, _, words = rest.partition("\t")
        match = _PLACE.fullmatch(place.strip())
        if match is None or not name[1:].isdecimal():
            raise DataError(
                "this is no entity",
                path=path,
                line=number,
                received=line,
                accepted="T1 TAB LABEL START END TAB TEXT; several pieces as 0 5;10 15",
            )
        pieces = sorted((int(start), int(end)) for start, end in (piece.split() for piece in match[2].split(";")))
        start, end = pieces[0][0], pieces[-1][1]
        # BRAT writes line breaks as spaces.
        same = re.sub(r"[\r\n]", " ", text[start:end]) == words
        claimed = None if same or len(pieces) > 1 or not words else words
        yield CharSpan(start, end, match[1], claimed, tuple(pieces) if len(pieces) > 1 else (), number)


def _sequences(lines: Sequence[str], spans: Sequence[CharSpan]) -> Iterator[tuple[int, int, int]]:
    """Yields ``(line, start, end)`` of each line, lines that a span joins taken together."""
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    joined: set[int] = set()
    for span in spans:
        first, last = bisect_right(starts, span.start), bisect_left(starts, min(span.end, starts[-1]))
        joined.update(range(first, last))
    begin = 0
    for index in range(1, len(starts)):
        if index not in joined:
            yield begin + 1, starts[begin], starts[index]
            begin = index
