"""``bilstm-tagger train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HELP = """Train a tagger from a TOML configuration; the folder it leaves is the model.

bilstm-tagger train configs/ner-wnut17.toml
bilstm-tagger train my.toml --output runs/second --set training.epochs=5

The shortest configuration names a task and two files; configs/ has commented ones:

task = "ner"
\\[data]
train = "train.conll"
dev = "dev.conll"

Ctrl-C stops and keeps the best model so far. Run again, the same command goes
on from the last checkpoint, as it does after a kill or a power cut."""


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The TOML file.", show_default=False)],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override one key; may be given again."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the model.", show_default="the configuration's; else runs/NAME"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the unfinished run in the folder, or say why that cannot be.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Trains, says how good the best epoch was, and ends with exit code 130 when interrupted."""
    from bilstm_tagger.config import Config

    settings = Config.load(config, overrides or ())

    from bilstm_tagger.training import train as run

    result = run(settings, output=output, progress=not quiet, resume=resume)
    if not result.best_epoch:
        typer.echo(f"No epoch was finished, so there is no model in {result.folder}")
        raise typer.Exit(130)
    best = f"{result.metric} {result.best_score:.4f} on dev in epoch {result.best_epoch} of {result.epochs}"
    if result.interrupted:
        typer.echo(f"Kept the best model so far ({best}): {result.folder}")
        raise typer.Exit(130)
    if not quiet and result.test_report is not None:
        typer.echo(result.test_report.to_text())
    typer.echo(f"Best: {best}; {result.seconds:.0f} s. Model: {result.folder}")
    if not quiet:
        typer.echo(f"Next: bilstm-tagger tag {result.folder}", err=True)
