"""What a run was taken on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.sides import SIDES

__all__ = ["cores", "describe_machine"]


def cores() -> int:
    """Returns how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe_machine(sides: Iterable[str]) -> dict[str, Any]:
    """Returns the processor, what else it had to do, and the versions of all that is compared."""
    packages = {SIDES[side].install for side in sides} | {"bilstm-tagger"}
    return {
        "processor": _processor(),
        "cores": cores(),
        "load before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": importlib.metadata.version("torch"),
        "packages": {name: importlib.metadata.version(name) for name in sorted(packages)},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
