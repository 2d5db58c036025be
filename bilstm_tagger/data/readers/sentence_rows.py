"""Tables with a whole sentence and all its tags in each row, as strings: CSV files of notebooks, data frames.

Such a string is a list as Python, JSON or NumPy write it (``['EU', 'rejects']``, ``["EU"]``, ``['EU' 'rejects']``),
or words between blanks; tags may stand between commas too (``O,O,B-geo``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bilstm_tagger.data.readers.fields import ID_FIELDS, find_field, match_field, tag_fields
from bilstm_tagger.data.readers.label_names import LabelNames
from bilstm_tagger.data.readers.running_text import MarkedText, record_from_text
from bilstm_tagger.data.records import UNKNOWN_TOKEN, ReadOptions, Record
from bilstm_tagger.errors import DataError

__all__ = ["WORD_FIELDS", "hold_sentences", "read_sentences"]

WORD_FIELDS = ("word", "token", "words", "tokens", "form")
"""The names of columns of words."""

_SENTENCES = (*WORD_FIELDS, "tokenized_text", "forms", "sentence", "text")
_TAGS = ("tag", "word_labels")
_NAMES = ("sentence #", "sentence_id", "sentence_idx", "sent_id", *ID_FIELDS)
_LIST_ITEM = re.compile(
    r"""\s*(?:(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<bare>[^\s,'"]+))\s*(?:,|(?=\s)|$)""", re.DOTALL
)
_ESCAPE = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_NOTHING = ("None", "nan", "<NA>")
_NUMBER = re.compile(r"-?\d{1,9}")


def hold_sentences(names: Sequence[str], sample: Sequence[Mapping[str, str]], options: ReadOptions) -> bool:
    """Says whether rows hold sentences rather than words: some row several tokens, and most as many tags.

    Args:
        names: The names of the columns.
        sample: The first rows; an empty one has no cells.
        options: How they are to be read.
    """
    token, tag = _columns(names, options)
    if token is None or (tag is None and options.require_tags):
        return False
    if not options.require_tags:
        return token.lower() not in WORD_FIELDS or any(_is_list(row.get(token, "")) for row in sample)
    cells = [(row[token], row.get(tag or "", "")) for row in sample if row.get(token, "").strip()]
    sizes = [(len(_words(words)), len(_tags(tags))) for words, tags in cells]
    alike = [tokens for tokens, tags in sizes if tokens == tags]
    return any(tokens > 1 for tokens in alike) and 2 * len(alike) >= len(sizes)


def read_sentences(
    rows: Iterator[tuple[int, Mapping[str, str]]],
    names: Sequence[str],
    path: str,
    options: ReadOptions,
    labels: LabelNames,
) -> Iterator[Record]:
    """Reads a sentence a row.

    Args:
        rows: The line of each row, and its cells by name; an empty row has no cells.
        names: The names of the columns.
        path: The source, for messages.
        options: How to read them.
        labels: What tags that are numbers stand for.

    Raises:
        DataError: A row has another number of tags than words.
    """
    token, tag = _columns(names, options)
    identifier = find_field(names, None, _NAMES, key="id", path=path, required=False)
    used = (token, tag, identifier)
    options.notes.unread |= {f"column {name}": f"{path}:1" for name in names if name.strip() and name not in used}
    for count, (line, row) in enumerate(((line, row) for line, row in rows if row), start=1):
        where: dict[str, Any] = {"path": path, "line": line}
        text = row[token or ""]
        name = row[identifier].strip() if identifier is not None else ""
        if not options.require_tags and not _is_list(text):
            yield record_from_text(MarkedText(text, None, id=name or None), options, path=path, line=line, count=count)
            continue
        words = _words(text)
        tags: list[str | None] = [None] * len(words)
        if options.require_tags and tag is not None:
            cell = row[tag]
            tags = [item or None for item in _tags(cell)]
            if options.task.kind == "spans" and _is_list(cell):
                tags = [labels.name(int(item), where) if item and _NUMBER.fullmatch(item) else item for item in tags]
        if len(tags) != len(words):
            raise DataError(
                f"{len(tags)} tags for {len(words)} words",
                **where,
                received=row[tag or ""],
                accepted="one tag for each word, in a list or separated by blanks or commas",
            )
        for position, word in enumerate(words):
            if not word or word.isspace():
                options.notes.add("empty tokens, read as U+FFFD", f"{path}:{line}")
                words[position] = UNKNOWN_TOKEN
        if words:
            yield Record(name or str(count), words, tags, path, line)


def _columns(names: Sequence[str], options: ReadOptions) -> tuple[str | None, str | None]:
    """Returns the columns of the sentences and of their tags."""
    token = match_field(names, options.token_column, _SENTENCES)
    others = [name for name in names if name != token]
    if isinstance(options.tag_column, int):
        return token, match_field(names, options.tag_column, ())
    return token, match_field(others, options.tag_column, (*tag_fields(options), *_TAGS))


def _is_list(cell: str) -> bool:
    cell = cell.strip()
    return cell.startswith("[") and cell.endswith("]")


def _words(cell: str) -> list[str]:
    return _items(cell) if _is_list(cell) else cell.split()


def _tags(cell: str) -> list[str]:
    if _is_list(cell):
        return _items(cell)
    return [tag.strip() for tag in cell.split(",")] if "," in cell else cell.split()


def _items(cell: str) -> list[str]:
    """Returns the items of a list that was written into a string; its words where it is none after all."""
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        found = _read_list(cell.strip()[1:-1].strip())
    if isinstance(found, list) and all(item is None or isinstance(item, (str, int)) for item in found):
        return ["" if item is None else str(item) for item in found]
    return cell.split()


def _read_list(inside: str) -> list[str] | None:
    items = []
    position = 0
    while position < len(inside):
        match = _LIST_ITEM.match(inside, position)
        if match is None:
            return None
        bare = "" if match["bare"] in _NOTHING else match["bare"]
        items.append(_ESCAPE.sub(_character, match["quoted"][1:-1]) if bare is None else bare)
        position = match.end()
    return items


def _character(escape: re.Match[str]) -> str:
    """Returns the character that an escape of Python stands for."""
    code = escape[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)
