"""Models of the hub: the tagger asks the hub's own client, which is replaced here, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import huggingface_hub
import pytest
from tiny import tiny_tagger

from bilstm_tagger.errors import ModelError
from bilstm_tagger.inference import Tagger


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class FakeDownload:
    """Stands for ``huggingface_hub.snapshot_download``."""

    def __init__(self, answer: Path | Exception) -> None:
        self.answer = answer
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, repository: str, **options: Any) -> str:
        self.calls.append((repository, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return str(self.answer)


def test_a_hub_id_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tagger = tiny_tagger()
    tagger.save_pretrained(tmp_path / "snapshot")
    download = FakeDownload(tmp_path / "snapshot")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    again = Tagger.from_pretrained("owner/some-model.v2")
    assert again.tag("Ada met Alan").tags == tagger.tag("Ada met Alan").tags
    ((repository, options),) = download.calls
    assert repository == "owner/some-model.v2"
    # Nothing that could run code is fetched.
    assert options["allow_patterns"] == ["*.json", "*.safetensors", "*.md"]


@pytest.mark.parametrize("error", [OSError("no route to host"), ValueError("401 Unauthorized\nRequest ID: 7")])
def test_a_failed_download_is_a_model_error(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", FakeDownload(error))
    with pytest.raises(ModelError) as caught:
        Tagger.from_pretrained("owner/nothing")
    text = str(caught.value)
    assert text.startswith("no folder 'owner/nothing', and no model of that name on the hub: " + type(error).__name__)
    assert "Accepted: a model folder, a bundled model (" in text
    assert "or a hub id owner/name." in text
    assert "\n" not in text
    assert caught.value.__suppress_context__


def test_a_download_that_is_no_model_is_a_model_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "snapshot").mkdir()
    monkeypatch.setattr(huggingface_hub, "snapshot_download", FakeDownload(tmp_path / "snapshot"))
    with pytest.raises(ModelError, match=r"is not a complete model folder: config\.json, "):
        Tagger.from_pretrained("owner/transformer")


@pytest.mark.parametrize("name", ["nothing", "./owner/name", "a/b/c", "runs/nmaes"])
def test_what_can_only_be_a_folder_is_never_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "runs").mkdir()
    download = FakeDownload(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(ModelError, match="no such model folder"):
        Tagger.from_pretrained(name)
    assert download.calls == []


def test_a_folder_comes_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_tagger().save_pretrained(tmp_path / "owner" / "name")
    download = FakeDownload(OSError("no network"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert Tagger.from_pretrained("owner/name").tag("Ada").tokens == ["Ada"]
    assert download.calls == []


class FakeApi:
    """Stands for ``huggingface_hub.HfApi``."""

    made: ClassVar[list[FakeApi]] = []

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self.created: list[tuple[str, dict[str, Any]]] = []
        self.uploaded: dict[str, bytes] = {}
        FakeApi.made.append(self)

    def create_repo(self, repository: str, **options: Any) -> None:
        self.created.append((repository, options))

    def upload_folder(self, *, repo_id: str, folder_path: str) -> str:
        self.uploaded = {file.name: file.read_bytes() for file in Path(folder_path).iterdir()}
        return f"https://hub/{repo_id}/commit/1"


def test_a_pushed_model_is_a_whole_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeApi, "made", [])
    monkeypatch.setattr(huggingface_hub, "HfApi", FakeApi)
    tagger = tiny_tagger()
    assert tagger.push_to_hub("owner/name", private=True, token="secret") == "https://hub/owner/name/commit/1"
    (api,) = FakeApi.made
    assert api.token == "secret"
    assert api.created == [("owner/name", {"private": True, "exist_ok": True})]
    folder = tmp_path / "received"
    folder.mkdir()
    for name, content in api.uploaded.items():
        assert b"secret" not in content
        (folder / name).write_bytes(content)
    assert Tagger.from_pretrained(folder).tag("Ada met Alan") == tagger.tag("Ada met Alan")
