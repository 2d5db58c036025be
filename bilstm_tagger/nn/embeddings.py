"""Integer arrays to vectors: words, characters, shapes."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from bilstm_tagger.nn.dropout import Dropout

__all__ = ["CharCnn", "CharLstm", "WordEmbedding", "uniform_embedding"]

PADDING = 0
UNKNOWN = 1
# Up to here words count as short, and up to there as of middle length.
_WORD_LENGTHS = (6, 10)


def uniform_embedding(rows: int, size: int, *, sparse: bool = False) -> nn.Embedding:
    """An embedding drawn from U(-sqrt(3 / size), sqrt(3 / size)), row 0 (padding) zero (Ma & Hovy 2016)."""
    embedding = nn.Embedding(rows, size, padding_idx=PADDING, sparse=sparse)
    limit = (3.0 / size) ** 0.5
    nn.init.uniform_(embedding.weight, -limit, limit)
    with torch.no_grad():
        embedding.weight[PADDING] = 0.0
    return embedding


class WordEmbedding(nn.Module):
    """Word vectors in two tables: trained rows first, then pretrained rows that training never touches.

    The second table holds the words that only a vectors file knows. It is kept apart so that training neither
    updates nor copies it, and in half precision: published vectors have three or four significant digits.

    Args:
        trained_rows: Padding, unknown, and the words of the training part.
        frozen_rows: Further pretrained words.
        size: Width of a vector.
        fine_tune: Whether the trained table is trained, or only holds what is copied into it.
    """

    frozen: Tensor

    def __init__(self, trained_rows: int, frozen_rows: int, size: int, *, fine_tune: bool = True) -> None:
        super().__init__()
        self.trained = uniform_embedding(trained_rows, size)
        self.trained.weight.requires_grad_(fine_tune)
        self.register_buffer("frozen", torch.zeros(frozen_rows, size, dtype=torch.float16))

    def forward(self, words: Tensor) -> Tensor:
        """Shape: ids of any shape to the same shape and ``size``."""
        rows = self.trained.num_embeddings
        beyond = words >= rows
        values: Tensor = self.trained(words.masked_fill(beyond, UNKNOWN))
        # Looking would make the host wait for a GPU.
        if not len(self.frozen) or (words.device.type == "cpu" and not bool(beyond.any())):
            return values
        return torch.where(beyond.unsqueeze(-1), self.frozen[(words - rows).clamp_min(0)].to(values.dtype), values)


class CharCnn(nn.Module):
    """Convolution and max-pooling over the characters of each word (Ma & Hovy 2016).

    Shape: character ids ``(num_words, word_len)``, 0 for padding, to ``(num_words, output)``.
    """

    def __init__(self, num_chars: int, *, size: int, output: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.embedding = uniform_embedding(num_chars, size)
        self.dropout = Dropout(dropout)
        self.convolution = nn.Conv1d(size, output, kernel, padding=kernel // 2)
        self.output_size = output

    def forward(self, chars: Tensor, tables: Tensor | None = None) -> Tensor:
        if not (self.training or torch.is_grad_enabled()):
            return self._from_tables(chars, self.tables() if tables is None else tables)
        if chars.device.type != "cpu":
            return self._convolve(chars)
        # One long word would pad all others: words of similar length go together.
        lengths, order = (chars != PADDING).sum(dim=1).sort()
        ends = [*torch.searchsorted(lengths, torch.tensor(_WORD_LENGTHS), right=True).tolist(), len(chars)]
        parts = [
            self._convolve(chars[order[begin:end], : max(1, int(lengths[end - 1]))])
            for begin, end in itertools.pairwise([0, *ends])
            if end > begin
        ]
        # Not an assignment to places: gradients of that are summed in no fixed order.
        pooled: Tensor = torch.cat(parts).index_select(0, order.argsort())
        return pooled

    def _convolve(self, chars: Tensor) -> Tensor:
        values = self.dropout(self.embedding(chars)).transpose(1, 2)  # (num_words, size, word_len)
        windows = self.convolution(values)[..., : chars.shape[1]]
        # A word's length must not depend on its batch mates: windows centred on padding are left out.
        windows = windows.masked_fill((chars == PADDING).unsqueeze(1), -torch.inf)
        pooled: Tensor = windows.amax(dim=-1)
        return torch.where(pooled.isfinite(), pooled, torch.zeros_like(pooled))

    def tables(self) -> Tensor:
        """Returns what each character adds to a window at each of its places, ``(kernel, num_chars, output)``.

        With it, windows are looked up and not multiplied out: the same without dropout or gradient. Who asks for many
        words computes it once and hands it to ``forward``.
        """
        return torch.einsum("cs,osk->kco", self.embedding.weight, self.convolution.weight)

    def _from_tables(self, chars: Tensor, places: Tensor) -> Tensor:
        around = len(places) // 2
        word_len = chars.shape[1]
        padded = nn.functional.pad(chars, (around, around), value=PADDING)
        windows = nn.functional.embedding(padded[:, :word_len], places[0])  # (num_words, word_len, output)
        for offset, place in enumerate(places[1:], start=1):
            windows += nn.functional.embedding(padded[:, offset : offset + word_len], place)
        if self.convolution.bias is not None:
            windows += self.convolution.bias
        windows = windows.masked_fill((chars == PADDING).unsqueeze(2), -torch.inf)
        pooled: Tensor = windows.amax(dim=1)
        return torch.where(pooled.isfinite(), pooled, torch.zeros_like(pooled))


class CharLstm(nn.Module):
    """The last states of a BiLSTM over the characters of each word (Lample et al. 2016).

    Shape: as ``CharCnn``.
    """

    def __init__(self, num_chars: int, *, size: int, output: int, dropout: float) -> None:
        super().__init__()
        self.embedding = uniform_embedding(num_chars, size)
        self.dropout = Dropout(dropout)
        half = (output + 1) // 2
        self.ahead = nn.LSTM(size, half)
        self.back = nn.LSTM(size, half)
        self.output_size = 2 * half

    def forward(self, chars: Tensor) -> Tensor:
        lengths = (chars != PADDING).sum(dim=1).clamp_min(1)  # (num_words,)
        rows = torch.arange(len(chars), device=chars.device)
        steps = torch.arange(chars.shape[1], device=chars.device)
        index = lengths.unsqueeze(1) - 1 - steps
        reversed_chars = chars.gather(1, torch.where(index >= 0, index, steps))
        ends = []
        for network, ids in ((self.ahead, chars), (self.back, reversed_chars)):
            states, _ = network(self.dropout(self.embedding(ids)).transpose(0, 1))
            ends.append(states[lengths - 1, rows])
        return torch.cat(ends, dim=-1)
