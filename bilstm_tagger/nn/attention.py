"""Self-attention over the encoder's states, for what a recurrence forgets on the way."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from bilstm_tagger.nn.dropout import Dropout

__all__ = ["SelfAttention"]


class SelfAttention(nn.Module):
    """Attention of each token to all tokens of its sequence (Vaswani et al. 2017), added to the input and normalised.

    No position enters: the states it reads come from a recurrence and know their place. Time grows with the square of
    the length, memory of a sequence alone with the length.

    Args:
        size: Width of the states.
        heads: Number of heads; a divisor of the size.
        dropout: Rate on what attention adds.
        locked: Whether that dropout has one mask a sequence.

    Shape: ``(seq_len, batch_size, size)`` and lengths ``(batch_size,)`` to the same. What stands in the padding is
        unspecified.
    """

    def __init__(self, size: int, *, heads: int, dropout: float = 0.0, locked: bool = False) -> None:
        super().__init__()
        if size % heads:
            raise ValueError(f"{heads} heads do not divide {size} units")
        self.heads = heads
        self.project = nn.Linear(size, 3 * size)
        self.output = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size)
        self.dropout = Dropout(dropout, locked=locked)

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        seq_len, batch_size, size = values.shape
        parts = self.project(values).view(seq_len, batch_size, 3, self.heads, size // self.heads)
        query, key, value = parts.permute(2, 1, 3, 0, 4)  # each (batch_size, heads, seq_len, head_size)
        # A mask keeps torch from the kernel whose memory grows with the length only: a single sequence needs none.
        mask = None
        if batch_size > 1:
            mask = (torch.arange(seq_len, device=lengths.device) < lengths.unsqueeze(1))[:, None, None]
        attended = scaled_dot_product_attention(query, key, value, attn_mask=mask)
        attended = attended.permute(2, 0, 1, 3).flatten(2)  # (seq_len, batch_size, size)
        normalised: Tensor = self.norm(values + self.dropout(self.output(attended)))
        return normalised
