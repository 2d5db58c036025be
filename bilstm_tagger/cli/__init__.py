"""The command ``bilstm-tagger``: one module a subcommand, all of them thin over the public API.

Exit codes: 0 done; 2 a mistake that the message explains, with nothing half-written; 130 interrupted.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from bilstm_tagger.cli.benchmark import HELP as BENCHMARK_HELP
from bilstm_tagger.cli.benchmark import benchmark
from bilstm_tagger.cli.check import HELP as CHECK_HELP
from bilstm_tagger.cli.check import check
from bilstm_tagger.cli.convert import HELP as CONVERT_HELP
from bilstm_tagger.cli.convert import convert
from bilstm_tagger.cli.ensemble import HELP as ENSEMBLE_HELP
from bilstm_tagger.cli.ensemble import ensemble
from bilstm_tagger.cli.evaluate import HELP as EVALUATE_HELP
from bilstm_tagger.cli.evaluate import evaluate
from bilstm_tagger.cli.pretrain_lm import HELP as PRETRAIN_LM_HELP
from bilstm_tagger.cli.pretrain_lm import pretrain_lm
from bilstm_tagger.cli.search import HELP as SEARCH_HELP
from bilstm_tagger.cli.search import search
from bilstm_tagger.cli.show import HELP as SHOW_HELP
from bilstm_tagger.cli.show import show
from bilstm_tagger.cli.tag import HELP as TAG_HELP
from bilstm_tagger.cli.tag import tag
from bilstm_tagger.cli.train import HELP as TRAIN_HELP
from bilstm_tagger.cli.train import train
from bilstm_tagger.errors import TaggerError

__all__ = ["app", "main"]

INTERRUPTED = 130

HELP = """Train, evaluate and run BiLSTM-CRF sequence taggers, on text and on proteins.

bilstm-tagger train configs/quickstart.toml --output runs/names
bilstm-tagger evaluate runs/names --data builtin:wnut17/test
echo "Angela Merkel visited Oslo." | bilstm-tagger tag runs/names

A model is a folder. Each command explains itself: bilstm-tagger COMMAND --help."""

app = typer.Typer(
    name="bilstm-tagger",
    help=HELP,
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train", help=TRAIN_HELP)(train)
app.command("search", help=SEARCH_HELP)(search)
app.command("evaluate", help=EVALUATE_HELP)(evaluate)
app.command("tag", help=TAG_HELP)(tag)
app.command("benchmark", help=BENCHMARK_HELP)(benchmark)
app.command("check", help=CHECK_HELP)(check)
app.command("show", help=SHOW_HELP)(show)
app.command("convert", help=CONVERT_HELP)(convert)
app.command("ensemble", help=ENSEMBLE_HELP)(ensemble)
app.command("pretrain-lm", help=PRETRAIN_LM_HELP)(pretrain_lm)


def _show_version(wanted: bool) -> None:
    if wanted:
        from bilstm_tagger import __version__

        typer.echo(f"bilstm-tagger {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Holds the options that come before a command."""


class _StderrHandler(logging.Handler):
    """Writes log lines to whatever ``sys.stderr`` is at that moment: a live progress bar replaces it."""

    def emit(self, record: logging.LogRecord) -> None:
        name = "note" if record.levelno < logging.WARNING else record.levelname.lower()
        print(f"{name}: {record.getMessage()}", file=sys.stderr)


def main(args: Sequence[str] | None = None) -> None:
    """Runs the command line and ends the process.

    Args:
        args: The arguments; those of the process by default.

    Raises:
        SystemExit: Always, with the exit code.
    """
    logger, handler = logging.getLogger("bilstm_tagger"), _StderrHandler()
    previous_level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    for stream in (sys.stdout, sys.stderr):
        # Results are UTF-8 whatever the locale says, as files are.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
    try:
        app(args=None if args is None else list(args), prog_name="bilstm-tagger")
    except (TaggerError, OSError) as error:
        # An OSError that gets here is the system's word on a file: no space, no permission, no such folder.
        typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
        typer.echo(str(error), err=True)
        raise SystemExit(2) from None
    except SystemExit as stop:
        if stop.code == INTERRUPTED:
            typer.echo("Interrupted.", err=True)
        raise
    finally:
        logger.removeHandler(handler)
        logger.setLevel(previous_level)
