"""The processes of a run, on one machine or several: who they are, and what they tell each other.

Accelerate starts them, whatever launched them (``torchrun``, ``accelerate launch``, ``mpirun``), and picks NCCL or
gloo and each process's device. Gradients are summed here, not by ``DistributedDataParallel``, which accelerate would
wrap the network in: that takes the mean over processes instead of tokens, and cannot exchange only those rows of a
word table that a batch used.
"""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch import distributed as dist

from bilstm_tagger.errors import ConfigError, TaggerError

__all__ = ["Processes", "launched"]

_SPEAKING_SECONDS = 5.0
# Launchers that accelerate knows name the number of processes in one of these.
_SIZES = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")


class Processes:
    """One process among those of a run. All must call the methods that exchange something, and in the same order.

    Args:
        device: What this process computes on.
        rank: Its number, from 0.
        size: How many there are. A single one exchanges nothing.
    """

    def __init__(self, device: torch.device, *, rank: int = 0, size: int = 1) -> None:
        self.device = device
        self.rank = rank
        self.size = size

    @classmethod
    def start(cls, device: str) -> Processes:
        """Joins the others, where a launcher started several, and finds the device.

        Args:
            device: ``auto``, ``cpu`` or ``cuda``.

        Raises:
            ConfigError: The device cannot be used.
        """
        name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        try:
            found = torch.device(name)
            torch.zeros(1, device=found).tolist()
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(
                f"'training.device' cannot be used: {error}", received=name, accepted="auto, cpu, cuda"
            ) from None
        if not launched():
            return cls(found)
        from accelerate import PartialState

        # Functions of this module have the group as a default. Whoever imports it after the group exists (torch's
        # optimisers do) keeps the group, and gloo's threads, beyond its end below; one that still lets go of a tensor
        # while the interpreter ends aborts the process.
        importlib.import_module("torch.distributed.nn")
        state = PartialState(cpu=found.type == "cpu")
        atexit.register(state.destroy_process_group)
        if state.process_index:
            # What is repaired or skipped is the same for all; the first says it.
            logging.getLogger("bilstm_tagger").setLevel(logging.ERROR)
        return cls(state.device, rank=state.process_index, size=state.num_processes)

    @property
    def first(self) -> bool:
        """Whether this one writes the files and speaks."""
        return self.rank == 0

    def share(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns this process's part of a list: each element belongs to one process."""
        return indices[self.rank :: self.size]

    def separate_randomness(self, seed: int) -> None:
        """Gives each process but the first random numbers of its own, after all have made the same weights."""
        if not self.first:
            torch.manual_seed(int(np.random.SeedSequence([seed, self.rank]).generate_state(1)[0]))

    @torch.no_grad()
    def sum_gradients(
        self, dense: Sequence[nn.Parameter], rows: Sequence[nn.Parameter], numbers: Sequence[float]
    ) -> list[float]:
        """Replaces each gradient by its sum over the processes, in one exchange for all dense ones.

        A parameter that no process has a gradient for stays without.

        Args:
            dense: Parameters with ordinary gradients.
            rows: Tables with sparse gradients: the rows that are used anywhere are collected.
            numbers: Further numbers to be summed, in float32.

        Returns:
            Their sums.
        """
        if self.size == 1:
            return list(numbers)
        zero = torch.zeros((), device=self.device)
        flags = [float(parameter.grad is not None) for parameter in dense]
        gradients = [zero.expand(p.shape) if p.grad is None else p.grad for p in dense]
        head = torch.tensor([*numbers, *flags], dtype=torch.float32, device=self.device)
        flat = torch.cat([head, *(gradient.flatten().float() for gradient in gradients)])
        with self._talking():
            dist.all_reduce(flat)
        head, *parts = torch.split(flat, [len(head), *(parameter.numel() for parameter in dense)])
        values: list[float] = head.tolist()
        for parameter, part, flag in zip(dense, parts, values[len(numbers) :], strict=True):
            parameter.grad = part.view_as(parameter) if flag else None
        for parameter in rows:
            parameter.grad = self._sum_rows(parameter)
        return values[: len(numbers)]

    def _sum_rows(self, parameter: nn.Parameter) -> Tensor | None:
        """Returns the sum of a sparse gradient over the processes; None where none has one."""
        if parameter.grad is None:
            indices = torch.zeros(0, dtype=torch.int64, device=self.device)
            values = parameter.new_zeros(0, parameter.shape[1])
        else:
            gradient = parameter.grad.coalesce()
            indices, values = gradient.indices()[0], gradient.values()
        all_indices, all_values = torch.cat(self._gather(indices)), torch.cat(self._gather(values))
        if not len(all_indices):
            return None
        return torch.sparse_coo_tensor(all_indices.unsqueeze(0), all_values, parameter.shape, check_invariants=False)

    def sum_array(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the sum of integer arrays of one shape."""
        if self.size == 1:
            return values
        tensor = torch.from_numpy(values).to(self.device)
        with self._talking():
            dist.all_reduce(tensor)
        summed: NDArray[np.int64] = tensor.cpu().numpy()
        return summed

    def spread_weights(self, network: nn.Module) -> None:
        """Overwrites all weights and buffers with the first process's."""
        if self.size > 1:
            for tensor in network.state_dict().values():
                self._broadcast(tensor)

    def spread_bytes(self, data: bytes) -> bytes:
        """Returns the first process's bytes; those of the others are not used."""
        if self.size == 1:
            return data
        length = torch.tensor(len(data), device=self.device)
        self._broadcast(length)
        if not int(length):
            return b""
        content = np.frombuffer(data, dtype=np.uint8).copy() if self.first else np.zeros(int(length), dtype=np.uint8)
        tensor = torch.from_numpy(content).to(self.device)
        self._broadcast(tensor)
        return tensor.cpu().numpy().tobytes()

    def gather_bytes(self, data: bytes) -> list[bytes]:
        """Returns the bytes of all processes, by rank."""
        if self.size == 1:
            return [data]
        tensor = torch.from_numpy(np.frombuffer(data, dtype=np.uint8).copy()).to(self.device)
        return [part.cpu().numpy().tobytes() for part in self._gather(tensor)]

    def fail(self, error: TaggerError | OSError) -> NoReturn:
        """Ends the run for a reason that all processes know of: the first says it, the others end without a word."""
        if not self.first:
            # A launcher ends all when one has ended: the first is given the time to speak.
            time.sleep(_SPEAKING_SECONDS)
            raise SystemExit(2)
        raise error

    @contextmanager
    def together(self) -> Iterator[None]:
        """Surrounds what may fail in any process, and exchanges nothing: where one fails, all end, and one says why."""
        problem: TaggerError | OSError | None = None
        try:
            yield
        except (TaggerError, OSError) as error:
            if self.size == 1:
                raise
            problem = error
        messages = self.gather_bytes(str(problem or "").encode())
        failed = next((rank for rank, message in enumerate(messages) if message), None)
        if failed is not None:
            self.fail(problem if problem is not None else TaggerError(f"process {failed}: {messages[failed].decode()}"))

    def _gather(self, tensor: Tensor) -> list[Tensor]:
        """Returns the tensors of all processes, which may differ in their first size."""
        length = torch.tensor([len(tensor)], device=self.device)
        lengths = [torch.zeros_like(length) for _ in range(self.size)]
        with self._talking():
            dist.all_gather(lengths, length)
            counts = [int(count) for count in lengths]
            if not any(counts):
                return [tensor] * self.size
            padded = tensor.new_zeros(max(counts), *tensor.shape[1:])
            padded[: len(tensor)] = tensor
            parts = [torch.empty_like(padded) for _ in range(self.size)]
            dist.all_gather(parts, padded)
        return [part[:count] for part, count in zip(parts, counts, strict=True)]

    def _broadcast(self, tensor: Tensor) -> None:
        with self._talking():
            dist.broadcast(tensor, src=0)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Turns a broken connection into an end of this process too."""
        try:
            yield
        except RuntimeError as error:
            reason, _, _ = str(error).partition("\n")
            lost = TaggerError(f"another process of this run has ended ({reason})", hint="What it said last says why")
            lost.__cause__ = error
            self.fail(lost)


def launched() -> bool:
    """Whether a launcher started this process as one of several."""

    def size(name: str) -> int:
        value: Any = os.environ.get(name, "1")
        return int(value) if value.isdecimal() else 1

    return any(size(name) > 1 for name in _SIZES)
