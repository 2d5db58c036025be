"""Resident memory of this process, in MB of 10^6 bytes. Without torch, and cheap to import."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["current_memory", "peak_memory"]


def current_memory() -> float:
    """Returns the resident memory now."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6


def peak_memory() -> float:
    """Returns the largest resident memory since the process began."""
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage would do, but there a child's figure begins with its parent's.
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 1e6
    import resource

    # Bytes on macOS, kilobytes elsewhere.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
