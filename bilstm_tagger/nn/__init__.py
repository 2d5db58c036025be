"""Tensors in, tensors out: embeddings, encoder, CRF. Knows no strings."""

from bilstm_tagger.nn.crf import CRF, UNKNOWN_TAG, PathPosterior
from bilstm_tagger.nn.encoder import RecurrentEncoder
from bilstm_tagger.nn.network import Batch, BiLstmCrf, NetworkSizes

__all__ = ["CRF", "UNKNOWN_TAG", "Batch", "BiLstmCrf", "NetworkSizes", "PathPosterior", "RecurrentEncoder"]
