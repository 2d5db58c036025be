"""The tokens of one part as they go by: how often each stands there, and which are odd."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

from bilstm_tagger.data.records import Record
from bilstm_tagger.data.repairs.mending import token_repair
from bilstm_tagger.data.repairs.oddities import find_oddity, visible
from bilstm_tagger.doctor.findings import Finding, Tally, counted
from bilstm_tagger.schemes import OUTSIDE, split_tag

__all__ = ["WordWatch"]

_DEBRIS = frozenset(["amp", "gt", "lt", "quot", "nbsp", "apos"])
_WHAT = {
    "D206": ("token is empty, or U+FFFD alone", "tokens are empty, or U+FFFD alone"),
    "D701": ("token holds characters that cannot be seen", "tokens hold characters that cannot be seen"),
    "D702": ("token holds U+FFFD, for a character that was lost", "tokens hold U+FFFD, for a character that was lost"),
    "D703": ("token holds HTML elements or entities", "tokens hold HTML elements or entities"),
    "D704": ("token is UTF-8 that was read as another encoding", "tokens are UTF-8 that was read as another encoding"),
    "D705": ("token holds white space", "tokens hold white space"),
    "D706": ("token holds a web address after something else", "tokens hold a web address after something else"),
    "D707": ("token has more than 100 characters", "tokens have more than 100 characters"),
    "D708": ("token is not in Unicode's composed form (NFC)", "tokens are not in Unicode's composed form (NFC)"),
}
# So few different tags, and so many different words, has no column of tags.
_MOST_TAGS = 200


class WordWatch:
    """Counts tokens, and looks at each distinct one once.

    Memory grows with the number of different words, as that of training does, not with the number of tokens.

    Attributes:
        counts: How often each token stands there.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._odd: dict[str, str] = {}
        self._tallies: dict[str, Tally] = {}
        self._debris = Tally()
        self.hashes = Tally()
        self.hash_lines: set[tuple[str, int]] = set()

    def add(self, records: Sequence[Record]) -> None:
        """Looks at the tokens of some sequences."""
        counts = Counter(itertools.chain.from_iterable(record.tokens for record in records))
        for token in counts.keys() - self.counts.keys():
            oddity = find_oddity(token)
            if oddity is not None:
                self._odd[token] = oddity.code
                self._tallies.setdefault(oddity.code, Tally())
        self.counts.update(counts)
        odd = self._odd.keys() & counts.keys()
        watched = {token for token in odd if not self._tallies[self._odd[token]].full}
        if watched:
            for record in records:
                if not watched.isdisjoint(record.tokens):
                    self._keep(record, watched)
        for token in odd - watched:
            self._tallies[self._odd[token]].count += counts[token]
        if "&" in counts and _DEBRIS & counts.keys():
            self._find_debris(records)
        if "#" in counts or "##" in counts:
            self._find_hashes(records)

    def _keep(self, record: Record, watched: set[str]) -> None:
        for position, token in enumerate(record.tokens):
            if token not in watched:
                continue
            tally = self._tallies[self._odd[token]]
            repair = token_repair(record, position)
            if repair is None:
                tally.add(record.path, record.line_of(position), _cut(visible(token)))
            else:
                tally.propose(repair)

    def _find_debris(self, records: Sequence[Record]) -> None:
        """Finds ``& gt ;``: an entity that a tokenizer took apart."""
        for record in records:
            tokens = record.tokens
            if "&" not in tokens or _DEBRIS.isdisjoint(tokens):
                continue
            for position in range(len(tokens) - 2):
                if tokens[position] == "&" and tokens[position + 1] in _DEBRIS and tokens[position + 2] == ";":
                    self._debris.add(record.path, record.line_of(position), " ".join(tokens[position : position + 3]))

    def _find_hashes(self, records: Sequence[Record]) -> None:
        for record in records:
            if "#" in record.tokens or "##" in record.tokens:
                for position, token in enumerate(record.tokens):
                    if token in ("#", "##"):
                        line = record.line_of(position)
                        self.hash_lines.add((record.path, line))
                        self.hashes.add(record.path, line, f"read as a token, tagged {record.tags[position]}")

    def findings(self, part: str, comments: Sequence[tuple[str, int, str]]) -> Iterator[Finding]:
        """Yields what was found.

        Args:
            part: The part's name.
            comments: Lines (path, line, text) that look like comments and like data.
        """
        for code, tally in sorted(self._tallies.items()):
            yield Finding.of(code, counted(tally.count, *_WHAT[code]), part=part, tally=tally)
        if self._debris.count:
            message = (
                counted(self._debris.count, "HTML entity was", "HTML entities were") + " cut into tokens, as '& gt ;'"
            )
            yield Finding.of("D709", message, part=part, tally=self._debris)
        passed = [place for place in comments if place[:2] not in self.hash_lines]
        if self.hashes.count or passed:
            hashes = Tally()
            hashes.merge(self.hashes)
            for place in passed:
                hashes.add(*place)
            message = counted(self.hashes.count, "token is", "tokens are") + " #"
            if passed:
                message += (
                    "; " + counted(len(passed), "line", "lines") + " of as many columns as the data, read as comments"
                )
            yield Finding.of("D203", message, part=part, tally=hashes)

    def looks_swapped(self, tags: Counter[str]) -> bool:
        """Says whether the tokens look like tags and the tags like tokens."""
        tokens = sum(self.counts.values())
        prefixed = sum(
            count for token, count in self.counts.items() if token == OUTSIDE or ("-" in token and split_tag(token)[0])
        )
        spans_in_tokens = prefixed > 0.8 * tokens
        closed = len(self.counts) <= _MOST_TAGS < len(tags) and len(tags) > 5 * len(self.counts)
        return tokens > 0 and (spans_in_tokens or closed)


def _cut(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:60]} ... {text[-30:]}"
