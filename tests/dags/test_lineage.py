"""OpenLineage's events of a real night, run by Airflow: a file of them, and nothing that leaves the
machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.run.run import Run
from pipelines.storage import places
from pipelines.storage.settings import Settings
from tests.helpers import tiny

NIGHT = date(2026, 2, 1)
Events = list[dict[str, Any]]


@pytest.fixture
def live(two_champions: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Events]:
    """Run a night with a use-case file of its own, and tell its events."""
    (tmp_path / "data" / tiny.NAME).mkdir(parents=True)
    (tmp_path / "use_cases").mkdir()
    shutil.copy(two_champions.disk / tiny.NAME / "promotions.jsonl", tmp_path / "data" / tiny.NAME)
    events = tmp_path / "events.jsonl"
    monkeypatch.setenv("SLUICE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SLUICE_USE_CASES", str(tmp_path / "use_cases"))
    monkeypatch.setenv("SLUICE_VAR", str(two_champions.var))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", two_champions.mlflow)
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__NAMESPACE", "sluice")
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__EXECUTE_IN_THREAD", "True")
    monkeypatch.setenv(
        "AIRFLOW__OPENLINEAGE__TRANSPORT",
        json.dumps({"type": "file", "log_file_path": str(events), "append": True}),
    )

    def run(more: str = "") -> Events:
        text = (two_champions.use_cases / "tiny.yaml").read_text()
        (tmp_path / "use_cases" / "tiny.yaml").write_text(text + more)
        command = [sys.executable, "-m", "airflow", "dags", "test", f"{tiny.NAME}_scoring", NIGHT.isoformat()]
        subprocess.run(command, env=os.environ, capture_output=True, check=False, timeout=300)
        return [json.loads(line) for line in events.read_text().splitlines()]

    return run


def told(events: Events, task: str, kind: str = "COMPLETE") -> dict[str, Any]:
    (event,) = (
        event
        for event in events
        if event["job"]["name"] == f"tiny_scoring.{task}" and event["eventType"] == kind
    )
    return event


def names(datasets: list[dict[str, Any]], root: Path) -> list[str]:
    assert {dataset["namespace"] for dataset in datasets} <= {"file"}
    return [str(Path(dataset["name"]).relative_to(root)) for dataset in datasets]


def test_each_task_tells_the_tables_that_it_has_read_and_written(live: Callable[[str], Events]) -> None:
    events = live("")
    store = Run.open(tiny.NAME, "scoring", NIGHT).store
    found = {
        task: tuple(
            names(told(events, task)[side], places.at(store.root).on_disk()) for side in ("inputs", "outputs")
        )
        for task in (
            "ingest",
            "gate_raw",
            "cleanse",
            "past",
            "features",
            "score",
            "publish",
            "gate_predictions",
        )
    }
    of = "tiny/scoring/{}".format
    assert found == {
        "ingest": ([], [of("raw")]),
        "gate_raw": ([of("raw")], []),
        "cleanse": ([of("raw")], [of("clean")]),
        "past": ([of("past_raw")], [of("past"), of("days")]),
        "features": ([of("clean"), of("past")], [of("features")]),
        "score": ([of("features")], [of("predictions/0001-of-0001")]),
        "publish": ([of("features")], [of("predictions")]),
        "gate_predictions": ([of("predictions")], []),
    }
    (written,) = told(events, "publish")["outputs"]
    published = store.manifest("predictions")
    assert written["outputFacets"]["outputStatistics"]["rowCount"] == published.rows == tiny.ROWS_A_DAY
    assert written["facets"]["version"]["datasetVersion"] == f"{NIGHT}@{published.digest[:16]}"
    assert {
        field["name"]: field["type"] for field in written["facets"]["schema"]["fields"]
    } == published.schema
    assert all(told(events, task, "START") for task in found)


def test_a_closed_gate_is_a_failure_with_the_table_that_it_has_judged(live: Callable[[str], Events]) -> None:
    more = "gates:\n  clean:\n    - expect_table_row_count_to_equal: {value: 41}\n"
    events = live(more)
    failed = told(events, "gate_clean", "FAIL")
    assert names(failed["inputs"], Run.open(tiny.NAME, "scoring", NIGHT).settings.disk) == [
        "tiny/scoring/clean"
    ]
    assert (
        "gate_clean of tiny scoring 2026-02-01 is closed"
        in failed["run"]["facets"]["errorMessage"]["message"]
    )
    assert not [event for event in events if event["job"]["name"] == "tiny_scoring.features"]
