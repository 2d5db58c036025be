"""Syntactic chunks (noun, verb and prepositional phrases) in text."""

from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks.base import Task

TASK = Task(
    name="chunking",
    title="Chunking",
    kind="spans",
    scheme=Scheme.BIOES,
    tokenizer="words",
    metric="f1",
)
