"""Intervals and paired tests against slow, plain versions of themselves."""

import numpy as np
import pytest

from bilstm_tagger.errors import InputError
from bilstm_tagger.evaluation import fast_metric, score
from bilstm_tagger.evaluation.bootstrap import UnitShares, compare_shares, intervals
from bilstm_tagger.evaluation.text import comparison_text


def shares_of(numerator, denominator, name="f1"):
    return UnitShares.of("sentences", {name: (np.array(numerator, float), np.array(denominator, float))})


def random_sentences(rng, count, *, wrong):
    gold, predicted = [], []
    for _ in range(count):
        tags = [rng.choice(["O", "B-A", "B-B"]) for _ in range(rng.integers(1, 8))]
        gold.append(tags)
        predicted.append(["O" if rng.random() < wrong else tag for tag in tags])
    return gold, predicted


def test_resamples_are_those_of_rescoring_the_drawn_sentences():
    """Drawing sentences one by one and scoring them anew gives the same distribution."""
    rng = np.random.default_rng(0)
    gold, predicted = random_sentences(rng, 60, wrong=0.3)
    report = score(gold, predicted, task="ner")
    found = intervals(report.shares, resamples=4000)
    scores = []
    for _ in range(200):
        drawn = rng.integers(0, 60, size=60)
        scores.append(fast_metric([gold[i] for i in drawn], [predicted[i] for i in drawn], "f1"))
    low, high = np.quantile(scores, [0.025, 0.975])
    assert found.bounds["strict.f1"] == pytest.approx((low, high), abs=0.04)
    assert found.unit == "sentences"
    assert (found.units, found.level, found.resamples) == (60, 0.95, 4000)


def test_the_interval_of_a_share_is_the_binomials():
    right = np.array([1.0] * 70 + [0.0] * 30)
    low, high = intervals(shares_of(right, np.ones(100)), resamples=50_000).bounds["f1"]
    width = 1.96 * np.sqrt(0.7 * 0.3 / 100)
    assert (low, high) == pytest.approx((0.7 - width, 0.7 + width), abs=0.015)


def test_equal_seeds_give_equal_intervals():
    shares = shares_of(np.arange(50) ** 0.5, np.arange(50))
    assert intervals(shares) == intervals(shares)
    assert intervals(shares, seed=1) != intervals(shares)


def test_units_without_anything_to_score_change_nothing():
    shares, more = shares_of([1, 0, 1], [1, 1, 2]), shares_of([1, 0, 1, 0, 0], [1, 1, 2, 0, 0])
    assert intervals(shares) == intervals(more)


def test_one_unit_has_no_interval():
    assert intervals(shares_of([1.0], [2.0])) is None
    report = score([["H", "C"]], [["H", "H"]], task="protein_ss3")
    assert report.intervals is None
    assert "intervals" not in report.to_dict()


@pytest.mark.parametrize("task", ["ner", "pos", "protein_ss3", "protein_ss8"])
def test_shares_sum_to_the_scores_of_the_report(task):
    rng = np.random.default_rng(3)
    tags = {"ner": ["O", "B-X", "I-X"], "pos": ["N", "V"]}.get(task, list("HGEBTSC"))
    lengths = rng.integers(1, 30, size=40)
    gold = [[None if rng.random() < 0.1 else str(rng.choice(tags)) for _ in range(length)] for length in lengths]
    predicted = [[str(rng.choice(tags)) for _ in range(length)] for length in lengths]
    report = score(gold, predicted, task=task)
    record = report.to_dict()
    for name, value in zip(report.shares.names, report.shares.scores, strict=True):
        section, _, key = name.rpartition(".")
        assert value == pytest.approx((record[section] if section else record)[key], abs=1e-12)
        low, high = record["intervals"]["bounds"][name]
        assert low <= value <= high


def exact_p_value(first, second):
    """All exchanges, for few sentences."""
    observed = abs(first.sum(axis=0)[0] / first.sum(axis=0)[1] - second.sum(axis=0)[0] / second.sum(axis=0)[1])
    as_large = 0
    for mask in range(2 ** len(first)):
        moved = np.array([mask >> i & 1 for i in range(len(first))], bool)[:, None]
        one, two = np.where(moved, second, first).sum(axis=0), np.where(moved, first, second).sum(axis=0)
        as_large += abs(one[0] / one[1] - two[0] / two[1]) >= observed - 1e-12
    return as_large / 2 ** len(first)


def test_the_p_value_is_that_of_all_exchanges():
    rng = np.random.default_rng(5)
    gold = rng.integers(1, 6, size=10)
    first, second = rng.binomial(gold, 0.9), rng.binomial(gold, 0.6)
    shares = [shares_of(2 * right, 2 * gold) for right in (first, second)]
    found = compare_shares(*shares, "f1", exchanges=40_000)
    exact = exact_p_value(*(shares_.values[:, 0] for shares_ in shares))
    assert found.p_value == pytest.approx(exact, abs=0.01)
    assert found.difference == pytest.approx(first.sum() / gold.sum() - second.sum() / gold.sum())
    assert found.low <= found.difference <= found.high
    assert found.units == int((first != second).sum())


def test_a_model_does_not_differ_from_itself():
    rng = np.random.default_rng(7)
    gold, predicted = random_sentences(rng, 30, wrong=0.2)
    report = score(gold, predicted, task="ner")
    found = report.compare(score(gold, predicted, task="ner"))
    assert (found.p_value, found.difference, found.low, found.high, found.units) == (1.0, 0.0, 0.0, 0.0, 0)


def test_a_clear_difference_is_found_and_its_sign_is_the_first_models():
    rng = np.random.default_rng(8)
    gold, poor = random_sentences(rng, 80, wrong=0.6)
    good, bad = score(gold, gold, task="ner"), score(gold, poor, task="ner")
    found = good.compare(bad)
    assert found.p_value < 0.001
    assert 0 < found.low < found.difference < found.high
    assert bad.compare(good).difference == -found.difference
    assert found.to_dict()["difference"] == found.difference
    text = comparison_text(found, "good", "bad")
    assert text.splitlines()[0].split() == ["model", "strict.f1", "95%", "interval"]
    assert text.splitlines()[2].split() == ["good", "100.00"]
    assert "p < 0.001" in text
    assert good.compare(bad, "default.recall").score == "default.recall"


def test_what_cannot_be_compared():
    report = score([["O"], ["B-A"]], [["O"], ["O"]], task="ner")
    with pytest.raises(InputError, match="same data only: got '2 and 3 tokens"):
        report.compare(score([["O"], ["B-A", "O"]], [["O"], ["O", "O"]], task="ner"))
    with pytest.raises(InputError, match=r"no such score: got 'f1'\. Accepted: strict\.f1"):
        report.compare(report, "f1")
    with pytest.raises(InputError, match="got '2 sentences and 1 sentences'"):
        report.compare(score([["O", "B-A"]], [["O", "O"]], task="ner"))


def test_models_of_three_and_of_eight_states_are_compared_in_three():
    gold, predicted = [list("HHGC"), list("EECC")], [list("HHHC"), list("EEEC")]
    three, eight = (score(gold, predicted, task=f"protein_ss{number}") for number in (3, 8))
    assert three.compare(eight).score == "q3"
    assert eight.compare(eight).score == "q8"
