"""The three DAGs of the tiny use case, run by Airflow with every real step and gate: a training, seven
nights, a week's report.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from pipelines.core.config import Kind
from pipelines.run.run import Run
from pipelines.storage.settings import ROOT
from tests.helpers import poison, tiny

TRAINING = date(2026, 1, 31)
NIGHTS = [date(2026, 2, 1) + timedelta(days=n) for n in range(7)]


@dataclass
class Life:
    """What a use case has lived through: the last run of each DAG and partition."""

    runs: dict[tuple[Kind, date], Any] = field(default_factory=dict)

    def live(self, kind: Kind, partition: date) -> None:
        """Run a DAG for a partition, as `airflow dags test` does."""
        dag = DagBag(dag_folder=str(ROOT / "dags")).dags[f"{tiny.NAME}_{kind}"]
        self.runs[kind, partition] = dag.test(logical_date=datetime.combine(partition, time(), UTC))

    def states(self, kind: Kind, partition: date) -> dict[str, str]:
        """Task id -> state."""
        return {ti.task_id: str(ti.state) for ti in self.runs[kind, partition].get_task_instances()}


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Iterator[Life]:
    place = tmp_path_factory.mktemp("life")
    (place / "use_cases").mkdir()
    (place / "use_cases" / f"{tiny.NAME}.yaml").write_text(poison.YAML)
    (place / "var").mkdir()
    shutil.copy(mlflow_database, place / "var" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_USE_CASES", str(place / "use_cases"))
        patch.setenv("SLUICE_DATA", str(place / "data"))
        patch.setenv("SLUICE_VAR", str(place / "var"))
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place}/var/mlflow.db")
        lived = Life()
        lived.live("training", TRAINING)
        for night in NIGHTS:
            lived.live("scoring", night)
        lived.live("drift", NIGHTS[0])
        yield lived


def opened(kind: Kind, partition: date) -> Run:
    return Run.open(tiny.NAME, kind, partition)


def test_every_run_succeeds_and_publishes_every_table(life: Life) -> None:
    assert {key: str(run.state) for key, run in life.runs.items()} == dict.fromkeys(life.runs, "success")
    for table in ("raw", "clean", "features", "trials/linear", "trials/xgboost", "scores", "parity"):
        assert opened("training", TRAINING).store.manifest(table).rows
    for night in NIGHTS:
        assert opened("scoring", night).store.manifest("predictions").rows == tiny.ROWS_A_DAY
    assert opened("drift", NIGHTS[0]).store.manifest("drift").rows


def test_a_poisoned_night_ends_at_its_gate_and_in_the_exit_code(life: Life) -> None:
    test = subprocess.run(
        [
            sys.executable,
            "-m",
            "airflow",
            "dags",
            "test",
            f"{tiny.NAME}_scoring",
            poison.POISONED.isoformat(),
        ],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert test.returncode != 0
    assert "gate_clean of tiny scoring 2026-02-08 is closed" in test.stdout
    store = opened("scoring", poison.POISONED).store
    assert store.has("clean")
    assert not store.has("features")
    assert not store.has("predictions")
