"""The tags of one part as they go by: neighbours, labels, the texts of spans, and repairs for each scheme."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from bilstm_tagger.data.records import Record
from bilstm_tagger.data.tags import tag_repairs
from bilstm_tagger.doctor.findings import Finding, Tally, counted
from bilstm_tagger.schemes import (
    EDGE,
    OUTSIDE,
    Scheme,
    detect_scheme_of_pairs,
    is_legal,
    split_tag,
    tag_pairs,
    tags_to_spans,
)

__all__ = ["SchemeFound", "SpanWatch"]

_Pair = tuple[str | None, str | None]
_STRICT: tuple[Scheme, ...] = tuple(scheme for scheme in Scheme if scheme not in (Scheme.NONE, Scheme.IO))
_SURE = 0.98


class SchemeFound(NamedTuple):
    """The scheme of a part.

    Attributes:
        scheme: Which.
        fit: Share of the pairs of neighbouring tags, those of two ``O`` left out, that it allows.
        rivals: Other schemes that fit as well.
    """

    scheme: Scheme
    fit: float
    rivals: tuple[Scheme, ...]


class SpanWatch:
    """Follows the tags of a span task.

    Which scheme it is can be said only at the end; until then the repairs of each scheme are gathered side by side,
    ``MAX_REPAIRS`` at most.

    Attributes:
        labels: Number of spans with each label, by conlleval's rules.
        mentions: How often each label and text of a span stands there.
        first: File and line of the first span with each label.
    """

    def __init__(self) -> None:
        self.labels: Counter[str] = Counter()
        self.mentions: Counter[tuple[str, str]] = Counter()
        self.first: dict[str, tuple[str, int]] = {}
        self._pairs: Counter[_Pair] = Counter()
        self._illegal: dict[Scheme, set[_Pair]] = {scheme: set() for scheme in _STRICT}
        self._tallies: dict[Scheme, Tally] = {scheme: Tally() for scheme in _STRICT}

    def add(self, record: Record) -> None:
        """Looks at the tags of one sequence."""
        tags = record.tags
        if tags.count(OUTSIDE) == len(tags):
            return
        pairs = list(tag_pairs(tags))
        distinct = set(pairs)
        for pair in distinct - self._pairs.keys():
            for scheme in _STRICT:
                if not is_legal(*pair, scheme):
                    self._illegal[scheme].add(pair)
        self._pairs.update(pairs)
        for scheme, tally in self._tallies.items():
            if not tally.full and not self._illegal[scheme].isdisjoint(distinct):
                for repair in tag_repairs(record, scheme):
                    tally.propose(repair)
        for label, start, end in tags_to_spans(tags):
            if label not in self.labels:
                self.first[label] = record.path, record.line_of(start)
            self.labels[label] += 1
            self.mentions[label, " ".join(record.tokens[start:end])] += 1

    def scheme(self, asked: Scheme | None) -> SchemeFound:
        """Returns the scheme, and how sure it is."""
        telling = {pair: count for pair, count in self._pairs.items() if not set(pair) <= {OUTSIDE, EDGE, None}}
        found = detect_scheme_of_pairs(self._pairs) if asked is None else asked
        if found is Scheme.NONE:
            # Tags without a prefix are read as IO, as the reader does.
            found = Scheme.IO
        total = sum(telling.values())
        fits = {
            scheme: sum(count for pair, count in telling.items() if is_legal(*pair, scheme)) / total if total else 1.0
            for scheme in (*_STRICT, Scheme.IO)
        }
        prefixes = {split_tag(tag)[0] for pair in telling for tag in pair if tag}
        rivals: tuple[Scheme, ...] = ()
        if found is Scheme.IO and "I" in prefixes and fits[Scheme.IOB1] == 1.0:
            rivals = (Scheme.IOB1,)
        elif found is Scheme.IOB1 and fits[Scheme.IOB2] >= fits[found]:
            rivals = (Scheme.IOB2,)
        return SchemeFound(found, fits[found], rivals)

    def findings(self, part: str, asked: Scheme | None) -> Iterator[Finding]:
        """Yields what was found about the scheme and the ill-formed tags."""
        found = self.scheme(asked)
        tally = self._tallies.get(found.scheme, Tally())
        if tally.count:
            illegal = sum(self._pairs[pair] for pair in self._illegal[found.scheme])
            count = max(tally.count, illegal) if tally.full else tally.count
            message = counted(count, "tag does", "tags do") + f" not fit {found.scheme}, given the tags beside"
            yield Finding.of("D301", message, part=part, tally=tally, count=count)
        if found.rivals:
            message = f"read as {found.scheme}; {' and '.join(found.rivals)} would fit as well"
            yield Finding.of("D303", message, part=part)
        elif found.fit < _SURE:
            message = f"read as {found.scheme}, which {1 - found.fit:.1%} of the tags do not keep to"
            yield Finding.of("D303", message, part=part)
