"""DSSP: classic and mmCIF output, several chains, breaks, bridges, insertion codes; structures by way of mkdssp."""

from __future__ import annotations

import gzip
import stat
import sys
from pathlib import Path

import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.errors import DataError

HEADER = "==== Secondary Structure Definition by the program DSSP, NKI version 4.4.0 ====\n"
ENTRY = f"{'HEADER    TRANSPORT':<62}1ABC{' ' * 62}.\n"
TABLE = "  #  RESIDUE AA STRUCTURE BP1 BP2  ACC     N-H-->O\n"


def line(number: int, place: str, chain: str, residue: str, state: str = " ") -> str:
    return f"{number:5d}{place:>5} {chain} {residue}  {state}              0   0   64\n"


CLASSIC = (
    HEADER
    + ENTRY
    + TABLE
    + "".join(
        [
            line(1, "1", "A", "M", "H"),
            line(2, "1A", "A", "a", "G"),
            line(3, "2", "A", "a", "P"),
            f"{4:5d}        !              0   0    0\n",
            line(5, "9", "A", "X", "E"),
            f"{6:5d}        !*             0   0    0\n",
            line(7, "1", "B", "G", " "),
        ]
    )
)
SEQUENCE = """loop_
_pdbx_poly_seq_scheme.asym_id
_pdbx_poly_seq_scheme.entity_id
_pdbx_poly_seq_scheme.seq_id
_pdbx_poly_seq_scheme.mon_id
A 1 1 GLY
A 1 2 MSE
A 1 3 'T6P'
A 1 4 LYS
#
"""
SUMMARY = """loop_
_dssp_struct_summary.entry_id
_dssp_struct_summary.label_comp_id
_dssp_struct_summary.label_asym_id
_dssp_struct_summary.label_seq_id
_dssp_struct_summary.secondary_structure
_dssp_struct_summary.x_ca
1ABC MSE A 2 H 1.0
1ABC T6P A 3 .
  2.0
1ABC LYS A 4 P 3.0
1ABC TRP B 1 ? 4.0
#
"""
CIF = "data_1ABC\n#\n_entry.id   1ABC\n_struct.title 'It''s # a title'\n_a.text\n;loop_\n_b.c\n;\n" + SEQUENCE + SUMMARY


def write(tmp_path: Path, text: str, name: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_classic_format(tmp_path: Path) -> None:
    rows = load_rows(write(tmp_path, CLASSIC, "x.dssp"), task="protein_ss8")
    assert rows["id"] == ["1ABC_A", "1ABC_B"]
    # Bridged cysteines are lower-case letters; one X stands for what is missing at a break.
    assert rows["tokens"] == [list("MCCXX"), ["G"]]
    assert rows["tags"] == [["H", "G", "C", None, "E"], ["C"]]


def test_the_format_is_known_by_its_first_line(tmp_path: Path) -> None:
    assert load_rows(write(tmp_path, CLASSIC, "x.txt"), task="protein_ss3")["tags"][0] == ["H", "H", "C", None, "E"]


def test_chains_of_longer_names(tmp_path: Path) -> None:
    table = TABLE.rstrip("\n") + "                CHAIN AUTHCHAIN\n"
    row = line(1, "1", ">", "G", "T").rstrip("\n").ljust(table.index("CHAIN")) + "AAB       AAC\n"
    rows = load_rows(write(tmp_path, HEADER + table + row, "long.dssp"), task="protein_ss8")
    assert (rows["id"], rows["tokens"], rows["tags"]) == (["long_AAB"], [["G"]], [["T"]])


def test_mmcif_knows_the_residues_without_coordinates(tmp_path: Path) -> None:
    rows = load_rows(write(tmp_path, CIF.replace("1ABC TRP B 1 ?", "1ABC TRP B 1 E"), "x.cif"), task="protein_ss8")
    assert rows["id"] == ["1ABC_A", "1ABC_B"]
    assert rows["tokens"] == [list("GMXK"), ["W"]]
    assert rows["tags"] == [[None, "H", "C", "C"], ["E"]]


def test_mmcif_compressed_without_the_whole_sequence(tmp_path: Path) -> None:
    path = tmp_path / "pdb1abc.cif.gz"
    path.write_bytes(gzip.compress(f"data_x\n{SUMMARY}".encode()))
    rows = load_rows(path, task="protein_ss8")
    assert rows["id"] == ["pdb1abc_A", "pdb1abc_B"]
    assert rows["tags"] == [["H", "C", "C"], [None]]


def test_a_folder_of_structures_and_their_states(tmp_path: Path) -> None:
    write(tmp_path, CLASSIC, "a.dssp")
    write(tmp_path, CIF.replace("1ABC", "2XYZ"), "b.cif")
    write(tmp_path, "HEADER\n", "c.pdb")
    rows = load_rows(tmp_path, task="protein_ss8", skip_invalid=True)
    assert rows["id"][:3] == ["1ABC_A", "1ABC_B", "2XYZ_A"]


def test_sequences_alone(tmp_path: Path) -> None:
    rows = load_rows(write(tmp_path, CLASSIC, "x.dssp"), task="protein_ss3", require_tags=False)
    assert rows["tags"] == [[None] * 5, [None]]


@pytest.mark.parametrize(("name", "text"), [("x.dssp", CLASSIC), ("x.cif", CIF)])
def test_line_ends_of_windows(tmp_path: Path, name: str, text: str) -> None:
    plain, windows = tmp_path / "plain", tmp_path / "windows"
    for folder, content in ((plain, text), (windows, text.replace("\n", "\r\n"))):
        folder.mkdir()
        (folder / name).write_bytes(content.encode())
    first, second = (load_rows(folder / name, task="protein_ss8") for folder in (plain, windows))
    assert first[:] == second[:]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.dssp", "no\n", r"x.dssp:1: no DSSP file: got 'no'"),
        ("x.dssp", HEADER + ENTRY, r"x.dssp: no table of residues"),
        ("x.dssp", HEADER + TABLE + "    1    1 A\n", r"x.dssp:3: a line of the table is too short"),
        ("x.cif", CIF.replace("label_comp_id", "comp"), r"the table _dssp_struct_summary has no label_comp_id"),
        ("x.cif", CIF.replace("1ABC TRP B 1 ? 4.0", "1ABC TRP B"), r"x.cif:\d+: the table .* ends within a row"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_rows(write(tmp_path, text, name), task="protein_ss8")


@pytest.mark.parametrize(("name", "text"), [("x.pdb", "HEADER\n"), ("x.cif", "data_x\n_entry.id x\n")])
def test_a_structure_needs_mkdssp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=rf"{name}: this structure has no .* the program 'mkdssp' is not installed"):
        load_rows(write(tmp_path, text, name), task="protein_ss8")


def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Puts a program ``mkdssp`` on the path that runs some Python, its arguments in ``sys.argv``."""
    program = tmp_path / "bin" / "mkdssp"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent))


def test_mkdssp_is_run_on_structures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = f"assert open(sys.argv[3]).read() == 'HEADER\\n'\nopen(sys.argv[4], 'w').write({CLASSIC!r})"
    stub(tmp_path, monkeypatch, body)
    path = tmp_path / "1abc.pdb.gz"
    path.write_bytes(gzip.compress(b"HEADER\n"))
    assert load_rows(path, task="protein_ss8")["id"] == ["1ABC_A", "1ABC_B"]


def test_what_mkdssp_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(tmp_path, monkeypatch, "sys.exit('no CRYST1 record')")
    with pytest.raises(DataError, match=r"x.pdb: mkdssp failed with exit code 1: no CRYST1 record"):
        load_rows(write(tmp_path, "HEADER\n", "x.pdb"), task="protein_ss8")


def test_dssps_own_sample(shared_data: Path) -> None:
    folder = shared_data / "protein" / "formats"
    row = load_rows(folder / "1cbs.dssp", task="protein_ss8")[0]
    lines = (folder / "1cbs-dssp-test.tsv").read_text().splitlines()
    expected = [line.split("\t")[2] for line in lines]
    assert row["id"] == "1CBS_A"
    assert row["tags"] == [state.replace("_", "C") for state in expected]
