"""Batches on several processor threads, with results that do not depend on how many there are.

A batch is computed by one thread from beginning to end: its operations are too small to be worth dividing, and a sum
that is never divided is always the same. Several threads work on several batches; torch and NumPy let go of Python's
lock inside their operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

__all__ = ["in_threads"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(work: Callable[[Item], Result], items: Sequence[Item], *, threads: int) -> Iterator[Result]:
    """Yields the result of each item, in order.

    Args:
        work: What is done with an item.
        items: The batches.
        threads: How many work at the same time.
    """
    if min(threads, len(items)) <= 1:
        for item in items:
            with _one_thread():
                result = work(item)
            yield result
        return
    pool = ThreadPoolExecutor(
        min(threads, len(items)), "bilstm-tagger", initializer=torch.set_num_threads, initargs=(1,)
    )
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C: what has not begun never does


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps torch's operations in this thread to itself."""
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
