"""Nested dictionaries as TOML files hold them: merging, paths, overrides, and what is wrong with them."""

from __future__ import annotations

import glob
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bilstm_tagger.errors import ConfigError, suggest

__all__ = ["explain", "merge", "override", "resolve_paths"]

_PATHS = {
    "data": ("train", "dev", "test", "labels", "mask", "exclude", "profiles"),
    "word": ("vectors",),
    "lm": ("model",),
    "gazetteer": ("files",),
    "distill": ("teacher", "unlabelled"),
    "training": ("start",),
}


def merge(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values, with the defaults where they say nothing, at every depth."""
    merged = dict(defaults)
    for key, value in values.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def resolve_paths(values: dict[str, Any], folder: Path) -> None:
    """Makes the paths in a file relative to the file, where something stands there.

    What stands nowhere is left as it is: a hub id, a package's name, or a path from the working directory.
    """
    for section, keys in _PATHS.items():
        table = values.get(section)
        if not isinstance(table, dict):
            continue
        for key in keys:
            value = table.get(key)
            if isinstance(value, str):
                table[key] = _resolve(value, folder)
            elif isinstance(value, list):
                table[key] = [_resolve(item, folder) if isinstance(item, str) else item for item in value]


def _resolve(value: str, folder: Path) -> str:
    beside = folder / value
    if Path(value).is_absolute() or ":" in value:
        return value
    return str(beside) if beside.exists() or glob.glob(str(beside), recursive=True) else value


def override(values: dict[str, Any], assignment: str) -> None:
    """Applies one ``section.key=value``, in place."""
    key, equals, text = assignment.partition("=")
    if not equals or not key.strip():
        raise ConfigError("an override has the form section.key=value", received=assignment)
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, last = key.strip().split(".")
    table = values
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"'{section}' in the override is not a section", received=assignment)
    if text.strip():
        table[last] = value
    else:
        table.pop(last, None)


def explain(error: ValidationError, origin: str, *, model: type[BaseModel]) -> ConfigError:
    """Turns pydantic's first complaint into one line with the key, the value and what is accepted."""
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    # A union ("all" | int) adds the branch's name to the location; it is no key.
    section: Any = model
    path: list[str] = []
    for part in location:
        fields = section.model_fields if isinstance(section, type) and issubclass(section, BaseModel) else {}
        if path and not fields:
            break
        path.append(part)
        if part not in fields:
            break
        section = fields[part].annotation
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        parent = section.model_fields if isinstance(section, type) and issubclass(section, BaseModel) else {}
        return ConfigError(f"{origin}: unknown key '{key}'", accepted=list(parent), hint=suggest(path[-1], parent))
    accepted = first["msg"].removeprefix("Input should be ")
    allowed = [part.strip(" '") for part in first.get("ctx", {}).get("expected", "").replace(" or ", ",").split(",")]
    hint = suggest(str(first["input"]), allowed) if first["type"] == "literal_error" else None
    return ConfigError(f"{origin}: wrong value for '{key}'", received=first["input"], accepted=accepted, hint=hint)
