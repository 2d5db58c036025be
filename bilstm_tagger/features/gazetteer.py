"""Lists of names, and where they stand in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.schemes import Scheme, tags_to_spans

__all__ = ["Gazetteer", "names_of_rows"]

Floats = NDArray[np.float32]
Name = tuple[str, ...]

# Columns of each label: a name of one token; the first token of a longer one, those between, the last.
_SINGLE, _FIRST, _INNER, _LAST = range(4)


@dataclass(frozen=True)
class Gazetteer:
    """Names by label, as columns of each token: a 1 where it stands in a listed name, and for its place in the name.

    At each token, from left to right, the longest name that begins there is taken, with all its labels; the next one
    may begin behind it.

    Attributes:
        names: The tokens of each name, by label.
    """

    names: Mapping[str, frozenset[Name]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Gazetteer({', '.join(f'{label}: {len(names)} names' for label, names in self.names.items())})"

    @property
    def size(self) -> int:
        """Number of columns: four a label."""
        return 4 * len(self.names)

    @cached_property
    def _labels(self) -> dict[Name, list[int]]:
        """The label numbers of each name."""
        found: dict[Name, list[int]] = {}
        for number, names in enumerate(self.names.values()):
            for name in names:
                found.setdefault(name, []).append(number)
        return found

    @cached_property
    def _longest(self) -> dict[str, int]:
        """By first token, the length of the longest name."""
        longest: dict[str, int] = {}
        for name in self._labels:
            longest[name[0]] = max(longest.get(name[0], 0), len(name))
        return longest

    def columns(self, forms: Sequence[str], codes: NDArray[np.integer], lengths: NDArray[np.integer]) -> Floats:
        """Marks sentences that stand one after the other.

        Args:
            forms: The distinct tokens.
            codes: ``(num_tokens,)`` each token's index in ``forms``.
            lengths: ``(num_sentences,)``.

        Returns:
            ``(num_tokens, size)`` float32, zeros and ones.
        """
        marks = np.zeros((len(codes), self.size), dtype=np.float32)
        tokens = [forms[code] for code in codes.tolist()]
        ends = np.cumsum(lengths).tolist()
        for length, end in zip(np.asarray(lengths).tolist(), ends, strict=True):
            self._mark(tokens[end - length : end], marks[end - length : end])
        return marks

    def columns_of(self, tokens: Sequence[str]) -> Floats:
        """Marks one sentence, ``(seq_len, size)``."""
        marks = np.zeros((len(tokens), self.size), dtype=np.float32)
        self._mark(tokens, marks)
        return marks

    def _mark(self, tokens: Sequence[str], marks: Floats) -> None:
        """Marks one sentence in place."""
        begin = 0
        while begin < len(tokens):
            length = min(self._longest.get(tokens[begin], 0), len(tokens) - begin)
            while length and tuple(tokens[begin : begin + length]) not in self._labels:
                length -= 1
            end = begin + length
            for number in self._labels[tuple(tokens[begin:end])] if length else ():
                column = 4 * number
                if length == 1:
                    marks[begin, column + _SINGLE] = 1.0
                else:
                    marks[begin, column + _FIRST] = 1.0
                    marks[begin + 1 : end - 1, column + _INNER] = 1.0
                    marks[end - 1, column + _LAST] = 1.0
            begin = max(end, begin + 1)

    def to_dict(self) -> dict[str, list[list[str]]]:
        """Returns the names, JSON-ready and in order."""
        return {label: [list(name) for name in sorted(names)] for label, names in self.names.items()}

    @classmethod
    def from_names(cls, names: Iterable[tuple[str, Sequence[str]]]) -> Gazetteer:
        """Returns the gazetteer of ``(label, tokens)`` pairs; names without a token are left out."""
        found: dict[str, set[Name]] = {}
        for label, tokens in names:
            if tokens:
                found.setdefault(label, set()).add(tuple(tokens))
        return cls({label: frozenset(found[label]) for label in sorted(found)})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Gazetteer:
        """Returns what ``to_dict`` gave."""
        return cls.from_names((label, name) for label, names in values.items() for name in names)


def names_of_rows(rows: Iterable[Mapping[str, Any]], *, sentences: int) -> list[tuple[str, Name]]:
    """Returns the names in tagged rows, with their labels.

    Args:
        rows: With ``tokens`` and ``tags`` in IOB2.
        sentences: In how many sentences a name has to stand. With one, each name of the training part would be listed
            because of the very sentence that is learned from, and the model would learn that lists are never silent.
    """
    counts: dict[tuple[str, Name], int] = {}
    for row in rows:
        spans = tags_to_spans(row["tags"], Scheme.IOB2)
        for label, name in {(label, tuple(row["tokens"][start:end])) for label, start, end in spans}:
            counts[label, name] = counts.get((label, name), 0) + 1
    return sorted(pair for pair, count in counts.items() if count >= sentences)
