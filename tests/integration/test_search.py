"""A search: its trials are the runs they would be alone, and stopping it changes nothing."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bilstm_tagger import Config, ConfigError, DataError, MissingDependencyError, Tagger, TaggerError, train
from bilstm_tagger.training.output import hold_folder
from bilstm_tagger.training.search import Choices, Range, SearchResult, Space, search
from bilstm_tagger.training.search import run as search_run
from bilstm_tagger.training.seeds import SeedsResult
from tests.tiny import pos_rows, tiny_config, write_conll
from tests.unit.cli_helpers import run

pytest.importorskip("optuna", reason="the extra 'search' is not installed")

LAYERS: Space = {"encoder.hidden_size": Choices((4, 6))}
RATES: Space = {"training.learning_rate": Range(1e-3, 1e-1, log=True), "encoder.hidden_size": Range(4, 9)}


def config(folder: Path, **changes: Any) -> Config:
    train_file = write_conll(folder / "train.conll", pos_rows(12))
    dev_file = write_conll(folder / "dev.conll", pos_rows(8, seed=1))
    data = {"train": str(train_file), "dev": str(dev_file), "test": str(dev_file)}
    return tiny_config("pos", data=data, training={"epochs": 2, "learning_rate": 0.02} | changes)


def quiet(settings: Config, space: Space, trials: int, output: Path, **options: Any) -> SearchResult:
    return search(settings, space, trials=trials, output=output, progress=False, **options)


def summary(result: SearchResult) -> list[tuple[dict[str, Any], list[float]]]:
    return [(trial.values, trial.scores) for trial in result.trials]


def test_choices_are_gone_through_and_the_best_is_a_configuration(tmp_path: Path) -> None:
    settings = config(tmp_path)
    result = quiet(settings, LAYERS, 20, tmp_path / "runs", seeds=[1, 2])
    assert [trial.values["encoder.hidden_size"] for trial in result.trials] == [4, 6]
    alone = train(
        settings.model_copy(update={"seed": 2, "encoder": settings.encoder.model_copy(update={"hidden_size": 6})}),
        output=tmp_path / "alone",
        progress=False,
    )
    assert result.trials[1].scores[1] == pytest.approx(alone.best_score)
    best = result.ranked[0]
    assert best.mean == pytest.approx(max(sum(trial.scores) / 2 for trial in result.trials))
    found = Config.load(tmp_path / "runs" / "best.toml")
    assert found.encoder.hidden_size == best.values["encoder.hidden_size"]
    assert found.data == settings.data
    stored = json.loads((tmp_path / "runs" / "search.json").read_text(encoding="utf-8"))
    assert stored["best"] == best.number
    assert [trial["mean"] for trial in stored["trials"]] == [trial.mean for trial in result.trials]
    assert Tagger.from_pretrained(tmp_path / "runs" / f"trial-{best.number}" / "seed-2").config.data.test is None
    lines = result.to_text().splitlines()
    assert lines[0].split() == ["trial", "encoder.hidden_size", "dev", "accuracy", "std"]
    assert lines[1].split()[0] == str(best.number)


class KilledError(Exception):
    """Stands for a kill."""


def killed_in(monkeypatch: pytest.MonkeyPatch, *, call: int) -> None:
    """Lets the search die when it trains for the ``call``-th time."""
    real, calls = search_run.train_seeds, 0

    def train_seeds(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KilledError
        return real(*args, **options)

    monkeypatch.setattr(search_run, "train_seeds", train_seeds)


@pytest.mark.parametrize("call", [1, 4])
def test_a_killed_search_goes_on_to_the_same_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    settings = config(tmp_path)
    whole = quiet(settings, RATES, 3, tmp_path / "whole")
    with monkeypatch.context() as patch:
        killed_in(patch, call=call)
        with pytest.raises(KilledError):
            quiet(settings, RATES, 3, tmp_path / "runs")
    resumed = quiet(settings, RATES, 3, tmp_path / "runs")
    assert summary(resumed) == summary(whole)
    assert [trial.state for trial in resumed.trials] == ["finished"] * 3
    best = [(tmp_path / name / "best.toml").read_bytes() for name in ("whole", "runs")]
    assert best[0] == best[1]


def test_a_finished_search_takes_more_trials(tmp_path: Path) -> None:
    settings = config(tmp_path)
    lines: list[str] = []
    short = quiet(settings, RATES, 1, tmp_path / "runs")
    longer = quiet(settings, RATES, 2, tmp_path / "runs", announce=lines.append)
    assert summary(longer)[:1] == summary(short)
    assert len(longer.trials) == 2
    assert all(line.startswith("trial 1: ") for line in lines)


def scored_by_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains nothing: the score of a trial is the width of its encoder."""

    def train_seeds(config: Config, seeds: Sequence[int], *, output: Path, **options: Any) -> SeedsResult:
        score = config.encoder.hidden_size / 100
        return SeedsResult(output, "accuracy", list(seeds), [score for _ in seeds], [])

    monkeypatch.setattr(search_run, "train_seeds", train_seeds)


@pytest.mark.parametrize("layers", [Choices((1, 2)), Range(1, 2)])
def test_no_settings_are_tried_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layers: Choices | Range) -> None:
    scored_by_width(monkeypatch)
    space: Space = {"encoder.hidden_size": Choices(tuple(range(2, 14))), "encoder.layers": layers}
    for trials, found in ((22, 22), (23, 23), (40, 24), (40, 24)):
        result = quiet(config(tmp_path), space, trials, tmp_path / "runs")
        assert len({tuple(trial.values.items()) for trial in result.trials}) == len(result.trials) == found


def test_proposals_are_the_same_in_one_session_and_in_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored_by_width(monkeypatch)
    space: Space = {"encoder.hidden_size": Range(2, 9), "encoder.layers": Choices((1, 2, 3))}
    whole = quiet(config(tmp_path), space, 20, tmp_path / "whole")
    for trials in range(1, 21):
        result = quiet(config(tmp_path), space, trials, tmp_path / "runs")
    assert summary(result) == summary(whole)


def test_ctrl_c_stops_and_the_same_search_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config(tmp_path)
    whole = quiet(settings, RATES, 2, tmp_path / "whole")
    real = search_run.train_seeds

    def train_seeds(*args: Any, on_epoch: Callable[..., bool] | None = None, **options: Any) -> Any:
        return real(*args, on_epoch=lambda record: True, **options)

    with monkeypatch.context() as patch:
        patch.setattr(search_run, "train_seeds", train_seeds)
        stopped = quiet(settings, RATES, 2, tmp_path / "runs")
    assert stopped.interrupted
    assert [trial.state for trial in stopped.trials] == ["unfinished"]
    assert (tmp_path / "runs" / "trial-0" / "seed-1" / "checkpoints").is_dir()
    resumed = quiet(settings, RATES, 2, tmp_path / "runs")
    assert summary(resumed) == summary(whole)


def test_hopeless_trials_are_pruned(tmp_path: Path) -> None:
    settings = config(tmp_path, epochs=4)
    # Five trials that learn, and then one that cannot.
    rates = Choices((0.03, 0.031, 0.032, 0.033, 0.034, 1e-9))
    result = quiet(settings, {"training.learning_rate": rates}, 6, tmp_path / "runs", prune=True)
    assert [trial.state for trial in result.trials] == [*["finished"] * 5, "pruned"]
    assert not (tmp_path / "runs" / "trial-5" / "seed-1" / "checkpoints").exists()
    assert result.to_text().splitlines()[-1].split() == ["5", "1e-09", "pruned", "-"]
    assert len(quiet(settings, {"training.learning_rate": rates}, 6, tmp_path / "runs", prune=True).ranked) == 5


def test_a_trial_that_was_taken_up_again_is_pruned_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config(tmp_path, epochs=4)
    space: Space = {"training.learning_rate": Choices((0.03, 0.031, 0.032, 0.033, 0.034, 1e-9))}
    whole = quiet(settings, space, 6, tmp_path / "whole", prune=True)
    real, calls = search_run.train_seeds, [0]

    def train_seeds(*args: Any, on_epoch: Callable[..., bool] | None = None, **options: Any) -> Any:
        calls[0] += on_epoch is not None

        def stop_the_last(record: dict[str, Any]) -> bool:
            return calls[0] == 6 or (on_epoch is not None and on_epoch(record))

        return real(*args, on_epoch=stop_the_last, **options)

    with monkeypatch.context() as patch:
        patch.setattr(search_run, "train_seeds", train_seeds)
        stopped = quiet(settings, space, 6, tmp_path / "runs", prune=True)
    assert [trial.state for trial in stopped.trials] == [*["finished"] * 5, "unfinished"]
    resumed = quiet(settings, space, 6, tmp_path / "runs", prune=True)
    assert [trial.state for trial in resumed.trials] == [trial.state for trial in whole.trials]
    assert summary(resumed) == summary(whole)


def test_the_training_part_may_be_what_varies(tmp_path: Path) -> None:
    settings = config(tmp_path)
    files = settings.data.train, settings.data.dev
    settings = settings.model_copy(update={"data": settings.data.model_copy(update={"train": None})})
    result = quiet(settings, {"data.train": Choices(files)}, 2, tmp_path / "runs")
    assert [trial.state for trial in result.trials] == ["finished", "finished"]


def test_scores_on_other_data_are_not_ranked_together(tmp_path: Path) -> None:
    quiet(config(tmp_path), LAYERS, 1, tmp_path / "runs")
    changed = config(tmp_path)
    write_conll(tmp_path / "train.conll", pos_rows(13))
    with pytest.raises(ConfigError, match=r"holds another search: data\.train: '\w+' -> '\w+'\. Undo"):
        quiet(changed, LAYERS, 2, tmp_path / "runs")


def test_a_varied_source_that_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored_by_width(monkeypatch)
    files = [write_conll(tmp_path / f"{name}.conll", pos_rows(12, seed=seed)) for seed, name in enumerate("abc")]
    lists = [tmp_path / f"{name}.vec" for name in "de"]
    for file in lists:
        file.write_text("met 0.1 0.2\nsaw 0.3 0.4\n")
    space: Space = {"data.train": Choices(tuple(map(str, files))), "word.vectors": Choices(tuple(map(str, lists)))}
    quiet(config(tmp_path), space, 2, tmp_path / "runs")
    quiet(config(tmp_path), space, 3, tmp_path / "runs")
    kept = {file: file.read_bytes() for file in (*files, *lists)}
    for file in (files[1], files[2], lists[1]):
        file.write_bytes(kept[file] * 2)
        with pytest.raises(ConfigError, match=rf"{file}: '\w+' -> '\w+'\. Undo"):
            quiet(config(tmp_path), space, 3, tmp_path / "runs")
        file.write_bytes(kept[file])
    lists[0].write_text("met 0.5 0.6\n")
    with pytest.raises(ConfigError, match=r"holds another search: sources\.word\.vectors: '\w+' -> '\w+'\. Undo"):
        quiet(config(tmp_path), space, 3, tmp_path / "runs")


def test_a_varied_source_that_cannot_be_read_shows_before_the_first_trial(tmp_path: Path) -> None:
    settings = config(tmp_path)
    space: Space = {"data.train": Choices((str(settings.data.train), str(tmp_path / "none.conll")))}
    with pytest.raises(DataError, match=r"none\.conll: no such file"):
        quiet(settings, space, 2, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_varied_model_that_cannot_be_read_fails_alone(tmp_path: Path) -> None:
    settings = config(tmp_path, epochs=1)
    train(settings, output=tmp_path / "model", progress=False)
    lines: list[str] = []
    starts = str(tmp_path / "none"), str(tmp_path / "model")
    space: Space = {"training.start": Choices(starts)}
    result = quiet(settings, space, 2, tmp_path / "runs", announce=lines.append)
    assert [trial.state for trial in result.trials] == ["failed", "finished"]
    assert lines[1].startswith("trial 0: failed: ")
    stored = json.loads((tmp_path / "runs" / "search.json").read_text(encoding="utf-8"))["trials"]
    assert stored[0]["problem"] == lines[1].removeprefix("trial 0: failed: ")
    assert stored[1]["problem"] is None
    assert result.to_text().splitlines()[-1] == f"Trial 0 failed: {stored[0]['problem']}"
    assert quiet(settings, space, 2, tmp_path / "runs") == result


def test_an_error_of_all_trials_ends_the_search_and_what_is_finished_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored_by_width(monkeypatch)
    scored, calls = search_run.train_seeds, 0

    def train_seeds(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise DataError("the disk is gone")
        return scored(*args, **options)

    monkeypatch.setattr(search_run, "train_seeds", train_seeds)
    with pytest.raises(DataError, match="the disk is gone"):
        quiet(config(tmp_path), LAYERS, 2, tmp_path / "runs")
    stored = json.loads((tmp_path / "runs" / "search.json").read_text(encoding="utf-8"))
    assert [trial["state"] for trial in stored["trials"]] == ["finished", "unfinished"]
    assert (tmp_path / "runs" / "best.toml").exists()


def test_values_that_do_not_go_together_fail_alone(tmp_path: Path) -> None:
    lines: list[str] = []
    space: Space = {"encoder.attention": Choices((0, 7))}
    result = quiet(config(tmp_path), space, 2, tmp_path / "runs", announce=lines.append)
    assert [trial.state for trial in result.trials] == ["finished", "failed"]
    assert "trial 1: failed: 'encoder.attention' is the number of heads" in lines[-1]
    with pytest.raises(TaggerError, match=r"none of 1 trials led to a model: 'encoder.attention'"):
        quiet(config(tmp_path), {"encoder.attention": Choices((7,))}, 2, tmp_path / "none")


def test_a_missing_file_ends_the_search(tmp_path: Path) -> None:
    settings = config(tmp_path)
    (tmp_path / "train.conll").unlink()
    with pytest.raises(TaggerError, match=r"train\.conll"):
        quiet(settings, LAYERS, 2, tmp_path / "runs")


def test_another_search_in_the_folder_is_refused(tmp_path: Path) -> None:
    quiet(config(tmp_path), LAYERS, 2, tmp_path / "runs")
    with pytest.raises(ConfigError, match=r"holds another search: configuration.training.epochs: 2 -> 3.*--output"):
        quiet(config(tmp_path, epochs=3), LAYERS, 2, tmp_path / "runs")
    with pytest.raises(ConfigError, match=r"seeds: \[1\] -> \[1, 2\]"):
        quiet(config(tmp_path), LAYERS, 2, tmp_path / "runs", seeds=[1, 2])


def test_the_folder_of_a_finished_trial_may_be_removed(tmp_path: Path) -> None:
    settings = config(tmp_path, epochs=1)
    before = quiet(settings, RATES, 1, tmp_path / "runs", seeds=[1, 2])
    best = (tmp_path / "runs" / "best.toml").read_bytes()
    shutil.rmtree(tmp_path / "runs" / "trial-0")
    again = quiet(settings, RATES, 1, tmp_path / "runs", seeds=[1, 2])
    assert again == before
    assert (tmp_path / "runs" / "best.toml").read_bytes() == best
    more = quiet(settings, RATES, 2, tmp_path / "runs", seeds=[1, 2])
    assert summary(more)[:1] == summary(before)
    assert [trial.state for trial in more.trials] == ["finished"] * 2


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_a_second_search_in_the_folder_is_refused_while_the_first_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored_by_width(monkeypatch)
    settings = config(tmp_path)
    refused: list[BlockingIOError] = []

    def begin_another(line: str) -> None:
        with pytest.raises(BlockingIOError) as error:
            quiet(settings, LAYERS, 2, tmp_path / "runs")
        refused.append(error.value)
        raise KilledError

    with pytest.raises(KilledError):
        quiet(settings, LAYERS, 2, tmp_path / "runs", announce=begin_another)
    place = tmp_path / "runs"
    message = f"another process is writing into {place}. Wait for its end, or name another folder with --output."
    assert [str(error) for error in refused] == [message]
    assert [trial.state for trial in quiet(settings, LAYERS, 2, place).trials] == ["finished"] * 2


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_a_trial_whose_folder_another_writes_is_not_lost(tmp_path: Path) -> None:
    settings = config(tmp_path)
    with hold_folder(tmp_path / "runs" / "trial-0" / "seed-1"), pytest.raises(BlockingIOError, match="seed-1"):
        quiet(settings, LAYERS, 1, tmp_path / "runs")
    assert [trial.state for trial in quiet(settings, LAYERS, 1, tmp_path / "runs").trials] == ["finished"]


def test_a_lock_that_a_killed_search_left_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored_by_width(monkeypatch)
    quiet(config(tmp_path), LAYERS, 1, tmp_path / "runs")
    (tmp_path / "runs" / "study.jsonl.lock").touch()
    assert len(quiet(config(tmp_path), LAYERS, 2, tmp_path / "runs").trials) == 2


def test_a_study_that_has_no_scores_of_seeds_gives_their_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored_by_width(monkeypatch)
    before = quiet(config(tmp_path), LAYERS, 2, tmp_path / "runs", seeds=[1, 2])
    file = tmp_path / "runs" / "study.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if '"scores"' not in line), encoding="utf-8")
    again = quiet(config(tmp_path), LAYERS, 2, tmp_path / "runs", seeds=[1, 2])
    assert [trial.scores for trial in again.trials] == [[trial.mean] for trial in before.trials]


def test_a_search_has_trials_and_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="at least one trial: got 0"):
        quiet(config(tmp_path), LAYERS, 0, tmp_path / "runs")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="a search is run by one process"):
        quiet(config(tmp_path), LAYERS, 1, tmp_path / "runs")


def test_without_optuna_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingDependencyError, match=r"needs the package 'optuna'.*bilstm-tagger\[search\]"):
        quiet(config(tmp_path), LAYERS, 1, tmp_path / "runs")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config(tmp_path)
    file, space = tmp_path / "my.toml", tmp_path / "space.toml"
    file.write_text(
        'task = "pos"\n[data]\ntrain = "train.conll"\n[word]\nsize = 8\n[char]\nkind = "none"\n[training]\nepochs = 1\n'
    )
    space.write_text("[encoder]\nhidden_size = [4, 5]\n")
    arguments = ("search", file, "--space", space, "--output", tmp_path / "runs")
    assert run(*arguments, "--quiet") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].endswith(f"its configuration: {tmp_path / 'runs' / 'best.toml'}")
    assert err == ""
    assert run(*arguments, "--vary", "encoder.hidden_size=3,4") == 2
    assert "'encoder.hidden_size' is varied twice" in capsys.readouterr().err
    assert run(*arguments, "--seeds", "one") == 2
    assert "--seeds takes numbers" in capsys.readouterr().err
    assert run("train", tmp_path / "runs" / "best.toml", "--output", tmp_path / "best", "--quiet") == 0
