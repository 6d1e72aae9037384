"""A process that plays a machine: killed, it is gone with all that it has started, wherever that has got
to.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scripts.cluster.local.processes import Process, stop
from tests.helpers.waiting import PATIENCE, until

# A child; a child in a session of its own; and a grandchild whose parent is gone. Each says who it is.
FAMILY = """
import os, subprocess, sys, time
sleep = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
subprocess.Popen(sleep)
subprocess.Popen(sleep, start_new_session=True)
if os.fork() == 0:
    subprocess.Popen(sleep)
    os._exit(0)
os.wait()
print(os.getpid(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Process]:
    process = Process(
        "family", [sys.executable, "-c", FAMILY], {"PATH": os.environ["PATH"]}, tmp_path / "log"
    )
    process.start()
    until(lambda: len(process.tail().split()) == 4, "four processes that say who they are")
    yield process
    process.kill()


def alive(process: Process) -> set[int]:
    said = {int(pid) for pid in process.tail().split()}
    return {
        pid for pid in said if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    }


def test_all_of_it_is_known(family: Process) -> None:
    assert {one.pid for one in family.tree()} == alive(family)
    assert len(alive(family)) == 4


def test_killed_it_leaves_nothing(family: Process) -> None:
    family.kill()
    assert alive(family) == set()
    assert family.returncode == -signal.SIGKILL


def test_its_parent_killed_alone_leaves_orphans_which_are_still_known(family: Process) -> None:
    parent = family.pid
    os.kill(parent, signal.SIGKILL)
    family.wait(PATIENCE)
    assert family.returncode == -signal.SIGKILL
    orphans = alive(family)
    assert parent not in orphans
    assert len(orphans) == 3
    assert {one.pid for one in family.tree()} == orphans


def test_stopped_it_leaves_nothing_and_can_be_started_again(family: Process) -> None:
    stop([family], seconds=5)
    assert alive(family) == set()
    family.start()
    assert family.returncode is None


def test_why_it_has_ended_is_told_without_what_an_earlier_one_has_said(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("all is well\n")
    process = Process(
        "short", [sys.executable, "-c", "print('refused')"], {"PATH": os.environ["PATH"]}, tmp_path / "log"
    )
    process.start()
    assert process.wait(PATIENCE) == 0
    assert process.tail() == "refused"
