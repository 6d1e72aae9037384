"""A process of its own for what is to be killed, to run out of disk, or to happen at the same time as
something else.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

# Forked, since a process that starts from nothing imports for seconds. The parent has imported, and not used,
# what starts threads.
Result = TypeVar("Result")
FORK = multiprocessing.get_context("fork")
LONGEST = 450.0  # seconds for one call, also on a busy machine; less than a test may take


@dataclass(frozen=True)
class Ended:
    """How a process ended: by which signal (0 if by none), with what result, or with which error."""

    signal: int
    result: Any = None
    error: Exception | None = None

    def value(self) -> Any:
        """The result of a process that is to have succeeded."""
        assert (self.signal, self.error) == (0, None), f"signal {self.signal}, {self.error!r}"
        return self.result


@dataclass
class Child:
    """A process that is running."""

    process: BaseProcess
    answer: Connection
    ended: Ended | None = field(default=None)

    def wait(self, seconds: float = LONGEST) -> Ended:
        """Wait for its end.

        A fork has only one of its parent's threads, and whatever lock another one held is never given back in
        it. One that hangs so says on stderr where (by pytest's faulthandler), and is ended.
        """
        if not self.answer.poll(seconds) and (pid := self.process.pid):
            os.kill(pid, signal.SIGABRT)
            self.process.join(10)
            self.process.kill()
            raise TimeoutError(f"a forked process did not end within {seconds:.0f} seconds")
        try:
            result, error = self.answer.recv()
        except EOFError:
            result, error = None, None
        self.process.join()
        return Ended(max(0, -(self.process.exitcode or 0)), result, error)


def start(call: Callable[[], Any]) -> Child:
    """Start a call in a process of its own."""
    ours, theirs = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_answer, args=(call, theirs))
    process.start()
    theirs.close()  # else the end of the child would not be the end of the pipe
    return Child(process, ours)


def run(call: Callable[[], Any]) -> Ended:
    """Run a call in a process of its own."""
    return start(call).wait()


def _all_of(jobs: Sequence[Callable[[], Result]]) -> list[Result]:
    return [job() for job in jobs]


def shared_out(jobs: Sequence[Callable[[], Result]]) -> list[Result]:
    """Do jobs, which may start processes of their own, in as many processes as there are cores.

    The results are in their order.
    """
    workers = len(os.sched_getaffinity(0))
    each: list[Callable[[], list[Result]]] = [partial(_all_of, jobs[n::workers]) for n in range(workers)]
    shares = [start(job) for job in each]
    ended = [share.wait(LONGEST * len(jobs)).value() for share in shares]
    return [ended[n % workers][n // workers] for n in range(len(jobs))]


def _answer(call: Callable[[], Any], to: Connection) -> None:
    # What the parent's tests have left is not this process's to clear away: to close a DuckDB, it would wait
    # for threads that are not here.
    gc.freeze()
    try:
        result, error = call(), None
    except Exception as raised:  # noqa: BLE001  (whatever it is, the parent asserts on it)
        raised.add_note(traceback.format_exc())
        result, error = None, raised
    to.send((result, error))


def limit_file_size(size: int) -> None:
    """Let every file of this process be full at a size in bytes: a full disk that needs no disk and no
    rights.
    """
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # which would kill, where an error is wanted
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
