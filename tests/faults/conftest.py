"""A training and a clean night, once for all tests: what kills and full disks are compared with."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pipelines import runner
from pipelines.run import plan
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import child, night, tiny
from tests.helpers.night import FileOperations, Night, Task
from tests.helpers.ways import WAYS


@dataclass(frozen=True)
class World:
    """A champion, and the training that made it as it was before its last steps."""

    settings: Settings
    before: dict[str, Path]  # step -> a copy of everything, right before it


@dataclass(frozen=True)
class Done:
    """A task of the clean night: what was there before and after it, and how many file operations it took."""

    task: Task
    before: dict[str, bytes]
    after: dict[str, bytes]
    operations: int


@dataclass(frozen=True)
class CleanNight:
    """A night to which nothing happened."""

    night: Night
    done: list[Done]

    @property
    def first(self) -> dict[str, bytes]:
        """What was there before it."""
        return self.done[0].before

    @property
    def last(self) -> dict[str, bytes]:
        """What was there after it."""
        return self.done[-1].after

    def known(self, *done: Done) -> dict[str, set[bytes]]:
        """What a file may hold before, between and after some tasks: all of them, if none is named."""
        found: dict[str, set[bytes]] = defaultdict(set)
        for one in done or self.done:
            for state in (one.before, one.after):
                for name, content in state.items():
                    found[name].add(content)
        return found


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> World:
    """A training through all its gates."""
    night.import_tools()
    place = tmp_path_factory.mktemp("world")
    for folder in ("use_cases", "var"):
        (place / folder).mkdir()
    shutil.copy(mlflow_database, place / "var" / "mlflow.db")
    (place / "use_cases" / f"{tiny.NAME}.yaml").write_text(night.SMALL)
    settings = Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place / "var",
        mlflow=f"sqlite:///{place}/var/mlflow.db",
        mirror=None,
    )
    before = {
        step: tmp_path_factory.mktemp(step) / "copy" for step in ("snapshot", "tune", "export", "promote")
    }

    def train() -> None:
        for step, table in WAYS["training"]:
            if step in before:
                shutil.copytree(place, before[step])
            run = Run.open(tiny.NAME, "training", night.TRAINING, settings)
            for share in plan.shares(run, step) or (None,):
                runner.take(run, step, share)
            if table:
                runner.gate(run, table)

    child.run(train).value()
    return World(settings, before)


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Iterator[Settings]:
    """The training's own place, since MLflow knows its artifacts by absolute paths.

    It is brought back at the end.
    """
    place = world.settings.disk.parent
    shutil.copytree(place, tmp_path / "after")
    yield world.settings
    bring_back(tmp_path / "after", place)


def bring_back(copy: Path, place: Path) -> None:
    shutil.rmtree(place)
    shutil.copytree(copy, place)


def clean(world: World, use_case: str, row_group: int, place: Path) -> CleanNight:
    """Go through a night, each task in a process of its own."""
    (place / "use_cases").mkdir()
    (place / "use_cases" / f"{tiny.NAME}.yaml").write_text(use_case)
    one = Night(replace(world.settings, use_cases=place / "use_cases"), row_group).at(place / "data")
    history = f"{tiny.NAME}/promotions.jsonl"
    one.restore({history: (world.settings.disk / history).read_bytes()})

    def taken(task: Task) -> int:
        operations = FileOperations(one.settings.disk)
        one.take(task)
        return operations.count

    done: list[Done] = []
    tasks: list[Task] = []
    while len(tasks := child.run(lambda: _next(one, len(tasks))).value()) > len(done):
        before, task = one.files(), tasks[len(done)]
        operations = child.run(lambda task=task: taken(task)).value()  # type: ignore[misc]
        done.append(Done(task, before, one.files(), operations))
    return CleanNight(one, done)


def _next(one: Night, done: int) -> list[Task]:
    """The tasks that are known when some are done: the next one among them, if there is one."""
    found = []
    for task in one.tasks():
        found.append(task)
        if len(found) > done:
            break
    return found


@pytest.fixture(scope="session")
def small(world: World, tmp_path_factory: pytest.TempPathFactory) -> CleanNight:
    """Forty rows in four row groups and two slices."""
    return clean(world, night.SMALL, 10, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def large(world: World, tmp_path_factory: pytest.TempPathFactory) -> CleanNight:
    """A night whose steps take tenths of a second."""
    use_case = night.LARGE.replace("shard_rows: 20", f"shard_rows: {night.ROWS_A_DAY // 2}")
    return clean(world, use_case, night.ROWS_A_DAY // 4, tmp_path_factory.mktemp("large"))
