"""This package, through its public API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.data import Sentences
from benchmarks.sides import OURS, SIDES, TrainingFigures
from bilstm_tagger import Tagger

__all__ = ["SIDE", "settings"]

TAGS_ONLY, SCORED, TEXT = SIDES[OURS].modes
MARGINALS, N_BEST = SIDES[OURS].further_modes


def settings(train: str | Path, dev: str | Path, *, epochs: int, seed: int) -> dict[str, Any]:
    """The configuration with the sizes, the optimiser and the batches of the hand-written loop."""
    return {
        "task": "ner",
        "seed": seed,
        "data": {"train": str(train), "dev": str(dev)},
        "word": {"size": 100},
        "char": {"kind": "cnn", "size": 30, "output": 50},
        "encoder": {"hidden_size": 100, "layers": 1},
        "training": {
            "epochs": epochs,
            "optimizer": "adam",
            "learning_rate": 2e-3,
            "batch_sequences": 32,
            "batch_tokens": 4096,
            "device": "cpu",
        },
    }


class OurSide:
    """See ``Side``."""

    tagger: Tagger

    def __init__(self) -> None:
        self.batch_size = 32

    def train(self, train: Sentences, dev: Sentences, *, epochs: int, seed: int, folder: Path) -> TrainingFigures:
        import torch

        from bilstm_tagger import Config
        from bilstm_tagger import train as train_model

        files = train.write(folder / "train.jsonl"), dev.write(folder / "dev.jsonl")
        values = settings(*files, epochs=epochs, seed=seed)
        values["training"]["threads"] = torch.get_num_threads()
        train_model(Config.from_dict(values), output=folder / "model", progress=False)
        lines = (folder / "model" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        seconds = [train.num_tokens / json.loads(line)["tokens_per_second"] for line in lines]
        return TrainingFigures(seconds, sum(seconds))

    def load(self, folder: Path) -> None:
        self.tagger = Tagger.from_pretrained(folder / "model")

    def prepare(self, sentences: list[list[str]], mode: str) -> list[Any]:
        return [" ".join(tokens) for tokens in sentences] if mode == TEXT else sentences

    def tag(self, items: Sequence[Any], mode: str) -> list[list[str]]:
        if mode == TAGS_ONLY:
            return self.tagger.tag_words(items)
        if mode == N_BEST:
            return self._best_of_five(items)
        if mode == MARGINALS:
            return [doc.tags for doc in self.tagger.tag_batch(items, probabilities=True)]
        return [doc.tags for doc in self.tagger.tag_batch(items)]

    def _best_of_five(self, items: Sequence[list[str]]) -> list[list[str]]:
        """The first of the five best sequences of each item."""
        import torch
        from datasets import Dataset

        from bilstm_tagger.features.encoding import encode_rows
        from bilstm_tagger.inference.decoding import to_batch
        from bilstm_tagger.inference.span_scores import TagGrammar

        network, vocabulary = self.tagger.model.network, self.tagger.model.vocabulary
        rows = encode_rows(Dataset.from_dict({"tokens": list(items)}), vocabulary)
        with torch.inference_mode():
            batch = to_batch(rows.batch(range(len(rows))))
            paths, _ = network.crf.n_best(network.emissions(batch), batch.lengths, 5)
        grammar = TagGrammar(vocabulary.tags, vocabulary.scheme)
        return [
            grammar.names(path[:length].numpy()) for path, length in zip(paths[0].T, rows.lengths.tolist(), strict=True)
        ]

    def forget(self) -> None:
        self.tagger = Tagger(self.tagger.model)


SIDE = OurSide
