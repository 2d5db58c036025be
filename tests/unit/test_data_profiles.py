"""Profiles: PSI-BLAST matrices, HH-suite profiles and arrays become columns, or a message that names the record."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.proteins.profiles import open_profiles, read_hhm, read_pssm
from bilstm_tagger.errors import DataError

LETTERS = "ARNDCQEGHILKMFPSTWYV"
ALPHABET = "ACDEFGHIKLMNPQRSTVWY"


def pssm(sequence: str) -> str:
    """A matrix as ``psiblast -out_ascii_pssm`` lays it out: three places a score, so that -10 touches its neighbour."""
    header = "\nLast position-specific scoring matrix computed, weighted observed percentages rounded down\n"
    names = " ".join(f"{letter:>2}" for letter in LETTERS)
    lines = [header, f"            {names}   {names}\n"]
    for place, residue in enumerate(sequence, start=1):
        scores = "".join(f"{score:3d}" for score in [place, -10, -11, *range(17)])
        lines.append(f"{place:5d} {residue}   {scores}   {'   0' * 20}  0.48 0.22\n")
    return "".join(lines) + "\n                      K         Lambda\nStandard Ungapped    0.1334     0.3157\n"


def hhm(sequence: str) -> str:
    names = "\t".join(ALPHABET)
    lines = ["HHsearch 1.5\nNAME  one\nLENG  2\nSEQ\n>one\n", sequence, "\n#\n", "NULL   3706\t5728\n"]
    lines.append(f"HMM    {names}\n       M->M\tM->I\tM->D\tI->M\tI->I\tD->M\tD->D\tNeff\tNeff_I\tNeff_D\n")
    lines.append("       0\t*\t*\t0\t*\t0\t*\t*\t*\t*\n")
    for place, residue in enumerate(sequence, start=1):
        emissions = "\t".join(["0", "1000", *["*"] * 18])
        lines.append(f"{residue} {place}    {emissions}\t{place}\n")
        lines.append("       2000\t*\t*\t*\t*\t*\t*\t10000\t0\t1000\t\n\n")
    return "".join(lines) + "//\n"


def logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_a_psi_blast_matrix_is_squashed(tmp_path: Path) -> None:
    path = tmp_path / "one.pssm"
    path.write_text(pssm("MKX"))
    residues, values = read_pssm(path)
    assert residues == "MKX"
    assert values.dtype == np.float32
    expected = [[logistic(score) for score in (place, -10, -11, *range(17))] for place in (1, 2, 3)]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_an_hh_suite_profile_is_probabilities(tmp_path: Path) -> None:
    path = tmp_path / "one.hhm"
    path.write_text(hhm("MK"))
    residues, values = read_hhm(path)
    assert residues == "MK"
    row = [1.0, 0.5, *[0.0] * 18, 0.25, *[0.0] * 6, 0.5, 0.0, 0.05]
    np.testing.assert_allclose(values, [row, row], rtol=1e-6)


def test_a_folder_gives_the_kinds_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "sp_P1_X.pssm").write_text(pssm("MK"))
    (tmp_path / "sp_P1_X.hhm").write_text(hhm("MK"))
    with open_profiles(tmp_path, kinds=["hhm", "pssm"]) as profiles:
        columns = profiles.columns("sp|P1|X", "MK")
    assert columns.shape == (2, 50)
    assert columns[0, 0] == 1.0
    assert columns[0, 30] == pytest.approx(logistic(1))


def test_a_profile_of_unknown_residues_fits(tmp_path: Path) -> None:
    (tmp_path / "one.pssm").write_text(pssm("XK"))
    with open_profiles(tmp_path) as profiles:
        assert profiles.columns("one", "MX").shape == (2, 20)


@pytest.mark.parametrize("layout", ["an array an id", "all chains in a row"])
def test_two_layouts_of_npz(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "p.npz"
    one, two = np.arange(6, dtype=np.float16).reshape(3, 2), np.ones((2, 2), dtype=np.float16)
    if layout == "an array an id":
        np.savez(path, one=one, two=two)
    else:
        joined = np.concatenate([one, two])
        names = np.array(["one", "two"])
        np.savez(path, ids=names, lengths=np.array([3, 2]), first=joined[:, :1], second=joined[:, 1:], seq=names)
    with open_profiles(path) as profiles:
        for name, expected in (("one", one), ("two", two)):
            columns = profiles.columns(name, "MKV"[: len(expected)])
            assert columns.dtype == np.float32
            np.testing.assert_array_equal(columns, expected)


def chains(tmp_path: Path) -> Path:
    path = tmp_path / "chains.csv"
    path.write_text("id,sequence,ss3\none,MKV,HHH\ntwo,GG,CC\n")
    return path


def test_rows_have_the_columns_and_a_changed_profile_is_seen(tmp_path: Path) -> None:
    path, profiles = chains(tmp_path), tmp_path / "p.npz"
    for value in (1.0, 2.0):
        np.savez(profiles, one=np.full((3, 2), value), two=np.full((2, 2), value))
        rows = load_rows(path, task="protein_ss3", profiles=profiles)
        assert rows["dense"][1] == [[value, value]] * 2


def test_a_changed_file_of_a_folder_is_seen(tmp_path: Path) -> None:
    (tmp_path / "one.pssm").write_text(pssm("MKV"))
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    (tmp_path / "two.pssm").write_text(pssm("GG"))
    assert len({before, fingerprint(tmp_path), fingerprint(tmp_path, kinds=["hhm"])}) == 3


def fingerprint(path: Path, **options: Any) -> str:
    with open_profiles(path, **options) as profiles:
        return profiles.fingerprint()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"one": np.ones((4, 2)), "two": np.ones((2, 2))}, r"chains.csv:2: .*'one' has 4 rows, the chain 3 residues"),
        ({"one": np.ones((3, 2))}, r"chains.csv:3: record 'two': .*no profile of 'two'"),
        ({"one": np.ones(3), "two": np.ones((2, 2))}, r"'one' is no table of numbers: got \(\(3,\), 'float64'\)"),
        ({"one": np.ones((3, 2)), "two": np.ones((2, 5))}, r"chains.csv:3: another number of dense columns"),
        ({"ids": np.array(["one"]), "lengths": np.array([3])}, r"no array has a row for each residue: got 3"),
        ({"one": np.array([{}], dtype=object)}, r"the array 'one' cannot be read"),
    ],
)
def test_what_is_wrong_with_an_array_is_named(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load_rows(chains(tmp_path), task="protein_ss3", profiles=tmp_path / "p.npz")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"one.pssm": pssm("MKVL")}, r"record 'one': .*one.pssm: the profile of 'one' has 4 rows, the chain 3"),
        ({"one.pssm": pssm("MKL")}, r"of another chain than 'one': residue 3 differs: got 'L'. Accepted: V"),
        ({"one.hhm": hhm("MKV")}, r"no profile one.pssm.*There is one.hhm: set data.profile_kinds"),
        ({"ones.pssm": pssm("MKV")}, r"no profile one.pssm.*Did you mean 'ones'"),
        ({"one.pssm": "MKV\n"}, r"one.pssm: no header of a PSI-BLAST matrix"),
        ({"one.pssm": pssm("MKV").replace(" -10-11", "  ")}, r"one.pssm:\d+: too few scores"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    folder = tmp_path / "profiles"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text if "too few" not in message else cut(text))
    with pytest.raises(DataError, match=message):
        load_rows(chains(tmp_path), task="protein_ss3", profiles=folder)


def cut(text: str) -> str:
    """Leaves twelve places of each line of scores."""
    return "\n".join(line[:30] if line[:5].strip().isdecimal() else line for line in text.splitlines())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("HMM A C\n", "no header of an HH-suite profile"),
        (hhm("M").replace("2000", "x"), "x.hhm:12: no match state of an HH-suite profile: got 'M 1"),
        (hhm("M").replace("0\t1000\t*", "0"), "no match state"),
    ],
)
def test_what_is_wrong_with_an_hhm(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.hhm").write_text(text)
    with pytest.raises(DataError, match=message):
        read_hhm(tmp_path / "x.hhm")


def test_what_is_no_npz(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_text("no")
    with pytest.raises(DataError, match=r"x.npz: this is no .npz of numbers, nor a folder"):
        fingerprint(tmp_path / "x.npz")
    np.save(tmp_path / "x.npy", np.ones(3))
    with pytest.raises(DataError, match=r"x.npy: this is no .npz"):
        fingerprint(tmp_path / "x.npy")
    with pytest.raises(DataError, match=r"nowhere: no such file"):
        fingerprint(tmp_path / "nowhere")


def test_the_profiles_of_jpred(shared_data: Path) -> None:
    folder = shared_data / "protein" / "jpred4"
    with (folder / "jpred4_training.tsv").open() as lines:
        next(lines)
        name, sequence, _ = next(lines).split("\t")
    with open_profiles(folder / "jpred4_training_profiles.npz") as profiles:
        assert profiles.columns(name, sequence).shape == (len(sequence), 44)
