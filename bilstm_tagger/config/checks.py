"""What no key says alone: keys that do not go together, or not with the task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bilstm_tagger.errors import ConfigError
from bilstm_tagger.schemes import Scheme

if TYPE_CHECKING:
    from bilstm_tagger.config.config import Config

__all__ = ["check", "idle_keys"]


def check(config: Config) -> None:
    """Refuses a configuration whose keys do not go together.

    Raises:
        ConfigError: Naming the keys.
    """
    _check_scheme(config)
    _check_residues(config)
    _check_gazetteer(config)


def idle_keys(config: Config) -> list[str]:
    """Returns a line for each key that was set and does nothing, because of another key."""
    training = config.training
    word_sources = [] if config.word.vectors is None else config.word.vectors
    # Section, key, whether it has an effect, and what that needs.
    needs = (
        ("training", "momentum", training.optimizer in ("sgd", "rmsprop"), "training.optimizer = sgd or rmsprop"),
        ("training", "freeze_epochs", bool(training.freeze), "training.freeze"),
        ("training", "decay", training.schedule == "inverse", "training.schedule = inverse"),
        ("training", "plateau_factor", training.schedule == "plateau", "training.schedule = plateau"),
        ("training", "plateau_patience", training.schedule == "plateau", "training.schedule = plateau"),
        ("lm", "fine_tune", config.lm.model is not None, "lm.model"),
        ("lm", "projection", config.lm.model is not None, "lm.model"),
        ("lm", "dropout", config.lm.model is not None, "lm.model"),
        ("distill", "weight", bool(config.distill.teacher), "distill.teacher"),
        ("data", "dev_fraction", config.data.dev is None, "no data.dev"),
        ("word", "fill_missing", not isinstance(word_sources, str) and len(word_sources) > 1, "two word.vectors"),
    )
    lines = []
    for section, key, works, need in needs:
        values = getattr(config, section)
        if not works and getattr(values, key) != type(values).model_fields[key].default:
            lines.append(f"'{section}.{key}' has no effect here: it needs {need}")
    return lines


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
    """Refuses what only proteins have in a task of another kind, and what they do not have."""
    if config.task_definition.kind == "residues":
        if config.data.lowercase:
            raise ConfigError("'data.lowercase' is for text", received=config.task)
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
