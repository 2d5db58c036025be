"""One training run from a configuration to a model folder."""

from __future__ import annotations

import dataclasses
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import bilstm_tagger
from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError, DataError
from bilstm_tagger.evaluation import Report, fast_metric, score
from bilstm_tagger.features.encoding import EncodedRows, encode_rows, tag_values
from bilstm_tagger.inference.decoding import decode_rows
from bilstm_tagger.inference.model import Model
from bilstm_tagger.inference.span_scores import TagGrammar
from bilstm_tagger.training.build import build_model
from bilstm_tagger.training.checkpoint import Checkpoint, CheckpointFolder, data_fingerprint, refuse_changes
from bilstm_tagger.training.history import History, plot_curves
from bilstm_tagger.training.parts import Part, load_part, load_train_and_dev, part_fingerprint, prepare_part
from bilstm_tagger.training.trainer import Outcome, Trainer

__all__ = ["TrainingResult", "train"]

_logger = logging.getLogger("bilstm_tagger.training")


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
    train_rows, dev_rows = load_train_and_dev(config)
    # A share held out of the training part may have the only token of some tag.
    held_out = dev_rows if config.data.dev is None else None
    model = build_model(config, train_rows, tags=tag_values(held_out) if held_out is not None else ())
    network = model.network.to(device)
    encoded = encode_rows(train_rows, model.vocabulary, source=config.data.train, dense_size=network.sizes.dense_size)
    dev = prepare_part(model, dev_rows, config.data.dev or config.data.train)
    # Read before the hours of training, so that a mistake in it shows at once.
    test = prepare_part(model, load_part(config, "test"), config.data.test) if config.data.test else None
    metric = _check_metric(config, dev, config.data.dev or config.data.train)
    trainer = _trainer(config, model, encoded, dev, folder=folder, metric=metric, progress=progress, resume=resume)
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
    if trainer.checkpoints is not None and not outcome.interrupted:
        trainer.checkpoints.clear()
    return dataclasses.replace(result, seconds=time.perf_counter() - began)


def _trainer(
    config: Config,
    model: Model,
    encoded: EncodedRows,
    dev: Part,
    *,
    folder: Path,
    metric: str,
    progress: bool,
    resume: bool,
) -> Trainer:
    """Sets up the training loop, at its beginning or where an unfinished run was left."""
    saved = False

    def keep(outcome: Outcome) -> None:
        nonlocal saved
        model.metrics = {"dev": {"metric": outcome.best_score, "name": metric, "epoch": outcome.best_epoch}}
        model.save_weights(folder) if saved else model.save(folder)
        saved = True

    identity = {
        "configuration": _identity(config),
        "data": {"train": data_fingerprint(encoded), "dev": part_fingerprint(dev)},
        # Another release may keep its state otherwise, or round otherwise.
        "versions": {"bilstm-tagger": bilstm_tagger.__version__, "torch": torch.__version__},
    }
    checkpoints = CheckpointFolder(folder / "checkpoints", identity)
    unfinished = _unfinished(checkpoints, resume=resume)
    trainer = Trainer(
        model.network,
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
        try:
            trainer.restore(unfinished)
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise ConfigError(
                f"the newest checkpoint in {checkpoints.folder} does not fit this run ({type(error).__name__})",
                hint="Delete that folder to start anew",
            ) from None
        trainer.display.say(f"going on in epoch {trainer.epoch}; to start anew, delete {checkpoints.folder}")
    return trainer


def _identity(config: Config) -> dict[str, Any]:
    """What must be the same for a run to go on: all but where it is written and how often it is saved."""
    values = config.to_dict()
    del values["output"]
    for key in ("checkpoint_minutes", "checkpoint_steps"):
        del values["training"][key]
    return values


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


def _check_metric(config: Config, dev: Part, source: str) -> str:
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


def _final_scores(model: Model, result: TrainingResult, dev: Part, test: Part | None) -> TrainingResult:
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
