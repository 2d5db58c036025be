"""Rows come back from every format as they went in, but for what the writer said is lost."""

from __future__ import annotations

import io
import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bilstm_tagger.data.conversion.convert import convert_rows
from bilstm_tagger.data.formats import get_reader
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.data.repairs.changes import ChangeLog
from bilstm_tagger.data.writers.base import WriteOptions
from bilstm_tagger.data.writers.formats import ROW_FORMATS, find_row_format
from bilstm_tagger.data.writers.json import LAYOUTS, write_jsonl
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import Scheme, convert, spans_to_tags
from bilstm_tagger.tasks import get_task

FIELDS = ("id", "document", "tokens", "tags", "text", "offsets", "dense")
NOT_SPANS = {"csv", "tsv", "conll", "conllu", "jsonl", "json", "parquet", "arrow"}

# What each loss that is told may change, and nothing else.
TOUCHED = {
    "the ids": {"id"},
    "the running text and the character offsets": {"text", "offsets"},
    "the dense columns": {"dense"},
    "the document that a row belongs to": {"document"},
    "the names of documents": {"document"},
    "that rows belong to no document": {"document"},
    "offsets that words in a row of text do not give, and with them the text": {"text", "offsets"},
    "ids that are empty, or those of the sentence before": {"id"},
    "white space in names": {"id", "document"},
    "white space in ids": {"id"},
    "which tags are unknown: they read as O": {"tags"},
    "which rows nobody has annotated: their tags read as O": {"tags"},
    "which tokens had no blank between them: the text is the tokens joined by blanks": {"text", "offsets"},
    "tokens that are spelt otherwise in the text": {"tokens"},
    "tokens that the tokenizer does not cut so": {"tokens", "tags", "text", "offsets"},
    "tokens that share characters, or have none": {"tokens", "tags", "text", "offsets"},
    "line ends inside the text, now blanks": {"text"},
    "where BIOES cannot tell, which tokens are one span": {"tags"},
    "where IO cannot tell, which tokens are one span": {"tags"},
}

words = st.text(
    st.sampled_from("aZ9é\u0301ßñ日本🙂👩‍💻#-_.,;:'\"|\\/<>&= \u00a0\u200b\ufeff\x85\u2028"), min_size=1, max_size=5
).filter(str.strip)
names = st.one_of(st.none(), st.text("abc 12-", min_size=1, max_size=6))


@st.composite
def records(draw: st.DrawFn, *, spans: bool = True, dense: bool = True) -> list[Record]:
    """A few rows as a reader gives them."""
    rows: list[Record] = []
    width = draw(st.integers(0, 2)) if dense else 0
    for number in range(1, draw(st.integers(1, 4)) + 1):
        tokens = draw(st.lists(words, min_size=1, max_size=6))
        length = len(tokens)
        tags: list[str | None]
        if spans:
            cuts = sorted(draw(st.sets(st.integers(0, length), max_size=4)))
            parts = itertools.pairwise(cuts)
            found = [(draw(st.sampled_from(["PER", "LOC", "a-b"])), a, b) for a, b in parts if draw(st.booleans())]
            tags = list(spans_to_tags(found, length, Scheme.IOB2))
        else:
            tags = draw(st.lists(st.sampled_from(["NOUN", "VERB", "X"]), min_size=length, max_size=length))
        if draw(st.integers(0, 3)) == 0:
            tags = [None if draw(st.booleans()) else tag for tag in tags]
            tags = convert(tags, Scheme.IOB2, Scheme.IOB2) if spans else tags
        text, offsets = None, None
        if draw(st.booleans()):
            gaps = draw(st.lists(st.sampled_from(["", " ", "  ", "\n"]), min_size=length + 1, max_size=length + 1))
            text, offsets = gaps[0], []
            for token, gap in zip(tokens, gaps[1:], strict=True):
                offsets.append((len(text), len(text) + len(token)))
                text += token + gap
        rows.append(
            Record(
                draw(names) or str(number),
                tokens,
                tags,
                "memory",
                number,
                text=text,
                offsets=offsets,
                dense=[[0.5 * i] * width for i in range(length)] if width else None,
                document=draw(st.sampled_from([None, "1", "b c"])),
            )
        )
    return rows


@contextmanager
def written(rows: list[Record], task: str) -> Iterator[Path]:
    """The rows as a JSONL file of our own layout."""
    with tempfile.TemporaryDirectory() as folder:
        stream = io.StringIO()
        write_jsonl(rows, stream, WriteOptions(task=get_task(task)))
        path = Path(folder, "rows.jsonl")
        path.write_text(stream.getvalue(), encoding="utf-8")
        yield path


def read(path: Path, task: str) -> list[Record]:
    return list(get_reader("jsonl")(path, ReadOptions(task=get_task(task))))


def there_and_back(
    path: Path, name: str, task: str, *, repair: bool = False, **options: object
) -> tuple[list[Record], dict[str, int]]:
    """Converts a file to a format and back; returns the rows, and what was lost on the way there."""
    suffix = (*ROW_FORMATS[name].suffixes, "")[0]
    there, back = path.with_name("x" + suffix), path.with_name("back.jsonl")
    reading = ReadOptions(task=get_task(task))
    result = convert_rows(
        str(path),
        there,
        ROW_FORMATS[name],
        read=reading,
        write=WriteOptions(task=reading.task, **options),
        repair=ChangeLog() if repair else None,
    )
    # Two tags can look like another scheme than the one that wrote them.
    scheme = options.get("scheme", Scheme.IOB2) if reading.task.kind == "spans" else None
    reading = ReadOptions(task=get_task(task))
    convert_rows(
        str(there),
        back,
        find_row_format(back, None),
        read=reading,
        write=WriteOptions(task=reading.task),
        format="auto"
        if name == "brat"
        else name.replace("json", "jsonl").replace("jsonll", "jsonl").replace("tsv", "csv"),
        found_scheme=scheme,
    )
    return read(back, task), result.losses.counts


def check_equal(before: list[Record], after: list[Record], lost: dict[str, int]) -> None:
    touched = set().union(*(TOUCHED[what] for what in lost))
    assert len(after) == len(before)
    for old, new in zip(before, after, strict=True):
        for field in set(FIELDS) - touched:
            value = getattr(new, field)
            if getattr(old, field) is None and field in ("text", "offsets"):
                continue  # some formats always have a text
            assert value == getattr(old, field), field


def check_there_and_back(rows: list[Record], path: Path, name: str, task: str, **options: object) -> None:
    """The rows come back, unless the format says that it cannot hold them."""
    error = None
    try:
        after, lost = there_and_back(path, name, task, **options)
    except DataError as refusal:
        error = refusal
    if error is not None:
        assert "cannot hold" in str(error)
        return
    check_equal(rows, after, lost)


@pytest.mark.parametrize("name", sorted(NOT_SPANS))
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_tags_of_tokens_come_back(name: str, data: st.DataObject) -> None:
    rows = data.draw(records(spans=False))
    with written(rows, "pos") as path:
        check_there_and_back(rows, path, name, "pos")


@pytest.mark.parametrize("name", sorted(NOT_SPANS))
@pytest.mark.parametrize("scheme", [Scheme.IOB2, Scheme.BIOES, Scheme.IO])
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_spans_come_back(name: str, scheme: Scheme, data: st.DataObject) -> None:
    rows = data.draw(records())
    assume(any(tag not in (None, "O") for row in rows for tag in row.tags))
    with written(rows, "ner") as path:
        check_there_and_back(rows, path, name, "ner", scheme=scheme)


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"tokens"}))
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_spans_come_back_from_the_layouts_of_annotation_tools(layout: str, data: st.DataObject) -> None:
    rows = data.draw(records())
    with written(rows, "ner") as path:
        after, lost = there_and_back(path, "jsonl", "ner", layout=layout)
        check_equal(rows, after, lost)


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_what_does_not_fit_is_replaced_on_request_only(data: st.DataObject) -> None:
    rows = data.draw(records(dense=False))
    row = rows[0]
    rows[0] = row._replace(tokens=["a\tb", *row.tokens[1:]], text=None, offsets=None)
    with written(rows, "ner") as path:
        with pytest.raises(DataError, match="the format 'conll' cannot hold this token"):
            there_and_back(path, "conll", "ner")
        after, _ = there_and_back(path, "conll", "ner", repair=True)
        assert len(after) <= len(rows)
        assert after[0].tokens[0] == "a_b"
