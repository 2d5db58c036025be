"""A pretrained character language model becomes a part of a tagger."""

from __future__ import annotations

from typing import Any

from bilstm_tagger.config import LmConfig
from bilstm_tagger.errors import ConfigError
from bilstm_tagger.inference.language_model import LanguageModel
from bilstm_tagger.nn.char_lm import CharLanguageModel, LmEmbedding
from bilstm_tagger.split_rules import Kind

__all__ = ["copy_readers", "language_model_sizes", "load_language_model"]


def load_language_model(config: LmConfig, tokenizer: Kind) -> LanguageModel | None:
    """Returns the configured language model; None without one.

    Args:
        config: The section.
        tokenizer: How the tagger cuts text.

    Raises:
        ModelError: Its folder cannot be read.
        ConfigError: It was trained on text, and the tagger is for residues, or the other way round.
    """
    if config.model is None:
        return None
    found = LanguageModel.load(config.model)
    unit = found.alphabet.unit
    if (unit == "residues") != (tokenizer == "residues"):
        raise ConfigError(
            f"the language model {config.model} reads {unit}, and this tagger {tokenizer}",
            hint="Pretrain one with: bilstm-tagger pretrain-lm TEXT --unit " + tokenizer,
        )
    return found


def language_model_sizes(config: LmConfig, lm: LanguageModel) -> dict[str, Any]:
    """Returns the fields of ``NetworkSizes`` that are about the language model."""
    reader = lm.network.ahead
    return {
        "lm_chars": len(lm.alphabet),
        "lm_char_size": reader.embedding.embedding_dim,
        "lm_hidden": reader.hidden_size,
        "lm_fine_tune": config.fine_tune,
        "lm_projection": config.projection,
        "lm_dropout": config.dropout,
    }


def copy_readers(source: CharLanguageModel, target: LmEmbedding) -> None:
    """Copies both readers, without the layers that predict characters."""
    for reader, fresh in ((source.ahead, target.ahead), (source.back, target.back)):
        weights = {name: value for name, value in reader.state_dict().items() if not name.startswith("output.")}
        fresh.load_state_dict(weights)
