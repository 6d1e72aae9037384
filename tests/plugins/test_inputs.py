"""What people send with a trigger stays what it is: a day, a number, a word.

All else ends in a sentence, and touches no file.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from pipelines import flow, runner
from pipelines.core import dates
from pipelines.core.errors import BadInput
from pipelines.registry import registry
from pipelines.run import plan
from pipelines.run.run import Run
from sluice_airflow.partitions import partition_of
from tests.helpers import airflow_home, tiny
from tests.helpers.dag_runs import dag_run, states, steps
from tests.plugins.test_partitions import USE_CASE, context

LONG = "1" * 300_000
FULLWIDTH = "\uff12\uff10\uff12\uff16"  # digits to Python's int(), and to regular expressions of texts
OUT, SQL = "../../etc", "'; drop table dag; --"
REFUSED: list[dict[str, Any]] = [
    *(
        {"partition": value}
        for value in (
            OUT,
            SQL,
            "2026-03-02\n",
            FULLWIDTH + "-03-02",
            "2026-02-30",
            LONG,
            "",
            20260302,
            ["2026-03-02"],
            {"a": 1},
        )
    ),
    *({"model_version": value} for value in (OUT, SQL, FULLWIDTH, LONG, "", "-1", 1, ["1"])),
    *({"champion": value} for value in (OUT, SQL, "now\n", LONG, "", None, ["now"])),
]


def briefly(conf: dict[str, Any]) -> str:
    return ascii(conf)[:40]


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Somebody who may trigger everything, where the DAGs are known."""
    from airflow.api_fastapi.app import create_app

    place = tmp_path_factory.mktemp("inputs")
    with pytest.MonkeyPatch.context() as patch:
        (place / f"{tiny.NAME}.yaml").write_text(tiny.YAML)
        patch.setenv("SLUICE_USE_CASES", str(place))
        patch.setattr(flow, "STEPS", steps())
        patch.setattr(runner, "gate", lambda run, table: plan.Outcome("quiet"))
        dag_run("drift")
    client = TestClient(create_app("core"))
    client.headers["Authorization"] = (
        f"Bearer {client.post('/auth/token', json=airflow_home.LOGIN).json()['access_token']}"
    )
    return client


@pytest.mark.parametrize("conf", REFUSED, ids=briefly)
def test_airflow_refuses_a_trigger_by_the_forms_own_schema_also_when_it_comes_past_the_form(
    admin: TestClient, conf: dict[str, Any]
) -> None:
    runs = "/api/v2/dags/tiny_scoring/dagRuns"
    before = admin.get(runs).json()["total_entries"]
    answer = admin.post(runs, json={"logical_date": None, "conf": conf})
    assert (answer.status_code, admin.get(runs).json()["total_entries"]) == (400, before), answer.text[:200]
    assert f"Invalid input for param {next(iter(conf))}" in answer.text


@pytest.mark.parametrize("run_id", [OUT, "a/b", "<script>", SQL])
def test_a_runs_id_is_no_path_and_no_markup(admin: TestClient, run_id: str) -> None:
    assert (
        admin.post(
            "/api/v2/dags/tiny_scoring/dagRuns", json={"logical_date": None, "dag_run_id": run_id}
        ).status_code
        == 400
    )


@pytest.mark.parametrize(
    "conf",
    [{OUT: "x"}, {LONG: "x"}, {"use_case": OUT}, {"partition": "0001-01-01"}, {"partition": "9999-12-31"}],
    ids=briefly,
)
def test_what_airflow_lets_through_fails_the_first_task_in_a_sentence(
    places: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], conf: dict[str, Any]
) -> None:
    monkeypatch.setattr(flow, "STEPS", steps(drift=flow.drift))
    there = sorted(places.rglob("*"))
    assert states(dag_run("drift", conf=conf))["drift"] == "failed"
    assert sorted(places.rglob("*")) == there
    printed = capfd.readouterr().out
    assert "Failed: " in printed
    assert LONG not in printed.split("Task failed")[1]


@pytest.mark.parametrize(
    "named", [OUT, SQL, LONG, 20260302, ["2026-03-02"], {"a": 1}], ids=lambda named: ascii(named)[:40]
)
def test_an_events_partition_is_a_day_too(named: Any) -> None:
    with pytest.raises(BadInput, match="is not a day") as refused:
        partition_of(context(events=({"partition": named},)), USE_CASE, "training")
    assert len(str(refused.value)) < 200


@given(st.text() | st.from_regex(r"\d{4}-?(W|Q)?\d\d-?\d\d?[\sZT]?"))
def test_whatever_is_no_day_names_no_folder(text: str) -> None:
    with suppress(BadInput):
        assert dates.parse(text).isoformat() == text


@pytest.mark.parametrize("version", [OUT, SQL, "1\n", "1", LONG], ids=lambda version: ascii(version)[:20])
def test_a_version_that_is_none_is_looked_up_and_nothing_else(
    places: Path, mlflow_database: Path, version: str
) -> None:
    shutil.copy(mlflow_database, places / "mlflow.db")
    run = Run.open(tiny.NAME, "scoring", dates.parse("2026-02-01"), model_version=version)
    with pytest.raises(BadInput, match="has no model version") as refused:
        registry.champion(run)
    assert len(str(refused.value)) < 300
