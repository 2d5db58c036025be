"""Work done one item ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["one_ahead"]

Item = TypeVar("Item")


def one_ahead(items: Iterable[Item]) -> Generator[Item, None, None]:
    """Yields the items in order; makes the next one in a thread while this one is used."""
    iterator = iter(items)

    def take() -> list[Item]:
        return list(islice(iterator, 1))

    with ThreadPoolExecutor(1, "bilstm-tagger-batches") as pool:
        coming = pool.submit(take)
        while taken := coming.result():
            coming = pool.submit(take)
            yield taken[0]
