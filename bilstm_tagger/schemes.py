"""How spans are written as one tag a token: IOB1, IOB2, BIOES, BILOU, BMES, IO.

Spans are half-open token ranges ``(label, start, end)``. Reading is lenient, as conlleval reads: an ``I-`` tag
that continues nothing starts a span. Writing always gives well-formed tags.

Sources: Ramshaw & Marcus 1995 (IOB1), Tjong Kim Sang & Veenstra 1999 (IOB2), Ratinov & Roth 2009 (BILOU).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import ConfigError

__all__ = [
    "EDGE",
    "OUTSIDE",
    "Scheme",
    "TokenSpan",
    "convert",
    "detect_scheme",
    "detect_scheme_of_pairs",
    "is_legal",
    "is_span_tag",
    "legal_transitions",
    "spans_to_tags",
    "split_tag",
    "tag_pairs",
    "tag_set",
    "tags_to_spans",
]

TokenSpan = tuple[str, int, int]
"""``(label, start, end)`` with token indices, ``end`` exclusive."""

OUTSIDE = "O"
EDGE = ""
"""What stands before the first and after the last tag of a sequence."""


class Scheme(StrEnum):
    """A way to write spans as tags. ``NONE`` is for tags that are no spans (parts of speech, residues)."""

    IOB1 = "IOB1"
    IOB2 = "IOB2"
    BIOES = "BIOES"
    BILOU = "BILOU"
    BMES = "BMES"
    IO = "IO"
    NONE = "NONE"

    @classmethod
    def parse(cls, name: str) -> Scheme:
        """Returns the scheme of that name; BIO, IOBES and the like are understood.

        Raises:
            ConfigError: The name is no scheme.
        """
        key = _ALIASES.get(name.upper(), name.upper())
        if key not in cls.__members__:
            raise ConfigError("unknown tag scheme", received=name, accepted=list(cls.__members__))
        return cls[key]


_ALIASES = {
    "BIO": "IOB2",
    "BIO1": "IOB1",
    "BIO2": "IOB2",
    "BILUO": "BILOU",
    "BMEO": "BMES",
    "BMESO": "BMES",
    "IOB": "IOB1",
    "IOBES": "BIOES",
}
# Prefixes are read in one alphabet: B(egin) I(nside) E(nd) S(ingle); BILOU's L and U and BMES's M are synonyms.
_CANONICAL = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
_PREFIXES = {
    Scheme.IOB1: "BI",
    Scheme.IOB2: "BI",
    Scheme.BIOES: "BIES",
    Scheme.BILOU: "BILU",
    Scheme.BMES: "BMES",
    Scheme.IO: "I",
}


def split_tag(tag: str) -> tuple[str, str]:
    """Splits ``B-PER`` into ``("B", "PER")``; ``O`` into ``("O", "")``; a tag with no prefix into ``("", tag)``.

    A bare prefix (``B``) names spans of the empty label.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    if len(tag) == 1 and tag in _CANONICAL:
        return tag, ""
    if len(tag) > 1 and tag[1] in "-_" and tag[0] in _CANONICAL:
        return tag[0], tag[2:]
    return "", tag


def is_span_tag(tag: str) -> bool:
    """Says whether a tag can belong to a span scheme: ``O``, or a prefix and a label."""
    return split_tag(tag)[0] != ""


def tags_to_spans(tags: Sequence[str | None], scheme: Scheme = Scheme.IOB2) -> list[TokenSpan]:
    """Reads the spans of one sequence by conlleval's rules.

    A span starts at B or S, at any tag whose label differs from the span before it, and after E, S or O; it ends
    before the next start, before O, and after E or S. Every scheme reads correctly this way, ill-formed tags
    included. With ``Scheme.NONE`` each maximal run of one tag is a span. An unknown tag (None) ends a span.
    """
    spans: list[TokenSpan] = []
    start, label = -1, ""
    for position, tag in enumerate(tags):
        prefix, new_label = (OUTSIDE, "") if tag is None else ("I", tag) if scheme is Scheme.NONE else split_tag(tag)
        prefix = _CANONICAL.get(prefix, "I" if prefix == "" else prefix)
        continues = start >= 0 and prefix in "IE" and new_label == label
        if start >= 0 and not continues:
            spans.append((label, start, position))
            start = -1
        if prefix == OUTSIDE:
            continue
        if start < 0:
            start, label = position, new_label
        if prefix in "ES":
            spans.append((label, start, position + 1))
            start = -1
    if start >= 0:
        spans.append((label, start, len(tags)))
    return spans


def spans_to_tags(spans: Iterable[TokenSpan], length: int, scheme: Scheme) -> list[str]:
    """Writes non-overlapping spans as ``length`` well-formed tags.

    IO cannot tell two touching spans of one label apart; they merge. ``NONE`` writes the labels themselves.
    """
    tags = [OUTSIDE] * length
    previous_label, previous_end = "", -1
    for label, start, end in sorted(spans, key=lambda span: span[1]):
        suffix = f"-{label}" if label else ""
        inner = label if scheme is Scheme.NONE else f"M{suffix}" if scheme is Scheme.BMES else f"I{suffix}"
        tags[start:end] = [inner] * (end - start)
        if scheme is Scheme.IOB2 or (scheme is Scheme.IOB1 and previous_end == start and previous_label == label):
            tags[start] = f"B{suffix}"
        elif scheme in (Scheme.BIOES, Scheme.BILOU, Scheme.BMES):
            last, single = ("L", "U") if scheme is Scheme.BILOU else ("E", "S")
            tags[start] = f"B{suffix}"
            tags[end - 1] = f"{last}{suffix}" if end - start > 1 else f"{single}{suffix}"
        previous_label, previous_end = label, end
    return tags


def convert(tags: Sequence[str | None], source: Scheme, target: Scheme) -> list[str | None]:
    """Rewrites the tags of one sequence in another scheme; ill-formed tags are repaired on the way.

    Unknown tags (None) stay unknown. A span cut by an unknown tag is written with the prefixes of its known part.
    """
    if Scheme.NONE in (source, target):
        return list(tags)
    rewritten: list[str | None] = list(spans_to_tags(tags_to_spans(tags, source), len(tags), target))
    for position, tag in enumerate(tags):
        if tag is None:
            rewritten[position] = None
    return rewritten


def tag_pairs(tags: Sequence[str | None]) -> Iterator[tuple[str | None, str | None]]:
    """Yields each tag with the one before it; ``EDGE`` stands before the first and after the last tag."""
    return itertools.pairwise((EDGE, *tags, EDGE))


def detect_scheme(sequences: Iterable[Sequence[str | None]]) -> Scheme:
    """Finds the scheme in which most of the tags are well-formed; see :func:`detect_scheme_of_pairs`."""
    pairs: Counter[tuple[str | None, str | None]] = Counter()
    for tags in sequences:
        pairs.update(tag_pairs(tags))
    return detect_scheme_of_pairs(pairs)


def detect_scheme_of_pairs(pairs: Mapping[tuple[str | None, str | None], int]) -> Scheme:
    """Finds the scheme from how often each pair of neighbouring tags occurs.

    L or U prefixes mean BILOU, M means BMES, other E or S mean BIOES. With B and I alone it is IOB1 when more spans
    start with I than with a B that no span of the same label precedes, else IOB2. I alone is IO. Any tag without a
    prefix: ``NONE``.

    Args:
        pairs: Counts of the pairs of :func:`tag_pairs`.
    """
    seen: set[str] = set()
    free_b = bare_starts = 0
    for (before, after), count in pairs.items():
        if after is None or after == EDGE:
            continue
        prefix, label = split_tag(after)
        if prefix == "":
            return Scheme.NONE
        seen.add(prefix)
        previous, previous_label = split_tag(before or OUTSIDE)
        if previous == OUTSIDE or previous_label != label:
            free_b += count * (prefix == "B")
            bare_starts += count * (prefix == "I")
    if seen & {"L", "U"}:
        return Scheme.BILOU
    if "M" in seen:
        return Scheme.BMES
    if seen & {"E", "S"}:
        return Scheme.BIOES
    if "B" in seen:
        # IOB1 never writes a B that nothing of its label precedes; IOB2 never starts a span with I.
        return Scheme.IOB1 if bare_starts > free_b else Scheme.IOB2
    return Scheme.IO if "I" in seen else Scheme.IOB2


def tag_set(labels: Iterable[str], scheme: Scheme) -> list[str]:
    """Returns every tag of a scheme over the labels, ``O`` first, labels sorted; for ``NONE`` the sorted labels."""
    if scheme is Scheme.NONE:
        return sorted(set(labels))
    return [OUTSIDE] + [
        f"{prefix}-{label}" if label else prefix for label in sorted(set(labels)) for prefix in _PREFIXES[scheme]
    ]


def legal_transitions(
    tags: Sequence[str], scheme: Scheme
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Says which tags may start, follow one another and end.

    Args:
        tags: The tag set, ``num_tags`` of them.
        scheme: The scheme they are written in. IO and NONE allow everything.

    Returns:
        ``start`` (num_tags,), ``transitions`` (num_tags, num_tags) as ``[from, to]``, ``end`` (num_tags,).
    """
    count = len(tags)
    start = np.fromiter((is_legal(EDGE, tag, scheme) for tag in tags), dtype=bool, count=count)
    end = np.fromiter((is_legal(tag, EDGE, scheme) for tag in tags), dtype=bool, count=count)
    pairs = (is_legal(before, after, scheme) for before in tags for after in tags)
    transitions = np.fromiter(pairs, dtype=bool, count=count * count).reshape(count, count)
    return start, transitions, end


def is_legal(before: str | None, after: str | None, scheme: Scheme) -> bool:
    """Says whether one tag may follow another in well-formed tags; ``EDGE`` is the sequence's start or end.

    IO and NONE allow everything, and so does an unknown neighbour (None).
    """
    if before is None or after is None or scheme in (Scheme.NONE, Scheme.IO):
        return True
    before_prefix, before_label = split_tag(before or OUTSIDE)
    prefix, label = split_tag(after or OUTSIDE)
    before_prefix, prefix = _CANONICAL.get(before_prefix, OUTSIDE), _CANONICAL.get(prefix, OUTSIDE)
    same = before_prefix != OUTSIDE and before_label == label
    if scheme is Scheme.IOB1:
        # I may start a span; B needs a span of its label right before it.
        return prefix != "B" or same
    if prefix in ("I", "E"):
        return same and before_prefix in ("B", "I")
    # What B and I open, E has to close, where the scheme has an E.
    return scheme is Scheme.IOB2 or before_prefix not in ("B", "I")
