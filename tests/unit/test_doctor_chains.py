"""What the doctor says of proteins."""

from __future__ import annotations

import random
from pathlib import Path

from bilstm_tagger.doctor import CheckReport, Finding, check

RNG = random.Random(3)
CHAINS = ["".join(RNG.choices("ACDEFGHIKLMNPQRSTVWY", k=120)) for _ in range(6)]


def write(path: Path, chains: list[str], labels: list[str] | None = None) -> Path:
    labels = ["C" * len(chain) for chain in chains] if labels is None else labels
    records = zip(chains, labels, strict=True)
    path.write_text("".join(f">{path.stem}{i}\n{chain}\n{states}\n" for i, (chain, states) in enumerate(records)))
    return path


def only(report: CheckReport, code: str) -> Finding:
    (finding,) = (finding for finding in report.findings if finding.code == code)
    return finding


def test_chains_of_unknown_or_unusual_residues_and_lengths(tmp_path) -> None:
    path = write(tmp_path / "a.fasta", [CHAINS[0], "X" * 30 + "MKV", "MKVU", CHAINS[1] * 13])
    report = check(path, task="protein_ss3")
    assert only(report, "D801").places[0].line == 4
    assert only(report, "D802").count == 31
    assert "X 30, U 1" in only(report, "D802").message
    assert {place.line for place in only(report, "D803").places} == {7, 10}
    assert report.parts[0].labels == {"C": report.parts[0].tokens}
    assert report.parts[0].words == 22


def test_chains_without_labels(tmp_path) -> None:
    path = write(tmp_path / "a.fasta", CHAINS[:2])
    mask = tmp_path / "mask.fasta"
    mask.write_text(f">a0\n{'0' * 120}\n>a1\n{'1' * 119}0\n")
    report = check(path, task="protein_ss3", mask=str(mask))
    assert only(report, "D804").places[0].text == "a0: 120 residues"
    assert "121 of 240 tokens" in only(report, "D304").message
    assert only(report, "D304").count == 2


def test_equal_and_similar_chains_in_two_parts(tmp_path) -> None:
    relative = "".join("A" if i % 10 == 0 else residue for i, residue in enumerate(CHAINS[1]))
    train = write(tmp_path / "train.fasta", CHAINS[:3])
    test = write(tmp_path / "test.fasta", [CHAINS[0], relative, CHAINS[5]])
    report = check({"train": train, "test": test}, task="protein_ss3")
    assert only(report, "D602").places[0].text == f"as {train}:1 (120 tokens)"
    similar = only(report, "D805")
    assert (similar.count, similar.part) == (1, "train, test")
    assert similar.places[0].text.startswith("test1 is ")
    assert "identical to train1" in similar.places[0].text


def test_a_letter_that_is_no_residue_is_an_error(tmp_path) -> None:
    report = check(write(tmp_path / "a.fasta", [CHAINS[0], "MK1V"]), task="protein_ss3")
    assert report.exit_code() == 2
    assert ":4" in only(report, "D001").message
