"""``bilstm-tagger train --keys``: every key, with a meaning and the default that it really has."""

from __future__ import annotations

import tomllib

from cli_helpers import run

from bilstm_tagger import Config
from bilstm_tagger.cli.keys import describe_keys, keys_text


def test_every_key_has_a_meaning() -> None:
    assert [key for key, _, meaning in describe_keys() if not meaning] == []


def test_all_defaults_can_be_given_and_change_nothing() -> None:
    overrides: dict[str, dict[str, object]] = {}
    for key, default, _ in describe_keys():
        section, dot, name = key.partition(".")
        if dot and default:
            overrides.setdefault(section, {})[name] = tomllib.loads(f"value = {default}")["value"]
    assert Config.from_dict({"task": "ner", **overrides}) == Config.from_dict({"task": "ner"})


def test_no_line_is_too_wide() -> None:
    assert max(map(len, keys_text(100).splitlines())) <= 100


def test_the_command_shows_them(capsys) -> None:
    assert run("train", "--keys") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["key", "default", "meaning"]
    assert any(line.startswith("encoder.kind") and "(lstm, gru, rnn)" in line for line in lines)
