"""Chains of one set that resemble chains of another: what makes a test score too good.

Without any other program a screen by shared k-mers finds what is alike over its length; where MMseqs2 is installed its
alignments are used, which find remote relatives too (Steinegger & Söding 2017).
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.data.proteins.residues import AMINO_ACIDS
from bilstm_tagger.errors import DataError

__all__ = ["NearDuplicate", "near_duplicates"]

_K = 4
_BAND = 16
_LEAST_HITS = 3
_COVERAGE = 0.5
_QUERIES_AT_ONCE = 256
_NO_CODE = len(AMINO_ACIDS)


class NearDuplicate(NamedTuple):
    """Two chains that are alike.

    Attributes:
        query: Index into the queries.
        target: Index into the targets.
        identity: Share of identical residues: of the alignment (MMseqs2), or estimated from the k-mers; 1.0 is for
            chains that are equal letter by letter, and for those of which one lies within the other.
        method: ``equal``, ``kmers`` or ``mmseqs``.
    """

    query: int
    target: int
    identity: float
    method: str


def near_duplicates(
    queries: Sequence[str],
    targets: Sequence[str],
    *,
    identity: float = 0.5,
    method: Literal["auto", "kmers", "mmseqs"] = "auto",
) -> list[NearDuplicate]:
    """Finds the pairs of chains that share more than ``identity`` of their residues.

    Args:
        queries: Chains in one-letter code, upper case.
        targets: The chains to compare them with.
        identity: Least share of identical residues. The k-mer screen misses many pairs below 0.4, and there takes some
            for alike that are not.
        method: ``auto`` takes MMseqs2 where it is installed.

    Returns:
        The pairs, those of one query together, the most alike first.

    Raises:
        DataError: ``mmseqs`` was asked for and is not installed, or it failed.
    """
    if method == "auto":
        method = "kmers" if shutil.which("mmseqs") is None else "mmseqs"
    alike = _search(queries, targets, identity) if method == "mmseqs" else _screen(queries, targets, identity)
    # Chains too short for either method, or of unknown residues, can still be equal.
    positions: dict[str, list[int]] = {}
    for target, chain in enumerate(targets):
        positions.setdefault(chain, []).append(target)
    found = {(pair.query, pair.target): pair for pair in alike}
    for query, chain in enumerate(queries):
        for target in positions.get(chain, []) if chain else []:
            found[query, target] = NearDuplicate(query, target, 1.0, "equal")
    return sorted(found.values(), key=lambda pair: (pair.query, -pair.identity, pair.target))


def _screen(queries: Sequence[str], targets: Sequence[str], identity: float) -> list[NearDuplicate]:
    """Counts the k-mers that two chains share in about the same alignment.

    Of each chain the first place of every distinct k-mer counts, so that repeats of one residue weigh little. Two
    chains are a candidate when ``_LEAST_HITS`` shared k-mers lie in one band of ``_BAND`` diagonals, as in the first
    step of FASTA (Pearson & Lipman 1988). The identity is that of a chain whose residues changed independently:
    a share c of k-mers unchanged means c^(1/k) of the residues (Ondov et al. 2016, for containment).
    """
    index = _Kmers(targets)
    pairs: list[NearDuplicate] = []
    for begin in range(0, len(queries), _QUERIES_AT_ONCE):
        part = _Kmers(queries[begin : begin + _QUERIES_AT_ONCE])
        first = np.searchsorted(index.codes, part.codes, side="left")
        counts = np.searchsorted(index.codes, part.codes, side="right") - first
        ours = np.repeat(np.arange(len(part.codes)), counts)
        theirs = np.arange(len(ours)) + np.repeat(first - np.cumsum(counts) + counts, counts)
        hits = _in_bands(
            part.chains[ours] * len(targets) + index.chains[theirs], part.places[ours], index.places[theirs]
        )
        for number, count, reach in zip(*(values.tolist() for values in hits), strict=True):
            query, target = divmod(number, len(targets))
            shorter = min(len(queries[begin + query]), len(targets[target]))
            share = count / min(part.sizes[query], index.sizes[target])
            estimate = min(1.0, float(share) ** (1 / _K))
            if estimate >= identity and reach + _K - 1 >= _COVERAGE * shorter:
                pairs.append(NearDuplicate(begin + query, target, round(estimate, 3), "kmers"))
    return pairs


class _Kmers:
    """The distinct k-mers of all chains, in order of their codes.

    Attributes:
        codes: ``(num_kmers,)`` the k-mers as numbers to the base 20, ascending.
        chains: ``(num_kmers,)`` which chain each is from.
        places: ``(num_kmers,)`` where in the chain it is first.
        sizes: ``(num_chains,)`` how many each chain has.
    """

    def __init__(self, chains: Sequence[str]) -> None:
        table = np.full(256, _NO_CODE, dtype=np.int64)
        table[np.frombuffer(AMINO_ACIDS.encode(), dtype=np.uint8)] = np.arange(len(AMINO_ACIDS))
        # One letter that is no residue between chains keeps k-mers from reaching over.
        letters = table[np.frombuffer("*".join([*chains, "*" * _K]).encode("ascii", "replace"), dtype=np.uint8)]
        starts = np.cumsum([0, *(len(chain) + 1 for chain in chains)])
        codes = np.zeros(len(letters) - _K, dtype=np.int64)
        known = np.ones(len(codes), dtype=bool)
        for offset in range(_K):
            letter = letters[offset : offset + len(codes)]
            codes = codes * len(AMINO_ACIDS) + letter
            known &= letter != _NO_CODE
        # Runs of one or two residues (His tags, linkers, coiled coils) say nothing of kinship.
        window = np.sort(np.lib.stride_tricks.sliding_window_view(letters, _K)[: len(codes)], axis=1)
        known &= (np.diff(window, axis=1) != 0).sum(axis=1) >= 2
        where = np.flatnonzero(known)
        owner = np.searchsorted(starts, where, side="right") - 1
        space = len(AMINO_ACIDS) ** _K
        _, distinct = np.unique(owner * space + codes[where], return_index=True)
        order = distinct[np.argsort(codes[where[distinct]], kind="stable")]
        self.codes = codes[where[order]]
        self.chains = owner[order]
        self.places = where[order] - starts[self.chains]
        self.sizes: NDArray[np.int64] = np.bincount(self.chains, minlength=len(chains))


def _in_bands(
    pair: NDArray[np.int64], place: NDArray[np.int64], partner: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Keeps the pairs with enough hits in one band of diagonals.

    Args:
        pair: ``(num_hits,)`` number of the pair of chains.
        place: ``(num_hits,)`` where the shared k-mer stands in the one chain.
        partner: ``(num_hits,)`` where it stands in the other.

    Returns:
        The pairs that are left, the number of hits in all such bands of each, and over how many residues they reach.
    """
    band = (place - partner) // _BAND
    lowest = band.min(initial=0)
    _, inverse, hits = np.unique(
        pair * (band.max(initial=0) - lowest + 1) + band - lowest, return_inverse=True, return_counts=True
    )
    kept = hits[inverse] >= _LEAST_HITS
    place = place[kept]
    numbers, group, counts = np.unique(pair[kept], return_inverse=True, return_counts=True)
    first, last = np.full(len(numbers), np.iinfo(np.int64).max), np.zeros(len(numbers), dtype=np.int64)
    np.minimum.at(first, group, place)
    np.maximum.at(last, group, place)
    return numbers, counts, last - first + 1


def _search(queries: Sequence[str], targets: Sequence[str], identity: float) -> list[NearDuplicate]:
    """Aligns with ``mmseqs easy-search``: at most 1e-3 hits by chance, over half of the shorter chain or more."""
    program = shutil.which("mmseqs")
    if program is None:
        raise DataError("the program 'mmseqs' (MMseqs2) is not installed", accepted="method = kmers, or mmseqs on PATH")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, chains in (("queries.fasta", queries), ("targets.fasta", targets)):
            text = "".join(f">{index}\n{chain}\n" for index, chain in enumerate(chains) if chain)
            (folder / file).write_text(text, encoding="ascii")
        command = [program, "easy-search", "queries.fasta", "targets.fasta", "hits.tsv", "work"]
        command += ["-s", "6", "-e", "1e-3", "--min-seq-id", str(identity), "-c", "0.5", "--cov-mode", "5"]
        command += ["--format-output", "query,target,fident", "-v", "1"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = " ".join((done.stderr or done.stdout).split())
            raise DataError(f"mmseqs failed with exit code {done.returncode}", received=reason[-300:])
        with (folder / "hits.tsv").open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines, delimiter="\t"))
    best: dict[tuple[int, int], float] = {}
    for query, target, share in rows:
        key = int(query), int(target)
        best[key] = max(best.get(key, 0.0), float(share))
    return [NearDuplicate(*key, share, "mmseqs") for key, share in best.items()]
