"""What is read off a reference: limits worked out by hand, wide enough for the reference itself, wider with a
wider margin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.core.config import Expectation, Kind
from pipelines.gates.gx.suite import Stated
from pipelines.gates.reference import Reference
from pipelines.run.run import Run
from tests.helpers.asked import findings

OpenRun = Callable[[Kind, date], Run]
DAY = date(2026, 2, 1)


@pytest.fixture
def reference(open_run: OpenRun) -> Callable[..., Reference]:
    """A clean table whose column x has these values, some rows on each day."""

    def reference(values: str, margin: float = 0.0) -> Reference:
        run = open_run("training", DAY)
        run.store.write(
            "clean", run.store.connection.sql(f"SELECT DATE '2026-01-01' + day::INT AS at, x FROM ({values})")
        )
        return Reference(run, "clean", margin)

    return reference


def limits(expectations: Iterable[Expectation]) -> dict[str, Any]:
    """What is expected of x, by name."""
    return {
        each.name.removeprefix("expect_column_"): {
            argument: value for argument, value in each.kwargs.items() if argument != "column"
        }
        for each in expectations
    }


def test_a_median_lies_between_its_ranks_and_values_between_the_least_and_the_greatest(
    reference: Callable[..., Reference],
) -> None:
    # One day of 1,000 values: the median's rank varies by 1.5 * sqrt(2 / 1000) = 0.067, so it lies between
    # 432.9 and 567.1 (of 0 to 999).
    one_day = "SELECT 0 AS day, i AS x FROM range(1000) AS t(i)"
    assert limits(reference(one_day).numbers("x")) == {
        "median_to_be_between": {"min_value": 432.4, "max_value": 566.6},
        "values_to_be_between": {"min_value": 0, "max_value": 999, "mostly": 0.9793},
    }
    # Half of the quartiles' distance more, but nothing becomes negative that never was.
    assert limits(reference(one_day, 0.5).numbers("x")) == {
        "median_to_be_between": {"min_value": 182.7, "max_value": 816.3},
        "values_to_be_between": {"min_value": 0, "max_value": 1249, "mostly": 0.969},
    }
    assert (
        limits(reference("SELECT 0 AS day, i - 500 AS x FROM range(1000) AS t(i)", 0.5).numbers("x"))[
            "values_to_be_between"
        ]["min_value"]
        == -749.8
    )


def test_each_day_counts_for_itself(reference: Callable[..., Reference]) -> None:
    days = "SELECT i % 2 AS day, i + 1000 * (i % 2) AS x FROM range(2000) AS t(i)"
    median = limits(reference(days).numbers("x"))["median_to_be_between"]
    assert (median["min_value"], median["max_value"]) == (999, 2000)
    missing = "SELECT i % 2 AS day, if(i % 2 = 0 AND i % 4 = 0, NULL, i) AS x FROM range(20000) AS t(i)"
    assert limits(reference(missing).there("x")) == {"values_to_not_be_null": {"mostly": 0.5}}


def test_few_values_have_a_mean_and_few_whole_numbers_are_a_set(reference: Callable[..., Reference]) -> None:
    flags = (  # 0.1, and three times 0.3 * sqrt(2 / 10000)
        "SELECT 0 AS day, (i % 10 = 0)::INT AS x FROM range(10000) AS t(i)"
    )
    assert limits(reference(flags).numbers("x"))["mean_to_be_between"] == {
        "min_value": 0.08727,
        "max_value": 0.1128,
    }
    assert limits(reference(flags).numbers("x", whole=True)) == {
        "values_to_be_in_set": {"value_set": [0, 1], "mostly": 0.9950}
    }
    gap = "SELECT 0 AS day, [1, 2, 9][1 + i % 3] AS x FROM range(10000) AS t(i)"
    assert "values_to_be_in_set" not in limits(reference(gap).numbers("x", whole=True))


def test_values_that_came_once_announce_others(reference: Callable[..., Reference]) -> None:
    words = "SELECT 0 AS day, if(i < {}, 'rare' || i, 'often') AS x FROM range(1000) AS t(i)"
    mostly = [
        limits(reference(words.format(n)).texts("x"))["values_to_be_in_set"]["mostly"] for n in (0 + 1, 5, 15)
    ]
    assert mostly == sorted(mostly, reverse=True)
    assert mostly[0] > mostly[-1]
    assert "value_lengths_to_be_between" in limits(reference(words.format(30)).texts("x"))
    assert limits(reference(words.format(5)).texts("x", hidden=True)).keys() == {
        "value_lengths_to_be_between"
    }


@pytest.mark.parametrize("values", ["1 AS x", "NULL::DOUBLE AS x", "'nan'::DOUBLE AS x"])
def test_a_column_that_says_nothing_proposes_nothing(
    reference: Callable[..., Reference], values: str
) -> None:
    assert limits(reference(f"SELECT 0 AS day, {values} FROM range(100)").numbers("x")) == {}


def test_a_column_that_is_never_there_may_be_missing(reference: Callable[..., Reference]) -> None:
    assert limits(reference("SELECT 0 AS day, NULL::DOUBLE AS x FROM range(100)").there("x")) == {}


numbers = st.floats(-1e6, 1e6, width=32) | st.integers(-3, 3).map(float) | st.none()


@given(
    st.lists(st.tuples(st.integers(0, 2), numbers), min_size=30, max_size=120), st.sampled_from([0.0, 0.5])
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_day_of_a_reference_is_good_by_its_own_proposals(
    reference: Callable[..., Reference], rows: list[tuple[int, float | None]], margin: float
) -> None:
    values = ", ".join(f"({day}, {'NULL' if x is None else x}::DOUBLE)" for day, x in rows)
    read = reference(f"SELECT * FROM (VALUES {values}) AS t(day, x)", margin)
    stated = [Stated(each) for each in (*read.there("x"), *read.numbers("x"))]
    connection = duckdb.connect()
    with_values = {day for day, x in rows if x is not None}  # a day without any has no median
    for part in sorted(with_values):
        table = connection.sql(f"SELECT x FROM (VALUES {values}) AS t(day, x) WHERE day = {part}")
        found = findings(table, connection, stated)
        assert [finding.sentence() for finding in found if not finding.success] == []
