"""The hand-written loop that all figures are ratios to: what most tutorials have, with these sizes.

An index lookup a word, characters padded a token, a bidirectional ``nn.LSTM`` on packed sequences, ``torchcrf``,
batches of 32 in random order for training and in the order of the input for tagging. Word 100, character CNN 30/50,
BiLSTM 2 x 100, CRF over BIOES tags, dropout 0.5, Adam, no pretrained vectors.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torchcrf
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from benchmarks.data import Sentences
from benchmarks.sides import Best, TrainingFigures, iob2

__all__ = ["SIDE", "HandWritten", "HandWrittenSide", "to_bioes"]

LEARNING_RATE = 2e-3


class HandWritten(nn.Module):
    """The straightforward BiLSTM-CRF."""

    def __init__(self, words: int, chars: int, tags: int) -> None:
        super().__init__()
        self.word = nn.Embedding(words, 100, padding_idx=0)
        self.char = nn.Embedding(chars, 30, padding_idx=0)
        self.cnn = nn.Conv1d(30, 50, 3, padding=1)
        self.dropout = nn.Dropout(0.5)
        self.lstm = nn.LSTM(150, 100, bidirectional=True, batch_first=True)
        self.linear = nn.Linear(200, tags)
        self.crf = torchcrf.CRF(tags, batch_first=True)

    def emissions(self, words: Tensor, chars: Tensor, lengths: Tensor) -> Tensor:
        batch, steps, width = chars.shape
        embedded = self.dropout(self.char(chars.view(batch * steps, width))).transpose(1, 2)
        pooled = self.cnn(embedded).amax(dim=2).view(batch, steps, 50)
        values = self.dropout(torch.cat([self.word(words), pooled], dim=2))
        packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        scores: Tensor = self.linear(self.dropout(states))
        return scores


class HandWrittenSide:
    """Vocabulary, batches, training and tagging around the network."""

    words: dict[str, int]
    chars: dict[str, int]
    tags: dict[str, int]
    network: HandWritten

    def __init__(self) -> None:
        self.batch_size = 32

    def train(self, train: Sentences, dev: Sentences, *, epochs: int, seed: int, folder: Path) -> TrainingFigures:
        torch.manual_seed(seed)
        random.seed(seed)
        gold = [to_bioes(tags) for tags in train.tags]
        self._build(
            {w: i for i, w in enumerate(sorted({w for s in train.tokens for w in s}), start=2)},
            {c: i for i, c in enumerate(sorted({c for s in train.tokens for w in s for c in w}), start=2)},
            {t: i for i, t in enumerate(sorted({t for s in gold for t in s}))},
        )
        optimizer = torch.optim.Adam(self.network.parameters(), lr=LEARNING_RATE)
        best, epoch_seconds = Best(dev), []
        for _ in range(epochs):
            began = time.perf_counter()
            self._epoch(train.tokens, gold, optimizer)
            epoch_seconds.append(time.perf_counter() - began)
            if best.improved(self.tag(dev.tokens, "")):
                parts = {"words": self.words, "chars": self.chars, "tags": self.tags}
                torch.save({**parts, "weights": self.network.state_dict()}, folder / "model.pt")
        return TrainingFigures(epoch_seconds, sum(epoch_seconds))

    def _build(self, words: dict[str, int], chars: dict[str, int], tags: dict[str, int]) -> None:
        self.words, self.chars, self.tags = words, chars, tags
        self.names = list(tags)
        self.network = HandWritten(len(words) + 2, len(chars) + 2, len(tags))

    def _epoch(self, tokens: list[list[str]], gold: list[list[str]], optimizer: torch.optim.Optimizer) -> None:
        self.network.train()
        order = random.sample(range(len(tokens)), len(tokens))
        for begin in range(0, len(order), self.batch_size):
            chosen = order[begin : begin + self.batch_size]
            words, chars, lengths = self._batch([tokens[i] for i in chosen])
            tags = pad_sequence([torch.tensor([self.tags[t] for t in gold[i]]) for i in chosen], batch_first=True)
            mask = torch.arange(words.shape[1]) < lengths.unsqueeze(1)
            loss = -self.network.crf(self.network.emissions(words, chars, lengths), tags, mask, reduction="mean")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def _batch(self, sentences: Sequence[list[str]]) -> tuple[Tensor, Tensor, Tensor]:
        words = [torch.tensor([self.words.get(w, 1) for w in s]) for s in sentences]
        longest = max(len(w) for s in sentences for w in s)
        chars = [
            torch.tensor([[self.chars.get(c, 1) for c in w] + [0] * (longest - len(w)) for w in s]) for s in sentences
        ]
        lengths = torch.tensor([len(s) for s in sentences])
        return pad_sequence(words, batch_first=True), pad_sequence(chars, batch_first=True), lengths

    def load(self, folder: Path) -> None:
        parts = torch.load(folder / "model.pt", weights_only=True)
        self._build(parts["words"], parts["chars"], parts["tags"])
        self.network.load_state_dict(parts["weights"])

    def prepare(self, sentences: list[list[str]], mode: str) -> list[list[str]]:
        return sentences

    @torch.no_grad()
    def tag(self, items: Sequence[list[str]], mode: str) -> list[list[str]]:
        self.network.eval()
        tagged = []
        for begin in range(0, len(items), self.batch_size):
            words, chars, lengths = self._batch(items[begin : begin + self.batch_size])
            mask = torch.arange(words.shape[1]) < lengths.unsqueeze(1)
            paths = self.network.crf.decode(self.network.emissions(words, chars, lengths), mask)
            tagged += [iob2([self.names[t] for t in path]) for path in paths]
        return tagged

    def forget(self) -> None:
        pass


def to_bioes(tags: Sequence[str]) -> list[str]:
    """Well-formed IOB2 to BIOES."""
    following = [*tags[1:], "O"]
    final = {"B": "S", "I": "E"}
    return [
        tag if tag == "O" or after[0] == "I" else final[tag[0]] + tag[1:]
        for tag, after in zip(tags, following, strict=True)
    ]


SIDE = HandWrittenSide
