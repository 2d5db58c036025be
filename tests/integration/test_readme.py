"""What the README tells a newcomer to type works."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bilstm_tagger import Config
from bilstm_tagger.tasks import task_names

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_configuration_in_the_readme_is_valid() -> None:
    (text,) = blocks("toml")
    config = Config.from_dict(tomllib.loads(text))
    assert config.data.train == "train.conll"


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda path: path.stem)
def test_each_configuration_is_valid_and_says_its_command(path: Path) -> None:
    Config.load(path)
    header = path.read_text(encoding="utf-8").split("task =")[0]
    assert f"bilstm-tagger train configs/{path.name}" in header


def test_files_that_the_readme_links_exist() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_all_tasks_are_in_the_table() -> None:
    assert [name for name in task_names() if f"`{name}`" not in README] == []


def test_no_figure_is_left_open() -> None:
    assert "@@" not in README
