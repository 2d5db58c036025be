"""Stanza: its NER trainer class on batches of its own, without pretrained vectors and language models.

Words 100 (lower-cased, as it does by default), a character BiLSTM of 2 x 25, BiLSTM 2 x 100, CRF over BIOES, Adam.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from stanza.models.common.doc import Document
from stanza.models.ner.data import DataLoader
from stanza.models.ner.trainer import Trainer
from stanza.models.ner_tagger import parse_args

from benchmarks.data import Sentences
from benchmarks.sides import Best, TrainingFigures, iob2

__all__ = ["SIDE"]

ARGUMENTS = (
    "--no_pretrain --word_emb_dim 100 --char_emb_dim 30 --char_hidden_dim 25 --hidden_dim 100 --num_layers 1 "
    "--no_input_transform --optim adam --lr 0.002 --shorthand en_benchmark --cpu"
)


class StanzaSide:
    """See ``Side``."""

    trainer: Any

    def __init__(self) -> None:
        self.batch_size = 32

    def train(self, train: Sentences, dev: Sentences, *, epochs: int, seed: int, folder: Path) -> TrainingFigures:
        torch.manual_seed(seed)
        random.seed(seed)
        arguments = parse_args(ARGUMENTS.split())
        batches = DataLoader(_document(train.tokens, train.tags), self.batch_size, arguments)
        self.trainer = Trainer(args=arguments, vocab=batches.vocab, device="cpu")
        best, epoch_seconds = Best(dev), []
        for _ in range(epochs):
            began = time.perf_counter()
            for batch in batches:
                self.trainer.update(batch)
            batches.reshuffle()
            epoch_seconds.append(time.perf_counter() - began)
            if best.improved(self.tag(dev.tokens, "")):
                self.trainer.save(str(folder / "model.pt"))
        return TrainingFigures(epoch_seconds, sum(epoch_seconds))

    def load(self, folder: Path) -> None:
        self.trainer = Trainer(model_file=str(folder / "model.pt"), device="cpu")

    def prepare(self, sentences: list[list[str]], mode: str) -> list[list[str]]:
        return sentences

    def tag(self, items: Sequence[list[str]], mode: str) -> list[list[str]]:
        document = _document(items, [["O"] * len(tokens) for tokens in items])
        batches = DataLoader(document, self.batch_size, self.trainer.args, vocab=self.trainer.vocab, evaluation=True)
        return [iob2(tags) for batch in batches for tags in self.trainer.predict(batch)]

    def forget(self) -> None:
        pass


def _document(tokens: Sequence[list[str]], tags: Sequence[list[str]]) -> Any:
    sentences = [
        [
            {"id": place, "text": token, "ner": tag}
            for place, (token, tag) in enumerate(zip(*pair, strict=True), start=1)
        ]
        for pair in zip(tokens, tags, strict=True)
    ]
    return Document(sentences)


SIDE = StanzaSide
