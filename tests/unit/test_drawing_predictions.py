"""Predictions from files: what tag writes is read back; everything else is refused with its line."""

import gzip
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from tiny import tiny_tagger

from bilstm_tagger.data.writers.predictions import write
from bilstm_tagger.drawing import Shown, read_predictions
from bilstm_tagger.drawing.predictions import as_chain, kind_of, pair_with_gold
from bilstm_tagger.errors import DataError, InputError
from bilstm_tagger.types import TaggedSequence


def doc(tokens, tags, *, id=None):
    offsets = [(i, i + 1) for i in range(len(tokens))]
    return TaggedSequence("".join(tokens), list(tokens), list(tags), [], [0.5] * len(tags), 1.0, offsets, id)


def saved(path, docs, format):
    stream = io.StringIO()
    write(docs, stream, format=format)
    path.write_text(stream.getvalue(), encoding="utf-8")
    return path


@pytest.mark.parametrize(("task", "text"), [("ner", "Ada met\u2028 👩‍👩‍👧 Oslo."), ("protein_ss3", "MKTAYG")])
def test_jsonl_is_read_as_it_was_written(tmp_path, task, text):
    tagged = tiny_tagger(task=task).tag(text)
    # The probabilities of all tags are not read: drawing needs none.
    wanted = replace(tagged, labels=(), probabilities=None)
    assert list(read_predictions(saved(tmp_path / "p.jsonl", [tagged, tagged], "jsonl"))) == [wanted, wanted]


def test_ss2_is_read_as_it_was_written(tmp_path):
    chains = []
    for residues, states in (("MKT", "CHE"), ("AG", "HC")):
        likely = np.array([[0.8 if state == name else 0.1 for name in "CHE"] for state in states], dtype=np.float32)
        chains.append(replace(doc(residues, states), labels=("C", "H", "E"), probabilities=likely))
    read = list(read_predictions(saved(tmp_path / "two.ss2", chains, "ss2")))
    assert [one.tokens for one in read] == [["M", "K", "T"], ["A", "G"]]
    assert [one.tags for one in read] == [["C", "H", "E"], ["H", "C"]]
    assert read[0].tag_scores == [0.8, 0.8, 0.8]
    assert [one.id for one in read] == ["two", "two 2"]
    (tmp_path / "zipped.SS2.gz").write_bytes(gzip.compress((tmp_path / "two.ss2").read_bytes()))
    assert [one.id for one in read_predictions(tmp_path / "zipped.SS2.gz")] == ["zipped", "zipped 2"]


def test_the_sample_of_psipreds_format(shared_data):
    (chain,) = read_predictions(shared_data / "protein" / "formats" / "1qys.ss2")
    assert (len(chain), chain.id, chain.tag_scores[0]) == (94, "1qys", 0.997)


GOOD = doc(["a"], ["O"]).to_dict()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"p\.jsonl:2: not valid JSON at column 1"),
        ("[]", "no tagged sequence: got"),
        ("{}", "no tagged sequence"),
        (json.dumps(GOOD | {"tags": []}), "no tagged sequence"),
        (json.dumps(GOOD | {"offsets": [[0, 9]]}), "no tagged sequence"),
        (json.dumps(GOOD | {"offsets": [[1, 0]]}), "no tagged sequence"),
        (json.dumps(GOOD | {"tag_scores": ["x"]}), "no tagged sequence"),
        (json.dumps(GOOD | {"spans": [{"text": "a"}]}), "no tagged sequence"),
        (json.dumps({"tokens": ["a"], "tags": ["O"]}), "no tagged sequence"),
    ],
)
def test_lines_that_are_no_predictions(tmp_path, line, message):
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + line + "\n")
    with pytest.raises(DataError, match=message) as caught:
        list(read_predictions(path))
    assert caught.value.line == 2


def test_a_span_outside_of_its_sentence(tmp_path):
    span = {"text": "a", "label": "X", "start": 0, "end": 1, "score": 1.0, "token_start": 0, "token_end": 2}
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(GOOD | {"spans": [span]}))
    with pytest.raises(DataError, match="no tagged sequence"):
        list(read_predictions(path))


@pytest.mark.parametrize("line", ["   1 M C   0.9  0.1", "   1 M X   0.9  0.1  0.0", "   1 M C   a  0.1  0.0", "hello"])
def test_lines_that_are_not_of_ss2(tmp_path, line):
    path = tmp_path / "x.ss2"
    path.write_text(f"# PSIPRED VFORMAT\n\n{line}\n")
    with pytest.raises(DataError, match=r"x\.ss2:3: this is no line of \.ss2"):
        list(read_predictions(path))


@pytest.mark.parametrize("name", ["e.jsonl", "e.ss2"])
def test_nothing_to_read(tmp_path, name):
    (tmp_path / name).write_text("\n")
    with pytest.raises(DataError, match="there are no predictions in it"):
        list(read_predictions(tmp_path / name))


def test_kinds():
    assert kind_of([doc("MK", "HC")]) == "residues"
    assert kind_of([doc("MK", "HC"), doc(["Ada"], ["B-PER"])]) == "tokens"
    assert kind_of([doc(["Ada", "met"], ["B-PER", "O"])]) == "spans"
    assert kind_of([doc(["Ada", "met"], ["PROPN", "VERB"])]) == "tokens"


def test_chains_have_one_spelling_of_coil():
    chain = as_chain(Shown(doc("MKTA", "L-HC"), ["P", None, "H", "_"]), 7)
    assert (chain.name, chain.states, chain.gold) == ("sequence 7", "CCHC", ["C", None, "H", "C"])
    with pytest.raises(InputError, match=r"no residue with its state: got \('Ada', 'B-PER'\)"):
        as_chain(Shown(doc(["Ada"], ["B-PER"])), 1)


def test_names_and_residues_of_chains_are_printable():
    assert as_chain(Shown(doc("M", "H", id="a\x00b\n")), 1).name == "a b"
    assert as_chain(Shown(doc("M", "H", id="\x1b")), 3).name == "sequence 3"
    with pytest.raises(InputError, match="no residue"):
        as_chain(Shown(doc("\x00", "H")), 1)


def test_gold_is_found_by_id_and_else_by_place():
    docs = [doc("MK", "HH", id="b"), doc("M", "H", id="a")]
    rows = [{"id": "a", "tags": ["C"]}, {"id": "b", "tags": ["E", "E"]}]
    assert [shown.gold for shown in pair_with_gold(docs, rows, source="g")] == [["E", "E"], ["C"]]
    nameless = [doc("M", "H"), doc("MK", "HH")]
    assert [shown.gold for shown in pair_with_gold(nameless, rows, source="g")] == [["C"], ["E", "E"]]
    same = [{"id": "a", "tags": ["C"]}, {"id": "a", "tags": ["E"]}]
    assert [shown.gold for shown in pair_with_gold([doc("M", "H", id="a")], same, source="g")] == [["C"]]


def test_gold_that_does_not_fit():
    with pytest.raises(InputError, match="g has no gold tags for 'prediction 2'"):
        list(pair_with_gold([doc("M", "H"), doc("M", "H")], [{"id": "1", "tags": ["C"]}], source="g"))
    with pytest.raises(InputError, match="'x' has 1 tokens and 2 gold tags in g"):
        list(pair_with_gold([doc("M", "H", id="x")], [{"id": "x", "tags": ["C", "C"]}], source="g"))
