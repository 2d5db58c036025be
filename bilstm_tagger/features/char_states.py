"""What a character language model reads of tokenised sentences, and where each token's states stand in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.split_rules import Kind

__all__ = ["BOUNDARY", "Alphabet", "CharArrays", "CharRows"]

BOUNDARY = "\n"
"""Stands before the first and after the last token of a sentence, and between the sentences of running text."""

UNKNOWN = 1
_FIRST = 2
_MOST_CHARS = 60_000


class Alphabet:
    """The characters of a language model, numbered from 2; 0 is padding, 1 any other character.

    Args:
        chars: Distinct characters, ``BOUNDARY`` among them.
        unit: How the language model's text was cut into tokens.
    """

    def __init__(self, chars: Sequence[str], *, unit: Kind) -> None:
        self.chars = tuple(chars)
        self.unit = unit
        self.table = np.full(max(map(ord, self.chars)) + 2, UNKNOWN, dtype=np.uint16)
        self.table[[ord(char) for char in self.chars]] = np.arange(_FIRST, len(self))

    def __len__(self) -> int:
        return _FIRST + len(self.chars)

    @property
    def separator(self) -> str:
        """What stands between two tokens: nothing between residues, else a space."""
        return "" if self.unit == "residues" else " "

    @classmethod
    def of(cls, texts: Iterable[str], *, unit: Kind, min_count: int) -> Alphabet:
        """Takes the characters that stand in the texts at least ``min_count`` times, and ``BOUNDARY``."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        del counts[BOUNDARY]
        frequent = [char for char, count in counts.most_common(_MOST_CHARS) if count >= min_count]
        return cls([BOUNDARY, *sorted(frequent)], unit=unit)

    def encode(self, text: str) -> NDArray[np.uint16]:
        """Returns one number a character; lone surrogates are unknown characters."""
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        encoded: NDArray[np.uint16] = self.table[np.minimum(points, len(self.table) - 1)]
        return encoded


@dataclass(frozen=True)
class CharArrays:
    """A batch of sentences in both directions, time-major. Padding comes last in either.

    Attributes:
        ahead: ``(num_chars, batch_size)`` int64, from left to right.
        back: The same, each sentence from its end to its beginning.
        ahead_at: ``(seq_len, batch_size)`` int64, the place in ``ahead`` after which a token's state is taken.
        back_at: The same in ``back``.
    """

    ahead: NDArray[np.int64]
    back: NDArray[np.int64]
    ahead_at: NDArray[np.int64]
    back_at: NDArray[np.int64]


@dataclass(frozen=True)
class CharRows:
    """The characters of a data set; token ``i`` is ``chars[begins[i] : begins[i] + sizes[i]]``.

    Attributes:
        chars: All tokens, joined by the alphabet's separator; then ``BOUNDARY``.
        begins: ``(num_tokens,)`` int64.
        sizes: ``(num_tokens,)`` int64, characters.
        gap: Length of the separator.
    """

    chars: NDArray[np.uint16]
    begins: NDArray[np.int64]
    sizes: NDArray[np.int64]
    gap: int

    @classmethod
    def of(cls, tokens: Sequence[str], alphabet: Alphabet) -> CharRows:
        """Encodes the tokens of all sentences, one after the other."""
        sizes = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
        gap = len(alphabet.separator)
        chars = alphabet.encode(alphabet.separator.join(tokens) + BOUNDARY)
        return cls(chars, np.cumsum(sizes + gap) - sizes - gap, sizes, gap)

    def lengths(self, first: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the characters of some sentences, boundaries included; the arguments are those of ``batch``."""
        last = first + lengths - 1
        counts: NDArray[np.int64] = self.begins[last] + self.sizes[last] - self.begins[first] + 2
        return counts

    def batch(self, first: NDArray[np.int64], lengths: NDArray[np.int64]) -> CharArrays:
        """Collects some sentences, none of them empty.

        A token's states are taken behind the space (or boundary) after it and, from the other side, before it: there
        the model knows that the word is over (Akbik et al. 2018). Residues have no spaces: there it is the residue.

        Args:
            first: ``(batch_size,)`` each sentence's first token.
            lengths: ``(batch_size,)`` its tokens, at least 1.
        """
        begins = self.begins[first]
        counts = self.lengths(first, lengths) - 2  # (batch_size,) characters without boundaries
        places = np.arange(counts.max() + 2)[:, None]  # (num_chars, 1)
        source = begins + np.clip(places - 1, 0, counts - 1)
        ahead = self._read(source, places, counts)
        back = self._read(begins + np.clip(counts - places, 0, counts - 1), places, counts)
        tokens = first + np.minimum(np.arange(lengths.max())[:, None], lengths - 1)  # (seq_len, batch_size)
        begin = self.begins[tokens] - begins + 1  # behind the boundary
        return CharArrays(
            ahead=ahead,
            back=back,
            ahead_at=begin + self.sizes[tokens] - 1 + self.gap,
            back_at=counts + 1 - (begin - self.gap),
        )

    def _read(
        self, source: NDArray[np.int64], places: NDArray[np.int64], counts: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        values = self.chars[source].astype(np.int64)
        values[(places == 0) | (places == counts + 1)] = self.chars[-1]
        values[places > counts + 1] = 0
        return values
