"""What the tests of the commands share."""

from __future__ import annotations

import io
import sys

import pytest

from bilstm_tagger.cli import main


def run(*args: object) -> int:
    """Runs the command line in this process and returns its exit code."""
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return int(stop.value.code or 0)


def feed(monkeypatch: pytest.MonkeyPatch, content: str | bytes, *, terminal: bool = False) -> None:
    """Puts bytes or text on standard input."""
    raw = content.encode() if isinstance(content, str) else content
    stdin = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8")
    stdin.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stdin", stdin)
