"""Named entities in text."""

from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks.base import Task

TASK = Task(
    name="ner",
    title="Named entity recognition",
    kind="spans",
    scheme=Scheme.BIOES,
    tokenizer="words",
    metric="f1",
)
