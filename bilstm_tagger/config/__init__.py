"""The configuration of a run: one TOML file, checked in full before anything is read or trained.

A file has a ``task`` and the sections below; each key has a default that works, so the shortest file is::

    task = "ner"
    [data]
    train = "train.conll"
    dev = "dev.conll"

``--set section.key=value`` overrides a key; the value is read as TOML, or taken as a string. ``--set section.key=``
takes the key back to its default.
Relative paths are relative to the configuration file (or, for ``--set``, to the working directory).
"""

from bilstm_tagger.config.config import Config
from bilstm_tagger.config.sections import (
    CharConfig,
    CrfConfig,
    DataConfig,
    DenseConfig,
    DistillConfig,
    EncoderConfig,
    GazetteerConfig,
    LmConfig,
    ResidueConfig,
    ShapeConfig,
    WordConfig,
)
from bilstm_tagger.config.training import TrainingConfig

__all__ = [
    "CharConfig",
    "Config",
    "CrfConfig",
    "DataConfig",
    "DenseConfig",
    "DistillConfig",
    "EncoderConfig",
    "GazetteerConfig",
    "LmConfig",
    "ResidueConfig",
    "ShapeConfig",
    "TrainingConfig",
    "WordConfig",
]
