"""Vectors of word forms, kept from batch to batch."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_tagger.features.vocabulary import Vocabulary
from bilstm_tagger.nn import BiLstmCrf
from bilstm_tagger.nn.embeddings import CharCnn

__all__ = ["FormCache"]

_AT_ONCE = 512


class FormCache:
    """Vectors of word forms met before; bounded, and emptied when it is full. Threads may share it.

    Args:
        network: In evaluation mode.
        vocabulary: The model's.
        capacity: Forms held, at least as many as one batch has.
    """

    def __init__(self, network: BiLstmCrf, vocabulary: Vocabulary, *, capacity: int = 50_000) -> None:
        self.network = network
        self.vocabulary = vocabulary
        self.capacity = capacity
        self.rows: dict[str, int] = {}
        self.table = self._empty_table()
        self._lock = threading.Lock()
        self._char_tables: Tensor | None = None
        if isinstance(network.char, CharCnn):
            with torch.no_grad():
                self._char_tables = network.char.tables()

    def _empty_table(self) -> Tensor:
        return torch.zeros(1, self.network.form_size, device=self.network.projection.weight.device)

    def lookup(self, tokens: Sequence[str]) -> tuple[NDArray[np.int64], Tensor]:
        """Returns each token's row ``(num_tokens,)`` and the table ``(num_rows, form_size)``; row 0 is padding."""
        with self._lock:
            known, table = self.rows, self.table
        rows = list(map(known.get, tokens))
        if None in rows:
            known, table = self._with(list(dict.fromkeys(tokens)))
            rows = list(map(known.get, tokens))
        return np.array(rows, dtype=np.int64), table

    def _with(self, forms: list[str]) -> tuple[dict[str, int], Tensor]:
        """Returns rows and a table that hold all the forms."""
        new = [form for form in forms if form not in self.rows]
        # Other threads go on while this one computes. Two that compute the same form get the same.
        vectors = self._vectors(new)
        with self._lock:
            if len(self.rows) + len(new) <= self.capacity:
                self._store(new, vectors)
            if not all(form in self.rows for form in forms):  # it is full, or another thread has emptied it
                # A new table and a new dictionary: other threads may still read the old ones.
                self.rows, self.table = {}, self._empty_table()
                self._store(forms, self._vectors(forms))
            return self.rows, self.table

    def _vectors(self, forms: list[str]) -> Tensor:
        """Returns ``(num_forms, form_size)``; short words and long ones apart, a bounded number at a time."""
        if len(forms) <= _AT_ONCE:
            return self._vectors_of(forms)
        vectors = self.table.new_empty(len(forms), self.table.shape[1])
        order = sorted(range(len(forms)), key=lambda index: len(forms[index]))
        for begin in range(0, len(order), _AT_ONCE):
            part = order[begin : begin + _AT_ONCE]
            vectors[part] = self._vectors_of([forms[index] for index in part])
        return vectors

    def _vectors_of(self, forms: list[str]) -> Tensor:
        table = self.vocabulary.lookup(forms)
        device = self.table.device
        return self.network.form_vectors(
            torch.from_numpy(table.words).to(device),
            torch.from_numpy(table.chars.astype(np.int64)).to(device) if table.chars.shape[1] else None,
            torch.from_numpy(table.shapes).to(device),
            char_tables=self._char_tables,
        )

    def _store(self, forms: list[str], vectors: Tensor) -> None:
        fresh = [index for index, form in enumerate(forms) if form not in self.rows]
        if len(fresh) < len(forms):  # another thread was faster
            forms, vectors = [forms[index] for index in fresh], vectors[fresh]
        begin, end = len(self.rows) + 1, len(self.rows) + 1 + len(forms)
        if end > len(self.table):
            # Room for as many again, so that growing costs little in all.
            grown = self.table.new_zeros(2 * end, self.table.shape[1])
            grown[:begin] = self.table[:begin]
            self.table = grown
        self.table[begin:end] = vectors
        self.rows.update(zip(forms, range(begin, end), strict=True))
