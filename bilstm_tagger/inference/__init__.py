"""A trained model at work: one sentence, batches, streams."""

from bilstm_tagger.inference.model import Model
from bilstm_tagger.inference.tagger import Tagger

__all__ = ["Model", "Tagger"]
