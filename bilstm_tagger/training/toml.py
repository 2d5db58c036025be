"""Configurations as TOML text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bilstm_tagger.config import Config

__all__ = ["config_to_toml"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def config_to_toml(config: Config) -> str:
    """Returns a configuration as a file that ``Config.load`` reads: the keys that differ from the task's defaults."""
    defaults = Config.from_dict({"task": config.task}).to_dict()
    values = config.to_dict()
    changed = {key: value for key, value in values.items() if not isinstance(value, dict) and value != defaults[key]}
    lines = [f"task = {_text(config.task)}", *_lines(changed)]
    for name, section in values.items():
        if isinstance(section, dict):
            own = {key: value for key, value in section.items() if value != defaults[name][key]}
            lines += ["", f"[{name}]", *_lines(own)] if own else []
    return "\n".join(lines) + "\n"


def _lines(values: Mapping[str, Any]) -> list[str]:
    # TOML has no null: a key that is none although the task's default is not cannot be written, and no task has one.
    return [f"{key} = {_text(value)}" for key, value in values.items() if value is not None]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    # A string of JSON is one of TOML too, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)
