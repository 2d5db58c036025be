"""The states of a frozen language model for a whole data set: computed once, kept in the cache folder."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bilstm_tagger.data import cache
from bilstm_tagger.features.batching import sorted_batches
from bilstm_tagger.features.char_states import CharRows
from bilstm_tagger.features.encoding import EncodedRows
from bilstm_tagger.nn.char_lm import LmEmbedding

__all__ = ["with_lm_states"]

_logger = logging.getLogger("bilstm_tagger.inference")
# Padded characters that go through the language model together.
_BATCH_CHARS = 1 << 15

# A sentence's first token, and its states.
_Part = tuple[int, NDArray[np.float16]]


def with_lm_states(rows: EncodedRows, lm: LmEmbedding | None) -> EncodedRows:
    """Adds what a frozen language model says of each token; rows of other models are returned as they are.

    The states lie in a file of the cache folder that is memory-mapped: ``(num_tokens, 2 * hidden_size)`` numbers in
    half precision, and a hash of them. Where that folder cannot be written they stay in memory.

    Args:
        rows: A data set encoded for a model with a language model.
        lm: That, on its device.
    """
    if lm is None or lm.fine_tune or rows.lm_chars is None or not len(rows.forms):
        return rows
    shape = (len(rows.forms), 2 * lm.ahead.hidden_size)
    path = cache.cache_folder() / f"lm-{_key(rows, rows.lm_chars, lm)}.states"
    states = _find(path, shape)
    if states is None:
        _logger.info("computing the language model's states of %s tokens, once: %s", f"{len(rows.forms):,}", path)
        try:
            with cache.workspace() as folder:
                _write(folder / path.name, shape, _compute(rows, rows.lm_chars, lm))
                states = _map(cache.move_in(folder / path.name, path.name), shape)
        except OSError as error:
            _logger.warning(
                "cannot write to the cache, so the language model's states stay in memory (%s); "
                "set BILSTM_TAGGER_CACHE",
                error,
            )
            states = _collect(shape, _compute(rows, rows.lm_chars, lm))
    return replace(rows, lm_states=states)


def _key(rows: EncodedRows, chars: CharRows, lm: LmEmbedding) -> str:
    digest = hashlib.blake2b(digest_size=20)
    weights = [*lm.ahead.state_dict().values(), *lm.back.state_dict().values()]
    for array in (rows.offsets, chars.chars, chars.sizes, *(weight.cpu().numpy() for weight in weights)):
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _find(path: Path, shape: tuple[int, int]) -> NDArray[np.float16] | None:
    """Returns the cached states, or None; a file of other bytes than were written is no cached file."""
    with suppress(OSError, ValueError):
        states = _map(path, shape)
        with path.open("rb") as stream:
            stream.seek(states.nbytes)
            if stream.read() != _digest(states):
                return None
        with suppress(OSError):
            os.utime(path)  # the cache drops what was not used for longest
        return states
    return None


def _write(path: Path, shape: tuple[int, int], parts: Iterable[_Part]) -> None:
    """Writes the parts, each to its place, and a hash of all; not through a map, where a full disk would be a SIGBUS.

    Raises:
        OSError: The file cannot be written.
    """
    row_size = 2 * shape[1]
    with path.open("wb") as stream:
        if hasattr(os, "posix_fallocate"):
            # A full disk shows now, not when half is computed.
            os.posix_fallocate(stream.fileno(), 0, shape[0] * row_size)
        for first, part in parts:
            stream.seek(first * row_size)
            stream.write(part.tobytes())
        stream.flush()
        stream.seek(0, os.SEEK_END)
        stream.write(_digest(_map(path, shape)))


def _collect(shape: tuple[int, int], parts: Iterable[_Part]) -> NDArray[np.float16]:
    states = np.empty(shape, dtype=np.float16)
    for first, part in parts:
        states[first : first + len(part)] = part
    return states


def _map(path: Path, shape: tuple[int, int]) -> NDArray[np.float16]:
    return np.memmap(path, dtype=np.float16, mode="r", shape=shape)


def _digest(states: NDArray[np.float16]) -> bytes:
    return hashlib.blake2b(states.data, digest_size=16).digest()


@torch.inference_mode()
def _compute(rows: EncodedRows, chars: CharRows, lm: LmEmbedding) -> Iterator[_Part]:
    device = lm.ahead.embedding.weight.device
    filled = np.flatnonzero(rows.lengths)
    first, lengths = rows.offsets[filled], rows.lengths[filled]
    for batch in sorted_batches(chars.lengths(first, lengths), batch_tokens=_BATCH_CHARS):
        arrays = chars.batch(first[batch], lengths[batch])
        states = lm.states(*(torch.from_numpy(array).to(device) for array in vars(arrays).values())).cpu().numpy()
        for column, (begin, length) in enumerate(zip(first[batch].tolist(), lengths[batch].tolist(), strict=True)):
            yield begin, states[:length, column]
