"""The NumPy arithmetic of chains against the torch code that serves other devices and all scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from bilstm_tagger import chain
from bilstm_tagger.nn import CRF, forward_backward, likelihood, viterbi

SIZES = {
    "seed": st.integers(0, 10_000),
    "num_tags": st.integers(1, 12),
    "seq_len": st.integers(1, 30),
    "batch_size": st.integers(1, 6),
    "ragged": st.booleans(),
    "forbidden": st.booleans(),
}


def make(seed: int, num_tags: int, seq_len: int, batch_size: int, ragged: bool, forbidden: bool):
    """Float64 emissions, start, transitions, end and lengths; with ``forbidden`` a third of the transitions are."""
    rng = np.random.default_rng(seed)
    emissions = rng.normal(size=(seq_len, batch_size, num_tags)) * 2
    start, end = rng.normal(size=(2, num_tags))
    transitions = rng.normal(size=(num_tags, num_tags))
    if forbidden:
        transitions[rng.random(transitions.shape) < 0.33] = -np.inf
        np.fill_diagonal(transitions, 0.0)
    lengths = rng.integers(1, seq_len + 1, batch_size) if ragged else np.full(batch_size, seq_len)
    lengths[0] = seq_len
    return emissions, start, transitions, end, lengths


def tensors(arrays):
    return [torch.from_numpy(array) for array in arrays]


@settings(max_examples=60, deadline=None)
@given(**SIZES)
def test_sums_equal_those_on_logarithms(seed, num_tags, seq_len, batch_size, ragged, forbidden) -> None:
    arrays = make(seed, num_tags, seq_len, batch_size, ragged, forbidden)
    sums = chain.messages(*arrays)
    assert sums is not None
    emissions, start, transitions, end, lengths = tensors(arrays)
    mask = torch.arange(seq_len).unsqueeze(1) < lengths
    masked = emissions.masked_fill(~mask.unsqueeze(-1), 0.0)
    logs, alpha, beta, joint = forward_backward._logarithm_recursion(masked, start, transitions, end, lengths)
    assert_allclose(sums.log_partition, logs, rtol=1e-9, atol=1e-9)
    assert_allclose(sums.marginals, joint * mask.unsqueeze(-1), atol=1e-9)
    weights = np.random.default_rng(seed).random(batch_size)
    left, right = chain.transition_factors(sums, arrays[4], weights)
    reference = forward_backward.ChainSums(logs, joint, alpha, beta, in_logs=True)
    counts = reference.transition_counts(transitions, lengths, torch.from_numpy(weights))
    assert_allclose(sums.step * (left.T @ right), counts, atol=1e-8)


@settings(max_examples=60, deadline=None)
@given(**SIZES)
def test_best_paths_equal_the_torch_ones(seed, num_tags, seq_len, batch_size, ragged, forbidden) -> None:
    arrays = make(seed, num_tags, seq_len, batch_size, ragged, forbidden)
    ours = chain.best_paths(*arrays)
    assert_allclose(ours, viterbi._without_host(*tensors(arrays)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(viterbi, "_NUMPY_CANDIDATES", -1)
        assert_allclose(ours, viterbi.best_paths(*tensors(arrays)))


@settings(max_examples=60, deadline=None)
@given(scale=st.sampled_from([0.1, 1.0, 2.5]), **SIZES)
def test_the_posterior_of_the_best_path_is_that_of_viterbi(
    scale, seed, num_tags, seq_len, batch_size, ragged, forbidden
) -> None:
    emissions, *others, lengths = make(seed, num_tags, seq_len, batch_size, ragged, forbidden)
    emissions = emissions * scale  # from paths that are all alike to one that has nearly all probability
    found = chain.best_posterior(emissions, *others, lengths, predecessors=True)
    assume(found is not None)  # else the scores lie too far apart for probabilities
    assert_allclose(found.path, chain.best_paths(emissions, *others, lengths))
    sums = chain.messages(emissions, *others, lengths)
    expected = chain.path_posterior(sums, found.path, lengths, predecessors=True)
    for name in ("marginals", "conditionals", "predecessors"):
        assert_allclose(getattr(found, name), getattr(expected, name))


@settings(max_examples=30, deadline=None)
@given(unknown=st.booleans(), **SIZES)
def test_the_likelihood_and_its_gradient_equal_those_of_torch(
    unknown, seed, num_tags, seq_len, batch_size, ragged, forbidden
) -> None:
    emissions, start, transitions, end, lengths = tensors(make(seed, num_tags, seq_len, batch_size, ragged, forbidden))
    arguments = [value.requires_grad_() for value in (emissions, start, transitions, end)]
    tags = viterbi.best_paths(*(value.detach() for value in arguments), lengths)
    if unknown:
        tags = tags.masked_fill(torch.rand(tags.shape, generator=torch.Generator().manual_seed(seed)) < 0.4, -100)
    weights = torch.rand(batch_size, generator=torch.Generator().manual_seed(seed)).double()
    results = []
    for product in (forward_backward._NUMPY_PRODUCT, -1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(forward_backward, "_NUMPY_PRODUCT", product)
            value = likelihood.log_likelihood(arguments[0], tags, *arguments[1:], lengths)
            results.append([value.detach(), *torch.autograd.grad((value * weights).sum(), arguments)])
    for ours, reference in zip(*results, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("no legal start", lambda e, s, t, n: s.fill(-np.inf)),
        ("a token without a legal tag", lambda e, s, t, n: e[1].fill(-np.inf)),
        ("a score that is no number", lambda e, s, t, n: e[1].fill(np.nan)),
        ("scores too far apart for probabilities", lambda e, s, t, n: e.__imul__(100)),
        ("no legal way on", lambda e, s, t, n: t.fill(-np.inf)),
    ],
)
def test_what_needs_logarithms_is_left_to_torch(name: str, spoil) -> None:
    emissions, start, transitions, end, lengths = make(0, 3, 4, 2, False, False)
    spoil(emissions, start, transitions, end)
    assert chain.messages(emissions, start, transitions, end, lengths) is None
    assert chain.best_posterior(emissions, start, transitions, end, lengths) is None


def test_long_chains_do_not_underflow() -> None:
    emissions, start, transitions, end, lengths = make(1, 5, 5000, 2, True, False)
    sums = chain.messages(*(array.astype(np.float32) for array in (emissions, start, transitions, end)), lengths)
    exact = chain.messages(emissions, start, transitions, end, lengths)
    assert_allclose(sums.log_partition, exact.log_partition, rtol=1e-6)
    assert_allclose(sums.marginals, exact.marginals, atol=1e-4)


def test_one_and_several_threads_give_the_same_bits() -> None:
    crf = CRF(9)
    torch.manual_seed(0)
    emissions, lengths = torch.randn(40, 64, 9, requires_grad=True), torch.randint(1, 41, (64,))
    lengths[0] = 40
    tags = torch.randint(0, 9, (40, 64))
    results, threads = [], torch.get_num_threads()
    try:
        for number in (1, 2, 4):
            torch.set_num_threads(number)
            value = crf(emissions, tags, lengths=lengths)
            (gradient,) = torch.autograd.grad(value, emissions)
            results.append((value.item(), gradient, crf.best_posterior(emissions.detach(), lengths).conditionals))
    finally:
        torch.set_num_threads(threads)
    for value, gradient, conditionals in results[1:]:
        assert value == results[0][0]
        assert torch.equal(gradient, results[0][1])
        assert torch.equal(conditionals, results[0][2])
