"""Protein secondary structure in the eight states of DSSP, coil written C."""

from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks.base import Task
from bilstm_tagger.tasks.protein_ss3 import RESIDUE_DEFAULTS

TASK = Task(
    name="protein_ss8",
    title="Protein secondary structure, 8 states",
    kind="residues",
    scheme=Scheme.NONE,
    decoding="marginal",
    tokenizer="residues",
    metric="q8",
    tags=("B", "C", "E", "G", "H", "I", "S", "T"),
    outputs=("fasta", "ss2", "horiz", "jsonl", "csv", "conll", "table"),
    defaults=RESIDUE_DEFAULTS,
)
