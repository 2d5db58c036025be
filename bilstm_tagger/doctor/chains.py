"""The proteins of one part, and which of two parts resemble each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from bilstm_tagger.data.proteins.homologs import near_duplicates
from bilstm_tagger.data.proteins.residues import AMINO_ACIDS
from bilstm_tagger.data.records import Record
from bilstm_tagger.doctor.findings import Finding, Tally, counted

__all__ = ["ChainWatch", "similar"]

_UNKNOWN = "X"
_MOSTLY = 0.5
_MAX_COMPARED = 100_000_000
"""Residues; chains beyond that are not compared with those of another part."""


class ChainWatch:
    """Counts residues, and keeps the chains (a byte a residue) for comparing parts.

    Attributes:
        residues: How often each letter stands there.
        chains: The chains in one-letter code.
        places: File, line and name of each.
    """

    def __init__(self) -> None:
        self.residues: Counter[str] = Counter()
        self.chains: list[str] = []
        self.places: list[tuple[str, int, str]] = []
        self._unknown, self._unlabelled = Tally(), Tally()
        self._size = 0

    def add(self, records: Sequence[Record]) -> None:
        """Looks at some chains."""
        for record in records:
            chain = "".join(record.tokens).upper()
            self.residues.update(chain)
            unknown = chain.count(_UNKNOWN)
            if unknown > _MOSTLY * len(chain):
                self._unknown.add(record.path, record.line, f"{record.id}: {unknown} of {len(chain)} residues are X")
            if record.tags.count(None) == len(record.tags):
                self._unlabelled.add(record.path, record.line, f"{record.id}: {len(chain)} residues")
            self._size += len(chain)
            if self._size <= _MAX_COMPARED:
                self.chains.append(chain)
                self.places.append((record.path, record.line, record.id))

    def findings(self, part: str) -> Iterator[Finding]:
        """Yields what was found inside the part."""
        if self._unknown.count:
            message = counted(self._unknown.count, "chain is", "chains are") + " X for more than half"
            yield Finding.of("D801", message, part=part, tally=self._unknown)
        unusual = {letter: count for letter, count in self.residues.items() if letter not in AMINO_ACIDS}
        if unusual:
            total = sum(unusual.values())
            counts = ", ".join(f"{letter} {count:,}" for letter, count in sorted(unusual.items(), key=lambda i: -i[1]))
            share = total / max(1, self.residues.total())
            message = (
                f"{counted(total, 'residue is', 'residues are')} none of the 20 amino acids ({share:.2%}): {counts}"
            )
            yield Finding.of("D802", message, part=part, count=total)
        if self._unlabelled.count:
            message = counted(self._unlabelled.count, "chain has", "chains have") + " no label at all"
            yield Finding.of("D804", message, part=part, tally=self._unlabelled)


def similar(part: str, watch: ChainWatch, other: str, earlier: ChainWatch) -> Iterator[Finding]:
    """Yields the chains of a part that resemble one of another, by :func:`near_duplicates`."""
    pairs = [pair for pair in near_duplicates(watch.chains, earlier.chains) if pair.method != "equal"]
    if not pairs:
        return
    tally = Tally()
    seen: set[int] = set()
    for pair in sorted(pairs, key=lambda pair: -pair.identity):
        if pair.query in seen:
            continue
        seen.add(pair.query)
        path, line, name = watch.places[pair.query]
        their_path, their_line, their_name = earlier.places[pair.target]
        alike = f"{name} is {pair.identity:.0%} identical to {their_name} ({their_path}:{their_line})"
        tally.add(path, line, alike)
    how = "MMseqs2's alignments" if pairs[0].method == "mmseqs" else "a screen of shared 4-mers"
    message = (
        f"{len(seen):,} of {len(watch.chains):,} chains of {part} share 40% of their residues or more with one of "
        f"{other}, by {how}"
    )
    yield Finding.of("D805", message, part=f"{other}, {part}", tally=tally)
