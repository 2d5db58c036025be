"""``bilstm-tagger pretrain-lm``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bilstm_tagger.split_rules import Kind

HELP = """Train a character language model on plain text, for taggers to build on.

bilstm-tagger pretrain-lm news.txt more.txt.xz --output lm/news --minutes 60
bilstm-tagger pretrain-lm chains.fasta --unit residues --output lm/proteins

A tagger takes it as an embedding, by two lines of its configuration:

\\[lm]
model = "lm/news"

A sentence or paragraph a line, blank lines between documents; of proteins FASTA, or a chain a line.
Ctrl-C stops after the present step, with a checkpoint. The same command goes on from the last checkpoint, as it does
after a kill or a power cut."""


def pretrain_lm(
    files: Annotated[list[Path], typer.Argument(metavar="TEXT", help="UTF-8 text; .gz, .xz, .bz2 and .zip too.")],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the language model.")],
    minutes: Annotated[
        float | None,
        typer.Option(min=0.001, help="Train for this time instead; the learning rate falls to zero at its end."),
    ] = None,
    passes: Annotated[float, typer.Option(min=0.001, help="Times to go through the text.")] = 2.0,
    unit: Annotated[Kind, typer.Option(help="How the tagger's text is cut into tokens.")] = "words",
    hidden_size: Annotated[int, typer.Option(min=1, help="Units of each direction.")] = 512,
    streams: Annotated[int, typer.Option(min=1, help="Places of the text that are read side by side.")] = 32,
    steps: Annotated[int, typer.Option(min=1, help="Characters between two updates, in each stream.")] = 112,
    learning_rate: Annotated[float, typer.Option(min=1e-9, help="Its largest value.")] = 3e-3,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights and of the order of the documents.")] = 1,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        typer.Option(help="Of the arithmetic; auto is bfloat16 where the device has instructions for it."),
    ] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="Processor threads; 0 leaves it to torch.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished run, or say why not.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Pretrains, says how well the held-out text is predicted, and ends with exit code 130 when interrupted."""
    from bilstm_tagger.training.pretrain_lm import LmSettings
    from bilstm_tagger.training.pretrain_lm import pretrain_lm as run

    settings = LmSettings(
        unit=unit,
        hidden_size=hidden_size,
        passes=passes,
        minutes=minutes,
        streams=streams,
        steps=steps,
        learning_rate=learning_rate,
        seed=seed,
        precision=precision,
    )
    result = run(
        files, output=output, settings=settings, threads=threads, device=device, resume=resume, progress=not quiet
    )
    done = f"{result.passes:.2f} passes over {result.chars:,} characters in {result.seconds:.0f} s"
    if result.interrupted:
        again = "goes on" if result.resumable else "begins anew"
        typer.echo(f"Interrupted after {done}; the same command {again}: {result.folder}")
        raise typer.Exit(130)
    typer.echo(
        f"Held-out text: {result.bits_ahead:.4f} bits a character ahead, {result.bits_back:.4f} back; {done}. "
        f"Language model: {result.folder}"
    )
