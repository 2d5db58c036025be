"""A source read twice: once to know its rows, once to give them, mended where that was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bilstm_tagger.data.records import Record
from bilstm_tagger.data.repairs.changes import Change, ChangeLog
from bilstm_tagger.data.repairs.mending import mend
from bilstm_tagger.data.repairs.rows import RowRepairs, spellings
from bilstm_tagger.data.sources import Source
from bilstm_tagger.data.tags import Rewrite, SpanTags, residue_record
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import Scheme

__all__ = ["Passes", "Survey"]


@dataclass(slots=True)
class Survey:
    """What the rows of a source have; see `WriteOptions`."""

    text: bool = False
    dense: int = 0
    unknown: bool = False
    documents: bool = False


class Passes:
    """The rows of one source: surveyed first, then read again to be written.

    Args:
        source: The source.
        names: Names to show instead of those of temporary files.
        found_scheme: Scheme of its tags; None finds it.
        repair: Where changes are listed; None mends nothing but ill-formed tags.

    Attributes:
        scheme: Scheme of its tags, once surveyed; None where they are no spans.
        number: Number of the row that was given last, in its file.
    """

    def __init__(
        self, source: Source, names: Mapping[str, str], found_scheme: Scheme | None, repair: ChangeLog | None
    ) -> None:
        self._source = source
        self._names = names
        self._repair = repair
        self._asked = found_scheme
        self._rewrite: Rewrite | None = None
        self._messages: list[str] = []
        self._spelling: dict[str, str] = {}
        self._spans = source.options.task.kind == "spans"
        self.scheme: Scheme | None = None
        self.number = 0

    def survey(self) -> Survey:
        """Reads all, and finds the scheme.

        Raises:
            DataError: There is nothing, or something that cannot be read.
        """
        if self._repair is not None and self._spans:
            tags = Counter(tag for record in self._source.records() for tag in record.tags if tag is not None)
            self._spelling = spellings(tags)
        survey, spans, count = Survey(), SpanTags(), 0
        for record in self._records(ChangeLog(0)):
            count += 1
            survey.text |= record.text is not None
            survey.dense = survey.dense or len((record.dense or [[]])[0])
            survey.unknown |= None in record.tags
            survey.documents |= record.document is not None
            if self._spans:
                spans.add(record)
        if not count:
            raise DataError("there is nothing in it to read", path=self._source.name, accepted="at least one sequence")
        if self._spans:
            self.scheme, self._rewrite, self._messages = spans.finish(self._asked)
        return survey

    def rows(self) -> Iterator[Record]:
        """Reads all again, with the tags of spans as IOB2."""
        log = self._repair
        for record in self._records(ChangeLog(0) if log is None else log):
            if log is not None:
                record, repairs = mend(record, self.scheme)
                for item in repairs:
                    log.add(Change(item.code, item.path, item.line, item.what, item.old, item.new))
            if self._rewrite is not None:
                record = record._replace(tags=self._rewrite(record.tags))
            yield record

    def notes(self) -> list[str]:
        """Returns what was mended on reading; ill-formed tags are listed one by one where repairs are."""
        messages = self._messages if self._repair is None else []
        options = self._source.options
        found = [*messages, *filter(None, [options.misfits.message()]), *options.notes.messages()]
        return [self._shown(line) for line in found]

    def unread(self) -> dict[str, str]:
        """Returns the columns and fields that were not read, and where each first stood."""
        return {what: self._shown(first) for what, first in self._source.options.notes.unread.items()}

    def _shown(self, message: str) -> str:
        for temporary, name in self._names.items():
            message = message.replace(temporary, name)
        return message

    def _records(self, log: ChangeLog) -> Iterator[Record]:
        self._source.options.notes.clear()
        self._source.options.misfits.clear()
        task = self._source.options.task
        repairs = RowRepairs(self._spelling) if self._repair is not None else None
        path = None
        for record in self._source.records():
            # A row without an id has the number that it has in its file, also where others are left out.
            self.number = self.number + 1 if record.path == path else 1
            path = record.path
            if record.path in self._names:
                record = record._replace(path=self._names[record.path])
            if task.kind == "residues":
                record = residue_record(record, task)
            mended = record if repairs is None else repairs(record, log)
            if mended is not None:
                yield mended
