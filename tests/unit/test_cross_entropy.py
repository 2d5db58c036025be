"""The cross-entropy between two CRFs against sums over all tag sequences."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from bilstm_tagger.nn.crf import CRF
from bilstm_tagger.nn.cross_entropy import cross_entropy

TAGS, STEPS = 3, 4
LENGTHS = torch.tensor([4, 2, 1])
LEGAL = torch.tensor([[1, 1, 0], [1, 1, 1], [0, 1, 1]]).bool()


def make(seed: int, *, constraints: bool, scale: float = 1.0) -> tuple[CRF, Tensor]:
    """A layer with random weights and emissions, in float64."""
    torch.manual_seed(seed)
    crf = CRF(TAGS, legal_transitions=LEGAL if constraints else None).double()
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf, (scale * torch.randn(STEPS, len(LENGTHS), TAGS, dtype=torch.float64)).requires_grad_()


def log_probabilities(crf: CRF, emissions: Tensor, row: int) -> dict[tuple[int, ...], Tensor]:
    """The log-probability of each legal tag sequence of a row: the definition itself."""
    scores = {}
    for path in itertools.product(range(TAGS), repeat=int(LENGTHS[row])):
        if all(bool(crf.legal_transitions[pair]) for pair in itertools.pairwise(path)):
            score = crf.start_transitions[path[0]] + crf.end_transitions[path[-1]]
            score = score + sum(emissions[step, row, tag] for step, tag in enumerate(path))
            scores[path] = score + sum(crf.transitions[pair] for pair in itertools.pairwise(path))
    total = torch.stack(list(scores.values())).logsumexp(0)
    return {path: score - total for path, score in scores.items()}


def enumerated(student: CRF, emissions: Tensor, teacher: CRF, targets: Tensor) -> Tensor:
    loss = torch.zeros((), dtype=torch.float64)
    for row in range(len(LENGTHS)):
        own, theirs = log_probabilities(student, emissions, row), log_probabilities(teacher, targets, row)
        loss = loss - sum(value.detach().exp() * own[path] for path, value in theirs.items())
    return loss


# At the larger scale the sums need logarithms.
@pytest.mark.parametrize("scale", [1.0, 60.0])
@pytest.mark.parametrize(("own", "theirs"), [(False, False), (True, True), (False, True)])
def test_value_and_gradients_are_those_of_enumeration(own: bool, theirs: bool, scale: float) -> None:
    student, emissions = make(1, constraints=own, scale=scale)
    teacher, targets = make(2, constraints=theirs, scale=scale)
    parameters = [emissions, *student.parameters()]
    loss = cross_entropy(student, emissions, teacher, targets, LENGTHS)
    expected = enumerated(student, emissions, teacher, targets)
    torch.testing.assert_close(loss, expected)
    for one, other in zip(
        torch.autograd.grad(loss, parameters), torch.autograd.grad(expected, parameters), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize("constraints", [False, True])
def test_gradients_are_numerical_ones(constraints: bool) -> None:
    student, emissions = make(3, constraints=constraints)
    teacher, targets = make(4, constraints=constraints)

    def loss(scores: Tensor, start: Tensor, transitions: Tensor, end: Tensor) -> Tensor:
        names = ("start_transitions", "transitions", "end_transitions")
        for name, value in zip(names, (start, transitions, end), strict=True):
            delattr(student, name)
            setattr(student, name, value)
        return cross_entropy(student, scores, teacher, targets, LENGTHS)

    shapes = (TAGS,), (TAGS, TAGS), (TAGS,)
    weights = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(loss, (emissions, *weights))


def test_no_teacher_is_nearer_than_oneself() -> None:
    crf, emissions = make(5, constraints=True)
    own = cross_entropy(crf, emissions, crf, emissions.detach(), LENGTHS)
    torch.testing.assert_close(own, crf.entropy(emissions, LENGTHS).sum())
    for gradient in torch.autograd.grad(own, [emissions, *crf.parameters()]):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-9, rtol=0.0)
    student, other = make(6, constraints=True)
    assert cross_entropy(student, other, crf, emissions.detach(), LENGTHS) > own


def test_padding_and_the_teacher_get_no_gradient() -> None:
    student, emissions = make(7, constraints=False)
    teacher, targets = make(8, constraints=False)
    loss = cross_entropy(student, emissions, teacher, targets, LENGTHS)
    (gradient,) = torch.autograd.grad(loss, [emissions], retain_graph=True)
    for row, length in enumerate(LENGTHS.tolist()):
        assert not gradient[length:, row].any()
    assert torch.autograd.grad(loss, [targets, *teacher.parameters()], allow_unused=True) == (None,) * 4
    broken = emissions.detach().clone()
    broken[3, 1] = torch.nan
    torch.testing.assert_close(cross_entropy(student, broken, teacher, targets, LENGTHS), loss.detach())
