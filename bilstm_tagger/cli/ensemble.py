"""``bilstm-tagger ensemble``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bilstm_tagger.errors import ModelError

HELP = """Join several models of the same tags into one that tags with all of them.

bilstm-tagger ensemble runs/names/seed-1 runs/names/seed-2 runs/names/seed-3 --output runs/names-3
bilstm-tagger evaluate runs/names-3 --data builtin:wnut17/test

Each tag sequence gets the geometric mean of the members' probabilities. It tags as slowly as all members together: to
have most of the gain in one model, train one on its answers, with

\\[distill]
teacher = "runs/names-3\""""


def ensemble(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="Model folders.", show_default=False)],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the ensemble.")],
) -> None:
    """Copies the members into one folder."""
    from bilstm_tagger.inference import Tagger

    tagger = Tagger.from_pretrained(models)
    if len(tagger.models) == 1:
        raise ModelError("an ensemble needs at least two models", received=str(models[0]), hint="Name further folders")
    tagger.save_pretrained(output)
    typer.echo(f"Ensemble of {len(tagger.models)} models: {output}")
