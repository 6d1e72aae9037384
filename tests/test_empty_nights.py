"""A night for which the source gives no row: red, unless the use case says that it may be.

Then it passes, empty, to its end.
"""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines import flow, runner
from pipelines.core.config import GatedTable, Kind
from pipelines.core.errors import BadInput, GateClosed
from pipelines.gates import gate
from pipelines.gates.earlier import partitions
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny

TRAINING = date(2026, 1, 31)
WEEK = [date(2026, 2, 1) + timedelta(days=n) for n in range(7)]
CLOSED = {date(2026, 2, 3), date(2026, 2, 7), *(date(2026, 2, 8) + timedelta(days=n) for n in range(7))}
GATED: tuple[GatedTable, ...] = ("raw", "clean", "features", "predictions")
YAML = (
    tiny.YAML.replace("tests.helpers.tiny:payments", "tests.test_empty_nights:payments")
    .replace("  linear: {grid: {C: [0.1, 1]}}\n", "")
    .replace("max_depth: [2, 3]", "max_depth: [2]")
)
ALLOWED = YAML + "limits: {empty_nights: true}\n"


def payments(day: date) -> pa.Table:
    """The tiny use case's payments, but none on days on which the shop is closed."""
    return tiny.payments(day).slice(0, 0 if day in CLOSED else None)


def write(settings: Settings, text: str) -> None:
    (settings.use_cases / "tiny.yaml").write_text(text)


def opened(settings: Settings, kind: Kind, partition: date) -> Run:
    return Run.open(tiny.NAME, kind, partition, settings)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Settings:
    """A training, and a week with two empty nights, the first of which lies before nights that look back at
    it.
    """
    place = tmp_path_factory.mktemp("closed")
    (place / "use_cases").mkdir()
    (place / "var").mkdir()
    shutil.copy(mlflow_database, place / "var" / "mlflow.db")
    settings = Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place / "var",
        mlflow=f"sqlite:///{place}/var/mlflow.db",
        mirror=None,
    )
    write(settings, ALLOWED)
    runner.run_all(opened(settings, "training", TRAINING))
    for night in WEEK:
        runner.run_all(opened(settings, "scoring", night))
    return settings


def test_an_empty_night_is_published_empty_with_every_column(lived: Settings) -> None:
    empty, full = (opened(lived, "scoring", WEEK[n]).store for n in (2, 3))
    for table in (*GATED, "quarantine"):
        assert (empty.manifest(table).rows, empty.manifest(table).schema) == (0, full.manifest(table).schema)
    assert full.manifest("predictions").rows == tiny.ROWS_A_DAY


@pytest.mark.parametrize("table", GATED)
def test_its_gates_say_that_there_were_no_rows_and_that_this_is_allowed(
    lived: Settings, table: GatedTable
) -> None:
    run = opened(lived, "scoring", WEEK[2])
    evidence = json.loads(run.store.read_file(f"gates/{table}.json"))
    assert (evidence["passed"], evidence["rows"], evidence["findings"]) == (True, 0, [])
    assert "no rows" in evidence["note"]
    assert "limits.empty_nights allows" in evidence["note"]
    assert evidence["note"] in run.store.read_file(f"reports/gate_{table}.html").decode()
    assert gate.verdict_on(run, table).summary() == f"gate_{table} of {run.store} is open: {evidence['note']}"


def test_an_empty_night_tells_the_nights_after_it_nothing_of_how_many_rows_are_normal(
    lived: Settings,
) -> None:
    after = opened(lived, "scoring", WEEK[3])
    assert [store.partition for store in partitions.sound(after, "raw")] == [WEEK[1], WEEK[0]]


def test_the_week_is_compared_without_its_empty_nights(lived: Settings) -> None:
    runner.run_all(opened(lived, "drift", WEEK[0]))
    compared = (
        opened(lived, "drift", WEEK[0])
        .store.read("drift")
        .filter("subject = 'amount'")
        .project("current_rows")
        .fetchall()
    )
    assert compared == [(5 * tiny.ROWS_A_DAY,)]


def test_a_week_of_empty_nights_has_nothing_to_compare_and_says_so(lived: Settings) -> None:
    closed = sorted(CLOSED)[2:]
    for night in closed:
        runner.run_all(opened(lived, "scoring", night))
    with pytest.raises(
        BadInput, match=r"0 rows of features and 0 predictions in 7 nights: nothing to compare\n  way out: "
    ):
        runner.take(opened(lived, "drift", closed[0]), "drift")


def test_without_the_key_an_empty_night_is_red_and_told_of_it(settings: Settings) -> None:
    write(settings, YAML)
    with pytest.raises(
        BadInput, match=r"no rows for 2026-02-03[\s\S]*if a night may be empty, say so: limits.empty_nights"
    ):
        flow.ingest(opened(settings, "scoring", date(2026, 2, 3)).task())


def test_a_training_is_never_empty(settings: Settings) -> None:
    write(settings, ALLOWED.replace("tests.test_empty_nights:payments", "tests.test_empty_nights:none"))
    with pytest.raises(BadInput, match="no rows for 2026-01-11 to 2026-01-30") as refused:
        flow.ingest(opened(settings, "training", TRAINING).task())
    assert "limits.empty_nights" not in str(refused.value)


def none(day: date) -> pa.Table:
    """A shop that never opens."""
    return tiny.payments(day).slice(0, 0)


def test_rows_that_were_lost_on_their_way_are_no_empty_night(settings: Settings) -> None:
    write(settings, ALLOWED)
    run = opened(settings, "scoring", WEEK[0])
    flow.ingest(run.task())
    flow.cleanse(run.task())
    run.store.write("clean", run.store.read("clean").limit(0))
    verdict = gate.verdict_on(run, "clean")
    assert verdict.refusal == "the table has no rows"
    with pytest.raises(GateClosed):
        verdict.raise_if_closed("report.html")
