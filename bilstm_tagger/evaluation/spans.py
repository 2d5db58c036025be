"""Spans by seqeval, in its two readings side by side.

*Strict* reads IOB2 to the letter: a span begins with ``B-``; an ``I-`` that continues nothing is no span. *Default*
reads as conlleval does: such an ``I-`` begins a span. Both give a span credit only if type, begin and end are right.
On well-formed tags they agree; where they do not, papers that name neither are not comparable, so both are given.

Tokens without a gold tag (None) are neither right nor wrong:

- a predicted span that covers one is not counted, since nobody knows whether it is right;
- a gold span beside one that such a predicted span overlaps is not counted either, since nobody knows where it ends;
- every other span counts as usual.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import InputError
from bilstm_tagger.schemes import TokenSpan, tags_to_spans
from bilstm_tagger.types import Span

__all__ = [
    "Scores",
    "SpanScores",
    "check_span_tags",
    "judge_spans",
    "leave_out_unknown",
    "score_spans",
    "span_counts",
    "strict_f1",
]

_TAG = re.compile(r"O|[BI](-.+)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scores:
    """Precision, recall and F1 as fractions, 0.0 where a denominator is zero; ``support`` counts the gold spans."""

    precision: float
    recall: float
    f1: float
    support: int

    def to_dict(self) -> dict[str, Any]:
        """Returns the scores by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SpanScores:
    """One reading's scores: over all spans (micro), averaged over types (macro), and of each type."""

    micro: Scores
    macro: Scores
    per_type: Mapping[str, Scores]

    def to_dict(self) -> dict[str, Any]:
        """Returns the micro scores with ``macro`` and ``per_type`` beside them."""
        return self.micro.to_dict() | {
            "macro": self.macro.to_dict(),
            "per_type": {name: scores.to_dict() for name, scores in self.per_type.items()},
        }


def check_span_tags(sequences: Iterable[Sequence[str | None]]) -> None:
    """Checks that all tags are IOB2's: ``O``, ``B-TYPE``, ``I-TYPE``, or None.

    Raises:
        InputError: A tag is not.
    """
    for tag in set(chain.from_iterable(sequences)):
        if tag is not None and not _TAG.fullmatch(tag):
            raise InputError(
                "this tag is not of the IOB2 scheme",
                received=tag,
                accepted="O, B-TYPE, I-TYPE",
                hint="bilstm_tagger.schemes.convert rewrites other schemes",
            )


def leave_out_unknown(
    gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]]
) -> tuple[list[list[str]], list[list[str]]]:
    """Writes ``O`` over what unknown gold tags make impossible to judge, by the rules of this module."""
    golds, guesses = [], []
    for right, guess in zip(gold, predicted, strict=True):
        known_right, known_guess = ["O" if tag is None else tag for tag in right], list(guess)
        if None in right:
            lost = [span for span in tags_to_spans(guess) if None in right[span[1] : span[2]]]
            unsure = [span for span in tags_to_spans(right) if _beside(span, right) and _overlaps(span, lost)]
            for spans, tags in ((lost, known_guess), (unsure, known_right)):
                for _, start, end in spans:
                    tags[start:end] = ["O"] * (end - start)
        golds.append(known_right)
        guesses.append(known_guess)
    return golds, guesses


def _beside(span: TokenSpan, tags: Sequence[str | None]) -> bool:
    _, start, end = span
    return (start > 0 and tags[start - 1] is None) or (end < len(tags) and tags[end] is None)


def _overlaps(span: TokenSpan, others: Iterable[TokenSpan]) -> bool:
    return any(start < span[2] and span[1] < end for _, start, end in others)


def score_spans(
    gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]]
) -> tuple[SpanScores, SpanScores]:
    """Scores checked pairs of IOB2 tags with seqeval.

    Returns:
        The strict scores and the default scores.

    Raises:
        InputError: A tag is not IOB2.
    """
    check_span_tags(gold)
    check_span_tags(predicted)
    golds, guesses = leave_out_unknown(gold, predicted)
    # Sequences without spans on either side change no count, and are most of the time that seqeval takes.
    used = [pair for pair in zip(golds, guesses, strict=True) if any(set(tags) - {"O"} for tags in pair)]
    golds, guesses = [pair[0] for pair in used], [pair[1] for pair in used]
    return _seqeval(golds, guesses, strict=True), _seqeval(golds, guesses, strict=False)


def _seqeval(gold: list[list[str]], predicted: list[list[str]], *, strict: bool) -> SpanScores:
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    # seqeval averages over the types that it finds and warns when there are none; one must be there to ask it.
    if not any(_spans(tags, strict=strict) for tags in chain(gold, predicted)):
        nothing = Scores(0.0, 0.0, 0.0, 0)
        return SpanScores(nothing, nothing, {})
    options = {"mode": "strict", "scheme": IOB2} if strict else {}
    report = classification_report(gold, predicted, output_dict=True, zero_division=0, **options)
    rows = {
        name: Scores(float(row["precision"]), float(row["recall"]), float(row["f1-score"]), int(row["support"]))
        for name, row in report.items()
    }
    micro, macro = rows.pop("micro avg"), rows.pop("macro avg")
    del rows["weighted avg"]
    return SpanScores(micro, macro, rows)


def strict_f1(gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]]) -> float:
    """Computes the strict micro F1 of `score_spans` alone, many times faster.

    Raises:
        InputError: A tag is not IOB2.
    """
    check_span_tags(gold)
    check_span_tags(predicted)
    right, true, found = span_counts(gold, predicted, strict=True).sum(axis=0).tolist()
    return 2 * right / (true + found) if true + found else 0.0


def span_counts(
    gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]], *, strict: bool
) -> NDArray[np.int64]:
    """Counts the spans of each sequence in one reading: right, gold and predicted ones, ``(num_sequences, 3)``.

    Args:
        gold: IOB2 tags, None where unknown.
        predicted: IOB2 tags.
        strict: Whether a span has to begin with ``B-``.
    """
    counts = np.zeros((len(gold), 3), dtype=np.int64)
    for index, (tags, guess) in enumerate(zip(*leave_out_unknown(gold, predicted), strict=True)):
        true, found = _spans(tags, strict=strict), _spans(guess, strict=strict)
        if true or found:
            counts[index] = len(true & found), len(true), len(found)
    return counts


def judge_spans(
    gold: Sequence[Sequence[str | None]], found: Sequence[Sequence[Span]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Returns the probability of each predicted span and whether it is right, ``(num_spans,)`` each.

    Spans that cover a token without a gold tag are left out.
    """
    scores, right = [], []
    for tags, spans in zip(gold, found, strict=True):
        true = set(tags_to_spans(tags)) if spans else set()
        for span in spans:
            if None not in tags[span.token_start : span.token_end]:
                scores.append(span.score)
                right.append((span.label, span.token_start, span.token_end) in true)
    return np.array(scores, dtype=np.float64), np.array(right, dtype=bool)


def _spans(tags: list[str], *, strict: bool) -> set[TokenSpan]:
    if tags.count("O") == len(tags):
        return set()
    return {span for span in tags_to_spans(tags) if not strict or tags[span[1]].startswith("B")}
