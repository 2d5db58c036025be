"""Folders, archives, patterns: what a name stands for."""

import io
import lzma
import tarfile
import zipfile

import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.archives import held_open, list_members
from bilstm_tagger.data.choosing import choose_files
from bilstm_tagger.errors import DataError

FILES = {"a.conll": "a B-X\n", "b.conll": "b O\n", ".hidden": "?", "__MACOSX/a.conll": "?"}


def pack(path, files):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    mode = {".tar": "w", ".xz": "w:xz", ".gz": "w:gz", ".bz2": "w:bz2", ".tgz": "w:gz"}[path.suffix]
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content.encode())
            archive.addfile(info, io.BytesIO(content.encode()))
    return path


ARCHIVES = ["x.zip", "x.tar", "x.tar.xz", "x.tar.gz", "x.tar.bz2", "x.tgz"]


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(tmp_path, name):
    path = pack(tmp_path / name, FILES)
    assert load_rows(path, task="ner")["tokens"] == [["a"], ["b"]]
    assert load_rows(f"{path}::b.conll", task="ner")["tokens"] == [["b"]]
    assert load_rows(f"{path}::*.conll", task="ner")["tokens"] == [["a"], ["b"]]
    with pytest.raises(
        DataError, match=rf"{name}: no such file in this archive: got 'c.conll'.*Did you mean 'b.conll'"
    ):
        load_rows(f"{path}::c.conll", task="ner")


def test_members_are_packed_themselves(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.conll.xz", lzma.compress(b"a B-X\n"))
        archive.writestr("b.conll.xz", lzma.compress(b"b O\n"))
    assert load_rows(path, task="ner")["tokens"] == [["a"], ["b"]]


def test_an_archive_of_one_file_is_that_file(tmp_path):
    assert load_rows(pack(tmp_path / "x.tar.xz", {"a.conll": "a B-X\n"}), task="ner")["tokens"] == [["a"]]


def test_errors_name_the_member(tmp_path):
    path = pack(tmp_path / "x.tar.xz", {"a.conll": "a O\n", "b.conll": "a O\na O\nb\n"})
    with pytest.raises(DataError, match=r"x.tar.xz::b.conll:3: wrong number of columns"):
        load_rows(path, task="ner")


@pytest.mark.parametrize("name", ["x.zip", "x.tar.xz", "x.tar"])
def test_damaged_archives(tmp_path, name):
    path = pack(tmp_path / name, FILES)
    path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 3])
    with pytest.raises(DataError, match=rf"{name}: (cannot be read|no such file in this archive)"):
        load_rows(path, task="ner")


def test_an_archive_without_files(tmp_path):
    with pytest.raises(DataError, match=r"no such file in this archive. Accepted: an archive that holds files"):
        load_rows(pack(tmp_path / "x.zip", {}), task="ner")


def test_an_encrypted_archive(tmp_path):
    path = pack(tmp_path / "x.zip", {"a.conll": "a B-X\n", "b.conll": "b O\n"})
    data = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        data[at + flags] |= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"x.zip::a.conll: cannot be read \(.*encrypted"):
        load_rows(path, task="ner")


def test_an_archive_of_a_later_version(tmp_path):
    path = pack(tmp_path / "x.zip", FILES)
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 6] = 99
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"x.zip: cannot be read \(NotImplementedError: zip file version 9.9\)"):
        load_rows(path, task="ner")


def test_an_archive_is_unpacked_once_while_it_is_held(tmp_path, monkeypatch):
    path = pack(tmp_path / "x.tar.xz", FILES)
    calls = []
    opened = lzma.LZMAFile
    monkeypatch.setattr("bilstm_tagger.data.archives.lzma.LZMAFile", lambda raw: calls.append(raw) or opened(raw))
    with held_open(path), held_open(path):
        assert list_members(path) == list_members(path) == ["a.conll", "b.conll"]
    assert len(calls) == 1
    load_rows(path, task="ner")
    assert len(calls) == 2


def test_folders(tmp_path):
    for name in ("train.conll", "dev.conll", "test.conll"):
        (tmp_path / name).write_text(f"{name} B-X\n")
    (tmp_path / "README.md").write_text("# nothing to read\n")
    for split in ("train", "dev", "test"):
        assert load_rows(tmp_path, task="ner", split=split)["tokens"] == [[f"{split}.conll"]]
    (tmp_path / "test.conll").unlink()
    with pytest.raises(DataError, match=r"no file of the part 'test' in it: got \['dev.conll', 'train.conll'\]"):
        load_rows(tmp_path, task="ner", split="test")


def test_a_folder_of_folders_and_archives(tmp_path):
    (tmp_path / "train").mkdir()
    pack(tmp_path / "train" / "x.zip", FILES)
    assert load_rows(tmp_path, task="ner")["tokens"] == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("names", "split", "chosen"),
    [
        (["wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated", "SOURCE.txt"], "test", [2]),
        (["eng.train", "eng.testa", "eng.testb"], "dev", [1]),
        (["esp.train", "ned.train", "ned.testa"], "train", [0, 1]),
        (["devel.tsv", "train.tsv", "LICENSE"], "dev", [0]),
        (["a.ann", "a.txt", "b.ann", "b.txt", "annotation.conf"], "train", [0, 2]),
        (["dev-1.ann", "dev-1.txt", "dev-2.ann", "dev-2.txt"], "train", [0, 2]),
        (["my-test.ann", "my-test.txt", "b.ann", "b.txt"], "train", [0, 2]),
        (["train-1.ann", "dev-1.ann", "test-1.ann"], "dev", [1]),
        (["train/dev-1.ann", "train/dev-1.txt", "test/a.ann", "test/a.txt"], "train", [0]),
        (["train/seq.in", "train/seq.out", "test/seq.in", "test/seq.out"], "test", [2]),
        (["b.iob2", "a.iob2", "README", "stats.xml"], "test", [0, 1]),
        (["x.jsonl.gz", "labels.txt"], "train", [0]),
    ],
)
def test_which_files_are_the_data(names, split, chosen):
    assert choose_files(names, split, "folder") == [names[i] for i in chosen]


def test_files_of_several_formats():
    with pytest.raises(
        DataError, match=r"folder: files of several formats in it: .*Name the files, or a pattern such as"
    ):
        choose_files(["a.conll", "a.json"], "train", "folder")
    with pytest.raises(DataError, match=r"folder: no data files in it: got \['README'\]"):
        choose_files(["README"], "train", "folder")


def test_documents_of_several_files_stay_apart(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.conll").write_text("-DOCSTART- O\n\na B-X\n")
    assert load_rows(tmp_path, task="ner")["document"] == ["a.conll:1", "b.conll:1"]


def test_another_content_of_a_file_beside_is_read_anew(tmp_path):
    (tmp_path / "x.txt").write_text("a b")
    for label in ("X", "Y"):
        (tmp_path / "x.ann").write_text(f"T1\t{label} 0 1\ta\n")
        assert load_rows(tmp_path / "x.txt", task="ner")["tags"] == [[f"B-{label}", "O"]]


def test_a_member_of_what_is_no_archive(tmp_path):
    (tmp_path / "x.conll").write_text("a O\n")
    with pytest.raises(DataError, match=r"x.conll: this is no archive. Accepted: .zip, .tar"):
        load_rows(f"{tmp_path}/x.conll::y", task="ner")


def test_documents_that_begin_late_are_not_dropped_in_silence(tmp_path, caplog):
    (tmp_path / "x.conll").write_text("a O\n\n" * 50_001 + "-DOCSTART- O\n\nb O\n")
    assert len(load_rows(tmp_path / "x.conll", task="ner")) == 50_002
    [message] = caplog.messages
    assert message.endswith(
        "x.conll:100005: texts or documents that begin here, behind 50,000 tokens without them, are not kept"
    )
