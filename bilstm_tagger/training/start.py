"""A run that begins with a trained model's weights: fine-tuning, on other data and perhaps other tags."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError
from bilstm_tagger.features.vectors import Vectors
from bilstm_tagger.features.vocabulary import UNKNOWN, Vocabulary, numbered
from bilstm_tagger.inference.find import find_folder
from bilstm_tagger.inference.model import Model
from bilstm_tagger.nn import BiLstmCrf, NetworkSizes

__all__ = ["copy_weights", "load_start", "with_names", "word_vectors"]

# Whatever says how wide a weight is. The numbers of words, characters, shapes and tags may differ.
_SIZES = {
    "word_size": "word.size",
    "char_kind": "char.kind",
    "char_size": "char.size",
    "char_output": "char.output",
    "char_kernel": "char.kernel",
    "shape_size": "shape.size",
    "dense_size": "columns beside the tokens (data, residue, gazetteer)",
    "encoder": "encoder.kind",
    "hidden_size": "encoder.hidden_size",
    "layers": "encoder.layers",
    "attention_heads": "encoder.attention",
    "convolution": "encoder.convolution",
    "convolution_size": "encoder.convolution_size",
    "lm_chars": "lm.model (its alphabet)",
    "lm_char_size": "lm.model (width of its characters)",
    "lm_hidden": "lm.model (its width)",
    "lm_projection": "lm.projection",
}


def load_start(config: Config) -> Model | None:
    """Returns the model that a run begins with; None where the configuration names none.

    Raises:
        ModelError: It cannot be read.
        ConfigError: It is for residues and the run for words, or the other way round.
    """
    if config.training.start is None:
        return None
    model = Model.load(find_folder(config.training.start))
    wanted, found = ("residues" if c.task_definition.kind == "residues" else "words" for c in (config, model.config))
    if wanted != found:
        raise ConfigError(
            f"'training.start' names a model that reads {found}, and the task '{config.task}' reads {wanted}",
            received=config.training.start,
        )
    return model


def word_vectors(start: Model) -> Vectors | None:
    """Returns a model's word vectors, those that it trained and those that it only carries; None without any.

    To a run that begins with the model they are what vectors from a file are to others: words of its training part
    go on being trained, all others are kept as they are.
    """
    table = start.network.word
    if table is None:
        return None
    words = sorted(start.vocabulary.words, key=start.vocabulary.words.__getitem__)
    matrix = torch.cat([table.trained.weight.detach(), table.frozen.float()])
    return Vectors(words[UNKNOWN + 1 :], matrix[UNKNOWN + 1 :].numpy(), str(start.config.output or "training.start"))


def with_names(vocabulary: Vocabulary, start: Vocabulary) -> Vocabulary:
    """Returns the vocabulary with the other one's characters and shapes too, where the model reads those at all."""
    chars, shapes = (
        numbered({*new, *old}) if new else new
        for new, old in ((vocabulary.chars, start.chars), (vocabulary.shapes, start.shapes))
    )
    return dataclasses.replace(vocabulary, chars=chars, shapes=shapes)


def copy_weights(start: Model, network: BiLstmCrf, vocabulary: Vocabulary) -> None:
    """Copies all that a model has learned but its words, which ``word_vectors`` gives.

    Characters, shapes and tags are matched by name; what only the new model has keeps its fresh weights.

    Args:
        start: The trained model.
        network: Of the run; changed in place.
        vocabulary: That network's, with the names of the model's.

    Raises:
        ConfigError: The networks differ in more than their words, characters, shapes and tags.
    """
    _check_sizes(start.network.sizes, network.sizes)
    old = start.vocabulary
    _check_columns(old, vocabulary)
    _check_language_model(start, network)
    rows = {
        "char.embedding.weight": _matches(vocabulary.chars, old.chars),
        "shape.weight": _matches(vocabulary.shapes, old.shapes),
    }
    tags = _matches(vocabulary.tag_ids, old.tag_ids)
    weights = start.network.state_dict()
    with torch.no_grad():
        for name, target in network.state_dict().items():
            source = weights[name]
            if name.startswith("word."):
                if name == "word.trained.weight":
                    target[UNKNOWN] = source[UNKNOWN]
            elif name in rows:
                target[UNKNOWN] = source[UNKNOWN]
                _copy(target, source, rows[name])
            elif name == "crf.transitions":
                new, known = (torch.tensor(side, dtype=torch.long) for side in tags)
                target[new[:, None], new] = source[known[:, None], known]
            elif name.startswith(("projection.", "crf.")):
                _copy(target, source, tags)
            else:
                target.copy_(source)


def _check_sizes(old: NetworkSizes, new: NetworkSizes) -> None:
    for field, key in _SIZES.items():
        before, now = getattr(old, field), getattr(new, field)
        if before != now:
            raise ConfigError(
                "the model that training.start names has other sizes than this configuration",
                received=f"{key} = {now}",
                accepted=f"{before}, as the model has",
                hint="Its config.json has all sections that it was trained with",
            )


def _check_columns(old: Vocabulary, new: Vocabulary) -> None:
    """Refuses inputs of the same width and another meaning, which the weights would read as what they were."""
    same = {
        "the alphabet of lm.model": (old.alphabet and old.alphabet.chars) == (new.alphabet and new.alphabet.chars),
        "the labels of the gazetteer": list(old.gazetteer.names) == list(new.gazetteer.names),
        "the columns of residue": old.residue == new.residue,
    }
    for name, agrees in same.items():
        if not agrees:
            raise ConfigError(f"{name} must be as in the model that training.start names")


def _check_language_model(start: Model, network: BiLstmCrf) -> None:
    """Refuses a frozen language model that is not the one which the start was trained with."""
    if start.network.lm is None or network.lm is None or start.config.lm.fine_tune:
        return
    weights = start.network.lm.state_dict()
    readers = {name: value for name, value in network.lm.state_dict().items() if name.startswith(("ahead.", "back."))}
    if any(not torch.equal(value, weights[name]) for name, value in readers.items()):
        raise ConfigError(
            "'lm.model' is another language model than that of training.start",
            accepted=f"the one that it was trained with, {start.config.lm.model}",
        )


def _matches(new: Mapping[str, int], old: Mapping[str, int]) -> tuple[Sequence[int], Sequence[int]]:
    """Returns the indices in both of the names that both have."""
    names = [name for name in new if name in old]
    return [new[name] for name in names], [old[name] for name in names]


def _copy(target: Tensor, source: Tensor, rows: tuple[Sequence[int], Sequence[int]]) -> None:
    target[list(rows[0])] = source[list(rows[1])]
