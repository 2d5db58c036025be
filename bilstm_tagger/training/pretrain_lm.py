"""Pretraining of the character language model: text in, a folder out; a killed run goes on where it was."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from bilstm_tagger.data.files import read_lines
from bilstm_tagger.errors import ConfigError, DataError, InputError
from bilstm_tagger.features.char_states import Alphabet
from bilstm_tagger.features.lm_text import LmText, lm_documents
from bilstm_tagger.features.splitting import Splitter, build_tokenizer
from bilstm_tagger.features.vocabulary import PADDING_TOKEN, UNKNOWN_TOKEN
from bilstm_tagger.training.checkpoint import refuse_changes
from bilstm_tagger.training.lm_display import LmDisplay
from bilstm_tagger.training.lm_trainer import LmSettings, LmTrainer
from bilstm_tagger.training.output import hold_folder

__all__ = ["LmSettings", "PretrainResult", "pretrain_lm"]

_HELD_OUT_EVERY = 100
_HELD_OUT_CHARS = 300_000
_MIN_COUNT = 10


@dataclass(frozen=True)
class PretrainResult:
    """What a pretraining ended with.

    Attributes:
        folder: The language model's folder.
        bits_ahead: Bits a character of held-out text, reading from left to right; NaN before the first score.
        bits_back: The same from right to left.
        chars: Characters of the text.
        passes: Times that the text was gone through.
        seconds: Training time, that of earlier parts of the run included.
        interrupted: Whether Ctrl-C or SIGTERM ended it.
        resumable: Whether there is a checkpoint from which the same call goes on.
    """

    folder: Path
    bits_ahead: float
    bits_back: float
    chars: int
    passes: float
    seconds: float
    interrupted: bool
    resumable: bool


def pretrain_lm(
    files: Sequence[str | Path],
    *,
    output: str | Path,
    settings: LmSettings | None = None,
    checkpoint_minutes: float = 2.0,
    threads: int = 0,
    device: str = "auto",
    resume: bool = False,
    progress: bool = True,
) -> PretrainResult:
    """Trains a language model of each direction on text files and leaves both in a folder.

    Where the folder holds an unfinished run of the same text and settings, that run goes on from its last checkpoint,
    and ends with the same weights, bit for bit, as if it had never stopped (with ``settings.minutes``, which looks at
    the clock, with others). Ctrl-C and SIGTERM end it after the present step, with a checkpoint; a second Ctrl-C ends
    it at once. Every hundredth document is held out.

    Args:
        files: UTF-8 text, packed or not; a sentence, paragraph or chain a line, blank lines between documents.
        output: The folder.
        settings: How.
        checkpoint_minutes: Time between two checkpoints.
        threads: Processor threads; 0 leaves it to torch.
        device: ``auto``, ``cpu`` or ``cuda``.
        resume: Insist on going on: where there is nothing to go on from, or something changed, raise an error.
        progress: Whether to show a bar and lines on standard error.

    Raises:
        DataError: A file cannot be read, or all of them hold too little text.
        ConfigError: The device cannot be used, the run cannot be resumed, or another process is writing there.
    """
    settings = settings or LmSettings()
    if threads:
        torch.set_num_threads(threads)
    chosen = _device(device)
    with hold_folder(Path(output)), LmDisplay(shown=progress) as display:
        display.say(f"reading {', '.join(map(str, files))}")
        text, held_out, alphabet = _read(files, settings)
        display.say(f"{len(text.chars):,} characters, {len(alphabet)} distinct; {len(held_out.chars):,} held out")
        trainer = LmTrainer(text, held_out, alphabet, settings, folder=Path(output), device=chosen, display=display)
        _take_up(trainer, resume=resume)
        try:
            interrupted = not trainer.train(checkpoint_seconds=60.0 * checkpoint_minutes)
        except KeyboardInterrupt:
            interrupted = True
    ahead, back = trainer.bits
    return PretrainResult(
        Path(output),
        ahead,
        back,
        len(text.chars),
        trainer.passes,
        trainer.seconds,
        interrupted=interrupted,
        resumable=any(trainer.checkpoints.folder.glob("*.safetensors")),
    )


def _read(files: Sequence[str | Path], settings: LmSettings) -> tuple[LmText, LmText, Alphabet]:
    """Returns the text, what is held out of it, and the alphabet of both."""
    splitter = Splitter(build_tokenizer(settings.unit, {PADDING_TOKEN: 0, UNKNOWN_TOKEN: 1}))
    documents = [document for path in files for document in _documents(Path(path), splitter)]
    alphabet = Alphabet.of(documents, unit=settings.unit, min_count=_MIN_COUNT)
    scored = documents[::_HELD_OUT_EVERY]
    # Documents from all over the text, few enough to be scored often.
    scored = scored[:: math.ceil(sum(map(len, scored)) / _HELD_OUT_CHARS) or 1]
    del documents[::_HELD_OUT_EVERY]
    text = LmText.encode(documents, alphabet)
    if len(text.chars) < 2 * settings.streams:
        raise DataError(
            f"too little text to learn from: {len(text.chars)} characters beside the held-out document",
            path=", ".join(map(str, files)),
            accepted="several documents, with blank lines between them, or more than 200 sentences",
        )
    return text, LmText.encode(scored, alphabet), alphabet


def _documents(path: Path, splitter: Splitter) -> Iterator[str]:
    seen = 0

    def lines() -> Iterator[str]:
        nonlocal seen
        for line in read_lines(path):
            seen += 1
            yield line

    try:
        yield from lm_documents(lines(), splitter)
    except InputError as error:
        raise DataError(str(error), path=path, line=seen) from None


def _take_up(trainer: LmTrainer, *, resume: bool) -> None:
    """Goes on from the newest checkpoint, where there is one of this run."""
    checkpoints = trainer.checkpoints
    found = checkpoints.newest()
    if found is None:
        if resume:
            raise ConfigError(
                f"there is no unfinished pretraining in {trainer.folder}", hint="Start anew without --resume"
            )
        return
    checkpoint, identity = found
    if resume:
        refuse_changes(identity, checkpoints.identity, checkpoints.folder)
    if identity != checkpoints.identity:
        trainer.display.say(f"{checkpoints.folder} holds an unfinished run of other text or settings; starting anew")
        checkpoints.clear()
        return
    trainer.restore(checkpoint)
    trainer.display.say(f"going on after {trainer.passes:.2f} passes; to start anew, delete {checkpoints.folder}")


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"this device cannot be used ({str(error).splitlines()[0]})", received=name, accepted="auto, cpu, cuda"
        ) from None
    return device
