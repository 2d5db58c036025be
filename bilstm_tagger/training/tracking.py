"""Experiment trackers: TensorBoard, and the others that accelerate knows."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError, MissingDependencyError, suggest

__all__ = ["Trackers"]

_logger = logging.getLogger("bilstm_tagger.training")
_PROJECT = "bilstm-tagger"


class Trackers:
    """Hands the configuration and the record of each epoch to trackers.

    A tracker that fails, a server that cannot be reached for example, is left out with a warning: the run goes on.

    Args:
        names: Those of accelerate, such as ``tensorboard``, ``wandb``, ``mlflow``.

    Raises:
        ConfigError: A name that accelerate does not know, or whose package is not installed.
        MissingDependencyError: TensorBoard is not installed.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(dict.fromkeys(names))
        self.running: dict[str, Any] = {}
        if not names:
            return
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
        from accelerate.utils import LoggerType

        available = {str(tracker) for tracker in get_available_trackers()}
        for name in names:
            if name not in LOGGER_TYPE_TO_CLASS:
                known = sorted(LOGGER_TYPE_TO_CLASS)
                raise ConfigError(
                    "'training.trackers' names an unknown tracker",
                    received=name,
                    accepted=known,
                    hint=suggest(name, known),
                )
            # A class that was registered with accelerate brings what it needs.
            if name in LoggerType.list() and name not in available:
                if name == "tensorboard":
                    raise MissingDependencyError(name, extra="tensorboard", purpose="The tracker 'tensorboard'")
                problem = f"the tracker '{name}' needs a package that is not installed"
                raise ConfigError(problem, hint=f"Install it with: pip install {name}")

    def start(self, config: Config, folder: Path, *, resumed: bool = False) -> None:
        """Opens the trackers and gives them the configuration.

        TensorBoard writes into ``FOLDER/tensorboard``; where the others write is their own settings' business, and
        their environment variables'.

        Args:
            config: The run.
            folder: Its folder; gives the run its name.
            resumed: Whether the run goes on; otherwise what an earlier one told TensorBoard is removed.
        """
        if not self.names:
            return
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS

        if not resumed:
            _remove_events(folder / "tensorboard")
        settings = dict(_flat(config.to_dict()))
        for name in self.names:
            kind = LOGGER_TYPE_TO_CLASS[name]
            project = name if name == "tensorboard" else _PROJECT
            options = {"name": folder.name} if name == "wandb" else {}
            places = [str(folder)] if kind.requires_logging_directory else []
            try:
                tracker = kind(project, *places, **options)
                tracker.start()
                tracker.store_init_configuration(settings)
            except Exception as error:  # each tracker has errors of its own, the network's among them
                _logger.warning("training without the tracker '%s': %s: %s", name, type(error).__name__, error)
            else:
                self.running[name] = tracker

    def log(self, record: Mapping[str, Any]) -> None:
        """Takes the record of an epoch, whose numbers keep the names that they have in ``metrics.jsonl``."""
        values = {key: value for key, value in record.items() if key != "epoch" and not isinstance(value, str)}
        self._all("log", values, step=record["epoch"])

    def finish(self) -> None:
        """Closes the trackers."""
        self._all("finish")
        self.running = {}

    def _all(self, method: str, *arguments: Any, **options: Any) -> None:
        for name, tracker in list(self.running.items()):
            try:
                getattr(tracker, method)(*arguments, **options)
            except Exception as error:  # as above
                _logger.warning("going on without the tracker '%s': %s: %s", name, type(error).__name__, error)
                del self.running[name]


def _remove_events(folder: Path) -> None:
    """Removes what TensorBoard was told of an earlier run, and no other files."""
    for pattern in ("events.out.tfevents.*", "hparams.yml"):
        for path in folder.rglob(pattern):
            path.unlink(missing_ok=True)
    for path in sorted(folder.rglob("*/"), reverse=True):
        with suppress(OSError):  # something else is in it
            path.rmdir()


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Returns nested settings as ``section.key``; what is neither number nor text as JSON, which all trackers take."""
    flat: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, dict) and not prefix:
            flat += _flat(value, f"{key}.")
        else:
            plain = isinstance(value, bool | int | float | str)
            flat.append((prefix + key, value if plain else json.dumps(value)))
    return flat
