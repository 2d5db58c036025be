"""Readers of DSSP's output, classic and mmCIF, and of structures by way of the program ``mkdssp``.

Every chain is a record, its id ``ENTRY_CHAIN``; chains that are no protein are not in the output. A residue without
coordinates has no label: in mmCIF it is known from the table of the whole sequence; the classic format only marks that
something is missing (``!``), and there one X stands for it, so that neighbours in the row are neighbours in the chain.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bilstm_tagger.data.files import open_binary, read_lines, stem_suffix
from bilstm_tagger.data.readers.mmcif import read_tables
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.errors import DataError

__all__ = ["STRUCTURE_SUFFIXES", "is_classic_dssp", "read_dssp"]

_PDB_SUFFIXES = (".pdb", ".ent")
STRUCTURE_SUFFIXES = (*_PDB_SUFFIXES, ".cif", ".mmcif")

_TABLE = "  #  RESIDUE AA STRUCTURE"
_SUMMARY, _SEQUENCE, _ENTRY = "_dssp_struct_summary", "_pdbx_poly_seq_scheme", "_entry"
_RESIDUE, _STATE, _CHAIN, _ENTRY_COLUMNS = 13, 16, 11, slice(62, 66)
_SUMMARY_ITEMS = ("label_asym_id", "label_seq_id", "label_comp_id", "secondary_structure")
_LOOP, _UNKNOWN = ".", "?"
# The 20 amino acids; selenocysteine, pyrrolysine, letters for either of two residues; selenomethionine.
_THREE_LETTERS = {
    "ALA": "A",
    "CYS": "C",
    "ASP": "D",
    "GLU": "E",
    "PHE": "F",
    "GLY": "G",
    "HIS": "H",
    "ILE": "I",
    "LYS": "K",
    "LEU": "L",
    "MET": "M",
    "ASN": "N",
    "PRO": "P",
    "GLN": "Q",
    "ARG": "R",
    "SER": "S",
    "THR": "T",
    "VAL": "V",
    "TRP": "W",
    "TYR": "Y",
    "SEC": "U",
    "PYL": "O",
    "ASX": "B",
    "GLX": "Z",
    "XLE": "J",
    "MSE": "M",
}


def is_classic_dssp(line: str) -> bool:
    """Says whether a file's first line is that of DSSP's classic format."""
    return line.startswith("====") and "Secondary Structure Definition" in line


def read_dssp(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads ``.dssp``, mmCIF with DSSP's tables, or (PDB, mmCIF without them) a structure that ``mkdssp`` is run on.

    Raises:
        DataError: The file is none of these, or ``mkdssp`` is needed and not installed, or fails.
    """
    try:
        for chain in _read_chains(path):
            if not options.require_tags:
                chain.states = [None] * len(chain.states)
            yield Record(chain.name, chain.residues, chain.states, str(path), chain.lines[0], chain.lines)
    except DataError as error:
        options.refuse(error)


@dataclass
class _Chain:
    """A chain while it is read: its id, and for each residue the letter, the state and the line."""

    name: str
    residues: list[str] = field(default_factory=list)
    states: list[str | None] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def append(self, residue: str, state: str | None, line: int) -> None:
        self.residues.append(residue)
        self.states.append(state)
        self.lines.append(line)


def _read_chains(path: Path) -> list[_Chain]:
    first = next(iter(read_lines(path)), "")
    if is_classic_dssp(first):
        return _read_classic(path, path)
    suffix = stem_suffix(path)
    if suffix not in STRUCTURE_SUFFIXES and not first.startswith("data_"):
        accepted = "DSSP's classic format, mmCIF, or PDB"
        raise DataError("no DSSP file", path=path, line=1, received=first.rstrip(), accepted=accepted)
    chains = _read_mmcif(path) if suffix not in _PDB_SUFFIXES else []
    if chains:
        return chains
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "output.dssp")
        _run_mkdssp(path, output)
        return _read_classic(output, path)


def _run_mkdssp(path: Path, output: Path) -> None:
    program = shutil.which("mkdssp")
    if program is None:
        raise DataError(
            "this structure has no secondary structure of DSSP's, and the program 'mkdssp' is not installed",
            path=path,
            accepted="DSSP output (classic, or mmCIF with _dssp_struct_summary); or a structure and mkdssp on PATH",
            hint="Install DSSP 4 (https://github.com/PDB-REDO/dssp), or run it elsewhere",
        )
    plain = output.with_name(f"input{stem_suffix(path)}")
    with open_binary(path) as packed, plain.open("wb") as copy:
        shutil.copyfileobj(packed, copy)
    command = [program, "--output-format", "dssp", str(plain), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not output.is_file():
        reason = " ".join(done.stderr.split())[-300:]
        raise DataError(f"mkdssp failed with exit code {done.returncode}: {reason}", path=path)


def _read_classic(path: Path, source: Path) -> list[_Chain]:
    """Reads the classic format; ``source`` is the file that messages name."""
    entry = _stem(source)
    lines = enumerate(read_lines(path), start=1)
    for _, line in lines:
        if line.startswith("HEADER") and line[_ENTRY_COLUMNS].strip():
            entry = line[_ENTRY_COLUMNS].strip()
        if line.startswith(_TABLE):
            # Names of chains that are longer than a letter stand in a column of their own at the end.
            wide = line.find("CHAIN")
            break
    else:
        raise DataError("no table of residues", path=source, accepted=f"a line that begins with {_TABLE!r}")
    chains: dict[str, _Chain] = {}
    broken = False
    for number, line in lines:
        line = line.rstrip("\r\n")
        if len(line) <= _STATE:
            raise DataError("a line of the table is too short", path=source, line=number, received=line)
        residue, state = line[_RESIDUE], line[_STATE]
        if residue == "!":
            broken = line[_RESIDUE + 1] != "*"
            continue
        name = line[_CHAIN].strip() or "-"
        if name == ">" and wide > 0:
            name = line[wide - 1 :].split()[0]
        chain = chains.setdefault(name, _Chain(f"{entry}_{name}"))
        if broken and chain.residues:
            chain.append("X", None, number)
        broken = False
        # Lower-case letters pair the cysteines of disulphide bridges.
        chain.append("C" if residue.islower() else residue, "C" if state == " " else state, number)
    return list(chains.values())


def _read_mmcif(path: Path) -> list[_Chain]:
    """Reads the table of secondary structure, and that of the whole sequence where there is one; else gives nothing."""
    entry = _stem(path)
    whole: dict[str, dict[str, str]] = {}
    # Of each chain the place, and there the residue, the state, the line.
    states: dict[str, dict[str, tuple[str, str, int]]] = {}
    for category, values, line in read_tables(path, {_SUMMARY, _SEQUENCE, _ENTRY}):
        if category == _ENTRY:
            entry = values.get("id", entry)
            continue
        names = ("asym_id", "seq_id", "mon_id") if category == _SEQUENCE else _SUMMARY_ITEMS
        if missing := [item for item in names if item not in values]:
            raise DataError(f"the table {category} has no {missing[0]}", path=path, line=line, received=list(values))
        name, place, residue = (values[item] for item in names[:3])
        if category == _SEQUENCE:
            # Where the sequence varies, the first residue of a place stands.
            whole.setdefault(name, {}).setdefault(place, residue)
        else:
            states.setdefault(name, {})[place] = residue, values["secondary_structure"], line
    chains = []
    for name, labelled in states.items():
        chain = _Chain(f"{entry}_{name}")
        line = next(iter(labelled.values()))[2]
        for place, residue in (whole.get(name) or {place: known[0] for place, known in labelled.items()}).items():
            residue, state, line = labelled.get(place, (residue, _UNKNOWN, line))
            letter = None if state == _UNKNOWN else "C" if state == _LOOP else state
            chain.append(_THREE_LETTERS.get(residue, "X"), letter, line)
        chains.append(chain)
    return chains


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]
