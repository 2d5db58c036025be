import bz2
import gzip
import lzma
import os
import zipfile
from pathlib import Path

import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.files import read_lines, stem_suffix
from bilstm_tagger.errors import ConfigError, DataError

TEXT = "Ünal B-PER\nspoke O\n"


def _zip(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, TEXT)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zip", ""])
def test_packed_files(tmp_path, suffix):
    path = tmp_path / f"x.conll{suffix}"
    pack = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress, "": bytes}
    if suffix == ".zip":
        _zip(path, "inside.conll")
    else:
        path.write_bytes(pack[suffix](TEXT.encode()))
    assert stem_suffix(path) == ".conll"
    assert load_rows(path, task="ner")["tokens"] == [["Ünal", "spoke"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(TEXT.encode())[:-9], r"x.conll: cannot be read \(EOFError"),
        (lzma.compress(TEXT.encode())[:-9], r"x.conll: cannot be read \(EOFError"),
        (b"PK\x03\x04 no zip", r"x.conll: cannot be read \(BadZipFile"),
        (
            b"a O\nf\xfcr B-X\n",
            r"x.conll:2: byte 2 of the line is not UTF-8: got b'f\\xfcr B-X\\n'.*iconv -f ISO-8859-1",
        ),
        ("a O\n".encode("utf-16"), r"x.conll:1: not UTF-8 but UTF-16.*iconv -f UTF-16"),
        (gzip.compress(b"a O\n\xff O\n"), r"x.conll:2: byte 1 of the line is not UTF-8"),
    ],
)
def test_damaged_files(tmp_path, content, message):
    path = tmp_path / "x.conll"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_rows(path, task="ner")


def test_bad_bytes_far_down(tmp_path):
    path = tmp_path / "x.conll"
    path.write_bytes(b"a O\n\n" * 50_000 + b"\xe9 O\n")
    with pytest.raises(DataError, match=r"x.conll:100001: ") as caught:
        load_rows(path, task="ner")
    assert caught.value.line == 100_001


def test_an_archive_of_several_files_is_no_single_file(tmp_path):
    _zip(tmp_path / "x.zip", "a.conll", "b.conll")
    with pytest.raises(DataError, match=r"more than one file: got \['a.conll', 'b.conll'\]"):
        list(read_lines(tmp_path / "x.zip"))


def test_wrong_bytes_before_a_torn_end(tmp_path):
    path = tmp_path / "x.conll"
    path.write_bytes(gzip.compress(b"a \xff\n" * 100_000)[:-6])
    with pytest.raises(DataError, match=r"x.conll(:1: byte 3|: damaged: neither text in UTF-8 nor a whole)"):
        load_rows(path, task="ner")
    path.write_bytes(gzip.compress(b"a \xff", mtime=0)[:-6])
    with pytest.raises(DataError, match=r"x.conll: (damaged: neither text|cannot be read)"):
        load_rows(path, task="ner")


BLANK = ["", "\n\n", "\ufeff", " \t\n"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *((name, content) for name in ("x.conll", "x.conllu", "x.jsonl", "x.csv") for content in BLANK),
        ("x.conll", "# only a comment\n\n"),
        ("x.conllu", "# sent_id = 1\n# text = a\n"),
        ("x.conll", "-DOCSTART- O\n\n"),
        ("x.csv", "sentence,word,tag\n"),
    ],
)
def test_empty_files(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.\w+: (there is nothing in it to read|there is no column of tags)"):
        load_rows(path, task="ner")


def test_missing_file_and_the_nearest_name(tmp_path):
    (tmp_path / "train.conll").write_text(TEXT)
    with pytest.raises(DataError, match=r"trian.conll: no such file. Did you mean 'train.conll'\?"):
        load_rows(tmp_path / "trian.conll", task="ner")
    with pytest.raises(DataError, match=r"no such file; its folder does not exist either"):
        load_rows(tmp_path / "nowhere" / "train.conll", task="ner")


def test_a_folder(tmp_path):
    with pytest.raises(DataError, match=r"no data files in it"):
        load_rows(tmp_path, task="ner")
    with pytest.raises(DataError, match=r"this is a folder. Accepted: a file, a glob"):
        list(read_lines(tmp_path))


def test_globs_and_lists(tmp_path):
    for name in "ba":
        (tmp_path / f"{name}.conll").write_text(f"{name} B-X\n")
    assert load_rows(f"{tmp_path}/*.conll", task="ner")["tokens"] == [["a"], ["b"]]
    assert load_rows([tmp_path / "b.conll", str(tmp_path / "a.conll")], task="ner")["tokens"] == [["b"], ["a"]]
    with pytest.raises(DataError, match=r"\*.iob: no file matches this pattern"):
        load_rows(f"{tmp_path}/*.iob", task="ner")
    with pytest.raises(DataError, match=r"a list of sources holds files or globs only"):
        load_rows([tmp_path / "a.conll", "builtin:wnut17"], task="ner")
    with pytest.raises(DataError, match=r"a list of sources holds files or globs only"):
        load_rows([], task="ner")


def test_unknown_format(tmp_path):
    with pytest.raises(
        ConfigError, match=r"unknown format: got 'conl'. Accepted: auto, conll, .*Did you mean 'conll'\?"
    ):
        load_rows(tmp_path / "x", task="ner", format="conl")


@pytest.mark.parametrize(
    ("name", "text", "task", "tags"),
    [
        ("x.conllu", "0\ta\tB-X\n1\tb\tO\n", "ner", ["B-X", "O"]),  # column files carry that name too
        ("x.txt", "1\ta\ta\tNOUN\tNN\t_\t_\t_\t_\t_\n", "pos", ["NOUN"]),
        ("x.txt", '{"tokens": ["a"], "tags": ["X"]}\n', "pos", ["X"]),
        ("x.txt", "{ PUNCT\n", "pos", ["PUNCT"]),
        ("x.txt", "> SYM\n", "pos", ["SYM"]),
        ("x.tsv", "a\tX\n", "pos", ["X"]),
    ],
)
def test_formats_are_found(tmp_path, name, text, task, tags):
    path = tmp_path / name
    path.write_text(text)
    assert load_rows(path, task=task)["tags"] == [tags]


def test_lines_end_at_line_feeds_only(tmp_path):
    path = tmp_path / "x"
    path.write_bytes("\ufeffa\u2028b\rc\x0b\nd".encode())
    assert list(read_lines(path)) == ["a\u2028b\rc\x0b\n", "d"]


@pytest.mark.parametrize("content", ["a\tO\r\rb\tO\r", "\ufeffa\tO\r\r\rb\tO"])
def test_carriage_returns_alone_end_lines(tmp_path, content):
    path = tmp_path / "x.conll.gz"
    path.write_bytes(gzip.compress(content.encode()))
    assert load_rows(path, task="ner")["tokens"] == [["a"], ["b"]]


def test_a_carriage_return_among_line_feeds_ends_no_line(tmp_path):
    path = tmp_path / "x.conll"
    path.write_bytes(b"a\rb\tO\nc\tO\n")
    assert load_rows(path, task="ner")["tokens"] == [["a\rb", "c"]]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE"), ("utf-16", "UTF-16"), ("utf-32", "UTF-32")],
)
def test_wide_encodings(tmp_path, encoding, name):
    path = tmp_path / "x.conll"
    path.write_bytes(TEXT.encode(encoding))
    with pytest.raises(DataError, match=rf"x.conll:1: not UTF-8 but {name}\. Accepted: .* iconv -f {name} -t UTF-8"):
        load_rows(path, task="ner")


def test_a_packed_line_beyond_all_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr("bilstm_tagger.data.files._LONGEST_LINE", 20)
    path = tmp_path / "x.conll.gz"
    path.write_bytes(gzip.compress(b"a O\n" + b"x" * 100))
    with pytest.raises(DataError, match=r"x.conll.gz:2: a line of 20 characters or more: got 'x+'. A record needs a"):
        load_rows(path, task="ner")
    path.write_bytes(gzip.compress(b"a O\n" + b"x" * 17 + b" O"))
    assert len(load_rows(path, task="ner")) == 1


def test_an_archive_inside_an_archive(tmp_path):
    _zip(tmp_path / "inner.zip", "x.conll")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "inner.zip", "inner.zip")
    with pytest.raises(DataError, match=r"x.zip: an archive inside an archive. Unpack the outer one first"):
        load_rows(tmp_path / "x.zip", task="ner")


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.conll")
    with pytest.raises(DataError, match=r"pipe.conll: this is neither a file nor a folder. Accepted: a file: pipes"):
        load_rows(tmp_path / "pipe.conll", task="ner")
    (tmp_path / "loop.conll").symlink_to(tmp_path / "loop.conll")
    with pytest.raises(DataError, match=r"loop.conll': cannot be read \(Too many levels of symbolic links\)"):
        load_rows(tmp_path / "loop.conll", task="ner")
    (tmp_path / "link.conll").symlink_to(tmp_path / "nowhere.conll")
    with pytest.raises(DataError, match=r"link.conll: a link that leads to no file"):
        load_rows(tmp_path / "link.conll", task="ner")
    with pytest.raises(DataError, match=r"cannot be read \(File name too long\)"):
        load_rows("x" * 5000, task="ner")
    with pytest.raises(DataError, match=r"\0: no such file"):
        load_rows("\0", task="ner")
