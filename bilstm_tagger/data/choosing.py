"""Which files of a folder or an archive are the data: by their names, without documentation, one split, one format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from bilstm_tagger.data.archives import MEMBER
from bilstm_tagger.data.files import stem_suffix
from bilstm_tagger.data.readers.dssp import STRUCTURE_SUFFIXES
from bilstm_tagger.data.readers.label_names import NAME_FILES
from bilstm_tagger.errors import DataError

__all__ = ["choose_files", "list_folder"]

_NO_DATA = re.compile(
    r"(readme|licen[cs]e|copying|notice|source|changelog|citation|authors|stats?)\b.*"
    r"|.*\.(md|rst|pdf|html?|py|sh|bib|cfg|conf|ya?ml|toml|png|dtd|xsl|log|md5|sha\d*)",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"(?<![a-z])(?:(?P<train>train(?:ing)?)|(?P<dev>dev(?:el(?:opment)?)?|valid(?:ation)?|val|testa)|(?P<test>testb?))"
    r"(?![a-z])",
    re.IGNORECASE,
)


def list_folder(folder: Path) -> list[str]:
    """Returns the names of a folder's files; where it holds folders only, those of all files below it."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if not any(_is_data(path.name) for path in files):
        files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    return [name for name in names if not any(part.startswith(".") for part in name.split("/"))]


def choose_files(names: Sequence[str], split: str, where: str) -> list[str]:
    """Chooses what to read among the files of a folder or an archive.

    Documentation, and what lies beside a file rather than being one (the ``.txt`` of an ``.ann``, the ``seq.out`` of
    a ``seq.in``), is left out. Where file names tell parts (``train``, ``dev``, ``testa`` ...), those of one part are
    taken, otherwise all. The files of BRAT are documents with names of their own, ``my-test-drive`` perhaps: they tell
    parts only where no folder does, each of them tells one, and not all the same.

    Args:
        names: The files, relative to the folder, in order.
        split: ``train``, ``dev`` or ``test``.
        where: What stands before their names, for messages: the folder, or the archive.

    Raises:
        DataError: There is no data, none of this part, or files of several formats.
    """
    place = where.removesuffix("/").removesuffix(MEMBER)
    data = [name for name in names if _is_data(name)]
    brat = [name for name in data if name.lower().endswith(".ann")]
    beside = {name.rsplit(".", 1)[0] + ".txt" for name in brat}
    data = [name for name in data if name not in beside and PurePosixPath(name).name != "seq.out"]
    parts = {name: part for name in data if (part := _part(name)) is not None}
    if brat:
        folders = {name: part for name in data if (part := _part(str(PurePosixPath(name).parent))) is not None}
        parts = folders if folders or len(parts) < len(data) or len(set(parts.values())) == 1 else parts
    if parts:
        data = [name for name in data if parts.get(name) == split]
        if not data:
            raise DataError(
                f"no file of the part '{split}' in it", path=place, received=list(parts)[:20], accepted="a file's name"
            )
    kinds = sorted({_kind(name) for name in data})
    if not data or len(kinds) > 1:
        raise DataError(
            "files of several formats in it" if data else "no data files in it",
            path=place,
            received=(data or list(names))[:20],
            accepted="files of one format" if data else "at least one",
            hint=f"Name the files, or a pattern such as {where}*{kinds[0] or '.conll'}" if data else None,
        )
    return data


def _is_data(name: str) -> bool:
    base = PurePosixPath(name).name
    return _NO_DATA.fullmatch(base) is None and base not in NAME_FILES


def _part(name: str) -> str | None:
    """Returns the part that the last telling word of a path names."""
    found = None
    for match in _SPLIT.finditer(name):
        found = match.lastgroup
    return found


def _kind(name: str) -> str:
    """Returns the suffix that tells a file's format; ``.train`` and the like tell none."""
    suffix = stem_suffix(Path(name))
    if suffix in STRUCTURE_SUFFIXES:
        return ".dssp"
    return "" if _SPLIT.fullmatch(suffix.removeprefix(".")) else suffix
