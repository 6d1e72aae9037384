"""Rows are scored by several threads at once, and come out in their order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def cores() -> int:
    """The cores that this process may use.

    So many threads also where other tasks run beside this one: no thread of an engine waits by spinning, so
    that too many of them share the cores as any tasks do, while too few would leave a core idle whenever a
    neighbour reads or writes.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(function: Callable[[In], Out], items: Iterable[In], threads: int) -> Generator[Out]:
    """Apply a function to each item on several threads; results come in the items' order.

    The caller's own thread takes the items: what it reads and writes overlaps with the threads' work. At most
    two items a thread are on their way. The threads begin with the first item and have ended when the
    iterator has: at its end, by an error, or because it is closed. So nothing of them is left for a process
    that is forked later.

    Raises:
        Exception: what the function raises, at its item's turn.
    """
    under_way: deque[Future[Out]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="score") as pool:
        try:
            for item in items:
                under_way.append(pool.submit(function, item))
                if len(under_way) == 2 * threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
