"""What the doctor says of tags, words, lengths, duplicates, and of what parts share."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Sequence
from pathlib import Path

import datasets
import pytest

from bilstm_tagger.config import Config
from bilstm_tagger.data import cache, load_rows
from bilstm_tagger.doctor import CheckReport, Finding, check, check_config
from bilstm_tagger.doctor.findings import CATALOG, MAX_EXAMPLES, MAX_REPAIRS
from bilstm_tagger.errors import ConfigError, DataError
from bilstm_tagger.schemes import Scheme, convert, spans_to_tags

Sentence = Sequence[tuple[str, str]]


def write(path: Path, *sentences: Sentence) -> Path:
    path.write_text("\n".join("".join(f"{word}\t{tag}\n" for word, tag in pairs) for pairs in sentences), "utf-8")
    return path


def words(text: str, tags: str | None = None) -> Sentence:
    tokens = text.split()
    return list(zip(tokens, tags.split() if tags else ["O"] * len(tokens), strict=True))


def found(report: CheckReport, code: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == code]


def only(report: CheckReport, code: str) -> Finding:
    (finding,) = found(report, code)
    return finding


NAMES = words("Ada Lovelace met Bob in Oslo .", "B-PER I-PER O B-PER O B-LOC O")


@pytest.mark.parametrize("scheme", [Scheme.IOB1, Scheme.IOB2, Scheme.BIOES, Scheme.BILOU, Scheme.BMES])
def test_schemes_are_found_and_well_formed_tags_are_not_complained_of(tmp_path, scheme: Scheme) -> None:
    rng = random.Random(1)
    sentences = []
    for _ in range(30):
        spans = [(rng.choice(["PER", "LOC"]), start, start + rng.randint(1, 3)) for start in range(0, 12, 3)]
        tags = spans_to_tags(rng.sample(spans, 3), 12, scheme)
        sentences.append([(f"w{position}", tag) for position, tag in enumerate(tags)])
    report = check(write(tmp_path / "x.conll", *sentences), task="ner")
    assert (report.parts[0].scheme, report.parts[0].scheme_fit) == (scheme, 1.0)
    assert not found(report, "D301")
    assert not found(report, "D303")


def test_ill_formed_tags_have_their_place_and_their_repair(tmp_path) -> None:
    path = write(tmp_path / "x.conll", NAMES, words("in Rome and Ada", "O I-LOC O B-PER"), words("Bob", "I-PER"))
    finding = only(check(path, task="ner"), "D301")
    assert (finding.severity, finding.count) == ("warning", 2)
    assert [(r.line, r.old, r.new) for r in finding.repairs] == [(10, "I-LOC", "B-LOC"), (14, "I-PER", "B-PER")]
    assert [str(place) for place in finding.places] == [f"{path}:10: I-LOC -> B-LOC", f"{path}:14: I-PER -> B-PER"]


def test_the_count_goes_on_where_the_lists_end(tmp_path) -> None:
    sentences = [NAMES] * 300 + [words("Bob", "I-PER")] * (MAX_REPAIRS + 50)
    path = write(tmp_path / "x.conll", *sentences)
    finding = only(check(path, task="ner", scheme="IOB2"), "D301")
    assert (len(finding.places), len(finding.repairs)) == (MAX_EXAMPLES, MAX_REPAIRS)
    assert finding.count == MAX_REPAIRS + 50


def test_a_scheme_that_is_asked_for_is_held_to(tmp_path) -> None:
    path = write(tmp_path / "x.conll", *[words("Bob is in Rome", "I-PER O O I-LOC")] * 3)
    assert "IOB1 would fit" in only(check(path, task="ner"), "D303").message
    report = check(path, task="ner", scheme="IOB2")
    assert only(report, "D301").count == 6
    assert not found(check(path, task="ner", scheme="IO"), "D301")


def test_parts_in_different_schemes(tmp_path) -> None:
    tags = convert([tag for _, tag in NAMES], Scheme.IOB2, Scheme.BIOES)
    dev = write(tmp_path / "dev.conll", list(zip([word for word, _ in NAMES], map(str, tags), strict=True)))
    report = check({"train": write(tmp_path / "train.conll", NAMES), "dev": dev}, task="ner")
    assert "train IOB2, dev BIOES" in only(report, "D302").message


def test_labels_rare_misspelt_and_unseen(tmp_path) -> None:
    train = write(tmp_path / "train.conll", *[words("a b c", "B-PER O B-Per")] * 12, words("d", "B-LOC"))
    dev = write(tmp_path / "dev.conll", words("x y", "O B-ORG"), words("z", "B-ORG"))
    report = check({"train": train, "dev": dev}, task="ner")
    assert "LOC 1" in only(report, "D401").message
    assert "PER (12), Per (12)" in only(report, "D403").message
    unseen = only(report, "D402")
    assert (unseen.severity, unseen.part) == ("error", "dev")
    assert [str(place) for place in unseen.places] == [f"{dev}:2: ORG: 2 in all"]
    assert report.exit_code() == 2


def test_tags_of_tokens_are_labels_too(tmp_path) -> None:
    train = write(tmp_path / "train.conll", words("a b c", "DET NOUN noun"))
    dev = write(tmp_path / "dev.conll", words("a b", "DET X"))
    report = check({"train": train, "dev": dev})
    assert (report.task, report.guessed) == ("pos", True)
    assert report.parts[0].spans is None
    assert "X (1)" in only(report, "D402").message
    assert "NOUN (1), noun (1)" in only(report, "D403").message


def test_punctuation_tags_are_not_misspelt(tmp_path) -> None:
    assert not found(check(write(tmp_path / "x.conll", words("a . , :", "NN . , :")), task="pos"), "D403")


def test_nothing_to_learn(tmp_path) -> None:
    assert "no tag but O" in only(check(write(tmp_path / "x.conll", words("a b c")), task="ner"), "D404").message


def test_tokens_without_a_tag(tmp_path) -> None:
    finding = only(check(write(tmp_path / "x.conll", words("a b c", "B-X _ _")), task="ner"), "D304")
    assert "2 of 3 tokens" in finding.message
    assert finding.places[0].line == 2


def test_spans_that_do_not_fit_the_tokens(tmp_path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "Ada slept", "spans": [{"start": 0, "end": 2, "label": "PER"}]}\n', encoding="utf-8")
    finding = only(check(path, task="ner"), "D305")
    assert (finding.count, finding.places[0].line) == (1, 1)
    assert "PER 0-2 'Ad'" in finding.places[0].text


def test_what_training_leaves_out_is_left_out_of_training_alone(tmp_path) -> None:
    rows = '{"id": "a", "tokens": ["x"], "tags": ["O"]}\n{"id": "b", "tokens": ["Ada"], "tags": ["B-PER"]}\n'
    parts = {"train": tmp_path / "train.jsonl", "dev": tmp_path / "dev.jsonl"}
    for path in parts.values():
        path.write_text(rows, encoding="utf-8")
    (tmp_path / "ids.txt").write_text("a\n", encoding="utf-8")
    report = check(parts, task="ner", exclude=str(tmp_path / "ids.txt"))
    assert [part.sequences for part in report.parts] == [1, 2]


def test_very_long_sequences_the_longest_first(tmp_path) -> None:
    long = [words(" ".join(map(str, range(length)))) for length in (3, 251, 1238, 250)]
    finding = only(check(write(tmp_path / "x.conll", *long), task="ner"), "D501")
    assert [(place.line, place.text) for place in finding.places] == [(257, "1,238 tokens"), (5, "251 tokens")]


def test_an_empty_line_after_each_token(tmp_path) -> None:
    assert (
        only(check(write(tmp_path / "x.conll", *[words(f"w{i}") for i in range(20)]), task="ner"), "D502").count == 20
    )


def test_duplicates_and_contradictions(tmp_path) -> None:
    other = words("Ada Lovelace met Bob in Oslo .", "B-PER I-PER O B-PER O O O")
    path = write(tmp_path / "x.conll", NAMES, words("Yes ."), NAMES, words("Yes ."), other)
    report = check(path, task="ner")
    duplicates = only(report, "D601")
    assert (duplicates.severity, duplicates.count) == ("warning", 3)
    assert "3 of 5 sequences (60.0%)" in duplicates.message
    assert "2 of them of 5 tokens or more" in duplicates.message
    assert {(place.line, place.text) for place in duplicates.places} == {
        (12, f"as {path}:1 (7 tokens)"),
        (23, f"as {path}:1 (7 tokens)"),
        (20, f"as {path}:9 (2 tokens)"),
    }
    contradiction = only(report, "D604")
    assert [(place.line, place.text) for place in contradiction.places] == [(23, f"tagged otherwise than {path}:1")]


def test_short_duplicates_are_a_note(tmp_path) -> None:
    assert only(check(write(tmp_path / "x.conll", *[words("Yes .")] * 2), task="ner"), "D601").severity == "note"


def test_the_same_sequence_in_two_parts(tmp_path) -> None:
    near = [(word.upper(), tag) for word, tag in words("ada lovelace , met bob ; in oslo 1923 near the sea")]
    parts = {
        "train": write(tmp_path / "train.conll", NAMES, words("Ada Lovelace met Bob in Oslo 1987 - near the sea !")),
        "dev": write(tmp_path / "dev.conll", words("one two three four five"), NAMES),
        "test": write(tmp_path / "test.conll", near, words("one two three four five")),
    }
    report = check(parts, task="ner")
    exact = {finding.part: finding for finding in found(report, "D602")}
    assert set(exact) == {"train, dev", "dev, test"}
    assert [str(place) for place in exact["train, dev"].places] == [
        f"{parts['dev']}:7: as {parts['train']}:1 (7 tokens)"
    ]
    assert "1 of 2 sequences of dev (50.0%) stand in train too" in exact["train, dev"].message
    similar = only(report, "D603")
    assert (similar.part, similar.places[0].line) == ("train, test", 1)


def test_what_training_never_saw_is_counted_as_a_model_looks_it_up(tmp_path) -> None:
    train = write(tmp_path / "train.conll", words("in 1999 Ada saw the sea", "O O B-PER O O O"))
    dev = write(tmp_path / "dev.conll", words("In 2024 SEA Ada saw Bob", "O O O B-PER O B-PER"))
    part = check({"train": train, "dev": dev}, task="ner").parts[1]
    # "In", "2024" and "SEA" are known as "in", "0000" and "sea"; "Bob" is not.
    assert part.unknown_words == pytest.approx(1 / 6)
    assert part.unseen_spans == pytest.approx(1 / 2)


def test_odd_tokens_are_counted_and_placed(tmp_path) -> None:
    path = write(tmp_path / "x.conll", words("& gt ; a &amp; b\u00adc Ã© <br> &amp;"))
    report = check(path, task="ner")
    assert only(report, "D703").count == 3
    assert [(repair.line, repair.new) for repair in only(report, "D703").repairs] == [(5, "&"), (9, "&")]
    assert only(report, "D709").places[0].line == 1
    assert [str(place) for place in only(report, "D701").places] == [f"{path}:6: b<U+00AD>c -> bc"]
    assert only(report, "D704").repairs[0].new == "é"


def test_odd_tokens_are_counted_beyond_the_lists_and_across_chunks(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("bilstm_tagger.doctor.profile._CHUNK_TOKENS", 7)
    path = write(tmp_path / "x.conll", *[words("a &amp; http://x.orghttp://y.org")] * (MAX_REPAIRS + 10))
    report = check(path, task="ner")
    assert only(report, "D703").count == only(report, "D706").count == MAX_REPAIRS + 10
    assert len(only(report, "D703").repairs) == MAX_REPAIRS
    assert len(only(report, "D706").places) == MAX_EXAMPLES


def test_swapped_columns(tmp_path) -> None:
    swapped = [[(tag, word) for word, tag in NAMES]] * 3
    finding = only(check(write(tmp_path / "x.conll", *swapped), task="pos"), "D207")
    assert finding.severity == "warning"
    closed = [[("NOUN", f"word{i}"), ("VERB", f"verb{i}")] for i in range(300)]
    assert found(check(write(tmp_path / "y.conll", *closed), task="pos"), "D207")
    assert not found(check(write(tmp_path / "z.conll", NAMES), task="ner"), "D207")


def test_words_with_a_vector(tmp_path) -> None:
    vectors = tmp_path / "v.txt"
    vectors.write_text("in 1 2\nada 1 2\n0000 1 2\nOslo 1 2\n", encoding="utf-8")
    write(tmp_path / "train.conll", words("In 1999 Ada in Oslo zzz zzz", "O O B-PER O B-LOC O O"))
    values = {"task": "ner", "data": {"train": str(tmp_path / "train.conll")}, "word": {"vectors": str(vectors)}}
    finding = only(check_config(Config.from_dict(values)), "D711")
    assert "71.4% of the tokens" in finding.message
    assert "42.9% as they stand" in finding.message
    assert (finding.severity, finding.count, finding.places[0].text) == ("warning", 2, "zzz (2)")


@pytest.mark.parametrize(("missing", "severity"), [("error", "error"), ("skip", "note")])
def test_vectors_that_are_not_there(tmp_path, missing: str, severity: str) -> None:
    write(tmp_path / "train.conll", NAMES)
    word = {"vectors": str(tmp_path / "no.txt"), "missing": missing}
    values = {"task": "ner", "data": {"train": str(tmp_path / "train.conll")}, "word": word}
    assert only(check_config(Config.from_dict(values)), "D711").severity == severity


def test_damaged_vectors_and_a_configuration_without_data_are_refused(tmp_path) -> None:
    write(tmp_path / "train.conll", NAMES)
    (tmp_path / "v.txt").write_text("a 1 2\nb 1\n", encoding="utf-8")
    data = {"train": str(tmp_path / "train.conll")}
    with pytest.raises(DataError):
        check_config(Config.from_dict({"task": "ner", "data": data, "word": {"vectors": str(tmp_path / "v.txt")}}))
    with pytest.raises(ConfigError, match="names no data"):
        check_config(Config.from_dict({"task": "ner"}))


@pytest.mark.parametrize(
    ("content", "name", "task"),
    [
        ("Ada\tB-PER\nslept\tO\n", "x.conll", "ner"),
        ("He\tB-NP\nslept\tB-VP\n", "x.conll", "chunking"),
        ("He\tPRON\nslept\tVERB\n", "x.conll", "pos"),
        ("1\tHe\t_\tPRON\t_\t_\t0\t_\t_\t_\n", "x.conllu", "pos"),
        (">a\nMKVLA\nHHHEC\n", "x.fas", "protein_ss3"),
        ("id,input,dssp8\na,MKVLA,HGTEC\n", "x.csv", "protein_ss8"),
        (">a\nMKVLA\n", "x.fasta", "protein_ss3"),
        ('{"tokens": ["Ada"], "tags": ["B-PER"]}\n', "x.jsonl", "ner"),
        ("", "x.conll", "ner"),
    ],
)
def test_the_task_is_guessed(tmp_path, content: str, name: str, task: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    report = check(tmp_path / name)
    assert (report.task, report.guessed) == (task, True)


@pytest.mark.parametrize(
    ("source", "task"),
    [("builtin:wnut17/dev", "ner"), ("builtin:ewt/dev", "pos"), ("builtin:cb6133/dev", "protein_ss8")],
)
def test_built_in_samples_are_checked(source: str, task: str) -> None:
    report = check(source)
    assert report.task == task
    assert report.count("error") == 0


def test_a_data_set_is_checked_by_rows() -> None:
    rows = datasets.Dataset.from_list(
        [{"tokens": ["a", "b"], "tags": ["O", "I-X"]}] * 2 + [{"tokens": ["c"], "tags": ["B-X"]}]
    )
    report = check(rows, task="ner", scheme="IOB2")
    assert only(report, "D301").count == 2
    assert report.parts[0].files == ()


def test_rows_that_were_checked_lie_in_the_cache(tmp_path, monkeypatch, caplog) -> None:
    path = write(tmp_path / "x.conll", NAMES, words("Bob", "I-PER"))
    with caplog.at_level(logging.WARNING, "bilstm_tagger.data"):
        check(path, task="ner")
    # The report says it, so the log does not.
    assert caplog.messages == []
    monkeypatch.setattr(cache, "keep", None)
    assert load_rows(path, task="ner")[1]["tags"] == ["B-PER"]


def test_a_cache_that_cannot_be_written_changes_nothing(tmp_path, monkeypatch) -> None:
    path = write(tmp_path / "x.conll", NAMES)
    expected = check(path, task="ner")

    def full(*_: object) -> None:
        raise OSError("no space left")

    # It fails at the end, so that the records are read twice.
    monkeypatch.setattr(cache, "keep", full)
    report = check(path, task="ner")
    assert (report.parts, report.findings) == (expected.parts, expected.findings)


def test_what_was_read_before_an_error_is_still_told(tmp_path) -> None:
    path = write(tmp_path / "x.conll", NAMES, words("Bob", "I-PER"))
    with path.open("a", encoding="utf-8") as file:
        file.write("\nlost\n")
    report = check(path, task="ner")
    assert {"D204", "D301"} <= {finding.code for finding in report.findings}


def test_the_dictionary_is_json_and_the_worst_comes_first(tmp_path) -> None:
    report = check(write(tmp_path / "x.conll", NAMES, NAMES, words("Bob", "I-PER")), task="ner")
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["warnings"] == report.count("warning") == 2
    assert [finding["code"] for finding in plain["findings"]] == ["D301", "D601", "D303", "D401"]
    assert plain["findings"][0]["repairs"][0]["new"] == "B-PER"
    assert plain["parts"][0]["labels"] == {"PER": 5, "LOC": 2}


def test_every_code_is_explained_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    for code, kind in CATALOG.items():
        assert f"| {code} | {kind.severity} | {kind.title} |" in text, code
