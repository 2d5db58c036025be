"""Profiles of protein chains: what a search for relatives found at each residue, as columns of numbers.

Three sources: PSI-BLAST's ASCII matrices (``NAME.pssm``), HH-suite's ``NAME.hhm``, and columns of any origin in one
``.npz``. The scaling belongs to the format and is the same in training and in tagging:

* ``pssm``, 20 columns ``ARNDCQEGHILKMFPSTWYV``: 1 / (1 + exp(-x)) of the log-odds, as in PSIPRED (Jones 1999);
* ``hhm``, 30 columns: 20 emission probabilities ``ACDEFGHIKLMNPQRSTVWY`` and the 7 transition probabilities, each
  2^(-x / 1000) and ``*`` zero (Remmert et al. 2012), then the 3 local diversities (Neff) over 20, their largest value;
* ``npz``: as they are.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.data.files import check_file, read_lines
from bilstm_tagger.errors import DataError, suggest

__all__ = ["ProfileKind", "Profiles", "open_profiles", "read_hhm", "read_pssm"]

ProfileKind = Literal["pssm", "hhm"]
Floats = NDArray[np.float32]

_PSSM_LETTERS = "ARNDCQEGHILKMFPSTWYV"
_HHM_LETTERS = "ACDEFGHIKLMNPQRSTVWY"
_TRANSITIONS = 7
_LARGEST_NEFF = 20.0
_NUMBER = re.compile(r"-?\d+")


class Profiles(Protocol):
    """The profiles of many chains."""

    def columns(self, name: str, sequence: str) -> Floats:
        """Returns the profile of a chain, ``(seq_len, width)``.

        Raises:
            DataError: There is none, or it is of another length or another chain.
        """

    def fingerprint(self) -> str:
        """Returns something that changes when the profiles do."""


@contextmanager
def open_profiles(path: str | Path, *, kinds: Sequence[ProfileKind] = ("pssm",)) -> Iterator[Profiles]:
    """Opens a folder of ``NAME.pssm`` and ``NAME.hhm`` files, NAME being the id of a chain, or an ``.npz``.

    Args:
        path: The folder or file.
        kinds: For a folder: the files of each chain whose columns stand side by side, in this order.

    Raises:
        DataError: There is nothing of that name, or it is no ``.npz``.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        yield _Folder(path, kinds)
        return
    check_file(path)
    try:
        arrays = np.load(path, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile):
        arrays = None
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise DataError("this is no .npz of numbers, nor a folder", path=path, accepted=_ACCEPTED)
    with arrays:
        yield _Archive(path, arrays)


class _Folder:
    """A folder with a file or several for each chain."""

    def __init__(self, path: Path, kinds: Sequence[ProfileKind]) -> None:
        self._path = path
        self._kinds = kinds

    def fingerprint(self) -> str:
        """Names, sizes and times of change: reading thousands of files only to see whether they changed is slow."""
        files = sorted(file for kind in self._kinds for file in self._path.glob(f"*.{kind}"))
        described = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        return hashlib.blake2b(repr((self._kinds, described)).encode(), digest_size=20).hexdigest()

    def columns(self, name: str, sequence: str) -> Floats:
        return np.concatenate([self._read(name, sequence, kind) for kind in self._kinds], axis=1)

    def _read(self, name: str, sequence: str, kind: ProfileKind) -> Floats:
        # An id may hold what no file name can, such as the bars of UniProt.
        stems = (name, re.sub(r"[^\w.-]", "_", name))
        file = next(filter(Path.is_file, (self._path / f"{stem}.{kind}" for stem in stems)), None)
        if file is None:
            known = [found.stem for found in self._path.glob(f"*.{kind}")]
            others = [other for other in _READERS if other != kind and (self._path / f"{name}.{other}").is_file()]
            hint = f"There is {name}.{others[0]}: set data.profile_kinds" if others else suggest(name, known)
            raise DataError(f"no profile {name}.{kind}", path=self._path, accepted="a file for each chain", hint=hint)
        residues, values = _READERS[kind](file)
        _check_residues(residues, sequence, name, file)
        return values


class _Archive:
    """An ``.npz`` in one of two layouts.

    Either one array ``(seq_len, width)`` for each id; or ``ids``, ``lengths`` and any number of arrays
    ``(sum of lengths, width)`` with the chains one after the other, whose columns stand side by side in
    the order of the file.
    """

    def __init__(self, path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._path = path
        self._arrays = arrays
        self._names = list(arrays)

    def fingerprint(self) -> str:
        with self._path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha1").hexdigest()

    @cached_property
    def _joined(self) -> tuple[Floats, dict[str, tuple[int, int]]] | None:
        """All chains in one array, and the rows of each; None for the layout of an array an id."""
        if not {"ids", "lengths"}.issubset(self._names):
            return None
        ends = np.cumsum(self._array("lengths"), dtype=np.int64)
        total = int(ends[-1]) if len(ends) else 0
        parts = [self._array(name) for name in self._names if name not in ("ids", "lengths")]
        tables = [part.astype(np.float32) for part in parts if part.ndim == 2 and len(part) == total]
        if not tables:
            raise DataError("no array has a row for each residue", path=self._path, received=total, accepted=_ACCEPTED)
        begins = ends - self._array("lengths")
        rows = zip(begins.tolist(), ends.tolist(), strict=True)
        return np.concatenate(tables, axis=1), dict(zip(map(str, self._array("ids").tolist()), rows, strict=True))

    def columns(self, name: str, sequence: str) -> Floats:
        joined = self._joined
        known = self._names if joined is None else joined[1]
        if name not in known:
            raise DataError(f"no profile of '{name}'", path=self._path, accepted=_ACCEPTED, hint=suggest(name, known))
        if joined is None:
            values = self._array(name)
        else:
            begin, end = joined[1][name]
            values = joined[0][begin:end]
        if values.ndim != 2 or values.dtype.kind not in "fiu":
            raise DataError(
                f"the profile of '{name}' is no table of numbers",
                path=self._path,
                received=(values.shape, str(values.dtype)),
                accepted=_ACCEPTED,
            )
        _check_length(len(values), sequence, name, self._path)
        return values.astype(np.float32)

    def _array(self, name: str) -> NDArray[Any]:
        try:
            return self._arrays[name]
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(f"the array '{name}' cannot be read ({error})", path=self._path) from None


_ACCEPTED = "arrays (residues, columns) named by id; or ids, lengths and arrays with all chains one after the other"


def read_pssm(path: Path) -> tuple[str, Floats]:
    """Reads the matrix that ``psiblast -out_ascii_pssm`` writes.

    Returns:
        The residues, and the scaled log-odds ``(seq_len, 20)``, in the order ``ARNDCQEGHILKMFPSTWYV``.

    Raises:
        DataError: The header is missing, or a line has fewer than 20 numbers.
    """
    lines = enumerate(read_lines(path), start=1)
    if not any("".join(line.split())[:20] == _PSSM_LETTERS for _, line in lines):
        raise DataError("no header of a PSI-BLAST matrix", path=path, accepted=" ".join(_PSSM_LETTERS))
    residues: list[str] = []
    rows: list[list[int]] = []
    for number, line in lines:
        place, residue, numbers = [*line.split(maxsplit=2), "", "", ""][:3]
        if not place.isdecimal() or len(residue) != 1:
            break  # the statistics below
        # Two-digit scores stand without a blank before their sign.
        scores = [int(score) for score in _NUMBER.findall(numbers)[: len(_PSSM_LETTERS)]]
        if len(scores) != len(_PSSM_LETTERS):
            raise DataError("too few scores", path=path, line=number, received=line.rstrip(), accepted="20 numbers")
        residues.append(residue)
        rows.append(scores)
    scores_table = np.array(rows, dtype=np.float32).reshape(-1, len(_PSSM_LETTERS))
    return "".join(residues), (1.0 / (1.0 + np.exp(-scores_table))).astype(np.float32)


def read_hhm(path: Path) -> tuple[str, Floats]:
    """Reads an HH-suite profile.

    Returns:
        The residues of the master sequence, and ``(seq_len, 30)``: emissions, transitions, diversities.

    Raises:
        DataError: The header is missing, or a line has too few numbers.
    """
    lines = enumerate(read_lines(path), start=1)
    if not any(line.split() == ["HMM", *_HHM_LETTERS] for _, line in lines):
        raise DataError("no header of an HH-suite profile", path=path, accepted=f"HMM {' '.join(_HHM_LETTERS)}")
    next(lines, None)  # names of the transitions
    next(lines, None)  # those of the begin state
    residues: list[str] = []
    rows: list[list[float]] = []
    for number, line in lines:
        fields = line.split()
        if fields[:1] == ["//"]:
            break
        if not fields:
            continue
        _, below = next(lines, (number, ""))
        emissions, transitions = fields[2 : 2 + len(_HHM_LETTERS)], below.split()[: _TRANSITIONS + 3]
        try:
            values = [*map(_probability, emissions), *map(_probability, transitions[:_TRANSITIONS])]
            values += [int(value) / 1000.0 / _LARGEST_NEFF for value in transitions[_TRANSITIONS:]]
        except ValueError:
            values = []
        if len(values) != len(_HHM_LETTERS) + _TRANSITIONS + 3 or len(fields[0]) != 1:
            raise DataError(
                "no match state of an HH-suite profile",
                path=path,
                line=number,
                received=line.rstrip(),
                accepted="a residue, its number, 20 emissions; below them 7 transitions and 3 diversities",
            )
        residues.append(fields[0])
        rows.append(values)
    return "".join(residues), np.array(rows, dtype=np.float32).reshape(len(rows), -1)


def _probability(field: str) -> float:
    return 0.0 if field == "*" else float(2.0 ** (-int(field) / 1000.0))


_READERS: dict[ProfileKind, Callable[[Path], tuple[str, Floats]]] = {"pssm": read_pssm, "hhm": read_hhm}


def _check_residues(residues: str, sequence: str, name: str, path: Path) -> None:
    """Makes sure that a profile is of that chain; letters other than the 20 amino acids fit any."""
    _check_length(len(residues), sequence, name, path)
    for position in _differences(residues.upper(), sequence):
        raise DataError(
            f"the profile is of another chain than '{name}': residue {position + 1} differs",
            path=path,
            received=residues[position],
            accepted=sequence[position],
        )


def _differences(left: str, right: str) -> Iterator[int]:
    known = frozenset(_PSSM_LETTERS)
    pairs = enumerate(zip(left, right, strict=True))
    return (position for position, (a, b) in pairs if a != b and a in known and b in known)


def _check_length(rows: int, sequence: str, name: str, path: Path) -> None:
    if rows != len(sequence):
        raise DataError(
            f"the profile of '{name}' has {rows} rows, the chain {len(sequence)} residues",
            path=path,
            accepted="a row for each residue",
        )
