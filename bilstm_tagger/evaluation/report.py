"""The scores of a tagger on a data set, whatever the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bilstm_tagger.errors import ConfigError, suggest
from bilstm_tagger.evaluation.classes import ClassTable, class_table
from bilstm_tagger.evaluation.pairs import check_pairs, encode_pairs
from bilstm_tagger.evaluation.residues import ResidueScores, encode_states, score_residues
from bilstm_tagger.evaluation.spans import SpanScores, score_spans, strict_f1
from bilstm_tagger.evaluation.text import report_text
from bilstm_tagger.tasks import Task, get_task

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
        chains, ``sov99`` and ``sov_refine`` (means over chains). ``seconds`` where measured.
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
        return record

    def to_text(self) -> str:
        """Returns aligned tables for a terminal, in percent with two decimals; no final line break."""
        return report_text(self)


def score(
    gold: Sequence[Sequence[str | None]],
    predicted: Sequence[Sequence[str]],
    *,
    task: str | Task,
    seconds: float | None = None,
) -> Report:
    """Compares predicted tags with gold tags.

    Args:
        gold: The true tags of each sequence; None where a tag is unknown, such as residues without coordinates.
            Such tokens are left out of every score; `bilstm_tagger.evaluation.spans` and `.sov` say what that
            means for spans and segments. Tasks with spans take IOB2 tags.
        predicted: As many tags for each sequence.
        task: The task or its name; it decides what is computed.
        seconds: How long the tagging took, to be kept in the report.

    Raises:
        InputError: The lengths differ, nothing is there to score, or a tag is not one of the task's kind.
        ConfigError: There is no such task.
    """
    task = task if isinstance(task, Task) else get_task(task)
    gold, predicted = list(gold), list(predicted)
    check_pairs(gold, predicted)
    pairs = encode_pairs(gold, predicted)
    accuracy = pairs.accuracy
    strict = default = classes = residues = None
    if task.kind == "spans":
        strict, default = score_spans(gold, predicted)
    elif task.kind == "tokens":
        classes = class_table(pairs)
    else:
        residues = score_residues(gold, predicted, eight=task.metric == "q8")
        accuracy = residues.q3 if residues.q8 is None else residues.q8
    return Report(
        task=task.name,
        title=task.title,
        sequences=len(gold),
        tokens=len(pairs.gold),
        unknown_tokens=int((~pairs.known).sum()),
        accuracy=accuracy,
        strict=strict,
        default=default,
        classes=classes,
        residues=residues,
        seconds=seconds,
    )


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
