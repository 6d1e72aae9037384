"""Many use cases at once: every night and training ends, nights go first, and what Airflow itself costs is
printed.

SLUICE_LOAD=20x30 is 20 use cases with 30 nights each; without it, a load that fits into a test.
SLUICE_LOAD_BESIDE=46 lays so many use cases beside them that nobody runs: the scheduler and the DAG processor
have to carry them.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from statistics import median
from typing import Any

import psutil
import pytest

from tests.cluster import world as given
from tests.cluster.running import Running

USE_CASES, NIGHTS = map(int, os.environ.get("SLUICE_LOAD", "2x4").split("x"))
BESIDE = int(os.environ.get("SLUICE_LOAD_BESIDE", "0"))
NAMES = [f"load_{n:02}" for n in range(USE_CASES)]
PATIENCE = 600 + 60 * USE_CASES * NIGHTS  # seconds
SECOND_TRAINING = given.NIGHT + timedelta(days=NIGHTS)
LOOP = 5  # seconds in which the scheduler has looked at everything once
OURS = ("worker", "mlflow", "store")  # whose CPU time is spent on data and models; the rest is Airflow's own

Facts = dict[str, Any]  # of a task, as Airflow's API tells them


@dataclass
class Load:
    """What was asked for at once, and what came of it."""

    nights: list[list[Facts]] = field(default_factory=list)  # of each run, its tasks
    trainings: list[list[Facts]] = field(default_factory=list)


@pytest.fixture(scope="module")
def champions(world: Running) -> None:
    """Each use case is trained, all of them at once."""
    for name in (*NAMES, *(f"beside_{n:02}" for n in range(BESIDE))):
        given.write(world.cluster.places.folder / "use_cases", name, "few")
    for name in NAMES:
        world.airflow.wait_for_dag(f"{name}_training")
    runs = [(f"{name}_training", world.airflow.trigger(f"{name}_training", given.TRAINING)) for name in NAMES]
    assert {world.airflow.wait_for_run(dag, run, PATIENCE) for dag, run in runs} == {"success"}


@pytest.fixture(scope="module")
def load() -> Load:
    return Load()


def test_all_nights_and_trainings_of_all_use_cases_end(world: Running, champions: None, load: Load) -> None:
    begun, before = time.monotonic(), _cpu(world)
    trainings = [
        (f"{name}_training", world.airflow.trigger(f"{name}_training", SECOND_TRAINING)) for name in NAMES
    ]
    nights = [
        (f"{name}_scoring", world.airflow.trigger(f"{name}_scoring", given.NIGHT + timedelta(days=night)))
        for night in range(NIGHTS)
        for name in NAMES
    ]
    ended = Counter(world.airflow.wait_for_run(dag, run, PATIENCE) for dag, run in nights)
    scored = time.monotonic() - begun
    ended += Counter(world.airflow.wait_for_run(dag, run, PATIENCE) for dag, run in trainings)
    seconds, after = time.monotonic() - begun, _cpu(world)
    load.nights, load.trainings = (
        [[task.facts for task in world.airflow.tasks(*run)] for run in runs] for runs in (nights, trainings)
    )
    tasks = [task for run in (*load.nights, *load.trainings) for task in run]
    assert ended == {"success": len(nights) + len(trainings)}
    assert {task["state"] for task in tasks} == {"success"}
    for name in NAMES:
        for night in range(NIGHTS):
            assert (
                world.manifest(f"{name}/scoring/{given.NIGHT + timedelta(days=night)}/predictions").rows
                == given.FEW
            )
    print(
        f"\n{len(nights)} nights and {len(trainings)} trainings of {USE_CASES} use cases, {BESIDE} beside"
        f" them: {len(tasks):,} tasks"
    )
    print(
        f"  the nights are done after {scored:,.0f} seconds, all after {seconds:,.0f}:"
        f" {len(tasks) / seconds:.2f} tasks a second"
    )
    for kind, runs in {"nights": load.nights, "trainings": load.trainings}.items():
        print(f"  {kind}: {_told(runs)}")
    print(f"  a DAG file was parsed in {max(_parsed(world)):.2f} seconds at most")
    _print_cost({name: after[name] - before[name] for name in before}, world.memory(), len(tasks))


def test_no_training_goes_before_a_night(load: Load) -> None:
    nights, trainings = (list(chain.from_iterable(runs)) for runs in (load.nights, load.trainings))
    assert min(_at(night, "scheduled_when") for night in nights) < max(
        _at(task, "queued_when") for task in trainings
    )
    overtaken = [
        f"{task['dag_id']}.{task['task_id']} before {night['dag_id']}.{night['task_id']}"
        for task in trainings
        for night in nights
        if _at(night, "scheduled_when") + LOOP < _at(task, "queued_when") < _at(night, "queued_when")
    ]
    assert overtaken == []


def _at(task: Facts, what: str) -> float:
    return datetime.fromisoformat(task[what]).timestamp()


def _told(runs: Sequence[Sequence[Facts]]) -> str:
    """How long tasks waited: to be scheduled behind the one before, for their turn, and to be begun by a
    worker.
    """
    tasks = [task for run in runs for task in run]
    behind = [lag for run in runs for lag in _lags(run)]
    turn = [_at(task, "queued_when") - _at(task, "scheduled_when") for task in tasks]
    sent = [_at(task, "start_date") - _at(task, "queued_when") for task in tasks]
    waits = {"the scheduler's lag": behind, "until its turn": turn, "until a worker begins": sent}
    return ", ".join(
        f"{name} {median(seconds):.2f} s (at most {max(seconds):.0f})" for name, seconds in waits.items()
    )


def _lags(run: Sequence[Facts]) -> list[float]:
    """Seconds from the end of the last task before each to its being scheduled."""
    ends = [_at(task, "end_date") for task in run]
    scheduled = sorted(_at(task, "scheduled_when") for task in run)
    return [when - max(end for end in ends if end <= when) for when in scheduled if when >= min(ends)]


def _parsed(world: Running) -> list[float]:
    """How long it took to parse the file of each DAG, in seconds."""
    return [
        world.airflow.get(f"/dags/{NAMES[0]}_{kind}")["last_parse_duration"]
        for kind in ("training", "scoring", "drift")
    ]


def _cpu(world: Running) -> dict[str, float]:
    """Process -> CPU seconds so far of it and of all that it has started, those included that have ended."""
    spent: dict[str, float] = defaultdict(float)
    for name, process in {**world.cluster.processes, **world.servers}.items():
        for one in process.tree():
            try:
                times = one.cpu_times()
            except psutil.Error:
                continue
            spent[name] += times.user + times.system + times.children_user + times.children_system
    return spent


def _print_cost(cpu: dict[str, float], memory: dict[str, float], tasks: int) -> None:
    """What a task costs in each process, and what these hold."""
    airflow = sum(seconds for name, seconds in cpu.items() if not name.startswith(OURS))
    print(
        f"  a task takes {sum(cpu.values()) / tasks:.2f} CPU seconds of all processes, {airflow / tasks:.2f}"
        " of them around the workers, without MLflow and store:"
    )
    for name in sorted(cpu, key=lambda name: -cpu[name]):
        if cpu[name] / tasks >= 0.005:
            print(f"    {name:14} {1000 * cpu[name] / tasks:6.0f} ms a task {memory.get(name, 0):6.0f} MB")
