"""How many rows another source gives, and what is asked of one that gives none."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines import flow, runner
from pipelines.core.errors import GateClosed
from pipelines.run.clearance import why_not
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny

MONDAYS = [date(2026, 2, 2) + timedelta(days=7 * n) for n in range(5)]
TUESDAY = MONDAYS[4] + timedelta(days=1)
GIVEN: dict[date, int] = {}
SOURCES = """
sources:
  limits:
    source: {kind: file, path: LIMITS, format: {type: csv}}
    columns:
      customer: {type: string, role: key}
      since: {type: timestamp, role: time}
      most: {type: number, min: 0, required: true}
  refunds:
    source: {kind: python, function: "tests.gates.test_of_sources:refunds"}
    columns:
      refund: {type: string, role: key}
      paid: {type: timestamp, role: time}
      customer: {type: string, required: true}
      amount: {type: number, min: 0}
    delay: 1d
    gates:
      - expect_column_mean_to_be_between: {column: amount, min_value: 0.5, max_value: 2}
features:
  joins:
    card: {source: limits, by: [customer]}
"""
YAML = tiny.YAML.replace("features:\n", SOURCES.lstrip(), 1).replace(
    "  numbers:\n",
    "    back: {source: refunds, by: [customer], since: 4d, until: 1d}\n"
    "  numbers:\n    most: card.most\n    back_3d: count(*) over back\n",
    1,
)


def refunds(day: date) -> pa.Table:
    """So many of a day as a test has said."""
    at = datetime(day.year, day.month, day.day)
    rows = [
        {"refund": f"{day}-{n}", "paid": at + timedelta(minutes=n), "customer": "c1", "amount": 1.0}
        for n in range(GIVEN.get(day, 0))
    ]
    types = {
        "refund": pa.string(),
        "paid": pa.timestamp("us"),
        "customer": pa.string(),
        "amount": pa.float64(),
    }
    return pa.Table.from_pylist(rows, schema=pa.schema(list(types.items())))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A life of which nothing has been lived yet."""
    (tmp_path / "use_cases").mkdir()
    (tmp_path / "var").mkdir()
    (tmp_path / "use_cases" / "tiny.yaml").write_text(YAML.replace("LIMITS", str(tmp_path / "limits.csv")))
    limited(tmp_path, 300)
    GIVEN.clear()
    return Settings(
        data=tmp_path / "data",
        use_cases=tmp_path / "use_cases",
        var=tmp_path / "var",
        mlflow=f"sqlite:///{tmp_path}/mlflow.db",
        mirror=None,
    )


def limited(place: Path, customers: int, most: int = 10) -> None:
    """The list of so many customers' limits."""
    rows = (f"c{n},2025-12-01,{most}\n" for n in range(customers))
    (place / "limits.csv").write_text("customer,since,most\n" + "".join(rows))


def live(settings: Settings, night: date, refunded: int) -> list[str]:
    """Read and judge what others tell of a night; what stood in their newest day is that of the day before.

    Returns:
        What its gate has found wrong without closing.
    """
    GIVEN[night - timedelta(days=1)] = refunded
    run = Run.open(tiny.NAME, "scoring", night, settings)
    flow.sources(run.task())
    runner.gate(run, "sources")
    said = json.loads((run.store.disk / "gates" / "sources.json").read_text())
    return [str(found) for found in said["findings"] if not found["success"]]


def test_a_delivery_of_a_third_of_the_rows_that_its_weekday_has_is_stopped(settings: Settings) -> None:
    for monday in MONDAYS[:4]:
        assert live(settings, monday, 400) == []
    with pytest.raises(GateClosed, match=r"half of the 400 rows that the 4 earlier partitions .* had"):
        live(settings, MONDAYS[4], 133)
    assert live(settings, MONDAYS[4], 300) == []


def test_a_source_that_breaks_off_altogether_is_stopped(settings: Settings) -> None:
    live(settings, MONDAYS[0], 400)
    with pytest.raises(GateClosed, match="half of the 400 rows that the earlier partition 2026-02-02 had"):
        live(settings, MONDAYS[1], 0)


def test_another_weekday_has_a_number_of_its_own_and_is_only_told(settings: Settings) -> None:
    live(settings, MONDAYS[4], 400)
    (found,) = live(settings, TUESDAY, 133)
    assert "half of the 400 rows" in found


def test_few_rows_may_be_fewer_by_chance(settings: Settings) -> None:
    live(settings, MONDAYS[0], 149)
    assert live(settings, MONDAYS[1], 10) == []
    assert live(settings, MONDAYS[2], 0) == []


def test_a_night_of_before_that_its_gate_has_stopped_is_no_measure(settings: Settings) -> None:
    live(settings, MONDAYS[0], 400)
    with pytest.raises(GateClosed):
        live(settings, MONDAYS[1], 10)
    with pytest.raises(GateClosed, match="the earlier partition 2026-02-02 had"):
        live(settings, MONDAYS[2], 10)


def test_a_list_that_lost_most_of_its_rows_is_stopped_whatever_the_weekday(
    settings: Settings, tmp_path: Path
) -> None:
    live(settings, MONDAYS[4], 0)
    limited(tmp_path, 149)
    with pytest.raises(GateClosed, match="limits: half of the 300 rows"):
        live(settings, TUESDAY, 0)


def test_after_an_edit_a_list_may_be_shorter(settings: Settings, tmp_path: Path) -> None:
    live(settings, MONDAYS[4], 0)
    limited(tmp_path, 149)
    file = settings.use_cases / "tiny.yaml"
    file.write_text(file.read_text().replace("joins:\n    card: {", "joins:\n    card: {within: 100d, "))
    assert live(settings, TUESDAY, 0) == []


def test_events_of_which_there_were_none_are_in_order(settings: Settings) -> None:
    assert live(settings, MONDAYS[0], 0) == []
    night = Run.open(tiny.NAME, "scoring", MONDAYS[0], settings)
    assert why_not(night.store, night.use_case, "sources") is None


def test_a_list_without_a_row_is_stopped(settings: Settings, tmp_path: Path) -> None:
    limited(tmp_path, 0)
    with pytest.raises(
        GateClosed, match=r"observed 0; allowed: min_value 1 .limits: it tells everything each time"
    ):
        live(settings, MONDAYS[0], 0)


def test_a_list_of_which_every_row_was_rejected_says_why(settings: Settings, tmp_path: Path) -> None:
    limited(tmp_path, 300, most=-1)
    with pytest.raises(GateClosed, match="300 of 300 rows were rejected, most for most: below 0"):
        live(settings, MONDAYS[0], 0)
