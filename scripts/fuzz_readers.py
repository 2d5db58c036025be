"""Feeds mutated files to every reader: each must give rows or one of the package's errors, within a time limit.

Usage: python scripts/fuzz_readers.py --inputs 100000 --seed 1
       python scripts/fuzz_readers.py --inputs 2000 --format jsonl --keep failures/

An input is a valid file of some format, mutated a few times; its number and the seed give it again. With the package
atheris installed, ``--atheris`` lets coverage choose the inputs instead, until it is stopped.
"""

import argparse
import bz2
import faulthandler
import gzip
import importlib
import inspect
import io
import json
import logging
import lzma
import os
import random
import signal
import sys
import tarfile
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bilstm_tagger import TaggerError, load_rows
from bilstm_tagger.data.records import ReadOptions
from bilstm_tagger.data.sources import resolve
from bilstm_tagger.tasks import get_task


class TooSlowError(BaseException):
    """An input took longer than it may; no Exception, so that no handler takes it for an error of the data."""


@dataclass(frozen=True)
class Seed:
    """A valid source: its files (the first is read), how to read it, and how many sequences it holds."""

    files: dict[str, bytes]
    rows: int
    task: str = "ner"
    options: dict[str, Any] = field(default_factory=dict)
    companions: dict[str, str] = field(default_factory=dict)  # options that name one of the files


TAGGED = "Angela\tB-PER\nMerkel\tI-PER\nbesuchte\tO\nOslo\tB-LOC\n\n#\tO\nEU\tB-ORG\n\nété 🎉\tO\n"
COLUMNS = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP I-ORG\nrejects VBZ B-VP O\n\n-DOCSTART- -X- O O\n\nBonn NNP B-NP I-LOC\n"
INDEXED = (
    "# sent_id = a\n# text = EU acts\n1\tEU\tB-ORG\t-\tx\n2\tacts\tO\t-\tx\n\n# sent_id = b\n1\tOslo\tB-LOC\t-\tx\n"
)
UNIVERSAL = (
    "# newdoc id = d\n# sent_id = 1\n# text = Im Haus.\n1-2\tIm\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "1\tIn\tin\tADP\tIN\t_\t3\tcase\t_\tNE=O\n2\tdem\tder\tDET\tDT\t_\t3\tdet\t_\tNE=O\n"
    "3\tHaus\tHaus\tNOUN\tNN\t_\t0\troot\t_\tNE=B-LOC|SpaceAfter=No\n3.1\tx\tx\tX\tX\t_\t_\t_\t_\t_\n"
    "4\t.\t.\tPUNCT\t$.\t_\t3\tpunct\t_\t_\n\n1\tHej hej\thej\tINTJ\tUH\t_\t0\troot\t_\t_\n"
)
TEXT = "Angela Merkel visited Oslo 🎉."
SPANS: list[list[Any]] = [[0, 13, "PER"], [22, 26, "LOC"]]
OBJECTS = [{"start": start, "end": end, "label": label} for start, end, label in SPANS]
STUDIO = {
    "id": 3,
    "data": {"text": TEXT},
    "annotations": [
        {"result": [{"type": "labels", "to_name": "text", "value": {"start": 0, "end": 13, "labels": ["PER"]}}]}
    ],
}
PRODIGY = {
    "text": "In Oslo",
    "tokens": [{"text": "In", "start": 0, "end": 2, "id": 0}, {"text": "Oslo", "start": 3, "end": 7, "id": 1}],
    "spans": [{"start": 3, "end": 7, "label": "LOC", "token_start": 1, "token_end": 1}],
    "answer": "accept",
}
STANDOFF = b"T1\tPER 0 13\tAngela Merkel\nT2\tLOC 22 26;28 29\tOslo .\nR1\tIn Arg1:T1 Arg2:T2\n"
BIGBIO = {"id": "d", "text": TEXT, "entities": [{"offsets": [[0, 6], [7, 13]], "type": "PER", "text": ["Angela"]}]}


def _lines(*values: Any) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def _table(parquet: bool) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    table = pa.table({"id": ["a", "b"], "tokens": [["EU", "acts"], ["Oslo"]], "ner_tags": [["B-ORG", "O"], ["B-LOC"]]})
    sink = io.BytesIO()
    if parquet:
        pyarrow.parquet.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def _archive(kind: str) -> bytes:
    sink = io.BytesIO()
    members = {"a.conll": TAGGED.encode(), "b.conll": TAGGED.encode()}
    if kind == "zip":
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name), content)
    else:
        with tarfile.open(fileobj=sink, mode="w:xz" if kind == "tar.xz" else "w") as tar:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return sink.getvalue()


def make_seeds() -> dict[str, Seed]:
    """Returns valid files of every format, by name."""
    tagged = TAGGED.encode()
    rows: list[dict[str, Any]] = [
        {"tokens": ["EU", "acts"], "tags": ["B-ORG", "O"]},
        {"tokens": ["Oslo"], "tags": [None], "document": "d"},
    ]
    numbers: list[dict[str, Any]] = [
        {"tokens": ["EU", "acts"], "ner_tags": [1, 0]},
        {"tokens": ["a"], "ner_tags": [-100]},
    ]
    words = 'Sentence #,Word,POS,Tag\nSentence: 1,Oslo,NNP,B-geo\n,"a, b",NN,O\nSentence: 2,"""",X,O\n'
    chains = "id,sequence,ss3,mask\na,MKV,HHC,111\nb,M*K,-EE,101\n"
    return {
        "conll-tab": Seed({"x.conll": tagged}, 3),
        "conll-space": Seed({"x.txt": COLUMNS.encode()}, 2),
        "conll-chunks": Seed({"x.txt": COLUMNS.encode()}, 2, "chunking"),
        "conll-indexed": Seed({"x.iob2": INDEXED.encode()}, 2),
        "conll-header": Seed({"x.conll": b"token|pos|ner\nEU|X|B-A\na|Y|O\n\nb|Z|O\n"}, 2, "pos"),
        "conll-bmes": Seed({"x.bmes": "人 B-PER\n民 M-PER\n网 E-PER\n\n他 S-PER\n".encode()}, 2),
        "conll-residues": Seed({"x.ss": b"M C\nK H\nV H\n\nA E\n"}, 2, "protein_ss3"),
        "conll-words": Seed({"x.conll": tagged}, 3, options={"require_tags": False}),
        "conllu": Seed({"x.conllu": UNIVERSAL.encode()}, 2, "pos"),
        "conllu-misc": Seed({"x.conllu": UNIVERSAL.encode()}, 2, "ner", {"tag_column": "MISC:NE"}),
        "jsonl": Seed({"x.jsonl": _lines(*rows)}, 2),
        "jsonl-dense": Seed({"x.jsonl": _lines(rows[0] | {"dense": [[0.5, 1], [2, 3e4]], "text": "EU acts"})}, 1),
        "jsonl-offsets": Seed({"x.jsonl": _lines(rows[0] | {"text": "EU acts", "offsets": [[0, 2], [3, 7]]})}, 1),
        "jsonl-numbers": Seed({"x.jsonl": _lines(*numbers), "labels.txt": b"O\nB-ORG\nI-ORG\n"}, 2),
        "jsonl-names": Seed({"x.jsonl": _lines(numbers[0] | {"label_names": ["O", "B-ORG"]})}, 1),
        "json-array": Seed({"x.json": json.dumps(rows, indent=2).encode()}, 2),
        "json-chains": Seed({"x.jsonl": _lines({"id": "p", "sequence": "MKV", "ss3": "HEC"})}, 1, "protein_ss3"),
        "spacy": Seed({"x.jsonl": _lines([TEXT, {"entities": SPANS}], ["Nothing here", {"entities": []}])}, 2),
        "spacy-array": Seed({"x.json": json.dumps([[TEXT, {"entities": SPANS}]] * 3, indent=1).encode()}, 3),
        "spacy-ents": Seed({"x.jsonl": _lines({"text": TEXT, "ents": OBJECTS})}, 1),
        "prodigy": Seed({"x.jsonl": _lines(PRODIGY, PRODIGY | {"answer": "reject"})}, 2),
        "doccano": Seed({"x.jsonl": _lines({"id": 1, "text": TEXT, "label": SPANS})}, 1, options={"align": "drop"}),
        "label-studio": Seed({"x.json": json.dumps([STUDIO], indent=1).encode()}, 1),
        "bigbio": Seed({"x.json": json.dumps([BIGBIO]).encode()}, 1, options={"align": "contract"}),
        "gliner": Seed({"x.json": _lines([{"tokenized_text": ["Oslo", "is"], "ner": [[0, 0, "LOC"]]}])}, 1),
        "csv-words": Seed({"x.csv": words.encode()}, 2),
        "csv-sentences": Seed({"x.csv": b"sentence,word_labels\n\"EU acts\",\"['B-ORG', 'O']\"\nOslo,B-LOC\n"}, 2),
        "spelt": Seed({"x.conll": b"Anna per-b\nLee per-i\nin o\n\nOslo loc-b\n"}, 2),
        "returns": Seed({"x.conll": TAGGED.replace("\n", "\r").encode()}, 3),
        "tsv-words": Seed({"x.tsv": b'word\tner\nEU\tB-ORG\n"\tO\n\nOslo\tB-LOC\n'}, 2),
        "csv-chains": Seed({"x.csv": chains.encode()}, 2, "protein_ss3"),
        "fasta": Seed(
            {"x.fasta": b">a\nMKV\nLA\n>b\nMK\n", "y.fasta": b">a\nHHHCC\n>b\nEE\n"},
            2,
            "protein_ss3",
            companions={"labels": "y.fasta"},
        ),
        "brat": Seed({"x.ann": STANDOFF, "x.txt": TEXT.encode()}, 1),
        "parallel": Seed({"seq.in": b"go to Oslo\n\nstay\n", "seq.out": b"O O B-LOC\n\nO\n"}, 2),
        "turns": Seed({"x.txt": b"go to Oslo\nO O B-LOC\n\nstay here\nO O\n"}, 2),
        "parquet": Seed({"x.parquet": _table(True)}, 2),
        "arrow": Seed({"x.arrow": _table(False)}, 2),
        "gz": Seed({"x.conll.gz": gzip.compress(tagged, mtime=0)}, 3),
        "bz2": Seed({"x.conll.bz2": bz2.compress(tagged)}, 3),
        "xz": Seed({"x.conll.xz": lzma.compress(tagged)}, 3),
        "zip": Seed({"x.zip": _archive("zip")}, 6),
        "tar.xz": Seed({"x.tar.xz": _archive("tar.xz")}, 6),
        "tar": Seed({"x.tar": _archive("tar")}, 6),
    }


ODD = [bytes([byte]) for byte in b"\t \n\r\0\"'\\#,;|_-[]{}:>\xff"]
ODD += b"\n\n;\r\n;# ;null;true;NaN;1e999;-1;B-;I-X;E-X;M-X;O".split(b";")
ODD += b"-DOCSTART-;\\ud800;# newdoc;1-2;3.1;T9\tX 5 2\t".split(b";")
ODD += [b"\xef\xbb\xbf", b"\xed\xa0\x80", b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"# global.columns = ID FORM"]
ODD += [b"9" * 5000, b"[" * 3000, b'{"a":' * 2000]
ODD += [text.encode() for text in ("\u2028", "\u0085", "e\u0301", "🏳️‍🌈", "\u00a0", "\ufeff")]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Changes a file in one to four places or ways."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        data = chance.choice(MUTATIONS)(data, chance)
    return data


def _place(data: bytes, chance: random.Random) -> int:
    return chance.randrange(len(data) + 1)


def _flip(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _insert(data: bytes, chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + chance.choice(ODD) + data[at:]


def _delete(data: bytes, chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + data[at + chance.choice((1, 1, 2, 8, 40)) :]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted((_place(data, chance), _place(data, chance)))
    return data[:end] + data[start:end] * chance.choice((1, 1, 2, 20)) + data[end:]


def _truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: _place(data, chance)]


def _number(data: bytes, chance: random.Random) -> bytes:
    places = [at for at, byte in enumerate(data) if 48 <= byte <= 57]
    if not places:
        return data
    at = chance.choice(places)
    return data[:at] + chance.choice((b"0", b"7", b"-1", b"99", b"1.5", b"1e3", b"")) + data[at + 1 :]


def _move_line(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    line = lines.pop(chance.randrange(len(lines)))
    for _ in range(chance.randrange(3)):
        lines.insert(chance.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


def _change_field(data: bytes, chance: random.Random) -> bytes:
    separator = chance.choice((b"\t", b" ", b",", b'"'))
    fields = data.split(separator)
    at = chance.randrange(len(fields))
    fields[at] = chance.choice((b"", chance.choice(ODD), chance.choice(fields)))
    return separator.join(fields)


def _recode(data: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.7:
        return data.replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n\n", b"")))
    return data.decode("utf-8", "replace").encode(chance.choice(("utf-16", "latin-1", "utf-8-sig")), "replace")


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [
    *(_flip, _insert, _insert, _delete, _repeat, _truncate, _number, _move_line, _change_field, _change_field, _recode),
]


def read(seed: Seed, folder: Path, *, whole: bool) -> int:
    """Reads the files of a folder as a seed says, checks what comes, and returns the number of sequences.

    Args:
        seed: Says what to read and how.
        folder: Holds the seed's files, mutated or not.
        whole: Go through ``load_rows`` rather than the readers alone.

    Raises:
        TaggerError: The package's own error.
        AssertionError: A sequence is not what it has to be.
    """
    path = folder / next(iter(seed.files))
    options = seed.options | {name: str(folder / file) for name, file in seed.companions.items()}
    if whole:
        rows = load_rows(path, task=seed.task, **options)
        return sum(len(row["tokens"]) == len(row["tags"]) for row in rows)
    count = 0
    with ExitStack() as stack:
        asked = ReadOptions(task=get_task(seed.task), **options)
        for record in resolve(path, asked, format="auto", stack=stack).records():
            count += 1
            assert len(record.tokens) == len(record.tags), "another number of tags than of tokens"
            assert all(isinstance(token, str) and token for token in record.tokens), "an empty token"
            assert all(tag is None or isinstance(tag, str) for tag in record.tags), "a tag that is no string"
            assert isinstance(record.id, str), "an id that is no string"
            if record.offsets is not None:
                text = record.text or ""
                assert len(record.offsets) == len(record.tokens), "another number of offsets than of tokens"
                assert all(0 <= start <= end <= len(text) for start, end in record.offsets), "an offset outside"
    return count


def try_input(number: int, seed: int, seeds: dict[str, Seed], folder: Path, *, limit: float) -> tuple[str, str]:
    """Makes one input, reads it, and returns the format's name and what came: ``rows``, an error's name, or a failure.

    Args:
        number: The number of the input; with ``seed`` it says what the input is.
        seed: Of the random numbers.
        seeds: What is mutated.
        folder: Where the files are written; nothing else lies there.
        limit: Seconds of processor time that an input may take.
    """
    chance = random.Random(f"{seed}/{number}")
    name = list(seeds)[number % len(seeds)]
    chosen = seeds[name]
    target = chance.choice(list(chosen.files))
    for file, content in chosen.files.items():
        (folder / file).write_bytes(mutate(content, chance) if file == target else content)
    return name, attempt(chosen, folder, whole=number % 50 == 0, limit=limit)


def attempt(chosen: Seed, folder: Path, *, whole: bool, limit: float) -> str:
    """Reads one input and returns what came of it; everything but rows and the package's errors holds a traceback."""
    signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        read(chosen, folder, whole=whole)
        return "rows"
    except TaggerError as error:
        return type(error).__name__
    except (Exception, TooSlowError):
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _stop(number: int, frame: object) -> None:
    raise TooSlowError


def check_seeds(seeds: dict[str, Seed], folder: Path) -> None:
    """Makes sure that each unmutated file gives all its sequences, both ways."""
    for name, seed in seeds.items():
        for file, content in seed.files.items():
            (folder / file).write_bytes(content)
        for whole in (False, True):
            found = read(seed, folder, whole=whole)
            assert found == seed.rows, f"{name}: {found} sequences instead of {seed.rows}"
        for file in seed.files:
            (folder / file).unlink()


def run(arguments: argparse.Namespace, seeds: dict[str, Seed], folder: Path) -> int:
    """Runs the inputs in turn, prints a table, and returns the number of failures."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in seeds}
    failures: dict[str, int] = {}
    began = time.monotonic()
    for number in range(arguments.start, arguments.start + arguments.inputs):
        name, result = try_input(number, arguments.seed, seeds, folder, limit=arguments.limit)
        failed = "\n" in result
        counts[name]["failures" if failed else result] += 1
        if failed:
            reason = "\n".join(result.strip().splitlines()[-3:])
            if reason not in failures:
                print(f"input {number} ({name}):\n{result}", flush=True)
                if arguments.keep is not None:
                    arguments.keep.mkdir(parents=True, exist_ok=True)
                    for file in seeds[name].files:
                        (arguments.keep / f"{number}-{file}").write_bytes((folder / file).read_bytes())
            failures[reason] = failures.get(reason, 0) + 1
        for file in seeds[name].files:
            (folder / file).unlink()
        if (number + 1) % 5000 == 0:
            seconds = time.monotonic() - began
            print(f"{number + 1:,} inputs, {sum(failures.values())} failures, {seconds:.0f} s", flush=True)
    print(f"{'format':16}{'rows':>10}{'errors':>10}{'failures':>10}")
    for name, found in counts.items():
        errors = found.total() - found["rows"] - found["failures"]
        print(f"{name:16}{found['rows']:>10,}{errors:>10,}{found['failures']:>10,}")
    return sum(failures.values())


def run_atheris(seeds: dict[str, Seed], folder: Path, limit: float) -> None:
    """Lets coverage choose the inputs: the first byte is the format, the rest its first file."""
    atheris = importlib.import_module("atheris")  # not on every system, and without type information

    def test_one(data: bytes) -> None:
        seed = list(seeds.values())[data[0] % len(seeds)] if data else next(iter(seeds.values()))
        for index, (file, content) in enumerate(seed.files.items()):
            (folder / file).write_bytes(content if index else data[1:])
        result = attempt(seed, folder, whole=False, limit=limit)
        if "\n" in result:
            raise RuntimeError(result)

    for name in list(sys.modules):
        if name.startswith("bilstm_tagger.data"):
            functions = [value for value in vars(sys.modules[name]).values() if inspect.isfunction(value)]
            for function in functions:
                if function.__module__ == name:
                    atheris.instrument_func(function)
    atheris.Setup([sys.argv[0]], test_one)
    atheris.Fuzz()


def main() -> int:
    """Reads the arguments and runs; the exit code is 1 when an input failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="number of the first input")
    parser.add_argument("--limit", type=float, default=10.0, help="seconds of processor time that one input may take")
    parser.add_argument("--format", help="formats whose name begins so")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the inputs that fail")
    parser.add_argument("--atheris", action="store_true", help="inputs chosen by coverage, until stopped")
    arguments = parser.parse_args()
    seeds = {name: seed for name, seed in make_seeds().items() if name.startswith(arguments.format or "")}
    faulthandler.enable()
    logging.getLogger("bilstm_tagger").setLevel(logging.CRITICAL)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name, "input")
        folder.mkdir()
        os.environ["BILSTM_TAGGER_CACHE"] = str(Path(name, "cache"))
        check_seeds(seeds, folder)
        if arguments.atheris:
            run_atheris(seeds, folder, arguments.limit)
        return int(run(arguments, seeds, folder) > 0)


if __name__ == "__main__":
    sys.exit(main())
