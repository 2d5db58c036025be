"""Ctrl-C and SIGTERM: asked to stop, a run ends between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["StopRequest"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Notes the wish to stop, while it is entered; batch systems and launchers send SIGTERM.

    Outside the main thread, where Python takes no signals, it notes nothing.

    Args:
        patient: Whether further signals change nothing. Otherwise a second one acts as it always does: Ctrl-C raises
            KeyboardInterrupt wherever the program is.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self.patient = patient
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def note(self, wanted: bool) -> None:
        """Takes another's wish to stop."""
        self.requested = self.requested or wanted

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            # A signal that is ignored, as under nohup, stays ignored; a handler that is not Python's reads as None.
            before = {number: signal.getsignal(number) for number in _SIGNALS}
            self._before = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}
            for number in self._before:
                signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if not self.patient:
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
