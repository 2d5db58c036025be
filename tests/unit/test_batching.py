"""Which sequences go together: all of them, once, within the budget, the same way under the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_tagger.features.batching import length_buckets, padding_share, sorted_batches

lengths_strategy = st.lists(st.integers(0, 40), max_size=60).map(lambda values: np.array(values, dtype=np.int64))


def check(batches: list[np.ndarray], lengths: np.ndarray, tokens: int, sequences: int) -> None:
    seen = np.concatenate([*batches, np.zeros(0, dtype=np.int64)])
    assert sorted(seen.tolist()) == np.nonzero(lengths)[0].tolist()
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= tokens
        assert 0 < len(batch) <= sequences


@given(lengths=lengths_strategy, tokens=st.integers(1, 120), sequences=st.integers(1, 9), seed=st.integers(0, 99))
def test_buckets_hold_each_sequence_once_within_both_limits(
    lengths: np.ndarray, tokens: int, sequences: int, seed: int
) -> None:
    options = {"batch_tokens": tokens, "batch_sequences": sequences}
    batches = length_buckets(lengths, rng=np.random.default_rng(seed), **options)
    check(batches, lengths, tokens, sequences)
    again = length_buckets(lengths, rng=np.random.default_rng(seed), **options)
    assert [batch.tolist() for batch in batches] == [batch.tolist() for batch in again]


@given(lengths=lengths_strategy, tokens=st.integers(1, 120))
def test_sorted_batches_hold_each_sequence_once_shortest_first(lengths: np.ndarray, tokens: int) -> None:
    batches = sorted_batches(lengths, batch_tokens=tokens)
    check(batches, lengths, tokens, len(lengths))
    order = [int(lengths[index]) for batch in batches for index in batch]
    assert order == sorted(order)


def test_batches_are_full_where_lengths_allow() -> None:
    lengths = np.full(10, 5)
    assert [len(batch) for batch in sorted_batches(lengths, batch_tokens=20)] == [4, 4, 2]
    assert [len(batch) for batch in sorted_batches(lengths, batch_tokens=20, batch_sequences=3)] == [3, 3, 3, 1]


def test_a_sequence_over_the_budget_stands_alone() -> None:
    batches = sorted_batches(np.array([3, 100, 3]), batch_tokens=10)
    assert [batch.tolist() for batch in batches] == [[0, 2], [1]]


def test_epochs_differ_in_order_and_in_company() -> None:
    lengths = np.full(40, 5)
    rng = np.random.default_rng(0)
    first, second = (length_buckets(lengths, batch_tokens=20, batch_sequences=4, rng=rng) for _ in range(2))
    assert {frozenset(batch.tolist()) for batch in first} != {frozenset(batch.tolist()) for batch in second}
    assert [batch.tolist() for batch in first] != sorted(batch.tolist() for batch in first)


def test_similar_lengths_go_together() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, size=2000)
    rng = np.random.default_rng(1)
    batches = length_buckets(lengths, batch_tokens=512, batch_sequences=64, rng=rng)
    assert padding_share(batches, lengths) < 0.1
    # Lengths do not rise through an epoch.
    longest = [int(lengths[batch].max()) for batch in batches]
    assert abs(np.corrcoef(longest, range(len(longest)))[0, 1]) < 0.3


@pytest.mark.parametrize(("batches", "share"), [([], 0.0), ([[0, 1]], 0.25), ([[0], [1]], 0.0), ([[1, 0], [2]], 0.125)])
def test_padding_share_is_padded_places_over_all(batches: list[list[int]], share: float) -> None:
    lengths = np.array([2, 4, 8])
    expected = {0.25: 2 / 8, 0.125: 2 / 16}.get(share, 0.0)
    assert padding_share([np.array(batch) for batch in batches], lengths) == pytest.approx(expected)
