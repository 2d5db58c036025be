"""How a run cuts raw text into tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bilstm_tagger.config import Config
from bilstm_tagger.features.encoding import count_forms
from bilstm_tagger.split_rules import Kind

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["choose_tokenizer"]


def choose_tokenizer(config: Config, labelled: Dataset) -> Kind:
    """Returns the configured way; ``auto`` sees whether the labelled tokens are single characters.

    Args:
        config: The run.
        labelled: The training part; what is cut by the answer is no evidence for it.
    """
    if config.data.tokenizer != "auto":
        return config.data.tokenizer
    kind = config.task_definition.tokenizer
    counts = count_forms(labelled)
    single = sum(count for form, count in counts.items() if len(form) == 1)
    return "characters" if kind == "words" and single > 0.95 * sum(counts.values()) else kind
