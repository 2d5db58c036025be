"""What a run is to measure, and what its experiments share."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.data import Sentences
from benchmarks.process import Process

__all__ = ["SECTIONS", "Settings", "Workshop"]

SECTIONS = {
    "training": "training tokens/s and dev F1 of each side",
    "tagging": "tagging tokens/s",
    "latency": "one sentence of 20 tokens at a time",
    "cold": "import, load, first sentence",
    "crf": "the CRF layer alone against torchcrf: loss with gradient, decoding",
    "tags": "the same, from 5 to 200 tags",
    "length": "one sentence of 10 to 50,000 tokens: time and memory",
    "batch": "tagging tokens/s by the sentences handed over together",
    "corpus": "this package on corpora of growing size",
    "limit": "share of the machine's matrix product rate",
}


@dataclass(frozen=True)
class Settings:
    """How much of everything; see ``scripts/benchmark.py --help``.

    Attributes:
        sections: Keys of ``SECTIONS``.
        sides: Names of the tools, the baseline first.
        threads: Processor threads of each process.
        epochs: Of each training.
        rounds: Trainings of the two main sides, each with another seed; peers are trained once.
        repeats: Timings of everything else.
        sentences: Sentences in each repeat of the latency.
        lengths: Tokens of the long sentences.
        batches: Sentences handed over together.
        tag_counts: Numbers of tags in ``crf``.
        more_tag_counts: Those that ``tags`` has beside them.
        corpus_sizes: Tokens.
        patience: Seconds; a side that took longer for one length is not asked for the next.
    """

    sections: tuple[str, ...]
    sides: tuple[str, ...]
    threads: int
    epochs: int
    rounds: int
    repeats: int
    sentences: int
    lengths: tuple[int, ...] = (10, 100, 1_000, 10_000, 50_000)
    batches: tuple[int, ...] = (1, 8, 32, 128, 512)
    tag_counts: tuple[int, ...] = (9, 17, 73)
    more_tag_counts: tuple[int, ...] = (5, 25, 129, 200)
    corpus_sizes: tuple[int, ...] = (20_000, 100_000, 500_000, 2_000_000)
    patience: float = 60.0

    def wants(self, *sections: str) -> bool:
        """Whether any of these sections is asked for."""
        return not set(sections).isdisjoint(self.sections)


@dataclass
class Workshop:
    """A temporary folder with the data and the trained models, and the way to start processes.

    Attributes:
        folder: The folder.
        settings: Of the run.
        train: Labelled sentences; so dev and test.
        models: Folder of each side's trained model.
        problems: One line for each thing that did not work.
    """

    folder: Path
    settings: Settings
    train: Sentences
    dev: Sentences
    test: Sentences
    models: dict[str, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.train_file = str(self.train.write(self.folder / "train.jsonl"))
        self.dev_file = str(self.dev.write(self.folder / "dev.jsonl"))
        self.test_file = str(self.test.write(self.folder / "test.jsonl"))

    def process(self, home: str) -> Process:
        """Starts a process. Nothing that it reads is in the user's cache, and nothing stays there."""
        threads = str(self.settings.threads)
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = dict.fromkeys(names, threads) | {
            "BILSTM_TAGGER_CACHE": str(self.folder / "cache"),
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
        }
        return Process(home, environment=environment)

    def say(self, line: str) -> None:
        """Tells on standard error what goes on."""
        print(line, file=sys.stderr, flush=True)

    def problem(self, what: str, error: Exception) -> None:
        """Notes what did not work; the run goes on."""
        self.problems.append(f"{what}: {error}")
        self.say(f"  {self.problems[-1]}")
