"""What a task is: how input becomes tokens, which tags, which metrics, which outputs.

Each module of this folder other than ``base`` defines one ``TASK``; a new task is one new file.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from bilstm_tagger.errors import ConfigError, suggest
from bilstm_tagger.tasks.base import Task

__all__ = ["Task", "get_task", "task_names"]


@cache
def task_names() -> tuple[str, ...]:
    """Returns the names of all tasks."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "base"))


def get_task(name: str) -> Task:
    """Returns the task of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in task_names():
        raise ConfigError("unknown task", received=name, accepted=task_names(), hint=suggest(str(name), task_names()))
    task: Task = importlib.import_module(f"{__name__}.{name}").TASK
    return task
