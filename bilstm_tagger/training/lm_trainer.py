"""The training loop of the character language model, and all that a checkpoint of it holds."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import bilstm_tagger
from bilstm_tagger.errors import TaggerError
from bilstm_tagger.features.char_states import Alphabet
from bilstm_tagger.features.lm_text import LmText
from bilstm_tagger.inference.language_model import LanguageModel
from bilstm_tagger.nn.char_lm import CharLanguageModel, CharReader, State
from bilstm_tagger.split_rules import Kind
from bilstm_tagger.training.checkpoint import Checkpoint, CheckpointFolder
from bilstm_tagger.training.lm_display import LmDisplay
from bilstm_tagger.training.stopping import StopRequest

__all__ = ["LmSettings", "LmTrainer"]

_EVALUATIONS = 10
_EVALUATION_STREAMS = 64
_EVALUATION_STEPS = 256


@dataclass(frozen=True, kw_only=True)
class LmSettings:
    """How a language model is pretrained.

    Attributes:
        unit: How text is cut into tokens.
        hidden_size: Units of each direction's LSTM.
        size: Width of a character's vector.
        passes: Times that the text is gone through.
        minutes: Instead of that, the wall-clock time of the whole training.
        streams: Places of the text that are read side by side.
        steps: Characters between two updates, in each stream.
        learning_rate: Its largest value, of Adam; after the warm-up it falls to zero at the end of the training.
        warmup: Share of the training in which the rate rises.
        clip: Largest gradient norm of each direction.
        seed: Of the weights and of the order of the documents.
        precision: Of the network's arithmetic; the weights are float32. ``auto`` is bfloat16 where the processor
            has instructions for it, and float32 elsewhere, where bfloat16 is slower.
    """

    unit: Kind = "words"
    hidden_size: int = 512
    size: int = 64
    passes: float = 2.0
    minutes: float | None = None
    streams: int = 32
    steps: int = 112
    learning_rate: float = 3e-3
    warmup: float = 0.02
    clip: float = 1.0
    seed: int = 1
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    def rate(self, progress: float) -> float:
        """Returns the learning rate when that share of the training is done."""
        rising = progress / self.warmup if self.warmup else 1.0
        # Not quite zero at first, so that the first step is one.
        return self.learning_rate * max(1e-3, min(1.0, rising, (1.0 - progress) / (1.0 - self.warmup)))


class _Direction:
    """One reader with its optimiser and its place in the text."""

    def __init__(self, reader: CharReader, settings: LmSettings) -> None:
        self.reader = reader
        self.clip = settings.clip
        self.precision = _precision(settings, reader.embedding.weight.device)
        self.state: State = reader.initial_state(settings.streams)
        self.optimizer = torch.optim.Adam(reader.parameters(), lr=0.0, betas=(0.9, 0.99), fused=True)

    def step(self, chars: Tensor, *, rate: float) -> float:
        """One update on ``(steps + 1, streams)`` characters; returns the bits a character."""
        mixed = self.precision is not torch.float32
        with torch.autocast(chars.device.type, self.precision, enabled=mixed):
            states, (hidden, cell) = self.reader(chars[:-1], self.state)
            logits = self.reader.output(states)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1).float(), chars[1:].flatten())
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TaggerError(f"the loss of the language model is {value}", hint="Lower --learning-rate")
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.reader.parameters(), self.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.state = hidden.detach().float(), cell.detach().float()
        return value / math.log(2.0)

    @torch.inference_mode()
    def bits(self, chars: Tensor) -> float:
        """Returns the mean bits a character of ``(num_steps, streams)`` characters, read from zero states."""
        state, total = self.reader.initial_state(chars.shape[1]), 0.0
        for begin in range(0, len(chars) - 1, _EVALUATION_STEPS):
            part = chars[begin : begin + _EVALUATION_STEPS + 1]
            states, state = self.reader(part[:-1], state)
            logits = self.reader.output(states).flatten(0, 1)
            total += float(nn.functional.cross_entropy(logits, part[1:].flatten(), reduction="sum"))
        return total / max(1, chars[1:].numel()) / math.log(2.0)


def _precision(settings: LmSettings, device: torch.device) -> torch.dtype:
    if settings.precision != "auto":
        return torch.bfloat16 if settings.precision == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return torch.float32
    return torch.bfloat16 if "avx512_bf16" in flags or "amx_bf16" in flags else torch.float32


class LmTrainer:
    """Trains both directions side by side on the same places of a text.

    Args:
        text: The training part.
        held_out: What the model is scored on.
        alphabet: Of both.
        settings: How.
        folder: Where the language model and, while it is unfinished, the checkpoints go.
        device: Where the network is trained.
        display: Shows it.
    """

    def __init__(
        self,
        text: LmText,
        held_out: LmText,
        alphabet: Alphabet,
        settings: LmSettings,
        *,
        folder: Path,
        device: torch.device,
        display: LmDisplay,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.text, self.held_out, self.alphabet, self.settings = text, held_out, alphabet, settings
        self.folder, self.device, self.display = folder, device, display
        self.network = CharLanguageModel(len(alphabet), size=settings.size, hidden_size=settings.hidden_size).to(device)
        self.directions = (_Direction(self.network.ahead, settings), _Direction(self.network.back, settings))
        identity = {
            "settings": asdict(settings),
            "text": hashlib.blake2b(text.chars.tobytes(), digest_size=16).hexdigest(),
            "versions": {"bilstm-tagger": bilstm_tagger.__version__, "torch": torch.__version__},
        }
        self.checkpoints = CheckpointFolder(folder / "checkpoints", identity)
        self.width = len(text.chars) // settings.streams
        self.steps_in_pass = math.ceil((self.width - 1) / settings.steps)
        self.step_count = 0
        self.seconds = 0.0
        self.evaluations = 0
        self.bits = (math.nan, math.nan)

    @property
    def passes(self) -> float:
        """Times that the text was gone through so far."""
        return self.step_count / self.steps_in_pass

    @property
    def progress(self) -> float:
        """The share of the training that is done."""
        if self.settings.minutes is not None:
            return self.seconds / (60.0 * self.settings.minutes)
        return self.passes / self.settings.passes

    def train(self, *, checkpoint_seconds: float) -> bool:
        """Trains until the planned passes or time are over; scores and saves ten times on the way.

        Ctrl-C and SIGTERM end it after the present step, with a checkpoint; a second Ctrl-C raises KeyboardInterrupt.

        Returns:
            Whether all is done.
        """
        with StopRequest() as stop:
            clock = written = time.monotonic()
            pieces: Iterator[tuple[Tensor, Tensor]] = iter(())
            while self.progress < 1.0:
                piece = next(pieces, None)
                if piece is None:
                    number, place = divmod(self.step_count, self.steps_in_pass)
                    pieces = self._pieces(number, place)
                    continue
                bits = self._step(piece)
                now = time.monotonic()
                self.seconds, clock = self.seconds + now - clock, now
                self.display.step(progress=self.progress, bits=bits, chars=piece[0][1:].numel(), seconds=self.seconds)
                stopping = stop.requested
                if self.progress < 1.0 and (stopping or now - written >= checkpoint_seconds):
                    self.write_checkpoint()
                    if stopping:
                        return False
                    written = clock = time.monotonic()
                if self.progress * _EVALUATIONS >= self.evaluations + 1:
                    self.evaluations = int(self.progress * _EVALUATIONS)
                    self._evaluate()
                    clock = time.monotonic()
        self.checkpoints.clear(damaged=True)
        return True

    def _step(self, piece: tuple[Tensor, Tensor]) -> float:
        """One update of both directions; returns their mean bits a character."""
        rate = self.settings.rate(self.progress)
        bits = [direction.step(chars, rate=rate) for direction, chars in zip(self.directions, piece, strict=True)]
        self.step_count += 1
        return sum(bits) / 2

    def _pieces(self, number: int, done: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields what is left of one pass, ``(steps + 1, streams)`` characters at a time, for both directions."""
        streams, steps = self.settings.streams, self.settings.steps
        rng = np.random.default_rng((self.settings.seed, number))
        chars = self.text.shuffled(rng)[: self.width * streams].reshape(streams, self.width)
        for begin in range(done * steps, self.width - 1, steps):
            piece = slice(begin, begin + steps + 1)
            yield self._tensor(chars[:, piece]), self._tensor(chars[:, ::-1][:, piece])

    def _tensor(self, chars: NDArray[np.uint16]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(chars.T).astype(np.int64)).to(self.device)

    def _evaluate(self) -> None:
        """Scores the held-out text and saves the language model as it stands."""
        chars = self.held_out.chars
        streams = min(_EVALUATION_STREAMS, math.ceil(len(chars) / _EVALUATION_STEPS))
        rows = chars[: len(chars) // streams * streams].reshape(streams, -1)
        ahead, back = (
            direction.bits(self._tensor(part))
            for direction, part in zip(self.directions, (rows, rows[:, ::-1]), strict=True)
        )
        self.bits = ahead, back
        facts = {
            "chars": len(self.text.chars),
            "passes": round(self.passes, 3),
            "minutes": round(self.seconds / 60.0, 1),
            "bits_per_char": {"ahead": round(ahead, 4), "back": round(back, 4)},
            "settings": asdict(self.settings),
        }
        LanguageModel(self.alphabet, self.network, facts).save(self.folder)
        speed = self.passes * len(self.text.chars) / max(self.seconds, 1e-9)
        self.display.say(
            f"{min(self.progress, 1.0):4.0%}  {self.passes:.2f} passes  {self.seconds / 60:.1f} min  "
            f"{speed:,.0f} characters/s  held-out bits a character: {ahead:.4f} ahead, {back:.4f} back"
        )

    def write_checkpoint(self) -> None:
        """Writes all that the run needs to go on with the same bits."""
        tensors = {f"weight.{name}": value for name, value in self.network.state_dict().items()}
        for index, direction in enumerate(self.directions):
            tensors |= {f"state.{index}.{part}": value for part, value in enumerate(direction.state)}
            for number, moments in direction.optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{index}.{number}.{name}": value for name, value in moments.items()}
        values: dict[str, Any] = {
            "step_count": self.step_count,
            "seconds": self.seconds,
            "evaluations": self.evaluations,
            "bits": None if math.isnan(self.bits[0]) else self.bits,
            "threads": torch.get_num_threads(),
        }
        try:
            self.checkpoints.write(Checkpoint(tensors, values), step=self.step_count)
        except OSError as error:
            self.display.say(f"warning: no checkpoint was written ({error}); the one before is kept")

    def restore(self, checkpoint: Checkpoint) -> None:
        """Takes up what ``write_checkpoint`` wrote, and the number of threads, by which sums are rounded."""
        tensors, values = checkpoint.tensors, checkpoint.values
        if values["threads"] != torch.get_num_threads():
            torch.set_num_threads(values["threads"])
            self.display.say(f"going on with {values['threads']} processor threads, as the run began")
        self.network.load_state_dict(_under(tensors, "weight."))
        for index, direction in enumerate(self.directions):
            hidden, cell = (tensors[f"state.{index}.{part}"].to(self.device) for part in range(2))
            direction.state = hidden, cell
            moments: dict[int, dict[str, Tensor]] = {}
            for name, value in _under(tensors, f"optimizer.{index}.").items():
                number, _, kind = name.partition(".")
                moments.setdefault(int(number), {})[kind] = value
            groups = direction.optimizer.state_dict()["param_groups"]
            direction.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.step_count, self.seconds = values["step_count"], values["seconds"]
        self.evaluations = values["evaluations"]
        if values["bits"] is not None:
            ahead, back = values["bits"]
            self.bits = ahead, back


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
