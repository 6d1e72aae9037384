"""A week is judged as the drift step and its gate would judge it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from pipelines.commands.monitor import worlds
from pipelines.commands.monitor.draws import Draws, dated, together
from pipelines.commands.monitor.life import Year
from pipelines.commands.monitor.own import Own
from pipelines.core import dates
from pipelines.monitoring import judged as judging
from pipelines.monitoring import outcomes
from pipelines.monitoring.drift_table import DriftResult
from pipelines.monitoring.outcomes import Outcomes
from pipelines.steps import drift

BROKEN = {
    "nothing": lambda draws, on: draws.day(on),
    "amount is gone": lambda draws, on: worlds._inputs(draws, on, 0.0, "amount", worlds._missing),
    "the concept is reversed": lambda draws, on: worlds._reversed(draws, on, 0.0),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_week_is_red_exactly_where_the_step_says_so(what: str, mine: Own, year: Year) -> None:
    def rows(on: date) -> pa.Table:
        return BROKEN[what](year.draws, on)

    watch, number = year.watch, len(year.weeks)
    week = watch.week(number)
    judged = watch.judge(week, rows, year.weeks)
    told = compared(mine, year, rows, number)
    closes = told.alarms or judging.red(told.primary, mine.use_case.greater_is_better)
    assert bool(judged.red) == bool(closes)
    assert len([kind for kind, _ in judged.red if kind != "performance"]) == told.alarms
    assert judged.primary["value"] == pytest.approx(told.primary["value"])
    assert judged.primary["least_loss"] == pytest.approx(told.primary["least_loss"])
    assert bool(judged.red) == (what != "nothing")


def compared(mine: Own, year: Year, rows: Callable[[date], pa.Table], number: int) -> DriftResult:
    """The same by the step's whole function."""
    connection, use_case, week = mine.run.store.connection, mine.use_case, year.watch.week(number)
    due = dates.due_days(use_case, week.first)

    def nights(days: dates.Days) -> duckdb.DuckDBPyRelation:
        return connection.from_arrow(together(dated(rows(day), day, use_case) for day in days))

    joined = outcomes.joined(
        [nights(due).set_alias("told")],
        nights(due).set_alias("labels"),
        [nights(due).set_alias("slices")],
        use_case,
    )
    watch = year.watch
    return drift.compare(
        reference=watch.before.reference.relation,
        features=[nights(week)],
        predictions=[nights(week)],
        week=week,
        nights=1,
        due=Outcomes(due, joined, watch._rarer),
        earlier=[connection.from_arrow(pa.concat_tables([one.days for one in year.weeks]))],
        champion=mine.champion,
        judged=mine.judged,
        use_case=use_case,
        judge=watch.judged_by,
        weeks=[one.primary for one in year.weeks],
    )


def test_labels_that_are_due_later_are_judged_later(mine: Own, year: Year) -> None:
    watch, began = year.watch, year.watch.week(3).first

    def rows(on: date) -> pa.Table:
        return BROKEN["the concept is reversed"](year.draws, on) if on >= began else year.day(on)

    def value(number: int, delay: int) -> float:
        return float(watch.judge(watch.week(number), rows, [], delay).primary["value"])

    assert [value(number, 0) > 0.8 for number in (2, 3)] == [True, False]
    assert [value(number, 14) > 0.8 for number in (3, 5)] == [True, False]
    assert Draws(mine, (7,)).day(began) is year.day(began)
