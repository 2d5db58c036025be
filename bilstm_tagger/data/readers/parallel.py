"""Reader of tags beside raw text: a line of words for each line of tags, in two files or turn by turn in one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from bilstm_tagger.data.files import read_lines
from bilstm_tagger.data.readers.beside import tags_beside
from bilstm_tagger.data.readers.columns import UNKNOWN_TAG, split_line
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import is_span_tag

__all__ = ["read_parallel", "takes_turns"]


def read_parallel(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads lines of words, and as many tags for each from another file or from the line below.

    The other file is ``data.labels``, or lies beside with the usual name (``seq.out`` for ``seq.in``, ``x.tags`` for
    ``x.words``). Words and tags are separated by spaces or TABs. Blank lines separate pairs, or stand at the same
    place in both files. The tag ``_`` is unknown.

    Raises:
        DataError: A line has another number of tags than words, or a file has more lines than the other.
    """
    other = tags_beside(path) if options.labels is None else Path(options.labels).expanduser()
    pairs: Iterator[tuple[int, str, int, str | None]]
    if not options.require_tags and other is not None:
        pairs = ((number, line, number, None) for number, line in enumerate(read_lines(path), start=1) if line.strip())
    elif other is not None:
        pairs = _two_files(path, other)
    else:
        pairs = _turns(path)
    tags_path = path if other is None else other
    for count, (number, line, tags_number, tags_line) in enumerate(pairs, start=1):
        words = _split(line)
        tags: list[str | None] = [None] * len(words)
        if options.require_tags and tags_line is not None:
            tags = [None if tag == UNKNOWN_TAG else tag for tag in _split(tags_line)]
            if len(tags) != len(words):
                raise DataError(
                    f"{len(tags)} tags for the {len(words)} words of {path.name}:{number}",
                    path=tags_path,
                    line=tags_number,
                    received=tags_line.strip(),
                    accepted="one tag for each word, separated by spaces",
                )
        yield Record(str(count), words, tags, str(path), number)


def takes_turns(lines: Sequence[str]) -> bool:
    """Says whether lines of words and of span tags take turns, by the first lines of a file."""
    content = [_split(line) for line in lines if line.strip()]
    pairs = list(itertools.zip_longest(content[::2], content[1::2]))
    # The last line of a sample may have lost its tags.
    whole = [(words, tags) for words, tags in pairs if tags is not None]
    words = [word for words, _ in whole for word in words]
    # Of the fields of columns, at least every other one is a tag.
    return (
        all(len(words) == len(tags) and all(map(is_span_tag, tags)) for words, tags in whole)
        and len(words) > len(whole)
        and 3 * sum(map(is_span_tag, words)) < len(words)
    )


def _two_files(path: Path, other: Path) -> Iterator[tuple[int, str, int, str | None]]:
    lines = itertools.zip_longest(read_lines(path), read_lines(other))
    for number, (words, tags) in enumerate(lines, start=1):
        if not (words or "").strip() and not (tags or "").strip():
            continue
        if words is None or tags is None:
            short, long = (path, other) if words is None else (other, path)
            raise DataError(
                f"{short.name} has no line {number}, and {long.name} has one",
                path=long,
                line=number,
                received=(words or tags or "").strip(),
                accepted="as many lines of tags as of words",
            )
        yield number, words, number, tags


def _turns(path: Path) -> Iterator[tuple[int, str, int, str | None]]:
    lines = ((number, line) for number, line in enumerate(read_lines(path), start=1) if line.strip())
    for number, words in lines:
        below = next(lines, None)
        if below is None:
            raise DataError(
                "a line of words without a line of tags below",
                path=path,
                line=number,
                received=words.strip(),
                accepted="a line of words, a line of as many tags, and so on",
                hint="Set data.labels if the tags stand in a file of their own",
            )
        yield number, words, *below


def _split(line: str) -> list[str]:
    return split_line(line.strip(" \t\r\n"), " ")
