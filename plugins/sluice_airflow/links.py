"""Buttons on a task's Details tab, each shown when the task has left what it leads to.

Airflow asks for a link in the task's own process when the task has ended: the operator still knows what it
has left, and asking Airflow for an XCom that is not there would put an error into the task's log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

    from sluice_airflow.operators import FlowOperator

PREFIX = "/sluice"  # where the plugin's pages are, see pages.py
REPORT = "report"  # XCom: a report's path below the data root
MLFLOW_RUN = "mlflow_run"  # XCom: the id of an MLflow run


class MlflowLink(BaseOperatorLink):
    """The MLflow run that the task has logged."""

    name = "MLflow run"

    def get_link(self, operator: FlowOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]
        """Return the address of our page about the run; an empty one shows no button."""
        mlflow_run = operator.left.get(MLFLOW_RUN)
        return mlflow_page(ti_key.dag_id, mlflow_run) if mlflow_run else ""


class ReportLink(BaseOperatorLink):
    """The report that the task has written, also when it is a gate that has then closed."""

    name = "Report"

    def get_link(self, operator: FlowOperator, *, ti_key: TaskInstanceKey) -> str:  # type: ignore[override]
        """Return the report's address; an empty one shows no button."""
        if REPORT not in operator.left:
            return ""
        return report_page(ti_key.dag_id, ti_key.run_id, ti_key.task_id, ti_key.map_index)


def report_page(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """Where a task's report is shown."""
    return _address("reports", dag_id, run_id, task_id, str(map_index))


def mlflow_page(dag_id: str, mlflow_run: str) -> str:
    """Where an MLflow run is shown, to those who may read the DAG."""
    return _address("mlflow", dag_id, mlflow_run)


def _address(*parts: str) -> str:
    return "/".join([PREFIX, *(quote(part, safe="") for part in parts)])
