"""Finding out how a column file is laid out: separator, number of columns, which holds the tokens and which the tags.

The rules, in order:

- Separator: TAB when most lines hold one, otherwise runs of spaces; where these leave one column, a comma, semicolon
  or bar that cuts most lines into as many fields.
- Names: those of a comment ``# global.columns = FORM NER``, or of a first line that holds nothing but usual names of
  columns, or the names that were asked for.
- Number of columns: what most lines have.
- Index column: a first column that counts 0, 1, 2 ... or 1, 2, 3 ... anew in each sentence. Tokens stand after it.
- Span columns: later columns in which every value is ``O`` or a prefix and a label. Those whose labels are all
  syntactic phrases (NP, VP ...) are chunk columns, the others entity columns. ``ner`` takes the first entity column
  (GermEval's outer layer; Universal NER's third of five; the last of CoNLL-2003's), ``chunking`` the first chunk
  column; with none of its kind, the last span column; with no span column, the last column.
- ``pos`` takes the last column, unless that holds spans and another does not: then the first that does not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bilstm_tagger.data.readers.fields import tag_fields
from bilstm_tagger.data.records import ReadOptions, as_column_number
from bilstm_tagger.data.spelling import find_spellings, is_span_column
from bilstm_tagger.errors import DataError, suggest
from bilstm_tagger.schemes import OUTSIDE, is_span_tag, split_tag

__all__ = ["UNKNOWN_STATE", "UNKNOWN_TAG", "Layout", "find_layout", "is_comment", "split_line"]

UNKNOWN_TAG = "_"
"""In columns of text tasks, a tag that nobody has given."""

UNKNOWN_STATE = "?"
"""The same in columns of residues, where ``_`` is coil."""

_PHRASES = frozenset(
    ["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP", "AP", "AVP", "PNP"]
)
_SEPARATORS = {"\\t": "\t", "tab": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
_OTHER_SEPARATORS = (",", ";", "|||", "|")
_GLOBAL_COLUMNS = re.compile(r"#\s*global\.columns\s*=\s*(.*)")
_TOKEN_NAMES = frozenset(["token", "tokens", "word", "words", "form", "text"])
_OTHER_NAMES = frozenset(
    {"#", "id", "index", "idx", "lemma", "feats", "head", "deprel", "deps", "misc", "tag", "tags", "label", "labels"}
    | {"pos", "pos_tag", "pos_tags", "upos", "xpos", "chunk", "chunk_tag", "chunks", "chunk_tags"}
    | {"ner", "ner_tag", "ner_tags", "entity", "entities", "iob", "bio"}
)
_LONGEST_INDEX = 10
_INDEX = re.compile(r"\d+([-.]\d+)?")


@dataclass(frozen=True)
class Layout:
    """How the lines of one file are read.

    Attributes:
        separator: ``" "`` stands for runs of spaces and TABs.
        columns: How many fields a line has.
        token: Index of the token column, from 0.
        tag: Index of the tag column, or None when no tags are read.
        indexed: Whether the first column counts the tokens.
        header: Index of the line that names the columns, from 0, or None.
    """

    separator: str
    columns: int
    token: int
    tag: int | None
    indexed: bool
    header: int | None = None


def split_line(line: str, separator: str) -> list[str]:
    """Cuts a line into its fields. Only spaces and TABs are separators: a no-break space may be part of a token."""
    if separator != " ":
        return line.split(separator)
    fields = line.replace("\t", " ").split(" ")
    return [field for field in fields if field] if "" in fields else fields


def is_comment(line: str) -> bool:
    """Says whether a line that is no row of columns looks like a comment; ``#hashtag`` does not."""
    return line == "#" or line.startswith(("# ", "#\t", "##", "#begin ", "#end "))


def find_layout(sample: Sequence[str], path: Path, options: ReadOptions) -> Layout:
    """Finds the layout of a file from its first lines.

    Args:
        sample: Lines without their ends; blank lines where sentences end.
        path: For messages.
        options: What the caller has fixed; the rest is found.

    Raises:
        DataError: A column that was asked for does not exist, or there is no column left for the tags.
    """
    content = [line for line in sample if line.strip()]
    separator = _SEPARATORS.get(options.separator or "", options.separator or None)
    if separator is None:
        separator = _find_separator(content)
    columns = _count_columns(content, separator)
    names, header = _find_names(sample, separator, columns, options)
    sentences = _rows([line for number, line in enumerate(sample) if number != header], separator, columns)
    rows = [row for sentence in sentences for row in sentence]
    indexed = columns > 1 and _is_indexed(sentences, options)
    if indexed:
        rows = [row for row in rows if row[0].isdecimal()]
    token = _number(options.token_column, columns, names, "token_column", path)
    if token is None:
        token = next((names.index(name) for name in names if name in _TOKEN_NAMES), int(indexed))
    if not options.require_tags:
        return Layout(separator, columns, token, None, indexed, header)
    tag = _number(options.tag_column, columns, names, "tag_column", path)
    if tag is None:
        tag = next((names.index(name) for name in tag_fields(options) if name in names), None)
    if tag is None:
        values = [{row[i] for row in rows} for i in range(columns)]
        tag = _find_tags(values, token, options)
    if tag == token or columns == 1:
        raise DataError(
            "there is no column of tags",
            path=path,
            received=content[0],
            accepted="a token and a tag on each line, blank lines between sentences",
            hint="Set data.separator if the columns are separated by something other than TAB or spaces",
        )
    return Layout(separator, columns, token, tag, indexed, header)


def _find_separator(content: Sequence[str]) -> str:
    if 2 * sum("\t" in line for line in content) > len(content):
        return "\t"
    if _count_columns(content, " ") == 1:
        for separator in _OTHER_SEPARATORS:
            columns = _count_columns(content, separator)
            if columns > 1 and 2 * sum(line.count(separator) == columns - 1 for line in content) > len(content):
                return separator
    return " "


def _count_columns(content: Sequence[str], separator: str) -> int:
    """Returns the number of fields that most lines have, comments left out where there is anything else."""
    counts = Counter(len(split_line(line, separator)) for line in content if not line.startswith("#"))
    if not counts:
        counts = Counter(len(split_line(line, separator)) for line in content)
    return counts.most_common(1)[0][0]


def _find_names(
    sample: Sequence[str], separator: str, columns: int, options: ReadOptions
) -> tuple[list[str], int | None]:
    """Returns the names of the columns in lower case, none where nothing tells them, and the line that holds them."""
    asked = {
        column.strip().lower()
        for column in (options.token_column, options.tag_column)
        if isinstance(column, str) and as_column_number(column) is None
    }
    for number, line in enumerate(sample):
        if not line.strip():
            continue
        if match := _GLOBAL_COLUMNS.match(line):
            names = match[1].lower().split()
            return (names, None) if len(names) == columns else ([], None)
        if is_comment(line) and len(split_line(line, separator)) != columns:
            continue
        names = [name.strip().lower() for name in split_line(line, separator)]
        usual = _TOKEN_NAMES.intersection(names) and _TOKEN_NAMES.union(_OTHER_NAMES).issuperset(names)
        if len(names) == columns > 1 and ((asked and asked.issubset(names)) or usual):
            return names, number
        break
    return [], None


def _rows(sample: Sequence[str], separator: str, columns: int) -> list[list[list[str]]]:
    """Returns the sample's rows of the right width, sentence by sentence."""
    sentences: list[list[list[str]]] = [[]]
    for line in sample:
        if not line.strip():
            sentences.append([])
            continue
        if not sentences[-1] and is_comment(line):
            continue
        row = split_line(line, separator)
        if len(row) == columns and "-DOCSTART-" not in line:
            sentences[-1].append(row)
    return sentences


def _is_indexed(sentences: Sequence[Sequence[Sequence[str]]], options: ReadOptions) -> bool:
    """Says whether the first column counts the tokens of most sentences, so that a slip is reported as one.

    With two columns, numbers are an index only where nothing else says what the second column is.
    """
    counted = found = 0
    for sentence in sentences:
        rows = [row for row in sentence if row[0] != "#"]
        if rows and len(rows[0]) == 2 and (options.require_tags or all(is_span_tag(row[1]) for row in rows)):
            return False
        numbers = [int(row[0]) for row in rows if row[0].isdecimal() and len(row[0]) < _LONGEST_INDEX]
        counts = numbers[:1] in ([0], [1]) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        counted += counts and all(_INDEX.fullmatch(row[0]) is not None for row in rows)
        found += bool(rows)
    return 2 * counted > found


def _find_tags(values: Sequence[set[str]], token: int, options: ReadOptions) -> int:
    """Chooses the column of tags by the rules above; ``values`` are the distinct values of each column."""
    later = range(token + 1, len(values))
    spans = [i for i in later if _is_span_column(values[i])]
    last = len(values) - 1
    if options.task.kind == "spans":
        chunks = [i for i in spans if _is_chunk_column(values[i])]
        entities = [i for i in spans if i not in chunks]
        wanted = chunks if options.task.name == "chunking" else entities
        if wanted:
            return wanted[0]
        return spans[-1] if spans else _nearly_span_column(values, later, last)
    others = [i for i in later if i not in spans]
    return others[0] if options.task.kind == "tokens" and last in spans and others else last


def _is_span_column(values: set[str]) -> bool:
    return is_span_column(values - {UNKNOWN_TAG})


def _is_chunk_column(values: set[str]) -> bool:
    spelling = find_spellings(values)
    labels = {split_tag(spelling.get(value, value))[1] for value in values} - {"", UNKNOWN_TAG}
    return bool(labels) and labels <= _PHRASES


def _nearly_span_column(values: Sequence[set[str]], columns: range, last: int) -> int:
    """Returns the column with ``O`` and span tags among other values, so that those are reported as wrong tags."""
    mixed = [i for i in columns if OUTSIDE in values[i] and any(v != OUTSIDE and is_span_tag(v) for v in values[i])]
    return mixed[-1] if mixed else last


def _number(column: str | int | None, columns: int, names: Sequence[str], key: str, path: Path) -> int | None:
    if column is None:
        return None
    if isinstance(column, str) and column.strip().lower() in names:
        return names.index(column.strip().lower())
    number = as_column_number(column)
    if number is None or not -columns <= number < columns:
        named = f", or a name: {', '.join(names)}" if names else "; the file does not name its columns"
        raise DataError(
            f"there is no such column as data.{key} asks for",
            path=path,
            received=column,
            accepted=f"0 to {columns - 1}, or -1 to -{columns} from the end{named}",
            hint=suggest(str(column).lower(), names),
        )
    return number % columns
