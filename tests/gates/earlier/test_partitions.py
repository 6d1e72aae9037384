"""Earlier partitions: only those that were let through as they are now, never later ones, of the same weekday
first.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from pipelines.core.config import Kind
from pipelines.gates.earlier import partitions
from pipelines.run.run import Run
from tests.helpers import tables

NIGHT = tables.PARTITIONS["scoring"]  # a Sunday


@pytest.fixture
def night(open_run: Callable[[Kind, date], Run]) -> Run:
    return open_run("scoring", NIGHT)


def publish(run: Run, *days_ago: int, rows: int = 40, passed: bool = True) -> None:
    for days in days_ago:
        tables.clearance(
            run,
            "raw",
            run.partition - timedelta(days=days),
            f"SELECT * FROM rows LIMIT {rows}",
            passed=passed,
        )


def ago(found: partitions.Past) -> list[int]:
    """How many days before the night its partitions lie."""
    return [(NIGHT - store.partition).days for store in found.partitions]


def test_only_earlier_partitions_count_and_the_newest_come_first(night: Run) -> None:
    publish(night, 3, 1, 2, 0, -1, -7)
    assert ago(partitions.last(night, "raw", 2)) == [1, 2]


def test_a_partition_counts_only_if_its_gate_has_let_through_the_very_table(night: Run) -> None:
    publish(night, 1, 2, 4)
    publish(night, 3, passed=False)
    night.store.at("scoring", NIGHT - timedelta(days=2)).write(
        "raw", night.store.connection.sql(tables.GOOD["raw"]).limit(1)
    )
    # no gate was asked
    night.store.at("scoring", NIGHT - timedelta(days=5)).write(
        "raw", night.store.connection.sql(tables.GOOD["raw"])
    )
    assert ago(partitions.last(night, "raw", 9)) == [1, 4]


def test_a_night_is_like_the_nights_of_its_weekday(night: Run) -> None:
    publish(night, 1, 2, 7, 14, 21)
    found = partitions.alike(night, "raw", 2)
    assert (ago(found), found.of_season) == ([7, 14], True)
    assert str(found) == "the 2 earlier partitions 2026-01-18 to 2026-01-25"


def test_without_a_night_of_its_weekday_any_night_counts_and_says_so(night: Run) -> None:
    publish(night, 1, 2, 3)
    found = partitions.alike(night, "raw", 2)
    assert (ago(found), found.of_season) == ([1, 2], False)


def test_the_first_night_has_no_past(night: Run) -> None:
    assert partitions.alike(night, "raw", 4).partitions == ()
    assert partitions.filled_shares(partitions.last(night, "raw", 4), ["amount"]) == {}


def test_a_training_is_like_any_earlier_training_but_no_night(
    open_run: Callable[[Kind, date], Run], night: Run
) -> None:
    training = open_run("training", NIGHT)
    publish(training, 3)
    publish(night, 1)
    found = partitions.alike(training, "raw", 4)
    assert (ago(found), found.of_season) == ([3], True)


def test_rows_are_counted_over_all_pieces(open_run: Callable[[Kind, date], Run]) -> None:
    run = open_run("training", NIGHT)
    publish(run, 1, rows=30)
    publish(run, 2)
    assert partitions.row_counts(partitions.last(run, "raw", 4)) == [30, 40]
    tables.write(run, "trials")
    assert partitions.row_counts(
        partitions.Past("trials", (run.store,)), run.use_case.candidates.families
    ) == [4]


def test_known_values_come_once_without_nulls_and_only_from_columns_of_the_same_type(night: Run) -> None:
    tables.write(night, "raw")
    tables.clearance(
        night,
        "raw",
        NIGHT - timedelta(days=1),
        "SELECT * REPLACE (if(amount < 20, NULL, 'c1') AS customer) FROM rows",
    )
    tables.clearance(night, "raw", NIGHT - timedelta(days=2), "SELECT * REPLACE ('c2' AS customer) FROM rows")
    tables.clearance(night, "raw", NIGHT - timedelta(days=3), "SELECT * REPLACE (3 AS customer) FROM rows")
    tables.clearance(night, "raw", NIGHT - timedelta(days=4), "SELECT * EXCLUDE (customer) FROM rows")
    view = partitions.view_of_values(night, partitions.last(night, "raw", 9), "customer")
    assert view == "customer of the 2 earlier partitions 2026-01-30 to 2026-01-31"
    assert sorted(night.store.connection.sql(f'FROM "{view}"').fetchall()) == [("c1",), ("c2",)]


def test_how_much_of_a_column_was_there_is_counted_over_all_partitions_that_have_it(night: Run) -> None:
    tables.clearance(
        night,
        "raw",
        NIGHT - timedelta(days=1),
        "SELECT * REPLACE (if(amount < 20, NULL, amount) AS amount) FROM rows",
    )
    tables.clearance(night, "raw", NIGHT - timedelta(days=2), "SELECT * EXCLUDE (channel) FROM rows")
    found = partitions.filled_shares(partitions.last(night, "raw", 4), ["amount", "channel", "none"])
    assert found == {"amount": 0.75, "channel": 1.0}
