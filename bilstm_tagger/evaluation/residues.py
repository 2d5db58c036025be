"""Secondary structure: Q3 and Q8 per residue and per chain, each state's scores, and segment overlap.

Residues without a gold state (no coordinates) are left out of every figure. Q8 compares the states of DSSP, all
spellings of coil being one; Q3 compares them after a map to three (by the standard one H, G, I are helix; E, B strand;
all else coil), so eight-state predictions have both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import InputError
from bilstm_tagger.evaluation.bootstrap import UnitShares
from bilstm_tagger.evaluation.classes import ClassTable, class_table
from bilstm_tagger.evaluation.pairs import TagPairs, encode_pairs
from bilstm_tagger.evaluation.sov import sov_per_chain
from bilstm_tagger.tasks.protein_ss3 import STATE_MAPS, THREE_STATES, sum_to_three
from bilstm_tagger.types import TaggedSequence

__all__ = [
    "LengthBin",
    "ResidueScores",
    "encode_states",
    "gold_of_three",
    "only_three_states",
    "score_residues",
    "summed_states",
]

LENGTHS = (1, 50, 100, 200, 300, 500, 1000)
"""Where the bins of chain length begin."""

_BEYOND_THREE = frozenset("GIBST")
# Fewer residues may lack the rarer states by chance.
_ENOUGH = 100
# The seven letters of DSSP that are no coil stay; every way to write coil is C.
_EIGHT_STATES = {state: state if state in "HGIEBST" else "C" for state in THREE_STATES}


@dataclass(frozen=True, slots=True)
class LengthBin:
    """The chains of some lengths.

    Attributes:
        shortest: Residues of the shortest chain that belongs here.
        longest: Of the longest; None has no bound.
        chains: How many chains there are.
        residues: How many of their residues have a known state.
        accuracy: The share of those that is right, in the task's states.
    """

    shortest: int
    longest: int | None
    chains: int
    residues: int
    accuracy: float


@dataclass(frozen=True, slots=True)
class ResidueScores:
    """Scores of secondary structure, as fractions.

    Attributes:
        q3: Share of residues right in three states, over all residues of the set.
        q3_chain_mean: The same for each chain, averaged over chains.
        q8: As ``q3`` in eight states; None for three-state tasks, and where the gold tags have three.
        q8_chain_mean: As ``q3_chain_mean`` in eight states.
        sov99: SOV'99 over the task's states, averaged over chains.
        sov_refine: SOV_refine (lambda 1) over the task's states, averaged over chains.
        sov99_three_states: SOV'99 after the map to three states; for three-state tasks equal to ``sov99``.
        sov99_per_state: SOV'99 of each gold state, averaged over the chains that have it.
        classes: Precision, recall, F1, MCC and confusions of the task's states, over all residues.
        lengths: Accuracy by chain length, of the lengths that there are.
        q3_summed: Q3 of an eight-state model that answers with the three-state sum of largest probability; None
            without probabilities.
    """

    q3: float
    q3_chain_mean: float
    q8: float | None
    q8_chain_mean: float | None
    sov99: float
    sov_refine: float
    sov99_three_states: float
    sov99_per_state: dict[str, float]
    classes: ClassTable
    lengths: tuple[LengthBin, ...]
    q3_summed: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures that apply, JSON-ready; SOV'99 of a state is with its other scores."""
        figures = {"q3": self.q3, "q3_chain_mean": self.q3_chain_mean}
        if self.q8 is not None and self.q8_chain_mean is not None:
            figures |= {"q8": self.q8, "q8_chain_mean": self.q8_chain_mean}
            figures["sov99_three_states"] = self.sov99_three_states
        if self.q3_summed is not None:
            figures["q3_summed"] = self.q3_summed
        table = self.classes.to_dict()
        for state, value in self.sov99_per_state.items():
            table["per_class"][state]["sov99"] = value
        table["lengths"] = [asdict(row) for row in self.lengths]
        return figures | {"sov99": self.sov99, "sov_refine": self.sov_refine} | table


def encode_states(
    gold: Sequence[Sequence[str | None]],
    predicted: Sequence[Sequence[str]],
    *,
    three: bool,
    states: str = "standard",
) -> TagPairs:
    """Turns states into codes, of three states by a map in ``STATE_MAPS``, or of eight.

    Raises:
        InputError: A letter is no state.
    """
    for tag in set(chain.from_iterable(gold)) | set(chain.from_iterable(predicted)):
        if tag is not None and tag not in THREE_STATES:
            raise InputError(
                "this is not a state of protein secondary structure",
                received=tag,
                accepted="H, G, I, E, B, S, T and C (also written L, P, -, _, a dot or a blank)",
            )
    return encode_pairs(gold, predicted, translation=STATE_MAPS[states] if three else _EIGHT_STATES)


def only_three_states(gold: Sequence[Sequence[str | None]]) -> bool:
    """Says whether true states are of three: of many residues none is a turn, a bend or another of the rarer five."""
    states = Counter(tag for tags in gold for tag in tags if tag is not None)
    return states.total() >= _ENOUGH and not states.keys() & _BEYOND_THREE


def gold_of_three(gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]]) -> bool:
    """Says whether the true states are three where eight were predicted: no score in eight means anything then."""
    if not only_three_states(gold):
        return False
    answers = zip(chain.from_iterable(gold), chain.from_iterable(predicted), strict=True)
    return any(answer in _BEYOND_THREE for true, answer in answers if true is not None)


def summed_states(docs: Sequence[TaggedSequence], *, states: str = "standard") -> list[str] | None:
    """Returns the state of largest summed probability of each residue; None where probabilities were not kept."""
    answers = []
    for doc in docs:
        if doc.probabilities is None:
            return None
        sums = sum_to_three(doc.probabilities, doc.labels, states=states)  # (seq_len, 3)
        answers.append("".join(np.array(list("CHE"))[sums.argmax(axis=1)]))
    return answers


def score_residues(
    gold: Sequence[Sequence[str | None]],
    predicted: Sequence[Sequence[str]],
    *,
    eight: bool,
    summed: Sequence[Sequence[str]] | None = None,
    states: str = "standard",
) -> tuple[ResidueScores, UnitShares]:
    """Scores checked pairs.

    Args:
        gold: The true states of each chain; None where there are no coordinates.
        predicted: The predicted states.
        eight: Score eight states as well. Otherwise both sides are mapped to three first.
        summed: The three states that the model predicts by summing probabilities.
        states: How eight states become three, a name in ``STATE_MAPS``.

    Returns:
        The scores, and what each chain adds to them.

    Raises:
        InputError: A letter is no state.
    """
    three = encode_states(gold, predicted, three=True, states=states)
    own = encode_states(gold, predicted, three=False) if eight else three
    classes = class_table(own)
    chains = {
        "sov99": sov_per_chain(own),
        "sov_refine": sov_per_chain(own, method="sov_refine"),
    }
    shares = _accuracy_shares("q3", three)
    if eight:
        shares |= _accuracy_shares("q8", own)
        chains["sov99_three_states"] = sov_per_chain(three)
    if summed is not None:
        by_sum = encode_states(gold, summed, three=True, states=states)
        shares["q3_summed"] = by_sum.sequence_counts
    shares |= {name: _mean_share(values) for name, values in chains.items()}
    units = UnitShares.of("chains", shares)
    values = dict(zip(units.names, units.scores.tolist(), strict=True))
    scores = ResidueScores(
        q3=values["q3"],
        q3_chain_mean=values["q3_chain_mean"],
        q8=values.get("q8"),
        q8_chain_mean=values.get("q8_chain_mean"),
        sov99=values["sov99"],
        sov_refine=values["sov_refine"],
        sov99_three_states=values.get("sov99_three_states", values["sov99"]),
        sov99_per_state={
            state: float(np.nanmean(sov_per_chain(own, state=state)))
            for state, row in classes.per_class.items()
            if row.support
        },
        classes=classes,
        lengths=_by_length(own),
        q3_summed=values.get("q3_summed"),
    )
    return scores, units


def _accuracy_shares(name: str, pairs: TagPairs) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The shares of accuracy over residues and of its mean over chains."""
    right, known = pairs.sequence_counts
    means = np.divide(right, known, out=np.full(len(known), np.nan), where=known > 0)
    return {name: (right, known), f"{name}_chain_mean": _mean_share(means)}


def _mean_share(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The shares of a mean over chains; a chain without known residues (NaN) has none."""
    there = ~np.isnan(values)
    return np.where(there, values, 0.0), there.astype(np.float64)


def _by_length(pairs: TagPairs) -> tuple[LengthBin, ...]:
    right, known = pairs.sequence_counts
    place = np.searchsorted(LENGTHS, pairs.lengths, side="right")  # (num_chains,), 0 is an empty chain
    rows = []
    for index, shortest in enumerate(LENGTHS, start=1):
        here = (place == index) & (known > 0)
        if here.any():
            longest = LENGTHS[index] - 1 if index < len(LENGTHS) else None
            residues = int(known[here].sum())
            rows.append(LengthBin(shortest, longest, int(here.sum()), residues, float(right[here].sum() / residues)))
    return tuple(rows)
