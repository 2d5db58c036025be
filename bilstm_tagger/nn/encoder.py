"""The recurrent encoder: exact at every length, and on the fast library path.

``pack_padded_sequence`` keeps torch off oneDNN's fused LSTM on a CPU (measured: 126 against 28 ms a training step).
So each direction is a one-way network on the padded batch. Reading left to right, padding comes after the last
token and cannot reach it; the other direction reads each sequence reversed within its own length.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from bilstm_tagger.nn.dropout import Dropout
from bilstm_tagger.nn.forward_backward import reverse_padded

__all__ = ["RecurrentEncoder", "WindowConvolution"]

Kind = Literal["lstm", "gru", "rnn"]
_KINDS: dict[str, type[nn.LSTM] | type[nn.GRU] | type[nn.RNN]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class WindowConvolution(nn.Module):
    """A convolution over tokens, joined to its input: each token sees its neighbours before the recurrence.

    Shape: ``(seq_len, batch_size, input_size)`` to ``(seq_len, batch_size, input_size + channels)``.
    """

    def __init__(self, input_size: int, *, channels: int, width: int) -> None:
        super().__init__()
        if width % 2 == 0:
            raise ValueError(f"the width of the convolution must be odd, got {width}")
        self.convolution = nn.Conv1d(input_size, channels, width, padding=width // 2)
        self.output_size = input_size + channels

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        mask = torch.arange(len(values), device=values.device).unsqueeze(1) < lengths
        # Padding must be zero, as beyond the ends of the batch's longest sequence.
        values = values * mask.unsqueeze(-1)
        windows = self.convolution(values.permute(1, 2, 0)).permute(2, 0, 1)
        return torch.cat([values, windows.relu()], dim=-1)


class RecurrentEncoder(nn.Module):
    """Layers of bidirectional LSTM, GRU or RNN.

    Args:
        input_size: Features a token.
        hidden_size: Units in each direction.
        layers: Number of layers.
        kind: The recurrent cell.
        layer_dropout: Dropout rate between layers.
        locked: Whether that dropout has one mask a sequence.

    Shape: ``(seq_len, batch_size, input_size)`` and lengths ``(batch_size,)`` to
        ``(seq_len, batch_size, 2 * hidden_size)``. What stands in the padding is unspecified.
    """

    def __init__(
        self,
        input_size: int,
        *,
        hidden_size: int,
        layers: int = 1,
        kind: Kind = "lstm",
        layer_dropout: float = 0.0,
        locked: bool = False,
    ) -> None:
        super().__init__()
        self.output_size = 2 * hidden_size
        sizes = [input_size] + [self.output_size] * (layers - 1)
        self.forward_layers = nn.ModuleList(_KINDS[kind](size, hidden_size) for size in sizes)
        self.backward_layers = nn.ModuleList(_KINDS[kind](size, hidden_size) for size in sizes)
        self.dropout = Dropout(layer_dropout, locked=locked)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot input weights, orthogonal recurrent ones, zero biases with 1 on an LSTM's forget gate."""
        for layer in (*self.forward_layers, *self.backward_layers):
            for name, parameter in layer.named_parameters():
                blocks = parameter.data.split(layer.hidden_size)
                for block in blocks:
                    if name.startswith("weight_ih"):
                        nn.init.xavier_uniform_(block)
                    elif name.startswith("weight_hh"):
                        nn.init.orthogonal_(block)
                    else:
                        nn.init.zeros_(block)
                if name.startswith("bias_ih") and isinstance(layer, nn.LSTM):
                    nn.init.ones_(blocks[1])

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        for index, (ahead, back) in enumerate(zip(self.forward_layers, self.backward_layers, strict=True)):
            if index:
                values = self.dropout(values)
            left = _run(ahead, values)
            right = _run(back, reverse_padded(values, lengths))
            values = torch.cat([left, reverse_padded(right, lengths)], dim=-1)
        return values


def _run(layer: nn.Module, values: Tensor) -> Tensor:
    """Returns the states of a one-way layer, ``(seq_len, batch_size, hidden_size)``."""
    if layer.training or not isinstance(layer, nn.LSTM) or values.device.type != "cpu":
        states: Tensor = layer(values)[0]
        return states
    # What the module calls in the end. Its checks take as long as three steps of one sentence.
    zeros = values.new_zeros(1, values.shape[1], layer.hidden_size)
    weights: list[Tensor] = [*layer.all_weights[0]]
    states, _, _ = torch.lstm(values, (zeros, zeros), weights, True, 1, 0.0, False, False, False)
    return states
