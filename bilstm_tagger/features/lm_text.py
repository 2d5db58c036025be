"""Running text for the pretraining of a character language model.

A language model sees running text; a tagger sees lists of tokens. So the text is cut into tokens by the tagger's own
rule, and the tokens are joined as those of a tagged sentence are: the model learns from what it will be asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.features.char_states import BOUNDARY, Alphabet
from bilstm_tagger.features.splitting import Splitter

__all__ = ["LmText", "lm_documents"]

_LONGEST_DOCUMENT = 200
_ENDS = frozenset(".!?")
_CLOSING = frozenset("\"')]}»”’")


def lm_documents(lines: Iterable[str], splitter: Splitter) -> Iterator[str]:
    """Yields the documents of a text, each sentence on a line of its own.

    A blank line ends a document, and so do 200 sentences. A chain of residues is a document.

    Args:
        lines: Of the text: a sentence or paragraph each; of residues FASTA, or a chain each.
        splitter: The rule that cuts tokens.

    Raises:
        InputError: A line is no protein sequence (residues).
    """
    if splitter.kind == "residues":
        yield from _chains(lines, splitter)
        return
    document: list[str] = []
    for line in lines:
        tokens = splitter.split(line)[0]
        if tokens:
            document += [" ".join(sentence) + BOUNDARY for sentence in _sentences(tokens)]
        if document and (not tokens or len(document) >= _LONGEST_DOCUMENT):
            yield "".join(document)
            document = []
    if document:
        yield "".join(document)


def _chains(lines: Iterable[str], splitter: Splitter) -> Iterator[str]:
    """Yields chains: what stands between two headers of FASTA, or else each line."""
    fasta = False
    chain: list[str] = []
    for line in lines:
        header = line.startswith(">")
        fasta = fasta or header
        if chain and (header or not fasta):
            yield "".join(chain) + BOUNDARY
            chain = []
        if not header:
            chain += splitter.split(line)[0]
    if chain:
        yield "".join(chain) + BOUNDARY


def _sentences(tokens: list[str]) -> Iterator[list[str]]:
    """Cuts a paragraph after ``.``, ``!``, ``?`` and what closes behind them, where no lower-case word follows."""
    begin = 0
    for index in range(1, len(tokens)):
        before = index - 1
        while before > begin and tokens[before] in _CLOSING:
            before -= 1
        goes_on = tokens[index] in _CLOSING or tokens[index] in _ENDS or tokens[index][0].islower()
        if tokens[before] in _ENDS and not goes_on:
            yield tokens[begin:index]
            begin = index
    yield tokens[begin:]


@dataclass(frozen=True)
class LmText:
    """Documents as numbers; document ``i`` is ``chars[offsets[i] : offsets[i + 1]]``.

    Attributes:
        chars: ``(num_chars,)`` uint16.
        offsets: ``(num_documents + 1,)`` int64.
    """

    chars: NDArray[np.uint16]
    offsets: NDArray[np.int64]

    @classmethod
    def encode(cls, documents: Sequence[str], alphabet: Alphabet) -> LmText:
        """Encodes documents."""
        sizes = np.fromiter(map(len, documents), dtype=np.int64, count=len(documents))
        chars = np.zeros(int(sizes.sum()), dtype=np.uint16)
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
        for begin, document in zip(offsets.tolist(), documents, strict=False):
            chars[begin : begin + len(document)] = alphabet.encode(document)
        return cls(chars, offsets)

    def shuffled(self, rng: np.random.Generator) -> NDArray[np.uint16]:
        """Returns all documents one after the other, in random order."""
        order = rng.permutation(len(self.offsets) - 1)
        return np.concatenate([self.chars[self.offsets[index] : self.offsets[index + 1]] for index in order])
