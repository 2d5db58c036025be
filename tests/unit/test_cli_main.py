"""The command as a whole: exit codes, messages without tracebacks, help that teaches."""

from __future__ import annotations

import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest
from cli_helpers import feed, run

import bilstm_tagger
from bilstm_tagger.errors import TaggerError


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Makes every model fail to load in this way."""

    def from_pretrained(folder: str, **where: object) -> None:
        raise error

    monkeypatch.setattr("bilstm_tagger.inference.Tagger", SimpleNamespace(from_pretrained=from_pretrained))


def test_the_version_is_the_packages(capsys) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"bilstm-tagger {bilstm_tagger.__version__}\n"


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ()])
def test_help_lists_the_commands(capsys, arguments) -> None:
    run(*arguments)
    out = "".join(capsys.readouterr())
    for command in ("train", "evaluate", "tag"):
        assert command in out


@pytest.mark.parametrize("command", ["train", "evaluate", "tag"])
def test_each_commands_help_shows_examples(capsys, monkeypatch, command) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run(command, "--help") == 0
    out = capsys.readouterr().out
    assert out.count(f"bilstm-tagger {command} ") >= 2
    # A section's name in brackets is no style of rich's.
    assert ("[data]" in out) == (command != "tag")


def test_our_errors_are_one_line_and_exit_code_2(monkeypatch, capsys) -> None:
    fail_with(monkeypatch, TaggerError("it broke", received=["[red]x"], hint="Mend it"))
    feed(monkeypatch, "a\n")
    assert run("tag", "model") == 2
    assert capsys.readouterr() == ("", "error: it broke: got ['[red]x']. Mend it.\n")


def test_the_systems_errors_are_one_line_too(monkeypatch, capsys) -> None:
    fail_with(monkeypatch, PermissionError(13, "Permission denied", "model"))
    feed(monkeypatch, "a\n")
    assert run("tag", "model") == 2
    assert capsys.readouterr().err == "error: [Errno 13] Permission denied: 'model'\n"


def test_a_defect_of_ours_keeps_its_traceback(monkeypatch) -> None:
    fail_with(monkeypatch, ZeroDivisionError("a bug"))
    feed(monkeypatch, "a\n")
    with pytest.raises(ZeroDivisionError, match="a bug"):
        run("tag", "model")


def test_an_interruption_is_one_line_and_exit_code_130(monkeypatch, capsys) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    feed(monkeypatch, "a\n")
    assert run("tag", "model") == 130
    assert capsys.readouterr() == ("", "Interrupted.\n")


def test_an_unknown_command_suggests_the_right_one(capsys) -> None:
    assert run("evalute") == 2
    assert "evaluate" in capsys.readouterr().err


def test_log_lines_reach_standard_error_during_a_command_only(monkeypatch, capsys) -> None:
    logger = logging.getLogger("bilstm_tagger.data")

    def from_pretrained(folder: str, **where: object) -> None:
        logger.info("%d tags repaired", 3)
        logger.warning("odd")
        raise TaggerError("stop")

    monkeypatch.setattr("bilstm_tagger.inference.Tagger", SimpleNamespace(from_pretrained=from_pretrained))
    feed(monkeypatch, "a\n")
    run("tag", "model")
    assert capsys.readouterr().err == "note: 3 tags repaired\nwarning: odd\nerror: stop.\n"
    logger.info("later")
    assert capsys.readouterr().err == ""


def test_a_closed_pipe_is_quiet() -> None:
    code = "import sys; from bilstm_tagger.cli import main; main(['--help'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert errors == b""


def test_the_module_is_the_command() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "bilstm_tagger", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == f"bilstm-tagger {bilstm_tagger.__version__}\n"
