"""Character spans as tags of tokens, by policy, with a table of the spans that did not fit.

A span fits when it begins where a token begins and ends where a token ends. What is done with the others:

===========  ====================================================================================================
``expand``   the span takes every token that it touches
``contract`` it keeps the tokens that lie wholly inside it; with none of them it is left out
``drop``     it is left out, and the tokens that it touches have the tag None: unknown, so neither trained on nor scored
``strict``   it is an error
===========  ====================================================================================================

Tags cannot hold two spans on one token. Of spans that share tokens, ``outermost`` keeps the one that begins first
(of those the longest), ``longest`` the one with most tokens, ``first`` the one that the source names first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

from bilstm_tagger.data.misfits import Misfit, Misfits
from bilstm_tagger.errors import ConfigError, DataError, suggest
from bilstm_tagger.schemes import Scheme, TokenSpan, spans_to_tags

__all__ = [
    "Align",
    "CharSpan",
    "Misfit",
    "Misfits",
    "Overlap",
    "align_spans",
    "check_policies",
    "choose_spans",
]

Align = Literal["strict", "expand", "contract", "drop"]
Overlap = Literal["outermost", "longest", "first"]


class CharSpan(NamedTuple):
    """A labelled stretch of a text, as its source has it.

    Attributes:
        start: Offset of its first character.
        end: Offset after its last character.
        label: Its type.
        text: What the source says stands there, if it does.
        pieces: The parts of a discontinuous span; empty for all others.
        line: The line of the span itself, where it stands in a file of its own; 0 where it stands with its text.
    """

    start: int
    end: int
    label: str
    text: str | None = None
    pieces: tuple[tuple[int, int], ...] = ()
    line: int = 0


def check_policies(align: str, overlap: str) -> None:
    """Makes sure that the names of the policies are known.

    Raises:
        ConfigError: One is not.
    """
    for key, value, known in (("align", align, get_args(Align)), ("overlap", overlap, get_args(Overlap))):
        if value not in known:
            raise ConfigError(
                f"wrong value for 'data.{key}'", received=value, accepted=known, hint=suggest(str(value), known)
            )


def align_spans(
    text: str,
    offsets: Sequence[tuple[int, int]],
    spans: Iterable[CharSpan],
    *,
    align: Align = "expand",
    overlap: Overlap = "outermost",
    misfits: Misfits | None = None,
    source: str = "the text",
    line: int = 1,
    id: str = "",
) -> list[str | None]:
    """Writes character spans as IOB2 tags.

    Args:
        text: The text.
        offsets: ``(start, end)`` of each token, ``seq_len`` of them, in order and without overlap.
        spans: The spans, in any order.
        align: What is done with a span whose edges are no edges of tokens.
        overlap: Which of several spans that share tokens is kept.
        misfits: Gets every span that did not fit.
        source: For messages.
        line: For messages.
        id: For messages.

    Returns:
        ``seq_len`` tags; None where a dropped span leaves the label unknown.

    Raises:
        DataError: With ``strict``, a span that does not fit.
    """
    aligner = _Aligner(text, offsets, align, Misfits() if misfits is None else misfits, (source, line, id))
    placed = [(span, *tokens) for span in spans if (tokens := aligner.place(span)) is not None]
    kept, lost = choose_spans([(span.label, first, last) for span, first, last in placed], overlap)
    for index, problem in lost:
        aligner.report(placed[index][0], problem, "left out")
    chosen = [(placed[index][0].label, *placed[index][1:]) for index in kept]
    tags: list[str | None] = list(spans_to_tags(chosen, len(offsets), Scheme.IOB2))
    for position in aligner.unknown:
        if tags[position] == "O":
            tags[position] = None
    return tags


def choose_spans(spans: Sequence[TokenSpan], overlap: Overlap) -> tuple[list[int], list[tuple[int, str]]]:
    """Chooses spans that share no token.

    Args:
        spans: The spans, in the source's order; none is empty.
        overlap: Which of several that share tokens is kept.

    Returns:
        The indices of those that are kept, and of the others with what is wrong with each.
    """
    order = list(range(len(spans)))
    if overlap == "outermost":
        order.sort(key=lambda i: (spans[i][1], -spans[i][2]))
    elif overlap == "longest":
        order.sort(key=lambda i: (spans[i][1] - spans[i][2], spans[i][1]))
    owner: dict[int, int] = {}
    kept: list[int] = []
    lost: list[tuple[int, str]] = []
    for index in order:
        label, start, end = spans[index]
        other = next((owner[token] for token in range(start, end) if token in owner), None)
        if other is None:
            kept.append(index)
            owner.update(dict.fromkeys(range(start, end), index))
            continue
        other_label, other_start, other_end = spans[other]
        if (start, end) == (other_start, other_end):
            problem = "repeated" if label == other_label else "with two labels on the same tokens"
        elif other_start <= start and end <= other_end:
            problem = "nested in another span"
        else:
            problem = "overlapping another span"
        lost.append((index, problem))
    return kept, lost


class _Aligner:
    """Places the spans of one text on its tokens."""

    def __init__(
        self,
        text: str,
        offsets: Sequence[tuple[int, int]],
        align: Align,
        misfits: Misfits,
        where: tuple[str, int, str],
    ) -> None:
        self._text = text
        self._starts = [start for start, _ in offsets]
        self._ends = [end for _, end in offsets]
        self._align = align
        self._misfits = misfits
        self._where = where
        self.unknown: set[int] = set()

    def place(self, span: CharSpan) -> tuple[int, int] | None:
        """Returns the first token and the one after the last, or None when the span is left out."""
        self._misfits.spans += 1
        start, end = span.start, span.end
        if span.text is not None and span.text != self._text[max(0, start) : max(0, end)]:
            start, end = self._find(span)
        if not 0 <= start <= end <= len(self._text):
            self._refuse(span, "outside their text")
            return None
        trimmed = self._text[start:end].strip()
        if not trimmed:
            self._refuse(span, "empty")
            return None
        if len(trimmed) != end - start:
            start += len(self._text[start:end]) - len(self._text[start:end].lstrip())
            end = start + len(trimmed)
            self.report(span, "with white space at an edge", "trimmed")
        first, last = self._touched(start, end)
        if first >= last:
            self._refuse(span, "without a token")
            return None
        if len(span.pieces) > 1:
            return self._apart(span, first, last)
        if self._starts[first] == start and self._ends[last - 1] == end:
            return first, last
        return self._fit(span, start, end, first, last, "that cut a token")

    def report(self, span: CharSpan, problem: str, action: str, kind: str | None = None) -> None:
        """Adds a line to the table; ``kind`` is the action without particulars, where it has some."""
        source, line, name = self._where
        text = self._text[max(0, span.start) : max(0, span.end)]
        misfit = Misfit(source, span.line or line, name, text, span.start, span.end, span.label, problem, action)
        self._misfits.add(misfit, action if kind is None else kind)

    def _touched(self, start: int, end: int) -> tuple[int, int]:
        return bisect_right(self._ends, start), bisect_left(self._starts, end)

    def _fit(self, span: CharSpan, start: int, end: int, first: int, last: int, problem: str) -> tuple[int, int] | None:
        """Applies the policy to a span with an edge inside a token."""
        if self._align in ("strict", "drop"):
            if self._align == "drop":
                self.unknown.update(range(first, last))
            self._refuse(span, problem)
            return None
        if self._align == "contract":
            first += self._starts[first] < start
            last -= self._ends[last - 1] > end
            if first >= last:
                self._refuse(span, problem)
                return None
        kind = "expanded" if self._align == "expand" else "contracted"
        self.report(span, problem, f"{kind} to {self._starts[first]}-{self._ends[last - 1]}", kind)
        return first, last

    def _apart(self, span: CharSpan, first: int, last: int) -> tuple[int, int] | None:
        """Applies the policy to a discontinuous span: all between its ends, or its longest piece."""
        problem = "in several pieces"
        if self._align == "contract":
            start, end = max(span.pieces, key=lambda piece: piece[1] - piece[0])
            first, last = self._touched(start, end)
            if first >= last:
                self._refuse(span, problem)
                return None
            return self._fit(span, start, end, first, last, problem)
        return self._fit(span, span.start, span.end, first, last, problem)

    def _find(self, span: CharSpan) -> tuple[int, int]:
        """Finds where the text that the source gives for a span stands, nearest to its offsets."""
        wanted = span.text or ""
        problem = "whose text is not at their offsets"
        places = []
        if wanted.strip():
            before = max(0, span.start + len(wanted))
            places = [self._text.rfind(wanted, 0, before), self._text.find(wanted, max(0, span.start))]
        found = min((place for place in places if place >= 0), key=lambda at: abs(at - span.start), default=None)
        if self._align == "strict":
            self._refuse(span, problem)
        if found is None:
            self.report(span, problem, "read at their offsets")
            return span.start, span.end
        self.report(span, problem, f"moved to {found}-{found + len(wanted)}", "moved to it")
        return found, found + len(wanted)

    def _refuse(self, span: CharSpan, problem: str) -> None:
        if self._align == "strict":
            source, line, name = self._where
            raise DataError(
                f"'{name}' has a span {problem}" if name else f"a span {problem}",
                path=source,
                line=span.line or line,
                received=(span.label, span.start, span.end, self._text[max(0, span.start) : max(0, span.end)]),
                accepted="spans that begin and end where tokens do",
                hint="Set data.align to expand, contract or drop",
            )
        self.report(span, problem, "left out")
