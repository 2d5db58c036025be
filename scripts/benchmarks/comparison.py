"""The sides against each other: training, tagging, latency, the cold start. Timings are taken in turn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.data import windows
from benchmarks.process import Process, ProcessError
from benchmarks.settings import Workshop
from benchmarks.sides import BASELINE, OURS, SIDES

__all__ = ["SIDE_WORKER", "Samples", "compare_cold", "compare_tagging", "loaded", "row_names", "train_all"]

SIDE_WORKER = "benchmarks.side_worker:SideWorker"
LATENCY_TOKENS = 20

Samples = dict[str, dict[str, list[float]]]
"""Row of the table (a side, or a way in which it tags), then figure, then what was measured."""


def row_names(side: str) -> list[str]:
    """Returns a side's rows: one for each of its modes."""
    modes = SIDES[side].modes
    return [side] if len(modes) == 1 else [f"{side}: {mode}" for mode in modes]


def train_all(shop: Workshop, samples: Samples) -> None:
    """Trains every side; the two main ones several times, in turn. The models of the first round stay.

    Where the section ``training`` is not asked for, models are trained for one epoch, and nothing is noted.
    """
    measured = shop.settings.wants("training")
    epochs, rounds = (shop.settings.epochs, shop.settings.rounds) if measured else (1, 1)
    for number in range(rounds):
        for side in shop.settings.sides:
            if number and side not in (BASELINE, OURS):
                continue
            folder = shop.folder / f"{side}-{number}"
            folder.mkdir()
            shop.say(f"training {side}, {epochs} epochs" + (f", round {number + 1} of {rounds}" if rounds > 1 else ""))
            try:
                figures, score = _train(shop, side, folder, epochs=epochs, seed=number + 1)
            except ProcessError as error:
                shop.problem(f"{side}: training", error)
                continue
            shop.models.setdefault(side, folder)
            if measured:
                found = samples.setdefault(row_names(side)[0], {})
                rates = [shop.train.num_tokens / seconds for seconds in figures["epoch_seconds"]]
                _add(found, "training tokens/s", *rates)
                _add(found, "training s", figures["seconds"])
                _add(found, "training MB", figures["memory"])
                _add(found, "dev F1", 100 * score)


def _train(shop: Workshop, side: str, folder: Path, *, epochs: int, seed: int) -> tuple[dict[str, Any], float]:
    """Returns the figures of one training, and the dev F1 of the saved model in another process."""
    from bilstm_tagger.evaluation import fast_metric

    with shop.process(SIDE_WORKER) as worker:
        worker.call("open", name=side)
        figures = worker.call(
            "train", train=shop.train_file, dev=shop.dev_file, epochs=epochs, seed=seed, folder=str(folder)
        )
    with loaded(shop, side, folder) as worker:
        predicted = worker.call("predict", data=shop.dev_file, mode=SIDES[side].modes[0])
    return figures, fast_metric(shop.dev.tags, predicted, "f1")


@contextmanager
def loaded(shop: Workshop, side: str, folder: Path | None = None) -> Iterator[Process]:
    """A process in which a side is ready to tag."""
    with shop.process(SIDE_WORKER) as worker:
        worker.call("open", name=side)
        worker.call("load", folder=str(folder or shop.models[side]))
        yield worker


def compare_tagging(shop: Workshop, samples: Samples) -> None:
    """Tags the test part, and single sentences; the sides take turns."""
    pieces = list(windows(shop.test.tokens, LATENCY_TOKENS))
    with ExitStack() as stack:
        workers: dict[tuple[str, str], Process] = {}
        for side in shop.models:
            for mode in SIDES[side].modes:
                try:
                    workers[side, mode] = stack.enter_context(loaded(shop, side))
                except ProcessError as error:
                    shop.problem(f"{side}: loading", error)
        for repeat in range(shop.settings.repeats):
            shop.say(f"tagging, repeat {repeat + 1} of {shop.settings.repeats}")
            begin = repeat * shop.settings.sentences
            singles = [pieces[i % len(pieces)] for i in range(begin, begin + shop.settings.sentences)]
            for (side, mode), worker in list(workers.items()):
                found = samples.setdefault(row_names(side)[SIDES[side].modes.index(mode)], {})
                try:
                    _one_repeat(shop, worker, mode, singles, found, first=repeat == 0)
                except ProcessError as error:
                    shop.problem(f"{side}: tagging", error)
                    del workers[side, mode]


def _one_repeat(
    shop: Workshop, worker: Process, mode: str, singles: list[list[str]], found: dict[str, list[float]], *, first: bool
) -> None:
    num_tokens = shop.test.num_tokens
    if first:
        # The first batches of a process are slow everywhere: threads start, libraries choose their kernels.
        worker.call("tag", data=shop.dev_file, mode=mode, forget=False)
    if shop.settings.wants("tagging"):
        figures = worker.call("tag", data=shop.test_file, mode=mode, forget=True)
        _add(found, "tagging tokens/s", num_tokens / figures["seconds"])
        found["tagging MB"] = [figures["memory"]]
        again = worker.call("tag", data=shop.test_file, mode=mode, forget=False)
        _add(found, "tagging the same again, tokens/s", num_tokens / again["seconds"])
    if shop.settings.wants("latency"):
        # As in a service that has run for a while, but never saw these sentences: caches hold the dev part.
        worker.call("tag", data=shop.dev_file, mode=mode, forget=True)
        worker.call("latency", sentences=shop.dev.tokens[:5], mode=mode)
        times = worker.call("latency", sentences=singles, mode=mode)
        _add(found, "latency ms", *(1e3 * seconds for seconds in times))


def compare_cold(shop: Workshop, samples: Samples) -> None:
    """Starts each side anew, in turn, up to the first tagged sentence (the last mode: what its users call)."""
    (sentence,) = islice(windows(shop.test.tokens, LATENCY_TOKENS), 1)
    broken: set[str] = set()
    for repeat in range(shop.settings.repeats):
        shop.say(f"cold start, repeat {repeat + 1} of {shop.settings.repeats}")
        for side, folder in shop.models.items():
            if side in broken:
                continue
            mode = SIDES[side].modes[-1]
            began = time.perf_counter()
            try:
                with shop.process(SIDE_WORKER) as worker:
                    parts = worker.call("cold", name=side, folder=str(folder), tokens=sentence, mode=mode)
                    parts["cold"] = time.perf_counter() - began
            except ProcessError as error:
                shop.problem(f"{side}: cold start", error)
                broken.add(side)
                continue
            found = samples.setdefault(row_names(side)[-1], {})
            for name, seconds in parts.items():
                _add(found, f"{name} s", seconds)


def _add(found: dict[str, list[float]], name: str, *values: float) -> None:
    found.setdefault(name, []).extend(values)
