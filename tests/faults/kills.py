"""Kills at what a process does to files and asks of databases, one process after another: few of them in CI,
all where that is asked for.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.helpers import child
from tests.helpers.night import FileOperations

SEED = 7
MOST = os.environ.get("SLUICE_KILLS")  # kills of each kind of run; more than there are moments: every one


class Operations(FileOperations):
    """Counts what a process does to the files of a folder, and the statements that it sends to any database
    through SQLAlchemy.
    """

    def __init__(self, folder: Path, kill_at: int | None = None) -> None:
        super().__init__(folder, kill_at)
        sa.event.listen(sa.Engine, "before_cursor_execute", self._asked)

    def _asked(self, *_: Any) -> None:
        self.counted()


@dataclass(frozen=True)
class Killed:
    """How many processes were killed, of how many that were to be, and how many moments there are."""

    killed: int
    chosen: int
    moments: int

    def __str__(self) -> str:
        return f"{self.killed} killed by SIGKILL, of {self.chosen} at {self.moments} moments"


def at_moments(
    act: Callable[[], object],
    folder: Path,
    few: int,
    begin: Callable[[], object],
    check: Callable[[], object],
) -> Killed:
    """Kill what is done, before one of its operations after the other.

    Args:
        act: What is done, in a process of its own.
        folder: Whose files count.
        few: At how many moments, by a seed, unless SLUICE_KILLS says otherwise.
        begin: Brings about what was there before, in this process.
        check: Is called after each kill: does it again, in a process of its own, and asserts on what it
            finds.
    """

    def counted() -> int:
        operations = Operations(folder)
        act()
        return operations.count

    begin()
    moments: int = child.run(counted).value()
    most = min(int(MOST) if MOST else few, moments)
    chosen = sorted(random.Random(SEED).sample(range(1, moments + 1), most))
    killed = 0
    for moment in chosen:
        begin()

        def doomed(moment: int = moment) -> None:
            Operations(folder, kill_at=moment)
            act()

        killed += child.run(doomed).signal == signal.SIGKILL
        try:
            check()
        except Exception as error:
            error.add_note(f"killed before operation {moment} of {moments}")
            raise
    return Killed(killed, len(chosen), moments)
