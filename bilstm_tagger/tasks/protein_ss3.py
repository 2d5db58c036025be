"""Protein secondary structure in three states: helix, strand, coil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks.base import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# L, P, -, _, the dot and the blank are other ways to write coil (P is the polyproline helix of DSSP 4).
_COIL = "CSTLP-_. "

STATE_MAPS: Mapping[str, Mapping[str, str]] = {
    name: {**dict.fromkeys(_COIL + "GI", "C"), **dict.fromkeys("EB", "E"), **dict.fromkeys(helices, "H")}
    for name, helices in {"standard": "HGI", "jnet": "H", "sspro": "HG"}.items()
}
"""Maps of DSSP's states to three, by name; three-state letters stay themselves.

``standard``: H, G, I are helix, as in NetSurfP-2.0 (Klausen et al. 2019). ``jnet``: H alone, as in JPred4 (Drozdetskiy
et al. 2015). ``sspro``: H and G, as in SSpro (Magnan & Baldi 2014). E and B are strand in all of them, the rest coil.
"""

THREE_STATES = STATE_MAPS["standard"]

# A residue is one of some 25 letters: its word vector says all that characters could.
RESIDUE_DEFAULTS = {
    "word": {"size": 32, "digits_to_zero": False, "unknown_singletons": 0.0},
    "char": {"kind": "none"},
    "encoder": {
        "hidden_size": 128,
        "layers": 2,
        "convolution": 7,
        "input_dropout": 0.1,
        "layer_dropout": 0.3,
        "output_dropout": 0.3,
    },
    "training": {"batch_tokens": 4096, "epochs": 10},
}

TASK = Task(
    name="protein_ss3",
    title="Protein secondary structure, 3 states",
    kind="residues",
    scheme=Scheme.NONE,
    decoding="marginal",
    tokenizer="residues",
    metric="q3",
    tags=("C", "E", "H"),
    outputs=("fasta", "ss2", "horiz", "jsonl", "csv", "conll", "table"),
    defaults=RESIDUE_DEFAULTS,
)


def sum_to_three(
    probabilities: NDArray[np.float32], labels: Sequence[str], *, states: str = "standard"
) -> NDArray[np.float32]:
    """Sums the probabilities of states by a map to three.

    Args:
        probabilities: ``(seq_len, num_labels)``.
        labels: The states of the columns, keys of ``THREE_STATES``.
        states: The map, a name in ``STATE_MAPS``.

    Returns:
        ``(seq_len, 3)``, float32: coil, helix, strand, the order of PSIPRED's files.
    """
    import numpy as np

    columns = np.array([STATE_MAPS[states][label] for label in labels], dtype=str)
    sums = [probabilities[:, columns == state].sum(axis=1, dtype=np.float32) for state in "CHE"]
    return np.stack(sums, axis=1)
