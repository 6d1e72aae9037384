"""Somebody's hands in the UI: tasks marked as success, or cleared in any order.

What is let through is what a gate has judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from scripts.cluster.local.cluster import Cluster
from tests.cluster import world as given
from tests.cluster.running import Running
from tests.cluster.world import CHANGING

DAG = f"{CHANGING}_scoring"
NIGHT, BAD = given.NIGHT, given.NIGHT + timedelta(days=1)
FOLDER = f"{CHANGING}/scoring"


@pytest.fixture(scope="module")
def night(world: Running) -> str:
    """A night that was published; its run."""
    world.run(f"{CHANGING}_training", given.TRAINING)
    return str(world.run(DAG, NIGHT)[0].facts["dag_run_id"])


@pytest.fixture
def damaged(world: Running) -> Iterator[None]:
    """The source delivers what nobody knows."""
    damaged = given.damaged(use_cases(world.cluster))
    damaged.touch()
    yield
    damaged.unlink()


def use_cases(cluster: Cluster) -> Path:
    return cluster.places.folder / "use_cases"


def refused(world: Running, run: str, task: str) -> str:
    """Let a task be done again, alone, which must fail.

    Return what it says. (A run is what its last tasks are, whatever became of others.)
    """
    world.airflow.clear(DAG, run, [task])
    world.airflow.wait_for_run(DAG, run, 180)
    (again,) = [one for one in world.airflow.tasks(DAG, run) if one.facts["task_id"] == task]
    assert again.state == "failed"
    return world.airflow.log(DAG, run, again)


def test_a_task_that_is_marked_as_success_lets_nothing_through(
    world: Running, night: str, damaged: None
) -> None:
    run = world.airflow.trigger(DAG, BAD)
    assert world.airflow.wait_for_run(DAG, run, 180) == "failed"
    closed = next(task for task, state in world.airflow.states(DAG, run).items() if state == "failed")
    assert closed == "gate_clean"
    for task in (closed, "past", "gate_past"):
        world.airflow.mark(DAG, run, task)
    assert "gate_clean of" in refused(world, run, "features")
    for task in ("features", "gate_features", "score"):
        world.airflow.mark(DAG, run, task)
    assert "gate_clean of" in refused(world, run, "publish")
    for task in ("publish", "gate_predictions"):
        world.airflow.mark(DAG, run, task)
    assert not [name for name in world.files(f"{FOLDER}/{BAD}") if name.startswith("predictions/")]


def test_tasks_that_are_cleared_one_by_one_last_first_leave_the_night_as_it_was(
    world: Running, night: str
) -> None:
    before = tables(world)
    for task in (
        "gate_predictions",
        "publish",
        "score",
        "gate_features",
        "features",
        "gate_clean",
        "cleanse",
        "gate_raw",
        "ingest",
    ):
        world.airflow.clear(DAG, night, [task])
        assert world.airflow.wait_for_run(DAG, night, 180) == "success", task
    assert tables(world) == before


def test_a_step_that_is_cleared_alone_does_not_read_what_no_gate_has_judged_since(
    world: Running, night: str, damaged: None
) -> None:
    before = tables(world, "predictions", "features")
    world.airflow.clear(DAG, night, ["ingest"])
    assert world.airflow.wait_for_run(DAG, night, 180) == "success"
    assert "gate_raw of" in refused(world, night, "features")
    world.airflow.mark(DAG, night, "features")
    assert "gate_raw of" in refused(world, night, "score")
    assert tables(world, "predictions", "features") == before


def tables(world: Running, *names: str) -> dict[str, bytes]:
    """Files of the night's tables, and of what its gates have said."""
    found = world.files(f"{FOLDER}/{NIGHT}")
    return {
        name: content
        for name, content in found.items()
        if name.endswith((".parquet", "manifest.json")) and name.startswith(names or "")
    }
