"""All keys of a configuration, for ``bilstm-tagger train --keys``."""

from __future__ import annotations

import json
import textwrap
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bilstm_tagger.config import Config

__all__ = ["describe_keys", "keys_text"]


def describe_keys() -> list[tuple[str, str, str]]:
    """Returns each key as ``section.key``, its default as TOML writes it (empty: none), and what it means."""
    rows = []
    for name, field in Config.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            rows += [(f"{name}.{key}", *_describe(inner)) for key, inner in section.model_fields.items()]
        else:
            rows.append((name, *_describe(field)))
    return rows


def keys_text(width: int = 110) -> str:
    """Returns the keys as an aligned table of that many characters a line."""
    rows = describe_keys()
    first, second = (max(len(row[column]) for row in rows) + 2 for column in (0, 1))
    lines = [f"{'key':{first}}{'default':{second}}meaning"]
    for key, default, meaning in rows:
        wrapped = textwrap.wrap(meaning, width - first - second)
        lines.append(f"{key:{first}}{default:{second}}{wrapped[0]}")
        lines += [" " * (first + second) + line for line in wrapped[1:]]
    return "\n".join(lines)


def _describe(field: FieldInfo) -> tuple[str, str]:
    default = "" if field.is_required() or field.default is None else json.dumps(field.default)
    meaning = field.description or ""
    if get_origin(field.annotation) is Literal:
        meaning += f" ({', '.join(map(str, get_args(field.annotation)))})"
    return default, meaning
