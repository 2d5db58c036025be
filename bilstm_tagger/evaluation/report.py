"""The scores of a tagger on a data set, whatever the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import ConfigError, InputError, suggest
from bilstm_tagger.evaluation.bootstrap import Comparison, Intervals, UnitShares, compare_shares, intervals
from bilstm_tagger.evaluation.calibration import Calibration, Threshold, calibration, thresholds
from bilstm_tagger.evaluation.classes import ClassTable, class_table
from bilstm_tagger.evaluation.pairs import TagPairs, check_pairs, encode_pairs
from bilstm_tagger.evaluation.residues import ResidueScores, encode_states, gold_of_three, score_residues, summed_states
from bilstm_tagger.evaluation.spans import SpanScores, judge_spans, score_spans, span_counts, strict_f1
from bilstm_tagger.evaluation.text import report_text
from bilstm_tagger.tasks import Task, get_task
from bilstm_tagger.types import TaggedSequence

__all__ = ["FAST_METRICS", "Report", "fast_metric", "score"]

FAST_METRICS = ("f1", "accuracy", "q3", "q8")
"""What `fast_metric` can compute, and `Report.metric` name where the task has it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What `score` found. Every score is a fraction from 0 to 1 (MCC from -1); only the text shows percent.

    Attributes:
        task: The task's name.
        title: The task's name for headings.
        sequences: Sequences scored, those without tokens included.
        tokens: Tokens in them.
        unknown_tokens: How many of those have no gold tag and are not scored.
        accuracy: Share of tokens tagged right; for proteins that is Q3 or Q8, by the task's states.
        strict: Scores of spans by seqeval's strict reading of IOB2; for tasks with spans.
        default: The same by seqeval's default reading, which is conlleval's.
        classes: Scores of each tag; for tasks with one tag a token and no spans, such as ``pos``.
        residues: Scores of secondary structure; for proteins.
        seconds: How long the tagging took, where that was measured.
        intervals: Bootstrap intervals of the headline scores.
        calibration: Whether the probabilities of the tags hold, and for tasks with spans those of the spans; where
            the tagger's own sequences were scored.
        thresholds: For spans, precision and recall when only those of a least probability are kept.
        shares: What each sentence or chain adds to the scores, to compare two reports with.
    """

    task: str
    title: str
    sequences: int
    tokens: int
    unknown_tokens: int
    accuracy: float
    strict: SpanScores | None = None
    default: SpanScores | None = None
    classes: ClassTable | None = None
    residues: ResidueScores | None = None
    seconds: float | None = None
    intervals: Intervals | None = None
    calibration: tuple[Calibration, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    shares: UnitShares | None = field(default=None, repr=False, compare=False)

    def metric(self, name: str) -> float:
        """Returns one headline score.

        Args:
            name: ``f1`` (strict, micro), ``accuracy``, ``q3``, ``q8`` or ``sov99``.

        Raises:
            ConfigError: The task has no such score.
        """
        values: dict[str, float | None] = {"accuracy": self.accuracy}
        if self.strict is not None:
            values["f1"] = self.strict.micro.f1
        if self.residues is not None:
            values |= {"q3": self.residues.q3, "q8": self.residues.q8, "sov99": self.residues.sov99}
        value = values.get(name)
        if value is None:
            accepted = [known for known, number in values.items() if number is not None]
            raise ConfigError(
                f"the task '{self.task}' has no such score",
                received=name,
                accepted=accepted,
                hint=suggest(str(name), accepted),
            )
        return value

    def to_dict(self) -> dict[str, Any]:
        """Returns the scores that apply as a JSON-ready dictionary.

        Always ``task``, ``sequences``, ``tokens``, ``unknown_tokens``, ``accuracy``. Spans: ``strict`` and
        ``default``, each with ``precision``, ``recall``, ``f1``, ``support`` (micro), ``macro`` and ``per_type``.
        Tags: ``per_class``, ``macro``, ``confusion``. Proteins: also ``q3``, ``q8`` (eight states), their means over
        chains, ``sov99`` and ``sov_refine`` (means over chains), ``lengths``. ``seconds`` where measured.
        ``intervals`` holds ``level``, ``resamples``, ``unit``, ``units`` and ``bounds`` by score. With probabilities
        also ``calibration``, by what was predicted (``tags``, ``spans``), and ``thresholds``.
        """
        record: dict[str, Any] = {
            "task": self.task,
            "sequences": self.sequences,
            "tokens": self.tokens,
            "unknown_tokens": self.unknown_tokens,
            "accuracy": self.accuracy,
        }
        if self.strict is not None and self.default is not None:
            record |= {"strict": self.strict.to_dict(), "default": self.default.to_dict()}
        if self.classes is not None:
            record |= self.classes.to_dict()
        if self.residues is not None:
            record |= self.residues.to_dict()
        if self.seconds is not None:
            record["seconds"] = self.seconds
        if self.intervals is not None:
            record["intervals"] = self.intervals.to_dict()
        if self.calibration:
            record["calibration"] = {judged.of: judged.to_dict() for judged in self.calibration}
        if self.thresholds:
            record["thresholds"] = [row.to_dict() for row in self.thresholds]
        return record

    def to_text(self, *, details: bool = False) -> str:
        """Returns aligned tables for a terminal, in percent with two decimals; no final line break.

        Args:
            details: Also the long tables: all confusions, chain lengths, calibration, thresholds.
        """
        return report_text(self, details=details)

    def compare(self, other: Report, name: str | None = None) -> Comparison:
        """Tests whether this report's model and another's differ on the same data.

        Args:
            other: Of the other model.
            name: The score, a name in ``intervals.bounds``; by default the task's headline score.

        Raises:
            InputError: The reports are of other data, or there is no such score.
        """
        same = (self.tokens, self.unknown_tokens) == (other.tokens, other.unknown_tokens)
        if self.shares is None or other.shares is None or not same:
            raise InputError(
                "two models can be compared on the same data only",
                received=f"{self.tokens:,} and {other.tokens:,} tokens, {self.unknown_tokens:,} and "
                f"{other.unknown_tokens:,} of them without a gold tag",
            )
        names = self.shares.names
        headline = "q8" if "q8" in names and "q8" in other.shares.names else names[0]
        return compare_shares(self.shares, other.shares, name or headline)


def score(
    gold: Sequence[Sequence[str | None]],
    predicted: Sequence[Sequence[str]] | Sequence[TaggedSequence],
    *,
    task: str | Task,
    states: str = "standard",
    seconds: float | None = None,
) -> Report:
    """Compares predicted tags with gold tags.

    Args:
        gold: The true tags of each sequence; None where a tag is unknown, such as residues without coordinates.
            Such tokens are left out of every score; `bilstm_tagger.evaluation.spans` and `.sov` say what that
            means for spans and segments. Tasks with spans take IOB2 tags.
        predicted: As many tags for each sequence; or the tagger's own sequences, whose probabilities are then
            judged too.
        task: The task or its name; it decides what is computed.
        states: For proteins, how eight states become three: ``standard``, ``jnet`` or ``sspro``.
        seconds: How long the tagging took, to be kept in the report.

    Raises:
        InputError: The lengths differ, nothing is there to score, or a tag is not one of the task's kind.
        ConfigError: There is no such task.
    """
    task = task if isinstance(task, Task) else get_task(task)
    gold = list(gold)
    docs = [doc for doc in predicted if isinstance(doc, TaggedSequence)]
    docs = docs if len(docs) == len(predicted) else []
    answers = [doc.tags if isinstance(doc, TaggedSequence) else doc for doc in predicted]
    check_pairs(gold, answers)
    pairs = encode_pairs(gold, answers)
    title = task.title
    strict = default = classes = residues = None
    judged: list[Calibration | None] = []
    trade: tuple[Threshold, ...] = ()
    if task.kind == "spans":
        strict, default = score_spans(gold, answers)
        shares = _span_shares(gold, answers, pairs)
        if docs:
            probability, right = judge_spans(gold, [doc.spans for doc in docs])
            judged.append(calibration("spans", probability, right))
            trade = thresholds(probability, right, strict.micro.support) if len(probability) else ()
    elif task.kind == "tokens":
        classes = class_table(pairs)
        shares = UnitShares.of("sentences", {"accuracy": pairs.sequence_counts})
    else:
        eight = task.metric == "q8" and not gold_of_three(gold, answers)
        summed = summed_states(docs, states=states) if task.metric == "q8" and docs else None
        residues, shares = score_residues(gold, answers, eight=eight, summed=summed, states=states)
        pairs = encode_states(gold, answers, three=not eight, states=states)
        if task.metric == "q8" and not eight:
            title += "; the gold tags have three, in which all is scored"
            docs = []  # the probability of one state in eight is none of the three
    if docs:
        judged.insert(0, calibration("tags", *_judged_tags(pairs, docs)))
    return Report(
        task=task.name,
        title=title,
        sequences=len(gold),
        tokens=len(pairs.gold),
        unknown_tokens=int((~pairs.known).sum()),
        accuracy=pairs.accuracy,
        strict=strict,
        default=default,
        classes=classes,
        residues=residues,
        seconds=seconds,
        intervals=intervals(shares),
        calibration=tuple(found for found in judged if found is not None),
        thresholds=trade,
        shares=shares,
    )


def _span_shares(
    gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]], pairs: TagPairs
) -> UnitShares:
    shares = {}
    for reading in ("strict", "default"):
        right, true, found = span_counts(gold, predicted, strict=reading == "strict").T.astype(np.float64)
        shares[f"{reading}.f1"] = (2 * right, true + found)
        shares[f"{reading}.precision"] = (right, found)
        shares[f"{reading}.recall"] = (right, true)
    return UnitShares.of("sentences", shares | {"accuracy": pairs.sequence_counts})


def _judged_tags(pairs: TagPairs, docs: Sequence[TaggedSequence]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The probability of each predicted tag whose gold tag is known, and whether it is right."""
    probability = np.concatenate([np.asarray(doc.tag_scores, dtype=np.float64) for doc in docs])
    return probability[pairs.known], (pairs.gold == pairs.predicted)[pairs.known]


def fast_metric(gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]], name: str) -> float:
    """Computes one score of `score` alone, cheaply enough for every epoch.

    Args:
        gold: The true tags, None where unknown.
        predicted: The predicted tags.
        name: ``f1`` (spans, strict, micro), ``accuracy``, ``q3`` (states are mapped to three) or ``q8``.

    Raises:
        InputError: The lengths differ, nothing is there to score, or a tag does not suit the metric.
        ConfigError: There is no such metric.
    """
    if name not in FAST_METRICS:
        raise ConfigError("unknown metric", received=name, accepted=FAST_METRICS, hint=suggest(str(name), FAST_METRICS))
    check_pairs(gold, predicted)
    if name == "f1":
        return strict_f1(gold, predicted)
    if name == "accuracy":
        return encode_pairs(gold, predicted).accuracy
    return encode_states(gold, predicted, three=name == "q3").accuracy
