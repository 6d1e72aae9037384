"""A day without a delivery, as Airflow lives through it: a night that is empty and green where none is
expected, and red where one is.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from pipelines import runner
from pipelines.run.run import Run
from pipelines.storage.settings import ROOT, Settings
from tests.helpers import tiny
from tests.test_expected_days import FIRST, TRAINING, WEEK, WEEKLY, text, wrote

SUNDAY, MONDAY = WEEK[:2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Iterator[Settings]:
    """A champion, and files of the weekdays until its training: none of the week after it."""
    place = tmp_path_factory.mktemp("expected_days")
    for folder in ("use_cases", "var", "delivered"):
        (place / folder).mkdir()
    shutil.copy(mlflow_database, place / "var" / "mlflow.db")
    for n in range((TRAINING - FIRST).days + 1):
        if (day := FIRST + timedelta(days=n)) in WEEKLY:
            wrote(place / "delivered", day)
    (place / "use_cases" / f"{tiny.NAME}.yaml").write_text(text(place / "delivered"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_USE_CASES", str(place / "use_cases"))
        patch.setenv("SLUICE_DATA", str(place / "data"))
        patch.setenv("SLUICE_VAR", str(place / "var"))
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place}/var/mlflow.db")
        settings = Settings.from_env()
        runner.run_all(Run.open(tiny.NAME, "training", TRAINING, settings))
        yield settings


def lived(night: date) -> tuple[str, dict[str, str]]:
    """The state of a night's run, and of its tasks, as `airflow dags test` leaves them."""
    run: Any = (
        DagBag(dag_folder=str(ROOT / "dags"))
        .dags[f"{tiny.NAME}_scoring"]
        .test(logical_date=datetime.combine(night, time(), UTC))
    )
    return str(run.state), {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def test_a_night_on_which_nothing_is_expected_is_green_to_its_end_and_empty(trained: Settings) -> None:
    state, tasks = lived(SUNDAY)
    assert state == "success"
    assert {
        tasks[task] for task in ("ingest", "gate_raw", "gate_features", "publish", "gate_predictions")
    } == {"success"}
    assert Run.open(tiny.NAME, "scoring", SUNDAY, trained).store.manifest("predictions").rows == 0


def test_a_night_whose_file_is_missed_fails_at_ingest_and_publishes_nothing(trained: Settings) -> None:
    state, tasks = lived(MONDAY)
    assert (state, tasks["ingest"], tasks["gate_raw"]) == ("failed", "failed", "upstream_failed")
    assert not Run.open(tiny.NAME, "scoring", MONDAY, trained).store.has("raw")
