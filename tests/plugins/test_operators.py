"""What becomes of a task when its step ends well, badly, or at a gate.

Real DAG runs; only the steps are the tests' own.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.models import Connection
from airflow.models.asset import AssetEvent
from airflow.utils.session import create_session
from sqlalchemy import delete, select

from pipelines import flow, runner
from pipelines.core.errors import BadInput, GateClosed, TryAgain
from pipelines.registry.history import Decision, History
from pipelines.run import clearance, plan
from pipelines.run.plan import Outcome
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny
from tests.helpers.dag_runs import dag_run, left, quiet, states, steps, tries

SHARDS = ("0001-of-0002", "0002-of-0002")


@pytest.fixture(autouse=True)
def open_gates(monkeypatch: pytest.MonkeyPatch, places: Path) -> None:
    monkeypatch.setattr(
        runner,
        "gate",
        lambda run, table: Outcome(f"{table} holds", report=run.write_report(f"gate_{table}", "<p>holds")),
    )
    monkeypatch.setattr(clearance, "require", lambda run, step: None)
    monkeypatch.setattr(
        flow, "STEPS", steps(tune=lambda run, family: Outcome(family, mlflow_run=f"run-of-{family}"))
    )
    shares = plan.shares
    monkeypatch.setattr(plan, "shares", lambda run, step: SHARDS if step == "score" else shares(run, step))


def events_of(asset: str) -> list[dict[str, Any]]:
    with create_session() as session:
        return [
            event.extra
            for event in session.scalars(
                select(AssetEvent)
                .join(AssetEvent.asset)
                .where(AssetEvent.asset.property.mapper.class_.name == asset)
            )
        ]


def test_a_run_in_which_everything_goes_well_is_a_success() -> None:
    run = dag_run("scoring")
    assert run.state == "success"
    assert set(states(run).values()) == {"success"}
    assert left(run, "report")["gate_raw"] == "tiny/scoring/2026-02-01/reports/gate_raw.html"


def promoted(places: Path, version: str) -> None:
    """The history of a version that has learned the use-case file as it is, and is champion."""
    file = hashlib.sha256((places / "use_cases" / f"{tiny.NAME}.yaml").read_bytes()).hexdigest()
    history, at = History.of(Settings.from_env(), tiny.NAME), "2026-02-01T00:00:00+00:00"
    with history.deciding():
        history.append(
            Decision(time=at, decision="promoted", version=version, previous=None, reason="first", file=file)
        )


def test_every_step_is_given_the_same_run(monkeypatch: pytest.MonkeyPatch, places: Path) -> None:
    promoted(places, "4")  # a night goes by a file of the meaning that its version has learned
    given: list[Run] = []

    def remember(run: Run) -> Outcome:
        given.append(run)
        return quiet(run)

    monkeypatch.setattr(flow, "STEPS", steps(ingest=remember, publish=remember))
    run = dag_run("scoring", conf={"partition": "2026-02-03", "model_version": "4"})
    assert run.state == "success"
    assert [(str(r.store), r.model_version, r.orchestrator) for r in given] == [
        ("tiny scoring 2026-02-03", "4", run.run_id)
    ] * 2


def test_each_family_is_tuned_in_a_task_of_its_own_that_bears_its_name() -> None:
    run = dag_run("training")
    tune = [ti for ti in run.get_task_instances() if ti.task_id == "tune"]
    assert sorted((ti.map_index, ti.rendered_map_index) for ti in tune) == [(0, "linear"), (1, "xgboost")]
    assert left(run, "_link_MlflowLink")["tune"].startswith("/sluice/mlflow/tiny_training/run-of-")


def test_each_shard_is_scored_in_a_task_of_its_own_that_bears_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[str] = []

    def remember(run: Run, share: str) -> Outcome:
        given.append(share)
        return quiet(run, share)

    monkeypatch.setattr(flow, "STEPS", steps(score=remember))
    run = dag_run("scoring")
    score = [ti for ti in run.get_task_instances() if ti.task_id == "score"]
    assert sorted((ti.map_index, ti.rendered_map_index, str(ti.state)) for ti in score) == [
        (0, SHARDS[0], "success"),
        (1, SHARDS[1], "success"),
    ]
    assert sorted(given) == list(SHARDS)
    assert states(run)["publish"] == "success"


def test_a_shard_that_fails_is_tried_again_alone_and_nothing_is_published_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[str] = []

    def flaky(run: Run, share: str) -> Outcome:
        given.append(share)
        if share == SHARDS[1]:
            raise TryAgain("the disk is full")
        return quiet(run, share)

    monkeypatch.setattr(flow, "STEPS", steps(score=flaky))
    run = dag_run("scoring")
    assert given.count(SHARDS[0]) == 1
    assert given.count(SHARDS[1]) == 3
    assert states(run)["publish"] == "upstream_failed"


def test_a_run_for_the_champion_of_now_is_a_what_if_run_and_announces_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[Run] = []

    def remember(run: Run) -> Outcome:
        given.append(run)
        return quiet(run)

    monkeypatch.setattr(flow, "STEPS", steps(publish=remember))
    before = len(events_of("tiny_predictions"))
    assert dag_run("scoring", conf={"champion": "now"}).state == "success"
    assert len(events_of("tiny_predictions")) == before
    assert dag_run("scoring", conf={"champion": "then"}).state == "success"
    assert len(events_of("tiny_predictions")) == before + 1
    assert [run.what_if for run in given] == [True, False]


def test_a_users_mistake_fails_at_once_with_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def mistaken(run: Run) -> Outcome:
        raise BadInput("column 'amount' is gone", fix="look at the source")

    monkeypatch.setattr(flow, "STEPS", steps(drift=mistaken))
    run = dag_run("drift")
    assert run.state == "failed"
    assert states(run) == {"drift": "failed", "gate_drift": "upstream_failed"}
    assert tries(run)["drift"] == 1
    said = capfd.readouterr().out
    assert "column 'amount' is gone" in said
    assert "way out: look at the source" in said


def test_what_may_be_better_in_a_minute_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([True, True, False])

    def flaky(run: Run) -> Outcome:
        if next(failures):
            raise TryAgain("the source does not answer")
        return quiet(run)

    monkeypatch.setattr(flow, "STEPS", steps(drift=flaky))
    run = dag_run("drift")
    assert run.state == "success"
    assert tries(run)["drift"] == 3


def test_a_bug_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(run: Run) -> Outcome:
        raise ZeroDivisionError

    monkeypatch.setattr(flow, "STEPS", steps(drift=buggy))
    run = dag_run("drift")
    assert run.state == "failed"
    assert tries(run)["drift"] == 1


def test_a_gate_that_could_not_judge_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []

    def flaky(run: Run, table: str) -> Outcome:
        judged.append(table)
        if judged.count("features") == 1:
            raise TryAgain("the store does not answer")
        return Outcome(f"{table} holds", report=run.write_report(f"gate_{table}", "<p>holds"))

    monkeypatch.setattr(runner, "gate", flaky)
    run = dag_run("scoring")
    assert run.state == "success"
    assert judged.count("features") == 2
    assert judged.count("clean") == 1


def test_a_closed_gate_ends_the_run_and_its_report_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(run: Run, table: str) -> Outcome:
        report = run.write_report(f"gate_{table}", "<p>judged")
        if table == "features":
            raise GateClosed("too few rows", report, fix="deliver more")
        return Outcome(f"{table} holds", report=report)

    monkeypatch.setattr(runner, "gate", closed)
    run = dag_run("scoring")
    assert run.state == "failed"
    assert states(run)["gate_features"] == "failed"
    assert tries(run)["gate_features"] == 1
    assert {task for task, state in states(run).items() if state == "upstream_failed"} == {
        "score",
        "publish",
        "gate_predictions",
    }
    assert left(run, "report")["gate_features"] == "tiny/scoring/2026-02-01/reports/gate_features.html"
    assert left(run, "_link_ReportLink")["gate_features"].endswith("/gate_features/-1")
    assert not left(run, "_link_ReportLink")["features"]


def test_a_misspelt_key_of_the_runs_configuration_fails_the_first_task() -> None:
    run = dag_run("drift", conf={"partitoin": "2026-02-03"})
    assert states(run)["drift"] == "failed"


def test_a_drifted_week_calls_for_a_training_on_the_rows_up_to_the_weeks_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = len(events_of("tiny_drift_found"))
    dag_run("drift", datetime(2026, 2, 1, tzinfo=UTC))
    assert len(events_of("tiny_drift_found")) == before
    monkeypatch.setattr(flow, "STEPS", steps(drift=lambda run: Outcome("drift", retrain="keep")))
    dag_run("drift", datetime(2026, 2, 1, tzinfo=UTC))
    assert events_of("tiny_drift_found")[before:] == [{"partition": "2026-02-07", "model": "keep"}]


@pytest.fixture
def shop(places: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny use case reads a database, through a connection that the environment does not know.

    Ingest is the real one.
    """
    path = places / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create table payments (id text, at timestamp, customer text, amount real, channel text, bad int)"
        )
        connection.execute("insert into payments values ('a', '2026-02-01 12:00:00', 'c1', 2.5, 'chip', 0)")
    query = "select * from payments where at >= :start and at < :end"
    stated = yaml.safe_load(tiny.YAML) | {"source": {"kind": "sql", "connection": "shop", "query": query}}
    (places / "use_cases" / f"{tiny.NAME}.yaml").write_text(yaml.safe_dump(stated, sort_keys=False))
    monkeypatch.delenv("AIRFLOW_CONN_SHOP", raising=False)
    monkeypatch.setattr(flow, "STEPS", steps(ingest=flow.ingest))
    return path


@pytest.fixture
def connect() -> Iterator[Callable[..., None]]:
    """Keep a connection `shop` in Airflow's own database, for one test."""

    def kept(**facts: Any) -> None:
        with create_session() as session:
            session.add(Connection(conn_id="shop", **facts))

    yield kept
    with create_session() as session:
        session.execute(delete(Connection).where(Connection.conn_id == "shop"))


def test_a_source_is_read_through_a_connection_that_airflow_keeps(
    shop: Path, connect: Callable[..., None]
) -> None:
    connect(conn_type="sqlite", schema=str(shop))
    assert dag_run("scoring").state == "success"
    assert "AIRFLOW_CONN_SHOP" not in os.environ


def test_the_environments_connection_goes_before_airflows(
    shop: Path, connect: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(conn_type="sqlite", schema="/no/such/shop.db")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f"sqlite:///{shop}")
    assert dag_run("scoring").state == "success"
    assert os.environ["AIRFLOW_CONN_SHOP"] == f"sqlite:///{shop}"


def test_a_lent_connection_is_returned_and_its_password_kept_when_the_step_fails(
    shop: Path, connect: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    connect(conn_type="sqlite", host="shop", login="me", password="s3cret")
    assert states(dag_run("scoring"))["ingest"] == "failed"
    printed = "".join(capfd.readouterr())
    assert "connection shop: Invalid SQLite URL" in printed
    assert "s3cret" not in printed
    assert "AIRFLOW_CONN_SHOP" not in os.environ


def test_a_connection_that_nobody_knows_fails_with_both_ways_out(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = dag_run("scoring")
    assert (states(run)["ingest"], tries(run)["ingest"]) == ("failed", 1)
    printed = capfd.readouterr().out
    assert "no connection 'shop': AIRFLOW_CONN_SHOP is not set" in printed
    assert "a task in Airflow also takes the connection 'shop' that Airflow itself keeps" in printed
