"""What the benchmark asks of each tool, and where each is found."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.data import Sentences

__all__ = ["BASELINE", "OURS", "SIDES", "Best", "Side", "SideInfo", "TrainingFigures", "iob2", "open_side", "spans_of"]

BASELINE, OURS = "hand-written", "bilstm-tagger"


@dataclass(frozen=True)
class SideInfo:
    """A tool.

    Attributes:
        module: Where its side is written.
        modes: Ways of tagging; the first is the fair one, words in and tags out.
        further_modes: Ways that only the long sentences go.
        needs: The package to import.
        install: The package to install.
        note: How its network differs from the others'.
    """

    module: str
    modes: tuple[str, ...] = ("words to tags",)
    further_modes: tuple[str, ...] = ()
    needs: str = "torchcrf"
    install: str = "pytorch-crf"
    note: str = ""

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.needs) is not None


SIDES = {
    BASELINE: SideInfo("baseline"),
    OURS: SideInfo(
        "ours",
        ("words to tags", "words to tags, spans, scores", "text to spans, offsets, scores"),
        ("with all marginals", "5 best sequences"),
    ),
    "flair": SideInfo("peer_flair", needs="flair", install="flair", note="character BiLSTM 2 x 25 instead of the CNN"),
    "stanza": SideInfo(
        "peer_stanza", needs="stanza", install="stanza", note="character BiLSTM 2 x 25 instead of the CNN"
    ),
    "spacy": SideInfo(
        "peer_spacy", needs="spacy", install="spacy", note="its own network: CNN of width 96, transitions"
    ),
    "crfsuite": SideInfo(
        "peer_crfsuite",
        needs="sklearn_crfsuite",
        install="sklearn-crfsuite",
        note="no network: features, 100 iterations",
    ),
}


@dataclass(frozen=True)
class TrainingFigures:
    """What training reports.

    Attributes:
        epoch_seconds: Time of each pass over the training part, scoring not included; empty where a tool has none.
        seconds: Time of all of it.
    """

    epoch_seconds: list[float]
    seconds: float


class Side(Protocol):
    """One tool, in a process of its own.

    Attributes:
        batch_size: Sentences that go through the network together, for tools that are told.
    """

    batch_size: int

    def train(self, train: Sentences, dev: Sentences, *, epochs: int, seed: int, folder: Path) -> TrainingFigures:
        """Trains from scratch and leaves the epoch with the best dev F1 in the folder."""
        ...

    def load(self, folder: Path) -> None:
        """Makes ready to tag with what ``train`` left."""
        ...

    def prepare(self, sentences: list[list[str]], mode: str) -> Sequence[Any]:
        """Returns the input of ``tag``; not timed."""
        ...

    def tag(self, items: Sequence[Any], mode: str) -> list[list[str]]:
        """Returns one list of tags for each item. What the tool gives more than tags is computed and left."""
        ...

    def forget(self) -> None:
        """Empties caches that earlier inputs filled, so that a repeat is no easier than the first time."""
        ...


class Best:
    """Remembers the best dev F1 of the epochs."""

    def __init__(self, dev: Sentences) -> None:
        self.dev = dev
        self.score = -1.0

    def improved(self, predicted: list[list[str]]) -> bool:
        """Scores the dev part; returns whether no epoch before was as good."""
        from bilstm_tagger.evaluation import fast_metric

        score = fast_metric(self.dev.tags, predicted, "f1")
        better = score > self.score
        self.score = max(score, self.score)
        return better


def spans_of(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """Returns (first token, token after the last, label) of the spans of well-formed IOB2 tags."""
    begins = [place for place, tag in enumerate(tags) if tag.startswith("B")]
    spans = []
    for begin in begins:
        end = begin + 1
        while end < len(tags) and tags[end].startswith("I"):
            end += 1
        spans.append((begin, end, tags[begin][2:]))
    return spans


def iob2(tags: Sequence[str]) -> list[str]:
    """Rewrites BIOES as IOB2, by the prefixes alone."""
    prefixes = {"S": "B", "E": "I"}
    return [prefixes.get(tag[0], tag[0]) + tag[1:] for tag in tags]


def open_side(name: str) -> Side:
    """Imports a tool: the time of this call is its import time."""
    side: Side = importlib.import_module(f"benchmarks.{SIDES[name].module}").SIDE()
    return side
