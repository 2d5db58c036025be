"""Optuna's part in a search: it proposes values, prunes, and keeps the study in a file."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bilstm_tagger.errors import ConfigError, MissingDependencyError
from bilstm_tagger.training.checkpoint import differences
from bilstm_tagger.training.search.report import State, TrialRecord
from bilstm_tagger.training.search.space import Choices, Space, Value, grid

if TYPE_CHECKING:
    import optuna

__all__ = ["Study", "Trial", "require_optuna"]

_NAME = "search"
_IDENTITY = "identity"
_SCORES = "scores"
_PROBLEM = "problem"
# What the estimator is sure of, it proposes again and again; after so many repeats chance proposes.
_DRAWS = 10


def require_optuna() -> None:
    """Raises a MissingDependencyError where Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise MissingDependencyError("optuna", extra="search", purpose="A search") from None


class Trial:
    """A trial that is to be run.

    Args:
        study: Optuna's.
        number: From 0.
        values: What the varied keys are.
        live: Optuna's trial, which scores are reported to.
        reported: The epochs whose scores an earlier session reported.
    """

    def __init__(
        self,
        study: optuna.Study,
        number: int,
        values: dict[str, Value],
        live: optuna.Trial,
        reported: Iterable[int] = (),
    ) -> None:
        self.study = study
        self.number = number
        self.values = values
        self.live = live
        self.reported = set(reported)

    def hopeless(self, epoch: int, score: float) -> bool:
        """Notes the best dev score so far, and returns whether the trial is to end early."""
        # An epoch that was not saved before a kill is trained twice, with the same score.
        if epoch not in self.reported:
            self.live.report(score, epoch)
        return self.live.should_prune()

    def finish(self, scores: list[float]) -> None:
        """Notes the score of each seed, and their mean as that of the trial."""
        self.live.set_user_attr(_SCORES, scores)
        self.study.tell(self.number, statistics.fmean(scores))

    def prune(self) -> None:
        """Notes that it ended early."""
        self.study.tell(self.number, state=_states()["pruned"])

    def fail(self, problem: str) -> None:
        """Notes why there is no score."""
        self.live.set_user_attr(_PROBLEM, problem)
        self.study.tell(self.number, state=_states()["failed"])


class Study:
    """The trials of a search, in a file of JSON lines.

    Args:
        path: The file, which no other process uses; made where missing.
        space: What varies.
        identity: What must be the same for the search to go on; JSON-ready.
        seed: Of the proposals.
        prune: Whether the pruner judges trials.

    Raises:
        ConfigError: The file holds another search, or cannot be read.
    """

    def __init__(self, path: Path, space: Space, identity: Mapping[str, Any], *, seed: int, prune: bool) -> None:
        import optuna
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space = space
        self.seed = seed
        # Optuna's own lock outlives a kill, and would be waited for without end.
        path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
        self.study = optuna.create_study(
            storage=optuna.storages.JournalStorage(JournalFileBackend(str(path))),
            study_name=_NAME,
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(),  # not asked: see _propose
            pruner=optuna.pruners.MedianPruner() if prune else optuna.pruners.NopPruner(),
            load_if_exists=True,
        )
        # As it comes back from JSON, so that the two compare equal.
        wanted = json.loads(json.dumps(identity))
        stored = self.study.user_attrs.get(_IDENTITY)
        if stored is None:
            self.study.set_user_attr(_IDENTITY, wanted)
        elif changed := differences(stored, wanted):
            raise ConfigError(
                f"{path.parent} holds another search: {'; '.join(changed)}",
                hint="Undo the change, or give another --output",
            )

    def next(self, limit: int) -> Trial | None:
        """Returns an unfinished trial of an earlier session, else a new one.

        None when there are ``limit`` trials, or all that the space has.
        """
        import optuna

        states = optuna.trial.TrialState
        if not (unfinished := self.study.get_trials(deepcopy=False, states=[states.RUNNING])):
            values = self._propose(limit)
            if values is None:
                return None
            # In one piece: a kill leaves either no trial or one with all its values.
            self.study.add_trial(
                optuna.trial.create_trial(state=states.RUNNING, params=values, distributions=_distributions(self.space))
            )
            unfinished = self.study.get_trials(deepcopy=False, states=[states.RUNNING])
        trial = unfinished[0]
        live = optuna.trial.Trial(self.study, trial._trial_id)
        return Trial(self.study, trial.number, dict(trial.params), live, trial.intermediate_values)

    def records(self) -> list[TrialRecord]:
        """Returns all trials that were begun."""
        names = {state: name for name, state in _states().items()}
        return [
            TrialRecord(t.number, dict(t.params), names[t.state], _scores(t), t.user_attrs.get(_PROBLEM))
            for t in self.study.get_trials(deepcopy=False)
            if t.state in names
        ]

    def _propose(self, limit: int) -> dict[str, Value] | None:
        """Returns values that no trial has; None as in ``next``."""
        import optuna

        known = self.study.get_trials(deepcopy=False)
        tried = [trial.params for trial in known]
        combinations = grid(self.space, limit)
        if combinations is not None:
            return next((values for values in combinations if values not in tried), None)
        if len(tried) >= limit:
            return None
        # A generator for each trial: its values do not depend on where the search was interrupted.
        seed = int(np.random.SeedSequence([self.seed, len(tried)]).generate_state(1)[0])
        # A study in memory, in which a proposal that is not taken leaves no trace.
        draft = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        draft.add_trials(known)
        for draw in range(_DRAWS * _DRAWS):
            if draw == _DRAWS:
                draft.sampler = optuna.samplers.RandomSampler(seed=seed)
            values = draft.ask(_distributions(self.space)).params
            if values not in tried:
                return values
        return None  # so narrow a range that all its numbers were tried


def _scores(trial: optuna.trial.FrozenTrial) -> list[float]:
    """Returns the score of each seed of a finished trial; their mean where the study is of an earlier release."""
    if trial.state != _states()["finished"]:
        return []
    scores: list[float] = trial.user_attrs.get(_SCORES, [trial.value])
    return scores


def _states() -> dict[State, optuna.trial.TrialState]:
    from optuna.trial import TrialState

    return {
        "finished": TrialState.COMPLETE,
        "pruned": TrialState.PRUNED,
        "failed": TrialState.FAIL,
        "unfinished": TrialState.RUNNING,
    }


def _distributions(space: Space) -> dict[str, optuna.distributions.BaseDistribution]:
    from optuna import distributions

    found: dict[str, distributions.BaseDistribution] = {}
    for key, values in space.items():
        if isinstance(values, Choices):
            found[key] = distributions.CategoricalDistribution(values.values)
        elif values.whole:
            found[key] = distributions.IntDistribution(int(values.low), int(values.high), log=values.log)
        else:
            found[key] = distributions.FloatDistribution(values.low, values.high, log=values.log)
    return found
