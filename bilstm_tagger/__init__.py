"""BiLSTM-CRF sequence taggers: train, evaluate and run them on text and proteins.

The public names load when first used, so that ``import bilstm_tagger`` imports neither torch nor datasets.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bilstm_tagger.config import Config
    from bilstm_tagger.data import load_rows
    from bilstm_tagger.errors import (
        ConfigError,
        DataError,
        InputError,
        MissingDependencyError,
        ModelError,
        TaggerError,
        UnknownTagError,
    )
    from bilstm_tagger.evaluation import Report, score
    from bilstm_tagger.inference import Tagger
    from bilstm_tagger.training import train
    from bilstm_tagger.types import Span, TaggedSequence

__version__ = "0.1.0"

_HOMES = {
    "Config": "config",
    "ConfigError": "errors",
    "DataError": "errors",
    "InputError": "errors",
    "MissingDependencyError": "errors",
    "ModelError": "errors",
    "Span": "types",
    "TaggedSequence": "types",
    "Tagger": "inference",
    "TaggerError": "errors",
    "UnknownTagError": "errors",
    "Report": "evaluation",
    "score": "evaluation",
    "load_rows": "data",
    "train": "training",
}

__all__ = [
    "Config",
    "ConfigError",
    "DataError",
    "InputError",
    "MissingDependencyError",
    "ModelError",
    "Report",
    "Span",
    "TaggedSequence",
    "Tagger",
    "TaggerError",
    "UnknownTagError",
    "__version__",
    "load_rows",
    "score",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
