"""What is kept of one part while its records go by."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bilstm_tagger.data.records import Record
from bilstm_tagger.data.repairs.repair import Repair
from bilstm_tagger.data.spelling import find_spellings
from bilstm_tagger.doctor.chains import ChainWatch
from bilstm_tagger.doctor.findings import Finding, Tally, counted
from bilstm_tagger.doctor.sequences import SequenceWatch
from bilstm_tagger.doctor.tags import SchemeFound, SpanWatch
from bilstm_tagger.doctor.words import WordWatch
from bilstm_tagger.schemes import OUTSIDE, Scheme
from bilstm_tagger.tasks import Task

__all__ = ["PartProfile"]

_CHUNK_TOKENS = 50_000
_RARE = 10
_SHOWN_SPELLINGS = 10
_FORMER = re.compile(r"[\W_]+")


class PartProfile:
    """Follows the records of one part; see :class:`bilstm_tagger.data.load.Watcher`.

    Attributes:
        name: ``train``, ``dev``, ``test``, or empty for a single source.
        task: What the data are for.
        tokens: Number of tokens.
        tags: How often each tag stands there.
        unlabelled: Number of tokens without a tag.
        words: The tokens; empty for proteins.
        spans: The spans; empty for other tasks.
        chains: The proteins; empty for text.
        sequences: Lengths and hashes.

    Args:
        name: See above.
        task: See above.
        respell: Whether tags of spans in another spelling are understood, as they are without a scheme that was set.
    """

    def __init__(self, name: str, task: Task, *, respell: bool = True) -> None:
        self.name = name
        self.task = task
        self._respell = respell and task.kind == "spans"
        self.begin()

    def begin(self) -> None:
        """Forgets everything: the first record comes next."""
        self._chunk: list[Record] = []
        self._chunk_size = 0
        self.tokens = 0
        self.unlabelled = 0
        self.tags: Counter[str] = Counter()
        self._spelling: dict[str, str] = {}
        self._respelt = Tally()
        self._unlabelled = Tally()
        self._first: dict[str, tuple[str, int]] = {}
        self.words = WordWatch()
        self.spans = SpanWatch()
        self.chains = ChainWatch()
        self.sequences = SequenceWatch()

    def add(self, record: Record) -> None:
        """Takes one record."""
        self._chunk.append(record)
        self._chunk_size += len(record.tokens)
        if self._chunk_size >= _CHUNK_TOKENS:
            self.flush()

    def flush(self) -> None:
        """Looks at what has been gathered; to be called after the last record."""
        chunk, self._chunk = self._chunk, []
        self.tokens += self._chunk_size
        self._chunk_size = 0
        tags: Counter[str | None] = Counter(itertools.chain.from_iterable(record.tags for record in chunk))
        missing = tags.pop(None, 0)
        if missing:
            self.unlabelled += missing
            self._find_unlabelled(chunk)
        for tag in tags.keys() - self.tags.keys():
            record = next(record for record in chunk if tag in record.tags)
            self._first[tag or ""] = record.path, record.line_of(record.tags.index(tag))
        self.tags.update({tag: count for tag, count in tags.items() if tag is not None})
        self.sequences.add(chunk)
        if self.task.kind == "residues":
            self.chains.add(chunk)
            return
        self.words.add(chunk)
        if self._respell:
            self._spelling = find_spellings(self.tags)
        if self.task.kind == "spans":
            for record in chunk:
                self.spans.add(self._usual(record) if self._spelling else record)

    def _usual(self, record: Record) -> Record:
        """Returns a record with its tags in the usual spelling, and keeps where they are not."""
        tags = [None if tag is None else self._spelling.get(tag, tag) for tag in record.tags]
        if not self._respelt.full:
            for position, (old, new) in enumerate(zip(record.tags, tags, strict=True)):
                if old is not None and new is not None and old != new:
                    line = record.line_of(position)
                    self._respelt.propose(Repair("D306", record.path, line, "tag", position, old, new))
        return record._replace(tags=tags)

    def _find_unlabelled(self, chunk: Sequence[Record]) -> None:
        for record in chunk:
            count = record.tags.count(None)
            if count:
                line = record.line_of(record.tags.index(None))
                self._unlabelled.add(record.path, line, f"{count} of {len(record.tags)} tokens of the sequence")

    @property
    def labels(self) -> Counter[str]:
        """Number of spans with each label, or of tokens with each tag."""
        return self.spans.labels if self.task.kind == "spans" else self.tags

    def label_places(self, labels: Iterable[str]) -> Tally:
        """Returns where each of these labels stands first."""
        first = self.spans.first if self.task.kind == "spans" else self._first
        tally = Tally()
        for label in labels:
            tally.add(*first[label], f"{label}: {self.labels[label]:,} in all")
        return tally

    def scheme(self, asked: Scheme | None) -> SchemeFound | None:
        """Returns the scheme of the tags, for spans."""
        return self.spans.scheme(asked) if self.task.kind == "spans" and self.tags else None

    def findings(self, asked: Scheme | None, comments: Sequence[tuple[str, int, str]]) -> Iterator[Finding]:
        """Yields what was found in this part alone.

        Args:
            asked: The scheme that was set; None finds it.
            comments: Lines that look like comments and like data; see :meth:`WordWatch.findings`.
        """
        if not len(self.sequences):
            return
        if self._spelling:
            count = sum(self.tags[tag] for tag in self._spelling)
            shown = ", ".join(f"{old!r} is {new}" for old, new in sorted(self._spelling.items())[:_SHOWN_SPELLINGS])
            message = f"{counted(count, 'tag is', 'tags are')} spelt otherwise than usual: {shown}"
            yield Finding.of("D306", message, part=self.name, tally=self._respelt, count=count)
        if self.task.kind == "spans":
            yield from self.spans.findings(self.name, asked)
        if self.task.kind == "residues":
            yield from self.chains.findings(self.name)
        else:
            yield from self.words.findings(self.name, comments)
            if self.words.looks_swapped(self.tags):
                message = "the tokens look like tags, and the tags like tokens"
                yield Finding.of("D207", message, part=self.name)
            yield from self._label_findings()
        if self.unlabelled and self.tags:
            message = f"{self.unlabelled:,} of {self.tokens:,} tokens ({self.unlabelled / self.tokens:.1%}) have no tag"
            yield Finding.of("D304", message, part=self.name, tally=self._unlabelled)
        yield from self.sequences.findings(self.name, chains=self.task.kind == "residues")

    def _label_findings(self) -> Iterator[Finding]:
        labels = self.labels
        if self.tags and (not labels if self.task.kind == "spans" else len(labels) < 2):
            only = ", ".join(sorted(self.tags)) or OUTSIDE
            yield Finding.of("D404", f"there is no tag but {only}", part=self.name)
        rare = {label: count for label, count in labels.items() if count < _RARE}
        if rare and self.name in ("", "train"):
            counts = ", ".join(f"{label} {rare[label]}" for label in sorted(rare, key=lambda label: rare[label])[:20])
            message = f"{len(rare)} of {len(labels)} labels occur fewer than {_RARE} times: {counts}"
            yield Finding.of("D401", message, part=self.name, tally=self.label_places(rare))
        spellings: dict[str, list[str]] = {}
        for label in labels:
            spellings.setdefault(_FORMER.sub("", label).casefold() or label, []).append(label)
        for group in spellings.values():
            # POS tags of punctuation alone, such as . and , are spelt as they should be.
            if len(group) > 1:
                counts = ", ".join(f"{label} ({labels[label]:,})" for label in sorted(group))
                message = f"these labels differ in case or punctuation only: {counts}"
                yield Finding.of("D403", message, part=self.name, tally=self.label_places(group))
