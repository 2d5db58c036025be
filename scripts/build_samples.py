"""Rebuilds the samples that are shipped in ``bilstm_tagger/data/samples`` from the original data.

Usage: python scripts/build_samples.py FOLDER [--output DIR]

FOLDER holds ``text/wnut17``, ``text/ud-en-ewt``, ``protein/flip``, ``protein/cb6133`` and ``protein/overlap`` as their
authors publish them. The same input gives the same files, byte for byte (with the same liblzma).
"""

from __future__ import annotations

import argparse
import csv
import io
import lzma
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

SEED = 20170907
EWT_SENTENCES = {"train": 2500, "dev": 500, "test": 500}
FLIP_CHAINS = {"train": 1500, "dev": 200, "test": 364}
CB6133_CHAINS = {"train": 1200, "dev": 150, "test": 150}
WNUT_FILES = {"train": "wnut17train.conll", "dev": "emerging.dev.conll", "test": "emerging.test.annotated"}


def main() -> None:
    """Builds all samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the original data")
    default = Path(__file__).resolve().parent.parent / "bilstm_tagger" / "data" / "samples"
    parser.add_argument("--output", type=Path, default=default, help="folder to write to (default: the package's)")
    arguments = parser.parse_args()
    builders = {"wnut17": build_wnut17, "ewt": build_ewt, "flip": build_flip, "cb6133": build_cb6133}
    for name, build in builders.items():
        folder = arguments.output / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in build(arguments.folder):
            packed = lzma.compress(text.encode("utf-8"), preset=9 | lzma.PRESET_EXTREME)
            (folder / file).write_bytes(packed)
            print(f"{name}/{file}: {len(packed):,} bytes")


def build_wnut17(source: Path) -> Iterator[tuple[str, str]]:
    """Yields the three parts of WNUT-17, unchanged."""
    for split, name in WNUT_FILES.items():
        yield f"{split}.conll.xz", (source / "text" / "wnut17" / name).read_text(encoding="utf-8")


def build_ewt(source: Path) -> Iterator[tuple[str, str]]:
    """Yields sentences drawn from each part of UD English EWT, with form, UPOS, XPOS and ``SpaceAfter`` alone."""
    for split, count in EWT_SENTENCES.items():
        text = (source / "text" / "ud-en-ewt" / f"en_ewt-ud-{split}.conllu").read_text(encoding="utf-8")
        blocks = draw(re.split(r"\n\n+", text.strip("\n")), count)
        yield f"{split}.conllu.xz", "".join(f"{reduce_sentence(block)}\n\n" for block in blocks)


def reduce_sentence(block: str) -> str:
    """Leaves the lines of a sentence valid CoNLL-U, with ``_`` for what no tagger of ours reads."""
    lines = []
    for line in block.split("\n"):
        if line.startswith("#"):
            if line.startswith(("# sent_id =", "# text =")):
                lines.append(line)
            continue
        fields = line.split("\t")
        if "." in fields[0]:
            continue
        space = "SpaceAfter=No" if "SpaceAfter=No" in fields[9].split("|") else "_"
        lines.append("\t".join([fields[0], fields[1], "_", fields[3], fields[4], "_", "_", "_", "_", space]))
    return "\n".join(lines)


def build_flip(source: Path) -> Iterator[tuple[str, str]]:
    """Yields chains drawn from FLIP's parts, as its three parallel files; test is NEW364, whole."""
    folder = source / "protein" / "flip"
    records = {
        kind: read_fasta(folder / f"{name}.fasta")
        for kind, name in {"sequences": "sequences", "labels": "sampled", "mask": "mask"}.items()
    }
    close = homologous(source, "FLIP_train", "FLIP_val")
    parts: dict[str, list[str]] = {split: [] for split in FLIP_CHAINS}
    for name, (header, _) in records["labels"].items():
        split = "test" if "SET=test" in header else "dev" if "VALIDATION=True" in header else "train"
        if split == "test" or name not in close:
            parts[split].append(name)
    chosen = [name for split, count in FLIP_CHAINS.items() for name in draw(parts[split], count)]
    for kind, content in records.items():
        lines = (f">{header}\n{body}\n" for header, body in (content[name] for name in chosen))
        yield f"{kind}.fasta.xz", "".join(lines)


def build_cb6133(source: Path) -> Iterator[tuple[str, str]]:
    """Yields three disjoint draws of CB6133filtered without its duplicates and the chains close to test sets."""
    with (source / "protein" / "cb6133" / "cb6133filtered.npy.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    close = homologous(source, "CB6133filtered")
    first: dict[str, dict[str, str]] = {}
    for row in rows:
        first.setdefault(row["input"], row)
    usable = [row for row in first.values() if row["id"] not in close]
    random.Random(SEED).shuffle(usable)
    for split, count in CB6133_CHAINS.items():
        part, usable = usable[:count], usable[count:]
        out = io.StringIO()
        writer = csv.DictWriter(out, fieldnames=["id", "len", "input", "expected"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(part, key=lambda row: int(row["id"])))
        yield f"{split}.csv.xz", out.getvalue()


def homologous(source: Path, *prefixes: str) -> set[str]:
    """Returns the ids of the chains that resemble one of CB513, TS115 or NEW364 (at least 25 % identity)."""
    ids: set[str] = set()
    for prefix in prefixes:
        paths = sorted((source / "protein" / "overlap").glob(f"{prefix}__homologous_to__*.tsv"))
        if not paths:
            raise SystemExit(f"no lists {prefix}__homologous_to__*.tsv in {source / 'protein' / 'overlap'}")
        for path in paths:
            ids.update(line.split("\t")[0] for line in path.read_text(encoding="utf-8").split("\n")[1:] if line)
    return ids


def read_fasta(path: Path) -> dict[str, tuple[str, str]]:
    """Returns header and body by name."""
    records = (record.split("\n", 1) for record in path.read_text(encoding="utf-8").split(">")[1:])
    return {header.split()[0]: (header.strip(), "".join(body.split())) for header, body in records}


def draw(items: Sequence[str] | Iterable[str], count: int) -> list[str]:
    """Draws items at random, always the same, and keeps their order."""
    items = list(items)
    return [items[i] for i in sorted(random.Random(SEED).sample(range(len(items)), count))]


if __name__ == "__main__":
    main()
