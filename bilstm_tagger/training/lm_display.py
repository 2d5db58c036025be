"""What a pretraining of the language model shows while it runs."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

__all__ = ["LmDisplay"]


class LmDisplay:
    """A bar with bits a character, speed and time left, and lines above it, on standard error.

    Where standard error is no terminal there is no bar, only the lines.

    Args:
        shown: False shows nothing.
    """

    def __init__(self, *, shown: bool = True) -> None:
        self.console = Console(stderr=True, quiet=not shown, highlight=False)
        self.bar = Progress(
            TextColumn("[bold]pretraining"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(compact=True),
            console=self.console,
            transient=True,
            disable=not shown or not self.console.is_terminal,
        )
        self.task = self.bar.add_task("pretraining", total=1.0, state="")
        self._mean: float | None = None
        self._began: float | None = None
        self._chars = 0
        self._drawn = 0.0

    def __enter__(self) -> LmDisplay:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self.console.print(text, soft_wrap=True, markup=False)

    def step(self, *, progress: float, bits: float, chars: int, seconds: float) -> None:
        """Moves the bar; ``seconds`` is the training time so far, ``chars`` those of this step."""
        self._mean = bits if self._mean is None else 0.98 * self._mean + 0.02 * bits
        self._chars += chars
        if self._began is None:
            self._began = seconds
        now = time.monotonic()
        if now - self._drawn < 0.2:
            return
        self._drawn = now
        speed = self._chars / max(seconds - self._began, 1e-9)
        self.bar.update(self.task, completed=progress, state=f"{self._mean:.3f} bits/char  {speed:,.0f} chars/s")
