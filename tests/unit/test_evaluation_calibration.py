"""Calibration by hand, and on predictions whose probabilities are true."""

import numpy as np
import pytest

from bilstm_tagger.evaluation import score
from bilstm_tagger.evaluation.calibration import calibration, thresholds
from bilstm_tagger.types import Span, TaggedSequence


def tagged(tags, scores, *, spans=(), labels=(), probabilities=None):
    text = " ".join("w" for _ in tags)
    offsets = [(2 * i, 2 * i + 1) for i in range(len(tags))]
    found = [
        Span(text[2 * start : 2 * end - 1], label, 2 * start, 2 * end - 1, value, start, end)
        for label, start, end, value in spans
    ]
    return TaggedSequence(
        text, ["w"] * len(tags), list(tags), found, list(scores), 0.5, offsets, None, tuple(labels), probabilities
    )


def test_by_hand():
    judged = calibration("tags", np.array([0.05, 0.62, 0.68, 1.0]), np.array([False, True, False, True]))
    assert judged.error == pytest.approx((0.05 + 2 * abs(0.65 - 0.5) + 0.0) / 4)
    assert judged.brier == pytest.approx((0.05**2 + 0.38**2 + 0.68**2) / 4)
    assert (judged.count, judged.accuracy) == (4, 0.5)
    assert judged.confidence == pytest.approx(2.35 / 4)
    assert [row.count for row in judged.bins] == [1, 0, 0, 0, 0, 0, 2, 0, 0, 1]
    assert (judged.bins[6].low, judged.bins[6].high, judged.bins[6].accuracy) == (0.6, 0.7, 0.5)
    assert sum(row["count"] for row in judged.to_dict()["bins"]) == 4
    assert judged.to_dict()["expected_calibration_error"] == judged.error


def test_true_probabilities_have_little_error():
    rng = np.random.default_rng(0)
    probability = rng.random(200_000)
    true = calibration("tags", probability, rng.random(200_000) < probability)
    boasted = calibration("tags", probability, rng.random(200_000) < probability**2)
    assert true.error < 0.01
    assert boasted.error == pytest.approx(1 / 2 - 1 / 3, abs=0.01)


def test_nothing_to_judge():
    assert calibration("spans", np.zeros(0), np.zeros(0, dtype=bool)) is None


def test_thresholds_by_hand():
    rows = thresholds(np.array([0.9, 0.6, 0.2]), np.array([True, False, True]), 4, at=(0.0, 0.6, 0.95))
    assert [row.kept for row in rows] == [3, 2, 0]
    assert [row.precision for row in rows] == [2 / 3, 1 / 2, 0.0]
    assert [row.recall for row in rows] == [2 / 4, 1 / 4, 0.0]
    assert [row.f1 for row in rows] == [4 / 7, 2 / 6, 0.0]


def test_a_report_on_tagged_sequences_judges_tags_and_spans():
    gold = [["B-A", "O", "B-B"], ["O", None]]
    docs = [
        tagged(["B-A", "O", "O"], [0.9, 0.8, 0.55], spans=[("A", 0, 1, 0.85)]),
        tagged(["B-A", "B-A"], [0.6, 0.9], spans=[("A", 0, 1, 0.4), ("A", 1, 2, 0.7)]),
    ]
    report = score(gold, docs, task="ner")
    tags, spans = report.calibration
    assert (tags.of, tags.count, tags.accuracy) == ("tags", 4, 0.5)
    # The span over the unknown tag is neither right nor wrong.
    assert (spans.of, spans.count, spans.accuracy) == ("spans", 2, 0.5)
    assert spans.confidence == pytest.approx((0.85 + 0.4) / 2)
    assert [row.kept for row in report.thresholds if row.probability in (0.0, 0.5, 0.9)] == [2, 1, 0]
    full = report.thresholds[0]
    assert (full.precision, full.recall) == (report.strict.micro.precision, report.strict.micro.recall)
    record = report.to_dict()
    assert set(record["calibration"]) == {"tags", "spans"}
    assert record["thresholds"][0]["kept"] == 2
    plain = score(gold, [doc.tags for doc in docs], task="ner")
    assert plain.strict == report.strict
    assert (plain.calibration, plain.thresholds) == ((), ())


def test_long_tables_are_printed_where_asked_for():
    gold = [["B-A", "O"], ["O", "B-A"]]
    docs = [tagged(["B-A", "O"], [0.9, 0.8], spans=[("A", 0, 1, 0.85)]), tagged(["O", "O"], [0.6, 0.9])]
    report = score(gold, docs, task="ner")
    short, long = report.to_text(), report.to_text(details=True)
    assert "Expected calibration error: tags 35.00 (say 80.00, are 75.00), spans 15.00 (say 85.00, are 100.00)" in short
    assert "Calibration of the spans" not in short
    for heading in ("Calibration of the tags; Brier score", "Calibration of the spans", "Spans of at least"):
        assert heading in long
    assert ["0.90", "0", "0.00", "0.00", "0.00"] in [line.split() for line in long.splitlines()]


def test_eight_states_are_also_summed_to_three():
    labels = ("C", "G", "H", "T")
    # G and H together are the most probable, though C alone is.
    row = [0.4, 0.3, 0.3, 0.0]
    docs = [tagged("CC", [0.4, 0.4], labels=labels, probabilities=np.array([row, row], dtype=np.float32))] * 2
    report = score([["H", "C"], ["H", "C"]], docs, task="protein_ss8")
    assert report.residues.q3 == 0.5
    assert report.residues.q3_summed == 0.5
    answers = score([["H", "H"], ["H", None]], docs, task="protein_ss8")
    assert (answers.residues.q3, answers.residues.q3_summed) == (0.0, 1.0)
    assert answers.to_dict()["q3_summed"] == 1.0
    assert ["Q3,", "summed", "100.00", "100.00-100.00"] in [line.split() for line in answers.to_text().splitlines()]
    # By JNet's map G is coil.
    assert score([["H", "H"], ["H", None]], docs, task="protein_ss8", states="jnet").residues.q3_summed == 0.0
    bare = [tagged("CC", [0.4, 0.4])] * 2
    assert score([["H", "H"], ["H", "H"]], bare, task="protein_ss8").residues.q3_summed is None


def test_confusions_and_lengths_of_proteins():
    gold, predicted = [list("H" * 49 + "C"), list("EE"), []], [list("H" * 50), list("EE"), []]
    report = score(gold, predicted, task="protein_ss3")
    assert [(row.shortest, row.longest, row.chains, row.residues) for row in report.residues.lengths] == [
        (1, 49, 1, 2),
        (50, 99, 1, 50),
    ]
    assert report.residues.lengths[1].accuracy == 49 / 50
    lines = [line.split() for line in report.to_text(details=True).splitlines()]
    assert ["C", "0", "0", "1"] in lines
    assert ["50-99", "1", "50", "98.00"] in lines
