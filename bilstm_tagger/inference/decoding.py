"""Encoded rows to tags, whole data sets at a time; what the development score of each epoch is taken from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from bilstm_tagger.features.batching import sorted_batches
from bilstm_tagger.features.encoding import EncodedRows, PaddedArrays
from bilstm_tagger.nn import Batch, BiLstmCrf

__all__ = ["decode_rows", "score_rows", "to_batch"]


def to_batch(arrays: PaddedArrays, device: torch.device | None = None) -> Batch:
    """Returns the arrays as tensors, on a device."""
    tensors: dict[str, Any] = {
        name: None if value is None else torch.from_numpy(value) for name, value in vars(arrays).items()
    }
    batch = Batch(**tensors)
    return batch if device is None or device.type == "cpu" else batch.to(device)


@torch.inference_mode()
def decode_rows(
    network: BiLstmCrf,
    rows: EncodedRows,
    *,
    decoding: Literal["viterbi", "marginal"] = "viterbi",
    batch_tokens: int = 8192,
    chosen: NDArray[np.int64] | None = None,
    advance: Callable[[int], None] | None = None,
) -> list[NDArray[np.int64]]:
    """Returns the best tags of each sequence, ``(length,)`` each, in the order of the rows.

    Args:
        network: In evaluation mode.
        rows: The data set.
        decoding: The best sequence, or the best tag of each token.
        batch_tokens: Padded tokens in a batch.
        chosen: ``(num_chosen,)`` the sequences to decode, in the order of the results; None takes all.
        advance: Called with the number of tokens after each batch.
    """
    device = network.projection.weight.device
    chosen = np.arange(len(rows)) if chosen is None else chosen
    all_lengths = rows.lengths[chosen]
    decoded: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)] * len(chosen)
    for indices in sorted_batches(all_lengths, batch_tokens=batch_tokens):
        batch = to_batch(rows.batch(chosen[indices]), device)
        emissions = network.emissions(batch)
        if decoding == "marginal":
            paths = network.crf.marginals(emissions, batch.lengths).argmax(dim=-1).cpu().numpy()
        else:
            paths = network.crf.best_path(emissions, batch.lengths).cpu().numpy()
        lengths = all_lengths[indices]
        for column, (index, length) in enumerate(zip(indices.tolist(), lengths.tolist(), strict=True)):
            decoded[index] = paths[:length, column]
        if advance is not None:
            advance(int(lengths.sum()))
    return decoded


@torch.inference_mode()
def score_rows(network: BiLstmCrf, rows: EncodedRows, *, batch_tokens: int = 8192) -> NDArray[np.float32]:
    """Returns the emissions of all tokens, ``(num_tokens, num_tags)``.

    Args:
        network: In evaluation mode.
        rows: The data set.
        batch_tokens: Padded tokens in a batch.
    """
    device = network.projection.weight.device
    scores = np.zeros((len(rows.forms), network.sizes.num_tags), dtype=np.float32)
    for indices in sorted_batches(rows.lengths, batch_tokens=batch_tokens):
        emissions = network.emissions(to_batch(rows.batch(indices), device)).cpu().numpy()
        for column, index in enumerate(indices.tolist()):
            begin, end = rows.offsets[index : index + 2].tolist()
            scores[begin:end] = emissions[: end - begin, column]
    return scores
