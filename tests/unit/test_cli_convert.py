"""``bilstm-tagger convert``, as a user runs it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from cli_helpers import feed, run

CONLL = "Anna B-PER\nLee I-PER\n. O\n\nOslo B-LOC\n\n"
ILL = "Anna I-PER\nLee I-LOC\n. O\n\nOslo B-LOC\nBergen B-LOC\n\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.conll").write_text(CONLL)


def test_to_jsonl_and_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("convert", "in.conll", "out.jsonl") == 0
    assert [json.loads(line)["tags"] for line in Path("out.jsonl").read_text().splitlines()] == [
        ["B-PER", "I-PER", "O"],
        ["B-LOC"],
    ]
    assert capsys.readouterr().err == "Wrote 2 sequences, 4 tokens to out.jsonl (jsonl for ner, tags read as IOB2)\n"
    assert run("convert", "out.jsonl", "-", "--separator", "space") == 0
    assert capsys.readouterr().out == CONLL


def test_standard_input_to_a_packed_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    feed(monkeypatch, CONLL)
    assert run("convert", "-", "out.conll.gz", "--scheme", "BIOES", "-q") == 0
    assert gzip.decompress(Path("out.conll.gz").read_bytes()).startswith(
        b"Anna\tB-PER\nLee\tE-PER\n.\tO\n\nOslo\tS-LOC\n"
    )
    feed(monkeypatch, "a B-X\nb\n")
    assert run("convert", "-", "other.conll") == 2
    message = capsys.readouterr().err
    assert message.startswith("error: standard input:2: wrong number of columns")
    assert ".." not in message
    assert not Path("other.conll").exists()


def test_what_is_there_is_not_replaced_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out.csv").write_text("mine")
    assert run("convert", "in.conll", "out.csv") == 2
    assert "the output is there already: got 'out.csv'. Use --force" in capsys.readouterr().err
    assert Path("out.csv").read_text() == "mine"
    assert run("convert", "in.conll", "out.csv", "--force") == 0
    assert Path("out.csv").read_text().startswith("sentence,word,tags\n1,Anna,B-PER\n")


def test_nothing_half_written_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"tokens": ["a"], "tags": ["O"]}, {"tokens": ["b\tc"], "tags": ["O"]}]
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run("convert", "in.jsonl", "out.conll") == 2
    assert "error: in.jsonl:2: the format 'conll' cannot hold this token: got 'b\\tc'" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["in.conll", "in.jsonl"]


def test_losses_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": f"s{i}", "tokens": ["a"], "tags": ["O"], "dense": [[1.5]]} for i in range(3)]
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run("convert", "in.jsonl", "out.conll", "--task", "ner", "--json", "report.json") == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        "lost: the ids: 3 rows, first at in.jsonl:1",
        "lost: the dense columns: 3 rows, first at in.jsonl:1",
    ]
    report = json.loads(Path("report.json").read_text())
    assert report["losses"][0] == {"what": "the ids", "rows": 3, "first": "in.jsonl:1"}
    assert (report["rows"], report["tokens"], report["files"], report["repairs"]) == (3, 3, ["out.conll"], 0)
    assert run("convert", "in.jsonl", "ids.conll", "--task", "ner", "--comments") == 0
    assert Path("ids.conll").read_text().startswith("# sent_id = s0\na\tO\n")


def test_ill_formed_tags_are_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ill.conll").write_text(ILL)
    assert run("convert", "ill.conll", "out.conll", "--from-scheme", "IOB2") == 0
    message = capsys.readouterr().err.splitlines()[0]
    assert message.startswith("warning: ill.conll:1: I-PER begins a sequence, which IOB2 does not allow; tags repaired")
    assert Path("out.conll").read_text().startswith("Anna\tB-PER\nLee\tB-LOC\n")


def test_repair_lists_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\ufeffAnna I-PER\r\nBj\u00f8rn b-per\r\n. o\r\n\r\nOslo B-Loc\n\n\x07 B-LOC\nin\u200b O\nRio B-LOC\n\n"
    text += "Oslo B-LOC\n\n"
    Path("bad.conll").write_bytes(text.encode() + b"K\xf6ln B-LOC\n\n")
    assert run("convert", "bad.conll", "out.conll", "--repair", "--from-scheme", "IOB2", "--json", "r.json") == 0
    assert Path("out.conll").read_text() == (
        "Anna\tB-PER\nBjørn\tB-PER\n.\tO\n\nOslo\tB-LOC\n\nin\tO\nRio\tB-LOC\n\nKöln\tB-LOC\n\n"
    )
    lines = capsys.readouterr().err.splitlines()
    assert lines[:-1] == [
        "changed: bad.conll:1: file 'byte order mark' left out",
        "changed: bad.conll: file 'CRLF at the end of 4 line(s)' -> 'LF'",
        "changed: bad.conll:13: file '1 line(s) in Windows-1252 or ISO-8859-1' -> 'UTF-8'",
        "changed: bad.conll:2: tag 'b-per' -> 'B-PER'",
        "changed: bad.conll:3: tag 'o' -> 'O'",
        "changed: bad.conll:1: tag 'I-PER' -> 'B-PER'",
        "changed: bad.conll:5: tag 'B-Loc' -> 'B-LOC'",
        "changed: bad.conll:7: token '\\x07' left out",
        "changed: bad.conll:8: token 'in\\u200b' -> 'in'",
        "changed: bad.conll:11: row 'Oslo' left out",
    ]


def test_empty_tokens_and_repeated_sentences_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.conll").write_text("a\tB-X\n\tI-X\nb\tI-X\n\na\tB-X\nb\tI-X\n\nc\tO\n\n")
    assert run("convert", "bad.conll", "out.conll", "--repair") == 0
    assert Path("out.conll").read_text() == "a\tB-X\nb\tI-X\n\nc\tO\n\n"
    assert capsys.readouterr().err.splitlines()[1:3] == [
        "changed: bad.conll:2: token '' left out",
        "changed: bad.conll:5: row 'a b' left out",
    ]


def test_utf16_is_read_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    Path("wide.conll").write_bytes("Köln B-LOC\n\n".encode("utf-16"))
    assert run("convert", "wide.conll", "out.conll") == 2
    assert "not UTF-8" in capsys.readouterr().err
    assert run("convert", "wide.conll", "out.conll", "--repair") == 0
    assert Path("out.conll").read_text() == "Köln\tB-LOC\n\n"
    assert "changed: wide.conll: file 'UTF-16' -> 'UTF-8'" in capsys.readouterr().err


def test_messages_name_options_and_the_users_files(capsys: pytest.CaptureFixture[str]) -> None:
    Path("old.conll").write_bytes(b"K\xf6ln\nx\n")
    assert run("convert", "old.conll", "out.conll", "--repair", "--task", "ner") == 2
    message = capsys.readouterr().err
    assert message.startswith("error: old.conll: there is no column of tags")
    assert "--from-separator" in message


def test_half_a_character_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("torn.jsonl").write_text('{"tokens": ["a"], "tags": ["O"]}\n{"tokens": ["\\ud83d"], "tags": ["O"]}\n')
    for name in ("out.conll", "out.parquet"):
        assert run("convert", "torn.jsonl", name, "--task", "ner") == 2
        assert "torn.jsonl:2: half of a surrogate pair, which is no character" in capsys.readouterr().err
    assert run("convert", "torn.jsonl", "out.jsonl", "--task", "ner") == 0


def test_devices_are_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("convert", "in.conll", "/dev/null", "--to", "conll") == 0
    assert Path("/dev/null").is_char_device()


def test_many_changes_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.conll").write_text("".join(f"w{i} I-X\nx O\nz B-X\n\n" for i in range(60)))
    assert run("convert", "bad.conll", "out.conll", "--repair", "--from-scheme", "IOB2", "--json", "r.json") == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 52
    assert lines[-2] == "changed: 10 more; --json FILE lists them all"
    report = json.loads(Path("r.json").read_text())
    assert (report["repairs"], len(report["changes"])) == (60, 60)
    assert report["changes"][59] == {
        "code": "D301", "path": "bad.conll", "line": 237, "what": "tag", "old": "I-X", "new": "B-X"
    }  # fmt: skip


def test_layouts_and_alignment(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("convert", "in.conll", "p.jsonl", "--layout", "prodigy") == 0
    assert "lost: which tokens had no blank between them" in capsys.readouterr().err
    assert json.loads(Path("p.jsonl").read_text().splitlines()[0])["spans"][0]["label"] == "PER"
    Path("s.jsonl").write_text('{"text": "Annas Haus", "label": [[0, 4, "PER"]]}\n')
    assert run("convert", "s.jsonl", "s.conll", "--align", "contract", "--json", "r.json") == 0
    assert "warning: 1 of 1 spans did not fit the tokens" in capsys.readouterr().err
    assert json.loads(Path("r.json").read_text())["misfits"][0]["label"] == "PER"
    assert run("convert", "s.jsonl", "t.conll", "--align", "strict") == 2


def test_tasks_are_guessed() -> None:
    Path("pos.txt").write_text("Go VERB\n. PUNCT\n")
    assert run("convert", "pos.txt", "pos.jsonl") == 0
    assert json.loads(Path("pos.jsonl").read_text())["tags"] == ["VERB", "PUNCT"]
    Path("c.csv").write_text("id,sequence,ss3\nx,ACD,HHC\n")
    assert run("convert", "c.csv", "c.fasta") == 0
    assert Path("c.fasta").read_text() == ">x\nACD\nHHC\n"
    assert run("convert", "c.fasta", "c.jsonl", "-q") == 0
    assert run("convert", "builtin:flip/dev", "flip.csv", "-q") == 0
    assert Path("flip.csv").read_text().splitlines()[0] == "id,sequence,labels,mask"
    assert run("convert", "builtin:ewt/dev", "ewt.tsv", "-q") == 0
    assert Path("ewt.tsv").read_text().splitlines()[1].split("\t")[1:] == ["Bush", "PROPN"]


def test_a_mask_lies_beside_a_fasta_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.jsonl").write_text('{"id": "x", "sequence": "ACD", "ss3": ["H", null, "C"]}\n')
    assert run("convert", "c.jsonl", "c.fasta", "--task", "protein_ss3") == 0
    assert "to c.fasta, c.mask.fasta (fasta" in capsys.readouterr().err
    assert run("convert", "c.fasta", "back.jsonl", "--mask", "c.mask.fasta") == 0
    assert json.loads(Path("back.jsonl").read_text())["tags"] == ["H", None, "C"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["no.conll", "x.jsonl"], "no.conll: no such file"),
        (["in.conll", "x.docx"], "this ending does not tell the format to write"),
        (["in.conll", "no/x.jsonl"], "the output's folder does not exist"),
        (["in.conll", "x.jsonl.zip"], "this compression can be read, not written"),
        (["in.conll", "x.jsonl", "--layout", "spacey"], "unknown layout: got 'spacey'"),
        (["in.conll", "x.conll", "--separator", "--"], "a separator is one character"),
        (["in.conll", "x.conll", "--scheme", "BIO3"], "unknown tag scheme"),
        (["in.conll", "x.conll", "--task", "nre"], "nre"),
        (["in.conll", "x.fasta"], "FASTA is for proteins"),
        (["empty.conll", "x.jsonl"], "empty.conll: there is nothing in it to read"),
    ],
)
def test_mistakes_are_explained(args: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.conll").write_text("\n\n")
    assert run("convert", *args) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["empty.conll", "in.conll"]


def test_folders_that_hold_something_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("convert", "in.conll", "names") == 0
    assert sorted(path.name for path in Path("names").iterdir()) == ["in.ann", "in.txt"]
    assert run("convert", "in.conll", "names", "--force") == 2
    assert "the output is a folder that is not empty" in capsys.readouterr().err
    assert run("convert", "names", "back.conll", "-q") == 0
    assert "Anna\tB-PER\nLee\tI-PER" in Path("back.conll").read_text()


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("convert", "--help") == 0
    shown = capsys.readouterr().out
    assert "bilstm-tagger convert train.conll train.jsonl" in shown
    assert "--repair" in shown


UNREAD = [
    ("x.conll", "-DOCSTART- -X- -X- O\n\nEU NNP I-NP B-ORG\n", ["column 1 (such as NNP)", "column 2 (such as I-NP)"]),
    ("x.conll", "word pos ner\nEU NNP B-ORG\n", ["column 1 (pos)"]),
    ("x.tsv", "# a\n1\tEU\tB-ORG\t-\n2\tb\tO\t-\n", []),
    ("x.csv", "sentence,word,tag,pos\n1,EU,B-ORG,NNP\n", ["column pos"]),
    ("x.csv", "id,sentence,tags,pos\n1,EU acts,B-ORG O,A B\n", ["column pos"]),
    ("x.jsonl", '{"id": 1, "tokens": ["EU"], "tags": ["B-ORG"], "pos": ["NNP"]}\n', ["field pos"]),
]


@pytest.mark.parametrize(("name", "content", "unread"), UNREAD)
def test_columns_that_are_not_read_are_told(name, content, unread, tmp_path, capsys) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert run("convert", path, tmp_path / "out.jsonl", "--task", "ner") == 0
    lost = [line for line in capsys.readouterr().err.splitlines() if line.startswith("lost: ")]
    assert [line.partition(", neither")[0].removeprefix("lost: ") for line in lost] == unread
    assert all(str(path) in line for line in lost)


def test_columns_of_conllu_that_are_not_read(tmp_path, capsys) -> None:
    path = tmp_path / "x.conllu"
    path.write_text("1\tEU\teu\tPROPN\t_\t_\t0\t_\t_\tSpaceAfter=No\n", encoding="utf-8")
    assert run("convert", path, "-") == 0
    error = capsys.readouterr().err
    assert [what for what in ("LEMMA", "XPOS", "HEAD", "MISC") if f"lost: column {what}" in error] == ["LEMMA", "HEAD"]


def test_unread_columns_of_standard_input_have_its_name(monkeypatch, capsys) -> None:
    feed(monkeypatch, "EU NNP B-ORG\n\n")
    assert run("convert", "-", "-") == 0
    assert "lost: column 1 (such as NNP), neither tokens nor tags: 1 row, first at standard input:1" in (
        capsys.readouterr().err
    )


def test_the_files_of_a_folder_are_told_once(tmp_path, capsys) -> None:
    (tmp_path / "train.conll").write_text("a B-X\n")
    (tmp_path / "dev.conll").write_text("b B-X\n")
    assert run("convert", tmp_path, "-", "--split", "dev") == 0
    output = capsys.readouterr()
    assert (output.out, output.err.count("files of it are read")) == ("b\tB-X\n\n", 1)


def test_a_brat_folder_of_one_part_is_read_back(tmp_path, capsys) -> None:
    (tmp_path / "dev.conll").write_text("b B-X\n")
    assert run("convert", tmp_path / "dev.conll", tmp_path / "out") == 0
    assert run("convert", tmp_path / "out", tmp_path / "again.jsonl") == 0
    assert '"tokens": ["b"]' in (tmp_path / "again.jsonl").read_text()


def test_other_spellings_are_mended_and_listed(tmp_path, capsys) -> None:
    path = tmp_path / "x.conll"
    path.write_text("Anna PER-B\nLee per-I\nin o\n", encoding="utf-8")
    assert run("convert", path, "-", "--repair") == 0
    output = capsys.readouterr()
    assert output.out == "Anna\tB-PER\nLee\tI-PER\nin\tO\n\n"
    assert [line for line in output.err.splitlines() if line.startswith("changed")] == [
        f"changed: {path}:1: tag 'PER-B' -> 'B-PER'",
        f"changed: {path}:2: tag 'per-I' -> 'I-PER'",
        f"changed: {path}:3: tag 'o' -> 'O'",
    ]
