import logging
import os
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

from bilstm_tagger.data import cache, cache_folder, clear_cache, load_rows
from bilstm_tagger.errors import ConfigError, DataError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache folder of the test's own."""
    monkeypatch.setenv("BILSTM_TAGGER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def write(tmp_path):
    def write(text, name="x.conll"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    "tags",
    [
        "I-PER I-PER B-PER O I-LOC",
        "B-PER I-PER B-PER O B-LOC",
        "B-PER E-PER S-PER O S-LOC",
        "B-PER L-PER U-PER O U-LOC",
        "B_PER I_PER B_PER O B_LOC",
    ],
)
def test_every_scheme_becomes_iob2(write, tags, caplog):
    # A second sentence without touching spans makes IOB1 unmistakable.
    path = write("".join(f"w {tag}\n" for tag in tags.split()))
    assert load_rows(path, task="ner")["tags"] == [["B-PER", "I-PER", "B-PER", "O", "B-LOC"]]
    assert caplog.messages == []


@pytest.mark.parametrize("tags", ["I-PER I-PER O I-LOC", "PER PER O LOC"])
def test_io_with_and_without_prefixes(write, tags):
    path = write("".join(f"w {tag}\n" for tag in tags.split()))
    assert load_rows(path, task="ner")["tags"] == [["B-PER", "I-PER", "O", "B-LOC"]]
    assert load_rows(path, task="ner", scheme="IO")["tags"] == [["B-PER", "I-PER", "O", "B-LOC"]]


def test_repairs_are_said_once_with_the_first_place(write, caplog):
    path = write("a B-X\nb I-Y\n\nc O\nd I-X\n\ne B-X\nf B-X\n\n" + "g B-Y\n\n" * 3)
    for _ in range(2):  # when read, and when found in the cache
        caplog.clear()
        rows = load_rows(path, task="ner")
        assert rows["tags"][:2] == [["B-X", "B-Y"], ["O", "B-X"]]
        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert record.message == (
            f"{path}:2: I-Y follows B-X, which IOB2 does not allow; tags repaired, the spans being what conlleval "
            "reads: 2 in this source"
        )


@pytest.mark.parametrize(
    ("text", "scheme", "said"),
    [
        ("a I-X\n\nb B-X\n", "IOB2", "x.conll:1: I-X begins a sequence, which IOB2"),
        ("a S-X\nb B-X\n", "auto", "x.conll:2: B-X ends a sequence, which BIOES"),
        ("a I-X\n\nb B-X\n", "IOB1", "x.conll:3: B-X begins a sequence, which IOB1"),
    ],
)
def test_repairs_at_the_edges(write, caplog, text, scheme, said):
    load_rows(write(text), task="ner", scheme=scheme)
    assert said in caplog.text


def test_an_unknown_tag_is_nothing_to_repair(write, caplog):
    path = write('{"tokens": ["a", "b", "c"], "tags": ["B-X", null, "I-X"]}', "x.jsonl")
    assert load_rows(path, task="ner")["tags"] == [["B-X", None, "I-X"]]
    assert caplog.messages == []


def test_schemes_that_cannot_be(write):
    path = write("a PER\n")
    with pytest.raises(ConfigError, match=r"unknown tag scheme: got 'BIOX'"):
        load_rows(path, task="ner", scheme="BIOX")
    with pytest.raises(ConfigError, match=r"spans need a scheme: got 'NONE'"):
        load_rows(path, task="ner", scheme="NONE")
    with pytest.raises(DataError, match=r"x.conll:1: not a tag of IOB2: got 'PER'. Accepted: O, or a prefix"):
        load_rows(path, task="ner", scheme="IOB2")


def test_unknown_task(write):
    with pytest.raises(ConfigError, match=r"unknown task: got 'nre'"):
        load_rows(write("a O\n"), task="nre")


def test_what_is_no_source():
    with pytest.raises(DataError, match=r"this is no source: got 'int'. Accepted: a path"):
        load_rows(3, task="ner")


def test_excluded_ids_and_duplicates(write, caplog):
    caplog.set_level(logging.INFO)
    path = write("id,input,expected\na,MK,HH\nb,MKV,HHH\nc,mk,EE\nd,MKL,HHH\n", "x.csv")
    exclude = write("train_id\tidentity\nd\t0.5\n# a note\n", "exclude.tsv")
    assert load_rows(path, task="protein_ss3", exclude=str(exclude), deduplicate=True)["id"] == ["a", "b"]
    assert "x.csv: 2 rows left out" in caplog.text
    assert load_rows(path, task="protein_ss3")["id"] == ["a", "b", "c", "d"]
    with pytest.raises(DataError, match=r"none.txt: no ids in this file"):
        load_rows(path, task="protein_ss3", exclude=str(write("\n", "none.txt")))
    with pytest.raises(DataError, match=r"exclude.tvs: no such file. Did you mean 'exclude.tsv'"):
        load_rows(path, task="protein_ss3", exclude=str(path.parent / "exclude.tvs"))


def test_residues_of_more_than_one_letter(write):
    with pytest.raises(DataError, match=r"x.conll:2: a token of a protein is one residue: got 'ALA'"):
        load_rows(write("M H\nALA H\n"), task="protein_ss3")


def test_rows_are_mapped_from_the_cache(folder, write):
    path = write("a O\n")
    rows = load_rows(path, task="ner")
    [file] = folder.glob("*.arrow")
    assert [item["filename"] for item in rows.cache_files] == [str(file)]
    assert sorted(folder.iterdir()) == [file]  # nothing half-written stays
    before = file.stat().st_ino
    assert load_rows(path, task="ner")[:] == rows[:]
    assert [item.stat().st_ino for item in folder.glob("*.arrow")] == [before]


def test_another_content_or_option_is_read_anew(folder, write):
    path = write("a O B-X\n")
    assert load_rows(path, task="ner")["tags"] == [["O"]]
    assert load_rows(path, task="ner", tag_column=-1)["tags"] == [["B-X"]]
    write("a B-Y O\n")
    assert load_rows(path, task="ner")["tags"] == [["B-Y"]]
    assert len(list(folder.glob("*.arrow"))) == 3


def test_a_damaged_cache_file_is_read_anew(folder, write):
    path = write("a O\n")
    load_rows(path, task="ner")
    [file] = folder.glob("*.arrow")
    file.write_bytes(b"torn")
    assert load_rows(path, task="ner")["tokens"] == [["a"]]


def test_an_error_leaves_nothing_behind(folder, write):
    with pytest.raises(DataError):
        load_rows(write("a O\n" * 10 + "b\n"), task="ner")
    assert list(folder.iterdir()) == []


def test_without_a_writable_cache_rows_stay_in_memory(write, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("BILSTM_TAGGER_CACHE", str(write("a file, not a folder", "cache")))
    path = write("a I-X\nb O\nc I-X\n")
    rows = load_rows(path, task="ner")
    assert rows[:] == {"id": ["1"], "tokens": [["a", "b", "c"]], "tags": [["B-X", "O", "B-X"]]}
    assert rows.cache_files == []
    assert [message.split(" (")[0] for message in caplog.messages] == [
        "cannot write to the cache, so rows stay in memory"
    ]


def test_a_disk_that_fills_up(folder, write, monkeypatch, caplog):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "keep", full)
    assert load_rows(write("a O\n"), task="ner")["tokens"] == [["a"]]
    assert "No space left on device" in caplog.text
    assert list(folder.iterdir()) == []


def test_clearing_and_bounding_the_cache(folder, write, monkeypatch):
    paths = [write(f"w{i} O\n", f"{i}.conll") for i in range(3)]
    for age, path in enumerate(paths[:2]):
        before = set(folder.glob("*.arrow"))
        load_rows(path, task="ner")
        [newest] = set(folder.glob("*.arrow")) - before
        os.utime(newest, (1000 + age, 1000 + age))
    monkeypatch.setattr(cache, "MAX_BYTES", 2 * newest.stat().st_size)
    load_rows(paths[2], task="ner")
    assert sorted(int(item.stat().st_mtime) for item in folder.glob("*.arrow"))[0] == 1001  # the oldest is gone
    assert cache_folder() == folder
    (cache_folder() / "lm-0123.states").touch()  # of a language model
    assert clear_cache() == 3
    assert clear_cache() == 0


def write_to_cache():
    with cache.workspace():
        pass


@pytest.mark.parametrize("clean", [clear_cache, write_to_cache])
def test_what_killed_processes_leave_is_deleted_and_what_others_write_is_not(folder, clean):
    code = (
        "from bilstm_tagger.data import cache\n"
        "with cache.workspace() as folder:\n"
        "    (folder / 'rows.arrow').touch(); print(folder, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        written = Path(writer.stdout.readline().decode().strip()) / "rows.arrow"
        clean()
        assert written.exists()
        writer.kill()
        writer.wait()
        assert written.exists()
        clean()
        assert not written.parent.exists()


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("BILSTM_TAGGER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "bilstm-tagger"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "bilstm-tagger"


def test_rows_are_a_dataset_of_strings(write):
    rows = load_rows(write("a O\n"), task="ner")
    strings = datasets.List(datasets.Value("string"))
    assert rows.features == datasets.Features({"id": datasets.Value("string"), "tokens": strings, "tags": strings})


def test_importing_the_readers_is_cheap():
    code = "import sys, bilstm_tagger.data; print([m for m in ('datasets', 'pyarrow', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
