"""Where in a file something stands, for errors that are found only after reading."""

from __future__ import annotations

import re
from pathlib import Path

from bilstm_tagger.data.files import read_lines
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import split_tag

__all__ = ["find_tag_line"]

_BETWEEN = re.compile(r"[\s\",;|\[\]{}:]+")


def find_tag_line(source: object, tag: str) -> int | None:
    """Returns the 1-based line of a file on which a tag, or another tag of its label, stands first.

    Args:
        source: The source that was read; only a plain or compressed file is searched.
        tag: The tag as rows have it; the file may write it in another scheme.
    """
    path = Path(str(source))
    if not path.is_file():
        return None
    prefix, label = split_tag(tag)
    try:
        for number, line in enumerate(read_lines(path), start=1):
            for field in _BETWEEN.split(line):
                if field == tag or (prefix and field and split_tag(field)[1] == label != ""):
                    return number
    except DataError:
        return None
    return None
