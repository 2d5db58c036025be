"""What a search varies: keys of a configuration, and the values that each may take."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError

__all__ = ["Choices", "Range", "Space", "apply_values", "check_space", "grid", "parse_vary", "read_space"]

Value = bool | int | float | str

_FORMS = "a list such as 100,200,300, or a range such as 0.0005..0.005, 1..3 or 0.0005..0.005:log"
_REFUSED = {
    "seed": "The seeds of each trial are given with --seeds",
    "output": "The folder is given with --output",
    "task": "Search each task by itself",
}


@dataclass(frozen=True)
class Choices:
    """Some values, in no order."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Range:
    """All numbers from ``low`` to ``high``, both included; whole numbers where both are.

    Attributes:
        low: The smallest.
        high: The largest.
        log: Whether their logarithms are drawn evenly.
    """

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether all its numbers are whole."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Space = dict[str, Choices | Range]
"""Each key as ``section.key``, with what it may be."""


def parse_vary(text: str) -> tuple[str, Choices | Range]:
    """Reads ``section.key=100,200`` or ``section.key=0.0005..0.005:log``.

    Raises:
        ConfigError: It has another form.
    """
    key, equals, values = text.partition("=")
    key = key.strip()
    if not equals or not key or not values.strip():
        raise ConfigError("what is varied has the form section.key=VALUES", received=text, accepted=_FORMS)
    if ".." in values:
        return key, _range(key, values.strip())
    return key, _choices(key, [_value(part.strip()) for part in values.split(",")])


def read_space(path: Path) -> Space:
    """Reads a TOML file with the sections of a configuration, in which lists are choices and strings ranges.

    Raises:
        ConfigError: It cannot be read, or an entry is neither.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    space: Space = {}
    for key, entry in _leaves(entries):
        if isinstance(entry, list):
            space[key] = _choices(key, entry)
        elif isinstance(entry, str) and ".." in entry:
            space[key] = _range(key, entry)
        else:
            raise ConfigError(
                f"{path}: '{key}' has nothing to choose from",
                received=entry,
                accepted='a list such as [100, 200], or a range such as "0.0005..0.005:log"',
            )
    return space


def check_space(space: Space, config: Config) -> None:
    """Tries each key with each of its choices, or both ends of its range and a number between.

    Raises:
        ConfigError: There is nothing to vary, or the configuration refuses a key or a value.
    """
    if not space:
        raise ConfigError("a search needs something to vary", hint="Add: --vary encoder.hidden_size=100,200")
    for key, values in space.items():
        if key in _REFUSED:
            raise ConfigError(f"'{key}' is nothing to search over", hint=_REFUSED[key])
        for value in values.values if isinstance(values, Choices) else (values.low, values.high):
            apply_values(config, {key: value})
        if isinstance(values, Range) and not values.whole:
            _check_inside(key, values, config)


def apply_values(config: Config, values: Mapping[str, Any]) -> Config:
    """Returns a configuration in which some keys, given as ``section.key``, have other values."""
    nested = config.to_dict()
    for key, value in values.items():
        *sections, last = key.split(".")
        table = nested
        for section in sections:
            table = table.setdefault(section, {})
            if not isinstance(table, dict):
                raise ConfigError(f"'{section}' is not a section", received=key)
        table[last] = value
    return Config.from_dict(nested)


def grid(space: Space, most: int) -> list[dict[str, Value]] | None:
    """Returns all combinations of choices and whole numbers; None where there are more than ``most``."""
    axes: list[Sequence[Value]] = []
    for values in space.values():
        if isinstance(values, Choices):
            axes.append(tuple(dict.fromkeys(values.values)))
        elif values.whole:
            axes.append(range(int(values.low), int(values.high) + 1))
        else:
            return None
    # Not len, which is for what fits into memory.
    if math.prod(axis.stop - axis.start if isinstance(axis, range) else len(axis) for axis in axes) > most:
        return None
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*axes)]


def _check_inside(key: str, values: Range, config: Config) -> None:
    """Tries 4.5 where the ends are 4.0 and 9.0, which are whole numbers to a configuration."""
    try:
        apply_values(config, {key: min(values.low + 0.5, values.high)})
    except ConfigError:
        scale = ":log" if values.log else ""
        raise ConfigError(
            f"'{key}' takes whole numbers",
            received=f"{values.low}..{values.high}{scale}",
            accepted=f"{values.low:.0f}..{values.high:.0f}{scale}",
        ) from None


def _leaves(entries: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, entry in entries.items():
        if isinstance(entry, dict):
            yield from _leaves(entry, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", entry


def _value(text: str) -> Any:
    """Reads a value as TOML, or takes it as a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _choices(key: str, values: list[Any]) -> Choices:
    for value in values:
        if not isinstance(value, Value) or value == "":
            raise ConfigError(f"'{key}' cannot be varied", received=value, accepted="numbers, strings, true, false")
    if not values or len(set(values)) < len(values):
        raise ConfigError(f"the choices of '{key}' must be different", received=values, accepted=_FORMS)
    return Choices(tuple(values))


def _range(key: str, text: str) -> Range:
    ends, colon, scale = text.partition(":")
    low, high = (_value(part.strip()) for part in ends.split("..", 1))
    sound = all(type(end) in (int, float) and math.isfinite(end) for end in (low, high))
    if not sound or not low < high or (colon and (scale.strip() != "log" or low <= 0)):
        raise ConfigError(
            f"the range of '{key}' cannot be read",
            received=text,
            accepted="LOW..HIGH with LOW below HIGH, or LOW..HIGH:log with LOW above 0",
        )
    return Range(low, high, log=bool(colon))
