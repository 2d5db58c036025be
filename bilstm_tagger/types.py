"""What a tagger gives back: spans and tagged sequences. Plain data, no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Span", "TaggedSequence"]


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch of the input.

    Attributes:
        text: ``sequence.text[start:end]``, exactly.
        label: The span's type, such as ``PER`` or ``H``.
        start: Offset of the first character in the text.
        end: Offset after the last character.
        score: The exact probability, under the model, that a span with this label begins and ends right here.
        token_start: Index of the first token.
        token_end: Index after the last token.
    """

    text: str
    label: str
    start: int
    end: int
    score: float
    token_start: int
    token_end: int

    def to_dict(self) -> dict[str, Any]:
        """Returns the span as a JSON-ready dictionary."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class TaggedSequence:
    """One input with its most probable tags.

    Attributes:
        text: The input string; for a list of words, the words joined by single spaces.
        tokens: The tokens, ``seq_len`` of them.
        tags: One tag a token.
        spans: The labelled spans, in order of ``start``. Empty for tasks without spans, such as ``pos``.
        tag_scores: Marginal probability of each token's tag.
        score: Probability of the whole tag sequence.
        offsets: Character offsets ``(start, end)`` of each token in ``text``.
        id: The record's name, for inputs that have one (FASTA, CoNLL-U, JSONL).
        labels: The names of the columns of ``probabilities``.
        probabilities: Marginals ``(seq_len, num_labels)``, float32; kept where the task's outputs need them
            (proteins) or where asked for, otherwise None.
    """

    text: str
    tokens: list[str]
    tags: list[str]
    spans: list[Span]
    tag_scores: list[float]
    score: float
    offsets: list[tuple[int, int]]
    id: str | None = None
    labels: tuple[str, ...] = ()
    probabilities: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.tokens)

    def to_dict(self) -> dict[str, Any]:
        """Returns a JSON-ready dictionary: id (if any), text, tokens, tags, offsets, spans, tag_scores, score.

        Where probabilities are kept, also ``labels`` and ``probabilities``, rounded to six decimals.
        """
        record: dict[str, Any] = {} if self.id is None else {"id": self.id}
        record |= {
            "text": self.text,
            "tokens": self.tokens,
            "tags": self.tags,
            "offsets": [list(pair) for pair in self.offsets],
            "spans": [span.to_dict() for span in self.spans],
            "tag_scores": self.tag_scores,
            "score": self.score,
        }
        if self.probabilities is not None:
            record["labels"] = list(self.labels)
            # float32 has some seven digits; the rest would be noise that triples the size of a file.
            record["probabilities"] = self.probabilities.astype(float).round(6).tolist()
        return record

    def to_entities(self) -> list[dict[str, Any]]:
        """Returns what a transformers token-classification pipeline returns with an aggregation strategy."""
        return [
            {
                "entity_group": span.label,
                "word": span.text,
                "start": span.start,
                "end": span.end,
                "score": span.score,
            }
            for span in self.spans
        ]
