"""Scores of a data set: each process tags its part, and all know the result."""

from __future__ import annotations

import time

import numpy as np

from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError, DataError
from bilstm_tagger.evaluation import Report, fast_metric, score
from bilstm_tagger.evaluation.residues import only_three_states
from bilstm_tagger.inference.decoding import decode_rows
from bilstm_tagger.inference.model import Model
from bilstm_tagger.inference.span_scores import TagGrammar
from bilstm_tagger.training.parts import Part
from bilstm_tagger.training.processes import Processes

__all__ = ["check_metric", "dev_score", "full_report"]


def check_metric(config: Config, dev: Part, test: Part | None) -> str:
    """Returns the name of the dev score, after computing it once on a perfect answer to the first labelled sequence.

    Args:
        config: The run.
        dev: What the score is computed on after each epoch.
        test: What it is computed on at the end.

    Raises:
        ConfigError: The task has no such score, or a part has three states where it is about eight.
        DataError: A part has no tags to score.
    """
    task = config.task_definition
    metric = task.metric if config.training.metric == "auto" else config.training.metric
    for name, part in (("dev", dev), ("test", test)):
        if part is None:
            continue
        source = getattr(config.data, name) or config.data.train
        known = next((known for tags in part.gold if (known := [tag for tag in tags if tag is not None])), None)
        if known is None:
            purpose = "Choosing the best epoch" if name == "dev" else "Scoring at the end"
            raise DataError(f"the {name} part has no tags", path=source, hint=f"{purpose} needs labelled data")
        score([known], [known], task=task).metric(metric)
        fast_metric([known], [known], metric)
        if metric == "q8" and only_three_states(part.gold):
            raise ConfigError(
                f"the {name} part has three states, so its score in eight means nothing",
                received=source,
                hint='Set training.metric = "q3", or take data of eight states',
            )
    return metric


def dev_score(model: Model, part: Part, metric: str, processes: Processes) -> float:
    """Returns the score that chooses the best epoch."""
    return fast_metric(part.gold, _predict(model, part, processes), metric)


def full_report(model: Model, part: Part, processes: Processes) -> Report:
    """Returns all scores of a part."""
    began = time.perf_counter()
    predicted = _predict(model, part, processes)
    return score(part.gold, predicted, task=model.config.task_definition, seconds=time.perf_counter() - began)


def _predict(model: Model, part: Part, processes: Processes) -> list[list[str]]:
    """Returns the predicted tags of each sequence. Each process decodes its share, each sequence in one of them."""
    rows = part.rows
    share = processes.share(np.arange(len(rows)))
    paths = decode_rows(model.network, rows, decoding=model.config.decoding, chosen=share)
    tags = np.zeros(len(rows.forms), dtype=np.int64)
    for index, path in zip(share.tolist(), paths, strict=True):
        tags[rows.offsets[index] : rows.offsets[index + 1]] = path
    # Where one process has a tag, all others have zero: the sum is all tags.
    tags = processes.sum_array(tags)
    grammar = TagGrammar(model.vocabulary.tags, model.vocabulary.scheme)
    bounds = zip(rows.offsets[:-1].tolist(), rows.offsets[1:].tolist(), strict=True)
    return [grammar.names(tags[begin:end]) for begin, end in bounds]
