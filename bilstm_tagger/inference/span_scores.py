"""From the tags of a batch to spans with exact probabilities; arrays only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.schemes import OUTSIDE, Scheme, split_tag

__all__ = ["FoundSpans", "PathTokens", "TagGrammar", "find_spans", "path_tokens"]

_TINY = np.finfo(np.float64).tiny

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class TagGrammar:
    """How the tags of a model combine to spans.

    Args:
        tags: The model's tags.
        scheme: Their scheme. With ``NONE`` each run of one tag is a span.
        outside: The tag that is in no span.
        constraints: Whether the model has the scheme's constraints, so that ill-formed tags are impossible.

    Attributes:
        labels: Names of the span labels.
        label: ``(num_tags,)`` index into ``labels``, -1 outside.
        joins: ``(num_tags, num_tags)`` bool, whether a token with the second tag continues the span of a token
            with the first right before it.
        needs_predecessors: Whether a span's first tag could also have continued an earlier span.
        ambiguous: Whether several tag sequences mean the same span: without constraints ``E`` alone is read as ``S``.
    """

    def __init__(self, tags: tuple[str, ...], scheme: Scheme, *, outside: str = "O", constraints: bool = True) -> None:
        parts = [("I", tag) if scheme is Scheme.NONE else split_tag(tag) for tag in tags]
        parts = [("O", "") if tag == outside else part for tag, part in zip(tags, parts, strict=True)]
        self.labels = sorted({label for prefix, label in parts if prefix != "O"})
        self.label = np.array([-1 if prefix == "O" else self.labels.index(label) for prefix, label in parts])
        from_left = np.array([prefix in ("I", "E", "L") for prefix, _ in parts])
        to_right = np.array([prefix in ("B", "I") for prefix, _ in parts])
        same = (self.label[:, None] == self.label) & (self.label >= 0)
        self.joins = same & to_right[:, None] & from_left
        self.needs_predecessors = scheme in (Scheme.IO, Scheme.NONE)
        self.ambiguous = not constraints and not self.needs_predecessors

        # One entry for each tag that continues nothing, then one for each that continues a span.
        self._written = np.array([*_written("B", tags, scheme), *_written("I", tags, scheme)], dtype=object)

    def names_of(self, tags: Integers, first: NDArray[np.bool_]) -> list[str]:
        """Returns the tags of sequences, one after the other, as outputs have them: IOB2 for spans.

        Args:
            tags: ``(num_tokens,)``.
            first: ``(num_tokens,)`` whether a sequence begins here.
        """
        continued = np.zeros(len(tags), dtype=bool)
        continued[1:] = self.joins[tags[:-1], tags[1:]] & ~first[1:]
        names: list[str] = self._written[tags + continued * len(self.label)].tolist()
        return names

    def names(self, path: Integers) -> list[str]:
        """Returns the tags of one sequence ``(seq_len,)`` as outputs have them."""
        return self.names_of(path, np.arange(len(path)) == 0)


def _written(prefix: str, tags: tuple[str, ...], scheme: Scheme) -> list[str]:
    if scheme is Scheme.NONE:
        return list(tags)
    labels = [split_tag(tag)[1] for tag in tags]
    return [
        tag if tag == OUTSIDE else f"{prefix}-{label}" if label else prefix
        for tag, label in zip(tags, labels, strict=True)
    ]


@dataclass(frozen=True)
class FoundSpans:
    """All spans of a batch, in order.

    Attributes:
        sequence: ``(num_spans,)`` row in the batch.
        start: ``(num_spans,)`` first token.
        end: ``(num_spans,)`` token after the last.
        label: ``(num_spans,)`` index into the grammar's labels.
        score: ``(num_spans,)`` float64, the exact probability of the span.
    """

    sequence: Integers
    start: Integers
    end: Integers
    label: Integers
    score: NDArray[np.float64]


@dataclass(frozen=True)
class PathTokens:
    """The tokens of a batch, one sequence after the other, without padding; each ``(num_tokens,)``.

    Attributes:
        rows: Row in the batch.
        steps: Place in the sequence.
        tags: Tag of the path.
        marginals: Probability of that tag.
        log_conditionals: Logarithm of its probability given the path's tag before, float64.
    """

    rows: Integers
    steps: Integers
    tags: Integers
    marginals: Floats
    log_conditionals: NDArray[np.float64]


def path_tokens(path: Integers, lengths: Integers, marginals: Floats, conditionals: Floats) -> PathTokens:
    """Collects what is known of each token.

    Args:
        path: ``(batch_size, seq_len)`` decoded tags.
        lengths: ``(batch_size,)``.
        marginals: ``(batch_size, seq_len, num_tags)``, as in ``nn.PathPosterior``; so the next.
        conditionals: Same shape.
    """
    rows, steps = np.nonzero(np.arange(path.shape[1]) < lengths[:, None])
    tags = path[rows, steps]
    likely = conditionals[rows, steps, tags].astype(np.float64)
    np.log(np.maximum(likely, _TINY, out=likely), out=likely)
    return PathTokens(rows, steps, tags, marginals[rows, steps, tags], likely)


def find_spans(
    grammar: TagGrammar,
    tokens: PathTokens,
    lengths: Integers,
    marginals: Floats,
    conditionals: Floats,
    predecessors: Floats | None = None,
    continuations: tuple[Floats, Floats] | None = None,
) -> FoundSpans:
    """Finds the spans of decoded paths and the probability of each.

    A span's event is: it begins exactly here, ends exactly there, with this label. The posterior over tags is a
    Markov chain, so the event's probability is a product: the marginal of the first tag, the conditionals of the
    others, and one minus the chance that the next token (or the one before) belongs to it too.

    Args:
        grammar: Of the model's tags.
        tokens: The decoded paths.
        lengths: ``(batch_size,)``.
        marginals: ``(batch_size, seq_len, num_tags)``, as in ``nn.PathPosterior``; so the next two.
        conditionals: Same shape.
        predecessors: Same shape; needed where the grammar says so.
        continuations: As ``nn.CRF.continuations`` gives them; needed where the grammar is ambiguous.
    """
    rows, steps, tags = tokens.rows, tokens.steps, tokens.tags
    label = grammar.label[tags]
    joined = np.zeros(len(tags), dtype=bool)
    joined[1:] = grammar.joins[tags[:-1], tags[1:]] & (steps[1:] > 0)
    inside_span = label >= 0
    start = np.nonzero(inside_span & ~joined)[0]
    if not len(start):
        return FoundSpans(start, start, start, start, np.zeros(0))
    inside_span[:-1] &= ~joined[1:]
    last = np.nonzero(inside_span)[0]
    total = np.cumsum(np.where(joined, tokens.log_conditionals, 0.0))
    score = tokens.marginals[start] * np.exp(total[last] - total[start])
    following = last + 1
    inside = following < len(rows)
    inside[inside] = steps[following[inside]] > 0
    after = following[inside]
    extended = (conditionals[rows[after], steps[after]] * grammar.joins[tags[last[inside]]]).sum(axis=-1)
    score[inside] *= 1.0 - extended
    if predecessors is not None:
        preceded = (predecessors[rows[start], steps[start]] * grammar.joins[:, tags[start]].T).sum(axis=-1)
        score = score * (1.0 - preceded)
    found = FoundSpans(
        rows[start], steps[start], steps[last] + 1, label[start], np.clip(score.astype(np.float64), 0.0, 1.0)
    )
    if continuations is None:
        return found
    return replace(found, score=_sum_over_readings(grammar, found, lengths, marginals, *continuations))


def _sum_over_readings(
    grammar: TagGrammar,
    found: FoundSpans,
    lengths: Integers,
    marginals: Floats,
    suffixes: Floats,
    transitions: Floats,
) -> NDArray[np.float64]:
    """Returns the probability of each span, summed over all tag sequences that are read as it; ``(num_spans,)``.

    The forward recursion over the tags of the span's label, from "begins here, continues nothing" to "is not
    continued".
    """

    def following(step: Integers, rows: Integers) -> NDArray[np.float64]:
        """Probability of each tag at a step given each tag before it, where it continues a span; (n, tags, tags)."""
        logits = transitions.astype(np.float64) + suffixes[rows, step][:, None, :]
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        kernel: NDArray[np.float64] = weights / weights.sum(axis=-1, keepdims=True) * grammar.joins
        return kernel

    rows, start, end = found.sequence, found.start, found.end
    state = marginals[rows, start].astype(np.float64)  # (num_spans, num_tags)
    inner = start > 0
    before = marginals[rows[inner], start[inner] - 1].astype(np.float64)
    state[inner] -= np.einsum("na,nab->nb", before, following(start[inner], rows[inner]))
    state *= grammar.label == found.label[:, None]
    for offset in range(1, int((end - start).max(initial=1))):
        longer = start + offset < end
        kernel = following(start[longer] + offset, rows[longer])
        state[longer] = np.einsum("na,nab->nb", state[longer], kernel)
    more = end < lengths[rows]
    state[more] *= 1.0 - following(end[more], rows[more]).sum(axis=-1)
    score: NDArray[np.float64] = np.clip(state.sum(axis=-1), 0.0, 1.0)
    return score
