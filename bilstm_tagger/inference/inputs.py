"""The forms of input that a tagger takes, brought to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import InputError
from bilstm_tagger.features.gazetteer import Gazetteer
from bilstm_tagger.features.residues import ResidueColumns
from bilstm_tagger.features.splitting import Splitter, check_residues

__all__ = ["ACCEPTED", "Prepared", "join_words", "prepare"]

ACCEPTED = (
    "a string; a list of words; a row such as {'tokens': [...]} or {'text': '...'}, with 'id' and 'dense' if need be"
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One input as tokens.

    Attributes:
        text: The input string, or the words joined by single spaces.
        tokens: What the model reads.
        offsets: Character offsets of each token in the text.
        id: The record's name, if it has one.
        dense: ``(num_tokens, dense_size)`` float32, or None.
    """

    text: str
    tokens: list[str]
    offsets: list[tuple[int, int]]
    id: str | None = None
    dense: NDArray[np.float32] | None = None


def prepare(
    item: Any, splitter: Splitter, *, dense_size: int = 0, computed: ResidueColumns | Gazetteer | None = None
) -> Prepared:
    """Brings one input to tokens.

    Args:
        item: See ``ACCEPTED``.
        splitter: Cuts strings.
        dense_size: Dense columns that the input has to give.
        computed: Columns that the model computes from the tokens, to the right of those; None has none.

    Raises:
        InputError: Another type, something that is no string among the words, or dense columns of another shape.
    """
    if isinstance(item, str):
        prepared = _from_text(item, splitter)
    elif isinstance(item, Mapping):
        prepared = _from_row(item, splitter, dense_size)
    elif isinstance(item, Sequence) and not isinstance(item, bytes | bytearray):
        prepared = _from_words(item, splitter)
    else:
        raise InputError("this cannot be tagged", received=item, accepted=ACCEPTED)
    if dense_size and prepared.tokens and prepared.dense is None:
        raise InputError(
            f"the model reads {dense_size} dense columns and the input has none",
            accepted="a row such as {'tokens': ['a'], 'dense': [[0.5, ...]]}",
            hint="For a model of protein profiles, load_rows(..., profiles=FOLDER) or --profiles gives them",
        )
    if computed is not None and computed.size and prepared.tokens:
        columns = computed.columns_of(prepared.tokens)
        given = prepared.dense
        dense = columns if given is None else np.concatenate([given, columns], axis=1)
        prepared = replace(prepared, dense=dense)
    return prepared


def _from_text(text: str, splitter: Splitter) -> Prepared:
    tokens, offsets = splitter.split(text)
    return Prepared(text, tokens, offsets)


def _from_words(words: Sequence[Any], splitter: Splitter) -> Prepared:
    tokens = list(words)
    text = join_words(tokens)
    lengths = list(map(len, tokens))
    offsets = [(end - length, end) for end, length in zip(accumulate(lengths, _next_end), lengths, strict=True)]
    if splitter.kind == "residues":
        for index, word in enumerate(tokens):
            if len(word) != 1:
                raise InputError(
                    f"token {index} is not one residue",
                    received=word,
                    accepted="a string, or a list of one-letter codes",
                    hint="For several sequences use tag_batch",
                )
        check_residues("".join(tokens))
        tokens = [word.upper() for word in tokens]
    return Prepared(text, tokens, offsets)


def _next_end(end: int, length: int) -> int:
    return end + 1 + length


def join_words(tokens: Sequence[Any]) -> str:
    """Returns words joined by single spaces.

    Raises:
        InputError: One is not a string.
    """
    try:
        return " ".join(tokens)
    except TypeError:
        index, word = next((index, word) for index, word in enumerate(tokens) if not isinstance(word, str))
        hint = "For several sequences use tag_batch" if isinstance(word, list | tuple | Mapping) else None
        raise InputError(f"word {index} is not a string", received=word, accepted=ACCEPTED, hint=hint) from None


def _from_row(row: Mapping[str, Any], splitter: Splitter, dense_size: int) -> Prepared:
    name = None if row.get("id") is None else str(row["id"])
    tokens, text, offsets = row.get("tokens"), row.get("text"), row.get("offsets")
    if tokens is None and isinstance(text, str):
        base = _from_text(text, splitter)
    elif isinstance(tokens, Sequence) and not isinstance(tokens, str | bytes | bytearray):
        base = _from_words(tokens, splitter)
        if isinstance(text, str) and offsets is not None:
            base = Prepared(text, base.tokens, _check_offsets(offsets, len(base.tokens), len(text)))
    else:
        raise InputError("the row has neither a list 'tokens' nor a string 'text'", received=row, accepted=ACCEPTED)
    dense = row.get("dense")
    values = _check_dense(dense, len(base.tokens), dense_size) if dense_size and dense is not None else None
    return Prepared(base.text, base.tokens, base.offsets, name, values)


def _check_offsets(offsets: Any, tokens: int, length: int) -> list[tuple[int, int]]:
    try:
        pairs = [(int(start), int(end)) for start, end in offsets]
        sound = len(pairs) == tokens and all(0 <= start <= end <= length for start, end in pairs)
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise InputError(
            "the offsets do not fit the text",
            received=offsets,
            accepted=f"{tokens} pairs of numbers from 0 to {length}",
        )
    return pairs


def _check_dense(dense: Any, tokens: int, size: int) -> NDArray[np.float32]:
    accepted = f"{tokens} rows of {size} finite numbers"
    try:
        with np.errstate(over="ignore"):  # too large a number becomes infinite, and is named below
            values = np.asarray(dense, dtype=np.float32)
    except (TypeError, ValueError):
        raise InputError("'dense' is no table of numbers", received=dense, accepted=accepted) from None
    values = values.reshape(0, size) if not tokens and not values.size else values
    if values.shape != (tokens, size):
        raise InputError("'dense' has another shape", received=values.shape, accepted=accepted)
    if not np.isfinite(values).all():
        raise InputError("'dense' holds a number that is not finite", received=dense, accepted=accepted)
    return values
