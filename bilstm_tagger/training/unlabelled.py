"""Text and chains without labels, for training on what a teacher says of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bilstm_tagger.config import Config
from bilstm_tagger.data import load_rows
from bilstm_tagger.data.files import read_lines, stem_suffix
from bilstm_tagger.errors import ConfigError, DataError, InputError
from bilstm_tagger.features.splitting import Splitter, build_tokenizer
from bilstm_tagger.features.vocabulary import PADDING_TOKEN, UNKNOWN_TOKEN
from bilstm_tagger.split_rules import Kind
from bilstm_tagger.training.tokenizer import choose_tokenizer

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["join_rows", "load_unlabelled"]

# What the data section says of the columns and the chains of its sources holds here too.
_READER_KEYS = ("token_column", "separator", "profiles", "profile_kinds", "skip_invalid")


def load_unlabelled(config: Config, labelled: Dataset) -> Dataset | None:
    """Returns the rows of ``distill.unlabelled``, whose tags are all None; None where the configuration has none.

    Args:
        config: The run.
        labelled: The training part; where its tokens are single characters, running text is cut into characters too.

    Raises:
        ConfigError: There is no teacher who could answer.
        DataError: The source cannot be read.
    """
    source = config.distill.unlabelled
    if source is None:
        return None
    if not config.distill.teacher:
        raise ConfigError("'distill.unlabelled' needs a teacher", hint="Name model folders in distill.teacher")
    tokenizer = choose_tokenizer(config, labelled)
    if stem_suffix(Path(source)) == ".txt":
        return _text_rows(Path(source), tokenizer)
    options: dict[str, Any] = {key: getattr(config.data, key) for key in _READER_KEYS}
    return load_rows(source, task=config.task_definition, require_tags=False, tokenizer=tokenizer, **options)


def join_rows(labelled: Dataset, unlabelled: Dataset | None) -> Dataset:
    """Returns both, in this order.

    Raises:
        DataError: Only one of them has dense columns.
    """
    if unlabelled is None:
        return labelled
    import datasets

    columns = ["tokens", "tags", *(["dense"] if "dense" in labelled.column_names else [])]
    if ("dense" in unlabelled.column_names) != ("dense" in columns):
        raise DataError("of the training part and distill.unlabelled, only one has dense columns")
    joined: Dataset = datasets.concatenate_datasets([rows.select_columns(columns) for rows in (labelled, unlabelled)])
    return joined


def _text_rows(path: Path, kind: Kind) -> Dataset:
    """Reads a sentence a line; lines without a token are left out."""
    import datasets

    splitter = Splitter(build_tokenizer(kind, {PADDING_TOKEN: 0, UNKNOWN_TOKEN: 1}))
    sentences: list[list[str]] = []
    for number, line in enumerate(read_lines(path), start=1):
        try:
            tokens, _ = splitter.split(line.strip())
        except InputError as error:
            raise DataError(str(error), path=path, line=number) from None
        if tokens:
            sentences.append(tokens)
    if not sentences:
        raise DataError("the text has no words", path=path)
    features = datasets.Features(
        {"tokens": datasets.List(datasets.Value("string")), "tags": datasets.List(datasets.Value("string"))}
    )
    columns = {"tokens": sentences, "tags": [[None] * len(tokens) for tokens in sentences]}
    return datasets.Dataset.from_dict(columns, features=features)
