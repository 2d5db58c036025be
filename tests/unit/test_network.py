"""The whole network: every part learns, and a sequence's scores are its own."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from bilstm_tagger.nn import Batch, BiLstmCrf, NetworkSizes

ALL = NetworkSizes(
    num_tags=5,
    word_rows=9,
    word_size=6,
    frozen_rows=3,
    char_kind="cnn",
    num_chars=8,
    char_size=4,
    char_output=6,
    num_shapes=5,
    shape_size=3,
    dense_size=2,
    hidden_size=7,
    layers=2,
    convolution=3,
    convolution_size=4,
)
DROPPING = {
    "input_dropout": 0.4,
    "output_dropout": 0.4,
    "layer_dropout": 0.4,
    "word_dropout": 0.3,
    "char_dropout": 0.3,
    "unknown_singletons": 0.5,
}


def network_of(**changes: Any) -> BiLstmCrf:
    torch.manual_seed(0)
    network = BiLstmCrf(dataclasses.replace(ALL, **changes))
    if network.word is not None:
        network.word.frozen.normal_()
    return network.eval()


def random_batch(lengths: tuple[int, ...] = (4, 1, 6), *, seed: int = 0) -> Batch:
    """A batch for ``ALL``; row 0 of the tables is padding."""
    torch.manual_seed(seed)
    seq_len, forms = max(lengths), 11
    mask = torch.arange(seq_len).unsqueeze(1) < torch.tensor(lengths)
    chars = torch.randint(2, 8, (forms, 5)) * (torch.arange(5) < torch.randint(1, 6, (forms, 1)))
    chars[0] = 0
    return Batch(
        forms=torch.randint(1, forms, mask.shape) * mask,
        lengths=torch.tensor(lengths),
        words=torch.cat([torch.zeros(1).long(), torch.randint(1, 12, (forms - 1,))]),
        chars=chars,
        shapes=torch.cat([torch.zeros(1).long(), torch.randint(1, 5, (forms - 1,))]),
        dense=torch.randn(*mask.shape, 2) * mask.unsqueeze(-1),
        tags=torch.randint(0, 5, mask.shape).masked_fill(~mask, -100),
        singletons=torch.rand(forms) < 0.5,
    )


@pytest.mark.parametrize("char_kind", ["cnn", "lstm"])
@pytest.mark.parametrize("encoder", ["lstm", "gru", "rnn"])
def test_every_parameter_gets_a_gradient(char_kind: str, encoder: str) -> None:
    network = network_of(char_kind=char_kind, encoder=encoder)
    (-network.log_likelihood(random_batch()).sum()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("locked", [False, True])
def test_every_parameter_gets_a_gradient_through_all_kinds_of_dropout(locked: bool) -> None:
    network = network_of(locked=locked, attention_heads=2, **DROPPING).train()
    for seed in range(3):
        (-network.log_likelihood(random_batch((9, 8, 9), seed=seed)).sum()).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_a_sequence_scores_the_same_alone_and_among_others() -> None:
    network, batch = network_of(), random_batch()
    together = network.emissions(batch)
    assert together.shape == (6, 3, 5)
    for row, length in enumerate([4, 1, 6]):
        alone = dataclasses.replace(
            batch,
            forms=batch.forms[:length, row : row + 1],
            lengths=torch.tensor([length]),
            dense=batch.dense[:length, row : row + 1],  # type: ignore[index]
        )
        torch.testing.assert_close(network.emissions(alone)[:, 0], together[:length, row], rtol=1e-4, atol=1e-5)


def test_form_vectors_computed_before_give_the_same() -> None:
    network, batch = network_of(), random_batch()
    table = network.form_vectors(batch.words, batch.chars, batch.shapes)
    assert table.shape == (11, network.form_size) == (11, 15)
    before = Batch(forms=batch.forms, lengths=batch.lengths, form_vectors=table, dense=batch.dense)
    torch.testing.assert_close(network.emissions(before), network.emissions(batch))


PARTS: dict[str, dict[str, Any]] = {
    "word": {"word_size": 0},
    "char": {"char_kind": "none"},
    "shape": {"shape_size": 0},
    "dense": {"dense_size": 0},
    "convolution": {"convolution": 0},
}


@pytest.mark.parametrize("kept", [*itertools.combinations(["word", "char", "shape", "dense"], 1), ("word", "dense")])
def test_any_part_may_be_left_out(kept: tuple[str, ...]) -> None:
    left_out = [options for name, options in PARTS.items() if name not in kept]
    network = network_of(**{key: value for options in left_out for key, value in options.items()})
    batch = random_batch()
    batch = dataclasses.replace(
        batch,
        chars=batch.chars if "char" in kept else None,
        shapes=batch.shapes if "shape" in kept else None,
        dense=batch.dense if "dense" in kept else None,
    )
    assert network.emissions(batch).shape == (6, 3, 5)
    table = network.form_vectors(batch.words, batch.chars, batch.shapes)
    assert table.shape == (11, network.form_size)
    before = Batch(forms=batch.forms, lengths=batch.lengths, form_vectors=table, dense=batch.dense)
    torch.testing.assert_close(network.emissions(before), network.emissions(batch))


def changes_in_training(network: BiLstmCrf, batch: Batch) -> bool:
    network.train()
    return not torch.equal(network.emissions(batch), network.emissions(batch))


@pytest.mark.parametrize("option", DROPPING)
def test_each_kind_of_dropout_acts_in_training_only(option: str) -> None:
    network, batch = network_of(**{option: 0.5}), random_batch((9, 9, 9))
    torch.testing.assert_close(network.emissions(batch), network.emissions(batch), rtol=0, atol=0)
    assert changes_in_training(network, batch)


def test_without_dropout_training_changes_nothing() -> None:
    assert not changes_in_training(network_of(), random_batch())


def test_only_singletons_are_made_unknown() -> None:
    network = network_of(unknown_singletons=0.999, char_kind="none", shape_size=0, num_chars=0).train()
    words = torch.tensor([0, 2, 3, 10])
    unknown = network.form_vectors(torch.tensor([1]))[0]
    vectors = network.form_vectors(words, singletons=torch.tensor([False, True, False, True]))
    plain = network.form_vectors(words)
    assert torch.equal(vectors[[0, 2]], plain[[0, 2]])
    assert torch.equal(vectors[1], unknown)
    assert torch.equal(vectors[3], unknown)


def test_a_batch_without_tags_has_no_likelihood() -> None:
    with pytest.raises(ValueError, match="the batch has no tags"):
        network_of().log_likelihood(dataclasses.replace(random_batch(), tags=None))


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = network_of().state_dict(), network_of().state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_is_derived_from_the_tags_is_not_stored() -> None:
    legal = (torch.ones(5).bool(), torch.ones(5, 5).bool(), torch.ones(5).bool())
    constrained = BiLstmCrf(ALL, legal=legal)
    assert set(constrained.state_dict()) == set(network_of().state_dict())
    assert not [name for name in constrained.state_dict() if "legal" in name]


def test_a_batch_moves_with_all_its_tensors() -> None:
    moved = random_batch().to(torch.device("meta"))
    tensors = [value for value in vars(moved).values() if isinstance(value, Tensor)]
    assert len(tensors) == 8
    assert {value.device.type for value in tensors} == {"meta"}
    assert moved.form_vectors is None
