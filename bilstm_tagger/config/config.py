"""The configuration as a whole."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from bilstm_tagger.config.base import Section
from bilstm_tagger.config.checks import check
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
from bilstm_tagger.config.values import explain, merge, override, resolve_paths
from bilstm_tagger.errors import ConfigError
from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks import Task, get_task

__all__ = ["Config"]


class Config(Section):
    """A whole run.

    Raises:
        ConfigError: From the constructors below, naming the key, the value and what is accepted.
    """

    task: str = Field(description="ner, chunking, pos, protein_ss3, protein_ss8")
    seed: Annotated[int, Field(ge=0, lt=2**32, description="of the weights, the masks and the order of batches")] = 1
    output: str | None = Field(None, description="folder of the run; runs/NAME of the configuration file by default")
    data: DataConfig = DataConfig()
    word: WordConfig = WordConfig()
    char: CharConfig = CharConfig()
    shape: ShapeConfig = ShapeConfig()
    dense: DenseConfig = DenseConfig()
    residue: ResidueConfig = ResidueConfig()
    gazetteer: GazetteerConfig = GazetteerConfig()
    lm: LmConfig = LmConfig()
    distill: DistillConfig = DistillConfig()
    encoder: EncoderConfig = EncoderConfig()
    crf: CrfConfig = CrfConfig()
    training: TrainingConfig = TrainingConfig()

    @property
    def task_definition(self) -> Task:
        """The task that ``task`` names."""
        return get_task(self.task)

    @property
    def scheme(self) -> Scheme:
        """The scheme of the model's tags; ``auto`` is the task's own."""
        task = self.task_definition
        return task.scheme if self.crf.scheme == "auto" else Scheme.parse(self.crf.scheme)

    @property
    def decoding(self) -> Literal["viterbi", "marginal"]:
        """How tags are chosen; ``auto`` is the task's own way."""
        return self.task_definition.decoding if self.crf.decoding == "auto" else self.crf.decoding

    @classmethod
    def load(cls, path: str | Path, overrides: Iterable[str] = ()) -> Config:
        """Reads a TOML file and applies ``section.key=value`` overrides."""
        path = Path(path)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"no such configuration file: {path}", hint="See configs/ for examples") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read {path}: {error}") from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path} is not valid TOML: {error}") from None
        resolve_paths(values, path.parent)
        for text in overrides:
            override(values, text)
        values.setdefault("output", str(Path("runs") / path.stem))
        return cls.from_dict(values, origin=str(path))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, origin: str = "configuration") -> Config:
        """Checks a nested dictionary; the task's own defaults fill what it leaves out."""
        if "task" not in values:
            raise ConfigError(f"{origin}: the key 'task' is missing", hint='Add a line such as: task = "ner"')
        merged = merge(get_task(values["task"]).defaults, values)
        try:
            config = cls.model_validate(merged)
        except ValidationError as error:
            raise explain(error, origin, model=cls) from None
        check(config)
        return config

    def to_dict(self) -> dict[str, Any]:
        """Returns all keys, defaults included, as plain JSON-ready values."""
        return self.model_dump(mode="json")
