"""The forms of input that a tagger takes, brought to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import InputError
from bilstm_tagger.features.splitting import Splitter, check_residues

__all__ = ["ACCEPTED", "Prepared", "prepare"]

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


def prepare(item: Any, splitter: Splitter, *, dense_size: int = 0) -> Prepared:
    """Brings one input to tokens.

    Args:
        item: See ``ACCEPTED``.
        splitter: Cuts strings.
        dense_size: Dense columns that the model reads.

    Raises:
        InputError: Another type, something that is no string among the words, or dense columns of another shape.
    """
    if isinstance(item, str):
        prepared = _from_text(item, splitter)
    elif isinstance(item, Mapping):
        prepared = _from_row(item, splitter)
    elif isinstance(item, Sequence) and not isinstance(item, bytes | bytearray):
        prepared = _from_words(item, splitter)
    else:
        raise InputError("this cannot be tagged", received=item, accepted=ACCEPTED)
    if dense_size:
        shape = None if prepared.dense is None else prepared.dense.shape
        if shape != (len(prepared.tokens), dense_size) and prepared.tokens:
            raise InputError(
                "the model reads dense columns and the input has none of that shape",
                received=shape,
                accepted=f"a row with 'dense' of shape {(len(prepared.tokens), dense_size)}",
            )
    return prepared


def _from_text(text: str, splitter: Splitter) -> Prepared:
    tokens, offsets = splitter.split(text)
    return Prepared(text, tokens, offsets)


def _from_words(words: Sequence[Any], splitter: Splitter) -> Prepared:
    tokens = list(words)
    for index, word in enumerate(tokens):
        if not isinstance(word, str):
            hint = "For several sequences use tag_batch" if isinstance(word, list | tuple | Mapping) else None
            raise InputError(f"word {index} is not a string", received=word, accepted=ACCEPTED, hint=hint)
    offsets, position = [], 0
    for word in tokens:
        offsets.append((position, position + len(word)))
        position += len(word) + 1
    text = " ".join(tokens)
    if splitter.kind == "residues":
        check_residues("".join(tokens))
        tokens = [word.upper() for word in tokens]
    return Prepared(text, tokens, offsets)


def _from_row(row: Mapping[str, Any], splitter: Splitter) -> Prepared:
    name = None if row.get("id") is None else str(row["id"])
    tokens, text, offsets = row.get("tokens"), row.get("text"), row.get("offsets")
    if tokens is None and not isinstance(text, str):
        raise InputError("the row has neither 'tokens' nor 'text'", received=sorted(row), accepted=ACCEPTED)
    base = _from_text(str(text), splitter) if tokens is None else _from_words(tokens, splitter)
    if tokens is not None and text is not None and offsets is not None and len(offsets) == len(tokens):
        base = Prepared(text, base.tokens, [(int(start), int(end)) for start, end in offsets])
    dense = row.get("dense")
    values = None if dense is None else np.asarray(dense, dtype=np.float32).reshape(len(base.tokens), -1)
    return Prepared(base.text, base.tokens, base.offsets, name, values)
