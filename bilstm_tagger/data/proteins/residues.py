"""The letters of protein chains and of their secondary structure (Kabsch & Sander 1983, DSSP)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress

from bilstm_tagger.errors import DataError
from bilstm_tagger.tasks.protein_ss3 import THREE_STATES

__all__ = [
    "AMINO_ACIDS",
    "RESIDUES",
    "STATES_8",
    "ChainChecks",
    "clean_sequence",
    "looks_like_nucleotides",
    "states",
    "without_gaps",
]

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
RESIDUES = frozenset(AMINO_ACIDS + "XBZUOJ")
"""The 20 amino acids, X (any), B (D or N), Z (E or Q), J (I or L), U (selenocysteine), O (pyrrolysine)."""

STATES_8 = {letter: letter if letter in "BEGHIST" else "C" for letter in THREE_STATES}
"""The eight states, all spellings of coil being C."""

_BLANKS = str.maketrans("", "", " \t\r\n")
_GAPS = "-."
_NUCLEOTIDES = frozenset("ACGTUN")
_LEAST_NUCLEOTIDES = 20


def clean_sequence(sequence: str, *, path: object = None, line: int | None = None) -> str:
    """Returns a chain in upper case, without blanks; a ``*`` (stop) at its end is left out, another is X.

    Raises:
        DataError: It holds a letter that stands for no residue.
    """
    cleaned = sequence.translate(_BLANKS).upper().removesuffix("*").replace("*", "X")
    if not RESIDUES.issuperset(cleaned):
        position = next(i for i, letter in enumerate(cleaned) if letter not in RESIDUES)
        raise DataError(
            f"residue {position + 1} is not an amino acid",
            path=str(path) if path is not None else None,
            line=line,
            received=cleaned[position],
            accepted=f"{AMINO_ACIDS} and X B Z U O J",
        )
    return cleaned


def without_gaps(sequence: str) -> tuple[str, list[bool]]:
    """Returns a row of an alignment without blanks and gaps, and which of its columns are left."""
    row = sequence.translate(_BLANKS)
    kept = [letter not in _GAPS for letter in row]
    return "".join(compress(row, kept)), kept


class ChainChecks:
    """Looks at the chains of one source, one after the other, for what makes a record useless."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], int] = {}

    def check(self, name: str | None, sequence: str, *, path: object, line: int) -> None:
        """Checks one chain.

        Args:
            name: Its id; None where records have none.
            sequence: Its residues, upper case.
            path: The file, for messages.
            line: The line of the record.

        Raises:
            DataError: It is empty, of unknown residues only, of nucleotides, or an earlier chain has the same id.
        """
        record = "the record" if name is None else f"record '{name}'"
        place = str(path)
        if not sequence:
            raise DataError(f"{record} is empty", path=place, line=line, accepted="at least one residue")
        if set(sequence) == {"X"}:
            raise DataError(f"{record} has only unknown residues (X)", path=place, line=line, accepted=AMINO_ACIDS)
        if _is_nucleotides(sequence):
            raise DataError(
                f"{record} is DNA or RNA, not a protein (nearly all of it is A, C, G, T, U or N)",
                path=place,
                line=line,
                received=sequence,
                accepted="amino acid sequences",
                hint="Translate it first",
            )
        # Sources of several files may number the records of each.
        if name is not None and (first := self._lines.setdefault((place, name), line)) != line:
            raise DataError(
                f"{record} has the id of another, at line {first}",
                path=place,
                line=line,
                accepted="each id once",
            )


def _is_nucleotides(sequence: str) -> bool:
    """Says whether a chain of some length is nearly all of the letters of DNA or RNA, with all of them present."""
    if len(sequence) < _LEAST_NUCLEOTIDES or not looks_like_nucleotides(_NUCLEOTIDES.intersection(sequence)):
        return False
    return sum(map(sequence.count, _NUCLEOTIDES)) >= 0.95 * len(sequence)


def looks_like_nucleotides(letters: Iterable[str]) -> bool:
    """Says whether letters are those of DNA or RNA: A, C, G with T or U, perhaps N, and no other."""
    found = set(letters)
    return found <= set("ACGTUN") and found >= set("ACG") and bool(found & set("TU"))


def states(labels: Sequence[str | None], table: Mapping[str, str]) -> tuple[list[str | None], int | None]:
    """Maps state letters, lower case too, by ``STATES_8`` or one of ``STATE_MAPS``.

    Returns:
        The states (None stays None), and the position of the first letter that is no state, or None.
    """
    mapped: list[str | None] = []
    for position, label in enumerate(labels):
        state = None if label is None else table.get(label.upper())
        if state is None and label is not None:
            return mapped, position
        mapped.append(state)
    return mapped, None
