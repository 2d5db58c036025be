"""The training loss against sums over all tag sequences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from bilstm_tagger.errors import ConfigError
from bilstm_tagger.nn import Batch
from bilstm_tagger.nn.crf import CRF
from bilstm_tagger.schemes import Scheme
from bilstm_tagger.training.losses import TrainingLoss, tag_margins, take_margins

TAGS, STEPS, BATCH = 3, 4, 3
LENGTHS = torch.tensor([4, 2, 1])


class Scores(torch.nn.Module):
    """A network whose emissions are its weights."""

    def __init__(self, *, constraints: bool) -> None:
        super().__init__()
        torch.manual_seed(3)
        legal = torch.tensor([[1, 1, 0], [1, 1, 1], [0, 1, 1]]).bool()
        self.crf = CRF(TAGS, legal_transitions=legal if constraints else None).double()
        for parameter in self.crf.parameters():
            torch.nn.init.normal_(parameter)
        self.scores = torch.nn.Parameter(torch.randn(STEPS, BATCH, TAGS, dtype=torch.float64))

    def emissions(self, batch: Batch) -> Tensor:
        return self.scores


def batch_of(tags: list[list[int]]) -> Batch:
    padded = [row + [-100] * (STEPS - len(row)) for row in tags]
    return Batch(forms=torch.zeros(STEPS, BATCH, dtype=torch.int64), lengths=LENGTHS, tags=torch.tensor(padded).T)


KNOWN = [[0, 1, 2, 2], [1, 0], [2]]
PARTLY = [[0, -100, -100, 2], [-100, -100], [2]]


def paths(network: Scores, row: int) -> dict[tuple[int, ...], Tensor]:
    """The score of each legal tag sequence of a row."""
    crf, length = network.crf, int(LENGTHS[row])
    found = {}
    for path in itertools.product(range(TAGS), repeat=length):
        if all(bool(crf.legal_transitions[pair]) for pair in itertools.pairwise(path)):
            score = crf.start_transitions[path[0]] + crf.end_transitions[path[-1]]
            score = score + sum(network.scores[step, row, tag] for step, tag in enumerate(path))
            found[path] = score + sum(crf.transitions[pair] for pair in itertools.pairwise(path))
    return found


def agreeing(found: dict[tuple[int, ...], Tensor], gold: list[int]) -> list[Tensor]:
    return [s for path, s in found.items() if all(g in (t, -100) for t, g in zip(path, gold, strict=True))]


def gradients(network: Scores, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(network.parameters())))


def same_with_gradients(network: Scores, first: Tensor, second: Tensor) -> None:
    torch.testing.assert_close(first, second)
    for one, two in zip(gradients(network, first), gradients(network, second), strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("constraints", [False, True])
def test_smoothing_is_the_cross_entropy_to_a_target_partly_uniform_over_sequences(constraints: bool) -> None:
    network, share = Scores(constraints=constraints), 0.3
    expected = torch.zeros((), dtype=torch.float64)
    for row, gold in enumerate(KNOWN):
        found = paths(network, row)
        log_z = torch.stack(list(found.values())).logsumexp(0)
        uniform = torch.stack([log_z - score for score in found.values()]).mean()
        expected = expected + (1 - share) * (log_z - found[tuple(gold)]) + share * uniform
    same_with_gradients(network, TrainingLoss(smoothing=share)(network, batch_of(KNOWN)), expected)


def test_smoothing_with_a_frozen_layer_is_the_same_for_the_rest() -> None:
    found = []
    for frozen in (False, True):
        network = Scores(constraints=True)
        network.crf.requires_grad_(not frozen)
        loss = TrainingLoss(smoothing=0.3)(network, batch_of(KNOWN))
        trained = [p for name, p in network.named_parameters() if not name.startswith("crf.")]
        found.append([loss.detach(), *torch.autograd.grad(loss, trained)])
    for free, fixed in zip(*found, strict=True):
        torch.testing.assert_close(free, fixed)


@pytest.mark.parametrize("constraints", [False, True])
def test_smoothing_spreads_only_what_is_known(constraints: bool) -> None:
    network, share = Scores(constraints=constraints), 0.3
    expected = torch.zeros((), dtype=torch.float64)
    for row, gold in enumerate(PARTLY):
        found = paths(network, row)
        some = agreeing(found, gold)
        everything = torch.stack(list(found.values()))
        loss = everything.logsumexp(0) - torch.stack(some).logsumexp(0)
        expected = expected + loss - share * (everything.mean() - torch.stack(some).mean())
    same_with_gradients(network, TrainingLoss(smoothing=share)(network, batch_of(PARTLY)), expected)


def test_a_sequence_without_labels_is_not_smoothed() -> None:
    network = Scores(constraints=True)
    loss = TrainingLoss(smoothing=0.5)(network, batch_of([[-100] * 4, [-100] * 2, [-100]]))
    assert float(loss.detach()) == pytest.approx(0.0, abs=1e-12)
    assert all(float(gradient.abs().max()) < 1e-12 for gradient in gradients(network, loss))


@pytest.mark.parametrize("tags", [KNOWN, PARTLY])
def test_margins_multiply_the_odds_of_every_wrong_tag(tags: list[list[int]]) -> None:
    network = Scores(constraints=True)
    weights = torch.tensor([1.0, 4.0, 0.5], dtype=torch.float64)
    expected = torch.zeros((), dtype=torch.float64)
    for row, gold in enumerate(tags):
        found = paths(network, row)
        # Each wrong tag at a known token costs the logarithm of the gold tag's weight (softmax-margin).
        augmented = {
            path: score + sum(weights[g].log() for t, g in zip(path, gold, strict=True) if g >= 0 and t != g)
            for path, score in found.items()
        }
        some = torch.stack(agreeing(augmented, gold)).logsumexp(0)
        expected = expected + torch.stack(list(augmented.values())).logsumexp(0) - some
    same_with_gradients(network, TrainingLoss(margins=weights.log())(network, batch_of(tags)), expected)


def test_margins_of_equal_weights_change_nothing() -> None:
    network = Scores(constraints=True)
    plain = TrainingLoss()(network, batch_of(KNOWN))
    same_with_gradients(network, TrainingLoss(margins=torch.zeros(TAGS))(network, batch_of(KNOWN)), plain)


def test_margins_leave_padding_and_unknown_tags_alone() -> None:
    batch = batch_of(PARTLY)
    assert batch.tags is not None
    scores = torch.zeros(STEPS, BATCH, TAGS)
    moved = take_margins(scores, batch.tags, torch.tensor([1.0, 2.0, 3.0]))
    assert moved.nonzero().tolist() == [[0, 0, 0], [0, 2, 2], [3, 0, 2]]


def test_a_batch_without_tags_has_no_loss() -> None:
    batch = Batch(forms=torch.zeros(STEPS, BATCH, dtype=torch.int64), lengths=LENGTHS)
    with pytest.raises(ValueError, match="the batch has no tags"):
        TrainingLoss()(Scores(constraints=False), batch)  # type: ignore[arg-type]


NAMES = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def test_balanced_weights_follow_the_counts_of_labels() -> None:
    tags = np.array([0] * 8 + [1, 2, -100, 3])
    margins = tag_margins("balanced", NAMES, Scheme.IOB2, tags)
    assert margins is not None
    mean = 11 / 3
    expected = [mean / 8, mean / 2, mean / 2, mean, mean]
    assert margins.exp().tolist() == pytest.approx(expected)


def test_labels_that_training_never_saw_weigh_1() -> None:
    margins = tag_margins("balanced", NAMES, Scheme.IOB2, np.array([0, 1]))
    assert margins is not None
    assert margins.tolist()[3:] == [0.0, 0.0]


def test_given_weights_are_by_label_or_tag() -> None:
    margins = tag_margins({"PER": 2.0}, NAMES, Scheme.IOB2, np.array([0]))
    assert margins is not None
    assert margins.tolist() == pytest.approx([0.0, math.log(2), math.log(2), 0.0, 0.0])
    # Without a scheme a tag is its own label, whatever it looks like.
    margins = tag_margins({"B-X": 3.0}, ("B-X", "I-X"), Scheme.NONE, np.array([0]))
    assert margins is not None
    assert margins.tolist() == pytest.approx([math.log(3), 0.0])
    assert tag_margins(None, NAMES, Scheme.IOB2, np.array([0])) is None


def test_a_weight_for_no_label_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"class_weights' names no label.*'PRE'.*LOC, O, PER.*mean 'PER'"):
        tag_margins({"PRE": 2.0}, NAMES, Scheme.IOB2, np.array([0]))
