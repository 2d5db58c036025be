"""Models and data sets that are made in milliseconds, for the tests of everything above the network."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import torch

from bilstm_tagger.config import Config
from bilstm_tagger.inference import Model, Tagger
from bilstm_tagger.training.build import build_model

PEOPLE = ["Ada", "Grace", "Alan", "Edsger", "Barbara"]
SURNAMES = ["Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov"]
PLACES = ["Oslo", "Paris", "Lima", "Quito", "Bern"]
SMALL: dict[str, Any] = {
    "word": {"size": 12},
    "char": {"size": 6, "output": 8, "dropout": 0.0},
    "encoder": {"hidden_size": 12, "input_dropout": 0.0, "output_dropout": 0.0},
}


def sections(*parts: dict[str, Any]) -> dict[str, Any]:
    """Joins nested settings; later ones win."""
    joined: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            old = joined.get(key)
            joined[key] = sections(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return joined


def ner_rows(count: int = 40, *, seed: int = 0) -> list[dict[str, Any]]:
    """Sentences whose names can be told by their words: ``Ada Lovelace met Alan in Oslo .``."""
    rng = random.Random(seed)
    rows = []
    for index in range(count):
        tokens, tags = [], []
        for kind in rng.choice(["P v P", "P v p L", "L v p P", "v P v", "P P v L"]).split():
            if kind == "P":
                long = rng.random() < 0.5
                tokens += [rng.choice(PEOPLE), *([rng.choice(SURNAMES)] if long else [])]
                tags += ["B-PER", *(["I-PER"] if long else [])]
            elif kind == "L":
                tokens.append(rng.choice(PLACES))
                tags.append("B-LOC")
            else:
                tokens.append(rng.choice(["met", "saw", "left"] if kind == "v" else ["in", "near"]))
                tags.append("O")
        rows.append({"id": str(index), "tokens": [*tokens, "."], "tags": [*tags, "O"]})
    return rows


def pos_rows(count: int = 40, *, seed: int = 0) -> list[dict[str, Any]]:
    """The same sentences with a part of speech for each word."""
    names = {"O": "VERB", "B-PER": "PROPN", "I-PER": "PROPN", "B-LOC": "NOUN"}
    rows = ner_rows(count, seed=seed)
    for row in rows:
        row["tags"] = [
            "PUNCT" if token == "." else names[tag] for token, tag in zip(row["tokens"], row["tags"], strict=True)
        ]
    return rows


def protein_rows(count: int = 30, *, seed: int = 0, unknown: float = 0.2) -> list[dict[str, Any]]:
    """Chains whose states follow from the residues; a share of the labels is unknown."""
    rng = random.Random(seed)
    states = dict.fromkeys("AELMKR", "H") | dict.fromkeys("VIYFWT", "E") | dict.fromkeys("GPSND", "C")
    rows = []
    for index in range(count):
        tokens = [rng.choice("".join(states)) for _ in range(rng.randint(5, 15))]
        tags = [None if rng.random() < unknown else states[token] for token in tokens]
        rows.append({"id": str(index), "tokens": tokens, "tags": tags})
    return rows


def tiny_config(task: str = "ner", **changes: Any) -> Config:
    """A configuration of a network with a few thousand weights."""
    return Config.from_dict(sections({"task": task}, SMALL, changes))


def tiny_model(
    rows: Sequence[dict[str, Any]] | None = None, *, task: str = "ner", seed: int = 0, **changes: Any
) -> Model:
    """An untrained model whose weights, the CRF's too, are random: its tags are arbitrary and its scores not near 1."""
    torch.manual_seed(seed)
    if rows is None:
        rows = {"ner": ner_rows, "pos": pos_rows}.get(task, protein_rows)(20)
    model = build_model(tiny_config(task, **changes), datasets.Dataset.from_list(list(rows)))
    for parameter in model.network.crf.parameters():
        torch.nn.init.normal_(parameter)
    torch.nn.init.normal_(model.network.projection.weight)
    model.network.eval()
    return model


def tiny_tagger(rows: Sequence[dict[str, Any]] | None = None, **options: Any) -> Tagger:
    """A tagger around ``tiny_model``."""
    return Tagger(tiny_model(rows, **options))


def write_conll(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Writes rows as two columns."""
    sentences = [
        "".join(f"{pair[0]}\t{pair[1]}\n" for pair in zip(row["tokens"], row["tags"], strict=True)) for row in rows
    ]
    path.write_text("\n".join(sentences), encoding="utf-8")
    return path
