"""What a training run shows while it runs."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

__all__ = ["TrainingDisplay"]


class TrainingDisplay:
    """A bar over the steps of the whole run and a line for each epoch, on standard error.

    Where standard error is no terminal there is no bar, only the lines.

    Args:
        total_steps: Steps of the whole run.
        metric: Name of the dev score.
        shown: False shows nothing.
    """

    def __init__(self, *, total_steps: int, metric: str, shown: bool = True) -> None:
        self.console = Console(stderr=True, quiet=not shown, highlight=False)
        self.metric = metric
        self.progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
            disable=not shown or not self.console.is_terminal,
        )
        self.task: TaskID = self.progress.add_task("training", total=total_steps, state="")
        self.best = ""
        self._updated = 0.0

    def __enter__(self) -> TrainingDisplay:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self.console.print(text, soft_wrap=True, markup=False)

    def advance(self, steps: int, best_score: float) -> None:
        """Starts where a resumed run was left."""
        self.progress.update(self.task, completed=steps)
        if best_score >= 0:
            self.best = f"  best {self.metric} {best_score:.4f}"

    def step(self, *, epoch: int, loss: float, speed: float) -> None:
        """Moves the bar; drawn at most ten times a second."""
        now = time.monotonic()
        if now - self._updated < 0.1:
            self.progress.advance(self.task)
            return
        self._updated = now
        state = f"epoch {epoch}  loss {loss:.4f}  {speed:,.0f} tokens/s{self.best}"
        self.progress.update(self.task, advance=1, state=state)

    def epoch(self, record: dict[str, Any], *, improved: bool) -> None:
        """Prints the line of a finished epoch."""
        if improved:
            self.best = f"  best {self.metric} {record['dev_score']:.4f}"
        self.say(
            f"epoch {record['epoch']:3d}  loss {record['loss']:.4f}  dev {self.metric} {record['dev_score']:.4f}"
            f"{' *' if improved else '  '}  lr {record['learning_rate']:.2g}"
            f"  {record['tokens_per_second']:,.0f} tokens/s  {record['seconds']:.0f} s"
        )
