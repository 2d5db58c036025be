"""The tags of a source in the form that rows have: IOB2 for spans, upper-case states for residues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bilstm_tagger.data.proteins.residues import STATES_8, clean_sequence, states
from bilstm_tagger.data.records import Record
from bilstm_tagger.data.repairs.repair import Repair
from bilstm_tagger.data.spelling import find_spellings
from bilstm_tagger.errors import ConfigError, DataError
from bilstm_tagger.schemes import (
    EDGE,
    OUTSIDE,
    Scheme,
    convert,
    detect_scheme_of_pairs,
    is_legal,
    split_tag,
    tag_pairs,
)
from bilstm_tagger.tasks.base import Task
from bilstm_tagger.tasks.protein_ss3 import STATE_MAPS

__all__ = [
    "ILL_FORMED_TAG",
    "FoundTags",
    "Rewrite",
    "SpanTags",
    "Tags",
    "parse_scheme",
    "residue_record",
    "tag_repairs",
]

Tags = Sequence[str | None]
Rewrite = Callable[[Tags], Tags]

ILL_FORMED_TAG = "D301"
"""The code of a tag that its scheme does not allow where it stands."""

_SPAN_TAGS = "O, or a prefix and a label: B-X, I-X, E-X, S-X (L-X, U-X)"
_MAX_PLAIN_TAGS = 1000
_SHOWN_SPELLINGS = 4


def parse_scheme(name: str) -> Scheme | None:
    """Returns the scheme that was asked for; None is ``auto``.

    Raises:
        ConfigError: The name is no scheme of spans.
    """
    if name == "auto":
        return None
    scheme = Scheme.parse(name)
    if scheme is Scheme.NONE:
        raise ConfigError("spans need a scheme", received=name, accepted="auto, IOB1, IOB2, BIOES, BILOU, IO")
    return scheme


class FoundTags(NamedTuple):
    """What the tags of a source turned out to be.

    Attributes:
        scheme: Their scheme.
        rewrite: What to apply to each sequence's tags to have IOB2; None when they are IOB2 already.
        messages: What was mended, a sentence each.
    """

    scheme: Scheme
    rewrite: Rewrite | None
    messages: list[str]


class SpanTags:
    """Watches the tags of a span task go by, sequence by sequence, and then says how to make IOB2 of them.

    It keeps the counts of neighbouring tags and where each pair first stood: enough to tell the scheme, count the
    repairs and name the first one, in memory that does not grow with the source.
    """

    def __init__(self) -> None:
        self._pairs: Counter[tuple[str | None, str | None]] = Counter()
        self._first: dict[tuple[str | None, str | None], tuple[str, int]] = {}
        self._plain: set[str] = set()

    def add(self, record: Record) -> None:
        """Counts the tags of one sequence.

        Raises:
            DataError: There are so many different tags without prefixes that this is no column of tags.
        """
        pairs = list(tag_pairs(record.tags))
        self._pairs.update(pairs)
        if self._first.keys() >= set(pairs):
            return
        for position, pair in enumerate(pairs):
            if pair not in self._first:
                self._first[pair] = record.path, record.line_of(min(position, len(record.tags) - 1))
                tag = pair[1]
                if tag and split_tag(tag)[0] == "":
                    self._plain.add(tag)
        if len(self._plain) > _MAX_PLAIN_TAGS:
            raise DataError(
                f"more than {_MAX_PLAIN_TAGS:,} different tags; this is no column of tags",
                path=record.path,
                line=record.line,
                received=record.tags[0],
                accepted=_SPAN_TAGS,
                hint="Set data.tag_column",
            )

    def finish(self, asked: Scheme | None) -> FoundTags:
        """Decides on the scheme once all sequences have been added.

        Args:
            asked: The scheme that the user has named; None finds it. With IO, tags are labels as they stand.

        Raises:
            DataError: Some tags have a prefix and others have none, or no tag has the prefixes of the scheme asked for.
        """
        messages = []
        spelling = {} if asked is Scheme.IO else find_spellings({tag for _, tag in self._first if tag})
        if spelling:
            messages.append(self._spelt(spelling))
        scheme = self._scheme(asked)
        illegal = {pair for pair in self._pairs if not is_legal(*pair, scheme)}
        if illegal:
            count = sum(self._pairs[pair] for pair in illegal)
            before, after = next(pair for pair in self._first if pair in illegal)
            path, line = self._first[before, after]
            messages.append(
                f"{path}:{line}: {_neighbours(before, after)}, which {scheme} does not allow; tags repaired, the "
                f"spans being what conlleval reads: {count:,} in this source"
            )
        if spelling or scheme is not Scheme.IOB2 or any(not _is_iob2(tag) for _, tag in self._pairs):
            return FoundTags(scheme, lambda tags: convert(_respelt(tags, spelling), scheme, Scheme.IOB2), messages)
        if not illegal:
            return FoundTags(scheme, None, messages)

        def repair(tags: Tags) -> Tags:
            return convert(tags, scheme, Scheme.IOB2) if illegal.intersection(tag_pairs(tags)) else tags

        return FoundTags(scheme, repair, messages)

    def _spelt(self, spelling: Mapping[str, str]) -> str:
        """Spells what was counted in the usual way, and says so."""
        wrong = [pair for pair in self._first if pair[1] in spelling]
        path, line = self._first[wrong[0]]
        count = sum(self._pairs[pair] for pair in wrong)
        shown = ", ".join(f"{old!r} as {new}" for old, new in sorted(spelling.items())[:_SHOWN_SPELLINGS])
        shown += "" if len(spelling) <= _SHOWN_SPELLINGS else f" and {len(spelling) - _SHOWN_SPELLINGS} more"
        pairs: Counter[tuple[str | None, str | None]] = Counter()
        first: dict[tuple[str | None, str | None], tuple[str, int]] = {}
        for pair, place in self._first.items():
            before, after = _respelt(pair, spelling)
            pairs[before, after] += self._pairs[pair]
            first.setdefault((before, after), place)
        self._pairs, self._first = pairs, first
        self._plain = {tag for _, tag in first if tag and split_tag(tag)[0] == ""}
        return f"{path}:{line}: tags in another spelling, {shown}: {count:,} in this source"

    def _scheme(self, asked: Scheme | None) -> Scheme:
        if not self._plain:
            return detect_scheme_of_pairs(self._pairs) if asked is None else asked
        prefixed = [tag for _, tag in self._first if tag and split_tag(tag)[0] not in ("", OUTSIDE)]
        if prefixed or asked not in (None, Scheme.IO):
            # Whichever kind is rarer is the mistake.
            plain_count = sum(count for (_, tag), count in self._pairs.items() if tag in self._plain)
            prefixed_count = sum(count for (_, tag), count in self._pairs.items() if tag in set(prefixed))
            wrong = set(prefixed) if 0 < prefixed_count < plain_count else self._plain
            pair = next(pair for pair in self._first if pair[1] in wrong)
            path, line = self._first[pair]
            accepted = "tags without prefixes, as the other lines have" if wrong != self._plain else _SPAN_TAGS
            raise DataError(
                "this is not a tag of the same scheme as the others" if prefixed else f"not a tag of {asked}",
                path=path,
                line=line,
                received=pair[1],
                accepted=accepted,
                hint="Set data.tag_column if this is not the column of the tags",
            )
        return Scheme.IO


def tag_repairs(record: Record, scheme: Scheme) -> list[Repair]:
    """Says how the ill-formed tags of one sequence are mended, in the scheme that they are written in.

    The spans are those that conlleval reads, so no score changes. Well-formed sequences give an empty list.

    Args:
        record: The sequence as its file has it.
        scheme: The scheme of its source.
    """
    if all(is_legal(*pair, scheme) for pair in set(tag_pairs(record.tags))):
        return []
    mended = convert(record.tags, scheme, scheme)
    return [
        Repair(ILL_FORMED_TAG, record.path, record.line_of(position), "tag", position, old, new)
        for position, (old, new) in enumerate(zip(record.tags, mended, strict=True))
        if old is not None and new is not None and old != new
    ]


def _respelt(tags: Tags, spelling: Mapping[str, str]) -> list[str | None]:
    return [tag if tag is None else spelling.get(tag, tag) for tag in tags]


def _is_iob2(tag: str | None) -> bool:
    return tag is None or tag in (OUTSIDE, EDGE, "B", "I") or tag[:2] in ("B-", "I-")


def _neighbours(before: str | None, after: str | None) -> str:
    if before == EDGE:
        return f"{after} begins a sequence"
    return f"{before} ends a sequence" if after == EDGE else f"{after} follows {before}"


def residue_record(record: Record, task: Task, *, state_map: str = "standard") -> Record:
    """Returns a record of a protein with upper-case residues and with the states that the task has.

    Tasks of three states take eight too, by the map that ``state_map`` names.

    Raises:
        DataError: A token is no residue, or a label is no state.
    """
    sequence = clean_sequence("".join(record.tokens), path=record.path, line=record.line)
    if len(sequence) != len(record.tokens):
        odd = next((i for i, token in enumerate(record.tokens) if len(token) != 1), len(sequence))
        raise DataError(
            "a token of a protein is one residue",
            path=record.path,
            line=record.line_of(min(odd, len(record.tokens) - 1)),
            received=record.tokens[min(odd, len(record.tokens) - 1)],
            accepted="one letter",
        )
    table = STATE_MAPS[state_map] if task.tags is not None and len(task.tags) == 3 else STATES_8
    mapped, wrong = states(record.tags, table)
    if wrong is not None:
        raise DataError(
            f"residue {wrong + 1} of '{record.id}' has a label that is no state",
            path=record.path,
            line=record.line_of(wrong),
            received=record.tags[wrong],
            accepted=f"{' '.join(sorted(STATES_8))}, or null",
        )
    return record._replace(tokens=list(sequence), tags=mapped)
