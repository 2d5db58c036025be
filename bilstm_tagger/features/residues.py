"""What is known of a residue beforehand: physico-chemical properties, and its distance from either end of the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ResidueColumns"]

Floats = NDArray[np.float32]

# Meiler, Müller, Zeidler, Schmäschke 2001, J. Mol. Model. 7:360: steric parameter, polarizability, volume,
# hydrophobicity, isoelectric point, helix probability, sheet probability.
_PROPERTIES = {
    "A": (1.28, 0.05, 1.00, 0.31, 6.11, 0.42, 0.23),
    "C": (1.77, 0.13, 2.43, 1.54, 6.35, 0.17, 0.41),
    "D": (1.60, 0.11, 2.78, -0.77, 2.95, 0.25, 0.20),
    "E": (1.56, 0.15, 3.78, -0.64, 3.09, 0.42, 0.21),
    "F": (2.94, 0.29, 5.89, 1.79, 5.67, 0.30, 0.38),
    "G": (0.00, 0.00, 0.00, 0.00, 6.07, 0.13, 0.15),
    "H": (2.99, 0.23, 4.66, 0.13, 7.69, 0.27, 0.30),
    "I": (4.19, 0.19, 4.00, 1.80, 6.04, 0.30, 0.45),
    "K": (1.89, 0.22, 4.77, -0.99, 9.99, 0.32, 0.27),
    "L": (2.59, 0.19, 4.00, 1.70, 6.04, 0.39, 0.31),
    "M": (2.35, 0.22, 4.43, 1.23, 5.71, 0.38, 0.32),
    "N": (1.60, 0.13, 2.95, -0.60, 6.52, 0.21, 0.22),
    "P": (2.67, 0.00, 2.72, 0.72, 6.80, 0.13, 0.34),
    "Q": (1.56, 0.18, 3.95, -0.22, 5.65, 0.36, 0.25),
    "R": (2.34, 0.29, 6.13, -1.01, 10.74, 0.36, 0.25),
    "S": (1.31, 0.06, 1.60, -0.04, 5.70, 0.20, 0.28),
    "T": (3.03, 0.11, 2.60, 0.26, 5.60, 0.21, 0.36),
    "V": (3.67, 0.14, 3.00, 1.22, 6.02, 0.27, 0.49),
    "W": (3.21, 0.41, 8.08, 2.25, 5.94, 0.32, 0.42),
    "Y": (2.94, 0.30, 6.47, 0.96, 5.66, 0.25, 0.41),
}
# A letter for several residues has their mean; selenocysteine is taken for cysteine, pyrrolysine for lysine.
_LIKE = {"B": "DN", "Z": "EQ", "J": "IL", "U": "C", "O": "K"}
_HALF_WAY = 20.0


@dataclass(frozen=True, slots=True)
class ResidueColumns:
    """Numbers that follow from the residues alone, so that no data set has to hold them.

    Attributes:
        properties: Seven columns, each with mean 0 and variance 1 over the 20 amino acids; unknown residues have 0.
        position: Two columns, d / (d + 20) of the distance d in residues to the first and to the last residue: 0 at
            the end, a half after 20 residues, near 1 far away, whatever the length of the chain.
    """

    properties: bool = False
    position: bool = False

    @property
    def size(self) -> int:
        """Number of columns."""
        return 7 * self.properties + 2 * self.position

    def columns(self, forms: Sequence[str], codes: NDArray[np.integer], lengths: NDArray[np.integer]) -> Floats:
        """Computes the columns of chains that stand one after the other.

        Args:
            forms: The distinct residues.
            codes: ``(num_residues,)`` each residue's index in ``forms``.
            lengths: ``(num_chains,)``.

        Returns:
            ``(num_residues, size)`` float32.
        """
        parts = [np.zeros((len(codes), 0), dtype=np.float32)]
        if self.properties:
            table = _standardized()
            unknown = np.zeros(7, dtype=np.float32)
            known = np.array([table.get(form, unknown) for form in forms], dtype=np.float32).reshape(-1, 7)
            parts.append(known[codes])
        if self.position:
            ends = np.repeat(np.cumsum(lengths), lengths)
            places = np.arange(len(codes))
            distances = np.stack([places - ends + np.repeat(lengths, lengths), ends - 1 - places], axis=1)
            parts.append((distances / (distances + _HALF_WAY)).astype(np.float32))
        return np.concatenate(parts, axis=1)

    def columns_of(self, tokens: Sequence[str]) -> Floats:
        """Computes the columns of one chain, ``(seq_len, size)``."""
        forms = sorted(set(tokens))
        index = {form: code for code, form in enumerate(forms)}
        codes = np.fromiter((index[token] for token in tokens), dtype=np.int64, count=len(tokens))
        return self.columns(forms, codes, np.array([len(tokens)]))


def _standardized() -> dict[str, Floats]:
    values = np.array(list(_PROPERTIES.values()))
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    table = {letter: row.astype(np.float32) for letter, row in zip(_PROPERTIES, scaled, strict=True)}
    means = {letter: np.mean([table[one] for one in like], axis=0, dtype=np.float32) for letter, like in _LIKE.items()}
    return table | means
