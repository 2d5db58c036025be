"""Single steps of the training loop: what they sum, in which precision, and which weights they reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch

from bilstm_tagger import ConfigError
from bilstm_tagger.config import Config
from bilstm_tagger.features.encoding import encode_rows
from bilstm_tagger.inference.decoding import to_batch
from bilstm_tagger.training.build import build_model
from bilstm_tagger.training.history import History
from bilstm_tagger.training.losses import TrainingLoss
from bilstm_tagger.training.processes import Processes
from bilstm_tagger.training.trainer import Trainer
from tests.tiny import ner_rows, tiny_config

ROWS = [
    row | {"dense": [[float(index % 3), 1.0] for index in range(len(row["tokens"]))]} for row in ner_rows(24, seed=4)
]


def trainer_of(config: Config) -> Trainer:
    torch.manual_seed(5)
    rows = datasets.Dataset.from_list(ROWS)
    model = build_model(config, rows)
    return Trainer(
        model.network,
        encode_rows(rows, model.vocabulary, dense_size=model.network.sizes.dense_size),
        config.training,
        seed=1,
        score=lambda: 0.0,
        keep=lambda outcome: None,
        history=History(None),
        metric="f1",
        processes=Processes(torch.device("cpu")),
        progress=False,
    )


def config_of(**training: Any) -> Config:
    return tiny_config(word={"unknown_singletons": 0.0}, training={"optimizer": "sgd", "clip": 0.0, **training})


@pytest.mark.parametrize("reduction", ["token", "sequence", "sum"])
def test_accumulated_batches_make_the_step_of_one_large_batch(reduction: str) -> None:
    parts, whole = (trainer_of(config_of(reduction=reduction, learning_rate=0.01)) for _ in range(2))
    indices = np.arange(len(ROWS))
    groups = [indices[:3], indices[3:11], indices[11:]], [indices]
    losses = [
        trainer._step(group, map(trainer._prepare, group))
        for trainer, group in zip((parts, whole), groups, strict=True)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    before = trainer_of(config_of()).weights
    for first, second, old in zip(parts.weights, whole.weights, before, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-6)
        assert not torch.equal(first, old)


def test_an_epoch_takes_every_sequence_once_whatever_is_accumulated(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trainer_of(config_of(accumulate=3, batch_sequences=4, epochs=1))
    seen: list[list[int]] = []
    real = Trainer._step

    def step(self: Trainer, group: Any, prepared: Any) -> float:
        seen.append([int(index) for indices in group for index in indices])
        return real(self, group, prepared)

    monkeypatch.setattr(Trainer, "_step", step)
    trainer.run()
    assert sorted(index for group in seen for index in group) == list(range(len(ROWS)))
    assert len(seen) == -(-len(trainer_of(config_of(batch_sequences=4)).next_batches) // 3)


PARTS: dict[str, dict[str, Any]] = {
    "everything": {
        "shape": {"size": 4},
        "encoder": {"layers": 2, "convolution": 3, "convolution_size": 4},
        "char": {"kind": "cnn"},
    },
    "characters by lstm, gru": {"char": {"kind": "lstm"}, "encoder": {"kind": "gru"}},
    "rnn, dense columns": {"word": {"size": 0}, "char": {"kind": "none"}, "encoder": {"kind": "rnn"}},
}
LOSSES: dict[str, dict[str, Any]] = {
    "plain": {},
    "bf16": {"half": torch.bfloat16},
    "smoothed, weighted": {"smoothing": 0.1, "margins": True},
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("parts", PARTS)
def test_every_parameter_gets_a_gradient(parts: str, loss: str) -> None:
    trainer = trainer_of(tiny_config(**PARTS[parts]))
    network = trainer.network.train()
    options = dict(LOSSES[loss])
    if options.pop("margins", False):
        options["margins"] = torch.linspace(0.1, 0.5, network.sizes.num_tags)
    TrainingLoss(**options)(network, to_batch(trainer.rows.batch(np.arange(len(ROWS))))).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.dtype == torch.float32
        assert bool(parameter.grad.to_dense().any()), name


def test_bf16_computes_the_network_in_bf16_and_the_rest_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trainer_of(tiny_config())
    network, batch = trainer.network, to_batch(trainer.rows.batch(np.arange(len(ROWS))))
    seen: list[torch.dtype] = []
    forward = type(network.crf).forward

    def crf(self: Any, emissions: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        seen.append(emissions.dtype)
        assert not torch.is_autocast_enabled("cpu")
        return forward(self, emissions, *args, **options)

    monkeypatch.setattr(type(network.crf), "forward", crf)
    network.projection.register_forward_hook(lambda module, given, output: seen.append(output.dtype))
    full = TrainingLoss()(network, batch).detach()
    half = TrainingLoss(half=torch.bfloat16)(network, batch).detach()
    assert seen == [torch.float32, torch.float32, torch.bfloat16, torch.float32]
    assert half.dtype == torch.float32
    assert float(half) == pytest.approx(float(full), rel=0.02)
    assert float(half) != float(full)


def test_fp16_on_a_processor_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"precision' cannot be fp16 on a processor.*Accepted: float32, bf16"):
        trainer_of(tiny_config(training={"precision": "fp16"}))


def test_two_means_of_the_weights_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'training\.ema' and 'training\.swa_start' do not go together"):
        trainer_of(tiny_config(training={"ema": 0.9, "swa_start": 0.5}))


def test_processes_share_each_sequence_out_to_one() -> None:
    indices = np.array([4, 8, 1, 9, 5])
    shares = [Processes(torch.device("cpu"), rank=rank, size=3).share(indices).tolist() for rank in range(3)]
    assert sorted(index for share in shares for index in share) == sorted(indices.tolist())
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'training.device' cannot be used.*'nonsense'.*Accepted: auto, cpu, cuda"):
        Processes.start("nonsense")


def test_a_device_without_memory_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'training\.device' cannot be used"):
        Processes.start("meta")


def test_a_process_that_is_not_the_first_ends_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("bilstm_tagger.training.processes.time.sleep", waits.append)
    error = ConfigError("wrong")
    with pytest.raises(SystemExit) as stop:
        Processes(torch.device("cpu"), rank=1, size=2).fail(error)
    assert stop.value.code == 2
    assert waits
    with pytest.raises(ConfigError, match="wrong"):
        Processes(torch.device("cpu"), rank=0, size=2).fail(error)


def test_a_lost_connection_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Connection closed by peer\nmore of it")

    monkeypatch.setattr("torch.distributed.all_reduce", broken)
    processes = Processes(torch.device("cpu"), rank=0, size=2)
    with pytest.raises(Exception, match=r"another process of this run has ended \(Connection closed by peer\)"):
        processes.sum_array(np.zeros(3, dtype=np.int64))


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    history = History(None)
    history.add({"epoch": 1})
    history.restore([*history.records, {"epoch": 2}])
    assert [record["epoch"] for record in history.records] == [1, 2]
    assert not list(tmp_path.iterdir())
