#!/usr/bin/env python3
"""Speed of this package against a hand-written loop of the same sizes, and against the peers that are installed.

    python scripts/benchmark.py                      # everything; half an hour on two cores with all peers
    python scripts/benchmark.py --quick              # some minutes
    python scripts/benchmark.py --sections training,tagging --peers none
    python scripts/benchmark.py --train train.conll --dev dev.conll --test dev.conll --json speed.json --plot speed.png

All sides train from scratch on the same data: word 100, characters 30/50, BiLSTM 2 x 100, CRF, Adam, batches of 32,
as near as a tool allows; nothing is downloaded. Each runs in processes of its own, so that memory, import and load
time are its own, and timings are taken in turn. The dev F1 is strict, of the best epoch. Absolute numbers depend on
the machine and on what else it does: quote the ratios. The peers come with: pip install 'bilstm-tagger[bench]'.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.comparison import Samples, compare_cold, compare_tagging, train_all
from benchmarks.crf import compare_crf
from benchmarks.data import load_source
from benchmarks.limit import measure_limit
from benchmarks.machine import cores, describe_machine
from benchmarks.plot import draw
from benchmarks.report import report, summarise
from benchmarks.scaling import grow_batches, grow_corpus, grow_length
from benchmarks.settings import SECTIONS, Settings, Workshop
from benchmarks.sides import BASELINE, OURS, SIDES

from bilstm_tagger import ConfigError, TaggerError
from bilstm_tagger.errors import suggest


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    settings = read_settings(options)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        limit = options.limit
        shop = Workshop(
            Path(folder),
            settings,
            load_source(options.train, split="train", limit=limit),
            load_source(options.dev, split="dev", limit=limit),
            load_source(options.test, split="test", limit=limit),
        )
        results: dict[str, Any] = {
            "machine": describe_machine(settings.sides),
            "settings": dataclasses.asdict(settings)
            | {name: getattr(options, name) for name in ("train", "dev", "test", "corpus")},
        }
        skip_missing(shop, options.peers)
        results |= measure(shop, options)
    for line in report(results):
        print(line)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if options.plot:
        draw(results, options.plot)
    return 0


def measure(shop: Workshop, options: argparse.Namespace) -> dict[str, Any]:
    """Runs the sections that are asked for."""
    samples: Samples = {}
    results: dict[str, Any] = {}
    settings = shop.settings
    if settings.wants("limit"):
        results["limit"] = measure_limit(shop)
    if settings.wants("crf", "tags"):
        results["crf"] = compare_crf(shop)
    if settings.wants("training", "tagging", "latency", "cold", "length", "batch"):
        train_all(shop, samples)
    if settings.wants("cold"):
        compare_cold(shop, samples)
    if settings.wants("tagging", "latency"):
        compare_tagging(shop, samples)
    if settings.wants("batch"):
        results["batch"] = grow_batches(shop)
    if settings.wants("length"):
        results["length"] = grow_length(shop)
    if settings.wants("corpus"):
        source = load_source(options.corpus, split="train") if options.corpus else shop.train
        results["corpus"] = grow_corpus(shop, source)
    return results | {"comparison": summarise(samples), "problems": shop.problems}


def skip_missing(shop: Workshop, asked: str) -> None:
    """Says which peers are not there, once, at the beginning and in the report."""
    for side, info in SIDES.items():
        if not info.installed and asked != "none" and (asked == "all" or side in asked.split(",")):
            shop.problems.append(f"{side} is not installed: pip install {info.install}")
            shop.say(shop.problems[-1])


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    sections = "; ".join(f"{name}: {what}" for name, what in SECTIONS.items())
    add("--sections", default=",".join(SECTIONS), help=f"with commas between (default: all). {sections}")
    add("--peers", default="all", help="all, none, or names with commas between: flair, stanza, spacy, crfsuite")
    add("--train", default="builtin:wnut17/train", metavar="SOURCE", help="labelled source (default: %(default)s)")
    add("--dev", default="builtin:wnut17/dev", metavar="SOURCE", help="scored after each epoch (default: %(default)s)")
    add("--test", default="builtin:wnut17/test", metavar="SOURCE", help="what is tagged (default: %(default)s)")
    add("--corpus", metavar="SOURCE", help="the large corpus (default: --train, repeated)")
    add("--corpus-sizes", type=_positive, nargs="+", metavar="TOKENS", help="(default: 20000 100000 500000 2000000)")
    add("--limit", type=_positive, metavar="N", help="only the first N sentences of each source")
    add("--threads", type=_positive, default=cores(), help="processor threads of each process (default: %(default)s)")
    add("--epochs", type=_positive, help="training epochs of each side (default: 10)")
    add("--rounds", type=_positive, help="trainings of the two main sides, each with a seed (default: 3)")
    add("--repeats", type=_positive, help="timings of everything else, in turn (default: 5)")
    add("--quick", action="store_true", help="one round of two epochs, two repeats, short lengths")
    add("--json", type=Path, metavar="FILE", help="also write the numbers here")
    add("--plot", type=Path, metavar="FILE", help="also draw them: .png, .svg or .pdf (needs matplotlib)")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    """Reads a number for argparse, which says what is wrong with it."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


def read_settings(options: argparse.Namespace) -> Settings:
    """Checks what can be wrong before anything is measured."""
    sections = options.sections.split(",")
    _check(sections, SECTIONS, "section")
    peers = [side for side in SIDES if side not in (BASELINE, OURS)]
    if options.peers not in ("all", "none"):
        _check(options.peers.split(","), peers, "peer")
        peers = [side for side in peers if side in options.peers.split(",")]
    sides = [BASELINE, OURS] + ([] if options.peers == "none" else [side for side in peers if SIDES[side].installed])
    for path in filter(None, (options.json, options.plot)):
        if not path.parent.is_dir():
            raise ConfigError("the folder does not exist", received=str(path.parent))
    if options.plot:
        _check_plot(options.plot)
    quick = options.quick
    settings = Settings(
        sections=tuple(sections),
        sides=tuple(sides),
        threads=options.threads,
        epochs=options.epochs or (2 if quick else 10),
        rounds=options.rounds or (1 if quick else 3),
        repeats=options.repeats or (2 if quick else 5),
        sentences=20 if quick else 100,
    )
    if quick:
        settings = dataclasses.replace(
            settings,
            lengths=(10, 100, 1_000, 10_000),
            batches=(1, 32, 512),
            tag_counts=(9, 25),
            more_tag_counts=(73,),
            corpus_sizes=(20_000, 100_000),
        )
    return dataclasses.replace(settings, corpus_sizes=tuple(options.corpus_sizes or settings.corpus_sizes))


def _check(names: Sequence[str], known: Sequence[str] | dict[str, str], what: str) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"unknown {what}", received=name, accepted=known, hint=suggest(name, known))


def _check_plot(path: Path) -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ConfigError("--plot needs matplotlib", hint="pip install 'bilstm-tagger[viz]'") from None
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise ConfigError("unknown kind of picture", received=path.name, accepted=".png, .svg, .pdf")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (TaggerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
