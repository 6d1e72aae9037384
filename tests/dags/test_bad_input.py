"""Bad input under Airflow: a red task, tried once, with its sentence in the log, and nothing after it
runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun

from pipelines.run.run import Run
from pipelines.storage.settings import ROOT
from tests.helpers import tiny

DAG = f"{tiny.NAME}_scoring"
NIGHT = date(2026, 2, 1)


def amounts_in_words(day: date) -> pa.Table:
    rows = tiny.payments(day)
    return rows.set_column(
        rows.schema.get_field_index("amount"), "amount", pc.replace_substring(rows["channel"], "chip", "12.5")
    )


@pytest.fixture
def use_case_file(tmp_path: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny use case, in a place without any champion."""
    for variable, folder in (
        ("SLUICE_USE_CASES", "use_cases"),
        ("SLUICE_DATA", "data"),
        ("SLUICE_VAR", "var"),
    ):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / folder))
    shutil.copy(mlflow_database, tmp_path / "var" / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/var/mlflow.db")
    path = tmp_path / "use_cases" / f"{tiny.NAME}.yaml"
    path.write_text(tiny.YAML)
    return path


def told(run: DagRun) -> tuple[dict[str, str], set[int]]:
    """Each task's state, and how often the failed one was tried."""
    tasks = run.get_task_instances()
    return {task.task_id: str(task.state) for task in tasks}, {
        task.try_number for task in tasks if task.state == "failed"
    }


def test_a_wrong_type_turns_ingest_red_at_its_first_try_and_tells_the_sentence(use_case_file: Path) -> None:
    use_case_file.write_text(
        tiny.YAML.replace("tests.helpers.tiny:payments", "tests.dags.test_bad_input:amounts_in_words")
    )
    test = subprocess.run(
        [sys.executable, "-m", "airflow", "dags", "test", DAG, NIGHT.isoformat()],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert test.returncode != 0
    assert "column amount: 'online' is not a number" in test.stdout
    assert "pipelines/steps/ingest.py" not in test.stdout + test.stderr  # no stack trace of ours
    states, tries = told(DagRun.find(dag_id=DAG)[-1])
    assert states.pop("ingest") == "failed"
    assert set(states.values()) == {"upstream_failed"}
    assert tries == {1}
    assert not Run.open(tiny.NAME, "scoring", NIGHT).store.has("raw")


@pytest.mark.usefixtures("use_case_file")
def test_a_night_without_a_champion_turns_score_red_at_its_first_try() -> None:
    dag = DagBag(dag_folder=str(ROOT / "dags")).dags[DAG]
    states, tries = told(dag.test(logical_date=datetime.combine(NIGHT, time(), UTC)))
    assert {task for task, state in states.items() if state == "failed"} == {"score"}
    assert states["gate_predictions"] == "upstream_failed"
    assert tries == {1}
    assert not Run.open(tiny.NAME, "scoring", NIGHT).store.has("predictions")
