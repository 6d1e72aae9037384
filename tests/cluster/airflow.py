"""A user of the cluster's Airflow, by its REST API alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx

from tests.helpers.waiting import until

ENDED = ("success", "failed")


@dataclass(frozen=True)
class Task:
    """A task instance, as Airflow tells of it."""

    facts: dict[str, Any]

    @property
    def name(self) -> str:
        """Its id, with the number of its share."""
        index = self.facts["map_index"]
        return f"{self.facts['task_id']}[{index}]" if index >= 0 else str(self.facts["task_id"])

    @property
    def state(self) -> str:
        """How it is."""
        return str(self.facts["state"])

    @property
    def machine(self) -> str:
        """Where it ran."""
        return str(self.facts["hostname"])

    @property
    def tries(self) -> int:
        """How often it was tried."""
        return int(self.facts["try_number"])


class Airflow:
    """Somebody who is logged in."""

    def __init__(self, address: str, password: str) -> None:
        self.client = httpx.Client(base_url=address, timeout=60)
        said = self.client.post("/auth/token", json={"username": "admin", "password": password})
        self.client.headers["Authorization"] = f"Bearer {said.raise_for_status().json()['access_token']}"

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """Ask for something."""
        found: dict[str, Any] = self.client.get(f"/api/v2{path}", params=params).raise_for_status().json()
        return found

    def wait_for_dag(self, dag: str) -> None:
        """Wait until the DAG processor has found a DAG."""
        until(
            lambda: self.client.get(f"/api/v2/dags/{dag}").status_code != 404,
            lambda: f"no DAG {dag}: {self.get('/importErrors')}",
        )

    def trigger(self, dag: str, partition: date) -> str:
        """Start a run for a partition, and return its id."""
        asked = {"logical_date": None, "conf": {"partition": partition.isoformat()}}
        said = self.client.post(f"/api/v2/dags/{dag}/dagRuns", json=asked)
        return str(said.raise_for_status().json()["dag_run_id"])

    def clear(self, dag: str, run: str, tasks: Sequence[str]) -> None:
        """Let some tasks of a run be done again."""
        asked = {
            "dry_run": False,
            "dag_run_id": run,
            "task_ids": list(tasks),
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self.client.post(f"/api/v2/dags/{dag}/clearTaskInstances", json=asked).raise_for_status()

    def mark(self, dag: str, run: str, task: str, state: str = "success") -> None:
        """Say of a task that it has ended so, whatever it did, as the UI's button does."""
        self.client.patch(
            f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}", json={"new_state": state}
        ).raise_for_status()

    def wait_for_run(self, dag: str, run: str, seconds: float) -> str:
        """Wait until a run has ended, and return its state."""

        def ended() -> str:
            state = str(self.get(f"/dags/{dag}/dagRuns/{run}")["state"])
            return state if state in ENDED else ""

        return until(ended, lambda: f"the end of {dag} {run}: {self.states(dag, run)}", seconds)

    def tasks(self, dag: str, run: str) -> list[Task]:
        """The task instances of a run."""
        return [
            Task(facts)
            for facts in self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances", limit=100)["task_instances"]
        ]

    def states(self, dag: str, run: str) -> dict[str, str]:
        """Task -> state."""
        return {task.name: task.state for task in self.tasks(dag, run)}

    def log(self, dag: str, run: str, task: Task) -> str:
        """The log of a task's last try, as the UI shows it, with what was raised."""
        path = f"/dags/{dag}/dagRuns/{run}/taskInstances/{task.facts['task_id']}/logs/{task.tries}"
        lines = self.get(path, map_index=task.facts["map_index"])["content"]
        return "\n".join("\n".join([str(line.get("event")), *_raised(line)]) for line in lines)


def _raised(line: Mapping[str, Any]) -> list[str]:
    return [f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail") or ()]
