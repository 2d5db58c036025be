"""Token lists to emissions: by one model, or by several of the same tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_tagger.features.char_states import CharRows
from bilstm_tagger.features.encoding import lm_arrays
from bilstm_tagger.features.vocabulary import Vocabulary
from bilstm_tagger.inference.form_cache import FormCache
from bilstm_tagger.nn import Batch, BiLstmCrf
from bilstm_tagger.nn.crf import CRF

__all__ = ["MixedScorer", "NetworkScorer", "Scorer", "mixed_crf"]

# What an empty word is where files are read.
_EMPTY = "\ufffd"
Columns = Sequence[NDArray[np.float32] | None]


class Scorer(Protocol):
    """What an engine needs of a model.

    Attributes:
        crf: The layer that the emissions are for.
        device: Where they are computed.
        constraints: Whether ill-formed tags are impossible.
    """

    crf: CRF
    device: torch.device
    constraints: bool

    def emissions(
        self, sentences: Sequence[list[str]], lengths: NDArray[np.int64], columns: Columns = ()
    ) -> tuple[Tensor, Tensor]:
        """Scores a batch.

        Args:
            sentences: The tokens of each sequence, at least one.
            lengths: ``(batch_size,)`` how many.
            columns: ``(length, dense_size)`` of each sequence, for models with dense columns.

        Returns:
            ``(seq_len, batch_size, num_tags)`` emissions, whatever in the padding, and ``(batch_size,)`` lengths.
        """


class NetworkScorer:
    """The scores of one network; a :class:`Scorer`.

    Args:
        network: The weights; put into evaluation mode.
        vocabulary: The model's.
    """

    def __init__(self, network: BiLstmCrf, vocabulary: Vocabulary) -> None:
        self.network = network.eval()
        self.crf = network.crf
        self.device = network.projection.weight.device
        self.constraints = network.sizes.constraints
        self.cache = FormCache(network, vocabulary)

    def emissions(
        self, sentences: Sequence[list[str]], lengths: NDArray[np.int64], columns: Columns = ()
    ) -> tuple[Tensor, Tensor]:
        """As in :class:`Scorer`."""
        batch = self._batch(sentences, lengths, columns)
        return self.network.emissions(batch), batch.lengths

    def _batch(self, sentences: Sequence[list[str]], lengths: NDArray[np.int64], columns: Columns) -> Batch:
        tokens = [token for sentence in sentences for token in sentence]
        if "" in tokens:
            tokens = [token or _EMPTY for token in tokens]
        rows, table = self.cache.lookup(tokens)
        device = table.device
        mask = np.arange(int(lengths.max())) < lengths[:, None]  # (batch_size, seq_len)
        forms = np.zeros(mask.shape, dtype=np.int64)
        forms[mask] = rows
        dense = None
        if self.network.sizes.dense_size:
            values = np.zeros((*mask.shape, self.network.sizes.dense_size), dtype=np.float32)
            values[mask] = np.concatenate([column for column in columns if column is not None])
            dense = torch.from_numpy(values).transpose(0, 1).to(device)
        lm: dict[str, Tensor] = {}
        if (alphabet := self.cache.vocabulary.alphabet) is not None:
            arrays = lm_arrays(CharRows.of(tokens, alphabet), np.cumsum(lengths) - lengths, lengths)
            lm = {name: torch.from_numpy(value).to(device) for name, value in arrays.items()}
        return Batch(
            forms=torch.from_numpy(forms).T.contiguous().to(device),
            lengths=torch.from_numpy(lengths).to(device),
            form_vectors=table,
            dense=dense,
            **lm,
        )


class MixedScorer:
    """The mean of several models' scores; a :class:`Scorer`.

    Args:
        members: Of the same tags and constraints, on one device.
    """

    def __init__(self, members: Sequence[Scorer]) -> None:
        self.members = list(members)
        self.crf = mixed_crf([member.crf for member in members])
        self.device = members[0].device
        self.constraints = members[0].constraints

    def emissions(
        self, sentences: Sequence[list[str]], lengths: NDArray[np.int64], columns: Columns = ()
    ) -> tuple[Tensor, Tensor]:
        """As in :class:`Scorer`."""
        found = [member.emissions(sentences, lengths, columns) for member in self.members]
        # Adding one after the other keeps two tables of scores in memory, whatever the number of members.
        total = found[0][0]
        for emissions, _ in found[1:]:
            total = total + emissions
        return total / len(self.members), found[0][1]


@torch.no_grad()
def mixed_crf(layers: Sequence[CRF]) -> CRF:
    """Returns the layer whose scores are the mean of several layers' scores.

    The score of a tag sequence is linear in emissions and transitions. So the layer, on the mean of the emissions,
    gives each sequence the geometric mean of its probabilities under the members, normalised: a logarithmic opinion
    pool (Genest & Zidek 1986; for CRFs Smith et al. 2005).
    """
    first = layers[0]
    mixed = CRF(
        first.num_tags,
        legal_start=first.legal_start,
        legal_transitions=first.legal_transitions,
        legal_end=first.legal_end,
    )
    mixed.to(first.transitions.device)
    for name, weight in mixed.named_parameters():
        weight.copy_(torch.stack([layer.get_parameter(name) for layer in layers]).mean(dim=0))
    return mixed
