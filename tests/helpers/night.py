"""A night of the tiny use case whose every task can be killed, and everything that a reader might find on the
way.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa

from pipelines import runner
from pipelines.core.config import GatedTable, Step
from pipelines.run import plan
from pipelines.run.run import Run
from pipelines.storage import parts
from pipelines.storage.settings import Settings
from tests.helpers import tiny
from tests.helpers.ways import WAYS

TRAINING, NIGHT = date(2026, 1, 31), date(2026, 2, 1)
ONE_FAMILY = tiny.YAML.replace("  xgboost: {grid: {n_estimators: [20], max_depth: [2, 3]}}\n", "").replace(
    "[0.1, 1]", "[1]"
)
SMALL = ONE_FAMILY + "limits: {shard_rows: 20}\n"
LARGE = SMALL.replace("tests.helpers.tiny:payments", "tests.helpers.night:payments")
ROWS_A_DAY = 4000

# What each task imports. A process that is forked from one that has them, and has used none, starts at once.
TOOLS = [
    "reports.card",
    "steps.cleanse",
    "steps.evaluate",
    "steps.export",
    "steps.features",
    "gates.gate",
    "steps.ingest",
    "run.clearance",
    "model.engines",
    "run.progress",
    "steps.promote",
    "steps.publish",
    "registry.registry",
    "steps.score",
    "registry.snapshot",
    "registry.tracking",
    "steps.tune",
]

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.truncate")


def import_tools() -> None:
    """Import what the tasks of a night import."""
    for module in TOOLS:
        importlib.import_module(f"pipelines.{module}")
    importlib.import_module("mlflow.store.model_registry.sqlalchemy_store")
    importlib.import_module("mlflow.store.tracking.sqlalchemy_store")


def payments(day: date) -> pa.Table:
    """Days on which each step takes a while: as `tiny.payments`, with a hundred times as many rows."""
    turns = [(day.toordinal() * 31 + n * 17) % 100 for n in range(ROWS_A_DAY)]
    channels = [("chip", "online", "WEB")[(n + day.day) % 3] for n in range(ROWS_A_DAY)]
    midnight = datetime(day.year, day.month, day.day)
    return pa.table(
        {
            "id": [f"{day:%Y%m%d}-{n:05}" for n in range(ROWS_A_DAY)],
            "at": [midnight + timedelta(seconds=20 * n) for n in range(ROWS_A_DAY)],
            "customer": [f"c{n % 500}" for n in range(ROWS_A_DAY)],
            "amount": [turn + n / ROWS_A_DAY for n, turn in enumerate(turns)],
            "channel": channels,
            "bad": [
                int(turn > 70 and channel != "chip") for turn, channel in zip(turns, channels, strict=True)
            ],
        }
    )


@dataclass(frozen=True)
class Task:
    """One task of a night, as Airflow has them: a step, a share of one, or the gate of a table."""

    step: Step
    share: str | None = None
    gate: GatedTable | None = None

    def __str__(self) -> str:
        return f"gate_{self.gate}" if self.gate else f"{self.step} {self.share or ''}".strip()


@dataclass(frozen=True)
class Night:
    """A night in a place of its own.

    What calls a step or a gate belongs into a child process: see `child`.
    """

    settings: Settings
    row_group: int
    day: date = NIGHT

    def at(self, data: Path) -> Night:
        """The same night elsewhere."""
        return replace(self, settings=replace(self.settings, data=data))

    def run(self) -> Run:
        """Open it, as each task does."""
        # so that even a night of forty rows has several, and is dealt into slices
        parts.ROW_GROUP = self.row_group
        return Run.open(tiny.NAME, "scoring", self.day, self.settings)

    def take(self, task: Task) -> None:
        """Do one task."""
        if task.gate:
            runner.gate(self.run(), task.gate)
        else:
            runner.take(self.run(), task.step, task.share)

    def tasks(self) -> Iterator[Task]:
        """Each task in turn; the shares of a step are known when those before it are done."""
        for step, table in WAYS["scoring"]:
            yield from [Task(step, share) for share in plan.shares(self.run(), step) or (None,)]
            if table:
                yield Task(step, gate=table)

    def way(self) -> None:
        """The whole night."""
        runner.run_all(self.run())

    def files(self) -> dict[str, bytes]:
        """Everything that a reader may find.

        What begins with a dot is nobody's business: drafts, and what lies beside the night.
        """
        root = self.settings.disk
        every = {
            path.relative_to(root): path
            for path in root.rglob("*")
            if path.is_file() and path.suffix != ".lock"
        }
        return {
            name.as_posix(): path.read_bytes()
            for name, path in every.items()
            if not any(part[0] == "." for part in name.parts)
        }

    def restore(self, files: dict[str, bytes]) -> None:
        """Bring about what `files` has found."""
        shutil.rmtree(self.settings.disk, ignore_errors=True)
        for name, content in files.items():
            path = self.settings.disk / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def read_everything(self) -> None:
        """Read each table that is published, as a reader does."""
        store = self.run().store
        for path in store.disk.rglob("manifest.json"):
            table = path.parent.relative_to(store.disk).as_posix()
            if table.startswith("."):
                continue  # nobody's business: what a killed task has left beside the night
            assert len(store.read(table).fetchall()) == store.manifest(table).rows


def assert_no_half(found: dict[str, bytes], known: dict[str, set[bytes]]) -> None:
    """Every file is one that a clean night has at some time, whole, and each manifest's parts are there."""
    for name, content in found.items():
        assert content in known.get(name, ()), f"{name} is a half, or what no clean night has"
        if name.endswith("/manifest.json"):
            for part in json.loads(content)["parts"]:
                there = found.get(f"{name.removesuffix('manifest.json')}{part['file']}")
                assert there is not None, f"{name} promises {part['file']}, which is not there"
                assert hashlib.sha256(there).hexdigest() == part["sha256"], (
                    f"{name} promises another {part['file']}"
                )


class Calls:
    """Counts what a process calls in Python, and kills it at the n-th call, if there is one: a moment that is
    the same each time, or nearly.
    """

    def __init__(self, kill_at: int | None = None) -> None:
        self.kill_at = kill_at
        self.count = 0
        sys.setprofile(self._seen)

    def _seen(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            self.count += 1
            if self.count == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


class FileOperations:
    """Counts what a process does to the files of a folder, and kills it right before the n-th time, if there
    is one.
    """

    def __init__(self, folder: Path, kill_at: int | None = None) -> None:
        self.folder = str(folder)
        self.kill_at = kill_at
        self.count = 0
        sys.addaudithook(self._seen)

    def _seen(self, event: str, arguments: tuple[Any, ...]) -> None:
        opens_to_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES
        if (opens_to_write or event in CHANGES) and str(arguments[0]).startswith(self.folder):
            self.counted()

    def counted(self) -> None:
        """One more; the last one, if it is the n-th."""
        self.count += 1
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
