"""Steps of the optimiser: clipping, sparse rows, parts with rates of their own, averaging."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bilstm_tagger.config import TrainingConfig
from bilstm_tagger.errors import ConfigError
from bilstm_tagger.training.averaging import WeightAverage
from bilstm_tagger.training.optimization import Optimization


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


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "radam", "nadam", "adagrad", "sgd"])
def test_rows_that_no_batch_used_do_not_move(optimizer: str) -> None:
    network = Toy()
    plan = optimization(network, optimizer=optimizer, learning_rate=0.1, weight_decay=0.01)
    before = network.table.weight.detach().clone()
    for _ in range(3):
        network(torch.tensor([3, 7])).pow(2).backward()
        plan.step()
    moved = (network.table.weight.detach() != before).any(dim=1)
    assert moved.nonzero().flatten().tolist() == [3, 7]


@pytest.mark.parametrize("options", [{"optimizer": "sgd", "momentum": 0.9}, {"optimizer": "rmsprop"}])
def test_some_optimisers_keep_the_table_dense(options: dict[str, Any]) -> None:
    network = Toy()
    plan = optimization(network, **options)
    assert not network.table.sparse
    network(torch.tensor([3])).backward()
    plan.step()
    assert len(plan.optimizers) == 1


def test_adagrad_on_rows_equals_adagrad_on_the_whole_table() -> None:
    networks = Toy(), Toy(10)
    networks[1].table.weight.data = networks[0].table.weight.detach()[:10].clone()
    networks[1].layer.load_state_dict(networks[0].layer.state_dict())
    plans = [optimization(network, optimizer="adagrad", learning_rate=0.5) for network in networks]
    assert [network.table.sparse for network in networks] == [True, False]
    for words in ([3, 3, 7], [7, 9]):
        for network, plan in zip(networks, plans, strict=True):
            network(torch.tensor(words)).pow(2).backward()
            plan.step()
    torch.testing.assert_close(networks[0].table.weight[:10], networks[1].table.weight)


TORCHS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "radam": torch.optim.RAdam,
    "nadam": torch.optim.NAdam,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
}


@pytest.mark.parametrize("name", TORCHS)
def test_dense_weights_move_as_torch_moves_them(name: str) -> None:
    networks = Toy(10), Toy(10)
    options = {"lr": 0.05, "weight_decay": 0.1}
    if name in ("radam", "nadam"):
        options["decoupled_weight_decay"] = True
    theirs = TORCHS[name](networks[0].parameters(), **options)
    ours = optimization(
        networks[1], optimizer=name, learning_rate=0.05, weight_decay=0.1, clip=0.0, schedule="constant", warmup=0.0
    )
    for words in ([1, 2], [2, 3, 3], [9]) * 4:
        for network, step in zip(networks, (theirs, ours), strict=True):
            network(torch.tensor(words)).pow(2).backward()
            step.step()
        theirs.zero_grad()
    for first, second in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(first, second)


def test_parts_have_rates_of_their_own() -> None:
    network = Toy()
    plan = optimization(network, optimizer="sgd", learning_rate=0.5, clip=0.0, rates={"table": 0.1}, warmup=0.0)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    network(torch.tensor([3])).backward()
    gradients = [parameter.grad.to_dense() for parameter in network.parameters()]
    plan.step()
    for factor, old, new, gradient in zip([0.1, 1.0, 1.0], before, network.parameters(), gradients, strict=True):
        torch.testing.assert_close(old - new.detach(), 0.5 * factor * gradient)


@pytest.mark.parametrize("optimizer", ["adamw", "nadam", "adagrad"])
@pytest.mark.parametrize("epochs", [0, 2])
def test_frozen_parts_stay_until_they_are_thawed(optimizer: str, epochs: int) -> None:
    network = Toy()
    plan = optimization(network, optimizer=optimizer, weight_decay=0.1, freeze=["table"], freeze_epochs=epochs)
    start = network.table.weight.detach().clone()
    moved = []
    for epoch in range(1, 5):
        plan.freeze(epoch=epoch)
        network(torch.tensor([3, 4])).pow(2).backward()
        plan.step()
        moved.append(not torch.equal(network.table.weight, start))
    assert moved == ([False] * 4 if epochs == 0 else [False, False, True, True])


def test_what_is_fixed_anyway_is_not_thawed() -> None:
    network = Toy()
    network.table.weight.requires_grad_(False)
    plan = optimization(network, freeze=["table"], freeze_epochs=1)
    plan.freeze(epoch=2)
    assert not network.table.weight.requires_grad


@pytest.mark.parametrize("options", [{"freeze": ["tabel"]}, {"rates": {"tabel": 0.5}}])
def test_a_part_that_there_is_not_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"training\.{next(iter(options))}'.*'tabel'.*table, layer.*mean 'table'"):
        optimization(Toy(), **options)


def test_something_must_be_left_to_train() -> None:
    with pytest.raises(ConfigError, match="leaves nothing to train"):
        optimization(Toy(), freeze=["table", "layer"], freeze_epochs=3)
    fixed = Toy()
    fixed.table.weight.requires_grad_(False)
    with pytest.raises(ConfigError, match="leaves nothing to train"):
        optimization(fixed, freeze=["layer"])
    with pytest.raises(ConfigError, match="leaves nothing to train"):
        optimization(Toy(), freeze=["table", "layer", "layer"])
    assert len(optimization(Toy(), freeze=["layer", "layer"]).frozen) == 2


def test_a_rate_of_what_is_not_trained_is_told(caplog: pytest.LogCaptureFixture) -> None:
    network = Toy()
    network.table.weight.requires_grad_(False)
    optimization(network, rates={"table": 0.1, "layer": 0.5})
    assert caplog.messages == ["'training.rates' has no effect on 'table', which is not trained"]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_scaled_loss_makes_the_same_step(optimizer: str) -> None:
    networks = Toy(), Toy()
    options = {"optimizer": optimizer, "learning_rate": 0.1, "clip": 0.1}
    plans = [
        optimization(networks[0], **options),
        Optimization(
            networks[1],
            TrainingConfig(**options),
            total_steps=100,
            steps_per_epoch=10,
            scaler=torch.amp.GradScaler("cpu", init_scale=1024.0),
        ),
    ]
    for words in ([3, 3, 7], [7, 1400]):
        for network, plan in zip(networks, plans, strict=True):
            plan.backward(network(torch.tensor(words)).pow(2))
            plan.step()
    for first, second in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(first, second)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "radam", "adagrad"])
def test_a_frozen_table_has_nothing_to_scale(optimizer: str) -> None:
    network = Toy()
    config = TrainingConfig(optimizer=optimizer, freeze=["table"], freeze_epochs=1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    plan = Optimization(network, config, total_steps=100, steps_per_epoch=1, scaler=scaler)
    start = network.table.weight.detach().clone()
    moved = []
    for epoch in (1, 2):
        plan.freeze(epoch=epoch)
        plan.backward(network(torch.tensor([3, 7])).pow(2))
        plan.step()
        moved.append(not torch.equal(network.table.weight, start))
    assert moved == [False, True]


def test_an_overflow_skips_the_step_and_lowers_the_scale() -> None:
    network = Toy(10)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    plan = Optimization(network, TrainingConfig(), total_steps=100, steps_per_epoch=10, scaler=scaler)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    plan.backward(network(torch.tensor([3])) * torch.inf)
    plan.step()
    assert all(torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))
    assert scaler.get_scale() == 512.0
    tensors, values = plan.state()
    other = torch.amp.GradScaler("cpu")
    fresh = Optimization(Toy(10), TrainingConfig(), total_steps=100, steps_per_epoch=10, scaler=other)
    fresh.restore(tensors, values)
    assert (fresh.step_count, other.get_scale()) == (1, 512.0)


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
    average = WeightAverage([network.weight], decay=0.5)
    expected = 0.0
    for step in range(1, 30):
        nn.init.constant_(network.weight, float(step))
        average.update(step)
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
    average = WeightAverage([network.weight], decay=0.999)
    nn.init.ones_(network.weight)
    for step in range(1, 21):
        average.update(step)
    assert average.mean[0].item() > 0.99


def test_the_equal_mean_begins_late_and_weighs_all_the_same() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = WeightAverage([network.weight], begin=4)
    for step in range(1, 11):
        nn.init.constant_(network.weight, float(step))
        average.update(step)
        assert average.ready == (step >= 4)
        if step == 4:
            assert average.mean[0].item() == 4.0
    assert average.mean[0].item() == pytest.approx(sum(range(4, 11)) / 7)
