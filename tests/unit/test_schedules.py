"""Learning rates by step, against torch's own schedulers where it has one."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch

from bilstm_tagger.config import TrainingConfig
from bilstm_tagger.training.schedules import Schedule


def schedule(*, total: int = 100, an_epoch: int = 10, **options: Any) -> Schedule:
    return Schedule(TrainingConfig(learning_rate=2.0, **options), total_steps=total, steps_per_epoch=an_epoch)


def rates(count: int = 100, **options: Any) -> list[float]:
    plan = schedule(**options)
    return [plan.rate(step) for step in range(count)]


def parameter_and_optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)


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


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_one_cycle_is_torchs(share: float) -> None:
    optimizer = parameter_and_optimizer()
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=2.0, total_steps=100, pct_start=share, cycle_momentum=False
    )
    expected = []
    for _ in range(100):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        if len(expected) < 100:
            theirs.step()
    assert rates(schedule="one-cycle", warmup=share) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_the_plateau_schedule_is_torchs(patience: int) -> None:
    scores = [0.1, 0.5, 0.5, 0.4, 0.6, 0.2, 0.3, 0.59, 0.1, 0.1, 0.7, 0.7, 0.1, 0.2, 0.3, 0.3]
    plan = schedule(schedule="plateau", plateau_factor=0.3, plateau_patience=patience, warmup=0.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        parameter_and_optimizer(), mode="max", factor=0.3, patience=patience, threshold=0.0
    )
    for score in scores:
        plan.observe(score)
        theirs.step(score)
        assert plan.rate(50) == pytest.approx(theirs.get_last_lr()[0])
    assert plan.cuts > 0


def test_the_plateau_schedule_goes_on_where_it_was_left() -> None:
    options = {"schedule": "plateau", "plateau_patience": 1}
    whole, first = schedule(**options), schedule(**options)
    json.dumps(first.state(), allow_nan=False)  # before any score too
    second = schedule(**options)
    second.restore(first.state())
    for score in (0.5, 0.4, 0.3, 0.2):
        whole.observe(score)
        second.observe(score)
        third = schedule(**options)
        third.restore(json.loads(json.dumps(second.state())))
        second = third
        assert second.rate(50) == whole.rate(50)
    assert whole.cuts == 1


@pytest.mark.parametrize("name", ["linear", "cosine", "constant", "inverse", "plateau", "one-cycle"])
@pytest.mark.parametrize("total", [1, 2, 100])
def test_rates_stay_in_range_when_a_run_has_more_steps_than_foreseen(name: str, total: int) -> None:
    values = rates(130, schedule=name, total=total)
    assert all(0.0 <= rate <= 2.0 for rate in values)
    assert all(rate > 0.0 for rate in values[: max(1, total - 1)])
