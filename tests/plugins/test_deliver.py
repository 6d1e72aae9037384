"""Delivering in Airflow: real DAG runs, a real database, and steps before it that are the tests' own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from airflow.models import Connection
from airflow.utils.session import create_session
from sqlalchemy import delete

from pipelines import flow, runner
from pipelines.run import clearance, plan
from pipelines.run.plan import Outcome
from pipelines.run.run import Run
from tests.helpers import judged as evidence
from tests.helpers import postgres, tiny
from tests.helpers.dag_runs import dag_run, states, steps, tries
from tests.run.test_clearance import judged
from tests.steps.test_deliver import NIGHT, SINK, night


@pytest.fixture
def warehouse(places: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """A database that only Airflow knows how to reach; of the steps, deliver is the real one."""
    (places / "use_cases" / f"{tiny.NAME}.yaml").write_text(tiny.YAML + SINK)
    require = clearance.require
    monkeypatch.setattr(
        clearance, "require", lambda run, step: require(run, step) if step == "deliver" else None
    )
    monkeypatch.setattr(runner, "gate", lambda run, table: Outcome(f"{table} is marked as good by hand"))
    monkeypatch.setattr(plan, "shares", lambda run, step: ("0001-of-0001",) if step == "score" else ())
    monkeypatch.setattr(flow, "STEPS", steps(deliver=flow.deliver))
    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE", raising=False)
    with postgres.database() as engine:
        with engine.begin() as session:
            session.exec_driver_sql("create schema scoring")
        url = engine.url
        with create_session() as session:
            session.add(
                Connection(
                    conn_id="warehouse",
                    conn_type="postgres",
                    host=url.host,
                    port=url.port,
                    login=url.username,
                    password=url.password,
                    schema=url.database,
                )
            )
        yield engine
        with create_session() as session:
            session.execute(delete(Connection).where(Connection.conn_id == "warehouse"))


def publish() -> Run:
    """A night whose every gate was open."""
    run = Run.open(tiny.NAME, "scoring", NIGHT)
    for table in ("raw", "clean", "past", "features"):
        judged(run, table)
    run.store.write("predictions", night())
    evidence.clearance(run.store, "predictions")
    return run


def delivered(engine: sa.Engine) -> int:
    with engine.begin() as session:
        if session.exec_driver_sql("select to_regclass('scoring.predictions')").scalar() is None:
            return 0
        return int(session.exec_driver_sql("select count(*) from scoring.predictions").scalar() or 0)


def test_predictions_are_delivered_through_a_connection_that_airflow_keeps(warehouse: sa.Engine) -> None:
    publish()
    assert states(dag_run("scoring"))["deliver"] == "success"
    assert delivered(warehouse) == 40
    assert "AIRFLOW_CONN_WAREHOUSE" not in os.environ


def test_a_what_if_run_delivers_nothing(warehouse: sa.Engine) -> None:
    run = publish()
    (run.store.disk / "what_if").symlink_to(run.store.disk)  # what it says is as good as what is published
    assert states(dag_run("scoring", conf={"champion": "now"}))["deliver"] == "success"
    assert delivered(warehouse) == 0


@pytest.mark.parametrize("gate", ["predictions", "raw"])
def test_behind_a_gate_that_was_marked_as_a_success_by_hand_nothing_is_delivered(
    warehouse: sa.Engine, gate: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (publish().store.disk / "gates" / f"{gate}.json").unlink()
    run = dag_run("scoring")
    assert (states(run)[f"gate_{gate}"], states(run)["deliver"], tries(run)["deliver"]) == (
        "success",
        "failed",
        1,
    )
    assert "deliver reads only what its gates have let through" in capfd.readouterr().out
    assert delivered(warehouse) == 0


def test_a_database_that_is_away_is_tried_again(
    warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://me:s3cret@127.0.0.1:1/shop")
    run = dag_run("scoring")
    assert (states(run)["deliver"], tries(run)["deliver"]) == ("failed", 3)
