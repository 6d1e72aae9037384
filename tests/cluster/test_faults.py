"""Whatever dies while a night is scored in sixteen slices: the night ends published, the same to the byte,
and nothing is left over.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest

from tests.cluster import world as given
from tests.cluster.airflow import Task
from tests.cluster.running import Running
from tests.cluster.world import SHARDS, SLICED
from tests.helpers.waiting import until

DAG = f"{SLICED}_scoring"
NIGHT = f"{SLICED}/scoring/{given.NIGHT}"
AGAIN = ("score", "publish", "gate_predictions")
OUTAGE = 30  # seconds
PATIENCE = 420  # seconds


@dataclass(frozen=True)
class Scored:
    """A night to which nothing happened: the run that is done again with each fault, what it published, and
    how long it took.
    """

    run: str
    files: dict[str, bytes]
    seconds: float


def published(world: Running) -> dict[str, bytes]:
    """The predictions, joined and in slices, with their manifests, and what their gate has said."""
    return {
        name: content
        for name, content in world.files(NIGHT).items()
        if name.startswith(("predictions/", "gates/predictions"))
    }


def score_again(world: Running, run: str) -> None:
    """Let the slices be scored again, from nothing."""
    world.remove(f"{NIGHT}/predictions")
    world.remove(f"{NIGHT}/gates/predictions")
    world.airflow.clear(DAG, run, AGAIN)


@pytest.fixture(scope="module")
def clean(world: Running, sliced_night: list[Task]) -> Scored:
    run, files = str(sliced_night[0].facts["dag_run_id"]), published(world)
    score_again(world, run)
    begun = time.monotonic()
    assert world.airflow.wait_for_run(DAG, run, PATIENCE) == "success"
    seconds = time.monotonic() - begun
    assert published(world) == files
    assert (
        sum(name.startswith("predictions/00") and name.endswith("manifest.json") for name in files) == SHARDS
    )
    print(f"\n{'nothing happens':34} {seconds:5.0f} seconds from the first slice to the gate behind the last")
    return Scored(run, files, seconds)


# --- what happens


def scoring(world: Running, run: str) -> list[Task]:
    """Wait until some slices are being scored, and return these tasks."""
    return running_tasks(world, run, "score", lambda slices: any(task.state == "success" for task in slices))


def judging(world: Running, run: str) -> list[Task]:
    """Wait until the gate is judging, and return its task."""
    return running_tasks(world, run, "gate_predictions")


def running_tasks(
    world: Running,
    run: str,
    task_id: str,
    also: Callable[[list[Task]], bool] = lambda _: True,
) -> list[Task]:
    """Wait until a task (or a share of it) is running, and what else is asked for holds of all of them.

    Return those that run.
    """

    def begun() -> list[Task]:
        tasks = [task for task in world.airflow.tasks(DAG, run) if task.facts["task_id"] == task_id]
        return [task for task in tasks if task.state == "running"] if also(tasks) else []

    return until(begun, lambda: f"{task_id} was not begun: {world.airflow.states(DAG, run)}", PATIENCE)


def kill_worker(world: Running, running: list[Task]) -> str:
    """A machine with a worker loses its power; ten seconds later it is back."""
    name = f"worker-{int(running[0].machine.rpartition('.')[2]) - 1}"
    killed = world.cluster.processes[name].kill()
    time.sleep(10)
    world.cluster.restart(name)
    return f"{len(killed)} processes killed"


def kill_gates_worker(world: Running, slices: list[Task]) -> str:
    """The same under the gate behind the slices."""
    return kill_worker(world, judging(world, str(slices[0].facts["dag_run_id"])))


def kill_workers_parent(world: Running, running: list[Task]) -> str:
    """Only Celery's main process dies: its tasks go on, beside their retries."""
    name = f"worker-{int(running[0].machine.rpartition('.')[2]) - 1}"
    worker = world.cluster.processes[name]
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait(PATIENCE)
    orphans = len(worker.tree())
    world.cluster.restart(name)
    return f"{orphans} orphans"


def restart_redis(world: Running, _: list[Task]) -> str:
    """The broker is killed; three seconds later it is back."""
    return _kill_and_start(world, "redis")


def restart_postgres(world: Running, _: list[Task]) -> str:
    """Airflow's, Celery's and MLflow's databases are killed; three seconds later they are back."""
    return _kill_and_start(world, "postgres")


def restart_scheduler(world: Running, _: list[Task]) -> str:
    """The scheduler is killed; three seconds later it is back."""
    return _kill_and_start(world, "scheduler")


def restart_api_server(world: Running, _: list[Task]) -> str:
    """What workers and people talk to is killed; three seconds later it is back."""
    return _kill_and_start(world, "api-server")


def store_answers_errors(world: Running, _: list[Task]) -> str:
    """The object store answers everything with 500."""
    return _outage(world, "error")


def store_hangs_up(world: Running, _: list[Task]) -> str:
    """The object store closes every connection."""
    return _outage(world, "hung up")


def store_is_slow(world: Running, _: list[Task]) -> str:
    """The object store takes ten seconds for each answer."""
    return _outage(world, "late")


def _kill_and_start(world: Running, name: str) -> str:
    process = world.servers.get(name) or world.cluster.processes[name]
    killed = process.kill()
    time.sleep(3)
    process.start()
    return f"{len(killed)} processes killed"


def _outage(world: Running, manner: str) -> str:
    before = world.faulty.refused
    with world.faulty.being(manner, OUTAGE):  # type: ignore[arg-type]
        pass
    return f"{world.faulty.refused - before} requests in {OUTAGE} seconds"


FAULTS: list[Callable[[Running, list[Task]], str]] = [
    kill_worker,
    kill_gates_worker,
    kill_workers_parent,
    restart_redis,
    restart_postgres,
    restart_scheduler,
    restart_api_server,
    store_answers_errors,
    store_hangs_up,
    store_is_slow,
]


ASKED = os.environ.get("SLUICE_FAULTS", " ".join(fault.__name__ for fault in FAULTS)).split()


@pytest.mark.parametrize("name", ASKED)
def test_the_night_is_the_same_whatever_happens(world: Running, clean: Scored, name: str) -> None:
    fault = {fault.__name__: fault for fault in FAULTS}[name]
    score_again(world, clean.run)
    begun = time.monotonic()
    what = fault(world, scoring(world, clean.run))
    assert ended(world, clean.run) == "success", {
        task.name: (task.state, task.tries) for task in world.airflow.tasks(DAG, clean.run)
    }
    seconds = time.monotonic() - begun
    tries = [task.tries for task in world.airflow.tasks(DAG, clean.run)]
    print(
        f"\n{name:34} {seconds:5.0f} seconds, {seconds - clean.seconds:+4.0f}; {what}; most tries of a task"
        f" so far {max(tries)}"
    )
    assert published(world) == clean.files
    for process in world.cluster.processes:
        world.cluster.wait_for(process, 120)


def ended(world: Running, run: str) -> str:
    """Wait until the run has ended.

    What ends meanwhile is started again, as Compose does, and whom one asks may be away.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        for name, code in world.cluster.revive().items():
            print(f"\n  {name} ended with {code}, and is started again", end="")
        try:
            return world.airflow.wait_for_run(DAG, run, 1)
        except (httpx.HTTPError, TimeoutError):
            assert time.monotonic() < deadline, (
                f"not ended after {PATIENCE} seconds: {world.airflow.states(DAG, run)}"
            )
