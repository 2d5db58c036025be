"""What a run leaves behind to be looked at: ``metrics.jsonl`` and a picture of the curves."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["History", "plot_curves"]

_logger = logging.getLogger("bilstm_tagger.training")


class History:
    """One JSON line an epoch, written as it happens.

    Args:
        path: The file; the first record replaces an earlier run's. None writes none.

    Attributes:
        records: All so far.
        listeners: Called with each new record.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.records: list[dict[str, Any]] = []
        self.listeners: list[Callable[[dict[str, Any]], None]] = []

    def restore(self, records: Sequence[dict[str, Any]]) -> None:
        """Replaces all records, those of a resumed run's first part for example."""
        self.records = list(records)
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")

    def add(self, record: dict[str, Any]) -> None:
        """Appends a record; a full disk is no reason to end a run."""
        self.records.append(record)
        for listen in self.listeners:
            listen(record)
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a" if len(self.records) > 1 else "w", encoding="utf-8") as stream:
                stream.write(json.dumps(record) + "\n")
        except OSError as error:
            _logger.warning("epoch %s is missing in %s (%s)", record.get("epoch"), self.path, error)


def plot_curves(records: Sequence[dict[str, Any]], path: Path) -> bool:
    """Draws the training loss and the dev score by epoch as a PNG.

    Returns:
        Whether a picture was drawn: matplotlib is optional (extra ``viz``), and no epoch has no curve. A picture that
        cannot be written is told of and missed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError:
        return False
    if not records:
        return False
    epochs = [record["epoch"] for record in records]
    scores = [record["dev_score"] for record in records]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [record["loss"] for record in records], color="#4c72b0", marker=".")
    left.set(title="Training loss, nats a token", xlabel="epoch")
    right.plot(epochs, scores, color="#dd8452", marker=".")
    best = max(range(len(scores)), key=scores.__getitem__)
    right.plot(epochs[best], scores[best], "o", color="#c44e52")
    right.annotate(
        f"best {scores[best]:.4f}",
        (epochs[best], scores[best]),
        xytext=(0, -14),
        textcoords="offset points",
        ha="center",
        va="top",
    )
    right.set(title=f"Dev {records[0]['metric']}", xlabel="epoch")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        _logger.warning("no curves were drawn in %s (%s)", path, error)
        return False
    return True
