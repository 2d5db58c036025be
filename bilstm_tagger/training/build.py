"""From a configuration and training rows to a fresh model."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError, DataError, MissingDependencyError
from bilstm_tagger.features.encoding import count_forms, tag_values
from bilstm_tagger.features.residues import ResidueColumns
from bilstm_tagger.features.vectors import Vectors, join_vectors, load_vectors
from bilstm_tagger.features.vocabulary import UNKNOWN, Vocabulary, build_vocabulary, span_labels
from bilstm_tagger.inference.model import Model, build_network
from bilstm_tagger.nn import NetworkSizes
from bilstm_tagger.schemes import Scheme
from bilstm_tagger.training.lowercase import count_lowered
from bilstm_tagger.training.names import build_gazetteer
from bilstm_tagger.training.start import copy_weights, load_start, with_names, word_vectors
from bilstm_tagger.training.tokenizer import choose_tokenizer
from bilstm_tagger.training.unlabelled import join_rows
from bilstm_tagger.training.use_lm import copy_readers, language_model_sizes, load_language_model

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["build_model"]

_logger = logging.getLogger("bilstm_tagger.training")


def build_model(
    config: Config,
    rows: Dataset,
    *,
    unlabelled: Dataset | None = None,
    copies: Dataset | None = None,
    tags: Iterable[str] = (),
) -> Model:
    """Builds the vocabulary of the training rows and a network with fresh weights.

    The weights come from torch's generator: seed it before.

    Args:
        config: The run.
        rows: The training part.
        unlabelled: Sentences without labels, whose words the model is to know too.
        copies: Sentences of it in lower case, whose words the model is to know too.
        tags: Further tags that the model is to have, in the form of the rows'.

    Raises:
        ConfigError: The configuration leaves the model without any input.
        DataError: The rows have no tags, or only some have dense columns.
    """
    tokenizer = choose_tokenizer(config, rows)
    rows = join_rows(rows, unlabelled)
    task = config.task_definition
    present = tag_values(rows)
    if not present:
        raise DataError("the training part has no tags", path=config.data.train)
    start = load_start(config)
    vectors = _vectors(config) if start is None else word_vectors(start)
    counts = count_forms(rows)
    if copies is not None:
        counts = count_lowered(counts, count_forms(copies))
    vocabulary, pretrained, frozen = build_vocabulary(
        counts,
        task.tags or (present.union(tags) if config.scheme is Scheme.NONE else span_labels(present.union(tags))),
        scheme=config.scheme,
        vectors=vectors,
        keep=None if config.word.keep == "all" else config.word.keep,
        min_count=config.word.min_count,
        digits_to_zero=config.word.digits_to_zero,
        characters=config.char.kind != "none",
        shapes=config.shape.size > 0,
        word_length=config.char.max_length,
        residue=ResidueColumns(**config.residue.model_dump()),
    )
    if start is not None:
        vocabulary = with_names(vocabulary, start.vocabulary)
    lm = load_language_model(config.lm, tokenizer)
    if lm is not None:
        vocabulary = dataclasses.replace(vocabulary, alphabet=lm.alphabet)
    vocabulary = dataclasses.replace(vocabulary, gazetteer=build_gazetteer(config, rows, tokenizer))
    dense = _dense_size(config, rows) + vocabulary.computed.size
    sizes = _sizes(config, vocabulary, dense, vectors, 0 if frozen is None else len(frozen))
    if lm is not None:
        sizes = dataclasses.replace(sizes, **language_model_sizes(config.lm, lm))
    network = build_network(sizes, vocabulary)
    if lm is not None and network.lm is not None:
        copy_readers(lm.network, network.lm)
    if network.word is not None and pretrained is not None and frozen is not None:
        weight = network.word.trained.weight
        known = torch.from_numpy(~np.isnan(pretrained[:, 0]))
        with torch.no_grad():
            weight[known] = torch.from_numpy(pretrained)[known]
            # A word without a vector is best guessed to be an average one (GloVe's authors' advice).
            weight[UNKNOWN] = weight[known].mean(dim=0) if bool(known.any()) else weight[UNKNOWN]
        network.word.frozen.copy_(torch.from_numpy(frozen))
    if start is not None:
        copy_weights(start, network, vocabulary)
    return Model(config, vocabulary, network, tokenizer)


def _vectors(config: Config) -> Vectors | None:
    """Loads the pretrained vectors, several side by side; None without any."""
    named = config.word.vectors or []
    parts = []
    for source in [named] if isinstance(named, str) else named:
        if not config.word.size:
            break
        try:
            parts.append(load_vectors(source))
        except (DataError, MissingDependencyError) as error:
            # A file that is there and damaged is a mistake, whatever the configuration says.
            absent = isinstance(error, MissingDependencyError) or not Path(source).exists()
            if config.word.missing == "error" or not absent:
                raise
            _logger.warning("training without the vectors '%s': %s", source, error)
    return join_vectors(parts, fill=config.word.fill_missing) if parts else None


def _sizes(config: Config, vocabulary: Vocabulary, dense: int, vectors: Vectors | None, frozen: int) -> NetworkSizes:
    word_size = config.word.size
    if word_size and vectors is not None:
        word_size = vectors.matrix.shape[1]
    if not (word_size or config.char.kind != "none" or config.shape.size or dense or config.lm.model):
        raise ConfigError(
            "the model has no input",
            accepted="word.size > 0, char.kind, shape.size > 0, lm.model, or dense columns in the data",
        )
    encoder = config.encoder
    if encoder.convolution and encoder.convolution % 2 == 0:
        raise ConfigError(
            "'encoder.convolution' is the width of a centred window",
            received=encoder.convolution,
            accepted="an odd number, or 0 for none",
        )
    if encoder.attention and 2 * encoder.hidden_size % encoder.attention:
        raise ConfigError(
            "'encoder.attention' is the number of heads that share the encoder's units",
            received=encoder.attention,
            accepted=f"a divisor of {2 * encoder.hidden_size}, or 0 for none",
        )
    return NetworkSizes(
        num_tags=len(vocabulary.tags),
        word_rows=vocabulary.trained_words,
        word_size=word_size,
        frozen_rows=frozen,
        fine_tune=config.word.fine_tune,
        char_kind=config.char.kind,
        num_chars=len(vocabulary.chars) + 2,
        char_size=config.char.size,
        char_output=config.char.output,
        char_kernel=config.char.kernel,
        char_dropout=config.char.dropout,
        num_shapes=len(vocabulary.shapes) + 2,
        shape_size=config.shape.size,
        dense_size=dense,
        encoder=encoder.kind,
        hidden_size=encoder.hidden_size,
        layers=encoder.layers,
        input_dropout=encoder.input_dropout,
        output_dropout=encoder.output_dropout,
        layer_dropout=encoder.layer_dropout,
        word_dropout=encoder.word_dropout,
        locked=encoder.locked,
        unknown_singletons=config.word.unknown_singletons,
        attention_heads=encoder.attention,
        convolution=encoder.convolution,
        convolution_size=encoder.convolution_size,
        constraints=config.crf.constraints,
    )


def _dense_size(config: Config, rows: Dataset) -> int:
    if config.dense.size is not None:
        return config.dense.size
    if "dense" not in rows.column_names:
        return 0
    return next((len(row["dense"][0]) for row in rows if len(row["dense"])), 0)
