"""Reader of tables in mmCIF files: no more of the grammar than tables need, in memory that does not grow with the file.

Biopython's ``MMCIF2Dict`` would hold a whole structure, coordinates and all, to give two of its tables.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from bilstm_tagger.data.files import read_lines
from bilstm_tagger.errors import DataError

__all__ = ["CifRow", "read_tables"]

# A quoted value ends at a quote before a blank; a bare one at a blank (Hall, Allen & Brown 1991).
_VALUE = re.compile(r"""'(.*?)'(?=\s|$)|"(.*?)"(?=\s|$)|(#.*)|(\S+)""")


class CifRow(NamedTuple):
    """A row of a table.

    Attributes:
        category: The table's name, such as ``_dssp_struct_summary``.
        values: Item to value.
        line: Where it ends.
    """

    category: str
    values: dict[str, str]
    line: int


class _Value(NamedTuple):
    """A value or a keyword; ``bare`` are those without quotes, which alone can be keywords or names."""

    text: str
    bare: bool
    line: int


def read_tables(path: Path, categories: Collection[str]) -> Iterator[CifRow]:
    """Yields the rows of some tables in the order of the file; an item outside of a loop makes a row of its own.

    Raises:
        DataError: A table ends within a row.
    """
    items: list[str] = []
    row: list[str] = []
    header = single = False
    line = 0
    for text, bare, line in _values(path):
        keyword = text.lower() if bare else ""
        if keyword == "loop_" or keyword.startswith(("data_", "save_")):
            _check_complete(row, items, path, line)
            items, row, header, single = [], [], keyword == "loop_", False
        elif bare and text.startswith("_"):
            if not header:
                _check_complete(row, items, path, line)
                items, row, single = [], [], True
            items.append(text)
        elif items:
            header = False
            row.append(text)
            if len(row) == len(items):
                category = items[0].partition(".")[0]
                if category in categories:
                    names = [item.partition(".")[2] for item in items]
                    yield CifRow(category, dict(zip(names, row, strict=True)), line)
                row = []
                items = [] if single else items
    _check_complete(row, items, path, line)


def _check_complete(row: list[str], items: list[str], path: Path, line: int) -> None:
    if row:
        raise DataError(
            f"the table {items[0].partition('.')[0]} ends within a row",
            path=path,
            line=line,
            received=row,
            accepted=f"{len(items)} values a row",
        )


def _values(path: Path) -> Iterator[_Value]:
    """Yields the values of a file; a text between lines that begin with ``;`` is one value."""
    block: list[str] | None = None
    for number, line in enumerate(read_lines(path), start=1):
        line = line.rstrip("\r\n")
        if line.startswith(";"):
            if block is None:
                block = [line[1:]]
            else:
                yield _Value("\n".join(block), False, number)
                block = None
        elif block is not None:
            block.append(line)
        else:
            for match in _VALUE.finditer(line):
                single, double, comment, bare = match.groups()
                if comment is not None:
                    break
                quoted = single if single is not None else double
                yield _Value(quoted if quoted is not None else bare, quoted is None, number)
