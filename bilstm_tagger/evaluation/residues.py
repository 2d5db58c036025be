"""Secondary structure: Q3 and Q8 per residue and per chain, each state's scores, and segment overlap.

Residues without a gold state (no coordinates) are left out of every figure. Q8 compares the states of DSSP, all
spellings of coil being one; Q3 compares them after the standard map to three (H, G, I are helix; E, B strand; all
else coil), so eight-state predictions have both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import InputError
from bilstm_tagger.evaluation.classes import ClassTable, class_table
from bilstm_tagger.evaluation.pairs import TagPairs, encode_pairs
from bilstm_tagger.evaluation.sov import sov_per_chain
from bilstm_tagger.tasks.protein_ss3 import THREE_STATES

__all__ = ["ResidueScores", "encode_states", "score_residues"]

# The seven letters of DSSP that are no coil stay; every way to write coil is C.
_EIGHT_STATES = {state: state if state in "HGIEBST" else "C" for state in THREE_STATES}


@dataclass(frozen=True, slots=True)
class ResidueScores:
    """Scores of secondary structure, as fractions.

    Attributes:
        q3: Share of residues right in three states, over all residues of the set.
        q3_chain_mean: The same for each chain, averaged over chains.
        q8: As ``q3`` in eight states; None for three-state tasks.
        q8_chain_mean: As ``q3_chain_mean`` in eight states.
        sov99: SOV'99 over the task's states, averaged over chains.
        sov_refine: SOV_refine (lambda 1) over the task's states, averaged over chains.
        sov99_three_states: SOV'99 after the map to three states; for three-state tasks equal to ``sov99``.
        sov99_per_state: SOV'99 of each gold state, averaged over the chains that have it.
        classes: Precision, recall, F1, MCC and confusions of the task's states, over all residues.
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

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures that apply, JSON-ready; SOV'99 of a state is with its other scores."""
        figures = {"q3": self.q3, "q3_chain_mean": self.q3_chain_mean}
        if self.q8 is not None and self.q8_chain_mean is not None:
            figures |= {"q8": self.q8, "q8_chain_mean": self.q8_chain_mean}
            figures["sov99_three_states"] = self.sov99_three_states
        table = self.classes.to_dict()
        for state, value in self.sov99_per_state.items():
            table["per_class"][state]["sov99"] = value
        return figures | {"sov99": self.sov99, "sov_refine": self.sov_refine} | table


def encode_states(gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]], *, three: bool) -> TagPairs:
    """Turns states into codes, of three states or of eight.

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
    return encode_pairs(gold, predicted, translation=THREE_STATES if three else _EIGHT_STATES)


def score_residues(
    gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]], *, eight: bool
) -> ResidueScores:
    """Scores checked pairs.

    Args:
        gold: The true states of each chain; None where there are no coordinates.
        predicted: The predicted states.
        eight: Score eight states as well. Otherwise both sides are mapped to three first.

    Raises:
        InputError: A letter is no state.
    """
    three = encode_states(gold, predicted, three=True)
    own = encode_states(gold, predicted, three=False) if eight else three
    classes = class_table(own)
    per_state = {
        state: _mean(sov_per_chain(own, state=state)) for state, row in classes.per_class.items() if row.support
    }
    sov99 = _mean(sov_per_chain(own))
    return ResidueScores(
        q3=three.accuracy,
        q3_chain_mean=_mean(three.sequence_means),
        q8=own.accuracy if eight else None,
        q8_chain_mean=_mean(own.sequence_means) if eight else None,
        sov99=sov99,
        sov_refine=_mean(sov_per_chain(own, method="sov_refine")),
        sov99_three_states=_mean(sov_per_chain(three)) if eight else sov99,
        sov99_per_state=per_state,
        classes=classes,
    )


def _mean(chains: NDArray[np.float64]) -> float:
    """The mean over the chains that have a value; chains without known residues have none."""
    return float(np.nanmean(chains))
