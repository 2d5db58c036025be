"""Flair: its sequence tagger and its trainer, with word vectors of 100, a character BiLSTM of 2 x 25, and Adam."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flair
import torch
from flair.data import Corpus, Dictionary, Sentence
from flair.datasets import FlairDatapointDataset
from flair.embeddings import CharacterEmbeddings, OneHotEmbeddings, StackedEmbeddings
from flair.models import SequenceTagger
from flair.trainers import ModelTrainer
from flair.trainers.plugins import TrainerPlugin

from benchmarks.data import Sentences
from benchmarks.sides import TrainingFigures, spans_of

__all__ = ["SIDE"]


class EpochClock(TrainerPlugin):  # type: ignore[misc]  # flair's hooks are untyped
    """Notes how long each pass over the training part takes; scoring comes after it."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    @TrainerPlugin.hook  # type: ignore[untyped-decorator]
    def before_training_epoch(self, **_: Any) -> None:
        self.began = time.perf_counter()

    @TrainerPlugin.hook  # type: ignore[untyped-decorator]
    def after_training_epoch(self, **_: Any) -> None:
        self.seconds.append(time.perf_counter() - self.began)


class FlairSide:
    """See ``Side``."""

    tagger: Any

    def __init__(self) -> None:
        self.batch_size = 32
        flair.device = torch.device("cpu")
        logging.getLogger("flair").setLevel(logging.WARNING)

    def train(self, train: Sentences, dev: Sentences, *, epochs: int, seed: int, folder: Path) -> TrainingFigures:
        flair.set_seed(seed)
        corpus: Any = Corpus(train=_labelled(train), dev=_labelled(dev), test=_labelled(dev))
        chars = Dictionary()
        for char in sorted({c for tokens in train.tokens for word in tokens for c in word}):
            chars.add_item(char)
        embeddings = StackedEmbeddings(
            [
                OneHotEmbeddings.from_corpus(corpus, min_freq=1, embedding_length=100),
                CharacterEmbeddings(chars, char_embedding_dim=30, hidden_size_char=25),
            ]
        )
        tagger = SequenceTagger(
            embeddings=embeddings,
            tag_dictionary=corpus.make_label_dictionary("ner", add_unk=False),
            tag_type="ner",
            hidden_size=100,
            reproject_embeddings=False,
        )
        clock = EpochClock()
        ModelTrainer(tagger, corpus).train(
            folder,
            optimizer=torch.optim.Adam,
            learning_rate=2e-3,
            mini_batch_size=self.batch_size,
            max_epochs=epochs,
            # With its default, "cpu", the dev part is scored with character vectors of the first epoch.
            embeddings_storage_mode="none",
            save_final_model=False,
            plugins=[clock],
        )
        if not (folder / "best-model.pt").exists():
            # A dev F1 of 0 is not better than none for it.
            tagger.save(folder / "best-model.pt")
        return TrainingFigures(clock.seconds, sum(clock.seconds))

    def load(self, folder: Path) -> None:
        self.tagger = SequenceTagger.load(folder / "best-model.pt")

    def prepare(self, sentences: list[list[str]], mode: str) -> list[list[str]]:
        return sentences

    def tag(self, items: Sequence[list[str]], mode: str) -> list[list[str]]:
        sentences = [Sentence(tokens) for tokens in items]
        self.tagger.predict(sentences, mini_batch_size=self.batch_size)
        tagged = []
        for tokens, sentence in zip(items, sentences, strict=True):
            tags = ["O"] * len(tokens)
            for span in sentence.get_spans("ner"):
                first, last = span.tokens[0].idx - 1, span.tokens[-1].idx
                tags[first:last] = [f"B-{span.tag}", *[f"I-{span.tag}"] * (last - first - 1)]
            tagged.append(tags)
        return tagged

    def forget(self) -> None:
        pass


def _labelled(data: Sentences) -> FlairDatapointDataset[Any]:
    sentences = []
    for tokens, tags in zip(data.tokens, data.tags, strict=True):
        sentence = Sentence(tokens)
        for first, last, label in spans_of(tags):
            sentence[first:last].add_label("ner", label)
        sentences.append(sentence)
    return FlairDatapointDataset(sentences)


SIDE = FlairSide
