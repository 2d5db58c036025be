"""The data sets of a run: read as the configuration says, checked, and encoded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bilstm_tagger.config import Config
from bilstm_tagger.data import load_rows
from bilstm_tagger.data.locate import find_tag_line
from bilstm_tagger.errors import DataError, UnknownTagError
from bilstm_tagger.features.encoding import EncodedRows, encode_rows, tag_values
from bilstm_tagger.features.vocabulary import span_labels
from bilstm_tagger.inference.lm_states import with_lm_states
from bilstm_tagger.inference.model import Model
from bilstm_tagger.schemes import Scheme, split_tag
from bilstm_tagger.training.fingerprints import data_fingerprint
from bilstm_tagger.training.lowercase import lowered_rows
from bilstm_tagger.training.unlabelled import load_unlabelled

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = [
    "Part",
    "describe_rows",
    "encode_part",
    "hash_parts",
    "load_part",
    "load_parts",
    "load_train_and_dev",
    "part_fingerprint",
    "prepare_part",
]

_HELD_OUT_SEED = 1
# Keys of the data section that load_rows takes too.
_READER_KEYS = (
    *("format", "token_column", "tag_column", "separator", "scheme", "labels", "mask", "exclude"),
    *("states", "profiles", "profile_kinds", "skip_invalid"),
    *("tokenizer", "align", "overlap", "streaming"),
)


@dataclass(frozen=True)
class Part:
    """A data set ready for scoring."""

    gold: list[list[str | None]]
    rows: EncodedRows


def load_part(config: Config, part: str) -> Dataset:
    """Reads one part as the data section says."""
    options = {key: getattr(config.data, key) for key in _READER_KEYS}
    if part != "train":
        options["exclude"] = None
    return load_rows(
        getattr(config.data, part),
        task=config.task_definition,
        split=part,
        deduplicate=config.data.deduplicate and part == "train",
        **options,
    )


def load_train_and_dev(config: Config) -> tuple[Dataset, Dataset]:
    """Returns the training and the dev rows; without a dev source a share of the training rows is held out."""
    rows = load_part(config, "train")
    if config.data.dev is not None:
        return rows, load_part(config, "dev")
    count = round(len(rows) * config.data.dev_fraction)
    if not 0 < count < len(rows):
        raise DataError(
            f"cannot hold out {config.data.dev_fraction:.0%} of {len(rows)} sequences as a dev part",
            path=config.data.train,
            hint="Name a dev source under [data], or set data.dev_fraction",
        )
    # The same for all seeds: what one model was trained on, no other is judged by, and their scores can be compared.
    order = np.random.default_rng(_HELD_OUT_SEED).permutation(len(rows))
    return rows.select(np.sort(order[count:])), rows.select(np.sort(order[:count]))


def load_parts(config: Config) -> dict[str, Dataset]:
    """Returns the rows of ``train``, ``dev`` and, as configured, ``lowercase``, ``unlabelled`` and ``test``."""
    train, dev = load_train_and_dev(config)
    parts = {"train": train, "dev": dev}
    if config.data.lowercase:
        parts["lowercase"] = lowered_rows(train, config.data.lowercase, seed=config.seed)
    if (unlabelled := load_unlabelled(config, train)) is not None:
        parts["unlabelled"] = unlabelled
    # Read before the hours of training, so that a mistake in it shows at once.
    return parts | ({"test": load_part(config, "test")} if config.data.test else {})


def describe_rows(rows: Dataset, source: str) -> dict[str, Any]:
    """Returns where rows come from, how many they are, and a hash of their tokens, tags and dense columns."""
    digest, tokens = hashlib.blake2b(digest_size=16), 0
    columns = [name for name in ("tokens", "tags", "dense") if name in rows.column_names]
    for batch in rows.select_columns(columns).iter(batch_size=1000):
        digest.update(json.dumps(batch, ensure_ascii=False).encode())
        tokens += sum(map(len, batch["tokens"]))
    return {"source": source, "sequences": len(rows), "tokens": tokens, "hash": digest.hexdigest()}


def hash_parts(config: Config) -> dict[str, str]:
    """Returns the hash of each part as ``describe_rows`` gives it; empty where no training source is named."""
    if config.data.train is None:
        return {}
    return {name: describe_rows(rows, name)["hash"] for name, rows in load_parts(config).items()}


def prepare_part(model: Model, rows: Dataset, source: str) -> Part:
    """Encodes a part that is to be scored.

    Raises:
        UnknownTagError: It has a label that the model does not know.
    """
    _check_tags(model, rows, source)
    return Part(list(rows["tags"]), encode_part(model, rows, source))


def encode_part(model: Model, rows: Dataset, source: str) -> EncodedRows:
    """Encodes a part for the model, whose network is on its device."""
    network = model.network
    encoded = encode_rows(rows, model.vocabulary, source=source, dense_size=network.sizes.dense_size)
    return with_lm_states(encoded, network.lm)


def _check_tags(model: Model, rows: Dataset, source: str) -> None:
    """Refuses labels that training never had, naming the file and the line."""
    tags = model.vocabulary.tags
    spans = model.vocabulary.scheme is not Scheme.NONE
    known = span_labels(tags) if spans else set(tags)
    for tag in sorted(tag_values(rows)):
        if tag not in tags and (not spans or (tag != "O" and split_tag(tag)[1] not in known)):
            raise UnknownTagError(
                "the training part has no such label",
                path=source,
                line=find_tag_line(source, tag),
                received=tag,
                accepted=sorted(known),
                hint="Correct the tag, or add training data that has it",
            )


def part_fingerprint(part: Part) -> str:
    """Returns a hash of a part: its input and its gold tags."""
    tags = json.dumps(part.gold, ensure_ascii=False).encode()
    return data_fingerprint(part.rows) + hashlib.blake2b(tags, digest_size=8).hexdigest()
