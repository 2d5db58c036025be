"""What a search found."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from bilstm_tagger.training.search.space import Value

__all__ = ["SearchResult", "State", "TrialRecord"]

State = Literal["finished", "pruned", "failed", "unfinished"]


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Attributes:
        number: From 0; its models are in the folder ``trial-NUMBER``.
        values: What the varied keys were.
        state: How it ended.
        scores: Best dev score of each seed; empty unless it is finished.
        problem: Why it failed; None unless it did.
    """

    number: int
    values: dict[str, Value]
    state: State
    scores: list[float]
    problem: str | None = None

    @property
    def mean(self) -> float:
        """The trial's score."""
        return statistics.fmean(self.scores)

    @property
    def std(self) -> float | None:
        """Sample standard deviation over the seeds; None for one seed."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else None


@dataclass(frozen=True)
class SearchResult:
    """All trials of a search.

    Attributes:
        folder: Holds a folder for each trial, ``study.jsonl``, ``search.json`` and ``best.toml``.
        metric: Name of the score.
        keys: What was varied.
        trials: In the order in which they were run.
        interrupted: Whether Ctrl-C ended it; the same search goes on.
    """

    folder: Path
    metric: str
    keys: tuple[str, ...]
    trials: list[TrialRecord]
    interrupted: bool = False

    @property
    def ranked(self) -> list[TrialRecord]:
        """The finished trials, best first."""
        finished = [trial for trial in self.trials if trial.state == "finished"]
        return sorted(finished, key=lambda trial: -trial.mean)

    def to_dict(self) -> dict[str, Any]:
        """Returns all trials, JSON-ready."""
        trials = []
        for trial in self.trials:
            scored = {"mean": trial.mean, "std": trial.std} if trial.scores else {}
            trials.append(asdict(trial) | scored)
        return {"metric": self.metric, "best": self.ranked[0].number, "trials": trials}

    def to_text(self) -> str:
        """Returns a table for a terminal: the finished trials, best first, in percent; then the others.

        Below it stands why trials failed.
        """
        rows = [["trial", *self.keys, f"dev {self.metric}", "std"]]
        for trial in self.ranked:
            std = "-" if trial.std is None else f"{100 * trial.std:.2f}"
            rows.append([str(trial.number), *self._cells(trial), f"{100 * trial.mean:.2f}", std])
        for trial in self.trials:
            if trial.state != "finished":
                rows.append([str(trial.number), *self._cells(trial), trial.state, "-"])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        lines += [f"Trial {trial.number} failed: {trial.problem}" for trial in self.trials if trial.problem]
        return "\n".join(lines)

    def _cells(self, trial: TrialRecord) -> list[str]:
        values = (trial.values.get(key, "-") for key in self.keys)
        return [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values]
