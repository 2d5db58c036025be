"""Gold and predicted tags side by side: checked, and as integer arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import InputError

__all__ = ["UNKNOWN", "TagPairs", "check_pairs", "encode_pairs"]

UNKNOWN = -1
"""The code of a gold tag that nobody knows (None)."""


@dataclass(frozen=True, slots=True)
class TagPairs:
    """All tokens of a data set, one sequence after the other.

    Attributes:
        labels: The tags that occur, sorted; a code is an index into them.
        gold: Codes ``(num_tokens,)``; ``UNKNOWN`` where the gold tag is None.
        predicted: Codes ``(num_tokens,)``.
        lengths: Tokens of each sequence ``(num_sequences,)``.
    """

    labels: tuple[str, ...]
    gold: NDArray[np.int64]
    predicted: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which tokens have a gold tag ``(num_tokens,)``."""
        return np.not_equal(self.gold, UNKNOWN)

    @property
    def accuracy(self) -> float:
        """The share of tokens with a gold tag that are tagged right; 0.0 where no token has one."""
        known = int(self.known.sum())
        return float((self.gold == self.predicted).sum() / known) if known else 0.0

    @property
    def sequence_counts(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How many tokens of each sequence are right, and how many have a gold tag; each ``(num_sequences,)``."""
        sequence = np.repeat(np.arange(len(self.lengths)), self.lengths)  # (num_tokens,)
        right = np.bincount(sequence, weights=self.gold == self.predicted, minlength=len(self.lengths))
        known = np.bincount(sequence, weights=self.known, minlength=len(self.lengths))
        return right.astype(np.float64), known.astype(np.float64)


def check_pairs(gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]]) -> None:
    """Checks that there is something to score and that both sides have the same lengths.

    Raises:
        InputError: There are no sequences, numbers or lengths differ, or no token has a gold tag. Sequences are
            counted from 0.
    """
    if len(gold) != len(predicted):
        raise InputError(f"there are {len(gold)} gold sequences and {len(predicted)} predicted ones")
    if len(gold) == 0:
        raise InputError("there are no sequences to score", hint="Is the data set empty?")
    for index, (right, guess) in enumerate(zip(gold, predicted, strict=True)):
        if len(right) != len(guess):
            raise InputError(
                f"sequence {index} (the first is 0) has {len(right)} gold tags and {len(guess)} predicted tags",
                hint="Each token needs one of each",
            )
    if all(tag is None for tag in chain.from_iterable(gold)):
        raise InputError(
            f"no token of the {len(gold)} sequences has a gold tag", hint="Scoring needs labelled data; is a mask on?"
        )


def encode_pairs(
    gold: Sequence[Sequence[str | None]],
    predicted: Sequence[Sequence[str]],
    *,
    translation: Mapping[str, str] | None = None,
) -> TagPairs:
    """Turns checked tags into codes.

    Args:
        gold: One tag a token, None where it is unknown.
        predicted: One tag a token.
        translation: Maps tags before they are compared; it must hold every tag that occurs.

    Raises:
        InputError: A predicted tag is None.
    """
    seen = set(chain.from_iterable(gold)) | set(chain.from_iterable(predicted))
    present = {tag for tag in seen if tag is not None}
    meaning = {tag: tag if translation is None else translation[tag] for tag in present}
    labels = tuple(sorted(set(meaning.values())))
    position = {label: code for code, label in enumerate(labels)}
    codes: dict[str | None, int] = {tag: position[label] for tag, label in meaning.items()}
    try:
        guesses = _flatten(predicted, codes)
    except KeyError:
        raise InputError("a predicted tag is None", hint="Only gold tags may be unknown") from None
    return TagPairs(
        labels=labels,
        gold=_flatten(gold, codes | {None: UNKNOWN}),
        predicted=guesses,
        lengths=np.fromiter(map(len, gold), dtype=np.int64, count=len(gold)),
    )


def _flatten(sequences: Sequence[Sequence[str | None]], codes: Mapping[str | None, int]) -> NDArray[np.int64]:
    return np.fromiter(map(codes.__getitem__, chain.from_iterable(sequences)), dtype=np.int64)
