"""A training and two nights, by two workers that share no disk: published in the object store, their logs in the UI."""

from __future__ import annotations

from datetime import date
from typing import Any

import boto3
import pytest

from pipelines.manifest import Manifest
from tests import tiny
from tests.cluster import use_cases
from tests.cluster.airflow import Task
from tests.cluster.conftest import World

WORKERS = {"127.0.0.2", "127.0.0.3"}


def run(world: World, dag: str, partition: date, seconds: float = 300) -> list[Task]:
    """Run a DAG to its end, which has to be a good one."""
    world.airflow.wait_for_dag(dag)
    begun = world.airflow.trigger(dag, partition)
    state = world.airflow.wait_for_run(dag, begun, seconds)
    tasks = world.airflow.tasks(dag, begun)
    logs = [world.airflow.log(dag, begun, task)[-2000:] for task in tasks if task.state == "failed"]
    assert state == "success", "\n".join(logs)
    return tasks


@pytest.fixture(scope="module")
def training(world: World) -> list[Task]:
    return run(world, f"{tiny.NAME}_training", use_cases.TRAINING)


@pytest.fixture(scope="module")
def night(world: World, training: list[Task]) -> list[Task]:
    return run(world, f"{tiny.NAME}_scoring", use_cases.NIGHT)


def test_everything_is_well(world: World) -> None:
    for name, megabytes in world.memory().items():
        print(f"{name:16} {megabytes:6.0f} MB")
    print(f"{'together':16} {sum(world.memory().values()):6.0f} MB, up in {world.seconds:.0f} seconds")
    assert all(world.cluster.healthy(name) for name in world.cluster.processes)
    health = world.airflow.get("/monitor/health")
    assert {part: told["status"] for part, told in health.items()} == dict.fromkeys(
        ("metadatabase", "scheduler", "triggerer", "dag_processor"), "healthy"
    )


def test_both_workers_take_part(training: list[Task], night: list[Task]) -> None:
    assert {task.machine for task in (*training, *night)} == WORKERS
    assert {task.tries for task in (*training, *night)} == {1}


def test_a_tasks_log_comes_from_the_worker_that_ran_it(world: World, night: list[Task]) -> None:
    dag = f"{tiny.NAME}_scoring"
    for machine in WORKERS:
        task = next(task for task in night if task.machine == machine)
        log = world.airflow.log(dag, task.facts["dag_run_id"], task)
        assert f"http://{machine}:" in log
        assert f"{tiny.NAME} scoring {use_cases.NIGHT}" in log


def test_what_a_worker_logs_is_shown_to_nobody_without_a_token(world: World, night: list[Task]) -> None:
    import httpx

    address = f"http://{night[0].machine}:{world.cluster.places.log_port}/log/"
    assert httpx.get(address).status_code in (401, 403, 404)
    name = next(path for path in (world.cluster.places.folder / "worker-1" / "logs").rglob("*.log"))
    inside = name.relative_to(world.cluster.places.folder / "worker-1" / "logs")
    assert httpx.get(f"http://127.0.0.2:{world.cluster.places.log_port}/log/{inside}").status_code == 403


def test_the_night_is_published_in_the_store(world: World, night: list[Task]) -> None:
    assert manifest(world, f"{tiny.NAME}/scoring/{use_cases.NIGHT}/predictions").rows == tiny.ROWS_A_DAY
    assert not list(world.cluster.places.folder.rglob("predictions")), "a table was left on a worker's disk"


def manifest(world: World, table: str) -> Manifest:
    found = store(world).get_object(Bucket="sluice", Key=f"data/{table}/manifest.json")["Body"].read()
    return Manifest.from_json(found)


def store(world: World) -> Any:
    secrets = world.cluster.secrets
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{world.cluster.places.store_port}",
        aws_access_key_id=secrets["S3_ACCESS_KEY"],
        aws_secret_access_key=secrets["S3_SECRET_KEY"],
        region_name="us-east-1",
    )
