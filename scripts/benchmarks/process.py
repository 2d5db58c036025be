"""Fresh processes that are asked to do things: memory, imports and loading are each side's own.

The parent keeps several alive and asks them in turn; a process that waits costs no processor time. Run as a program,
this module is the child: it reads one JSON request a line, and answers each with a line.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["Process", "ProcessError"]


class ProcessError(Exception):
    """What a process was asked to do failed there; the message is one line."""


class Process:
    """A process with one object, whose methods are called from here; arguments and results are JSON values.

    Args:
        home: ``module:Class`` of the object.
        environment: Variables beside those of this process.
    """

    def __init__(self, home: str, *, environment: dict[str, str]) -> None:
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  # until close()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.process", home],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="utf-8",
            cwd=Path(__file__).parents[1],
            env=os.environ | environment,
        )

    def call(self, method: str, **arguments: Any) -> Any:
        """Calls a method there and waits for its result.

        Raises:
            ProcessError: It raised an exception, or the process ended.
        """
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.write(json.dumps({"method": method, "arguments": arguments}) + "\n")
            self._child.stdin.flush()
        answer = self._child.stdout.readline()
        if not answer:
            self._log.seek(0)
            last = (self._log.read().strip().splitlines() or ["it said nothing"])[-1]
            raise ProcessError(f"the process ended with code {self._child.wait()}: {last}")
        reply = json.loads(answer)
        if "error" in reply:
            raise ProcessError(reply["error"])
        return reply["result"]

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process; it has nothing that would be lost."""
        self._child.kill()
        self._child.communicate()
        self._log.close()


def serve(home: str) -> None:
    """Answers requests until standard input ends."""
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module, _, name = home.partition(":")
    worker = getattr(importlib.import_module(module), name)()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {"result": getattr(worker, request["method"])(**request["arguments"])}
        except Exception as error:
            # Whatever a tool raises is a line in the report.
            text = " ".join(str(error).split())
            reply = {"error": f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
