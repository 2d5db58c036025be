"""The network of the language model and its embedding."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bilstm_tagger.nn import Batch, BiLstmCrf, NetworkSizes, char_lm
from bilstm_tagger.nn.char_lm import CharLanguageModel, CharReader, LmEmbedding


def embedding(**options: Any) -> LmEmbedding:
    torch.manual_seed(0)
    settings = {"fine_tune": True, "projection": 0, "dropout": 0.0, "locked": False} | options
    return LmEmbedding(9, size=4, hidden_size=5, **settings)


def places(lengths: list[int], seq_len: int) -> tuple[Tensor, Tensor]:
    """Characters ``(longest, batch_size)`` that are zero beyond each length, and random places in them."""
    torch.manual_seed(1)
    ids = torch.zeros(max(lengths), len(lengths), dtype=torch.int64)
    at = torch.zeros(seq_len, len(lengths), dtype=torch.int64)
    for column, length in enumerate(lengths):
        ids[:length, column] = torch.randint(1, 9, (length,))
        at[:, column] = torch.randint(0, length, (seq_len,))
    return ids, at


def test_states_are_those_of_a_step_by_step_reading() -> None:
    reader = embedding().ahead
    ids, at = places([7, 4], 3)
    found = reader.states_at(ids, at)
    for column in range(2):
        state = reader.initial_state(1)
        history = []
        for char in ids[:, column]:
            _, state = reader(char.view(1, 1), state)
            history.append(state[0].flatten())
        for row in range(3):
            torch.testing.assert_close(found[row, column], history[int(at[row, column])])


def test_long_texts_are_read_in_parts_with_the_same_states_and_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = embedding().ahead
    ids, at = places([50, 31, 2], 12)
    weights = torch.randn(12, 3, 5)
    whole = reader.states_at(ids, at)
    expected = torch.autograd.grad((whole * weights).sum(), list(reader.parameters()))
    monkeypatch.setattr(char_lm, "_MOST_STATES", 7 * 3 * 5)
    parts = reader.states_at(ids, at)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(torch.autograd.grad((parts * weights).sum(), list(reader.parameters())), expected)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = reader.states_at(ids, at)
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), whole, atol=0.02, rtol=0)


def test_a_sentence_has_the_same_states_in_a_batch_and_alone() -> None:
    lm = embedding()
    (ids, at), (back, back_at) = places([9, 3, 6], 4), places([9, 3, 6], 4)
    together = lm.states(ids, back, at, back_at)
    for column, length in enumerate([9, 3, 6]):
        cut = (slice(0, length), slice(column, column + 1))
        one = (slice(None), slice(column, column + 1))
        alone = lm.states(ids[cut], back[cut], at[one], back_at[one])
        torch.testing.assert_close(together[one], alone)


def test_frozen_states_are_half_precision_and_carry_no_gradient() -> None:
    frozen = embedding(fine_tune=False, projection=3)
    ids, at = places([5], 2)
    states = frozen.states(ids, ids, at, at)
    assert states.dtype == torch.float16
    assert not states.requires_grad
    frozen(states).sum().backward()
    trained = {name for name, parameter in frozen.named_parameters() if parameter.grad is not None}
    assert trained == {"projection.weight", "projection.bias"}


def test_fine_tuned_gradients_reach_every_parameter() -> None:
    lm = embedding(projection=3)
    ids, at = places([5, 4], 2)
    lm(lm.states(ids, ids, at, at)).square().sum().backward()
    for name, parameter in lm.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.any()), name


def test_dropout_is_for_training_only() -> None:
    lm = embedding(dropout=0.5)
    states = torch.ones(3, 2, 10)
    assert bool((lm(states) == 0).any())
    torch.testing.assert_close(lm.eval()(states), states)


def test_only_the_language_model_itself_predicts() -> None:
    assert hasattr(CharLanguageModel(9, size=4, hidden_size=5).back, "output")
    assert not hasattr(CharReader(9, size=4, hidden_size=5, predicts=False), "output")


def test_a_network_with_a_language_model_says_when_it_gets_nothing_to_read() -> None:
    sizes = NetworkSizes(num_tags=2, word_rows=0, word_size=0, lm_chars=9, lm_char_size=4, lm_hidden=5)
    batch = Batch(forms=torch.zeros(1, 1, dtype=torch.int64), lengths=torch.ones(1, dtype=torch.int64))
    with pytest.raises(ValueError, match="nothing for the language model to read"):
        BiLstmCrf(sizes).emissions(batch)
