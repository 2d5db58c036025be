"""The recurrent encoder against torch's own on packed sequences; convolution and dropout."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bilstm_tagger.nn.dropout import Dropout, keep_mask
from bilstm_tagger.nn.encoder import RecurrentEncoder, WindowConvolution

REFERENCES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
LENGTHS = torch.tensor([4, 7, 1, 3, 1])


def mask_of(lengths: torch.Tensor, seq_len: int) -> torch.Tensor:
    """``(seq_len, batch_size, 1)``, True on tokens."""
    return (torch.arange(seq_len).unsqueeze(1) < lengths).unsqueeze(-1)


def reference_of(encoder: RecurrentEncoder, kind: str, input_size: int, hidden_size: int) -> nn.Module:
    """Torch's bidirectional network with the encoder's weights."""
    layers = len(encoder.forward_layers)
    reference = REFERENCES[kind](input_size, hidden_size, num_layers=layers, bidirectional=True)
    with torch.no_grad():
        for suffix, directions in (("", encoder.forward_layers), ("_reverse", encoder.backward_layers)):
            for index, layer in enumerate(directions):
                for name, parameter in layer.named_parameters():
                    getattr(reference, f"{name.removesuffix('_l0')}_l{index}{suffix}").copy_(parameter)
    return reference


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_it_equals_torch_on_packed_sequences(kind: str, layers: int) -> None:
    torch.manual_seed(0)
    encoder = RecurrentEncoder(5, hidden_size=6, layers=layers, kind=kind)  # type: ignore[arg-type]
    for parameter in encoder.parameters():
        nn.init.normal_(parameter)
    reference = reference_of(encoder, kind, 5, 6)
    values = torch.randn(7, 5, 5)
    ours_in, theirs_in = values.clone().requires_grad_(), values.clone().requires_grad_()
    packed, _ = reference(pack_padded_sequence(theirs_in, LENGTHS, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed)
    mask = mask_of(LENGTHS, 7)
    actual = encoder(ours_in, LENGTHS) * mask
    assert actual.shape == (7, 5, 12)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)
    weights = torch.randn_like(expected)
    (actual * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(ours_in.grad, theirs_in.grad, rtol=1e-4, atol=1e-5)
    ours = torch.cat([p.grad.flatten() for p in encoder.forward_layers.parameters()])
    theirs = {n: p.grad for n, p in reference.named_parameters() if not n.endswith("_reverse")}
    torch.testing.assert_close(ours, torch.cat([g.flatten() for g in theirs.values()]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_padding_and_batch_mates_change_nothing(kind: str) -> None:
    torch.manual_seed(1)
    encoder = RecurrentEncoder(3, hidden_size=4, layers=2, kind=kind)  # type: ignore[arg-type]
    alone = torch.randn(4, 1, 3)
    expected = encoder(alone, torch.tensor([4]))
    for padding in (0.0, 1e6):
        padded = torch.cat([alone, torch.full((3, 1, 3), padding)])
        batch = torch.cat([torch.randn(7, 2, 3), padded], dim=1)
        together = encoder(batch, torch.tensor([7, 2, 4]))
        torch.testing.assert_close(together[:4, 2:], expected, rtol=1e-5, atol=1e-6)


def test_fresh_weights_are_glorot_orthogonal_and_remember() -> None:
    torch.manual_seed(0)
    encoder = RecurrentEncoder(8, hidden_size=6, kind="lstm")
    layer = encoder.forward_layers[0]
    for block in layer.weight_hh_l0.data.split(6):
        torch.testing.assert_close(block @ block.T, torch.eye(6), atol=1e-5, rtol=0)
    limit = (6 / (8 + 6)) ** 0.5
    assert limit * 0.8 < float(layer.weight_ih_l0.detach().abs().max()) <= limit
    assert layer.bias_ih_l0.tolist() == [0.0] * 6 + [1.0] * 6 + [0.0] * 12
    assert not layer.bias_hh_l0.any()
    assert not RecurrentEncoder(8, hidden_size=6, kind="gru").forward_layers[0].bias_ih_l0.any()


def test_convolution_sees_its_window_and_no_padding() -> None:
    torch.manual_seed(2)
    window = WindowConvolution(3, channels=4, width=5)
    alone = torch.randn(4, 1, 3)
    expected = window(alone, torch.tensor([4]))
    assert expected.shape == (4, 1, window.output_size) == (4, 1, 7)
    torch.testing.assert_close(expected[..., :3], alone)
    manual = torch.nn.functional.pad(alone[:, 0], (0, 0, 2, 2)).unfold(0, 5, 1)  # (4, 3, 5)
    sums = torch.einsum("tiw,oiw->to", manual, window.convolution.weight) + window.convolution.bias
    torch.testing.assert_close(expected[:, 0, 3:], sums.relu(), rtol=1e-5, atol=1e-6)
    batch = torch.cat([torch.randn(9, 1, 3), torch.cat([alone, torch.full((5, 1, 3), 1e6)])], dim=1)
    together = window(batch, torch.tensor([9, 4]))
    torch.testing.assert_close(together[:4, 1:], expected, rtol=1e-5, atol=1e-5)


def test_a_convolution_of_even_width_is_refused() -> None:
    with pytest.raises(ValueError, match="must be odd, got 4"):
        WindowConvolution(3, channels=4, width=4)


def test_dropout_rests_outside_training_and_at_rate_zero() -> None:
    values = torch.randn(5, 4, 3)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0).train()(values) is values


@pytest.mark.parametrize("locked", [False, True])
def test_locked_dropout_has_one_mask_for_all_tokens(locked: bool) -> None:
    torch.manual_seed(0)
    dropped = Dropout(0.4, locked=locked).train()(torch.ones(6, 50, 20))
    same = (dropped == dropped[:1]).all(dim=0)
    assert bool(same.all()) == locked
    # Sequences have masks of their own.
    assert not (dropped[0, :1] == dropped[0]).all()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_masks_keep_the_expectation(rate: float) -> None:
    torch.manual_seed(0)
    mask = keep_mask((401, 999), rate, like=torch.ones(1))
    assert sorted(set(mask.flatten().tolist())) == pytest.approx([0.0, 1 / (1 - rate)], rel=1e-3)
    # Five standard errors.
    slack = 5 * (rate / (1 - rate) / mask.numel()) ** 0.5
    assert float(mask.mean()) == pytest.approx(1.0, abs=slack)
    # Four places come from one random number: each of the four, and pairs of neighbours, behave alike.
    places = mask.flatten()[: mask.numel() // 4 * 4].view(-1, 4)
    assert places.mean(dim=0).tolist() == pytest.approx([1.0] * 4, abs=2 * slack)
    correlation = torch.corrcoef(places.T) - torch.eye(4)
    assert float(correlation.abs().max()) < 5 / len(places) ** 0.5


@pytest.mark.parametrize("rate", [0.0, 1e-9, 0.999999])
def test_masks_at_the_ends_of_the_range_are_finite(rate: float) -> None:
    assert torch.isfinite(keep_mask((1000,), rate, like=torch.ones(1))).all()
    assert keep_mask((0, 3), rate, like=torch.ones(1)).shape == (0, 3)
    assert keep_mask((2,), rate, like=torch.ones(1, dtype=torch.float64)).dtype == torch.float64


def test_masks_follow_the_seed() -> None:
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(keep_mask((7, 9), 0.5, like=torch.ones(1)))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
