"""From the tags of a batch to spans with exact probabilities; arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.schemes import Scheme, split_tag

__all__ = ["FoundSpans", "TagGrammar", "find_spans"]

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class TagGrammar:
    """How the tags of a model combine to spans.

    Args:
        tags: The model's tags.
        scheme: Their scheme. With ``NONE`` each run of one tag is a span.
        outside: The tag that is in no span.

    Attributes:
        labels: Names of the span labels.
        label: ``(num_tags,)`` index into ``labels``, -1 outside.
        joins: ``(num_tags, num_tags)`` bool, whether a token with the second tag continues the span of a token
            with the first right before it.
        needs_predecessors: Whether a span's first tag could also have continued an earlier span.
    """

    def __init__(self, tags: tuple[str, ...], scheme: Scheme, *, outside: str = "O") -> None:
        parts = [("I", tag) if scheme is Scheme.NONE else split_tag(tag) for tag in tags]
        parts = [("O", "") if tag == outside else part for tag, part in zip(tags, parts, strict=True)]
        self.labels = sorted({label for prefix, label in parts if prefix != "O"})
        self.label = np.array([-1 if prefix == "O" else self.labels.index(label) for prefix, label in parts])
        from_left = np.array([prefix in ("I", "E", "L") for prefix, _ in parts])
        to_right = np.array([prefix in ("B", "I") for prefix, _ in parts])
        same = (self.label[:, None] == self.label) & (self.label >= 0)
        self.joins = same & to_right[:, None] & from_left
        # B and S never continue anything; E and S are never continued.
        self.needs_predecessors = bool(self.joins.any(axis=0)[from_left].any()) and scheme in (Scheme.IO, Scheme.NONE)


@dataclass(frozen=True)
class FoundSpans:
    """All spans of a batch, in order.

    Attributes:
        sequence: ``(num_spans,)`` row in the batch.
        start: ``(num_spans,)`` first token.
        end: ``(num_spans,)`` token after the last.
        label: ``(num_spans,)`` index into the grammar's labels.
        score: ``(num_spans,)`` float64, the exact probability of the span.
        joined: ``(num_tokens,)`` bool over the batch's tokens in order, whether each continues a span.
    """

    sequence: Integers
    start: Integers
    end: Integers
    label: Integers
    score: NDArray[np.float64]
    joined: NDArray[np.bool_]


def find_spans(
    grammar: TagGrammar,
    path: Integers,
    lengths: Integers,
    marginals: Floats,
    conditionals: Floats,
    predecessors: Floats | None = None,
) -> FoundSpans:
    """Finds the spans of decoded paths and the probability of each.

    A span's event is: it begins exactly here, ends exactly there, with this label. The posterior over tags is a
    Markov chain, so the event's probability is a product: the marginal of the first tag, the conditionals of the
    others, and one minus the chance that the next token (or the one before) belongs to it too.

    Args:
        grammar: Of the model's tags.
        path: ``(batch_size, seq_len)`` decoded tags.
        lengths: ``(batch_size,)``.
        marginals: ``(batch_size, seq_len, num_tags)``, as in ``nn.PathPosterior``; so the next two.
        conditionals: Same shape.
        predecessors: Same shape; needed where the grammar says so.
    """
    mask = np.arange(path.shape[1]) < lengths[:, None]
    rows, steps = np.nonzero(mask)  # each (num_tokens,)
    tags = path[rows, steps]
    label = grammar.label[tags]
    joined = np.zeros(len(tags), dtype=bool)
    joined[1:] = grammar.joins[tags[:-1], tags[1:]] & (steps[1:] > 0)
    start = np.nonzero((label >= 0) & ~joined)[0]
    goes_on = np.append(joined[1:], False)
    last = np.nonzero((label >= 0) & ~goes_on)[0]
    tiny = np.finfo(np.float64).tiny
    inner = np.log(np.maximum(conditionals[rows, steps, tags].astype(np.float64), tiny))
    inner[~joined] = 0.0
    total = np.cumsum(inner)
    score = marginals[rows[start], steps[start], tags[start]] * np.exp(total[last] - total[start])
    following = last + 1
    inside = following < len(rows)
    inside[inside] = steps[following[inside]] > 0
    after = following[inside]
    extended = (conditionals[rows[after], steps[after]] * grammar.joins[tags[last[inside]]]).sum(axis=-1)
    score[inside] *= 1.0 - extended
    if predecessors is not None:
        preceded = (predecessors[rows[start], steps[start]] * grammar.joins[:, tags[start]].T).sum(axis=-1)
        score = score * (1.0 - preceded)
    return FoundSpans(
        rows[start], steps[start], steps[last] + 1, label[start], np.clip(score.astype(np.float64), 0.0, 1.0), joined
    )
