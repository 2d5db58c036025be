"""``bilstm-tagger tag``: every input gives one result, in order; every mistake one message; outputs are whole."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import feed, run

from bilstm_tagger.errors import InputError, ModelError
from bilstm_tagger.tasks import get_task
from bilstm_tagger.types import Span, TaggedSequence


class FakeTagger:
    """Tags capitalised words as PER, one span a word; residues as helix. Streams in batches of ``ahead``."""

    ahead = 3

    def __init__(self, task: str = "ner") -> None:
        self.task = get_task(task)
        self.read = 0
        self.backlogs: list[int] = []

    def tag(self, item: str | dict[str, Any]) -> TaggedSequence:
        if item == "Refuse":
            raise InputError("refused", received=item)
        row = {"text": item} if isinstance(item, str) else item
        residues = self.task.kind == "residues"
        tokens = row.get("tokens") or (list(row["text"]) if residues else row["text"].split())
        text = " ".join(tokens) if row.get("text") is None else row["text"]
        spans = [
            Span(token, "PER", 0, len(token), 0.5, index, index + 1)
            for index, token in enumerate(tokens)
            if not residues and token[:1].isupper()
        ]
        named = {span.token_start for span in spans}
        tags = ["H" if residues else "B-PER" if index in named else "O" for index in range(len(tokens))]
        table = np.tile(np.array([0.2, 0.1, 0.7], dtype=np.float32), (len(tokens), 1)) if residues else None
        return TaggedSequence(
            text,
            tokens,
            tags,
            spans,
            [0.5] * len(tokens),
            0.5,
            [tuple(pair) for pair in row.get("offsets") or [(0, 0)] * len(tokens)],
            id=None if row.get("id") is None else str(row["id"]),
            labels=("C", "E", "H") if residues else (),
            probabilities=table,
        )

    def stream(self, contents: Iterable[str | dict[str, Any]], *, processes: int = 1) -> Iterator[TaggedSequence]:
        done = 0
        waiting = iter(contents)
        while batch := list(islice(waiting, self.ahead)):
            self.read += len(batch)
            for content in batch:
                self.backlogs.append(self.read - done)
                done += 1
                yield self.tag(content)


@pytest.fixture
def tagger(monkeypatch: pytest.MonkeyPatch) -> FakeTagger:
    return serve(monkeypatch, FakeTagger())


@pytest.fixture
def protein_tagger(monkeypatch: pytest.MonkeyPatch) -> FakeTagger:
    return serve(monkeypatch, FakeTagger("protein_ss3"))


def serve(monkeypatch: pytest.MonkeyPatch, fake: FakeTagger) -> FakeTagger:
    """Makes ``from_pretrained("model")`` return the fake."""

    class Loader:
        @staticmethod
        def from_pretrained(folder: str, **where: object) -> FakeTagger:
            if folder != "model":
                raise ModelError("no such model folder", received=folder)
            return fake

    monkeypatch.setattr("bilstm_tagger.inference.Tagger", Loader)
    return fake


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("tagger")
class TestText:
    def test_standard_input_gives_the_tasks_first_format(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, "Ann met bob .\n")
        assert run("tag", "model") == 0
        out, err = capsys.readouterr()
        assert out == "Ann\tB-PER\nmet\tO\nbob\tO\n.\tO\n\n"
        assert "Tagged 1 sequence, 4 tokens in" in err
        assert "tokens/s" in err

    def test_a_dash_is_standard_input(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, "Ann\n")
        assert run("tag", "model", "-", "--quiet") == 0
        assert capsys.readouterr() == ("Ann\tB-PER\n\n", "")

    def test_lines_are_neither_lost_nor_reordered(self, tmp_path, capsys) -> None:
        lines = [f"sentence number {number}" if number % 4 else "" for number in range(23)]
        file = tmp_path / "input.txt"
        file.write_bytes("\n".join(lines).encode() + b"\r\n")
        assert run("tag", "model", file, "--output-format", "jsonl") == 0
        assert [row["text"] for row in rows(capsys.readouterr().out)] == lines

    def test_memory_is_bounded_by_what_the_tagger_reads_ahead(self, tagger, tmp_path, capsys) -> None:
        file = tmp_path / "input.txt"
        file.write_text("a b\n" * 1000)
        assert run("tag", "model", file) == 0
        assert len(tagger.backlogs) == 1000
        assert max(tagger.backlogs) <= tagger.ahead

    def test_only_a_line_feed_ends_a_line(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, "\ufeffone\u2028two\x0bthree\nfour")
        assert run("tag", "model", "--output-format", "jsonl") == 0
        assert [row["text"] for row in rows(capsys.readouterr().out)] == ["one\u2028two\x0bthree", "four"]

    def test_empty_standard_input_gives_nothing(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, "")
        assert run("tag", "model") == 0
        out, err = capsys.readouterr()
        assert out == ""
        assert "Tagged 0 sequences" in err

    def test_compressed_files_are_read(self, tmp_path, capsys) -> None:
        file = tmp_path / "input.txt.gz"
        file.write_bytes(gzip.compress(b"Ann\n"))
        assert run("tag", "model", file, "--quiet") == 0
        assert capsys.readouterr().out == "Ann\tB-PER\n\n"

    def test_text_is_utf8_whatever_the_locale(self, monkeypatch, capsysbinary) -> None:
        sys.stdout.reconfigure(encoding="ascii")
        feed(monkeypatch, "Zoë 東京\n")
        assert run("tag", "model", "--quiet") == 0
        assert capsysbinary.readouterr().out == "Zoë\tB-PER\n東京\tO\n\n".encode()


@pytest.mark.usefixtures("tagger")
class TestFormats:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.tsv", "Ann\tB-PER\nmet\tO\nbob\tO\n\nbob\tO\n"),
            ("a.bmes", "Ann S-PER\nmet O\nbob O\n\nbob O\n"),
            ("a.json", '[\n  {"tokens": ["Ann", "met", "bob"]},\n  {"tokens": ["bob"]}\n]\n'),
            ("a.json", '{"tokens": ["Ann", "met", "bob"]}\n{"tokens": ["bob"]}\n'),
            ("a.tsv", "sentence_id\tword\ttag\n1\tAnn\tB-PER\n1\tmet\tO\n1\tbob\tO\n2\tbob\tO\n"),
        ],
    )
    def test_endings_that_other_commands_know_are_known_here(self, tmp_path, capsys, name, content) -> None:
        (tmp_path / name).write_text(content)
        assert run("tag", "model", tmp_path / name, "--output-format", "conll", "--quiet") == 0
        assert capsys.readouterr().out == "Ann\tB-PER\nmet\tO\nbob\tO\n\nbob\tO\n\n"

    @pytest.mark.parametrize(
        "content",
        [
            "id\ttext\n1\tAnn met bob\n2\tbob\n",
            "text\nAnn met bob\nbob\n",
            "word\nAnn\nmet\nbob\n\nbob\n",
            "Word\tPOS\nAnn\tNNP\nmet\tVBD\nbob\tNNP\n\nbob\tNNP\n",
            "# sent_id = 1\nAnn\tB-PER\nmet\tO\nbob\tO\n\nbob\tO\n",
            "-DOCSTART-\n\nAnn B-PER\nmet O\nbob O\n\nbob O\n",
            "Ann\nmet\nbob\n\nbob\n",
            "Ann met bob\nbob\n",
        ],
    )
    def test_tables_are_told_from_tokens_and_text(self, tmp_path, capsys, content) -> None:
        (tmp_path / "a.tsv").write_text(content)
        assert run("tag", "model", tmp_path / "a.tsv", "--output-format", "conll", "--quiet") == 0
        assert capsys.readouterr().out.split() == ["Ann", "B-PER", "met", "O", "bob", "O", "bob", "O"]

    def test_a_word_that_is_a_columns_name_is_no_header(self, tmp_path, capsys) -> None:
        (tmp_path / "a.tsv").write_text("Form\tO\nis\tO\n\nbob\tO\n")
        assert run("tag", "model", tmp_path / "a.tsv", "--output-format", "conll", "--quiet") == 0
        assert capsys.readouterr().out.split()[::2] == ["Form", "is", "bob"]

    @pytest.mark.parametrize("name", ["a.parquet", "a.ann", "a.words"])
    def test_what_is_not_tagged_is_to_be_converted(self, tmp_path, capsys, name) -> None:
        (tmp_path / name).write_text("x")
        assert run("tag", "model", tmp_path / name) == 2
        assert f"Convert it first: bilstm-tagger convert {tmp_path / name} a.jsonl" in capsys.readouterr().err

    def test_jsonl_takes_text_or_tokens_and_keeps_ids(self, monkeypatch, capsys) -> None:
        given = '{"id": 7, "text": "Ann sat"}\n\n{"tokens": ["New York", "ran"], "text": "other"}\n{"text": ""}\n'
        feed(monkeypatch, given)
        assert run("tag", "model", "--format", "jsonl", "--output-format", "jsonl") == 0
        found = rows(capsys.readouterr().out)
        assert [row["tokens"] for row in found] == [["Ann", "sat"], ["New York", "ran"], []]
        assert [row.get("id") for row in found] == ["7", None, None]

    def test_jsonl_keeps_offsets_and_dense_columns(self, monkeypatch, capsys, tagger) -> None:
        rows_given: list[object] = []
        monkeypatch.setattr(tagger, "stream", lambda items, **options: rows_given.extend(items) or iter(()))
        feed(monkeypatch, '{"tokens": ["a"], "text": " a", "offsets": [[1, 2]], "dense": [[0.5]], "other": 1}\n')
        assert run("tag", "model", "--format", "jsonl") == 0
        assert rows_given == [{"tokens": ["a"], "text": " a", "offsets": [[1, 2]], "dense": [[0.5]]}]

    def test_conll_keeps_the_files_tokens_and_ignores_other_columns(self, tmp_path, capsys) -> None:
        file = tmp_path / "input.conll"
        file.write_text("-DOCSTART- O\n\nAnn B-PER\nsat O\n\nIt O\n")
        assert run("tag", "model", file) == 0
        assert capsys.readouterr().out == "Ann\tB-PER\nsat\tO\n\nIt\tB-PER\n\n"

    def test_the_token_column_can_be_said(self, tmp_path, capsys) -> None:
        file = tmp_path / "input.conll"
        file.write_text("x Ann\ny sat\n")
        assert run("tag", "model", file, "--token-column", "1") == 0
        assert capsys.readouterr().out == "Ann\tB-PER\nsat\tO\n\n"

    def test_conllu_leaves_out_ranges_and_keeps_sentence_names(self, monkeypatch, capsys) -> None:
        row = "\t_" * 8
        feed(monkeypatch, f"# sent_id = s-1\n1-2\tdon't{row}\n1\tdo{row}\n2\tn't{row}\n\n")
        assert run("tag", "model", "--format", "conllu", "--output-format", "jsonl") == 0
        (found,) = rows(capsys.readouterr().out)
        assert (found["id"], found["tokens"]) == ("s-1", ["do", "n't"])

    @pytest.mark.parametrize("given", ["[]", '{"words of": 1}', '{"tokens": ["a", 1]}', '{"text": null}'])
    def test_a_row_with_nothing_to_tag_is_refused(self, monkeypatch, capsys, given) -> None:
        feed(monkeypatch, f'{{"text": "a"}}\n{given}\n')
        assert run("tag", "model", "--format", "jsonl") == 2
        assert "standard input:2: nothing to tag: got" in capsys.readouterr().err

    def test_what_is_no_json_is_refused_with_its_line(self, tmp_path, capsys) -> None:
        file = tmp_path / "rows.jsonl"
        file.write_text('{"text": "a"}\n{"text": \n')
        assert run("tag", "model", file) == 2
        assert f"{file}:2: not valid JSON at column" in capsys.readouterr().err

    def test_an_unknown_format_names_the_nearest(self, capsys) -> None:
        assert run("tag", "model", "--format", "conl") == 2
        err = capsys.readouterr().err
        assert "unknown input format: got 'conl'. Accepted: text, jsonl, conll, conllu, fasta, csv, dssp." in err
        assert "Did you mean 'conll'?" in err

    def test_an_unknown_output_format_names_the_nearest(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, "Ann\n")
        assert run("tag", "model", "--output-format", "json") == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "got 'json'" in err
        assert "Did you mean 'jsonl'?" in err


@pytest.mark.usefixtures("protein_tagger")
class TestProteins:
    def test_fasta_is_the_default_in_and_out(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, ">one first chain\nMKV\nLLA\n>two\nGG*\n")
        assert run("tag", "model", "--quiet") == 0
        assert capsys.readouterr().out == ">one\nMKVLLA\nHHHHHH\n>two\nGG\nHH\n"

    def test_every_record_is_tagged_whatever_its_header_says(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, ">one SET=train VALIDATION=False\nMKV\n>two SET=test\nGG\n")
        assert run("tag", "model", "--quiet") == 0
        assert capsys.readouterr().out == ">one\nMKV\nHHH\n>two\nGG\nHH\n"

    def test_csv_of_chains(self, tmp_path, capsys) -> None:
        file = tmp_path / "chains.csv"
        file.write_text("id,len,input\na,3,MKV\n")
        assert run("tag", "model", file, "--quiet") == 0
        assert capsys.readouterr().out == ">a\nMKV\nHHH\n"

    def test_text_is_a_chain_a_line(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, "mkv\n")
        assert run("tag", "model", "--format", "text", "--quiet") == 0
        assert capsys.readouterr().out == ">sequence_1\nMKV\nHHH\n"

    @pytest.mark.parametrize("format", ["text", "jsonl", "fasta"])
    def test_a_wrong_letter_is_refused_with_its_line(self, tmp_path, capsys, format) -> None:
        contents = {
            "text": "MKV\nMK1V\n",
            "jsonl": '{"sequence": "MKV"}\n{"tokens": ["M", "K", "1", "V"]}\n',
            "fasta": "; a comment\n>b\nMK1V\n",
        }
        file = tmp_path / "chains"
        file.write_text(contents[format])
        assert run("tag", "model", file, "--format", format) == 2
        assert f"{file}:2: residue 3 is not an amino acid: got '1'" in capsys.readouterr().err

    def test_a_mistake_in_a_piped_file_is_in_standard_input(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, ">a\nMKV\n>b\nMK1V\n")
        assert run("tag", "model") == 2
        message = "error: standard input:3: residue 3 is not an amino acid: got '1'. Accepted: "
        assert capsys.readouterr().err.startswith(message)

    def test_a_folder_gets_one_file_a_chain(self, tmp_path, capsys) -> None:
        file = tmp_path / "chains.fasta"
        file.write_text(">one\nMKV\n>../two\nGG\n>ONE\nA\n")
        assert run("tag", "model", file, "--output", f"{tmp_path}/made/", "--output-format", "ss2") == 0
        made = sorted((tmp_path / "made").iterdir())
        assert [len(path.read_text().splitlines()) for path in made] == [3, 5, 4]
        assert len({path.name for path in made}) == 3
        assert {path.suffix for path in made} == {".ss2"}
        assert sorted(path.name for path in tmp_path.iterdir()) == ["chains.fasta", "made"]

    def test_an_existing_folder_needs_no_slash(self, tmp_path) -> None:
        file = tmp_path / "chains.fasta"
        file.write_text(">one\nMKV\n")
        folder = tmp_path / "there"
        folder.mkdir()
        assert run("tag", "model", file, "--output", folder, "--output-format", "horiz") == 0
        assert [path.name for path in folder.iterdir()] == ["one.horiz"]


@pytest.mark.usefixtures("tagger")
class TestOutputFiles:
    def test_a_file_is_written_whole(self, monkeypatch, capsys, tmp_path) -> None:
        feed(monkeypatch, "Ann\nzoë\n")
        file = tmp_path / "out.conll"
        file.write_text("old")
        assert run("tag", "model", "--output", file) == 0
        assert file.read_text(encoding="utf-8") == "Ann\tB-PER\n\nzoë\tO\n\n"
        assert capsys.readouterr().out == ""
        assert list(tmp_path.iterdir()) == [file]

    def test_a_mistake_in_the_middle_leaves_the_old_file(self, monkeypatch, capsys, tmp_path) -> None:
        feed(monkeypatch, b"Ann\n" * 10 + b"caf\xe9 au lait\n")
        file = tmp_path / "out.conll"
        file.write_text("old")
        assert run("tag", "model", "--output", file) == 2
        assert "standard input:11: byte 4 of the line is not UTF-8" in capsys.readouterr().err
        assert file.read_text() == "old"
        assert list(tmp_path.iterdir()) == [file]

    def test_bytes_that_are_not_utf8_in_a_file_are_refused_with_the_line(self, tmp_path, capsys) -> None:
        file = tmp_path / "latin.txt"
        file.write_bytes(b"one\ncaf\xe9\n")
        assert run("tag", "model", file) == 2
        err = capsys.readouterr().err
        assert f"{file}:2: byte 4 of the line is not UTF-8" in err
        assert "Traceback" not in err

    def test_an_output_in_a_missing_folder_is_refused(self, monkeypatch, capsys, tmp_path) -> None:
        feed(monkeypatch, "Ann\n")
        assert run("tag", "model", "--output", tmp_path / "no" / "out.conll") == 2
        assert "the output's folder does not exist" in capsys.readouterr().err

    def test_a_device_is_written_to_and_stays_a_device(self, monkeypatch) -> None:
        feed(monkeypatch, "Ann\n")
        assert run("tag", "model", "--output", "/dev/null") == 0
        assert Path("/dev/null").is_char_device()


@pytest.mark.usefixtures("tagger")
class TestInputs:
    def test_a_missing_file_is_named_before_the_model_is_loaded(self, tmp_path, capsys) -> None:
        (tmp_path / "input.txt").write_text("a")
        assert run("tag", "no-model", tmp_path / "inptu.txt") == 2
        err = capsys.readouterr().err
        assert "no such file" in err
        assert "Did you mean 'input.txt'?" in err

    def test_an_empty_file_is_refused(self, tmp_path, capsys) -> None:
        file = tmp_path / "empty.txt"
        file.touch()
        assert run("tag", "model", file) == 2
        assert f"{file}: the file is empty" in capsys.readouterr().err

    def test_a_missing_model_is_named(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, "Ann\n")
        assert run("tag", "no-model") == 2
        assert capsys.readouterr().err == "error: no such model folder: got 'no-model'.\n"

    def test_a_terminal_is_asked_line_by_line(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, "", terminal=True)
        typed = iter(["Ann sat", "Refuse", "bob"])

        def answer(prompt: str) -> str:
            try:
                return next(typed)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr("builtins.input", answer)
        assert run("tag", "model") == 0
        out, err = capsys.readouterr()
        assert out == "Ann\tB-PER\nsat\tO\n\nbob\tO\n\n"
        assert "Type a sentence and press Enter; Ctrl-D ends." in err
        assert "error: refused: got 'Refuse'." in err

    def test_a_terminal_gets_a_table(self, monkeypatch, capsys) -> None:
        feed(monkeypatch, "Ann sat\n")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert run("tag", "model", "--quiet") == 0
        out = capsys.readouterr().out
        assert out.startswith("Ann sat\n")
        assert "PER" in out

    def test_progress_is_shown_on_a_terminal_and_counts_the_files_lines(self, tmp_path, monkeypatch, capsys) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        file = tmp_path / "input.txt"
        file.write_text("a\n" * 200)
        assert run("tag", "model", file, "--output", tmp_path / "out") == 0
        assert "sequences" in capsys.readouterr().err.split("Tagged")[0]
