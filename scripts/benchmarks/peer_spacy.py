"""spaCy: a blank English pipeline with its own ``ner`` component: a CNN and transitions, no BiLSTM and no CRF."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import Doc
from spacy.training import Example, biluo_tags_to_spans, iob_to_biluo

from benchmarks.data import Sentences
from benchmarks.sides import Best, TrainingFigures

__all__ = ["SIDE"]


class SpacySide:
    """See ``Side``."""

    nlp: Any

    def __init__(self) -> None:
        self.batch_size = 32

    def train(self, train: Sentences, dev: Sentences, *, epochs: int, seed: int, folder: Path) -> TrainingFigures:
        spacy.util.fix_random_seed(seed)
        self.nlp = spacy.blank("en")
        self.nlp.add_pipe("ner")
        examples = [self._example(*pair) for pair in zip(train.tokens, train.tags, strict=True)]
        optimizer = self.nlp.initialize(lambda: examples)
        best, epoch_seconds = Best(dev), []
        for _ in range(epochs):
            began = time.perf_counter()
            random.shuffle(examples)
            for begin in range(0, len(examples), self.batch_size):
                self.nlp.update(examples[begin : begin + self.batch_size], drop=0.2, sgd=optimizer)
            epoch_seconds.append(time.perf_counter() - began)
            if best.improved(self.tag(dev.tokens, "")):
                self.nlp.to_disk(folder / "model")
        return TrainingFigures(epoch_seconds, sum(epoch_seconds))

    def _example(self, tokens: list[str], tags: list[str]) -> Example:
        gold = Doc(self.nlp.vocab, words=tokens)
        gold.ents = biluo_tags_to_spans(gold, iob_to_biluo(tags))
        return Example(Doc(self.nlp.vocab, words=tokens), gold)

    def load(self, folder: Path) -> None:
        self.nlp = spacy.load(folder / "model")

    def prepare(self, sentences: list[list[str]], mode: str) -> list[list[str]]:
        return sentences

    def tag(self, items: Sequence[list[str]], mode: str) -> list[list[str]]:
        docs = (Doc(self.nlp.vocab, words=tokens) for tokens in items)
        return [
            [token.ent_iob_ if token.ent_iob_ == "O" else f"{token.ent_iob_}-{token.ent_type_}" for token in doc]
            for doc in self.nlp.pipe(docs)
        ]

    def forget(self) -> None:
        pass


SIDE = SpacySide
