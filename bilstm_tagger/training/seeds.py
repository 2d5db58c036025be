"""The same run with several seeds, and what they say together."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError
from bilstm_tagger.training.fingerprints import source_fingerprints
from bilstm_tagger.training.parts import hash_parts
from bilstm_tagger.training.processes import launched
from bilstm_tagger.training.record import read_record
from bilstm_tagger.training.run import train

__all__ = ["SeedsResult", "train_seeds"]


@dataclass(frozen=True)
class SeedsResult:
    """Scores of several seeds.

    Attributes:
        folder: Holds a model folder ``seed-N`` for each seed, and ``seeds.json``.
        metric: Name of the score.
        seeds: The finished seeds.
        dev: Best dev score of each.
        test: Test score of each; empty without a test part.
        interrupted: Whether Ctrl-C ended it early.
    """

    folder: Path
    metric: str
    seeds: list[int]
    dev: list[float]
    test: list[float]
    interrupted: bool = False

    @property
    def best(self) -> Path:
        """The folder of the seed with the best dev score."""
        return self.folder / f"seed-{self.seeds[self.dev.index(max(self.dev))]}"

    def to_dict(self) -> dict[str, Any]:
        """Returns scores, means and sample standard deviations (null for one seed), JSON-ready."""
        record: dict[str, Any] = {"metric": self.metric, "seeds": self.seeds, "best": self.best.name}
        for part, scores in (("dev", self.dev), ("test", self.test)):
            if scores:
                deviation = statistics.stdev(scores) if len(scores) > 1 else None
                record[part] = {"scores": scores, "mean": statistics.fmean(scores), "std": deviation}
        return record

    def to_text(self) -> str:
        """Returns a table for a terminal: a line a seed, then mean and standard deviation, in percent."""
        lines = [f"{'seed':>8}{'dev ' + self.metric:>16}" + (f"{'test ' + self.metric:>16}" if self.test else "")]
        summary = self.to_dict()
        rows: list[tuple[str, list[float | None]]] = [
            (str(seed), [part[index] for part in (self.dev, self.test) if part])
            for index, seed in enumerate(self.seeds)
        ]
        for name in ("mean", "std"):
            rows.append((name, [summary[part][name] for part in ("dev", "test") if part in summary]))
        for name, values in rows:
            cells = ("-" if value is None else f"{100 * value:.2f}" for value in values)
            lines.append(f"{name:>8}" + "".join(f"{cell:>16}" for cell in cells))
        return "\n".join(lines)


def train_seeds(
    config: Config,
    seeds: Sequence[int],
    *,
    output: str | Path | None = None,
    progress: bool = True,
    announce: Callable[[str], None] | None = None,
    on_epoch: Callable[[dict[str, Any]], bool] | None = None,
) -> SeedsResult:
    """Trains once with each seed, one after the other, and keeps all models.

    A seed that is finished already, with this very configuration and data, is not trained again; an unfinished one
    goes on.

    Args:
        config: The run; its own seed is not used.
        seeds: The seeds, all different.
        output: The folder, before ``config.output``.
        progress: As in ``train``.
        announce: Takes a line about each seed: that it begins, or that it is finished already.
        on_epoch: As in ``train``.

    Raises:
        ConfigError: No seed, or one twice, or one of several processes; and as ``train`` does.
    """
    if launched():
        raise ConfigError(
            "several seeds are trained by one process",
            hint="Start it without a launcher, or launch each seed by itself with --set seed=N",
        )
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError("the seeds must be different numbers", received=list(seeds), accepted="such as 1,2,3")
    folder = Path(output or config.output or f"runs/{config.task}")
    task = config.task_definition
    result = SeedsResult(folder, config.training.metric.replace("auto", task.metric), [], [], [])
    interrupted = False
    # All checked before the first is trained.
    runs = [Config.from_dict(config.to_dict() | {"seed": n, "output": str(folder / f"seed-{n}")}) for n in seeds]
    for seed, one in zip(seeds, runs, strict=True):
        place = folder / f"seed-{seed}"
        metrics = _finished(place, one)
        if announce is not None:
            announce(f"seed {seed}: {place}" + ("" if metrics is None else " is finished already, taken as it is"))
        if metrics is None:
            interrupted = train(one, output=place, progress=progress, on_epoch=on_epoch).interrupted
            if interrupted:
                break
            metrics = _read_metrics(place)
        result.seeds.append(seed)
        result.dev.append(metrics["dev"]["metric"])
        if "test" in metrics:
            result.test.append(metrics["test"]["metric"])
    if result.seeds:
        (folder / "seeds.json").write_text(json.dumps(result.to_dict(), indent=2) + "\n", encoding="utf-8")
    return SeedsResult(folder, result.metric, result.seeds, result.dev, result.test, interrupted)


def _read_metrics(folder: Path) -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return metrics


def _finished(folder: Path, config: Config) -> dict[str, Any] | None:
    """Returns the scores of a finished run of this configuration, or None."""
    if any((folder / "checkpoints").glob("step-*.safetensors")):
        return None
    try:
        stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        metrics = _read_metrics(folder)
        same = stored["training"] == config.to_dict() and metrics["finished"] and "metric" in metrics["dev"]
        record = read_record(folder)
        hashes = {name: part["hash"] for name, part in record["data"].items()}
        # Records of earlier releases do not have it.
        same = same and record.get("sources", {}) == source_fingerprints(config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # no run, or a damaged folder: trained anew
    if not same:
        return None
    return metrics if hashes == hash_parts(config) else None
