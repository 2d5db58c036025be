"""Near duplicates: equal, mutated and contained chains are found, others are not, and MMseqs2 is used where it is."""

from __future__ import annotations

import random
import stat
import sys
from pathlib import Path

import pytest

from bilstm_tagger.data.proteins.homologs import near_duplicates
from bilstm_tagger.errors import DataError

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def chain(length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices(LETTERS, k=length))


def mutated(sequence: str, share: float, seed: int) -> str:
    """Replaces a share of the residues by others."""
    rng = random.Random(seed)
    places = set(rng.sample(range(len(sequence)), round(share * len(sequence))))
    return "".join(rng.choice(LETTERS.replace(a, "")) if i in places else a for i, a in enumerate(sequence))


@pytest.mark.parametrize("identity", [0.9, 0.8, 0.7, 0.6])
def test_the_identity_of_mutated_chains_is_estimated(identity: float) -> None:
    queries = [chain(300, seed) for seed in range(20)]
    targets = [mutated(query, 1 - identity, seed) for seed, query in enumerate(queries)]
    found = near_duplicates(queries, targets, method="kmers")
    assert [(pair.query, pair.target) for pair in found] == [(index, index) for index in range(20)]
    mean = sum(pair.identity for pair in found) / len(found)
    assert mean == pytest.approx(identity, abs=0.04)


def test_unrelated_chains_are_not_alike() -> None:
    assert near_duplicates([chain(250, s) for s in range(40)], [chain(250, s) for s in range(100, 160)]) == []


def test_an_insertion_keeps_both_parts() -> None:
    whole = chain(200, 1)
    found = near_duplicates([whole], [chain(200, 2), whole[:100] + chain(40, 3) + whole[100:]], method="kmers")
    assert [(pair.target, pair.method) for pair in found] == [(1, "kmers")]
    assert found[0].identity > 0.95


def test_a_part_of_a_chain_is_found_in_it() -> None:
    whole = chain(300, 1)
    found = near_duplicates([whole[50:150]], [whole], method="kmers")
    assert [tuple(pair) for pair in found] == [(0, 0, 1.0, "kmers")]


@pytest.mark.parametrize("sequence", ["MK", "XXXX", "MKVLAX", chain(50, 1)])
def test_equal_chains_are_found_however_short(sequence: str) -> None:
    found = near_duplicates(["GGG", sequence], [sequence, "", "AAA", sequence], method="kmers")
    assert [(pair.query, pair.target, pair.identity, pair.method) for pair in found] == [
        (1, 0, 1.0, "equal"),
        (1, 3, 1.0, "equal"),
    ]


def test_a_shared_tag_or_a_run_of_one_residue_is_no_kinship() -> None:
    tag = "MGSSHHHHHHSSGLVPRGSH"
    queries = [tag + chain(200, 1), chain(100, 2) + "E" * 60]
    assert near_duplicates(queries, [tag + chain(200, 3), "E" * 60 + chain(100, 4)], method="kmers") == []


def test_many_queries_keep_their_numbers() -> None:
    queries = [chain(60, seed) for seed in range(600)]
    found = near_duplicates(queries, [queries[599], queries[256], queries[0]], method="kmers")
    assert [(pair.query, pair.target) for pair in found] == [(0, 2), (256, 1), (599, 0)]


def test_nothing_to_compare() -> None:
    assert near_duplicates([], ["MKV"], method="kmers") == []
    assert near_duplicates(["MKV"], [], method="kmers") == []
    assert near_duplicates(["", "MK"], ["", "MV"], method="kmers") == []


def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    program = tmp_path / "mmseqs"
    program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_mmseqs_is_used_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "assert open(sys.argv[2]).read() == '>0\\nMKV\\n>1\\nGGG\\n'\n"
    body += "open(sys.argv[4], 'w').write('0\\t1\\t0.31\\n0\\t1\\t0.28\\n1\\t0\\t0.5\\n')"
    stub(tmp_path, monkeypatch, body)
    found = near_duplicates(["MKV", "GGG"], ["AAA", "MKVL", "GGG"], identity=0.25)
    assert [tuple(pair) for pair in found] == [
        (0, 1, 0.31, "mmseqs"),
        (1, 2, 1.0, "equal"),
        (1, 0, 0.5, "mmseqs"),
    ]


def test_what_mmseqs_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(tmp_path, monkeypatch, "sys.exit('out of space')")
    with pytest.raises(DataError, match=r"mmseqs failed with exit code 1: got 'out of space'"):
        near_duplicates(["MKV"], ["MKV"], method="mmseqs")


def test_mmseqs_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"'mmseqs' \(MMseqs2\) is not installed"):
        near_duplicates(["MKV"], ["MKV"], method="mmseqs")
