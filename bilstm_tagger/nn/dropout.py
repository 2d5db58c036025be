"""Dropout whose masks are cheap: drawing them was a fifth of the time of a training step."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["Dropout", "keep_mask"]

_LEVELS = 1 << 16


def keep_mask(shape: tuple[int, ...], rate: float, *, like: Tensor) -> Tensor:
    """Returns a mask that is 0 with probability ``rate`` and else ``1 / (1 - rate)``.

    On a CPU one 64-bit random number serves four places, so the rate is rounded to a multiple of 2^-16, and the scale
    is that of the rounded rate: the expectation stays exact.

    Args:
        shape: Shape of the mask.
        rate: Share of zeros, in [0, 1).
        like: Gives the type and the device.
    """
    if like.device.type != "cpu":
        return like.new_empty(shape).bernoulli_(1.0 - rate).div_(1.0 - rate)
    dropped = min(round(rate * _LEVELS), _LEVELS - 1)
    count = math.prod(shape)
    bits = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(1 << 63), None)
    kept = bits.view(torch.int16)[:count] >= dropped - _LEVELS // 2
    return kept.to(like.dtype).mul_(_LEVELS / (_LEVELS - dropped)).view(shape)


class Dropout(nn.Module):
    """Dropout; locked, one mask serves all tokens of a sequence (Gal & Ghahramani 2016).

    Args:
        rate: Share of the values that is dropped when training.
        locked: Whether the mask is the same along the first axis.

    Shape: any; ``(seq_len, batch_size, features)`` if locked.
    """

    def __init__(self, rate: float, *, locked: bool = False) -> None:
        super().__init__()
        self.rate = rate
        self.locked = locked

    def forward(self, values: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return values
        shape = (1, *values.shape[1:]) if self.locked else tuple(values.shape)
        return values * keep_mask(shape, self.rate, like=values)
