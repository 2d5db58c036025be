"""``bilstm-tagger search``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bilstm_tagger.cli.arguments import seed_numbers
from bilstm_tagger.errors import ConfigError

HELP = """Search for a better configuration: train with varied keys and keep what scores best on dev.

bilstm-tagger search my.toml --trials 20 --vary encoder.hidden_size=100,200
  --vary training.learning_rate=0.0005..0.005:log --seeds 1,2
bilstm-tagger search my.toml --space space.toml

Each --vary names a key and its choices, or a range; :log draws from a range by orders of magnitude. A space file has
the same in the sections of a configuration:

\\[training]
batch_tokens = \\[256, 512]
learning_rate = "0.0005..0.005:log"

The folder holds all models, and best.toml, which train takes. Ctrl-C stops; the same command goes on, and with more
trials a finished search does too."""


def search(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The TOML file.", show_default=False)],
    vary: Annotated[
        list[str] | None, typer.Option("--vary", metavar="SECTION.KEY=VALUES", help="May be given again.")
    ] = None,
    space: Annotated[Path | None, typer.Option(metavar="FILE", help="What varies, as TOML.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="Configurations to train, at most.")] = 20,
    seeds: Annotated[str, typer.Option(metavar="1,2,3", help="Each configuration is trained with all of them.")] = "1",
    prune: Annotated[bool, typer.Option("--prune", help="End trials early that fall below the median.")] = False,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override one key; may be given again."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the search.", show_default="that of train with -search behind it"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Searches, prints all trials, best first, and ends with exit code 130 when interrupted."""
    from bilstm_tagger.config import Config
    from bilstm_tagger.training.search import parse_vary, read_space
    from bilstm_tagger.training.search import search as run

    settings = Config.load(config, overrides or ())
    varied = {} if space is None else read_space(space)
    for key, values in map(parse_vary, vary or ()):
        if key in varied:
            raise ConfigError(f"'{key}' is varied twice")
        varied[key] = values

    def announce(line: str) -> None:
        if not quiet:
            typer.echo(line, err=True)

    result = run(
        settings,
        varied,
        trials=trials,
        seeds=seed_numbers(seeds),
        prune=prune,
        output=output,
        progress=not quiet,
        announce=announce,
    )
    if result.ranked:
        typer.echo(result.to_text())
        typer.echo(f"Best: trial {result.ranked[0].number}; its configuration: {result.folder / 'best.toml'}")
    if result.interrupted:
        typer.echo(f"Interrupted; the same command goes on with what is left in {result.folder}")
        raise typer.Exit(130)
