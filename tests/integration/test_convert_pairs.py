"""From every format to every other: the tokens and tags of real sentences stay what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from bilstm_tagger.data.conversion.convert import convert_rows
from bilstm_tagger.data.formats import get_reader
from bilstm_tagger.data.records import ReadOptions
from bilstm_tagger.data.writers.base import WriteOptions
from bilstm_tagger.data.writers.formats import ROW_FORMATS
from bilstm_tagger.tasks import get_task

WORDS = ("conll", "conllu", "jsonl", "json", "csv", "tsv", "parquet", "arrow")
CHAINS = ("fasta", "conll", "jsonl", "json", "csv", "parquet", "arrow")
READ_AS = {"json": "jsonl", "tsv": "csv"}
SENTENCES = "Angela B-PER\nMerkel I-PER\nsaw O\nOslo B-LOC\nBergen B-LOC\n\n# B-ORG\n\n🙂 _\n\u00c5 O\n. O\n\n"
RECORDS = ">x\nMKVLA\nCHHEC\n>y\nACDEF\nHHHHH\n"


def convert(source: Path, target: Path, name: str, task: str, read_as: str) -> None:
    reading = ReadOptions(task=get_task(task))
    convert_rows(
        str(source),
        target,
        ROW_FORMATS[name],
        read=reading,
        write=WriteOptions(task=reading.task),
        format=READ_AS.get(read_as, read_as),
        force=True,
    )


def content(path: Path, task: str) -> list[tuple[list[str], list[str | None]]]:
    return [
        (record.tokens, list(record.tags)) for record in get_reader("jsonl")(path, ReadOptions(task=get_task(task)))
    ]


@pytest.mark.parametrize(
    ("task", "names", "first", "text"), [("ner", WORDS, "conll", SENTENCES), ("protein_ss3", CHAINS, "fasta", RECORDS)]
)
def test_every_pair(task: str, names: tuple[str, ...], first: str, text: str, tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_text(text)
    convert(original, tmp_path / "expected.jsonl", "jsonl", task, first)
    expected = content(tmp_path / "expected.jsonl", task)
    assert sum(len(tokens) for tokens, _ in expected) == (9 if task == "ner" else 10)
    for name in names:
        here = tmp_path / f"here{ROW_FORMATS[name].suffixes[0]}"
        convert(original, here, name, task, first)
        for other in names:
            there = tmp_path / f"there{ROW_FORMATS[other].suffixes[0]}"
            convert(here, there, other, task, name)
            convert(there, tmp_path / "back.jsonl", "jsonl", task, other)
            assert content(tmp_path / "back.jsonl", task) == expected, (name, other)
