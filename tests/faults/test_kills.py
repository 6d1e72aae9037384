"""SIGKILL at every file operation of a night and at random moments of it: nobody finds a half, and running
again gives the clean night's bytes.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.faults.conftest import CleanNight, Done
from tests.faults.kills import MOST
from tests.helpers import child
from tests.helpers.night import FileOperations, assert_no_half

pytestmark = pytest.mark.slow
SEED = 7
# Every so many operations of a gate, which publishes some files, each in the same way, and of a step.
OF_GATES, OF_STEPS = (1, 1) if MOST else (20, 2)
RANDOM = int(MOST or 12)


def kill_points(done: Done) -> range:
    return range(1, done.operations + 1, OF_GATES if done.task.gate else OF_STEPS)


def killed_at(clean: CleanNight, done: Done, operation: int, place: Path) -> bool:
    """Kill a task at a file operation and take it again; whether it really was killed."""
    night = clean.night.at(place)
    night.restore(done.before)
    for manifest in list(place.glob("*/scoring/*/raw/manifest.json")):
        (
            manifest.parent.parent / ".publishing.lock"
        ).touch()  # as the task before has left it: without, a task does one operation less

    def doomed() -> None:
        FileOperations(place, kill_at=operation)
        night.take(done.task)

    def again() -> None:
        night.read_everything()
        night.take(done.task)

    ended = child.run(doomed)
    assert_no_half(night.files(), clean.known(done))
    child.run(again).value()
    assert night.files() == done.after
    return ended.signal == signal.SIGKILL


def killed_after(clean: CleanNight, seconds: float, place: Path) -> bool:
    """Kill a whole night after some time and go through it again; whether it really was killed."""
    night = clean.night.at(place)
    night.restore(clean.first)
    doomed = child.start(night.way)
    time.sleep(seconds)
    doomed.process.kill()
    ended = doomed.wait()
    assert_no_half(night.files(), clean.known())

    def again() -> None:
        night.read_everything()
        night.way()

    child.run(again).value()
    assert night.files() == clean.last
    return ended.signal == signal.SIGKILL


def test_killed_at_every_file_operation_of_every_task(
    small: CleanNight, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    points = [(done, operation) for done in small.done for operation in kill_points(done)]
    killed = sum(
        child.shared_out(
            [
                partial(killed_at, small, done, operation, tmp_path / str(n))
                for n, (done, operation) in enumerate(points)
            ]
        )
    )
    record_property("kills", killed)
    print(f"{killed} tasks killed by SIGKILL, of {len(points)}")  # noqa: T201  (shown by pytest -s)
    assert killed >= max(50, 0.95 * len(points))


def test_killed_at_random_moments_of_a_larger_night(
    large: CleanNight, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    night = large.night.at(tmp_path / "whole")
    night.restore(large.first)
    child.run(night.way).value()
    whole = time.monotonic() - began
    assert night.files() == large.last
    chance = random.Random(SEED)
    moments = [chance.uniform(0, whole) for _ in range(RANDOM)]
    killed = sum(
        child.shared_out(
            [partial(killed_after, large, moment, tmp_path / str(n)) for n, moment in enumerate(moments)]
        )
    )
    record_property("kills", killed)
    print(f"{killed} nights killed by SIGKILL, of {RANDOM}")  # noqa: T201  (shown by pytest -s)
    assert killed >= RANDOM // 2
