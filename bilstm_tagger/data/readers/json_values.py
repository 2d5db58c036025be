"""The JSON values of a file one by one, in memory that holds one: lines, an array, or objects of many lines."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from bilstm_tagger.data.files import read_lines
from bilstm_tagger.errors import DataError

__all__ = ["parse_json", "read_json_values"]

_BLANK = re.compile(r"[ \t\r\n]*")
_CHUNK_CHARACTERS = 1 << 16
_LONGEST_WORD = 16  # of JSON: an escape, a literal such as -Infinity
_MARKS = frozenset(["text", "tokens", "words", "sentence", "data"])
_LISTS = ("data", "examples", "rows", "documents", "sentences", "annotations")


def parse_json(text: str, path: Path, line: int = 1) -> Any:
    """Parses one JSON value.

    Raises:
        DataError: It is not valid JSON, nested too deeply, or holds an absurdly long number.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        _refuse(error, text, path, line)


def read_json_values(path: Path) -> Iterator[tuple[int, Any]]:
    """Yields ``(line, value)`` for each record of a file.

    The file holds a value a line (JSON lines), an array of values, or objects one after the other, each over several
    lines. An array whose first item is a string is a record (``["text", {...}]``), not a list of records. One object
    that is nothing but a list of records under ``data``, ``examples`` or the like gives these records.

    Raises:
        DataError: What stands there is not JSON.
    """
    lines = enumerate(read_lines(path), start=1)
    for number, line in lines:
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            if isinstance(error, json.JSONDecodeError) and _may_go_on(line, error):
                yield from _stream(itertools.chain([(number, line)], lines), path)
                return
            _refuse(error, line, path, number)
        yield from _records(number, value)
        break
    for number, line in lines:
        if line.strip():
            yield from _records(number, parse_json(line, path, number))


def _may_go_on(line: str, error: json.JSONDecodeError) -> bool:
    """Says whether a line that does not parse can be the beginning of a value that goes on in the next line."""
    return line.lstrip()[:1] in ("[", "{") and (error.pos >= len(line.rstrip()) or line.lstrip().startswith("["))


def _records(line: int, value: Any) -> Iterator[tuple[int, Any]]:
    """Takes the records out of a list or an object that is nothing but a list of them."""
    if isinstance(value, dict):
        names = [name for name in _LISTS if _is_records(value.get(name))]
        if names and not {"text", "tokens", "id"} & value.keys() and not isinstance(value.get("result"), list):
            yield from ((line, item) for item in value[names[0]])
            return
    if isinstance(value, list) and not (value and isinstance(value[0], str)):
        yield from ((line, item) for item in value)
        return
    yield line, value


def _is_records(value: Any) -> bool:
    """Says whether a list holds records rather than spans."""
    return isinstance(value, list) and bool(value) and all(_is_record(item) for item in value)


def _is_record(item: Any) -> bool:
    if isinstance(item, dict):
        return bool(_MARKS & item.keys()) and not {"start", "end"} & item.keys()
    return isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], dict)


class _Buffer:
    """A file's text around the place that parsing has come to, and the line of that place."""

    def __init__(self, lines: Iterator[tuple[int, str]], path: Path) -> None:
        self._lines = lines
        self._path = path
        self._decoder = json.JSONDecoder()
        self.text = ""
        self.at = 0
        self.line = 1
        self.ended = False

    def more(self) -> None:
        """Reads on, at least as much as there is already, so that a value of any length costs linear time."""
        parts = [self.text[self.at :]]
        size, wanted = 0, max(_CHUNK_CHARACTERS, len(parts[0]))
        for number, line in self._lines:
            if not self.text and len(parts) == 1:
                self.line = number
            parts.append(line)
            size += len(line)
            if size >= wanted:
                break
        else:
            self.ended = True
        self.text, self.at = "".join(parts), 0

    def skip(self) -> str:
        """Passes white space and returns the next character, or nothing at the end of the file."""
        while True:
            match = _BLANK.match(self.text, self.at)
            self.move(self.at if match is None else match.end())
            if self.at < len(self.text):
                return self.text[self.at]
            if self.ended:
                return ""
            self.more()

    def move(self, to: int) -> None:
        """Goes on to a place in the text."""
        self.line += self.text.count("\n", self.at, to)
        self.at = to

    def next_inside(self) -> str:
        """Returns the character after the bracket that stands here, without moving; nothing at the end of the file."""
        while True:
            match = _BLANK.match(self.text, self.at + 1)
            end = self.at + 1 if match is None else match.end()
            if end < len(self.text):
                return self.text[end]
            if self.ended:
                return ""
            self.more()

    def value(self) -> tuple[int, Any]:
        """Parses the value that begins here, and moves behind it."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self.text, self.at)
            except (ValueError, RecursionError) as error:
                if self.ended or not self._is_cut(error):
                    self.refuse(error)
                self.more()
                continue
            if end == len(self.text) and not self.ended:
                # A number might go on.
                self.more()
                continue
            line = self.line
            self.move(end)
            return line, value

    def _is_cut(self, error: Exception) -> bool:
        """Says whether it may be the end of what was read so far, rather than a mistake, that stopped the parser."""
        if not isinstance(error, json.JSONDecodeError):
            return False
        return error.msg.startswith("Unterminated string") or error.pos >= len(self.text) - _LONGEST_WORD

    def refuse(self, error: Exception) -> NoReturn:
        """Raises the error with its line in the file."""
        text = self.text[self.at :]
        if isinstance(error, json.JSONDecodeError):
            before = self.text[self.at : error.pos]
            line = self.line + before.count("\n")
            start = self.text.rfind("\n", 0, error.pos) + 1
            raise DataError(
                f"not valid JSON at column {error.pos - start + 1} ({error.msg})",
                path=self._path,
                line=line,
                received=self.text[start : error.pos + 40].split("\n")[0],
            ) from None
        _refuse(error, text, self._path, self.line)


def _stream(lines: Iterator[tuple[int, str]], path: Path) -> Iterator[tuple[int, Any]]:
    """Reads a file whose values go over several lines."""
    buffer = _Buffer(lines, path)
    buffer.more()
    while buffer.skip():
        if buffer.text[buffer.at] != "[" or buffer.next_inside() == '"':
            yield from _records(*buffer.value())
        else:
            yield from _array(buffer)


def _array(buffer: _Buffer) -> Iterator[tuple[int, Any]]:
    """Yields the items of the array that begins here."""
    buffer.move(buffer.at + 1)
    if buffer.skip() == "]":
        buffer.move(buffer.at + 1)
        return
    while True:
        yield buffer.value()
        following = buffer.skip()
        if following not in ("]", ","):
            problem = "Expecting ',' delimiter" if following else "the array is not closed"
            buffer.refuse(json.JSONDecodeError(problem, buffer.text, buffer.at))
        buffer.move(buffer.at + 1)
        if following == "]":
            return
        buffer.skip()


def _refuse(error: Exception, text: str, path: Path, line: int) -> NoReturn:
    if isinstance(error, json.JSONDecodeError):
        problem = f"not valid JSON at column {error.colno} ({error.msg})"
    elif isinstance(error, RecursionError):
        problem = "JSON that is nested too deeply"
    else:
        problem = f"not valid JSON ({error})"
    raise DataError(problem, path=path, line=line, received=text.strip()) from None
