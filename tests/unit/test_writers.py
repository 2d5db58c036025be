import io
import json

import numpy as np
import pytest

from bilstm_tagger import __version__
from bilstm_tagger.data.writers.predictions import OUTPUT_FORMATS, write, write_folder
from bilstm_tagger.errors import ConfigError, DataError, InputError
from bilstm_tagger.schemes import tags_to_spans
from bilstm_tagger.tasks import get_task, task_names
from bilstm_tagger.types import Span, TaggedSequence


def sentence(tokens, tags, *, text=None, id=None, score=0.5):
    """A tagged sentence as a tagger gives it, the words joined by blanks."""
    text = " ".join(tokens) if text is None else text
    offsets, position = [], 0
    for token in tokens:
        start = text.index(token, position)
        position = start + len(token)
        offsets.append((start, position))
    spans = []
    for label, first, last in tags_to_spans(tags) if all(tag[0] in "BIO" for tag in tags) else []:
        start, end = offsets[first][0], offsets[last - 1][1]
        spans.append(Span(text[start:end], label, start, end, score, first, last))
    return TaggedSequence(text, tokens, tags, spans, [score] * len(tokens), score, offsets, id=id)


def protein(sequence, states, *, probabilities=None, labels=("C", "E", "H"), id=None):
    if probabilities is None:
        probabilities = [[0.8 if label == state else 0.2 / (len(labels) - 1) for label in labels] for state in states]
    columns = np.array(probabilities, dtype=np.float32).reshape(len(sequence), len(labels))
    return TaggedSequence(
        text=sequence,
        tokens=list(sequence),
        tags=list(states),
        spans=[],
        tag_scores=[0.8] * len(sequence),
        score=0.1,
        offsets=[(i, i + 1) for i in range(len(sequence))],
        id=id,
        labels=labels,
        probabilities=columns,
    )


def written(docs, **options):
    stream = io.StringIO()
    count = write(iter(docs), stream, **options)
    assert count == len(docs)
    return stream.getvalue()


MERKEL = sentence(["Angela", "Merkel", "visited", "Oslo", "."], ["B-PER", "I-PER", "O", "B-LOC", "O"], score=0.9876)
EMPTY = TaggedSequence("", [], [], [], [], 1.0, [])


def test_every_task_has_its_formats():
    for name in task_names():
        assert set(get_task(name).outputs) <= set(OUTPUT_FORMATS)
    assert [item.suffix for item in OUTPUT_FORMATS.values()] == [
        ".conll", ".jsonl", ".txt", ".fasta", ".csv", ".ss2", ".horiz",
    ]  # fmt: skip


def test_conll():
    text = written([MERKEL, EMPTY, sentence(["Hi"], ["O"])], format="conll", task="ner")
    assert text == "Angela\tB-PER\nMerkel\tI-PER\nvisited\tO\nOslo\tB-LOC\n.\tO\n\n\nHi\tO\n\n"


@pytest.mark.parametrize(
    "token", ["a b", "a\tb", "a\nb", "a\u00a0b", "a\u2028b", "a\x85b", "a\r\nb", "a\x1bb", "a\u3000b", "a\x00b"]
)
def test_conll_keeps_to_two_columns(token):
    assert written([sentence([token, "c"], ["O", "O"])]) == "a_b\tO\nc\tO\n\n"


def test_conll_writes_something_for_a_token_of_nothing():
    assert written([TaggedSequence("", [""], ["O"], [], [1.0], 1.0, [(0, 0)])]) == "_\tO\n\n"


def test_jsonl_holds_everything():
    lines = written([MERKEL, EMPTY], format="jsonl", task="ner").splitlines()
    assert [json.loads(line) for line in lines] == [MERKEL.to_dict(), EMPTY.to_dict()]


def test_jsonl_is_one_line_each_and_encodes():
    doc = sentence(["日本", "a\nb\u2028c\x85d\r"], ["B-LOC", "O"], text="日本 a\nb\u2028c\x85d\r")
    torn = sentence(["\ud83d"], ["O"])
    text = written([doc, torn], format="jsonl")
    assert len(text.splitlines()) == 2
    assert "日本" in text
    assert [json.loads(line)["text"] for line in text.encode().splitlines()] == [doc.text, "\ud83d"]


def test_table_of_spans():
    text = written([MERKEL, sentence(["Hi"], ["O"]), EMPTY], format="table", task="ner")
    assert text == (
        "Angela Merkel visited Oslo .\n"
        "  PER   0-13  0.988  Angela Merkel\n"
        "  LOC  22-26  0.988  Oslo\n"
        "\n"
        "Hi\n"
        "  no spans\n"
        "\n"
        "\n"
        "  no spans\n"
        "\n"
    )


def test_table_of_tags():
    doc = sentence(["Tokyo", "東京", "e\u0301"], ["PROPN", "PROPN", "X"])
    assert written([doc], format="table", task="pos") == (
        "Tokyo  PROPN  0.500\n東京   PROPN  0.500\ne\u0301      X      0.500\n\n"
    )
    assert written([EMPTY], format="table", task="pos") == "\n"


def test_table_cannot_move_the_cursor():
    text = written([sentence(["a\x1b[2J\nb"], ["B-X"])], format="table", task="ner")
    assert text == "a [2J b\n  X  0-7  0.500  a [2J b\n\n"


def test_table_of_residues():
    doc = protein("M" * 62, "C" * 62, id="long")
    assert written([doc], format="table", task="protein_ss3") == (
        ">long  62 residues\n"
        "        10        20        30        40        50        60\n"
        f"{'M' * 60}\n{'C' * 60}\n\n\nMM\nCC\n\n"
    )
    assert written([protein("", "")], format="table", task="protein_ss3") == ">sequence_1  0 residues\n\n"


def test_fasta():
    docs = [protein("MKT", "CHE", id="1abc A chain"), protein("AC", "BG"), protein("", "", id="none")]
    text = written(docs, format="fasta", task="protein_ss8")
    assert text == ">1abc A chain\nMKT\nCHE\n>sequence_2\nAC\nBG\n>none\n\n\n"


@pytest.mark.parametrize("name", ["a\n>b", "a\r>b", "a\x85>b", "a\u2029>b", "a\x00\x1b>b"])
def test_ids_stay_on_their_line(name):
    assert written([protein("M", "C", id=name)], format="fasta") == ">a >b\nM\nC\n"
    assert written([protein("M", "C", id=name)], format="table", task="protein_ss3").startswith(">a >b  1 residues\n")
    assert written([protein("M", "C", id="\n\t")], format="fasta") == ">sequence_1\nM\nC\n"


def test_ss2():
    doc = protein("MKT", "CHE", labels=("C", "E", "H"), probabilities=[[1, 0, 0], [0.1, 0.2, 0.7], [0.25, 0.5, 0.25]])
    assert written([doc], format="ss2", task="protein_ss3") == (
        f"# PSIPRED VFORMAT (bilstm-tagger V{__version__})\n"
        "\n"
        "   1 M C   1.000  0.000  0.000\n"
        "   2 K H   0.100  0.700  0.200\n"
        "   3 T E   0.250  0.250  0.500\n"
    )


def test_ss2_of_eight_states_sums_them():
    labels = ("B", "C", "E", "G", "H", "I", "S", "T")
    row = [0.05, 0.1, 0.25, 0.2, 0.15, 0.05, 0.15, 0.05]
    doc = protein("MK", "GT", labels=labels, probabilities=[row, row])
    lines = written([doc], format="ss2", task="protein_ss8").splitlines()
    assert lines[2:] == ["   1 M H   0.300  0.400  0.300", "   2 K C   0.300  0.400  0.300"]


def test_several_chains_follow_one_another():
    header = f"# PSIPRED VFORMAT (bilstm-tagger V{__version__})"
    lines = written([protein("M", "C"), protein("", ""), protein("K", "H")], format="ss2").splitlines()
    assert [index for index, line in enumerate(lines) if line == header] == [0, 3, 5]


def test_csv_has_every_probability():
    docs = [
        protein("MK", "CH", id='a,"b"', probabilities=[[0.5, 0.25, 0.25], [0, 1, 0]]),
        protein("T", "E", id="=1+1", probabilities=[[0, 0, 1]]),
    ]
    assert written(docs, format="csv", task="protein_ss3") == (
        "id,position,residue,state,probability,p_C,p_E,p_H\n"
        '"a,""b""",1,M,C,0.800000,0.500000,0.250000,0.250000\n'
        '"a,""b""",2,K,H,0.800000,0.000000,1.000000,0.000000\n'
        "'=1+1,1,T,E,0.800000,0.000000,0.000000,1.000000\n"
    )


def test_csv_of_eight_states_has_the_sums_of_three():
    labels = ("B", "C", "E", "G", "H", "I", "S", "T")
    doc = protein("M", "G", labels=labels, probabilities=[[0.05, 0.1, 0.25, 0.2, 0.15, 0.05, 0.15, 0.05]])
    heading, row = written([doc], format="csv", task="protein_ss8").splitlines()
    assert heading.endswith(",p_B,p_C,p_E,p_G,p_H,p_I,p_S,p_T,p3_C,p3_H,p3_E")
    assert row.endswith(",0.300000,0.400000,0.300000")


def test_csv_files_have_a_heading_each(tmp_path):
    docs = [protein("M", "C"), protein("K", "H")]
    for path in write_folder(docs, tmp_path, format="csv"):
        assert len(path.read_text().splitlines()) == 2
    assert len(written(docs, format="csv").splitlines()) == 3


def test_horiz():
    best = [1.0, 0.95, 0.9, 0.89, 0.5, 0.34] * 11  # 66 residues
    doc = protein("MKTAYC" * 11, "C" * 66, probabilities=[[p, (1 - p) / 2, (1 - p) / 2] for p in best])
    assert written([doc], format="horiz", task="protein_ss3") == (
        f"# PSIPRED HFORMAT (bilstm-tagger V{__version__})\n"
        "\n"
        f"Conf: {'999853' * 10}\n"
        f"Pred: {'C' * 60}\n"
        f"  AA: {'MKTAYC' * 10}\n"
        "              10        20        30        40        50        60\n"
        "\n"
        "\n"
        "Conf: 999853\n"
        "Pred: CCCCCC\n"
        "  AA: MKTAYC\n"
        "      \n"
        "\n"
    )
    assert written([protein("", "")], format="horiz") == f"# PSIPRED HFORMAT (bilstm-tagger V{__version__})\n\n"


def test_psipred_samples_byte_for_byte(shared_data):
    """Read S4PRED's sample, write it, and get its bytes but for the header's program name."""
    folder = shared_data / "protein" / "formats"
    ss2, horiz = (folder / "1qys.ss2").read_text(), (folder / "1qys.horiz").read_text()
    rows = [line.split() for line in ss2.splitlines()[2:]]
    doc = protein(
        "".join(row[1] for row in rows),
        "".join(row[2] for row in rows),
        labels=("C", "H", "E"),
        probabilities=[[float(value) for value in row[3:]] for row in rows],
    )
    assert len(doc) == 94
    assert written([doc], format="ss2").partition("\n")[2] == ss2.partition("\n")[2]
    assert written([doc], format="horiz").partition("\n")[2] == horiz.partition("\n")[2]


def test_folder_has_one_file_a_chain(tmp_path):
    docs = [
        protein("M", "C", id="1abc A"),
        protein("K", "H", id="1ABC_a"),
        protein("T", "E"),
        protein("A", "E", id="../.."),
        protein("C", "E", id="x" * 300),
    ]
    paths = write_folder(iter(docs), tmp_path / "new" / "folder", format="ss2", task="protein_ss3")
    assert [path.name for path in paths] == [
        "1abc_A.ss2", "1ABC_a-2.ss2", "sequence_3.ss2", "sequence_4.ss2", "x" * 100 + ".ss2",
    ]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(p.name for p in paths)
    for path, doc in zip(paths, docs, strict=True):
        assert path.read_bytes().decode() == written([doc], format="ss2")
    again = write_folder(docs, tmp_path / "new" / "folder", format="ss2")
    assert again == paths


def test_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file.*sequence_1\.conll: cannot be written"):
        write_folder([MERKEL], tmp_path / "file", format="conll")
    (tmp_path / "sequence_1.conll").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        write_folder([MERKEL], tmp_path, format="conll")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "sequence_1.conll"]


def test_unknown_formats():
    with pytest.raises(ConfigError, match=r"no such output format: got 'conl'.*Accepted: conll.*Did you mean 'conll'"):
        write([], io.StringIO(), format="conl")
    with pytest.raises(ConfigError, match=r"for the task 'ner': got 'ss2'\. Accepted: conll, jsonl, table"):
        write([], io.StringIO(), format="ss2", task="ner")
    with pytest.raises(ConfigError, match="unknown task"):
        write([], io.StringIO(), task="nerr")


@pytest.mark.parametrize("name", ["fasta", "ss2", "horiz"])
def test_protein_formats_need_letters(name):
    with pytest.raises(InputError, match=rf"'{name}' writes one letter.*got \('Angela', 'B-PER'\)"):
        written([MERKEL], format=name)
    with pytest.raises(InputError, match="one letter"):
        written([protein("M\n", "CC")], format=name)


@pytest.mark.parametrize("name", ["ss2", "horiz"])
def test_psipred_formats_need_probabilities(name):
    doc = protein("MK", "CH")
    bare = TaggedSequence(doc.text, doc.tokens, doc.tags, [], doc.tag_scores, 0.1, doc.offsets)
    with pytest.raises(InputError, match=rf"'{name}' needs the probabilities of all states"):
        written([bare], format=name)
    short = TaggedSequence(
        doc.text, doc.tokens, doc.tags, [], [0.1] * 2, 0.1, doc.offsets, labels=("C",), probabilities=doc.probabilities
    )
    with pytest.raises(InputError, match=r"do not fit the sequence: got \(2, 3\)\. Accepted: \(2, 1\)"):
        written([short], format=name)
    with pytest.raises(InputError, match="not a state of protein secondary structure: got 'Z'"):
        written([protein("MK", "CZ")], format=name)


def test_writing_streams():
    """Each sequence is written before the next one is asked for."""
    stream, seen = io.StringIO(), []

    def docs():
        for _ in range(3):
            seen.append(stream.tell())
            yield MERKEL

    assert write(docs(), stream, format="conll") == 3
    assert seen[0] == 0
    assert seen[1] > 0
    assert seen[2] == 2 * seen[1]
    assert write([], io.StringIO()) == 0
