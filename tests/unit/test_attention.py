"""Self-attention against its definition."""

from __future__ import annotations

import pytest
import torch

from bilstm_tagger import ConfigError
from bilstm_tagger.nn.attention import SelfAttention
from tests.tiny import tiny_tagger


def make() -> tuple[SelfAttention, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return SelfAttention(6, heads=2).eval(), torch.randn(5, 3, 6), torch.tensor([5, 2, 1])


def test_it_is_the_weighted_mean_that_its_name_says() -> None:
    attention, values, lengths = make()
    actual = attention(values, lengths)
    for row, length in enumerate(lengths.tolist()):
        states = values[:length, row]  # (length, size)
        query, key, value = attention.project(states).chunk(3, dim=-1)
        heads = []
        for part in (slice(0, 3), slice(3, 6)):
            weights = (query[:, part] @ key[:, part].T / 3**0.5).softmax(dim=-1)
            heads.append(weights @ value[:, part])
        expected = attention.norm(states + attention.output(torch.cat(heads, dim=-1)))
        torch.testing.assert_close(actual[:length, row], expected, rtol=1e-5, atol=1e-6)


def test_padding_and_batch_mates_change_nothing() -> None:
    attention, values, lengths = make()
    together = attention(values, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = attention(values[:length, row : row + 1], lengths[row : row + 1])
        torch.testing.assert_close(alone[:, 0], together[:length, row], rtol=1e-5, atol=1e-6)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match="4 heads do not divide 6 units"):
        SelfAttention(6, heads=4)


def test_a_tagger_may_have_it() -> None:
    tagger = tiny_tagger(encoder={"hidden_size": 8, "attention": 4})
    assert tagger.model.network.attention is not None
    items = [["Angela", "Merkel", "visited", "Oslo", "."], ["Oslo"]]
    assert tagger.tag_batch(items)[1].tags == tagger.tag(["Oslo"]).tags


def test_the_number_of_heads_is_checked_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"'encoder.attention' is the number of heads.*got 3.*a divisor of 16"):
        tiny_tagger(encoder={"hidden_size": 8, "attention": 3})
