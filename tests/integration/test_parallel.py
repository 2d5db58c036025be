"""Tagging on several threads and in several processes gives what one gives."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from bilstm_tagger import ConfigError, Tagger, TaggerError
from tests.tiny import tiny_tagger

WORDS = ["Angela", "Merkel", "visited", "Oslo", ",", "a", "city", "of", "30", "churches", "in", "München", "today"]


def sentences(number: int) -> list[list[str]]:
    rng = np.random.default_rng(0)
    return [[WORDS[index] for index in rng.integers(0, len(WORDS), rng.integers(0, 12))] for _ in range(number)]


@pytest.fixture
def four_threads():
    """Torch with four threads, whatever the machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(threads)


def test_the_number_of_threads_changes_no_bit(four_threads: None) -> None:
    model = tiny_tagger().model
    items = sentences(60)
    one, three, all_of_them = (
        Tagger(model, threads=threads).tag_batch(items, batch_tokens=32, probabilities=True) for threads in (1, 3, 0)
    )
    assert one == three == all_of_them
    assert all(np.array_equal(a.probabilities, b.probabilities) for a, b in zip(one, three, strict=True))
    assert torch.get_num_threads() == 4


def test_tag_words_gives_the_tags_of_tag_batch() -> None:
    tagger = tiny_tagger()
    items = [[], *sentences(40), ["Oslo"]]
    assert tagger.tag_words(items, batch_tokens=40) == [doc.tags for doc in tagger.tag_batch(items)]
    assert tagger.tag_words([]) == []


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ("Angela Merkel", "tag_words takes several lists of words"),
        (["Angela Merkel"], "sentence 0 is no list of words"),
        ([["Angela"], 7], "sentence 1 is no list of words"),
        ([["Angela", None]], "word 1 is not a string"),
    ],
)
def test_tag_words_refuses_what_is_no_list_of_words(items: object, problem: str) -> None:
    with pytest.raises(TaggerError, match=problem):
        tiny_tagger().tag_words(items)  # type: ignore[arg-type]


def test_several_processes_give_the_same_in_order() -> None:
    tagger = tiny_tagger()
    items = sentences(50)
    tagged = list(tagger.stream(iter(items), chunk=7, processes=2))
    assert tagged == list(tagger.stream(items, chunk=7))
    assert all(parameter.is_shared() for parameter in tagger.model.network.parameters())


@pytest.mark.slow  # each process imports torch
def test_several_processes_read_a_bounded_number_ahead() -> None:
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield ["Oslo"]

    stream = tiny_tagger().stream(endless(), chunk=3, processes=2)
    for _ in range(5):
        next(stream)
    stream.close()
    assert taken <= 3 * 6


@pytest.mark.slow  # each process imports torch
def test_a_mistake_in_the_input_comes_back_from_the_process() -> None:
    with pytest.raises(TaggerError, match="input 1: word 0 is not a string"):
        list(tiny_tagger().stream([["Oslo"], [7]], processes=2))


@pytest.mark.slow  # each process imports torch
def test_a_killed_process_is_reported() -> None:
    def items():
        while True:
            for process in multiprocessing.active_children():
                os.kill(process.pid, signal.SIGKILL)
            yield ["Oslo"]

    with pytest.raises(TaggerError, match="a process ended before its work was done"):
        list(tiny_tagger().stream(items(), chunk=1, processes=2))


def test_a_process_that_cannot_be_started_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError("handle is closed")

    monkeypatch.setattr(concurrent.futures.ProcessPoolExecutor, "submit", refuse)
    with pytest.raises(TaggerError, match="a process ended before its work was done"):
        list(tiny_tagger().stream([["Oslo"]], processes=2))


def test_several_processes_need_a_cpu() -> None:
    tagger = tiny_tagger()
    tagger.model.network.projection.to("meta")
    with pytest.raises(ConfigError, match="several processes tag on a CPU only"):
        list(tagger.stream([["Oslo"]], processes=2))


def test_a_tagger_can_be_sent_to_another_process() -> None:
    tagger = tiny_tagger()
    copy = pickle.loads(pickle.dumps(tagger))
    assert copy.tag("Angela Merkel visited Oslo.") == tagger.tag("Angela Merkel visited Oslo.")


@pytest.mark.slow  # each process imports torch
@pytest.mark.parametrize("words", [10, 50_000])
def test_a_script_without_a_guard_ends_and_is_told(tmp_path: Path, words: int) -> None:
    # More of a vocabulary than fits into a pipe: whoever writes it there waits for a reader.
    rows = [{"id": "0", "tokens": [f"w{index}" for index in range(words)], "tags": ["O"] * words}]
    tiny_tagger([*rows, {"id": "1", "tokens": ["Ada"], "tags": ["B-PER"]}]).save_pretrained(tmp_path / "model")
    script = tmp_path / "script.py"
    script.write_text(
        "from bilstm_tagger import Tagger\n"
        f"print(len(list(Tagger.from_pretrained({str(tmp_path / 'model')!r}).stream([['a']] * 20, processes=2))))\n"
    )
    command = [sys.executable, str(script)]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert 'in a script, call it under if __name__ == "__main__"' in done.stderr
