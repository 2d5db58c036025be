"""sklearn-crfsuite: no network, a CRF over the features of its tutorial; L-BFGS for 100 iterations, c1 = c2 = 0.1."""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sklearn_crfsuite

from benchmarks.data import Sentences
from benchmarks.sides import TrainingFigures

__all__ = ["SIDE"]

ITERATIONS = 100


class CrfsuiteSide:
    """See ``Side``."""

    crf: Any

    def __init__(self) -> None:
        self.batch_size = 32

    def train(self, train: Sentences, dev: Sentences, *, epochs: int, seed: int, folder: Path) -> TrainingFigures:
        # Its iterations are not epochs of the others, so their number does not follow: the network of one
        # epoch is nearly trained, the CRF of one iteration is not.
        self.crf = sklearn_crfsuite.CRF(algorithm="lbfgs", c1=0.1, c2=0.1, max_iterations=ITERATIONS)
        began = time.perf_counter()
        self.crf.fit([_features(tokens) for tokens in train.tokens], train.tags)
        seconds = time.perf_counter() - began
        (folder / "model.pickle").write_bytes(pickle.dumps(self.crf))
        return TrainingFigures([], seconds)

    def load(self, folder: Path) -> None:
        # A pickle that this run wrote itself: it is how the tool is saved.
        self.crf = pickle.loads((folder / "model.pickle").read_bytes())

    def prepare(self, sentences: list[list[str]], mode: str) -> list[list[str]]:
        return sentences

    def tag(self, items: Sequence[list[str]], mode: str) -> list[list[str]]:
        return [list(tags) for tags in self.crf.predict([_features(tokens) for tokens in items])]

    def forget(self) -> None:
        pass


def _features(tokens: list[str]) -> list[dict[str, Any]]:
    """The word, its ends, its case, and the same of its neighbours."""
    own = [
        {"lower": word.lower(), "title": word.istitle(), "upper": word.isupper(), "digit": word.isdigit()}
        for word in tokens
    ]
    features = []
    for place, word in enumerate(tokens):
        values: dict[str, Any] = {"bias": 1.0, "suffix3": word[-3:], "suffix2": word[-2:], **own[place]}
        for offset in (-1, 1):
            if 0 <= place + offset < len(tokens):
                values |= {f"{offset:+d}:{name}": value for name, value in own[place + offset].items()}
            else:
                values["BOS" if offset < 0 else "EOS"] = True
        features.append(values)
    return features


SIDE = CrfsuiteSide
