"""What one side does in its process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.data import Sentences
from benchmarks.sides import Side, open_side
from bilstm_tagger.memory import current_memory, peak_memory

__all__ = ["SideWorker"]


def seconds(work: Callable[[], Any]) -> float:
    """Returns how long a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class SideWorker:
    """Holds one side; its methods return JSON values, times in seconds and memory in MB."""

    side: Side

    def open(self, name: str) -> float:
        """Imports the tool; returns the time."""
        began = time.perf_counter()
        self.side = open_side(name)
        return time.perf_counter() - began

    def train(self, train: str, dev: str, epochs: int, seed: int, folder: str) -> dict[str, Any]:
        """Trains; returns the figures of ``TrainingFigures`` and the peak memory."""
        figures = self.side.train(
            Sentences.read(train), Sentences.read(dev), epochs=epochs, seed=seed, folder=Path(folder)
        )
        return {"epoch_seconds": figures.epoch_seconds, "seconds": figures.seconds, "memory": peak_memory()}

    def load(self, folder: str) -> float:
        """Loads what ``train`` left; returns the time."""
        return seconds(lambda: self.side.load(Path(folder)))

    def cold(self, name: str, folder: str, tokens: list[str], mode: str) -> dict[str, float]:
        """Imports, loads and tags one sentence, for the first time in this process."""
        times = {"import": self.open(name), "load": self.load(folder)}
        items = self.side.prepare([tokens], mode)
        return times | {"first": seconds(lambda: self.side.tag(items, mode))}

    def predict(self, data: str, mode: str) -> list[list[str]]:
        """Returns the tags."""
        return self.side.tag(self.side.prepare(Sentences.read(data).tokens, mode), mode)

    def tag(self, data: str, mode: str, forget: bool) -> dict[str, float]:
        """Tags a file of sentences; ``forget`` empties the caches before."""
        items = self.side.prepare(Sentences.read(data).tokens, mode)
        if forget:
            self.side.forget()
        return {"seconds": seconds(lambda: self.side.tag(items, mode)), "memory": peak_memory()}

    def latency(self, sentences: list[list[str]], mode: str) -> list[float]:
        """Tags sentences one by one."""
        items = self.side.prepare(sentences, mode)
        return [seconds(lambda item=item: self.side.tag([item], mode)) for item in items]  # type: ignore[misc]

    def chunks(self, data: str, mode: str, size: int) -> float:
        """Tags a file, ``size`` sentences at a time; returns the time."""
        items = self.side.prepare(Sentences.read(data).tokens, mode)
        self.side.forget()
        self.side.batch_size = size
        return seconds(lambda: [self.side.tag(items[i : i + size], mode) for i in range(0, len(items), size)])

    def long_sentence(self, data: str, mode: str, length: int) -> dict[str, float]:
        """Tags one sentence of so many tokens; ask for the lengths in ascending order."""
        tokens = [token for sentence in Sentences.read(data).tokens for token in sentence]
        tokens = (tokens * (length // len(tokens) + 1))[:length]
        items = self.side.prepare([tokens], mode)
        if not hasattr(self, "idle"):
            self.side.tag(self.side.prepare([tokens[:10]], mode), mode)
            self.idle = current_memory()
        self.side.forget()
        duration = seconds(lambda: self.side.tag(items, mode))
        return {"seconds": duration, "memory": max(0.0, peak_memory() - self.idle)}


class CorpusWorker:
    """This package on corpora of growing size: reading, one epoch of training, and tagging as a stream."""

    def read(self, data: str, small: str) -> dict[str, float]:
        """Reads a file into rows, as ``train`` does; the small file before it brings in all libraries."""
        from bilstm_tagger import load_rows

        load_rows(small, task="ner")
        idle = current_memory()
        duration = seconds(lambda: load_rows(data, task="ner"))
        return {"seconds": duration, "memory": peak_memory() - idle}

    def train(self, data: str, dev: str, folder: str) -> dict[str, float]:
        """Trains one epoch; the time is that of the epoch, the memory that of all of it."""
        import json

        from benchmarks.ours import settings
        from bilstm_tagger import Config, load_rows, train

        load_rows(dev, task="ner")
        idle = current_memory()
        train(Config.from_dict(settings(data, dev, epochs=1, seed=1)), output=folder, progress=False)
        record = json.loads((Path(folder) / "metrics.jsonl").read_text(encoding="utf-8"))
        return {"tokens_per_second": record["tokens_per_second"], "memory": peak_memory() - idle}

    def stream(self, data: str, folder: str) -> dict[str, float]:
        """Tags a file of texts, a line each, and drops each result."""
        from bilstm_tagger import Tagger

        tagger = Tagger.from_pretrained(folder)
        tagger.tag("A first sentence .")
        idle = current_memory()

        def lines() -> Iterator[str]:
            with open(data, encoding="utf-8") as file:
                for line in file:
                    yield line.rstrip("\n")

        duration = seconds(lambda: sum(len(doc) for doc in tagger.stream(lines())))
        return {"seconds": duration, "memory": max(0.0, peak_memory() - idle)}
