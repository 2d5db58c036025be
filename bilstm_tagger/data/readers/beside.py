"""The files that lie beside a data file and belong to it."""

from __future__ import annotations

from pathlib import Path

from bilstm_tagger.data.archives import split_member
from bilstm_tagger.data.files import is_file
from bilstm_tagger.data.readers.label_names import NAME_FILES

__all__ = ["beside", "tags_beside"]

_OTHER_HALF = {".ann": ".txt", ".txt": ".ann"}


def tags_beside(path: Path) -> Path | None:
    """Returns the file of tags of a file of words: ``seq.out`` for ``seq.in``, ``x.tags`` for ``x.words``."""
    for words, tags in (("seq.in", "seq.out"), (".words", ".tags"), (".words.txt", ".tags.txt")):
        if path.name.endswith(words):
            other = path.with_name(path.name.removesuffix(words) + tags)
            if is_file(other):
                return other
    return None


def beside(path: Path) -> list[Path]:
    """Returns all files whose content the rows of ``path`` may depend on, itself left out."""
    suffix = _OTHER_HALF.get(path.suffix.lower())
    candidates = [tags_beside(path)]
    if suffix is not None:
        candidates.append(path.with_suffix(suffix))
    if split_member(path) is None:
        candidates += [path.with_name(name) for name in NAME_FILES]
    return [other for other in candidates if other is not None and other != path and is_file(other)]
