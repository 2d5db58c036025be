"""Columns that follow from the residues: properties and the distance from either end."""

from __future__ import annotations

import numpy as np
import pytest

from bilstm_tagger.features.residues import ResidueColumns

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"


def test_properties_are_standardized_and_keep_their_order() -> None:
    values = ResidueColumns(properties=True).columns_of(list(AMINO_ACIDS))
    assert (values.shape, values.dtype) == ((20, 7), np.float32)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-5)
    extremes = [AMINO_ACIDS[place] for place in values.argmax(axis=0)]
    # Largest steric parameter, polarizability, volume, hydrophobicity, isoelectric point; likeliest helix and strand.
    assert extremes[:5] == ["I", "W", "W", "W", "R"]
    assert extremes[5] in "AE"
    assert extremes[6] == "V"


def test_letters_for_several_residues_and_for_none() -> None:
    columns = ResidueColumns(properties=True)
    b, d, n, u, c, x = columns.columns_of(list("BDNUCX"))
    np.testing.assert_allclose(b, (d + n) / 2, rtol=1e-5)
    np.testing.assert_array_equal(u, c)
    np.testing.assert_array_equal(x, 0)


def test_position_is_counted_from_either_end() -> None:
    values = ResidueColumns(position=True).columns_of(["M"] * 41)
    assert values[0].tolist() == [0.0, pytest.approx(40 / 60)]
    assert values[20].tolist() == [0.5, 0.5]
    np.testing.assert_array_equal(values, values[::-1, ::-1])


def test_chains_side_by_side_are_as_chains_alone() -> None:
    columns = ResidueColumns(properties=True, position=True)
    chains = ["MKV", "", "G", "XWWA"]
    forms = sorted(set("".join(chains)))
    codes = np.array([forms.index(residue) for residue in "".join(chains)])
    together = columns.columns(forms, codes, np.array([len(chain) for chain in chains]))
    alone = np.concatenate([columns.columns_of(list(chain)) for chain in chains])
    assert together.shape == (8, columns.size) == (8, 9)
    np.testing.assert_array_equal(together, alone)


def test_none_are_no_columns() -> None:
    assert ResidueColumns().size == 0
    assert ResidueColumns().columns_of(list("MK")).shape == (2, 0)
