"""A protein with its predicted states as text: FASTA with labels, PSIPRED's ``.ss2`` and ``.horiz``, blocks to look at.

PSIPRED's two formats know three states. Of eight states the probabilities are summed by the standard map (H, G, I are
helix; E, B strand; all else coil). The state that is written is the tagger's own tag after that map, the same as in
every other format and as the evaluation scores; nearly always it is the most probable of the three.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger import __version__
from bilstm_tagger.errors import InputError
from bilstm_tagger.tasks.protein_ss3 import THREE_STATES, sum_to_three
from bilstm_tagger.types import TaggedSequence

__all__ = ["csv", "csv_heading", "fasta", "horiz", "ss2", "table"]

BLOCK = 60
"""Residues in a line of ``.horiz`` and of the table."""


def fasta(doc: TaggedSequence, name: str) -> str:
    """Writes ``>name``, the sequence and the states, a line each.

    Raises:
        InputError: A token or a tag is not one printable letter, as for all functions here.
    """
    sequence, states = _letters(doc, "fasta")
    return f">{name}\n{sequence}\n{states}\n"


def csv_heading(doc: TaggedSequence) -> str:
    """Returns the names of the columns that `csv` writes for sequences like this one."""
    names = ["id", "position", "residue", "state", "probability"]
    if doc.probabilities is not None:
        names += [f"p_{label}" for label in doc.labels]
        names += ["p3_C", "p3_H", "p3_E"] if _eight(doc) else []
    return ",".join(names) + "\n"


def csv(doc: TaggedSequence, name: str) -> str:
    """Writes a line a residue: its state with its probability, those of all states, of eight also the sums of three.

    A name with a comma or a quote is quoted; one that a spreadsheet would take for a formula gets an apostrophe.
    """
    sequence, states = _letters(doc, "csv")
    columns = np.array(doc.tag_scores, dtype=np.float64).reshape(len(doc), 1)
    if doc.probabilities is not None:
        sums = [_three_probabilities(doc, "csv")] if _eight(doc) else []
        columns = np.concatenate([columns, doc.probabilities, *sums], axis=1)
    name = "'" + name if name[:1] in ("=", "+", "-", "@") else name
    if "," in name or '"' in name:
        name = '"' + name.replace('"', '""') + '"'
    rows = zip(sequence, states, columns.tolist(), strict=True)
    return "".join(
        f"{name},{place},{residue},{state},{','.join(f'{value:.6f}' for value in values)}\n"
        for place, (residue, state, values) in enumerate(rows, start=1)
    )


def _eight(doc: TaggedSequence) -> bool:
    return len(doc.labels) > len("CHE")


def table(doc: TaggedSequence, name: str) -> str:
    """Writes sequence and states below one another in blocks with a ruler; any number of states."""
    sequence, states = _letters(doc, "table")
    lines = [f">{name}  {len(doc)} residues\n"]
    for start in range(0, len(sequence), BLOCK):
        block = slice(start, start + BLOCK)
        lines.append(f"{_ruler(start, len(sequence))}\n{sequence[block]}\n{states[block]}\n\n")
    return "".join(lines) if sequence else lines[0] + "\n"


def ss2(doc: TaggedSequence) -> str:
    """Writes PSIPRED's vertical format: index, residue, state, P(coil), P(helix), P(strand).

    Raises:
        InputError: There are no probabilities, they do not fit the sequence, or a letter is no state.
    """
    sequence, states = _letters(doc, "ss2")
    rows = zip(sequence, _three(states), _three_probabilities(doc, "ss2"), strict=True)
    lines = [f"# PSIPRED VFORMAT (bilstm-tagger V{__version__})\n\n"]
    for index, (residue, state, (coil, helix, strand)) in enumerate(rows, start=1):
        lines.append(f"{index:4d} {residue} {state}  {coil:6.3f} {helix:6.3f} {strand:6.3f}\n")
    return "".join(lines)


def horiz(doc: TaggedSequence) -> str:
    """Writes PSIPRED's horizontal format: 60 residues a block, with confidence digits and a ruler.

    The digit is ten times the largest of the three probabilities, rounded down, at most 9, as S4PRED has it.

    Raises:
        InputError: As for `ss2`.
    """
    sequence, states = _letters(doc, "horiz")
    states = _three(states)
    best = _three_probabilities(doc, "horiz").max(axis=1, initial=0.0)  # (seq_len,)
    confidence = "".join(map(str, np.minimum(np.floor(best * 10), 9).astype(int)))
    lines = [f"# PSIPRED HFORMAT (bilstm-tagger V{__version__})\n"]
    for start in range(0, len(sequence), BLOCK):
        block = slice(start, start + BLOCK)
        lines += [
            f"\nConf: {confidence[block]}",
            f"\nPred: {states[block]}",
            f"\n  AA: {sequence[block]}",
            f"\n      {_ruler(start, len(sequence))}\n\n",
        ]
    return "".join(lines) if sequence else lines[0] + "\n"


def _letters(doc: TaggedSequence, name: str) -> tuple[str, str]:
    """Returns the residues and the states as strings of one letter a residue."""
    for token, tag in zip(doc.tokens, doc.tags, strict=True):
        if len(token) != 1 or len(tag) != 1 or not (token + tag).isprintable():
            raise InputError(
                f"the output format '{name}' writes one letter for a token and one for its tag",
                received=(token, tag),
                accepted="protein sequences; for other tasks conll, jsonl or table",
            )
    return "".join(doc.tokens), "".join(doc.tags)


def _three(states: str) -> str:
    strange = set(states) - set(THREE_STATES)
    if strange:
        raise InputError(
            "this is not a state of protein secondary structure", received=min(strange), accepted="HGIEBSTC"
        )
    return "".join(map(THREE_STATES.__getitem__, states))


def _three_probabilities(doc: TaggedSequence, name: str) -> NDArray[np.float32]:
    """Returns the probabilities of coil, helix, strand ``(seq_len, 3)``, float32."""
    if doc.probabilities is None:
        raise InputError(
            f"the output format '{name}' needs the probabilities of all states, and this sequence has none",
            hint="Tag it with a model of a protein task, or ask the tagger to keep probabilities",
        )
    if doc.probabilities.shape != (len(doc), len(doc.labels)):
        raise InputError(
            "the probabilities do not fit the sequence",
            received=doc.probabilities.shape,
            accepted=f"{(len(doc), len(doc.labels))}, tokens by labels",
        )
    _three("".join(doc.labels))
    return sum_to_three(doc.probabilities, doc.labels)


def _ruler(start: int, length: int) -> str:
    """Returns ``10 20 ...`` for a block, each number ending at its residue."""
    return "".join(f"{place:10d}" for place in range(start + 10, min(start + BLOCK, length) + 1, 10))
