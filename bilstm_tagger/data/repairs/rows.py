"""Repairs that need more than one row at a time: empty tokens, spellings of tags, duplicates."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter, defaultdict

from bilstm_tagger.data.records import UNKNOWN_TOKEN, Record
from bilstm_tagger.data.repairs.changes import Change, ChangeLog
from bilstm_tagger.data.repairs.oddities import find_oddity
from bilstm_tagger.data.spelling import find_spellings
from bilstm_tagger.schemes import split_tag

__all__ = ["RowRepairs", "spellings"]


def spellings(tags: Counter[str]) -> dict[str, str]:
    """Says how tags of spans are to be spelt: with usual prefixes, and each label as it is spelt most often.

    What the labels differ in is case only.

    Args:
        tags: How often each tag occurs.

    Returns:
        The tags that are to be spelt otherwise, with their right spelling.
    """
    mended = {tag: tag for tag in tags} | find_spellings(tags)
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for tag, count in tags.items():
        label = split_tag(mended[tag])[1]
        labels[label.casefold()][label] += count
    usual = {name: counts.most_common(1)[0][0] for name, counts in labels.items()}
    for tag, new in mended.items():
        label = split_tag(new)[1]
        if label:
            mended[tag] = new.removesuffix(label) + usual[label.casefold()]
    return {tag: new for tag, new in mended.items() if new != tag}


class RowRepairs:
    """Mends rows one by one, and leaves out those that came before.

    Args:
        spelling: Tags to be spelt otherwise.
    """

    def __init__(self, spelling: dict[str, str]) -> None:
        self._spelling = spelling
        self._seen: set[bytes] = set()

    def __call__(self, record: Record, log: ChangeLog) -> Record | None:
        """Returns the record as it should be, or None when it is empty or a duplicate."""
        if any(map(_is_empty, record.tokens)):
            record = _without_empty(record, log)
        if self._spelling and not self._spelling.keys().isdisjoint(record.tags):
            record = self._spelt(record, log)
        if not record.tokens:
            return None
        content = "\0".join([*record.tokens, "", *("\1" if tag is None else tag for tag in record.tags)])
        digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest in self._seen:
            shown = " ".join(record.tokens[:8]) + (" ..." if len(record.tokens) > 8 else "")
            log.add(Change("D601", record.path, record.line, "row", shown, None))
            return None
        self._seen.add(digest)
        return record

    def _spelt(self, record: Record, log: ChangeLog) -> Record:
        tags = [tag if tag is None else self._spelling.get(tag, tag) for tag in record.tags]
        for position, (old, new) in enumerate(zip(record.tags, tags, strict=True)):
            if old is not None and new is not None and old != new:
                code = "D403" if split_tag(old)[0] == split_tag(new)[0] else "D306"
                log.add(Change(code, record.path, record.line_of(position), "tag", old, new))
        return record._replace(tags=tags)


@functools.lru_cache(maxsize=1 << 16)
def _is_empty(token: str) -> bool:
    """Says whether a token was empty, or white space, in its file, or holds nothing but what cannot be seen."""
    if token.isalnum():
        return False
    oddity = find_oddity(token)
    return token == UNKNOWN_TOKEN or (oddity is not None and oddity.code == "D701" and oddity.new is None)


def _without_empty(record: Record, log: ChangeLog) -> Record:
    """Takes out tokens that are empty."""
    kept = [position for position, token in enumerate(record.tokens) if not _is_empty(token)]
    for position in sorted(set(range(len(record.tokens))) - set(kept)):
        token = record.tokens[position]
        code, old = ("D206", "") if token == UNKNOWN_TOKEN else ("D701", token)
        log.add(Change(code, record.path, record.line_of(position), "token", old, None))
    return record._replace(
        tokens=[record.tokens[i] for i in kept],
        tags=[record.tags[i] for i in kept],
        lines=None if record.lines is None else [record.lines[i] for i in kept],
        offsets=None if record.offsets is None else [record.offsets[i] for i in kept],
        dense=None if record.dense is None else [list(map(float, record.dense[i])) for i in kept],
    )
