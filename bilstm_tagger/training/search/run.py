"""Trials of a search: each the training of one configuration with the same seeds.

What a trial is depends on the trials before it and nothing else: a search that was stopped and goes on ends as one
that was not.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError, DataError, MissingDependencyError, ModelError, TaggerError
from bilstm_tagger.training.checkpoint import CheckpointFolder
from bilstm_tagger.training.output import hold_folder
from bilstm_tagger.training.processes import launched
from bilstm_tagger.training.search.identity import search_identity, source_keys, without_test
from bilstm_tagger.training.search.report import SearchResult
from bilstm_tagger.training.search.space import Space, apply_values, check_space
from bilstm_tagger.training.search.study import Study, Trial, require_optuna
from bilstm_tagger.training.seeds import train_seeds
from bilstm_tagger.training.toml import config_to_toml

__all__ = ["search"]


def search(
    config: Config,
    space: Space,
    *,
    trials: int,
    seeds: Sequence[int] = (1,),
    prune: bool = False,
    output: str | Path | None = None,
    progress: bool = True,
    announce: Callable[[str], None] | None = None,
) -> SearchResult:
    """Trains with values from a space, keeps all models, and writes the best configuration as ``best.toml``.

    Proposals come from Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), with the configuration's seed;
    none is made twice. A space of choices and whole numbers alone that has no more combinations than there are to be
    trials is gone through from end to end.
    A trial's score is the mean over its seeds of the best dev score. The test part is left alone: a search that looked
    at it would leave no honest score.

    Args:
        config: The run; its own seed is not trained with.
        space: What varies.
        trials: How many there are to be, those of an earlier session of the same search included.
        seeds: Each trial is trained with all of them.
        prune: Whether a trial ends early when the best dev score of its first seed is below the median that earlier
            trials had at the same epoch.
        output: The folder; ``config.output`` with ``-search`` behind it by default.
        progress: As in ``train``.
        announce: Takes a line about each trial.

    Raises:
        MissingDependencyError: Optuna is not installed.
        ConfigError: The space does not fit the configuration, or the folder holds another search, or a running one.
        TaggerError: No trial led to a model. And as ``train`` does, about the data.
    """
    require_optuna()
    if launched():
        raise ConfigError("a search is run by one process", hint="Start it without a launcher")
    if trials < 1:
        raise ConfigError("a search has at least one trial", received=trials)
    check_space(space, config)
    folder = Path(output or f"{config.output or f'runs/{config.task}'}-search")
    identity = search_identity(config, space, seeds)
    metric = config.training.metric.replace("auto", config.task_definition.metric)
    interrupted = False
    with hold_folder(folder):
        study = Study(folder / "study.jsonl", space, identity, seed=config.seed, prune=prune)
        runner = _Runner(config, folder, tuple(seeds), progress=progress, announce=announce or (lambda line: None))
        try:
            while not interrupted and (trial := study.next(trials)) is not None:
                interrupted = runner.run(trial)
        finally:
            # Whatever ended it: the finished trials are reported.
            result = SearchResult(folder, metric, tuple(space), study.records(), interrupted=interrupted)
            if result.ranked:
                _write(result, config)
    if not result.ranked and not interrupted:
        problems = [trial.problem for trial in result.trials if trial.problem]
        raise TaggerError(": ".join([f"none of {len(result.trials)} trials led to a model", *problems[-1:]]))
    return result


@dataclass
class _Runner:
    """Runs trials.

    Attributes:
        config: What they vary.
        folder: The search's.
        seeds: Of each trial.
        progress: As in ``train``.
        announce: Takes a line about each trial.
    """

    config: Config
    folder: Path
    seeds: tuple[int, ...]
    progress: bool
    announce: Callable[[str], None]

    def run(self, trial: Trial) -> bool:
        """Runs a trial to its end, and returns whether it was interrupted before."""
        name = f"trial {trial.number}"
        self.announce(f"{name}: {', '.join(f'{key}={value}' for key, value in trial.values.items())}")
        try:
            scores, pruned = self._train(trial)
        except TaggerError as error:
            if isinstance(error, DataError | MissingDependencyError | ModelError) and not source_keys(trial.values):
                raise  # the same in all trials
            # A varied source that cannot be used, values that do not go together, or a learning rate at which the loss
            # grows beyond all numbers.
            self.announce(f"{name}: failed: {error}")
            trial.fail(str(error))
            return False
        if pruned:
            self.announce(f"{name}: pruned")
            trial.prune()
        elif scores is None:
            return True
        else:
            self.announce(f"{name}: {statistics.fmean(scores):.4f}")
            trial.finish(scores)
        return False

    def _train(self, trial: Trial) -> tuple[list[float] | None, bool]:
        """Returns the score of each seed, None where Ctrl-C came before the last; and whether it was pruned."""
        config = without_test(apply_values(self.config, trial.values))
        folder = self.folder / f"trial-{trial.number}"
        pruned = False

        def judge(record: dict[str, Any]) -> bool:
            nonlocal pruned
            pruned = trial.hopeless(record["epoch"], record["best_score"])
            return pruned

        first = train_seeds(config, self.seeds[:1], output=folder, progress=self.progress, on_epoch=judge)
        if first.interrupted:
            if pruned:
                CheckpointFolder(folder / f"seed-{self.seeds[0]}" / "checkpoints", {}).clear()
            return None, pruned
        result = train_seeds(config, self.seeds, output=folder, progress=self.progress)
        return None if result.interrupted else result.dev, False


def _write(result: SearchResult, config: Config) -> None:
    """Writes ``search.json`` and ``best.toml``."""
    best = result.ranked[0]
    settings = apply_values(config, best.values).model_copy(update={"output": None})
    heading = f"# Trial {best.number}, the best of {len(result.trials)}: {result.metric} {best.mean:.4f} on dev.\n"
    (result.folder / "best.toml").write_text(heading + config_to_toml(settings), encoding="utf-8")
    (result.folder / "search.json").write_text(json.dumps(result.to_dict(), indent=2) + "\n", encoding="utf-8")
