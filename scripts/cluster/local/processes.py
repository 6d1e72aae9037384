"""A process that plays a container: own session, own log file, and an end that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil

from pipelines.storage.settings import ROOT

# In the environment of every process and, by inheritance, of all that it starts: also of those whose parent
# is gone.
MARK = "CLUSTER_PROCESS"


@dataclass
class Process:
    """A command that is started, killed and started again."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: int = signal.SIGTERM
    user: str | None = None  # whom it runs as; ours by default
    mark: str = field(default_factory=lambda: uuid4().hex)
    sessions: set[int] = field(default_factory=set)  # one a start
    _running: subprocess.Popen[bytes] | None = None
    _said_before: int = 0  # bytes of the log that earlier processes have written

    def start(self) -> None:
        """Start it; what it says is added to its log file."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._said_before = log.tell()
            self._running = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**self.environment, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
            )
        self.sessions.add(self._running.pid)

    @property
    def pid(self) -> int:
        """The id of the process itself, not of what it has started."""
        if self._running is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._running.pid

    @property
    def returncode(self) -> int | None:
        """What it has ended with; None while it runs."""
        return self._running.poll() if self._running else None

    def wait(self, seconds: float) -> int | None:
        """Wait until it ends, and return what with; None if it has not."""
        try:
            return self._running.wait(seconds) if self._running else None
        except subprocess.TimeoutExpired:
            return None

    def tree(self) -> list[psutil.Process]:
        """It and all that it has started, orphans included."""
        found = []
        children: set[int] = set()
        with suppress(psutil.NoSuchProcess):
            if self._running and self.returncode is None:
                children = {child.pid for child in psutil.Process(self.pid).children(recursive=True)}
        for process in psutil.process_iter():
            try:
                if (
                    process.pid in children or _belongs(process, self.mark, self.sessions)
                ) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, ProcessLookupError):
                continue  # it has ended meanwhile, or is another user's: not ours
        return found

    def kill(self) -> list[int]:
        """SIGKILL to all of it at once, as when a machine loses power."""
        tree = self.tree()
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.wait(10)  # before psutil, which would take its exit code away
        psutil.wait_procs([process for process in tree if process.pid != self.pid], timeout=10)
        return [process.pid for process in tree]

    def terminate(self) -> None:
        """Ask it to end; it may do so as it likes."""
        if self.returncode is None and self._running:
            self._running.send_signal(self.stop_signal)

    def tail(self, lines: int = 15) -> str:
        """The end of what it has said since it was last started."""
        if not self.log.exists():
            return ""
        said = self.log.read_bytes()[self._said_before :].decode(errors="replace")
        return "\n".join(said.splitlines()[-lines:])


def stop(processes: Sequence[Process], seconds: float) -> None:
    """Ask processes to end, all at once; kill what is still there after a while."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + seconds
    for process in processes:
        process.wait(max(deadline - time.monotonic(), 0))
    for process in processes:
        process.kill()


def _belongs(process: psutil.Process, mark: str, sessions: set[int]) -> bool:
    # By the session, which outlives the process that began it; or by the mark, where a process has begun a
    # session of its own. The mark alone is not enough: what changes its title (Celery, the API server) writes
    # over its environment.
    return os.getsid(process.pid) in sessions or process.environ().get(MARK) == mark
