"""What a run writes down: a line an epoch, and the curves."""

from __future__ import annotations

import builtins
import json
from pathlib import Path

import pytest

from bilstm_tagger.training.history import History, plot_curves

RECORDS = [
    {"epoch": epoch, "loss": 1.0 / epoch, "dev_score": score, "metric": "f1"}
    for epoch, score in enumerate([0.1, 0.6, 0.5], start=1)
]


def test_a_line_is_on_the_disk_as_soon_as_its_epoch_is_over(tmp_path: Path) -> None:
    path = tmp_path / "new" / "metrics.jsonl"
    history = History(path)
    for count, record in enumerate(RECORDS, start=1):
        history.add(record)
        assert [json.loads(line) for line in path.read_text().splitlines()] == RECORDS[:count]
    assert history.records == RECORDS


def test_an_earlier_run_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    History(path).add(RECORDS[0])
    fresh = History(path)
    # A run that ends before its first epoch leaves what there was.
    assert json.loads(path.read_text()) == RECORDS[0]
    fresh.add(RECORDS[1])
    assert json.loads(path.read_text()) == RECORDS[1]


def test_curves_are_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "curves.png"
    assert plot_curves(RECORDS, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert plot_curves(RECORDS[:1], path)


def test_no_epoch_has_no_curves(tmp_path: Path) -> None:
    assert not plot_curves([], tmp_path / "curves.png")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_there_is_no_picture_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without(name: str, *args: object, **options: object) -> object:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return plain(name, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    assert not plot_curves(RECORDS, tmp_path / "curves.png")
    assert list(tmp_path.iterdir()) == []
