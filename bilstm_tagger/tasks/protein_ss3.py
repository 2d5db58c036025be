"""Protein secondary structure in three states: helix, strand, coil."""

from collections.abc import Mapping

from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks.base import Task

# The standard map of DSSP's states to three: helices (H, G, I), strands (E, B), all else coil. L, P, -, _, the dot and
# the blank are other ways to write coil (P is the polyproline helix of DSSP 4). Three-state letters stay themselves.
THREE_STATES: Mapping[str, str] = {
    **dict.fromkeys("HGI", "H"),
    **dict.fromkeys("EB", "E"),
    **dict.fromkeys("CSTLP-_. ", "C"),
}

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
    outputs=("fasta", "ss2", "horiz", "jsonl", "conll", "table"),
    defaults=RESIDUE_DEFAULTS,
)
