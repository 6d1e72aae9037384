"""Runs of the tiny use case whose steps are the test's own: what the operators make of a step's end can then
be seen alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.models.xcom import XComModel
from airflow.sdk import DAG
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.utils.session import create_session
from sqlalchemy import select

from pipelines import flow
from pipelines.run.plan import Outcome
from pipelines.run.run import Run
from pipelines.storage.settings import ROOT


def quiet(run: Run, share: str = "") -> Outcome:
    """A step, or a share of it, with nothing to report."""
    return Outcome(f"{run.partition} {share} done")


def steps(**own: Callable[..., Outcome]) -> dict[Any, Callable[..., Outcome]]:
    """Quiet steps, but for the test's own."""
    return {**dict.fromkeys(flow.STEPS, quiet), **own}


def dag_run(
    kind: str, day: datetime | None = datetime(2026, 2, 1, tzinfo=UTC), conf: dict[str, str] | None = None
) -> Any:
    """Run a DAG of the tiny use case in this process, without waiting before retries."""
    dag = DagBag(dag_folder=str(ROOT / "dags")).dags[f"tiny_{kind}"]
    without_delay(dag)
    return dag.test(logical_date=day, run_conf=conf)


def without_delay(dag: DAG) -> None:
    """Let no retry wait."""
    for task in dag.tasks:
        if isinstance(task, MappedOperator):
            task.partial_kwargs["retry_delay"] = timedelta(0)
        else:
            task.retry_delay = timedelta(0)


def states(run: Any) -> dict[str, str]:
    """Task id -> state."""
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def tries(run: Any) -> dict[str, int]:
    """Task id -> how often it was tried."""
    return {ti.task_id: ti.try_number for ti in run.get_task_instances()}


def left(run: Any, key: str) -> dict[str, Any]:
    """Task id -> the XCom that it has left under a key."""
    with create_session() as session:
        found = session.scalars(
            select(XComModel).where(
                XComModel.run_id == run.run_id, XComModel.dag_id == run.dag_id, XComModel.key == key
            )
        )
        return {x.task_id: XComModel.deserialize_value(x) for x in found}
