"""A tagger at work: every form of input, batches, scores, saving and loading."""

from __future__ import annotations

import itertools
import json
import math
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from tiny import ner_rows, pos_rows, protein_rows, tiny_tagger

from bilstm_tagger.errors import InputError
from bilstm_tagger.inference import Tagger
from bilstm_tagger.inference.form_cache import FormCache
from bilstm_tagger.schemes import Scheme, is_legal, tag_pairs, tags_to_spans
from bilstm_tagger.types import TaggedSequence

TEXTS = [
    "Ada Lovelace met Alan in Oslo .",
    "",
    "Oslo",
    "Grace saw 42 ships; Barbara left.\r\nEdsger\tmet\x00Alan",
    "naïve cafe\u0301 👩\u200d🔬 in 東京, e\u0301\u0301 🇳🇴!",
    "a\ud800b \udfff",
    "   ",
    "x" * 300 + " " + "Ada " * 40,
]


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return tiny_tagger(seed=3)


@pytest.fixture(scope="module")
def proteins() -> Tagger:
    return tiny_tagger(task="protein_ss3", encoder={"layers": 1, "convolution": 3, "convolution_size": 4})


def check(result: TaggedSequence, tagger: Tagger) -> None:
    """What holds of every result."""
    count = len(result.tokens)
    assert len(result) == count == len(result.tags) == len(result.tag_scores) == len(result.offsets)
    assert all(0.0 <= score <= 1.0 for score in [*result.tag_scores, result.score])
    assert all(isinstance(value, float) for value in [*result.tag_scores, result.score])
    ends = [0, *itertools.chain.from_iterable(result.offsets)]
    assert ends == sorted(ends)
    for span in result.spans:
        assert span.text == result.text[span.start : span.end]
        assert (span.start, span.end) == (result.offsets[span.token_start][0], result.offsets[span.token_end - 1][1])
        assert 0.0 <= span.score <= 1.0
        assert span.label in tagger.labels
    if tagger.task.kind == "spans":
        assert all(is_legal(*pair, Scheme.IOB2) for pair in tag_pairs(result.tags))
        found = [(span.label, span.token_start, span.token_end) for span in result.spans]
        assert found == tags_to_spans(result.tags)


def same(first: TaggedSequence, second: TaggedSequence) -> None:
    """Equal but for rounding."""
    for name in ("text", "tokens", "tags", "offsets", "id", "labels"):
        assert getattr(first, name) == getattr(second, name)
    assert first.tag_scores == pytest.approx(second.tag_scores, abs=1e-4)
    assert math.isclose(first.score, second.score, rel_tol=1e-3, abs_tol=1e-4)
    for one, other in zip(first.spans, second.spans, strict=True):
        assert one.to_dict() | {"score": 0} == other.to_dict() | {"score": 0}
        assert one.score == pytest.approx(other.score, abs=1e-4)
    assert (first.probabilities is None) == (second.probabilities is None)
    if first.probabilities is not None and second.probabilities is not None:
        np.testing.assert_allclose(first.probabilities, second.probabilities, atol=1e-4)


@pytest.mark.parametrize("text", TEXTS)
def test_any_string_can_be_tagged(tagger: Tagger, text: str) -> None:
    result = tagger.tag(text)
    assert result.text == text
    assert [text[start:end] for start, end in result.offsets] == result.tokens
    check(result, tagger)


def test_nothing_gives_an_empty_result(tagger: Tagger) -> None:
    for item in ("", [], (), {"tokens": []}, {"text": ""}):
        result = tagger.tag(item)
        assert (result.tokens, result.tags, result.spans, result.tag_scores, result.score) == ([], [], [], [], 1.0)
        assert result.probabilities is None
    empty = tagger.tag("", probabilities=True).probabilities
    assert empty is not None
    assert empty.shape == (0, len(tagger.tags))
    assert tagger.tag_batch([]) == []


def test_text_words_rows_and_data_sets_give_the_same(tagger: Tagger) -> None:
    text = TEXTS[0]
    expected = tagger.tag(text)
    same(tagger.tag(text.split()), expected)
    same(tagger.tag(tuple(text.split())), expected)
    same(tagger.tag({"tokens": text.split()}), expected)
    same(tagger.tag({"text": text}), expected)
    rows = datasets.Dataset.from_list(ner_rows(5))
    for row, result in zip(rows, tagger.tag_batch(rows), strict=True):
        assert (result.id, result.tokens) == (row["id"], row["tokens"])
        same(tagger.tag(row), result)


def test_an_empty_word_is_tagged_as_files_with_it_are(tagger: Tagger) -> None:
    empty, read = (tagger.tag(["Ada", word, "Oslo"], probabilities=True) for word in ("", "\ufffd"))
    assert empty.tokens == ["Ada", "", "Oslo"]
    assert np.array_equal(empty.probabilities, read.probabilities)


def test_batches_streams_and_single_inputs_agree(tagger: Tagger) -> None:
    items: list[Any] = [*TEXTS, *(row["tokens"] for row in ner_rows(30)), ["one"], *TEXTS[::-1]]
    alone = [tagger.tag(item) for item in items]
    for batch_tokens in (1, 20, 8192):
        for one, other in zip(alone, tagger.tag_batch(items, batch_tokens=batch_tokens), strict=True):
            same(one, other)
    for chunk in (1, 7, 1024):
        for one, other in zip(alone, tagger.stream(items, chunk=chunk), strict=True):
            same(one, other)


def test_a_stream_may_be_endless(tagger: Tagger) -> None:
    taken = 0

    def endless():
        nonlocal taken
        for number in itertools.count():
            taken += 1
            yield f"Ada {number}"

    results = list(itertools.islice(tagger.stream(endless(), chunk=4), 10))
    assert [result.text for result in results] == [f"Ada {number}" for number in range(10)]
    assert taken == 12


def test_progress_counts_every_input(tagger: Tagger) -> None:
    counts: list[int] = []
    tagger.tag_batch(["Ada met Alan", "Oslo", "in Oslo"], batch_tokens=3, advance=counts.append)
    assert sum(counts) == 3
    assert len(counts) > 1


def test_a_small_cache_of_forms_changes_nothing() -> None:
    tagger = tiny_tagger(seed=3)
    items = [row["tokens"] for row in ner_rows(40)] + [[f"new{number}", "Ada"] for number in range(40)]
    expected = [tagger.tag(item) for item in items]
    for capacity in (1, 3, 10):
        tagger._engine.scorer.cache = FormCache(tagger.model.network, tagger.model.vocabulary, capacity=capacity)
        for one, other in zip(expected, tagger.tag_batch(items, batch_tokens=12), strict=True):
            same(one, other)
        assert len(tagger._engine.scorer.cache.rows) <= max(capacity, 12)


def test_threads_may_share_a_tagger() -> None:
    tagger = tiny_tagger(seed=4)
    items = [[f"w{number % 97}", "Ada", f"x{number % 31}"] for number in range(400)]
    expected = [result.tag_scores for result in tagger.tag_batch(items)]
    tagger._engine.scorer.cache = FormCache(tagger.model.network, tagger.model.vocabulary, capacity=5)
    with ThreadPoolExecutor(4) as pool:
        found = [result.tag_scores for result in pool.map(tagger.tag, items)]
    for one, other in zip(expected, found, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_a_document_of_50000_tokens_is_one_sentence() -> None:
    tagger = tiny_tagger(encoder={"hidden_size": 4})
    words = list(itertools.islice(itertools.cycle(TEXTS[0].split()), 50_000))
    result = tagger.tag(words)
    check(result, tagger)
    assert len(result) == 50_000
    # What is far away does not matter.
    start = tagger.tag(words[:1000])
    assert start.tags[:900] == result.tags[:900]
    assert start.tag_scores[:900] == pytest.approx(result.tag_scores[:900], abs=1e-4)


@pytest.mark.parametrize("scheme", ["IOB2", "BIOES", "BILOU", "IO"])
@pytest.mark.parametrize("constraints", [True, False])
def test_tags_are_iob2_whatever_the_models_scheme(scheme: str, constraints: bool) -> None:
    tagger = tiny_tagger(seed=8, crf={"scheme": scheme, "constraints": constraints})
    results = tagger.tag_batch([row["tokens"] for row in ner_rows(30, seed=9)])
    for result in results:
        check(result, tagger)
    assert any(result.spans for result in results)
    # Several tokens, so that continued spans are seen too.
    assert any(tag.startswith("I-") for result in results for tag in result.tags)
    assert tagger.labels == ["LOC", "PER"]


@pytest.mark.parametrize("scheme", ["IOB2", "BIOES", "BILOU", "IO"])
@pytest.mark.parametrize("constraints", [True, False])
def test_evaluation_scores_the_tags_that_tagging_gives(scheme: str, constraints: bool) -> None:
    tagger = tiny_tagger(seed=8, crf={"scheme": scheme, "constraints": constraints})
    rows = ner_rows(25, seed=9)
    for row, result in zip(rows, tagger.tag_batch(rows), strict=True):
        row["tags"] = result.tags
    report = tagger.evaluate(datasets.Dataset.from_list(rows))
    assert report.metric("f1") == 1.0
    assert report.to_dict()["default"]["f1"] == 1.0
    assert report.to_dict()["sequences"] == 25


def test_probabilities_are_of_all_tags_where_asked_for(tagger: Tagger) -> None:
    assert tagger.tag("Ada met Alan").probabilities is None
    result = tagger.tag("Ada met Alan", probabilities=True)
    assert result.labels == tagger.tags
    assert result.probabilities is not None
    assert result.probabilities.shape == (3, len(tagger.tags))
    assert result.probabilities.dtype == np.float32
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1.0, atol=1e-5)


def test_the_score_of_one_token_is_its_tags_probability(tagger: Tagger) -> None:
    result = tagger.tag("Oslo", probabilities=True)
    assert result.probabilities is not None
    assert result.score == pytest.approx(result.tag_scores[0], abs=1e-6)
    assert result.score == pytest.approx(float(result.probabilities.max()), abs=1e-6)


def test_parts_of_speech_have_no_spans() -> None:
    tagger = tiny_tagger(task="pos")
    result = tagger.tag(TEXTS[0])
    check(result, tagger)
    assert result.spans == []
    assert set(result.tags) <= set(tagger.labels) == {"NOUN", "PROPN", "PUNCT", "VERB"}
    rows = pos_rows(5)
    assert 0.0 <= tagger.evaluate(datasets.Dataset.from_list(rows)).metric("accuracy") <= 1.0


def test_proteins_in_any_case_and_with_white_space(proteins: Tagger) -> None:
    plain = proteins.tag("MKTAYIAKQRQISFVKSH")
    check(plain, proteins)
    assert plain.labels == ("C", "E", "H")
    assert plain.probabilities is not None
    np.testing.assert_allclose(plain.probabilities.sum(axis=1), 1.0, atol=1e-5)
    broken = proteins.tag("mktayiakq\nrqisf vksh\n")
    check(broken, proteins)
    assert (broken.tags, broken.tokens) == (plain.tags, plain.tokens)
    assert broken.text == "mktayiakq\nrqisf vksh\n"
    same(proteins.tag(list("MKTAYIAKQRQISFVKSH")), proteins.tag(list("mktayiakqrqisfvksh".upper())))


def test_spans_of_proteins_are_runs_of_helix_and_strand(proteins: Tagger) -> None:
    assert proteins.labels == ["E", "H"]
    for result in proteins.tag_batch([row["tokens"] for row in protein_rows(10, seed=4)]):
        found = [(span.label, span.token_start, span.token_end) for span in result.spans]
        assert found == [span for span in tags_to_spans(result.tags, Scheme.NONE) if span[0] != "C"]


@pytest.mark.parametrize("item", ["MKT4", "MK-T", ["M", "4"], "ATGGCCATTGTAATGGGCCGC"])
def test_what_is_no_protein_is_refused(proteins: Tagger, item: Any) -> None:
    with pytest.raises(InputError, match=r"not an amino acid|not a protein"):
        proteins.tag(item)


def test_dense_columns_reach_the_network() -> None:
    rows = [row | {"dense": [[0.1 * len(token), 1.0] for token in row["tokens"]]} for row in ner_rows(12)]
    for options in ({}, {"word": {"size": 0}, "char": {"kind": "none"}}):
        tagger = tiny_tagger(rows, **options)
        assert tagger.model.network.sizes.dense_size == 2
        results = tagger.tag_batch(rows)
        for row, result in zip(rows, results, strict=True):
            same(tagger.tag(row), result)
        other = tagger.tag(rows[0] | {"dense": [[5.0, -5.0]] * len(rows[0]["tokens"])})
        assert other.tag_scores != pytest.approx(results[0].tag_scores, abs=1e-4)
        with pytest.raises(InputError, match="input 1: the model reads 2 dense columns"):
            tagger.tag_batch([rows[0], "Ada"])
        assert tagger.tag([]).tokens == []


def test_wrong_inputs_are_named_by_their_place(tagger: Tagger) -> None:
    with pytest.raises(InputError, match=r"^this cannot be tagged: got 3\."):
        tagger.tag(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^input 2: word 1 is not a string: got 7\."):
        tagger.tag_batch(["Ada", ["met"], ["Alan", 7]])
    with pytest.raises(InputError, match=r"For several sequences use tag_batch\.$"):
        tagger.tag([["Ada", "met"], ["Alan"]])  # type: ignore[list-item]
    for one in ("Ada met Alan", {"tokens": ["Ada"]}):
        with pytest.raises(InputError, match=r"^tag_batch takes several inputs: got .*For one input use tag\.$"):
            tagger.tag_batch(one)


def test_results_are_ready_for_json(tagger: Tagger, proteins: Tagger) -> None:
    for result in (*tagger.tag_batch(TEXTS), proteins.tag("MKTAYIAK"), tagger.tag({"tokens": ["a"], "id": "x"})):
        record = json.loads(json.dumps(result.to_dict()))
        assert record["tokens"] == result.tokens
        assert record["offsets"] == [list(pair) for pair in result.offsets]
        assert [span["label"] for span in record["spans"]] == [span.label for span in result.spans]
        assert ("probabilities" in record) == (result.probabilities is not None)
        assert record.get("id") == result.id
        entities = json.loads(json.dumps(result.to_entities()))
        assert [entity["word"] for entity in entities] == [span.text for span in result.spans]
        assert all(set(e) == {"entity_group", "word", "start", "end", "score"} for e in entities)


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("ner", {"shape": {"size": 5}, "char": {"kind": "lstm"}, "crf": {"constraints": False}}),
        ("pos", {"encoder": {"kind": "gru", "layers": 2}}),
        ("protein_ss8", {"encoder": {"kind": "rnn", "convolution": 3}}),
    ],
)
def test_a_saved_model_tags_the_same(tmp_path: Path, task: str, options: dict[str, Any]) -> None:
    tagger = tiny_tagger(task=task, **options)
    tagger.save_pretrained(tmp_path)
    again = Tagger.from_pretrained(tmp_path)
    items: list[Any] = [*TEXTS, ["New", "York"]] if task != "protein_ss8" else ["mktay iak", "", "WWW", list("MKT")]
    for one, other in zip(tagger.tag_batch(items), again.tag_batch(items), strict=True):
        same(one, other)
        assert one.score == other.score
    assert (again.tags, again.labels, again.task) == (tagger.tags, tagger.labels, tagger.task)
    assert repr(again) == repr(tagger)
    assert repr(again).startswith(f"Tagger(task='{task}', labels=[")


def test_loading_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tagger: Tagger) -> None:
    tagger.save_pretrained(tmp_path / "model")

    def blocked(*args: object, **options: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", blocked)
    monkeypatch.setattr(socket, "create_connection", blocked)
    monkeypatch.setattr(socket, "getaddrinfo", blocked)
    assert Tagger.from_pretrained(tmp_path / "model").tag("Ada met Alan").tokens == ["Ada", "met", "Alan"]
    assert Tagger.from_pretrained(str(tmp_path / "model")).tag("").tokens == []


@pytest.mark.parametrize("task", ["ner", "protein_ss3"])
def test_transformers_reads_the_tokenizer(tmp_path: Path, task: str) -> None:
    from transformers import AutoTokenizer

    tagger = tiny_tagger(task=task)
    tagger.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    text = TEXTS[0] if task == "ner" else "mktAYI AK"
    encoded = tokenizer(text, return_offsets_mapping=True)
    result = tagger.tag(text)
    assert [tuple(pair) for pair in encoded["offset_mapping"]] == result.offsets
    words = tagger.model.vocabulary.words
    assert encoded["input_ids"] == [words.get(token, words["<unk>"]) for token in result.tokens]
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id) == (0, 1)


def test_languages_without_spaces_are_cut_into_characters(tmp_path: Path) -> None:
    rows = [{"id": "1", "tokens": list("東京に行く"), "tags": ["B-LOC", "I-LOC", "O", "O", "O"]}]
    tagger = tiny_tagger(rows)
    assert tagger.model.tokenizer == "characters"
    assert tagger.tag("東京へ").tokens == ["東", "京", "へ"]
    tagger.save_pretrained(tmp_path)
    assert Tagger.from_pretrained(tmp_path).tag("東京へ").tokens == ["東", "京", "へ"]
    chosen = tiny_tagger(rows, data={"tokenizer": "whitespace"})
    assert chosen.tag("東京 へ.").tokens == ["東京", "へ."]


def test_words_that_only_the_vectors_know_are_used(tmp_path: Path) -> None:
    vectors = tmp_path / "toy.txt"
    vectors.write_text("ada 1 0 0\nreykjavik 0 9 -9\noslo 0 1 0\n", encoding="utf-8")
    options: dict[str, Any] = {"word": {"vectors": str(vectors)}, "char": {"kind": "none"}}
    tagger = tiny_tagger(**options)
    vocabulary, network = tagger.model.vocabulary, tagger.model.network
    assert "reykjavik" not in {token for row in ner_rows(20) for token in row["tokens"]}
    assert vocabulary.words["reykjavik"] >= vocabulary.trained_words
    assert network.sizes.word_size == 3
    known, unknown = tagger.tag("Ada met Reykjavik"), tagger.tag("Ada met Zzyzx")
    assert known.tag_scores != pytest.approx(unknown.tag_scores, abs=1e-3)
    without = tiny_tagger(**{**options, "word": {"vectors": str(vectors), "keep": 0}})
    assert without.tag("Ada met Reykjavik").tag_scores == pytest.approx(without.tag("Ada met Zzyzx").tag_scores)
    # A loaded model does not need the file any more.
    vectors.unlink()
    tagger.save_pretrained(tmp_path / "model")
    same(Tagger.from_pretrained(tmp_path / "model").tag("Ada met Reykjavik"), known)
