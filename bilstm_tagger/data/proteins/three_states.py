"""Eight states of DSSP told as three, by summing probabilities."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from bilstm_tagger.errors import InputError
from bilstm_tagger.tasks.protein_ss3 import TASK, sum_to_three
from bilstm_tagger.types import Span, TaggedSequence

__all__ = ["in_three_states"]

_COIL = "C"


def in_three_states(doc: TaggedSequence, *, state_map: str = "standard") -> TaggedSequence:
    """Returns a protein with the most probable of three states at each residue.

    A state's probability is the sum of those that the map makes it of, so it is exact; the tag is the largest, which
    gives the most right residues. A segment's score is the least probability of its residues, which is an upper bound
    of the probability of the whole segment; ``score`` stays that of the eight-state sequence.

    Args:
        doc: With the probabilities of eight (or three) states.
        state_map: A name in ``STATE_MAPS``.

    Raises:
        InputError: It has no probabilities.
    """
    if doc.probabilities is None:
        raise InputError("three states are sums of probabilities, and this sequence has none", received=doc.id)
    labels = TASK.tags or ()
    # The sums come as coil, helix, strand.
    sums = sum_to_three(doc.probabilities, doc.labels, states=state_map)[:, ["CHE".index(label) for label in labels]]
    tags = [labels[best] for best in sums.argmax(axis=1).tolist()]
    scores = sums.max(axis=1, initial=0.0).tolist()
    return replace(
        doc,
        tags=tags,
        tag_scores=scores,
        spans=_segments(doc, tags, scores),
        labels=labels,
        probabilities=sums,
    )


def _segments(doc: TaggedSequence, tags: list[str], scores: list[float]) -> list[Span]:
    spans = []
    for tag, places in groupby(range(len(tags)), key=tags.__getitem__):
        run = list(places)
        if tag != _COIL:
            start, end = doc.offsets[run[0]][0], doc.offsets[run[-1]][1]
            least = min(scores[place] for place in run)
            spans.append(Span(doc.text[start:end], tag, start, end, least, run[0], run[-1] + 1))
    return spans
