"""What PSI-BLAST, HH-suite, mkdssp and MMseqs2 themselves write and answer, where they are installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.proteins.homologs import near_duplicates

CHAIN = "PNFSGNWKIIRSENFEELLKVLGVNVMLRKIAVAAASKPAVEIKQEGDTFYIKTSTTVRTTEINFKVGEEFEEQTVDGRPCKSLVKWESENKMVCEQKLLKGEGPK"
RELATIVE = CHAIN.replace("KIIRS", "KVVRS").replace("AAASK", "AGASR").replace("VNVML", "VNIML")


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"the program {program} is not installed")


def run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def write_chains(folder: Path) -> None:
    (folder / "chains.fasta").write_text(f">one\n{CHAIN}\n", encoding="ascii")
    (folder / "states.fasta").write_text(f">one\n{'H' * len(CHAIN)}\n", encoding="ascii")
    (folder / "database.fasta").write_text(f">one\n{CHAIN}\n>two\n{RELATIVE}\n", encoding="ascii")


def dense(folder: Path, *kinds: str) -> np.ndarray:
    rows = load_rows(
        folder / "chains.fasta",
        task="protein_ss3",
        labels=folder / "states.fasta",
        profiles=folder,
        profile_kinds=list(kinds),
    )
    return np.array(rows[0]["dense"])


@needs("psiblast")
def test_a_matrix_of_psiblast(tmp_path: Path) -> None:
    write_chains(tmp_path)
    run(tmp_path, "makeblastdb", "-in", "database.fasta", "-dbtype", "prot")
    options = ("-num_iterations", "2", "-out_ascii_pssm", "one.pssm", "-save_pssm_after_last_round")
    run(tmp_path, "psiblast", "-query", "chains.fasta", "-db", "database.fasta", *options)
    values = dense(tmp_path, "pssm")
    assert values.shape == (len(CHAIN), 20)
    # Nearly every residue is the likeliest at its own place.
    likeliest = ["ARNDCQEGHILKMFPSTWYV"[column] for column in values.argmax(axis=1)]
    assert np.mean([a == b for a, b in zip(likeliest, CHAIN, strict=True)]) > 0.9


@needs("hhmake")
def test_a_model_of_hhmake(tmp_path: Path) -> None:
    write_chains(tmp_path)
    (tmp_path / "one.a3m").write_text(f">one\n{CHAIN}\n>two\n{RELATIVE}\n", encoding="ascii")
    run(tmp_path, "hhmake", "-i", "one.a3m", "-o", "one.hhm")
    values = dense(tmp_path, "hhm")
    assert values.shape == (len(CHAIN), 30)
    likeliest = ["ACDEFGHIKLMNPQRSTVWY"[column] for column in values[:, :20].argmax(axis=1)]
    assert np.mean([a == b for a, b in zip(likeliest, CHAIN, strict=True)]) > 0.9


@needs("mkdssp")
def test_a_structure_by_way_of_mkdssp(tmp_path: Path, shared_data: Path) -> None:
    published = shared_data / "protein" / "formats" / "1cbs-dssp.cif"
    blocks = published.read_text(encoding="utf-8").split("\n#\n")
    kept = [block for block in blocks if not re.match(r"\s*(loop_\s*)?_(dssp|struct_conf|struct_sheet)", block)]
    (tmp_path / "1cbs.cif").write_text("\n#\n".join(kept), encoding="utf-8")
    made, known = (load_rows(path, task="protein_ss8")[0] for path in (tmp_path / "1cbs.cif", published))
    assert made["tokens"] == [residue for residue, tag in zip(known["tokens"], known["tags"], strict=True) if tag]
    assert made["tags"] == [tag for tag in known["tags"] if tag]


@needs("mmseqs")
def test_homologs_by_mmseqs() -> None:
    other = (
        "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVVHSLAKWKRQTLGQHDFSAGEGLYTHMKALRPDEDRLS"
    )
    (pair,) = near_duplicates([RELATIVE, other], [CHAIN], identity=0.5, method="mmseqs")
    assert (pair.query, pair.target) == (0, 0)
    assert 0.9 < pair.identity < 1.0
