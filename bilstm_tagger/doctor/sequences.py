"""The sequences of one part, as hashes: lengths, duplicates, contradictions, and what two parts have in common."""

from __future__ import annotations

import hashlib
import string
from array import array
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.data.records import Record
from bilstm_tagger.doctor.findings import Finding, Severity, Tally, counted

__all__ = ["SequenceWatch", "contradictions", "shared"]

_LONG = 250
_VERY_LONG_CHAIN = 1500
_SHORT_CHAIN = 20
_TELLING = 5
"""Shorter sequences ("Thank you .") repeat by chance."""
_TELLING_BYTES = 25
_NOT_LETTERS = (string.punctuation + string.digits + string.whitespace + "\0").encode()


class SequenceWatch:
    """Keeps 34 bytes a sequence: hashes of its tokens, its tags and its letters, its length and its place."""

    def __init__(self) -> None:
        self._tokens, self._tags, self._letters = array("Q"), array("Q"), array("Q")
        self._lengths, self._lines, self._files = array("I"), array("I"), array("H")
        self._paths: dict[str, int] = {}

    def add(self, records: Sequence[Record]) -> None:
        """Takes the next sequences."""
        for record in records:
            joined = "\0".join(record.tokens)
            self._tokens.append(_digest(_encoded(joined)))
            self._tags.append(_digest(_encoded("\0".join(tag or "" for tag in record.tags))))
            letters = _encoded(joined.casefold()).translate(None, delete=_NOT_LETTERS)
            # 0 stands for what is too short to tell.
            self._letters.append(_digest(letters) if len(letters) >= _TELLING_BYTES else 0)
            self._lengths.append(len(record.tokens))
            self._lines.append(record.line)
            self._files.append(self._paths.setdefault(record.path, len(self._paths)))

    def __len__(self) -> int:
        return len(self._lengths)

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """``(num_sequences,)`` numbers of tokens."""
        return np.frombuffer(self._lengths, dtype=np.uint32)

    @property
    def tokens(self) -> NDArray[np.uint64]:
        """``(num_sequences,)`` hashes of the tokens."""
        return np.frombuffer(self._tokens, dtype=np.uint64)

    @property
    def tags(self) -> NDArray[np.uint64]:
        """``(num_sequences,)`` hashes of the tags."""
        return np.frombuffer(self._tags, dtype=np.uint64)

    @property
    def letters(self) -> NDArray[np.uint64]:
        """``(num_sequences,)`` hashes of the letters alone, in lower case; 0 for what is too short to tell."""
        return np.frombuffer(self._letters, dtype=np.uint64)

    def place(self, index: int) -> tuple[str, int]:
        """Returns the file and the line of a sequence."""
        names = list(self._paths)
        return names[self._files[index]], self._lines[index]

    def findings(self, part: str, *, chains: bool) -> Iterator[Finding]:
        """Yields what was found about lengths and duplicates inside the part."""
        yield from self._chain_lengths(part) if chains else self._sentence_lengths(part)
        first = _first_of_each(self.tokens)
        repeats = np.flatnonzero(first != np.arange(len(first)))
        if len(repeats):
            telling = int(np.count_nonzero(self.lengths[repeats] >= _TELLING))
            tally = Tally()
            order = repeats[np.argsort(self.lengths[repeats], kind="stable")[::-1]]
            for index in order.tolist():
                path, line = self.place(int(first[index]))
                tally.add(*self.place(index), f"as {path}:{line} ({self._lengths[index]:,} tokens)")
                if tally.full:
                    break
            message = (
                f"{len(repeats):,} of {len(self):,} sequences ({len(repeats) / len(self):.1%}) repeat an earlier one"
            )
            if telling < len(repeats):
                message += f", {f'{telling:,}' if telling else 'none'} of them of {_TELLING} tokens or more"
            severity: Severity = "warning" if telling else "note"
            yield Finding.of("D601", message, part=part, tally=tally, severity=severity, count=len(repeats))

    def _sentence_lengths(self, part: str) -> Iterator[Finding]:
        lengths = self.lengths
        long = np.flatnonzero(lengths > _LONG)
        if len(long):
            tally = self._by_length(long[np.argsort(lengths[long], kind="stable")[::-1]])
            many = counted(len(long), "sequence has", "sequences have")
            message = f"{many} more than {_LONG} tokens, the longest {lengths.max():,}"
            yield Finding.of("D501", message, part=part, tally=tally, count=len(long))
        single = int(np.count_nonzero(lengths == 1))
        if single > 0.5 * len(lengths) and len(lengths) > 10:
            message = f"{single:,} of {len(lengths):,} sequences have one token"
            yield Finding.of("D502", message, part=part, count=single)

    def _chain_lengths(self, part: str) -> Iterator[Finding]:
        lengths = self.lengths
        odd = np.flatnonzero((lengths > _VERY_LONG_CHAIN) | (lengths < _SHORT_CHAIN))
        if len(odd):
            tally = self._by_length(odd[np.argsort(lengths[odd], kind="stable")[::-1]])
            chains = counted(len(odd), "chain has", "chains have")
            message = f"{chains} fewer than {_SHORT_CHAIN} or more than {_VERY_LONG_CHAIN:,} residues"
            message += f" (from {lengths.min():,} to {lengths.max():,})"
            yield Finding.of("D803", message, part=part, tally=tally, count=len(odd))

    def _by_length(self, indices: NDArray[np.int64]) -> Tally:
        tally = Tally()
        for index in indices.tolist():
            tally.add(*self.place(index), f"{self._lengths[index]:,} tokens")
            if tally.full:
                break
        return tally


def shared(part: str, watch: SequenceWatch, other: str, earlier: SequenceWatch, *, chains: bool) -> Iterator[Finding]:
    """Yields what of a part stands in another too.

    Args:
        part: Name of the part that is scored.
        watch: Its sequences.
        other: Name of the part that is learnt from.
        earlier: Its sequences.
        chains: Whether they are proteins, which are not compared by their letters.
    """
    same = np.isin(watch.tokens, earlier.tokens)
    yield from _overlap("D602", "stand", same, watch.tokens, earlier.tokens, part, watch, other, earlier)
    if not chains:
        near = ~same & (watch.letters != 0) & np.isin(watch.letters, earlier.letters)
        differ = "stand, but for digits, punctuation, case and cuts between words,"
        yield from _overlap("D603", differ, near, watch.letters, earlier.letters, part, watch, other, earlier)


def _overlap(
    code: str,
    stand: str,
    mask: NDArray[np.bool_],
    ours: NDArray[np.uint64],
    theirs: NDArray[np.uint64],
    part: str,
    watch: SequenceWatch,
    other: str,
    earlier: SequenceWatch,
) -> Iterator[Finding]:
    found = np.flatnonzero(mask)
    if not len(found):
        return
    telling = int(np.count_nonzero(watch.lengths[found] >= _TELLING))
    order = np.argsort(theirs, kind="stable")
    tally = Tally()
    for index in found[np.argsort(watch.lengths[found], kind="stable")[::-1]].tolist():
        partner = order[np.searchsorted(theirs, ours[index], sorter=order)]
        path, line = earlier.place(int(partner))
        tally.add(*watch.place(index), f"as {path}:{line} ({watch.lengths[index]:,} tokens)")
        if tally.full:
            break
    message = (
        f"{len(found):,} of {len(watch):,} sequences of {part} ({len(found) / len(watch):.1%}) {stand} in {other} too"
    )
    if telling < len(found):
        message += f", {f'{telling:,}' if telling else 'none'} of them of {_TELLING} tokens or more"
    severity: Severity = "warning" if telling else "note"
    yield Finding.of(code, message, part=f"{other}, {part}", tally=tally, severity=severity, count=len(found))


def contradictions(part: str, watches: Sequence[SequenceWatch]) -> Iterator[Finding]:
    """Yields the sequences that stand in the data twice, with different tags."""
    tokens = np.concatenate([watch.tokens for watch in watches])
    tags = np.concatenate([watch.tags for watch in watches])
    owner = np.repeat(np.arange(len(watches)), [len(watch) for watch in watches])
    begins = np.cumsum([0, *(len(watch) for watch in watches)])
    first = _first_of_each(tokens)
    differ = np.flatnonzero(tags != tags[first])
    if not len(differ):
        return
    tally = Tally()
    for index in differ.tolist():
        mine, theirs = int(owner[index]), int(owner[first[index]])
        path, line = watches[theirs].place(int(first[index] - begins[theirs]))
        tally.add(*watches[mine].place(int(index - begins[mine])), f"tagged otherwise than {path}:{line}")
        if tally.full:
            break
    message = counted(len(differ), "sequence has", "sequences have") + " the tokens of an earlier one and other tags"
    yield Finding.of("D604", message, part=part, tally=tally, count=len(differ))


def _first_of_each(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Returns ``(num_sequences,)`` the index of the first sequence with the same hash."""
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return first[inverse]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _digest(data: bytes) -> int:
    """64 bits: among a hundred million sequences, two that differ agree with a chance of some 1 in 4,000."""
    digest = hashlib.blake2b(data, digest_size=8).digest()
    return int.from_bytes(digest, "little")
