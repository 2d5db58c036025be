"""Vectors of words and of their characters."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bilstm_tagger.nn.embeddings import PADDING, UNKNOWN, CharCnn, CharLstm, WordEmbedding, uniform_embedding

# Words of length 3, 1, 5 and 0.
CHARS = torch.tensor([[2, 3, 4, 0, 0], [5, 0, 0, 0, 0], [6, 5, 4, 3, 2], [0, 0, 0, 0, 0]])


def char_cnn(kernel: int = 3, *, dropout: float = 0.0) -> CharCnn:
    torch.manual_seed(0)
    return CharCnn(8, size=4, output=5, kernel=kernel, dropout=dropout).eval()


def char_lstm(output: int = 6, *, dropout: float = 0.0) -> CharLstm:
    torch.manual_seed(0)
    return CharLstm(8, size=4, output=output, dropout=dropout).eval()


def test_fresh_vectors_are_uniform_and_padding_is_zero() -> None:
    torch.manual_seed(0)
    weight = uniform_embedding(2000, 12).weight.detach()
    assert not weight[PADDING].any()
    assert 0.49 < float(weight.abs().max()) <= 0.5
    assert float(weight[1:].std()) == pytest.approx(0.5 / 3**0.5, rel=0.02)


def test_words_beyond_the_trained_rows_come_from_the_second_table() -> None:
    embedding = WordEmbedding(3, 2, 4)
    embedding.frozen.copy_(torch.arange(8).view(2, 4))
    words = torch.tensor([[2, 3], [4, 0]])
    values = embedding(words)
    assert values.shape == (2, 2, 4)
    assert values.dtype == torch.float32
    torch.testing.assert_close(values[0, 0], embedding.trained.weight[2])
    assert values[0, 1].tolist() == [0, 1, 2, 3]
    assert values[1, 0].tolist() == [4, 5, 6, 7]
    assert values[1, 1].tolist() == [0, 0, 0, 0]


def test_words_of_the_second_table_teach_the_first_nothing() -> None:
    embedding = WordEmbedding(3, 2, 4)
    embedding(torch.tensor([3, 4, 2])).sum().backward()
    gradient = embedding.trained.weight.grad
    assert gradient is not None
    assert gradient.abs().sum(dim=1).tolist() == [0, 0, 4]
    assert "frozen" in embedding.state_dict()
    assert not embedding.frozen.requires_grad


def test_without_fine_tuning_no_row_is_trained() -> None:
    assert [p.requires_grad for p in WordEmbedding(3, 2, 4, fine_tune=False).parameters()] == [False]
    assert UNKNOWN < 3


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 9])
def test_the_character_cnn_is_the_largest_window_over_the_word(kernel: int) -> None:
    network = char_cnn(kernel)
    values = network(CHARS)
    assert values.shape == (4, network.output_size) == (4, 5)
    for row, length in enumerate([3, 1, 5]):
        embedded = network.embedding(CHARS[row, :length]).T  # (size, length)
        windows = network.convolution(embedded)[:, :length]
        torch.testing.assert_close(values[row], windows.amax(dim=1))
    assert values[3].tolist() == [0] * 5


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_the_character_cnn_looked_up_equals_the_convolution(kernel: int) -> None:
    torch.manual_seed(0)
    network = CharCnn(12, size=5, output=7, kernel=kernel, dropout=0.3).eval()
    chars = torch.randint(1, 12, (6, 9))
    chars[0, 4:] = chars[1, 1:] = chars[2] = 0
    convolved = network(chars)
    with torch.no_grad():
        looked_up = network(chars)
    assert convolved.requires_grad
    torch.testing.assert_close(looked_up, convolved.detach())


@pytest.mark.parametrize("length", [1, 2, 5])
def test_the_character_lstm_gives_the_last_states_of_both_directions(length: int) -> None:
    network = char_lstm()
    chars = torch.tensor([[2, 3, 4, 5, 6][:length] + [0] * (7 - length)])
    embedded = network.embedding(chars[0, :length])
    ahead = network.ahead(embedded)[0][-1]
    back = network.back(embedded.flip(0))[0][-1]
    torch.testing.assert_close(network(chars)[0], torch.cat([ahead, back]), rtol=1e-5, atol=1e-6)


def test_an_odd_width_of_the_character_lstm_is_rounded_up() -> None:
    network = char_lstm(5)
    assert network(CHARS).shape == (4, network.output_size) == (4, 6)


@pytest.mark.parametrize("network", [char_cnn(3), char_cnn(4), char_lstm()], ids=["cnn3", "cnn4", "lstm"])
def test_the_longest_word_of_the_batch_changes_no_other(network: nn.Module) -> None:
    values = network(CHARS)
    longer = torch.cat([torch.nn.functional.pad(CHARS, (0, 6)), torch.full((1, 11), 7)])
    torch.testing.assert_close(network(longer)[:4], values, rtol=1e-5, atol=1e-6)
    for row, length in enumerate([3, 1, 5]):
        torch.testing.assert_close(network(CHARS[row : row + 1, :length])[0], values[row], rtol=1e-5, atol=1e-6)


def gradient_of(network: nn.Module) -> dict[str, Tensor | None]:
    network(CHARS).pow(2).sum().backward()
    return {name: parameter.grad for name, parameter in network.named_parameters()}


@pytest.mark.parametrize("network", [char_cnn(), char_lstm()], ids=["cnn", "lstm"])
def test_gradients_are_finite_and_padding_is_never_trained(network: nn.Module) -> None:
    gradients = gradient_of(network)
    for gradient in gradients.values():
        assert gradient is not None
        assert torch.isfinite(gradient).all()
        assert gradient.any()
    embedding = gradients["embedding.weight"]
    assert embedding is not None
    assert not embedding[PADDING].any()


@pytest.mark.parametrize("make", [char_cnn, char_lstm])
def test_dropout_acts_in_training_only(make) -> None:
    network = make(dropout=0.5)
    torch.testing.assert_close(network(CHARS), network(CHARS))
    network.train()
    assert not torch.equal(network(CHARS), network(CHARS))
