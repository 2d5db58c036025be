"""The states of a frozen language model for a whole data set: computed once, kept in the cache folder."""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bilstm_tagger.cache_folder import cache_folder
from bilstm_tagger.features.batching import sorted_batches
from bilstm_tagger.features.char_states import CharRows
from bilstm_tagger.features.encoding import EncodedRows
from bilstm_tagger.nn.char_lm import LmEmbedding

__all__ = ["with_lm_states"]

_logger = logging.getLogger("bilstm_tagger.inference")
# Padded characters that go through the language model together.
_BATCH_CHARS = 1 << 15


def with_lm_states(rows: EncodedRows, lm: LmEmbedding | None) -> EncodedRows:
    """Adds what a frozen language model says of each token; rows of other models are returned as they are.

    The states lie in a file that is memory-mapped: ``(num_tokens, 2 * hidden_size)`` numbers in half precision.

    Args:
        rows: A data set encoded for a model with a language model.
        lm: That, on its device.

    Raises:
        OSError: The file cannot be written.
    """
    if lm is None or lm.fine_tune or rows.lm_chars is None or not len(rows.forms):
        return rows
    path = cache_folder() / f"lm-{_key(rows, rows.lm_chars, lm)}.npy"
    if not path.is_file():
        _logger.info("computing the language model's states of %s tokens, once: %s", f"{len(rows.forms):,}", path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            _compute(temporary, rows, rows.lm_chars, lm)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    states = np.load(path, mmap_mode="r")
    with suppress(OSError):
        os.utime(path)  # the cache drops what was not used for longest
    return replace(rows, lm_states=states)


def _key(rows: EncodedRows, chars: CharRows, lm: LmEmbedding) -> str:
    digest = hashlib.blake2b(digest_size=20)
    weights = [*lm.ahead.state_dict().values(), *lm.back.state_dict().values()]
    for array in (rows.offsets, chars.chars, chars.sizes, *(weight.cpu().numpy() for weight in weights)):
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


@torch.inference_mode()
def _compute(path: Path, rows: EncodedRows, chars: CharRows, lm: LmEmbedding) -> None:
    device = lm.ahead.embedding.weight.device
    width = 2 * lm.ahead.hidden_size
    found: NDArray[np.float16] = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.float16, shape=(len(rows.forms), width)
    )
    filled = np.flatnonzero(rows.lengths)
    first, lengths = rows.offsets[filled], rows.lengths[filled]
    for batch in sorted_batches(chars.lengths(first, lengths), batch_tokens=_BATCH_CHARS):
        arrays = chars.batch(first[batch], lengths[batch])
        states = lm.states(*(torch.from_numpy(array).to(device) for array in vars(arrays).values())).cpu().numpy()
        for column, (begin, length) in enumerate(zip(first[batch].tolist(), lengths[batch].tolist(), strict=True)):
            found[begin : begin + length] = states[:length, column]
    found.flush()  # type: ignore[attr-defined]  # a memory map
