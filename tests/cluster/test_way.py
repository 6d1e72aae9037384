"""A training and two nights, by two workers that share no disk: published in the object store, their logs in
the UI.
"""

from __future__ import annotations

import pytest

from tests.cluster import world as given
from tests.cluster.airflow import Task
from tests.cluster.running import Running
from tests.helpers import tiny

WORKERS = {"127.0.0.2", "127.0.0.3"}


@pytest.fixture(scope="module")
def training(world: Running) -> list[Task]:
    return world.run(f"{tiny.NAME}_training", given.TRAINING)


@pytest.fixture(scope="module")
def night(world: Running, training: list[Task]) -> list[Task]:
    return world.run(f"{tiny.NAME}_scoring", given.NIGHT)


def test_everything_is_well(world: Running) -> None:
    for name, megabytes in world.memory().items():
        print(f"{name:16} {megabytes:6.0f} MB")
    print(f"{'together':16} {sum(world.memory().values()):6.0f} MB, up in {world.seconds:.0f} seconds")
    assert all(world.cluster.healthy(name) for name in world.cluster.processes)
    # A kill of a worker has to reach Celery's own processes as well, which change their titles: two slots and
    # their parent.
    assert len(world.cluster.processes["worker-1"].tree()) >= 3
    health = world.airflow.get("/monitor/health")
    assert {part: told["status"] for part, told in health.items()} == dict.fromkeys(
        ("metadatabase", "scheduler", "triggerer", "dag_processor"), "healthy"
    )


def test_both_workers_take_part(training: list[Task], night: list[Task]) -> None:
    assert {task.machine for task in (*training, *night)} == WORKERS
    assert {task.tries for task in (*training, *night)} == {1}


def test_a_tasks_log_comes_from_the_worker_that_ran_it(world: Running, night: list[Task]) -> None:
    dag = f"{tiny.NAME}_scoring"
    for machine in WORKERS:
        task = next(task for task in night if task.machine == machine)
        log = world.airflow.log(dag, task.facts["dag_run_id"], task)
        assert f"http://{machine}:" in log
        assert f"{tiny.NAME} scoring {given.NIGHT}" in log


def test_what_a_worker_logs_is_shown_to_nobody_without_a_token(world: Running, night: list[Task]) -> None:
    import httpx

    address = f"http://{night[0].machine}:{world.cluster.places.log_port}/log/"
    assert httpx.get(address).status_code in (401, 403, 404)
    name = next(path for path in (world.cluster.places.folder / "worker-1" / "logs").rglob("*.log"))
    inside = name.relative_to(world.cluster.places.folder / "worker-1" / "logs")
    assert httpx.get(f"http://127.0.0.2:{world.cluster.places.log_port}/log/{inside}").status_code == 403


def test_the_night_is_published_in_the_store(world: Running, night: list[Task]) -> None:
    assert world.manifest(f"{tiny.NAME}/scoring/{given.NIGHT}/predictions").rows == tiny.ROWS_A_DAY
    assert not list(world.cluster.places.folder.rglob("predictions")), "a table was left on a worker's disk"
