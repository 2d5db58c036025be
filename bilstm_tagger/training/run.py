"""One training run from a configuration to a model folder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from bilstm_tagger.config import Config
from bilstm_tagger.data import load_rows
from bilstm_tagger.data.locate import find_tag_line
from bilstm_tagger.errors import ConfigError, DataError, UnknownTagError
from bilstm_tagger.evaluation import Report, fast_metric, score
from bilstm_tagger.features.encoding import EncodedRows, encode_rows, tag_values
from bilstm_tagger.features.vocabulary import span_labels
from bilstm_tagger.inference.decoding import decode_rows
from bilstm_tagger.inference.model import Model
from bilstm_tagger.inference.span_scores import TagGrammar
from bilstm_tagger.schemes import Scheme, split_tag
from bilstm_tagger.training.build import build_model
from bilstm_tagger.training.checkpoint import Checkpoint, CheckpointFolder, data_fingerprint, refuse_changes
from bilstm_tagger.training.history import History, plot_curves
from bilstm_tagger.training.trainer import Outcome, Trainer

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["TrainingResult", "train"]

_logger = logging.getLogger("bilstm_tagger.training")

# Keys of the data section that load_rows takes too.
_READER_KEYS = ("format", "token_column", "tag_column", "separator", "scheme", "labels", "mask", "exclude")


@dataclass(frozen=True)
class TrainingResult:
    """What a run ended with.

    Attributes:
        folder: The model folder.
        metric: Name of the dev score.
        best_score: Best dev score; -1 when no epoch was finished (and the folder holds no model of this run).
        best_epoch: Its epoch, from 1.
        epochs: Finished epochs.
        seconds: Wall-clock time of the whole run.
        interrupted: Whether Ctrl-C ended it.
        report: All dev scores of the best epoch; None when no epoch was finished.
        test_report: Scores on the test part, where the configuration names one and the run was not interrupted.
    """

    folder: Path
    metric: str
    best_score: float
    best_epoch: int
    epochs: int
    seconds: float
    interrupted: bool
    report: Report | None = None
    test_report: Report | None = None


@dataclass(frozen=True)
class _Part:
    """A data set ready for scoring."""

    gold: list[list[str | None]]
    rows: EncodedRows


def train(
    config: Config, *, output: str | Path | None = None, progress: bool = True, resume: bool = False
) -> TrainingResult:
    """Trains a tagger and leaves its best epoch, history and curves in a folder.

    Where the folder holds an unfinished run of the same configuration and data, that run goes on from its last
    checkpoint, and ends with the same weights, bit for bit, as if it had never stopped.

    Args:
        config: The run.
        output: The folder, before ``config.output``.
        progress: Whether to show bars and lines on standard error.
        resume: Insist on going on: where there is nothing to go on from, or something changed, raise an error
            instead of starting anew.

    Returns:
        Scores and where the model is. Ctrl-C ends the run early, with the best epoch so far kept.

    Raises:
        ConfigError: A key is missing or its value cannot be used, or the run cannot be resumed.
        DataError: A source cannot be read, or a dev or test tag is unknown to training.
    """
    began = time.perf_counter()
    if config.data.train is None:
        raise ConfigError("the key 'data.train' is missing", hint='Add under [data]: train = "FILE or builtin:NAME"')
    folder = Path(output or config.output or f"runs/{config.task}")
    device = _prepare_torch(config)
    train_rows, dev_rows = _load_parts(config)
    # A share held out of the training part may have the only token of some tag.
    held_out = dev_rows if config.data.dev is None else None
    model = build_model(config, train_rows, tags=tag_values(held_out) if held_out is not None else ())
    network = model.network.to(device)
    encoded = encode_rows(train_rows, model.vocabulary, source=config.data.train, dense_size=network.sizes.dense_size)
    dev = _prepare_part(model, dev_rows, config.data.dev or config.data.train)
    # Read before the hours of training, so that a mistake in it shows at once.
    test = _prepare_part(model, _load(config, "test"), config.data.test) if config.data.test else None
    metric = _check_metric(config, dev, config.data.dev or config.data.train)
    saved = False

    def keep(outcome: Outcome) -> None:
        nonlocal saved
        model.metrics = {"dev": {"metric": outcome.best_score, "name": metric, "epoch": outcome.best_epoch}}
        model.save_weights(folder) if saved else model.save(folder)
        saved = True

    identity = {"configuration": _identity(config), "data": {"train": data_fingerprint(encoded), "dev": _hash(dev)}}
    checkpoints = CheckpointFolder(folder / "checkpoints", identity)
    unfinished = _unfinished(checkpoints, resume=resume)
    trainer = Trainer(
        network,
        encoded,
        config.training,
        seed=config.seed,
        score=lambda: fast_metric(dev.gold, _predict(model, dev.rows), metric),
        keep=keep,
        history=History(folder / "metrics.jsonl"),
        metric=metric,
        checkpoints=checkpoints,
        progress=progress,
    )
    if unfinished is not None:
        trainer.restore(unfinished)
        trainer.display.say(f"going on in epoch {trainer.epoch}; to start anew, delete {checkpoints.folder}")
    outcome = trainer.run()
    plot_curves(trainer.history.records, folder / "curves.png")
    result = TrainingResult(
        folder=folder,
        metric=metric,
        best_score=outcome.best_score,
        best_epoch=outcome.best_epoch,
        epochs=outcome.epochs,
        seconds=0.0,
        interrupted=outcome.interrupted,
    )
    if outcome.best_epoch:
        result = _final_scores(model, result, dev, None if outcome.interrupted else test)
    if not outcome.interrupted:
        checkpoints.clear()
    return dataclasses.replace(result, seconds=time.perf_counter() - began)


def _identity(config: Config) -> dict[str, Any]:
    """What must be the same for a run to go on: all but where it is written and how often it is saved."""
    values = config.to_dict()
    del values["output"]
    for key in ("checkpoint_minutes", "checkpoint_steps"):
        del values["training"][key]
    return values


def _hash(part: _Part) -> str:
    tags = json.dumps(part.gold, ensure_ascii=False).encode()
    return data_fingerprint(part.rows) + hashlib.blake2b(tags, digest_size=8).hexdigest()


def _unfinished(checkpoints: CheckpointFolder, *, resume: bool) -> Checkpoint | None:
    """Returns the checkpoint to go on from; where a run starts anew, removes what an earlier one left.

    Raises:
        ConfigError: ``resume`` is asked for, and there is nothing to go on from, or something changed.
    """
    found = checkpoints.newest()
    if found is not None:
        checkpoint, identity = found
        if resume:
            refuse_changes(identity, checkpoints.identity, checkpoints.folder)
        if identity == checkpoints.identity:
            return checkpoint
        _logger.warning(
            "%s holds an unfinished run of another configuration or other data; starting anew", checkpoints.folder
        )
        checkpoints.clear()
    elif resume:
        raise ConfigError(
            f"there is no unfinished run in {checkpoints.folder.parent}",
            hint="A run writes its first checkpoint after training.checkpoint_minutes; start anew without --resume",
        )
    return None


def _prepare_torch(config: Config) -> torch.device:
    """Sets the seed and the threads; returns the device."""
    torch.manual_seed(config.seed)
    if config.training.threads:
        torch.set_num_threads(config.training.threads)
    name = config.training.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"'training.device' cannot be used: {error}", received=name, accepted="auto, cpu, cuda"
        ) from None
    return device


def _load(config: Config, part: str) -> Dataset:
    """Reads one part as the data section says."""
    options = {key: getattr(config.data, key) for key in _READER_KEYS}
    if part != "train":
        options["exclude"] = None
    return load_rows(
        getattr(config.data, part),
        task=config.task_definition,
        split=part,
        deduplicate=config.data.deduplicate and part == "train",
        **options,
    )


def _load_parts(config: Config) -> tuple[Dataset, Dataset]:
    """Returns the training and the dev rows; without a dev source a share of the training rows is held out."""
    rows = _load(config, "train")
    if config.data.dev is not None:
        return rows, _load(config, "dev")
    count = round(len(rows) * config.data.dev_fraction)
    if not 0 < count < len(rows):
        raise DataError(
            f"cannot hold out {config.data.dev_fraction:.0%} of {len(rows)} sequences as a dev part",
            path=config.data.train,
            hint="Name a dev source under [data], or set data.dev_fraction",
        )
    # A generator of its own: the held-out part depends on nothing but the seed.
    order = np.random.default_rng(config.seed).permutation(len(rows))
    return rows.select(np.sort(order[count:])), rows.select(np.sort(order[:count]))


def _prepare_part(model: Model, rows: Dataset, source: str) -> _Part:
    _check_tags(model, rows, source)
    encoded = encode_rows(rows, model.vocabulary, source=source, dense_size=model.network.sizes.dense_size)
    return _Part(list(rows["tags"]), encoded)


def _check_tags(model: Model, rows: Dataset, source: str) -> None:
    """Refuses labels that training never had, naming the file and the line."""
    tags = model.vocabulary.tags
    spans = model.vocabulary.scheme is not Scheme.NONE
    known = span_labels(tags) if spans else set(tags)
    for tag in sorted(tag_values(rows)):
        if tag not in tags and (not spans or (tag != "O" and split_tag(tag)[1] not in known)):
            raise UnknownTagError(
                "the training part has no such label",
                path=source,
                line=find_tag_line(source, tag),
                received=tag,
                accepted=sorted(known),
                hint="Correct the tag, or add training data that has it",
            )


def _check_metric(config: Config, dev: _Part, source: str) -> str:
    """Returns the name of the dev score, after computing it once on a perfect answer to the first labelled sequence.

    Raises:
        ConfigError: The task has no such score.
        DataError: The dev part has no tags to score.
    """
    task = config.task_definition
    metric = task.metric if config.training.metric == "auto" else config.training.metric
    tags = next((tags for tags in dev.gold if any(tag is not None for tag in tags)), None)
    if tags is None:
        raise DataError("the dev part has no tags", path=source, hint="Choosing the best epoch needs labelled data")
    known = [tag for tag in tags if tag is not None]
    score([known], [known], task=task).metric(metric)
    fast_metric([known], [known], metric)
    return metric


def _predict(model: Model, rows: EncodedRows) -> list[list[str]]:
    grammar = TagGrammar(model.vocabulary.tags, model.vocabulary.scheme)
    return [grammar.names(path) for path in decode_rows(model.network, rows, decoding=model.config.decoding)]


def _final_scores(model: Model, result: TrainingResult, dev: _Part, test: _Part | None) -> TrainingResult:
    """Scores the best epoch in full, and writes the scores into the folder."""
    model.network.eval()
    task = model.config.task_definition
    metrics: dict[str, Any] = {
        "best_epoch": result.best_epoch,
        "epochs": result.epochs,
        "finished": not result.interrupted,
    }
    reports: dict[str, Report] = {}
    for name, part in (("dev", dev), ("test", test)):
        if part is not None:
            began = time.perf_counter()
            predicted = _predict(model, part.rows)
            reports[name] = score(part.gold, predicted, task=task, seconds=time.perf_counter() - began)
            metrics[name] = {"metric": reports[name].metric(result.metric), "name": result.metric}
            metrics[name] |= reports[name].to_dict()
    model.metrics = metrics
    # All of it: Ctrl-C may have come while the first epoch's folder was being written.
    model.save(result.folder)
    return dataclasses.replace(result, report=reports["dev"], test_report=reports.get("test"))
