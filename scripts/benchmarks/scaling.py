"""How the cost grows with the length of a sentence, the sentences handed over together, and the corpus."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.comparison import loaded, row_names
from benchmarks.data import Sentences
from benchmarks.process import ProcessError
from benchmarks.settings import Workshop
from benchmarks.sides import BASELINE, OURS, SIDES

__all__ = ["grow_batches", "grow_corpus", "grow_length"]

Growth = dict[str, dict[str, Any]]
"""Row, then size as text, then figures."""


def grow_length(shop: Workshop) -> Growth:
    """Tags one sentence of each length: seconds, and MB above the idle process (the sentence itself included)."""
    growth: Growth = {}
    for side in shop.models:
        modes = [*SIDES[side].modes, *SIDES[side].further_modes]
        names = [*row_names(side), *(f"{side}: {mode}" for mode in SIDES[side].further_modes)]
        for name, mode in zip(names, modes, strict=True):
            shop.say(f"long sentences, {name}")
            try:
                # Peaks only rise, so each row has a process of its own and its lengths ascend.
                with loaded(shop, side) as worker:
                    for length in sorted(shop.settings.lengths):
                        figures = worker.call("long_sentence", data=shop.test_file, mode=mode, length=length)
                        growth.setdefault(name, {})[str(length)] = figures
                        if figures["seconds"] > shop.settings.patience:
                            break
            except ProcessError as error:
                shop.problem(f"{name}: long sentences", error)
    return growth


def grow_batches(shop: Workshop) -> Growth:
    """Tags the test part, some sentences at a time: tokens/s."""
    growth: Growth = {}
    sides = [side for side in (BASELINE, OURS) if side in shop.models]
    for side in sides:
        for name in row_names(side):
            growth[name] = {str(size): [] for size in shop.settings.batches}
    for repeat in range(shop.settings.repeats):
        shop.say(f"batch sizes, repeat {repeat + 1} of {shop.settings.repeats}")
        for side in sides:
            try:
                _one_repeat(shop, side, growth)
            except ProcessError as error:
                shop.problem(f"{side}: batch sizes", error)
    return {
        name: {size: {"tokens/s": statistics.median(found)} for size, found in sizes.items() if found}
        for name, sizes in growth.items()
    }


def _one_repeat(shop: Workshop, side: str, growth: Growth) -> None:
    """Tags in each of a side's modes, with each size."""
    with loaded(shop, side) as worker:
        for name, mode in zip(row_names(side), SIDES[side].modes, strict=True):
            worker.call("tag", data=shop.dev_file, mode=mode, forget=True)
            for size, found in growth[name].items():
                seconds = worker.call("chunks", data=shop.test_file, mode=mode, size=int(size))
                found.append(shop.test.num_tokens / seconds)


def grow_corpus(shop: Workshop, source: Sentences) -> Growth:
    """Reads, trains on and tags corpora of each size: tokens/s, and MB above the idle process."""
    growth: Growth = {"reading": {}, "training": {}, "tagging a stream of text": {}}
    # Of the same tag set; only its presence matters.
    dev = str(source.repeated(1_000).write(shop.folder / "corpus-dev.jsonl"))
    for size in sorted(shop.settings.corpus_sizes):
        shop.say(f"corpus of {size:,} tokens")
        corpus = source.repeated(size)
        data = corpus.write(shop.folder / f"corpus-{size}.jsonl")
        lines = shop.folder / f"corpus-{size}.txt"
        lines.write_text("".join(" ".join(tokens) + "\n" for tokens in corpus.tokens), encoding="utf-8")
        folder = shop.folder / f"corpus-{size}"
        tokens = corpus.num_tokens
        try:
            with shop.process("benchmarks.side_worker:CorpusWorker") as worker:
                figures = worker.call("read", data=str(data), small=dev)
                growth["reading"][str(size)] = _rates(figures, tokens)
            with shop.process("benchmarks.side_worker:CorpusWorker") as worker:
                figures = worker.call("train", data=str(data), dev=dev, folder=str(folder))
                growth["training"][str(size)] = _rates(figures, tokens)
            with shop.process("benchmarks.side_worker:CorpusWorker") as worker:
                figures = worker.call("stream", data=str(lines), folder=str(folder))
                growth["tagging a stream of text"][str(size)] = _rates(figures, tokens)
        except ProcessError as error:
            shop.problem(f"corpus of {size:,} tokens", error)
        data.unlink()
        lines.unlink()
    return growth


def _rates(figures: dict[str, float], tokens: int) -> dict[str, float]:
    rate = figures["tokens_per_second"] if "tokens_per_second" in figures else tokens / figures["seconds"]
    return {"tokens/s": rate, "memory": figures["memory"]}
