"""The CRF layer alone against torchcrf, on random emissions, in turn in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torchcrf
from torch import Tensor

from benchmarks.process import ProcessError
from benchmarks.settings import Workshop
from bilstm_tagger.nn import CRF

__all__ = ["CrfWorker", "compare_crf"]

STEPS, SEQUENCES = 30, 32
TIMING_SECONDS = 0.1


class CrfWorker:
    """Batches of 32 sequences of 15 to 30 tokens."""

    def measure(self, num_tags: int, repeats: int) -> dict[str, Any]:
        """Times both layers with the same weights.

        Args:
            num_tags: Number of tags.
            repeats: Timings of each, taken in turn; each is a mean over many calls.

        Returns:
            Milliseconds by layer and by what it does.
        """
        torch.manual_seed(num_tags)
        ours, theirs = CRF(num_tags), torchcrf.CRF(num_tags)
        theirs.load_state_dict(ours.state_dict())
        emissions = torch.randn(STEPS, SEQUENCES, num_tags, requires_grad=True)
        tags = torch.randint(num_tags, (STEPS, SEQUENCES))
        lengths = torch.randint(STEPS // 2, STEPS + 1, (SEQUENCES,))
        lengths[0] = STEPS
        mask = torch.arange(STEPS).unsqueeze(1) < lengths
        works: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
            "loss and gradient": (
                lambda: _gradient(theirs(emissions, tags, mask), emissions),
                lambda: _gradient(ours(emissions, tags, lengths=lengths), emissions),
            ),
            "decoding": (
                lambda: theirs.decode(emissions, mask),
                lambda: ours.decode(emissions, mask),
            ),
        }
        _check_equal(works)
        figures: dict[str, Any] = {}
        for name, pair in works.items():
            counts = [max(1, round(TIMING_SECONDS / _mean_seconds(work, 2))) for work in pair]
            timings = [
                [_mean_seconds(work, count) for work, count in zip(pair, counts, strict=True)] for _ in range(repeats)
            ]
            theirs_ms, ours_ms = (1e3 * statistics.median(column) for column in zip(*timings, strict=True))
            figures[name] = {"torchcrf ms": theirs_ms, "ours ms": ours_ms, "ratio": theirs_ms / ours_ms}
        return figures


def _gradient(likelihood: Tensor, emissions: Tensor) -> Tensor:
    emissions.grad = None
    likelihood.backward()  # type: ignore[no-untyped-call]
    assert emissions.grad is not None
    return emissions.grad


def _check_equal(works: dict[str, tuple[Callable[[], Any], Callable[[], Any]]]) -> None:
    """A comparison of speeds means nothing between different results."""
    theirs, ours = (work().clone() for work in works["loss and gradient"])
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    theirs_paths, our_paths = (work() for work in works["decoding"])
    if theirs_paths != our_paths:
        raise RuntimeError("the two layers decode different tags")


def _mean_seconds(work: Callable[[], Any], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - began) / count


def compare_crf(shop: Workshop) -> dict[str, Any]:
    """Returns the figures of ``CrfWorker.measure`` by number of tags, as text, ascending."""
    settings = shop.settings
    counts = set(settings.tag_counts) if settings.wants("crf") else set()
    counts |= {*settings.tag_counts, *settings.more_tag_counts} if settings.wants("tags") else set()
    figures = {}
    with shop.process("benchmarks.crf:CrfWorker") as worker:
        for count in sorted(counts):
            shop.say(f"CRF, {count} tags")
            try:
                figures[str(count)] = worker.call("measure", num_tags=count, repeats=settings.repeats)
            except ProcessError as error:
                shop.problem(f"CRF with {count} tags", error)
    return figures
