"""Random tags: our fast and vectorised figures against seqeval, scikit-learn and plain loops."""

import math
from itertools import chain, groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from sklearn.metrics import matthews_corrcoef, precision_recall_fscore_support

from bilstm_tagger.evaluation import fast_metric, score
from bilstm_tagger.evaluation.sov import sov
from bilstm_tagger.schemes import Scheme, spans_to_tags, tags_to_spans


def pairs(letters, *, unknown=False, min_size=1):
    """Two tag sequences of one length for each of a few sequences, as (gold, predicted)."""
    gold = st.sampled_from([*letters, None] if unknown else letters)
    sequence = st.lists(st.tuples(gold, st.sampled_from(letters)), min_size=min_size, max_size=14)
    return st.lists(sequence, min_size=1, max_size=5).map(
        lambda rows: ([[g for g, _ in row] for row in rows], [[p for _, p in row] for row in rows])
    )


SPAN_TAGS = ["O", "O", "B-A", "I-A", "B-B", "I-B"]


@given(pairs(SPAN_TAGS))
def test_fast_f1_is_seqeval_s_strict_f1(both):
    gold, predicted = both
    expected = f1_score(gold, predicted, mode="strict", scheme=IOB2, zero_division=0)
    assert fast_metric(gold, predicted, "f1") == pytest.approx(expected)
    assert score(gold, predicted, task="ner").metric("f1") == pytest.approx(expected)


@given(pairs(SPAN_TAGS))
def test_default_reads_spans_as_this_package_does(both):
    gold, predicted = both
    first = {(i, *span) for i, row in enumerate(gold) for span in tags_to_spans(row)}
    second = {(i, *span) for i, row in enumerate(predicted) for span in tags_to_spans(row)}
    scores = score(gold, predicted, task="ner").default.micro
    assert scores.support == len(first)
    assert scores.f1 == pytest.approx(2 * len(first & second) / max(1, len(first) + len(second)))


@given(pairs(SPAN_TAGS))
def test_strict_and_default_agree_on_well_formed_tags(both):
    gold, predicted = ([spans_to_tags(tags_to_spans(row), len(row), Scheme.IOB2) for row in rows] for rows in both)
    report = score(gold, predicted, task="ner")
    assert report.strict == report.default


@given(pairs(SPAN_TAGS, unknown=True))
def test_fast_f1_with_unknown_tags(both):
    gold, predicted = both
    if any(tag is not None for row in gold for tag in row):
        report = score(gold, predicted, task="ner")
        assert fast_metric(gold, predicted, "f1") == pytest.approx(report.strict.micro.f1)


@given(pairs(SPAN_TAGS, unknown=True), st.data())
def test_what_is_predicted_inside_the_unknown_makes_no_difference(both, data):
    """Between unknown tokens anything goes: the scores see only spans on known tokens."""
    gold, predicted = both
    gold = [["O", None, None, None, "O", *row] for row in gold]
    first = [["O", *data.draw(st.lists(st.sampled_from(SPAN_TAGS), min_size=3, max_size=3)), "O", *row]
             for row in predicted]  # fmt: skip
    second = [["O", "O", "O", "O", "O", *row] for row in predicted]
    assert score(gold, first, task="ner") == score(gold, second, task="ner")


@given(pairs(["H", "E", "C"]))
def test_classes_against_scikit_learn(both):
    gold, predicted = both
    flat_gold, flat_predicted = list(chain.from_iterable(gold)), list(chain.from_iterable(predicted))
    classes = score(gold, predicted, task="protein_ss3").residues.classes
    labels = sorted({*flat_gold, *flat_predicted})
    columns = precision_recall_fscore_support(flat_gold, flat_predicted, labels=labels, zero_division=0)
    assert list(classes.per_class) == labels
    for label, precision, recall, f1, support in zip(labels, *columns, strict=True):
        row = classes.per_class[label]
        assert (row.precision, row.recall, row.f1) == pytest.approx((precision, recall, f1))
        assert row.support == support
        if len(labels) > 1:
            mcc = matthews_corrcoef([g == label for g in flat_gold], [p == label for p in flat_predicted])
            assert row.mcc == pytest.approx(mcc, abs=1e-12)


def sov_by_loops(reference, predicted, method):
    """SOV'94, SOV'99 and SOV_refine as their papers write them; unknown residues belong to no segment."""

    def segments(states):
        found, position = [], 0
        for state, group in groupby(states):
            length = len(list(group))
            found.append((state, position, position + length))
            position += length
        return [segment for segment in found if segment[0] is not None]

    truth = segments(reference)
    guess = segments([None if r is None else p for r, p in zip(reference, predicted, strict=True)])
    residues = sum(end - start for _, start, end in truth)
    bound = len({state for state, _, _ in truth}) / sum(((end - start) / residues) ** 2 for _, start, end in truth)
    earned = divisor = 0.0
    for state, start, end in truth:
        length, met = end - start, 0
        for other, begin, finish in guess:
            if other != state or begin >= end or start >= finish:
                continue
            met += 1
            smaller, larger = min(end, finish) - max(start, begin), max(end, finish) - min(start, begin)
            delta = {
                "sov94": min(larger - smaller, smaller, length // 2),
                "sov99": min(larger - smaller, smaller, length // 2, (finish - begin) // 2),
                "sov_refine": min(bound * length / residues * smaller / larger, larger - smaller),
            }[method]
            earned += (smaller + delta) / larger * length
        divisor += length if method == "sov94" else length * max(1, met)
    return earned / divisor


@settings(max_examples=300)
@given(pairs(["H", "E", "C"], unknown=True), st.sampled_from(["sov94", "sov99", "sov_refine"]))
def test_sov_against_loops(both, method):
    for reference, predicted in zip(*both, strict=True):
        if any(state is not None for state in reference):
            value = sov(reference, predicted, method=method)
            assert value == pytest.approx(sov_by_loops(reference, predicted, method))
            assert value >= 0.0
            assert value <= 1.0 + 1e-12 or method == "sov94"


@given(pairs(["H", "G", "E", "B", "S", "C"], unknown=True))
def test_a_perfect_prediction_is_perfect(both):
    gold, _ = both
    if all(any(state is not None for state in row) for row in gold):
        predicted = [[state or "C" for state in row] for row in gold]
        residues = score(gold, predicted, task="protein_ss8").residues
        assert residues.q8 == residues.q3 == residues.q3_chain_mean == residues.q8_chain_mean == 1.0
        assert residues.sov99 == pytest.approx(1.0)
        assert residues.sov_refine == pytest.approx(1.0)


@given(pairs(["H", "G", "E", "C", "S"], unknown=True))
def test_masked_residues_are_not_looked_at(both):
    gold, predicted = both
    if any(state is not None for row in gold for state in row):
        other = [
            ["H" if g is None else p for g, p in zip(right, guess, strict=True)]
            for right, guess in zip(gold, predicted, strict=True)
        ]
        first, second = (score(gold, guess, task="protein_ss8").to_dict() for guess in (predicted, other))
        assert first == second
        assert not any(math.isnan(first[key]) for key in ("q3", "q8", "sov99", "sov_refine"))
