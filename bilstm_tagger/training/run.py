"""One training run from a configuration to a model folder."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bilstm_tagger.config import Config
from bilstm_tagger.config.checks import idle_keys
from bilstm_tagger.errors import ConfigError, DataError
from bilstm_tagger.evaluation import Report
from bilstm_tagger.features.encoding import EncodedRows, tag_values
from bilstm_tagger.inference.model import Model
from bilstm_tagger.training.build import build_model
from bilstm_tagger.training.checkpoint import Checkpoint, CheckpointFolder, differences
from bilstm_tagger.training.distillation import Distillation, load_teacher
from bilstm_tagger.training.fingerprints import data_fingerprint, source_fingerprints
from bilstm_tagger.training.history import History, plot_curves
from bilstm_tagger.training.losses import tag_margins
from bilstm_tagger.training.output import check_output, hold_folder, remove_checkpoints, save_finished
from bilstm_tagger.training.parts import Part, describe_rows, encode_part, load_parts, part_fingerprint, prepare_part
from bilstm_tagger.training.processes import Processes
from bilstm_tagger.training.record import RunRecord
from bilstm_tagger.training.resume import Saver, find_unfinished, go_on, run_identity, spread_checkpoint, take_threads
from bilstm_tagger.training.scoring import check_metric, dev_score, full_report
from bilstm_tagger.training.tracking import Trackers
from bilstm_tagger.training.trainer import Outcome, Trainer
from bilstm_tagger.training.unlabelled import join_rows

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
        rank: Number of this process among those of the run; the first, 0, wrote the files.
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
    rank: int = 0


def train(
    config: Config,
    *,
    output: str | Path | None = None,
    progress: bool = True,
    resume: bool = False,
    on_epoch: Callable[[dict[str, Any]], bool] | None = None,
) -> TrainingResult:
    """Trains a tagger and leaves its best epoch, history and curves in a folder.

    Where the folder holds an unfinished run of the same configuration and data, that run goes on from its last
    checkpoint, and ends with the same weights, bit for bit, as if it had never stopped.

    Several processes (``torchrun``, ``accelerate launch``, ``mpirun``) share each batch and the scoring. The first
    writes and speaks; where one fails, all end: the first with the error, the others with exit code 2.

    Args:
        config: The run.
        output: The folder, before ``config.output``.
        progress: Whether to show bars and lines on standard error.
        resume: Insist on going on: where there is nothing to go on from, or something changed, raise an error
            instead of starting anew.
        on_epoch: Called with the record of each epoch, as ``metrics.jsonl`` has it; returns whether the run is to
            stop, as Ctrl-C stops it.

    Returns:
        Scores and where the model is. Ctrl-C and SIGTERM end the run after the present step, with a checkpoint and
        the best epoch so far kept; a second Ctrl-C ends it at once.

    Raises:
        ConfigError: A key is missing or its value cannot be used, or the run cannot be resumed.
        DataError: A source cannot be read, or a dev or test tag is unknown to training.
    """
    began = time.perf_counter()
    if config.data.train is None:
        raise ConfigError("the key 'data.train' is missing", hint='Add under [data]: train = "FILE or builtin:NAME"')
    folder = Path(output or config.output or f"runs/{config.task}")
    processes = Processes.start(config.training.device)
    with ExitStack() as held:
        with processes.together():
            if processes.first:
                held.enter_context(hold_folder(folder))
        result = _run(config, folder, processes, progress=progress, resume=resume, on_epoch=on_epoch)
    return dataclasses.replace(result, seconds=time.perf_counter() - began)


def _run(
    config: Config,
    folder: Path,
    processes: Processes,
    *,
    progress: bool,
    resume: bool,
    on_epoch: Callable[[dict[str, Any]], bool] | None,
) -> TrainingResult:
    """Prepares, trains, scores and writes."""
    for line in idle_keys(config):
        _logger.warning("%s", line)
    if config.training.threads:
        torch.set_num_threads(config.training.threads)
    checkpoint: Checkpoint | None = None
    with processes.together():
        if processes.first:
            check_output(folder)
        trackers = Trackers(config.training.trackers)
        ready = _prepare(config, processes)
        checkpoints = CheckpointFolder(folder / "checkpoints", ready.identity, keep=config.training.checkpoint_keep)
        if processes.first:
            checkpoint = find_unfinished(checkpoints, resume=resume)
    _check_agreement(ready.identity, processes)
    checkpoint = spread_checkpoint(checkpoint, processes)
    changed_threads = checkpoint is not None and take_threads(checkpoint)
    if changed_threads:
        # What a teacher or a language model says is rounded with them too.
        ready = _prepare(config, processes)
    processes.spread_weights(ready.model.network)
    processes.separate_randomness(config.seed)
    with processes.together():
        trainer = _trainer(ready, Saver(checkpoints), folder=folder, processes=processes, progress=progress)
        record = None
        if checkpoint is not None:
            go_on(trainer, checkpoint, checkpoints)
            if changed_threads:
                trainer.display.say(f"going on with {torch.get_num_threads()} processor threads, as the run began")
        elif processes.first:
            # Not before all has been checked: a mistyped key costs no earlier run.
            checkpoints.clear()
        if processes.first:
            record = RunRecord(
                folder, config, ready.described, ready.identity["sources"], processes, resumed=checkpoint is not None
            )
            trackers.start(config, folder, resumed=checkpoint is not None)
    trainer.history.listeners.append(trackers.log)
    if on_epoch is not None:
        trainer.history.listeners.append(lambda record: trainer.stop.note(on_epoch(record)))
    outcome = trainer.run()
    trackers.finish()
    result = TrainingResult(
        folder=folder,
        metric=ready.metric,
        best_score=outcome.best_score,
        best_epoch=outcome.best_epoch,
        epochs=outcome.epochs,
        seconds=0.0,
        interrupted=outcome.interrupted,
        rank=processes.rank,
    )
    if outcome.best_epoch:
        result = _final_scores(ready, result, processes)
        if processes.first:
            # All of it: Ctrl-C may have come while the first epoch's folder was being written.
            save_finished(ready.model, folder, checkpoints)
    if record is not None:
        plot_curves(trainer.history.records, folder / "curves.png")
        record.end("interrupted" if outcome.interrupted else "finished")
        if not outcome.interrupted:
            remove_checkpoints(checkpoints)
    # The others wait until all is written.
    processes.spread_bytes(b"")
    return result


@dataclass(frozen=True)
class _Ready:
    """A model with fresh weights and its encoded data.

    Attributes:
        model: On its device.
        train: The training part.
        dev: What chooses the best epoch.
        test: Scored at the end; None without a test part.
        metric: Name of the dev score.
        margins: Logarithms of the tags' class weights; None for none.
        distillation: The share of models that are learned from; None without any.
        described: What the parts are, for the record.
        identity: What must be the same for the run to go on.
    """

    model: Model
    train: EncodedRows
    dev: Part
    test: Part | None
    metric: str
    margins: Tensor | None
    distillation: Distillation | None
    described: dict[str, Any]
    identity: dict[str, Any]


def _prepare(config: Config, processes: Processes) -> _Ready:
    """Reads and checks all data, and builds the model."""
    torch.manual_seed(config.seed)
    rows = load_parts(config)
    sources = {
        "train": str(config.data.train),
        "lowercase": str(config.data.train),
        "dev": config.data.dev or str(config.data.train),
        "test": str(config.data.test),
        "unlabelled": str(config.distill.unlabelled),
    }
    read, copies, unlabelled = rows["train"], rows.get("lowercase"), rows.get("unlabelled")
    # A share held out of the training part may have the only token of some tag.
    tags = () if config.data.dev else tag_values(rows["dev"])
    model = build_model(config, read, unlabelled=unlabelled, copies=copies, tags=tags)
    learned = join_rows(join_rows(read, copies), unlabelled)
    model.network.to(processes.device)
    encoded = encode_part(model, learned, sources["train"])
    dev = prepare_part(model, rows["dev"], sources["dev"])
    test = prepare_part(model, rows["test"], sources["test"]) if "test" in rows else None
    metric = check_metric(config, dev, test)
    if encoded.tags is None or (encoded.tags < 0).all():
        raise DataError("the training part has no tags", path=sources["train"])
    vocabulary = model.vocabulary
    margins = tag_margins(config.training.class_weights, vocabulary.tags, vocabulary.scheme, encoded.tags)
    distillation = None
    if (teacher := load_teacher(config, processes.device)) is not None:
        teacher.check(model)
        encoded = teacher.answer(encoded, learned, sources["train"])
        distillation = Distillation(teacher.crf, config.distill.weight)
    described = {name: describe_rows(part, sources[name]) for name, part in rows.items()}
    identity = run_identity(
        config,
        processes,
        data={name: part["hash"] for name, part in described.items()},
        sources=source_fingerprints(config),
        encoded={
            "train": data_fingerprint(encoded),
            "dev": part_fingerprint(dev),
        },
    )
    return _Ready(
        model=model,
        train=encoded,
        dev=dev,
        test=test,
        metric=metric,
        margins=margins,
        distillation=distillation,
        described=described,
        identity=identity,
    )


def _check_agreement(identity: dict[str, Any], processes: Processes) -> None:
    """Makes sure that all processes, perhaps on several machines, are about to run the same.

    Raises:
        ConfigError: They are not.
    """
    first, *others = map(json.loads, processes.gather_bytes(json.dumps(identity).encode()))
    for rank, other in enumerate(others, start=1):
        if changed := differences(first, other):
            problem = f"process {rank} has another configuration or other data than the first: {'; '.join(changed)}"
            processes.fail(ConfigError(problem))


def _trainer(ready: _Ready, saver: Saver, *, folder: Path, processes: Processes, progress: bool) -> Trainer:
    """Sets up the training loop at its beginning."""
    model, config = ready.model, ready.model.config
    saved = False

    def keep(outcome: Outcome) -> None:
        nonlocal saved
        model.metrics = {"dev": {"metric": outcome.best_score, "name": ready.metric, "epoch": outcome.best_epoch}}
        if not processes.first:
            return
        try:
            model.save_weights(folder) if saved else model.save(folder)
            saved = True
        except OSError as error:
            # The weights are in memory, and written once more at the end.
            _logger.warning("the best model so far was not written (%s); the run goes on", error)

    return Trainer(
        model.network,
        ready.train,
        config.training,
        seed=config.seed,
        score=lambda: dev_score(model, ready.dev, ready.metric, processes),
        keep=keep,
        history=History(folder / "metrics.jsonl" if processes.first else None),
        metric=ready.metric,
        processes=processes,
        save=saver,
        margins=ready.margins,
        distillation=ready.distillation,
        progress=progress,
    )


def _final_scores(ready: _Ready, result: TrainingResult, processes: Processes) -> TrainingResult:
    """Scores the best epoch in full, and notes the scores in the model."""
    model = ready.model
    model.network.eval()
    metrics: dict[str, Any] = {
        "best_epoch": result.best_epoch,
        "epochs": result.epochs,
        "finished": not result.interrupted,
    }
    reports: dict[str, Report] = {}
    for name, part in (("dev", ready.dev), ("test", None if result.interrupted else ready.test)):
        if part is not None:
            reports[name] = full_report(model, part, processes)
            metrics[name] = {"metric": reports[name].metric(result.metric), "name": result.metric}
            metrics[name] |= reports[name].to_dict()
    model.metrics = metrics
    return dataclasses.replace(result, report=reports["dev"], test_report=reports.get("test"))
