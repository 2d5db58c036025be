"""Steps of the optimiser: rates, clipping, sparse rows, averaging."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from bilstm_tagger.config import TrainingConfig
from bilstm_tagger.training.optimization import Optimization, WeightAverage


class Toy(nn.Module):
    """A word table and a layer."""

    def __init__(self, rows: int = 1500) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(rows, 3)
        self.layer = nn.Linear(3, 1)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.layer(self.table(words)).sum()


def optimization(network: nn.Module, *, total: int = 100, an_epoch: int = 10, **options: Any) -> Optimization:
    return Optimization(network, TrainingConfig(**options), total_steps=total, steps_per_epoch=an_epoch)


def rates(count: int = 100, **options: Any) -> list[float]:
    plan = optimization(nn.Linear(1, 1), learning_rate=2.0, **options)
    values = []
    for plan.step_count in range(count):
        values.append(plan.learning_rate)
    return values


def test_a_constant_rate_is_constant_after_the_warm_up() -> None:
    assert rates(schedule="constant", warmup=0.0) == [2.0] * 100
    values = rates(schedule="constant", warmup=0.1)
    assert values[:10] == pytest.approx([2.0 * step / 11 for step in range(1, 11)])
    assert values[10:] == [2.0] * 90


def test_the_linear_schedule_falls_to_zero() -> None:
    assert rates(schedule="linear", warmup=0.0) == pytest.approx([2.0 * (1 - step / 100) for step in range(100)])
    values = rates(schedule="linear", warmup=0.2)
    assert max(values) == values[20] == 2.0
    assert values[99] == pytest.approx(2.0 / 80)


def test_the_cosine_schedule_is_half_way_in_the_middle() -> None:
    values = rates(schedule="cosine", warmup=0.0)
    assert values[0] == 2.0
    assert values[50] == pytest.approx(1.0)
    assert values[25] == pytest.approx(1 + math.cos(math.pi / 4))


def test_the_inverse_schedule_falls_by_the_epoch() -> None:
    values = rates(schedule="inverse", decay=0.5, warmup=0.0)
    assert values[:10] == [2.0] * 10
    assert values[10:20] == pytest.approx([2.0 / 1.5] * 10)
    assert values[90] == pytest.approx(2.0 / 5.5)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant", "inverse"])
def test_rates_stay_in_range_when_a_run_has_more_steps_than_foreseen(schedule: str) -> None:
    assert all(0.0 <= rate <= 2.0 for rate in rates(130, schedule=schedule))


def test_gradients_are_clipped_to_their_joint_norm() -> None:
    network = Toy(10)
    plan = optimization(network, optimizer="sgd", learning_rate=1.0, clip=0.5, schedule="constant", warmup=0.0)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    (network(torch.tensor([1, 2, 2])) * 100).backward()
    plan.step()
    moved = [old - new.detach() for old, new in zip(before, network.parameters(), strict=True)]
    assert float(torch.cat([part.flatten() for part in moved]).norm()) == pytest.approx(0.5, rel=1e-4)
    assert all(parameter.grad is None for parameter in network.parameters())
    assert plan.step_count == 1


def test_small_gradients_are_left_alone() -> None:
    moves = []
    for clip in (0.0, 1e6):
        network = Toy(10)
        plan = optimization(network, optimizer="sgd", learning_rate=0.1, clip=clip)
        network(torch.tensor([1])).backward()
        plan.step()
        moves.append(network.table.weight.detach().clone())
    assert torch.equal(*moves)


@pytest.mark.parametrize("clip", [0.0, 0.3])
def test_sgd_on_the_rows_of_a_batch_equals_sgd_on_the_whole_table(clip: float) -> None:
    networks = Toy(), Toy()
    options = {"optimizer": "sgd", "learning_rate": 0.5, "clip": clip}
    sparse, dense = (optimization(network, **options) for network in networks)
    assert networks[0].table.sparse
    networks[1].table.sparse = False
    for words in ([3, 3, 7], [7, 1400]):
        for network, plan in zip(networks, (sparse, dense), strict=True):
            network(torch.tensor(words)).pow(2).backward()
            plan.step()
    for first, second in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(first, second)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_rows_that_no_batch_used_do_not_move(optimizer: str) -> None:
    network = Toy()
    plan = optimization(network, optimizer=optimizer, learning_rate=0.1, weight_decay=0.01)
    before = network.table.weight.detach().clone()
    for _ in range(3):
        network(torch.tensor([3, 7])).pow(2).backward()
        plan.step()
    moved = (network.table.weight.detach() != before).any(dim=1)
    assert moved.nonzero().flatten().tolist() == [3, 7]


def test_momentum_keeps_the_table_dense() -> None:
    network = Toy()
    plan = optimization(network, optimizer="sgd", momentum=0.9)
    assert not network.table.sparse
    network(torch.tensor([3])).backward()
    plan.step()
    assert len(plan.optimizers) == 1


def test_frozen_weights_stay() -> None:
    network = Toy()
    network.table.weight.requires_grad_(False)
    before = network.table.weight.clone()
    plan = optimization(network, learning_rate=0.1, weight_decay=0.5)
    network(torch.tensor([3])).backward()
    plan.step()
    assert torch.equal(network.table.weight, before)


def test_the_average_follows_and_swaps_in_and_out() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = WeightAverage(network, 0.5)
    expected = 0.0
    for step in range(1, 30):
        nn.init.constant_(network.weight, float(step))
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    average.swap()
    assert network.weight.item() == pytest.approx(expected, rel=1e-5)
    average.swap()
    assert network.weight.item() == 29.0
    assert average.mean[0].item() == pytest.approx(expected, rel=1e-5)


def test_early_averages_forget_the_fresh_weights_fast() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = WeightAverage(network, 0.999)
    nn.init.ones_(network.weight)
    for _ in range(20):
        average.update()
    assert average.mean[0].item() > 0.99
