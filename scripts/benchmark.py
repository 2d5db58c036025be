#!/usr/bin/env python3
"""Speed of this package against a hand-written loop of the same sizes on the same data, in one run.

    python scripts/benchmark.py
    python scripts/benchmark.py --train train.conll --test test.conll --threads 2 --json speed.json

The hand-written loop is what most tutorials have: an index lookup a word, characters padded a token, a bidirectional
``nn.LSTM`` on packed sequences, ``torchcrf``, batches of 32 in random order for training and in order for tagging.
Both sides: word 100, character CNN 30/50, BiLSTM 2 x 100, CRF, Adam, no pretrained vectors. Absolute numbers
depend on the machine and on what else it does; quote the ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torchcrf
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from bilstm_tagger import Config, Tagger, TaggerError, load_rows, train
from bilstm_tagger.schemes import Scheme, convert

BATCH = 32


class HandWritten(nn.Module):
    """The baseline: the straightforward BiLSTM-CRF."""

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


class HandWrittenLoop:
    """Vocabulary, batches, training and tagging around the baseline."""

    def __init__(self, tokens: list[list[str]], tags: list[list[str]]) -> None:
        self.words = {w: i for i, w in enumerate(sorted({w for s in tokens for w in s}), start=2)}
        self.chars = {c: i for i, c in enumerate(sorted({c for w in self.words for c in w}), start=2)}
        self.tags = {t: i for i, t in enumerate(sorted({t for s in tags for t in s}))}
        self.names = list(self.tags)
        self.network = HandWritten(len(self.words) + 2, len(self.chars) + 2, len(self.tags))
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=2e-3)
        self.tokens, self.gold = tokens, tags

    def batch(self, sentences: list[list[str]]) -> tuple[Tensor, Tensor, Tensor]:
        words = [torch.tensor([self.words.get(w, 1) for w in s]) for s in sentences]
        longest = max(len(w) for s in sentences for w in s)
        chars = [
            torch.tensor([[self.chars.get(c, 1) for c in w] + [0] * (longest - len(w)) for w in s]) for s in sentences
        ]
        lengths = torch.tensor([len(s) for s in sentences])
        return pad_sequence(words, batch_first=True), pad_sequence(chars, batch_first=True), lengths

    def epoch(self) -> None:
        self.network.train()
        order = torch.randperm(len(self.tokens)).tolist()
        for begin in range(0, len(order), BATCH):
            chosen = order[begin : begin + BATCH]
            words, chars, lengths = self.batch([self.tokens[i] for i in chosen])
            gold = pad_sequence([torch.tensor([self.tags[t] for t in self.gold[i]]) for i in chosen], batch_first=True)
            mask = torch.arange(words.shape[1]) < lengths.unsqueeze(1)
            loss = -self.network.crf(self.network.emissions(words, chars, lengths), gold, mask, reduction="mean")
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    @torch.no_grad()
    def tag(self, sentences: list[list[str]]) -> list[list[str]]:
        self.network.eval()
        tagged = []
        for begin in range(0, len(sentences), BATCH):
            words, chars, lengths = self.batch(sentences[begin : begin + BATCH])
            mask = torch.arange(words.shape[1]) < lengths.unsqueeze(1)
            paths = self.network.crf.decode(self.network.emissions(words, chars, lengths), mask)
            tagged += [[self.names[t] for t in path] for path in paths]
        return tagged


def main() -> int:
    arguments = parse()
    torch.set_num_threads(arguments.threads or torch.get_num_threads())
    torch.manual_seed(1)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads", file=sys.stderr)
    train_rows = load_rows(arguments.train, task="ner", split="train")
    test_rows = load_rows(arguments.test, task="ner", split="test")
    sentences = [tokens for tokens in test_rows["tokens"] if tokens]
    gold = [[str(tag) for tag in convert(tags, Scheme.IOB2, Scheme.BIOES)] for tags in train_rows["tags"]]
    baseline = HandWrittenLoop(list(train_rows["tokens"]), gold)
    num_train, num_test = (sum(map(len, rows)) for rows in (train_rows["tokens"], sentences))

    with tempfile.TemporaryDirectory() as folder:
        ours_training, tagger = train_ours(arguments, Path(folder))
    baseline_training = [num_train / seconds(baseline.epoch) for _ in range(arguments.epochs)]
    # In turn, so that a change in the machine's speed meets both.
    pairs = [
        (num_test / seconds(lambda: baseline.tag(sentences)), num_test / seconds(lambda: tagger.tag_batch(sentences)))
        for _ in range(arguments.repeats)
    ]
    one = [sentence for sentence in sentences if len(sentence) == 20][:50] or sentences[:50]
    for sentence in one:
        baseline.tag([sentence]), tagger.tag(sentence)
    singles = [(seconds(lambda s=s: baseline.tag([s])), seconds(lambda s=s: tagger.tag(s))) for s in one]  # type: ignore[misc]
    rows = [
        row("training, tokens/s", baseline_training, ours_training),
        row("tagging, words to tags and spans, tokens/s", *columns(pairs)),
        row("one sentence, sentences/s", *([1 / t for t in times] for times in columns(singles))),
    ]
    for line in table(rows):
        print(line)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps({"threads": torch.get_num_threads(), "rows": rows}, indent=2) + "\n")
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", default="builtin:wnut17/train", help="labelled source (default: %(default)s)")
    parser.add_argument("--test", default="builtin:wnut17/test", help="source to tag (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=3, help="training epochs of each side (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="times the source is tagged (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=0, help="processor threads (default: torch's)")
    parser.add_argument("--json", metavar="FILE", help="also write the numbers here")
    return parser.parse_args()


def train_ours(arguments: argparse.Namespace, folder: Path) -> tuple[list[float], Tagger]:
    """Trains through the public API; returns the tokens/s of each epoch, and the tagger."""
    values: dict[str, Any] = {
        "task": "ner",
        "data": {"train": arguments.train, "dev": arguments.test},
        "training": {"epochs": arguments.epochs, "optimizer": "adam", "batch_sequences": BATCH, "batch_tokens": 4096},
    }
    train(Config.from_dict(values), output=folder, progress=False)
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["tokens_per_second"] for line in lines], Tagger.from_pretrained(folder)


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def columns(pairs: list[tuple[float, float]]) -> Iterator[list[float]]:
    return (list(values) for values in zip(*pairs, strict=True))


def row(name: str, baseline: list[float], ours: list[float]) -> dict[str, Any]:
    """Medians of both sides and their ratio."""
    middle = statistics.median(baseline), statistics.median(ours)
    return {"name": name, "hand_written": middle[0], "bilstm_tagger": middle[1], "ratio": middle[1] / middle[0]}


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield f"{'':44}{'hand-written':>14}{'bilstm-tagger':>15}{'ratio':>8}"
    for entry in rows:
        yield f"{entry['name']:44}{entry['hand_written']:>14,.0f}{entry['bilstm_tagger']:>15,.0f}{entry['ratio']:>8.1f}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TaggerError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
