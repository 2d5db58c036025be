"""``bilstm-tagger train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bilstm_tagger.cli.arguments import seed_numbers
from bilstm_tagger.errors import ConfigError

if TYPE_CHECKING:
    from bilstm_tagger.config import Config

HELP = """Train a tagger from a TOML configuration; the folder it leaves is the model.

bilstm-tagger train configs/ner-wnut17.toml
bilstm-tagger train my.toml --output runs/second --set training.epochs=5
bilstm-tagger train my.toml --seeds 1,2,3

The shortest configuration names a task and two files; configs/ has commented ones:

task = "ner"
\\[data]
train = "train.conll"
dev = "dev.conll"

Ctrl-C stops and keeps the best model so far. Run again, the same command goes
on from the last checkpoint, as it does after a kill or a power cut."""


def _show_keys(wanted: bool) -> None:
    if wanted:
        from bilstm_tagger.cli.keys import keys_text

        typer.echo(keys_text())
        raise typer.Exit


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
    seeds: Annotated[
        str | None,
        typer.Option(metavar="1,2,3", help="Train once with each seed; mean and standard deviation at the end."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
    keys: Annotated[
        bool,
        typer.Option("--keys", is_eager=True, callback=_show_keys, help="Show all keys of a configuration, and end."),
    ] = False,
) -> None:
    """Trains, says how good the best epoch was, and ends with exit code 130 when interrupted."""
    from bilstm_tagger.config import Config

    settings = Config.load(config, overrides or ())
    if seeds is not None:
        _train_seeds(settings, seeds, output=output, resume=resume, quiet=quiet)
        return

    from bilstm_tagger.training import train as run

    result = run(settings, output=output, progress=not quiet, resume=resume)
    if result.rank:
        return  # one of several processes: the first says how it went
    if not result.best_epoch:
        earlier = (result.folder / "model.safetensors").exists()
        left = "the model in {} is an earlier run's" if earlier else "there is no model in {}"
        typer.echo(f"No epoch was finished: {left.format(result.folder)}")
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


def _train_seeds(settings: Config, seeds: str, *, output: Path | None, resume: bool, quiet: bool) -> None:
    """Trains with each seed and prints the scores of all."""
    if resume:
        raise ConfigError("--resume and --seeds do not go together", hint="Unfinished seeds go on by themselves")
    numbers = seed_numbers(seeds)

    from bilstm_tagger.training import train_seeds

    def announce(line: str) -> None:
        if not quiet:
            typer.echo(line, err=True)

    result = train_seeds(settings, numbers, output=output, progress=not quiet, announce=announce)
    if result.seeds:
        typer.echo(result.to_text())
        typer.echo(f"Best seed: {result.best}")
    if result.interrupted:
        typer.echo(f"Interrupted; the same command goes on with what is left in {result.folder}")
        raise typer.Exit(130)
