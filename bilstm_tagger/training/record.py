"""``run.json``: what was run, on what data and machine, when, and how it ended."""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

import bilstm_tagger
from bilstm_tagger.config import Config
from bilstm_tagger.training.processes import Processes
from bilstm_tagger.training.snapshot import processor_name

__all__ = ["RECORD_NAME", "RunRecord", "read_record"]

RECORD_NAME = "run.json"

_logger = logging.getLogger("bilstm_tagger.training")


class RunRecord:
    """The record of a run. Two equal runs differ under ``machine`` and ``sessions`` only.

    Args:
        folder: The model folder.
        config: With all defaults.
        data: What each part is, as ``describe_rows`` says.
        sources: A hash of what each key names beside the data, as ``source_fingerprints`` says.
        processes: Those of the run.
        resumed: Whether the run goes on; then its earlier sessions are kept.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        data: dict[str, Any],
        sources: dict[str, str],
        processes: Processes,
        *,
        resumed: bool,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / RECORD_NAME
        earlier = read_record(folder).get("sessions", []) if resumed else []
        self.session: dict[str, Any] = {"command": sys.argv, "began": _now(), "ended": None, "status": "running"}
        self.values: dict[str, Any] = {
            "seed": config.seed,
            "configuration": config.to_dict(),
            "data": data,
            "sources": sources,
            "versions": {
                "bilstm-tagger": bilstm_tagger.__version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": np.__version__,
            },
            "machine": _machine(processes),
            "sessions": [*earlier, self.session],
        }
        self._write()

    def end(self, status: str) -> None:
        """Notes how the session ended: ``finished`` or ``interrupted``; a full disk is no reason to fail now."""
        self.session |= {"ended": _now(), "status": status}
        try:
            self._write()
        except OSError as error:
            _logger.warning("the end of the run is not in %s (%s)", self.path, error)

    def _write(self) -> None:
        temporary = self.path.with_name(f".{RECORD_NAME}.tmp")
        try:
            temporary.write_text(json.dumps(self.values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)


def read_record(folder: Path) -> dict[str, Any]:
    """Returns the record in a model folder; empty where there is none, or a damaged one."""
    try:
        values = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _machine(processes: Processes) -> dict[str, Any]:
    cuda = processes.device.type == "cuda"
    return {
        "system": platform.platform(),
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": processes.size,
        "device": torch.cuda.get_device_name(processes.device) if cuda else str(processes.device),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
