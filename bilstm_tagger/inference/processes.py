"""Tagging in several processes that share one copy of the weights."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch.multiprocessing

from bilstm_tagger.errors import TaggerError
from bilstm_tagger.types import TaggedSequence

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    from bilstm_tagger.inference.tagger import Tagger

__all__ = ["in_processes"]

_READ_AHEAD = 2
_tagger: Tagger | None = None  # of a worker process


def in_processes(
    tagger: Tagger, chunks: Iterable[list[Any]], *, processes: int, options: dict[str, Any]
) -> Iterator[list[TaggedSequence]]:
    """Yields the results of each chunk, in order; reads a bounded number of chunks ahead.

    The weights are moved to shared memory once. Each process has a cache of word forms of its own, and one thread.

    Args:
        tagger: On a CPU.
        chunks: Lists of inputs.
        processes: How many work at the same time.
        options: Of ``Tagger.tag_batch``.

    Raises:
        TaggerError: A process ended before its work was done.
    """
    for model in tagger.models:
        model.network.share_memory()
    context = torch.multiprocessing.get_context("spawn")  # a forked process may hang in the threads of its parent
    # By a queue, one for each process: what is handed to a process that ends before it has read it, because the
    # caller's script cannot be imported for example, would be waited for for ever.
    taggers = context.Queue()
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(taggers,))
    waiting: deque[Future[list[TaggedSequence]]] = deque()
    chunks = iter(chunks)
    try:
        # All processes begin with the first chunks: a pool that breaks while it starts one may stumble over itself.
        first = list(islice(chunks, processes))
        for _ in first:
            taggers.put(tagger)
        waiting.extend([_submit(pool, chunk, options) for chunk in first])
        for chunk in chunks:
            waiting.append(_submit(pool, chunk, options))
            if len(waiting) >= _READ_AHEAD * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        # One that the pool began while it was breaking would never be told to end, and waited for for ever.
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise TaggerError(
            "a process ended before its work was done; was it killed for want of memory?",
            hint='Use fewer processes, or smaller batches; in a script, call it under if __name__ == "__main__":',
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)
        taggers.close()
        taggers.cancel_join_thread()


def _submit(pool: ProcessPoolExecutor, chunk: list[Any], options: dict[str, Any]) -> Future[list[TaggedSequence]]:
    try:
        return pool.submit(_work, chunk, options)
    except OSError as error:
        # The pool starts its processes here; while it is breaking, or without memory, that fails.
        raise BrokenProcessPool(str(error)) from error


def _begin(taggers: Queue[Tagger]) -> None:
    global _tagger
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers
    torch.set_num_threads(1)
    _tagger = taggers.get()


def _work(chunk: list[Any], options: dict[str, Any]) -> list[TaggedSequence]:
    assert _tagger is not None
    return _tagger.tag_batch(chunk, **options)
