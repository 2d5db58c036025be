"""Parts of speech: one tag a token, no spans."""

from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks.base import Task

TASK = Task(
    name="pos",
    title="Part-of-speech tagging",
    kind="tokens",
    scheme=Scheme.NONE,
    decoding="marginal",
    tokenizer="words",
    metric="accuracy",
    tag_column="UPOS",
)
