"""No secret where a person reads: a source's password and a cloud key are planted, and looked for in all that
runs leave behind.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.models.log import Log
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select

from pipelines.core.config import Kind
from pipelines.storage.settings import ROOT
from tests.helpers import airflow_home, postgres, tiny
from tests.helpers.dag_runs import without_delay

TRAINING, GOOD, REFUSED, LATER, NO_LOGIN = date(2026, 1, 31), *(date(2026, 2, day) for day in (1, 2, 3, 4))
PASSWORD, CLOUD_KEY = "zq7planted/pa ss+word@", "zq7planted+key/of40characters00000000000"
# What both begin with is spelt the same in an address, in JSON and in Python.
SECRET = re.compile(r"zq7planted", re.IGNORECASE)
QUERY = "select * from payments where at >= :start and at < :end"


@pytest.fixture(scope="module")
def shop() -> Iterator[sa.URL]:
    """A database that holds tiny's payments, and whose password is planted (the server trusts whoever comes
    from this machine).
    """
    days = [date(2025, 12, 20) + timedelta(days=n) for n in range(50)]
    rows = [row for day in days for row in tiny.payments(day).to_pylist()]
    with postgres.database() as server:
        with server.begin() as session:
            session.execute(
                sa.text(
                    "create table payments (id text, at timestamp, customer text, amount float, channel text,"
                    " bad int)"
                )
            )
            session.execute(
                sa.text("insert into payments values (:id, :at, :customer, :amount, :channel, :bad)"), rows
            )
        yield server.url.set(password=PASSWORD)


@pytest.fixture
def place(tmp_path: Path, shop: sa.URL, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own folder, as tasks find it, and the secrets in their environment."""
    for name in ("use_cases", "data", "var"):
        monkeypatch.setenv(f"SLUICE_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CLOUD_KEY)
    connected(monkeypatch, shop)
    return tmp_path


def connected(monkeypatch: pytest.MonkeyPatch, url: sa.URL) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", url.render_as_string(hide_password=False))


def use_case_file(query: str) -> str:
    """The tiny use case that asks the shop's database."""
    # candidates: seconds matter, and none of them knows of a secret
    few = {"baseline": {}, "linear": {"grid": {"C": [1]}}}
    stated = yaml.safe_load(tiny.YAML) | {
        "source": {"kind": "sql", "connection": "shop", "query": query},
        "candidates": few,
    }
    return yaml.safe_dump(stated, sort_keys=False)


def live(place: Path, kind: Kind, partition: date, query: str = QUERY) -> Any:
    """Run a DAG for a partition, as `airflow dags test` does: Airflow masks nothing there."""
    (place / "use_cases" / f"{tiny.NAME}.yaml").write_text(use_case_file(query))
    dag = DagBag(dag_folder=str(ROOT / "dags")).dags[f"{tiny.NAME}_{kind}"]
    without_delay(dag)
    return dag.test(logical_date=datetime.combine(partition, time(), UTC))


def test_no_secret_is_in_any_log_field_file_or_database(
    place: Path, shop: sa.URL, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live(place, "training", TRAINING).state == "success"
    assert live(place, "scoring", GOOD).state == "success"

    # A database that repeats the password: at once, in the middle of an answer, and when it lets nobody in.
    at_once = f"select '{PASSWORD}'::int as id"
    assert live(place, "scoring", REFUSED, at_once).state == "failed"
    later = (
        f"select case when n < 4 then n else ('{PASSWORD}' || n)::int end as id from generate_series(1, 9)"
        " as n"
    )
    assert live(place, "scoring", LATER, later).state == "failed"
    connected(monkeypatch, shop.set(database=f"none of {PASSWORD}"))
    assert live(place, "scoring", NO_LOGIN).state == "failed"

    logs = "".join(capfd.readouterr())
    for told in (
        'invalid input syntax for type integer: "***"',
        'integer: "***4"',
        "cannot be reached",
        'database "none of ***" does not exist',
    ):
        assert told in logs
    found = {
        "logs": logs,
        "Airflow's log files": "".join(
            path.read_text() for path in (airflow_home.HOME / "logs").rglob("*.log")
        ),
        **{
            str(path.relative_to(place)): written(path) for path in sorted(place.rglob("*")) if path.is_file()
        },
    }
    # The query that repeats the password has it from the use-case file, of which a run keeps that very copy
    # and no other.
    del found[f"use_cases/{tiny.NAME}.yaml"]
    for query in (at_once, later):
        del found[f"data/{tiny.NAME}/files/{hashlib.sha256(use_case_file(query).encode()).hexdigest()}.yaml"]
    assert {
        "var/mlflow.db",
        f"data/{tiny.NAME}/scoring/{GOOD}/predictions/manifest.json",
        "data/.dvc/config",
    } <= set(found)
    assert {name: context(text) for name, text in found.items() if SECRET.search(text)} == {}
    assert not [text for text in map(str, fields()) if SECRET.search(text)]


def written(path: Path) -> str:
    """A file as text; a database as its statements."""
    if path.suffix != ".db":
        return path.read_bytes().decode(errors="replace")
    with sqlite3.connect(path) as database:
        return "\n".join(database.iterdump())


def context(text: str) -> str:
    found = SECRET.search(text)
    return text[max(found.start() - 200, 0) : found.end() + 20] if found else ""


def fields() -> Iterator[Any]:
    """What Airflow's database shows of tasks: rendered templates, XComs, events."""
    with create_session() as session:
        yield from session.scalars(select(RenderedTaskInstanceFields.rendered_fields))
        yield from session.scalars(select(XComModel.value))
        yield from session.scalars(select(Log.extra))
