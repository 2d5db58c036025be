"""How near the arithmetic limit of the machine a BiLSTM-CRF of these sizes runs.

The limit is the rate of a large matrix product. What tagging a token needs, in floating-point operations (a
multiplication and an addition are two), with I inputs, H units a direction, K tags, and characters once a distinct
word:

    LSTM         2 directions * 4 gates * 2 * H * (I + H)
    projection   2 * 2H * K
    characters   2 * kernel * char_size * filters * (word length) * (distinct words / tokens)
    Viterbi      2 * K * K

With I = 150, H = 100 the first line is 400,000, more than nine tenths of all. Training needs three times as much: the
gradients of the inputs and of the weights are a product each of the same size.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from benchmarks.data import Sentences
from benchmarks.settings import Workshop

__all__ = ["LimitWorker", "measure_limit", "operations"]

INPUTS, UNITS, CHAR_SIZE, FILTERS, KERNEL = 150, 100, 30, 50, 3


def operations(data: Sentences) -> float:
    """Returns the floating-point operations that tagging needs a token; see the module's formula."""
    tokens = data.num_tokens
    forms = {token for sentence in data.tokens for token in sentence}
    labels = {tag[2:] for tags in data.tags for tag in tags if tag != "O"}
    num_tags = 4 * len(labels) + 1
    lstm = 2 * 4 * 2 * UNITS * (INPUTS + UNITS)
    projection = 2 * 2 * UNITS * num_tags
    characters = 2 * KERNEL * CHAR_SIZE * FILTERS * sum(map(len, forms)) / tokens
    return lstm + projection + characters + 2 * num_tags**2


class LimitWorker:
    """Multiplies matrices."""

    def measure(self, size: int, repeats: int) -> list[float]:
        """Returns GFLOP/s of float32 products of square matrices, one figure a repeat."""
        import torch

        left, right = torch.randn(size, size), torch.randn(size, size)
        left @ right
        rates = []
        for _ in range(repeats):
            began = time.perf_counter()
            for _ in range(5):
                left @ right
            rates.append(5 * 2 * size**3 / (time.perf_counter() - began) / 1e9)
        return rates


def measure_limit(shop: Workshop) -> dict[str, Any]:
    """Returns the machine's rate, what a token needs, and the rates that would be the limit."""
    shop.say("matrix product rate")
    with shop.process("benchmarks.limit:LimitWorker") as worker:
        rates = worker.call("measure", size=1024, repeats=max(5, shop.settings.repeats))
    gflops = statistics.median(rates)
    needed = operations(shop.test)
    return {
        "GFLOP/s": gflops,
        "samples": rates,
        "FLOP a token, tagging": needed,
        "FLOP a token, training": 3 * needed,
        "tagging tokens/s": gflops * 1e9 / needed,
        "training tokens/s": gflops * 1e9 / needed / 3,
    }
