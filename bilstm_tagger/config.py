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

from __future__ import annotations

import glob
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bilstm_tagger.errors import ConfigError, suggest
from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks import Task, get_task

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

_PATHS = {
    "data": ("train", "dev", "test", "labels", "mask", "exclude", "profiles"),
    "word": ("vectors",),
    "lm": ("model",),
    "gazetteer": ("files",),
    "distill": ("teacher", "unlabelled"),
}

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[int, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
    """Where the sentences come from.

    A source is a file, a folder, an archive, a glob, ``builtin:NAME/SPLIT`` or a hub data set id.
    """

    train: str | None = Field(None, description="training source")
    dev: str | None = Field(None, description="development source; chooses the best epoch")
    test: str | None = Field(None, description="test source; scored once, at the end")
    dev_fraction: Fraction = Field(0.1, description="share of the training part held out when there is no dev source")
    format: str = Field(
        "auto", description="auto, conll, conllu, jsonl, csv, brat, parallel, parquet, arrow; proteins: fasta, dssp"
    )
    token_column: str | int | None = Field(None, description="column of the tokens: a number or a name")
    tag_column: str | int | None = Field(None, description="column of the tags: a number or a name")
    separator: str | None = Field(None, description="column separator; found by itself when not given")
    scheme: str = Field("auto", description="auto, IOB1, IOB2, BIOES, BILOU, BMES, IO")
    labels: str | None = Field(
        None, description="a second file: FASTA's labels, the tags of running text, or the names that numbers stand for"
    )
    mask: str | None = Field(None, description="FASTA: a file of 0 and 1; residues with 0 have no label")
    exclude: str | None = Field(None, description="a file whose first column names the ids to leave out")
    deduplicate: bool = Field(False, description="leave out training rows whose tokens another row has")
    states: Literal["standard", "jnet", "sspro"] = Field(
        "standard", description="proteins: how the eight states of DSSP become three"
    )
    profiles: str | None = Field(
        None, description="proteins: a folder of NAME.pssm or NAME.hhm files, or an .npz, for all parts"
    )
    profile_kinds: list[Literal["pssm", "hhm"]] = Field(
        ["pssm"], min_length=1, description="which of the files of such a folder, side by side: pssm, hhm"
    )
    skip_invalid: bool = Field(False, description="proteins: leave out chains that cannot be used, and say which")
    tokenizer: Literal["auto", "words", "characters", "whitespace", "residues"] = Field(
        "auto", description="how raw text is cut into tokens, in sources of text with marked spans and when tagging"
    )
    align: Literal["strict", "expand", "contract", "drop"] = Field(
        "expand", description="what is done with marked spans that cut a token"
    )
    overlap: Literal["outermost", "longest", "first"] = Field(
        "outermost", description="which of several marked spans that share tokens is kept"
    )
    streaming: bool = Field(False, description="read a hub data set over the network without fetching all of it first")


class WordConfig(_Section):
    """One vector a word form. ``size = 0`` leaves it out."""

    size: int = Field(100, ge=0, description="width of random vectors; pretrained vectors bring their own")
    vectors: str | list[str] | None = Field(
        None, description="a vectors file, or a package's name such as glove-6b-50d; several are set side by side"
    )
    missing: Literal["error", "skip"] = Field(
        "error", description="vectors that are not there: stop, or train without them and say so"
    )
    fine_tune: bool = Field(True, description="train the pretrained vectors too")
    keep: Literal["all"] | Annotated[int, Field(ge=0)] = Field(
        "all", description="how many pretrained words that training never saw go into the model, in file order"
    )
    min_count: Positive = Field(1, description="rarer words (and not pretrained) share the unknown vector")
    digits_to_zero: bool = Field(True, description="1987 and 2024 are looked up as 0000")
    unknown_singletons: Fraction = Field(
        0.5, description="chance that a word seen once, and without a pretrained vector, is replaced by the unknown one"
    )


class CharConfig(_Section):
    """What the characters of a word say, computed once for each distinct word."""

    kind: Literal["cnn", "lstm", "none"] = Field("cnn", description="convolution, BiLSTM, or nothing")
    size: Positive = Field(30, description="width of a character's vector")
    output: Positive = Field(50, description="filters of the CNN, or the BiLSTM's width, both directions together")
    kernel: Positive = Field(3, description="characters a filter sees")
    dropout: Fraction = Field(0.5, description="on the character vectors")
    max_length: Positive = Field(40, description="longer words keep their first and last characters")


class ShapeConfig(_Section):
    """Capitalisation and digits of a word (``Xxx``, ``dddd``) as a vector. ``size = 0`` leaves it out."""

    size: int = Field(0, ge=0, description="width of the vectors")


class DenseConfig(_Section):
    """Numbers given with each token (profiles, features of your own); found in the data when ``size`` is None."""

    size: int | None = Field(None, ge=0, description="columns; None takes what the rows have")


class ResidueConfig(_Section):
    """What is known of a residue beforehand, beside its vector; proteins only."""

    properties: bool = Field(False, description="seven physico-chemical properties (Meiler et al. 2001)")
    position: bool = Field(False, description="how far it is from either end of the chain")


class GazetteerConfig(_Section):
    """Lists of names; tokens that stand in a listed name are marked, by label and by their place in it."""

    files: list[str] = Field(
        [], description="names, one a line, in files named after their label; or LABEL, a tab, and the name"
    )
    training: int = Field(
        0, ge=0, description="list the names that so many training sentences have (2 is a good number); 0 lists none"
    )


class LmConfig(_Section):
    """The states of a character language model that ``bilstm-tagger pretrain-lm`` left."""

    model: str | None = Field(None, description="its folder; none leaves it out")
    fine_tune: bool = Field(False, description="train it with the tagger; frozen, its states are computed once")
    projection: int = Field(
        0, ge=0, description="width of a trained linear layer on the states; 0 takes them as they are"
    )
    dropout: Fraction = Field(0.0, description="on the states")


class DistillConfig(_Section):
    """Learning from the answers of trained models, beside the labels."""

    teacher: str | list[str] | None = Field(
        None, description="a model folder, or several that answer together; none leaves it out"
    )
    weight: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="share of the loss that is the teachers'; the rest is the labels'"
    )
    unlabelled: str | None = Field(
        None, description="a .txt file, a sentence a line, or a source whose tags are not read: trained on the answers"
    )


class EncoderConfig(_Section):
    """The recurrent network over the sentence."""

    kind: Literal["lstm", "gru", "rnn"] = Field("lstm", description="the recurrent cell")
    hidden_size: Positive = Field(100, description="units in each direction")
    layers: Positive = Field(1, description="recurrent layers, each in both directions")
    input_dropout: Fraction = Field(0.5, description="on the concatenated features")
    output_dropout: Fraction = Field(0.5, description="on the encoder's output")
    layer_dropout: Fraction = Field(0.0, description="between layers")
    word_dropout: Fraction = Field(0.0, description="chance that a whole token's features are zeroed")
    locked: bool = Field(False, description="one dropout mask for all tokens of a sentence")
    attention: int = Field(0, ge=0, description="heads of self-attention over the recurrent states; 0 is none")
    convolution: int = Field(0, ge=0, description="width of a window convolution before the recurrence; 0 is none")
    convolution_size: Positive = Field(64, description="channels of that convolution")


class CrfConfig(_Section):
    """The layer that scores whole tag sequences."""

    scheme: str = Field("auto", description="scheme of the model's tags: auto, IOB2, BIOES, BILOU, IO")
    decoding: Literal["auto", "viterbi", "marginal"] = Field(
        "auto", description="the best sequence, or the best tag of each token; auto asks the task"
    )
    constraints: bool = Field(True, description="make ill-formed sequences impossible, in the loss and in decoding")


class TrainingConfig(_Section):
    """How the weights are found."""

    optimizer: Literal["sgd", "adam", "adamw", "radam", "nadam", "adagrad", "rmsprop"] = Field(
        "adamw", description="how the weights are updated"
    )
    learning_rate: Annotated[float, Field(gt=0)] = Field(2e-3, description="its largest value")
    momentum: Fraction = Field(0.0, description="for sgd and rmsprop")
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="for all weights but large word tables; adamw, radam and nadam keep it apart from the gradient"
    )
    rates: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="factors of the learning rate for parts of the network, such as {word = 0.1, encoder = 0.5}"
    )
    freeze: list[str] = Field(
        [], description="parts that are not trained: word, char, shape, lm, window, encoder, projection, crf"
    )
    freeze_epochs: int = Field(0, ge=0, description="epochs after which they are trained after all; 0 is never")
    schedule: Literal["constant", "linear", "cosine", "inverse", "plateau", "one-cycle"] = Field(
        "linear",
        description="after the warm-up; inverse is learning_rate / (1 + decay * epoch), plateau cuts the rate when the"
        " dev score stays, one-cycle rises and falls by cosines (usually with warmup = 0.3)",
    )
    decay: Annotated[float, Field(ge=0)] = Field(0.05, description="for the inverse schedule")
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = Field(0.5, description="what plateau multiplies the rate by")
    plateau_patience: int = Field(2, ge=0, description="epochs without a better dev score that plateau waits for")
    warmup: Fraction = Field(0.02, description="share of all steps in which the rate rises from 0")
    epochs: Positive = Field(20, description="times that the training part is gone through")
    patience: int = Field(0, ge=0, description="epochs without a better dev score before stopping; 0 never stops")
    batch_tokens: Positive = Field(512, description="tokens in a batch, padding included")
    batch_sequences: Positive = Field(64, description="sequences in a batch, at most")
    accumulate: Positive = Field(1, description="batches whose gradients make one step, as one large batch would")
    clip: Annotated[float, Field(ge=0)] = Field(5.0, description="largest gradient norm; 0 does not clip")
    ema: Fraction = Field(0.0, description="decay of the running mean of the weights; 0 is off")
    swa_start: Fraction = Field(
        0.0, description="share of all steps after which the equal mean of the weights begins; 0 is off"
    )
    precision: Literal["float32", "bf16", "fp16"] = Field(
        "float32", description="what the network computes in when training; the CRF and the weights are float32"
    )
    label_smoothing: Fraction = Field(0.0, description="share of the target spread over all legal tag sequences")
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(gt=0)]] | None = Field(
        None, description="balanced, or a table LABEL = weight: with 2, the odds of a wrong tag count twice in the loss"
    )
    reduction: Literal["token", "sequence", "sum"] = Field("token", description="what the loss is a mean over")
    metric: str = Field(
        "auto", description="what the best epoch is chosen by: f1, accuracy, q3, q8; auto asks the task"
    )
    checkpoint_minutes: Annotated[float, Field(ge=0)] = Field(
        1.0, description="minutes between two checkpoints, from which a killed run goes on; 0 writes none by time"
    )
    checkpoint_steps: int = Field(0, ge=0, description="steps between two checkpoints; 0 writes none by steps")
    checkpoint_keep: Positive = Field(2, description="how many of the newest checkpoints are kept")
    trackers: list[str] = Field(
        [], description="tensorboard (extra), wandb, mlflow, or another that accelerate knows: told of each epoch"
    )
    threads: int = Field(0, ge=0, description="processor threads; 0 leaves it to torch")
    device: str = Field("auto", description="auto, cpu, cuda")


class Config(_Section):
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
        _resolve_paths(values, path.parent)
        for override in overrides:
            _override(values, override)
        values.setdefault("output", str(Path("runs") / path.stem))
        return cls.from_dict(values, origin=str(path))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, origin: str = "configuration") -> Config:
        """Checks a nested dictionary; the task's own defaults fill what it leaves out."""
        if "task" not in values:
            raise ConfigError(f"{origin}: the key 'task' is missing", hint='Add a line such as: task = "ner"')
        merged = _merge(get_task(values["task"]).defaults, values)
        try:
            config = cls.model_validate(merged)
        except ValidationError as error:
            raise _explain(error, origin) from None
        _check_scheme(config)
        _check_residues(config)
        _check_gazetteer(config)
        return config

    def to_dict(self) -> dict[str, Any]:
        """Returns all keys, defaults included, as plain JSON-ready values."""
        return self.model_dump(mode="json")


def _check_scheme(config: Config) -> None:
    """Refuses schemes and decodings of the model's tags that the task or the model cannot have."""
    task = config.task_definition
    if task.scheme is not Scheme.NONE and config.decoding == "marginal":
        raise ConfigError(
            f"'crf.decoding' cannot be marginal for the task '{task.name}': the tags could be ill-formed",
            accepted="auto, viterbi",
        )
    if task.scheme is Scheme.NONE:
        accepted: tuple[str, ...] = ("auto", "NONE")
    else:
        # IOB1 is for reading only: its B depends on the tag before.
        accepted = ("auto", "IOB2", "BIOES", "BILOU", "IO")
    try:
        known = config.crf.scheme == "auto" or str(config.scheme) in accepted
    except ConfigError:
        known = False
    if not known:
        raise ConfigError(
            f"wrong value for 'crf.scheme' of the task '{task.name}'", received=config.crf.scheme, accepted=accepted
        )


def _check_residues(config: Config) -> None:
    """Refuses what only proteins have in a task of another kind."""
    if config.task_definition.kind == "residues":
        return
    given = {
        "data.profiles": config.data.profiles is not None,
        "data.skip_invalid": config.data.skip_invalid,
        "residue.properties": config.residue.properties,
        "residue.position": config.residue.position,
    }
    for key, set_ in given.items():
        if set_:
            raise ConfigError(f"'{key}' is for proteins", received=config.task, accepted="protein_ss3, protein_ss8")


def _check_gazetteer(config: Config) -> None:
    """Refuses names where there are none."""
    kind = config.task_definition.kind
    if config.gazetteer.files and kind == "residues":
        raise ConfigError("'gazetteer.files' is not for proteins", received=config.task)
    if config.gazetteer.training and kind != "spans":
        problem = "'gazetteer.training' is for tasks with spans"
        raise ConfigError(problem, received=config.task, accepted="ner, chunking")


def _merge(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for key, value in values.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _resolve_paths(values: dict[str, Any], folder: Path) -> None:
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


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError("an override has the form section.key=value", received=override)
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, last = key.strip().split(".")
    table = values
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"'{section}' in the override is not a section", received=override)
    if text.strip():
        table[last] = value
    else:
        table.pop(last, None)


def _explain(error: ValidationError, origin: str) -> ConfigError:
    """Turns pydantic's first complaint into one line with the key, the value and what is accepted."""
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    # A union ("all" | int) adds the branch's name to the location; it is no key.
    section: Any = Config
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
