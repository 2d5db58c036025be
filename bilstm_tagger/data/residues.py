"""The letters of protein chains and of their secondary structure.

Source of the states: Kabsch & Sander 1983 (DSSP); of the reduction to three: H, G, I -> H; E, B -> E; the rest -> C,
as in NetSurfP-2.0 (Klausen et al. 2019).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bilstm_tagger.errors import DataError

__all__ = ["AMINO_ACIDS", "RESIDUES", "STATES_3", "STATES_8", "clean_sequence", "looks_like_nucleotides", "states"]

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
RESIDUES = frozenset(AMINO_ACIDS + "XBZUOJ")
"""The 20 amino acids, X (any), B (D or N), Z (E or Q), J (I or L), U (selenocysteine), O (pyrrolysine)."""

_COIL = "C", "L", " ", "-", "_", "."
# P is the polyproline helix of DSSP 4, which sets of eight states count as coil.
STATES_8 = {letter: letter for letter in "BEGHIST"} | dict.fromkeys((*_COIL, "P"), "C")
STATES_3 = {letter: {"G": "H", "I": "H", "H": "H", "B": "E", "E": "E"}.get(letter, "C") for letter in STATES_8}

_BLANKS = str.maketrans("", "", " \t\r\n")


def clean_sequence(sequence: str, *, path: object = None, line: int | None = None) -> str:
    """Returns a chain in upper case, without blanks and without a ``*`` at its end.

    Raises:
        DataError: It holds a letter that stands for no residue.
    """
    cleaned = sequence.translate(_BLANKS).upper().removesuffix("*")
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


def looks_like_nucleotides(letters: Iterable[str]) -> bool:
    """Says whether letters are those of DNA or RNA: A, C, G with T or U, perhaps N, and no other."""
    found = set(letters)
    return found <= set("ACGTUN") and found >= set("ACG") and bool(found & set("TU"))


def states(labels: Sequence[str | None], table: dict[str, str]) -> tuple[list[str | None], int | None]:
    """Maps state letters, lower case too, by ``STATES_3`` or ``STATES_8``.

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
