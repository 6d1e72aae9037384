"""A DAG from which somebody takes a gate: the step behind it refuses, so that it cannot go unnoticed."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.exceptions import DeserializationError

from pipelines.storage.settings import ROOT
from tests.helpers import tiny

NIGHT = date(2026, 2, 1)
BEHIND = {"gate_raw": "cleanse", "gate_clean": "past", "gate_past": "features"}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny use case, in a place of its own."""
    for variable, folder in (
        ("SLUICE_USE_CASES", "use_cases"),
        ("SLUICE_DATA", "data"),
        ("SLUICE_VAR", "var"),
    ):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / folder))
    shutil.copy(mlflow_database, tmp_path / "var" / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/var/mlflow.db")
    (tmp_path / "use_cases" / f"{tiny.NAME}.yaml").write_text(tiny.YAML)


def without(gate: str) -> Any:
    """The scoring DAG in which the step behind the gate follows the step before it."""
    dag = DagBag(dag_folder=str(ROOT / "dags")).dags[f"{tiny.NAME}_scoring"]
    gone = dag.task_dict.pop(gate)
    dag.task_group.children.pop(gate)
    for before in gone.upstream_task_ids:
        dag.task_dict[before].downstream_task_ids.discard(gate)
        for behind in gone.downstream_task_ids:
            dag.task_dict[behind].upstream_task_ids.discard(gate)
            dag.set_dependency(before, behind)  # type: ignore[no-untyped-call]
    return dag


@pytest.mark.parametrize("gate", BEHIND)
def test_the_step_behind_a_gate_that_was_taken_out_refuses(
    gate: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run = without(gate).test(logical_date=datetime.combine(NIGHT, time(), UTC))
    states = {task.task_id: str(task.state) for task in run.get_task_instances()}
    assert gate not in states
    assert states[BEHIND[gate]] == "failed"
    assert f"{BEHIND[gate]} reads only what its gates have let through" in capfd.readouterr().out


def test_a_dag_without_the_gate_that_says_what_to_score_is_refused_by_airflow() -> None:
    dag = without("gate_features")
    with pytest.raises(DeserializationError, match="tiny_scoring"):
        dag.test(logical_date=datetime.combine(NIGHT, time(), UTC))
