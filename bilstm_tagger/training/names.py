"""The lists of names that a configuration asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bilstm_tagger.config import Config
from bilstm_tagger.data.files import COMPRESSION_SUFFIXES, read_lines
from bilstm_tagger.errors import DataError
from bilstm_tagger.features.gazetteer import Gazetteer, names_of_rows
from bilstm_tagger.features.splitting import Splitter, build_tokenizer
from bilstm_tagger.features.vocabulary import PADDING_TOKEN, UNKNOWN_TOKEN
from bilstm_tagger.split_rules import Kind

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["build_gazetteer"]


def build_gazetteer(config: Config, rows: Dataset, kind: Kind) -> Gazetteer:
    """Returns the names of the files and of the training part; an empty gazetteer where neither is asked for.

    Args:
        config: The run.
        rows: The training part.
        kind: How names are cut into tokens.

    Raises:
        DataError: A file cannot be read, or holds no name.
    """
    splitter = Splitter(build_tokenizer(kind, {PADDING_TOKEN: 0, UNKNOWN_TOKEN: 1}))
    names: list[tuple[str, Sequence[str]]] = []
    for file in config.gazetteer.files:
        names += _read_names(Path(file), splitter)
    if config.gazetteer.training:
        names += names_of_rows(rows.select_columns(["tokens", "tags"]), sentences=config.gazetteer.training)
    return Gazetteer.from_names(names)


def _read_names(path: Path, splitter: Splitter) -> Iterator[tuple[str, list[str]]]:
    """Yields label and tokens of each line: ``LABEL<tab>NAME``, or the name alone in a file named after the label."""
    name = path.name
    for suffix in COMPRESSION_SUFFIXES:
        name = name.removesuffix(suffix)
    found = False
    for line in read_lines(path):
        label, tab, text = line.strip().partition("\t")
        tokens, _ = splitter.split(text if tab else label)
        if tokens:
            found = True
            yield (label if tab else Path(name).stem), tokens
    if not found:
        raise DataError("the list holds no name", path=path, accepted="a name a line, or LABEL, a tab, and the name")
