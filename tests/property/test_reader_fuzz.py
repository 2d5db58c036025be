"""Every reader gives rows or one of our errors, whatever the bytes; and what is written in a format is read back."""

import importlib.util
import json
import random
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.records import ReadOptions
from bilstm_tagger.data.sources import resolve
from bilstm_tagger.errors import TaggerError
from bilstm_tagger.schemes import Scheme, convert
from bilstm_tagger.tasks import get_task

_spec = importlib.util.spec_from_file_location(
    "fuzz_readers", Path(__file__).resolve().parents[2] / "scripts" / "fuzz_readers.py"
)
fuzz = importlib.util.module_from_spec(_spec)
sys.modules["fuzz_readers"] = fuzz  # its dataclass looks itself up there
_spec.loader.exec_module(fuzz)

SEEDS = fuzz.make_seeds()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def fill(folder, files):
    for path in folder.iterdir():
        path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", SEEDS)
def test_valid_files_give_all_their_sequences(folder, name, whole):
    fill(folder, SEEDS[name].files)
    assert fuzz.read(SEEDS[name], folder, whole=whole) == SEEDS[name].rows


def rows_or_errors(folder, name, number):
    chance = random.Random(number)
    seed = SEEDS[name]
    target = chance.choice(list(seed.files))
    fill(folder, seed.files | {target: fuzz.mutate(seed.files[target], chance)})
    with suppress(TaggerError):
        fuzz.read(seed, folder, whole=number % 20 == 0)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(list(SEEDS)), st.integers(0, 2**32))
def test_mutated_files(folder, name, number):
    rows_or_errors(folder, name, number)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(list(SEEDS)), st.integers(0, 2**32))
def test_many_mutated_files(folder, name, number):
    rows_or_errors(folder, name, number)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(["conll", "conllu", "jsonl", "csv", "brat", "parallel", "parquet", "arrow", "fasta", "auto"]),
    st.sampled_from(["ner", "pos", "protein_ss3"]),
    st.booleans(),
)
def test_any_bytes(folder, content, format, task, require_tags):
    fill(folder, {"x.txt": content, "x.ann": content})
    options = ReadOptions(task=get_task(task), require_tags=require_tags)
    with suppress(TaggerError), ExitStack() as stack:
        for record in resolve(folder / "x.txt", options, format=format, stack=stack).records():
            assert len(record.tokens) == len(record.tags)


# Anything but what separates fields and lines somewhere, and what is empty to a reader.
WORD = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="\ufeff\u200b"),
    min_size=1,
    max_size=6,
).filter(lambda word: not word.isspace() and word != "-DOCSTART-")
TAG = st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])


@st.composite
def sentences(draw):
    """Sentences with well-formed IOB2 tags."""
    found = []
    for pairs in draw(st.lists(st.lists(st.tuples(WORD, TAG), min_size=1, max_size=5), min_size=1, max_size=5)):
        tokens, tags = map(list, zip(*pairs, strict=True))
        found.append((tokens, convert(tags, Scheme.IOB2, Scheme.IOB2)))
    return found


def as_columns(rows, separator="\t", index=False):
    lines = []
    for tokens, tags in rows:
        for number, pair in enumerate(zip(tokens, tags, strict=True), start=1):
            lines.append(separator.join([str(number), *pair] if index else pair))
        lines.append("")
    return "\n".join(lines)


def as_universal(rows):
    lines = []
    for tokens, tags in rows:
        for number, (token, tag) in enumerate(zip(tokens, tags, strict=True), start=1):
            lines.append(f"{number}\t{token}\t_\t_\t_\t_\t_\t_\t_\tNE={tag}")
        lines.append("")
    return "\n".join(lines)


def as_csv(rows):
    lines = ["sentence,word,tag"]
    for number, (tokens, tags) in enumerate(rows):
        for token, tag in zip(tokens, tags, strict=True):
            quoted = token.replace('"', '""')
            lines.append(f'{number},"{quoted}",{tag}')
    return "\n".join(lines)


def as_lines(rows):
    return "".join(json.dumps({"tokens": tokens, "tags": tags}) + "\n" for tokens, tags in rows)


def as_array(rows):
    return json.dumps([{"tokens": tokens, "tags": tags} for tokens, tags in rows], indent=1, ensure_ascii=False)


def as_turns(rows):
    return "".join(f"{' '.join(tokens)}\n{' '.join(tags)}\n" for tokens, tags in rows)


WRITERS = {
    "conll": (as_columns, {}),
    "conll-space": (lambda rows: as_columns(rows, " "), {"format": "conll"}),
    "conll-index": (lambda rows: as_columns(rows, index=True), {"format": "conll", "tag_column": 2, "token_column": 1}),
    "conllu": (as_universal, {"tag_column": "MISC:NE"}),
    "csv": (as_csv, {}),
    "jsonl": (as_lines, {}),
    "json": (as_array, {"format": "jsonl"}),
    "parallel": (as_turns, {}),
}


@settings(max_examples=40, deadline=None)
@given(rows=sentences(), ends=st.sampled_from(["\n", "\r\n"]), mark=st.sampled_from(["", "\ufeff"]))
@pytest.mark.parametrize("name", WRITERS)
def test_no_sentence_is_lost(folder, name, rows, ends, mark):
    write, options = WRITERS[name]
    if name.startswith("conll") and any(token.startswith("#") for tokens, _ in rows for token in tokens):
        rows = [([token.replace("#", "N") for token in tokens], tags) for tokens, tags in rows]
    fill(folder, {"x.txt": (mark + write(rows).replace("\n", ends)).encode()})
    read = load_rows(folder / "x.txt", task="ner", **{"format": name, "scheme": "IOB2"} | options)
    assert list(zip(read["tokens"], read["tags"], strict=True)) == rows
