"""The CRF against enumeration of all tag sequences, and against pytorch-crf."""

from __future__ import annotations

import itertools

import pytest
import torch
import torchcrf
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bilstm_tagger.nn.crf import CRF


def make(seed: int, num_tags: int, seq_len: int, batch_size: int, *, scale: float = 1.0, constrained: bool = False):
    """A CRF in float64 with random weights, batch-first emissions and lengths."""
    generator = torch.Generator().manual_seed(seed)
    masks = {}
    if constrained:
        # Tag 0 is legal everywhere, so that some sequence always is.
        masks = {
            "legal_start": torch.rand(num_tags, generator=generator) < 0.6,
            "legal_transitions": torch.rand(num_tags, num_tags, generator=generator) < 0.6,
            "legal_end": torch.rand(num_tags, generator=generator) < 0.6,
        }
        masks["legal_start"][0] = masks["legal_end"][0] = True
        masks["legal_transitions"][0] = masks["legal_transitions"][:, 0] = True
    crf = CRF(num_tags, batch_first=True, **masks).double()
    for parameter in crf.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    emissions = torch.randn(batch_size, seq_len, num_tags, generator=generator, dtype=torch.float64) * scale
    lengths = torch.randint(1, seq_len + 1, (batch_size,), generator=generator)
    lengths[0] = seq_len
    return crf, emissions, lengths


def enumerate_weights(crf: CRF, emissions: Tensor) -> dict[tuple[int, ...], float]:
    """Score of every legal sequence of one sentence; the definition itself."""
    start, transitions, end = (t.detach() for t in crf._potentials(torch.float64))
    weights = {}
    for path in itertools.product(range(crf.num_tags), repeat=len(emissions)):
        score = start[path[0]] + end[path[-1]] + sum(emissions[t, tag] for t, tag in enumerate(path))
        score = score + sum(transitions[a, b] for a, b in itertools.pairwise(path))
        weights[path] = float(score)
    return weights


sizes = {
    "seed": st.integers(0, 10_000),
    "num_tags": st.integers(1, 4),
    "seq_len": st.integers(1, 4),
    "constrained": st.booleans(),
    "scale": st.sampled_from([1.0, 40.0]),
}


@settings(max_examples=25, deadline=None)
@given(**sizes)
def test_normaliser_viterbi_and_marginals_equal_enumeration(seed, num_tags, seq_len, constrained, scale) -> None:
    crf, emissions, lengths = make(seed, num_tags, seq_len, 3, scale=scale, constrained=constrained)
    paths = crf.best_path(emissions, lengths)
    posterior = crf.path_posterior(emissions, paths, lengths)
    torch.testing.assert_close(posterior.marginals, crf.marginals(emissions, lengths))
    best_each = crf.path_posterior(emissions, None, lengths)
    torch.testing.assert_close(best_each.path, posterior.marginals.argmax(dim=-1))
    torch.testing.assert_close(best_each.marginals, posterior.marginals)
    for row, length in enumerate(lengths.tolist()):
        weights = enumerate_weights(crf, emissions[row, :length])
        values = torch.tensor(list(weights.values()), dtype=torch.float64)
        total = values.logsumexp(0)
        best = tuple(paths[row, :length].tolist())
        assert weights[best] == pytest.approx(float(values.max()), abs=1e-9)
        likelihood = crf(emissions[row : row + 1, :length], paths[row : row + 1, :length]).detach()
        assert float(likelihood) == pytest.approx(weights[best] - float(total), abs=1e-8)
        for t in range(length):
            for tag in range(num_tags):
                share = sum(torch.exp(w - total) for path, w in zip(weights, values, strict=True) if path[t] == tag)
                assert float(posterior.marginals[row, t, tag]) == pytest.approx(float(share), abs=1e-9)
                if t and (before := float(posterior.marginals[row, t - 1, best[t - 1]])) > 1e-6:
                    joint = sum(
                        torch.exp(w - total)
                        for path, w in zip(weights, values, strict=True)
                        if path[t] == tag and path[t - 1] == best[t - 1]
                    )
                    assert float(posterior.conditionals[row, t, tag]) == pytest.approx(float(joint) / before, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 6), **sizes)
def test_n_best_entropy_and_allowed_tags_equal_enumeration(n, seed, num_tags, seq_len, constrained, scale) -> None:
    crf, emissions, lengths = make(seed, num_tags, seq_len, 3, scale=scale, constrained=constrained)
    paths, log_probabilities = crf.n_best(emissions, lengths, n)
    entropy = crf.entropy(emissions, lengths)
    allowed = torch.rand(emissions.shape, generator=torch.Generator().manual_seed(seed)) < 0.7
    allowed[..., 0] = True
    restricted = crf.best_path(emissions, lengths, allowed=allowed)
    for row, length in enumerate(lengths.tolist()):
        weights = enumerate_weights(crf, emissions[row, :length])
        values = torch.tensor(list(weights.values()), dtype=torch.float64).log_softmax(0)
        logs = dict(zip(weights, values.tolist(), strict=True))
        best = sorted(values.tolist(), reverse=True)[:n]
        found = [tuple(path[:length]) for path in paths[:, row].tolist()]
        assert log_probabilities[: len(best), row].tolist() == pytest.approx(best, abs=1e-8)
        assert [logs[path] for path, log in zip(found, best, strict=False) if log > -1e9] == pytest.approx(
            [log for log in best if log > -1e9], abs=1e-8
        )
        legal = [path for path, log in zip(found, best, strict=False) if log > -1e9]
        assert len(set(legal)) == len(legal)
        assert bool((log_probabilities[len(best) :, row] == -torch.inf).all())
        assert float(entropy[row]) == pytest.approx(float(torch.special.entr(values.exp()).sum()), abs=1e-6)
        permitted = [log for path, log in logs.items() if all(allowed[row, t, tag] for t, tag in enumerate(path))]
        assert logs[tuple(restricted[row, :length].tolist())] == pytest.approx(max(permitted), abs=1e-8)


@settings(max_examples=30, deadline=None)
@given(**sizes)
def test_unknown_tags_sum_over_all_that_agree(seed, num_tags, seq_len, constrained, scale) -> None:
    crf, emissions, _ = make(seed, num_tags, seq_len, 1, scale=scale, constrained=constrained)
    generator = torch.Generator().manual_seed(seed)
    tags = crf.best_path(emissions, torch.tensor([seq_len]))
    tags[torch.rand(tags.shape, generator=generator) < 0.5] = -100
    weights = enumerate_weights(crf, emissions[0])
    known = tags[0].tolist()
    agree = [w for path, w in weights.items() if all(k < 0 or k == tag for k, tag in zip(known, path, strict=True))]
    every = torch.tensor(list(weights.values()), dtype=torch.float64)
    expected = torch.tensor(agree, dtype=torch.float64).logsumexp(0) - every.logsumexp(0)
    assert float(crf(emissions, tags).detach()) == pytest.approx(float(expected), abs=1e-7)


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("constrained", [False, True])
def test_gradient_is_that_of_the_definition(constrained: bool, scale: float) -> None:
    crf, emissions, lengths = make(3, 4, 5, 3, scale=scale, constrained=constrained)
    tags = crf.best_path(emissions, lengths)
    tags[1, 0] = -100
    emissions.requires_grad_()
    inputs = (emissions, *crf.parameters())

    def loss(emissions: Tensor, *parameters: Tensor) -> Tensor:
        values = dict(zip([name for name, _ in crf.named_parameters()], parameters, strict=True))
        return torch.func.functional_call(crf, values, (emissions, tags), {"lengths": lengths, "reduction": "none"})

    assert torch.autograd.gradcheck(loss, inputs, eps=1e-5, atol=1e-5)


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "token_mean"])
def test_equals_torchcrf_without_constraints(batch_first: bool, reduction: str) -> None:
    torch.manual_seed(0)
    ours, theirs = CRF(7, batch_first=batch_first), torchcrf.CRF(7, batch_first=batch_first)
    theirs.load_state_dict(ours.state_dict())
    lengths = torch.tensor([6, 1, 4])
    emissions, tags = torch.randn(3, 6, 7) * 3, torch.randint(0, 7, (3, 6))
    mask = torch.arange(6) < lengths.unsqueeze(1)
    if not batch_first:
        emissions, tags, mask = emissions.transpose(0, 1), tags.T, mask.T
    gradients = []
    for crf in (ours, theirs):
        leaf = emissions.clone().requires_grad_()
        value = crf(leaf, tags, mask=mask, reduction=reduction)
        value.sum().backward()
        gradients.append((value.detach(), leaf.grad, *(p.grad for p in crf.parameters())))
    torch.testing.assert_close(gradients[0], gradients[1])
    assert ours.decode(emissions, mask) == theirs.decode(emissions, mask)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_padding_and_batch_mates_change_nothing(scale: float) -> None:
    torch.manual_seed(1)
    crf = CRF(5, batch_first=True)
    emissions, tags = torch.randn(1, 9, 5) * scale, torch.randint(0, 5, (1, 9))
    alone = crf(emissions, tags, reduction="none")
    padded = torch.cat([emissions, torch.full((1, 4, 5), 1e4)], dim=1)
    batch = torch.cat([padded, torch.randn(3, 13, 5)])
    batch_tags = torch.cat([torch.cat([tags, torch.zeros(1, 4).long()], dim=1), torch.randint(0, 5, (3, 13))])
    lengths = torch.tensor([9, 13, 2, 7])
    together = crf(batch, batch_tags, lengths=lengths, reduction="none")
    torch.testing.assert_close(together[:1], alone, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(
        crf.marginals(batch, lengths)[0, :9], crf.marginals(emissions, torch.tensor([9]))[0], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_long_sequences_and_wild_scores_stay_finite(scale: float) -> None:
    torch.manual_seed(2)
    legal = torch.rand(20, 20) < 0.3
    legal[0], legal[:, 0] = True, True
    crf = CRF(20, batch_first=True, legal_transitions=legal)
    emissions = (torch.randn(2, 2000, 20) * scale).requires_grad_()
    lengths = torch.tensor([2000, 700])
    value = crf(emissions, crf.best_path(emissions, lengths), lengths=lengths)
    value.backward()
    assert torch.isfinite(value)
    assert float(value.detach()) <= abs(float(emissions.detach().abs().sum())) * 1e-6
    assert torch.isfinite(emissions.grad).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in crf.parameters())
    marginals = crf.marginals(emissions, lengths)
    torch.testing.assert_close(marginals[0].sum(-1), torch.ones(2000), atol=1e-4, rtol=0)


def test_a_tag_that_nothing_may_follow_ends_short_sequences_in_a_batch() -> None:
    # The padding after such a tag has no legal continuation; that must touch neither the value nor the gradient.
    legal = torch.ones(3, 3, dtype=torch.bool)
    legal[2] = False
    crf = CRF(3, batch_first=True, legal_transitions=legal, legal_end=torch.tensor([False, False, True])).double()
    emissions = torch.randn(2, 9, 3, dtype=torch.float64, requires_grad=True)
    tags = torch.tensor([[0, 1, 2, 0, 0, 0, 0, 0, 0], [0, 1, 0, 1, 0, 1, 1, 0, 2]])
    lengths = torch.tensor([3, 9])
    together = crf(emissions, tags, lengths=lengths, reduction="none")
    alone = crf(emissions[:1, :3], tags[:1, :3], reduction="none")
    torch.testing.assert_close(together[:1], alone)
    together.sum().backward()
    assert torch.isfinite(emissions.grad).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in crf.parameters())
    torch.testing.assert_close(crf.marginals(emissions, lengths).sum(-1)[0, :3], torch.ones(3).double())


def test_impossible_tags_have_likelihood_zero() -> None:
    legal = torch.tensor([[True, False], [True, True]])
    crf = CRF(2, batch_first=True, legal_transitions=legal)
    emissions = torch.randn(1, 3, 2)
    assert crf(emissions, torch.tensor([[0, 1, 0]])).item() == -torch.inf
    assert crf(emissions, torch.tensor([[0, -1, 1]])).item() == -torch.inf


def test_bad_arguments_are_named() -> None:
    crf = CRF(3, batch_first=True)
    emissions, tags = torch.zeros(2, 4, 3), torch.zeros(2, 4).long()
    with pytest.raises(ValueError, match="hole"):
        crf(emissions, tags, mask=torch.tensor([[1, 0, 1, 0], [1, 1, 1, 1]]))
    with pytest.raises(ValueError, match="lengths"):
        crf(emissions, tags, lengths=torch.tensor([0, 4]))
    with pytest.raises(ValueError, match="reduction"):
        crf(emissions, tags, reduction="max")
    with pytest.raises(ValueError, match="expected 3 axes"):
        crf(torch.zeros(2, 4, 5), tags)
    with pytest.raises(ValueError, match="tags have shape"):
        crf(emissions, tags[:, :2])
    with pytest.raises(ValueError, match="the mask has shape"):
        crf(emissions, tags, mask=torch.ones(2, 3))
    with pytest.raises(ValueError, match="legal_start"):
        CRF(3, legal_start=torch.ones(2))
