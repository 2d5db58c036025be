"""``scripts/benchmark.py``: its options, its arithmetic, its tables and its processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import benchmark
import pytest
from benchmarks.baseline import HandWrittenSide, to_bioes
from benchmarks.data import Sentences, load_source, windows
from benchmarks.limit import operations
from benchmarks.plot import draw
from benchmarks.process import Process, ProcessError
from benchmarks.report import report, spread, summarise, table
from benchmarks.sides import BASELINE, OURS, SIDES, Best, SideInfo, iob2, spans_of
from tiny import ner_rows, write_conll

from bilstm_tagger.errors import ConfigError
from bilstm_tagger.schemes import Scheme, convert

TAGS = ["B-A", "I-A", "I-A", "O", "B-A", "B-B", "O", "B-B", "I-B"]


def settings(*arguments: object) -> Any:
    return benchmark.read_settings(benchmark.parse([str(argument) for argument in arguments]))


def test_by_default_all_sections_are_measured_and_the_two_main_sides_come_first() -> None:
    found = settings()
    assert set(found.sections) == set(benchmark.SECTIONS)
    assert found.sides[:2] == (BASELINE, OURS)
    assert (found.epochs, found.rounds, found.repeats) == (10, 3, 5)


def test_quick_measures_less_of_all_and_options_win_over_it() -> None:
    whole, quick = settings(), settings("--quick", "--epochs", 7, "--corpus-sizes", 5, 6)
    assert quick.epochs == 7
    assert quick.corpus_sizes == (5, 6)
    assert quick.rounds < whole.rounds
    assert max(quick.lengths) < max(whole.lengths)


def test_peers_are_those_that_are_asked_for_and_installed(monkeypatch) -> None:
    monkeypatch.setitem(SIDES, "flair", SideInfo("peer_flair", needs="json"))
    monkeypatch.setitem(SIDES, "spacy", SideInfo("peer_spacy", needs="json"))
    monkeypatch.setitem(SIDES, "stanza", SideInfo("peer_stanza", needs="no_such_package"))
    assert settings("--peers", "none").sides == (BASELINE, OURS)
    assert settings("--peers", "stanza,spacy").sides == (BASELINE, OURS, "spacy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sections", "trainig"], "unknown section: got 'trainig'. Accepted: training, .* Did you mean 'training'"),
        (["--peers", "spacey"], "unknown peer: got 'spacey'. Accepted: flair, .* Did you mean 'spacy'"),
        (["--json", "no/such/folder/x.json"], "the folder does not exist: got 'no/such/folder'"),
        (["--plot", "x.gif"], "unknown kind of picture: got 'x.gif'. Accepted: .png, .svg, .pdf"),
    ],
)
def test_mistakes_are_told_before_anything_is_measured(arguments, message) -> None:
    with pytest.raises(ConfigError, match=message):
        settings(*arguments)


@pytest.mark.parametrize("option", ["--threads", "--epochs", "--rounds", "--repeats", "--limit", "--corpus-sizes"])
def test_numbers_below_one_are_refused(option, capsys) -> None:
    with pytest.raises(SystemExit):
        settings(option, 0)
    assert f"argument {option}: 0 is not at least 1" in capsys.readouterr().err


def test_a_plot_without_matplotlib_is_refused_at_once(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"--plot needs matplotlib.*bilstm-tagger\[viz\]"):
        settings("--plot", "x.png")


def test_sentences_are_written_and_read(tmp_path) -> None:
    data = Sentences([["Zoë", "\u2028"], ["a"]], [["B-A", "O"], ["O"]])
    assert Sentences.read(data.write(tmp_path / "data.jsonl")) == data
    assert data.num_tokens == 3


def test_a_corpus_grows_by_whole_sentences() -> None:
    data = Sentences([["a", "b"], ["c"]], [["O", "O"], ["O"]])
    assert data.repeated(4).tokens == [["a", "b"], ["c"], ["a", "b"]]
    assert data.repeated(4).num_tokens == 5


def test_windows_cut_running_text() -> None:
    assert list(windows([["a", "b", "c"], ["d", "e"]], 2)) == [["a", "b"], ["c", "d"]]


def test_sources_are_read_without_empty_rows_and_up_to_the_limit(tmp_path) -> None:
    file = tmp_path / "data.jsonl"
    rows = [{"tokens": [], "tags": []}, *({"tokens": [name], "tags": ["O"]} for name in "abc")]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert load_source(str(file), split="train", limit=2).tokens == [["a"], ["b"]]


def test_the_hand_written_loop_has_the_same_tags_as_we() -> None:
    bioes = to_bioes(TAGS)
    assert bioes == [str(tag) for tag in convert(TAGS, Scheme.IOB2, Scheme.BIOES)]
    assert iob2(bioes) == TAGS


def test_spans_of_well_formed_tags() -> None:
    assert spans_of(TAGS) == [(0, 3, "A"), (4, 5, "A"), (5, 6, "B"), (7, 9, "B")]


def test_the_best_epoch_is_kept() -> None:
    best = Best(Sentences([["a", "b"]], [["B-A", "B-A"]]))
    assert [best.improved([tags]) for tags in (["O", "O"], ["B-A", "O"], ["O", "O"], ["B-A", "B-A"])] == [1, 1, 0, 1]


def test_the_hand_written_loop_learns_and_is_loaded(tmp_path) -> None:
    rows = ner_rows(30)
    data = Sentences([row["tokens"] for row in rows], [row["tags"] for row in rows])
    side = HandWrittenSide()
    side.batch_size = 4
    figures = side.train(data, data, epochs=8, seed=1, folder=tmp_path)
    assert len(figures.epoch_seconds) == 8
    again = HandWrittenSide()
    again.load(tmp_path)
    best = Best(data)
    best.improved(again.tag(data.tokens, ""))
    assert best.score > 0.5


def test_operations_follow_the_formula() -> None:
    data = Sentences([["ab", "ab", "c", "d"]], [["B-A", "I-A", "O", "O"]])
    num_tags, distinct_chars = 5, 4
    expected = 16 * 100 * 250 + 4 * 100 * num_tags + 2 * 3 * 30 * 50 * distinct_chars / 4 + 2 * num_tags**2
    assert operations(data) == expected


def test_summaries_are_medians_with_their_range() -> None:
    (found,) = summarise({"row": {"figure": [4.0, 1.0, 2.0], "nothing": []}}).values()
    assert found == {"figure": {"median": 2.0, "low": 1.0, "high": 4.0, "p95": pytest.approx(3.8), "count": 3}}


def test_the_spread_is_half_the_range_of_the_repeats() -> None:
    summary = summarise({"a": {"x": [9.0, 10.0, 11.0]}, "b": {"x": [5.0, 10.0, 15.0]}, "c": {"x": [1.0]}})
    assert spread(summary, "x") == pytest.approx((0.3, 0.5))
    assert spread(summary, "y") is None


def test_tables_are_aligned_markdown() -> None:
    assert list(table(["", "n"], [["long name", "1"], ["b", "1,000"]])) == [
        "|           |     n |",
        "|-----------|------:|",
        "| long name |     1 |",
        "| b         | 1,000 |",
    ]


@pytest.fixture
def results() -> dict[str, Any]:
    tags, scored, _ = (f"{OURS}: {mode}" for mode in SIDES[OURS].modes)
    samples = {
        BASELINE: {"training tokens/s": [900.0, 1000.0], "tagging tokens/s": [2000.0], "latency ms": [2.0, 2.0]},
        tags: {"training tokens/s": [3800.0], "tagging tokens/s": [40_000.0], "latency ms": [1.0, 1.0]},
        scored: {"tagging tokens/s": [30_000.0]},
        "spacy": {"dev F1": [12.345], "tagging the same again, tokens/s": [7.0]},
    }
    return {
        "machine": {"processor": "a processor", "torch": "2.x"},
        "settings": {"threads": 2},
        "comparison": summarise(samples),
        "limit": {
            "GFLOP/s": 100.0,
            "FLOP a token, tagging": 4e5,
            "tagging tokens/s": 250_000.0,
            "training tokens/s": 83_333.0,
        },
        "crf": {"9": {"decoding": {"torchcrf ms": 4.0, "ours ms": 1.0, "ratio": 4.0}}},
        "length": {BASELINE: {"10": {"seconds": 0.0021, "memory": 0.0}, "1000": {"seconds": 12.0, "memory": 300.0}}},
        "batch": {BASELINE: {"1": {"tokens/s": 500.0}}},
        "corpus": {"reading": {"20000": {"tokens/s": 1234.0, "memory": 5.0}}},
        "problems": ["flair is not installed: pip install flair"],
    }


def test_the_report_has_ratios_to_the_hand_written_loop(results) -> None:
    lines = list(report(results))
    text = "\n".join(lines)
    first = next(line for line in lines if line.startswith(f"| {OURS}: words to tags "))
    assert [cell.strip() for cell in first.split("|")[2:-1]] == [
        "3,800",
        "4.0",
        "-",
        "40,000",
        "20.0",
        "1.00",
        "1.00",
        "2.0",
    ]
    assert "15.0" in next(line for line in lines if "spans, scores" in line)
    assert "12.3" in next(line for line in lines if line.startswith("| spacy"))
    assert "The repeats of 'training tokens/s' spread by +-5%" in text
    assert "Share of the limit, tagging: hand-written 1%; " in text
    assert "spacy: its own network" in text
    assert "0.002 s, 0 MB" in text
    assert "12.0 s, 300 MB" in text
    assert "1,234, 5 MB" in text
    assert lines[-1] == "- flair is not installed: pip install flair"


def test_sections_that_were_not_measured_are_not_in_the_report(results) -> None:
    few = {"comparison": {}, "crf": results["crf"], "problems": []}
    assert list(report(few))[2:] == [
        "| tags | decoding: torchcrf | ours |   x |",
        "|------|-------------------:|-----:|----:|",
        "| 9    |               4.00 | 1.00 | 4.0 |",
    ]


def test_the_results_are_drawn(results, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    few = {name: results[name] for name in ("machine", "settings", "length")} | {"comparison": {}}
    draw(few, tmp_path / "speed.svg")
    assert (tmp_path / "speed.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_nothing_to_draw_is_said(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(ConfigError, match="nothing was measured that can be drawn"):
        draw({"comparison": {}}, tmp_path / "x.png")


def test_a_process_answers_and_survives_errors() -> None:
    with Process("collections:UserList", environment={}) as process:
        with pytest.raises(ProcessError, match=r"AttributeError: .*no_such_method"):
            process.call("no_such_method")
        process.call("append", item="Zoë")
        assert process.call("count", item="Zoë") == 1


def test_a_process_that_ends_says_why() -> None:
    message = r"the process ended with code 1: AttributeError: .*NoSuchClass"
    with Process("collections:NoSuchClass", environment={}) as process, pytest.raises(ProcessError, match=message):
        process.call("anything")


@pytest.mark.slow
def test_all_sections_run_on_a_tiny_source(tmp_path: Path, capsys) -> None:
    source = write_conll(tmp_path / "data.conll", ner_rows(40))
    parts = [f"--{part}={source}" for part in ("train", "dev", "test")]
    few = ["--quick", "--epochs=1", "--repeats=1", "--threads=1", "--corpus-sizes", "300", "--peers=none"]
    files = [f"--json={tmp_path / 'speed.json'}", f"--plot={tmp_path / 'speed.png'}"]
    assert benchmark.main([*parts, *few, *files]) == 0
    out, _ = capsys.readouterr()
    assert "What did not work" not in out
    results = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    rows = {BASELINE, *(f"{OURS}: {mode}" for mode in SIDES[OURS].modes)}
    assert set(results["comparison"]) == rows
    assert set(results["length"]) == rows | {f"{OURS}: {mode}" for mode in SIDES[OURS].further_modes}
    assert results["corpus"]["training"]["300"]["tokens/s"] > 0
    assert results["problems"] == []
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_side_that_fails_is_a_line_and_the_others_go_on(tmp_path: Path, monkeypatch, capsys) -> None:
    # The processes do not know it.
    monkeypatch.setitem(SIDES, "nothing", SideInfo("no_such_side", needs="json", install="torch"))
    source = write_conll(tmp_path / "data.conll", ner_rows(40))
    parts = [f"--{part}={source}" for part in ("train", "dev", "test")]
    few = ["--quick", "--epochs=1", "--repeats=1", "--threads=1", "--peers=nothing", "--sections=tagging"]
    assert benchmark.main([*parts, *few]) == 0
    out, _ = capsys.readouterr()
    assert "- nothing: training: KeyError: 'nothing'" in out
    assert f"| {OURS}: words to tags" in out
