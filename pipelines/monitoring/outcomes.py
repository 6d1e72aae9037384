"""The table `outcomes`: predictions whose labels are due, beside the labels; and what is asked of it as a
whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import duckdb

from pipelines.core import sql
from pipelines.core.calendar import DAILY, Calendar
from pipelines.core.dates import WEEK, Days
from pipelines.core.metrics import by_name
from pipelines.metrics import daily
from pipelines.metrics.sureness import FEWEST

if TYPE_CHECKING:
    from pipelines.core.config import UseCase

WEEKS = 4  # are looked at where one has too few of one class
# Rows of the rarer class that a share promises, from which on none is no chance: one in 20,000.
NO_CHANCE = 10


@dataclass(frozen=True)
class Outcomes:
    """Predictions whose labels are due.

    Attributes:
        days: The newest days of which labels are due, by the label's delay.
        rows: The table `outcomes` of these days, and of those before them whose labels are others now than
            reports have found.
        rarer: The share of the rarer class among the rows that the champion has learned from; 1 where labels
            are numbers.
        missing: The days on which a night was due, after the first one, and there is none.
        left_out: Nights whose predictions tell another label, or are not let through.
        changed: Day -> of how many rows the label is another one than the report before has found.
        late: Days before the newest ones that had too few labels, and have others now.
    """

    days: Days
    rows: duckdb.DuckDBPyRelation
    rarer: float = 1.0
    missing: tuple[date, ...] = ()
    left_out: tuple[date, ...] = ()
    changed: Mapping[date, int] = field(default_factory=dict)
    late: tuple[date, ...] = ()
    length: int = WEEK  # of a report, in days

    @property
    def of_weeks(self) -> int:
        """How many reports' length these are."""
        return len(self.days) // self.length

    @property
    def on(self) -> str:
        """SQL of a row's day."""
        return self.days.calendar.of_sql("time")

    def told(self) -> list[str]:
        """What there is to say, in sentences."""
        said = []
        if self.missing:
            said.append(f"no night of {_some(self.missing)}: its predictions are not judged")
        if self.left_out:
            said.append(
                f"the night of {_some(self.left_out)} tells another label, or was not let through, and is not"
                " judged"
            )
        if self.changed:
            rows = sum(self.changed.values())
            said.append(
                f"{rows:,} labels of {_some(tuple(self.changed))} are others now than the report before has"
                " found, when they were due: that report keeps what it said, and this one tells these days"
                " again"
            )
        if self.late:
            said.append(
                f"labels of {_some(self.late)} have come since a report found too few: these days are told"
                " again, and judged once they have as many as are usual"
            )
        return said

    def of_due_days(self) -> duckdb.DuckDBPyRelation:
        """The rows of the newest days alone."""
        return self.rows.filter(self.days.hold("time"))


def _some(days: Sequence[date]) -> str:
    shown = ", ".join(map(str, days[:3]))
    return f"{shown} and {len(days) - 3} more days" if len(days) > 3 else shown


def joined(
    predictions: Sequence[duckdb.DuckDBPyRelation],
    labels: duckdb.DuckDBPyRelation | None,
    slices: Sequence[duckdb.DuckDBPyRelation],
    use_case: UseCase,
) -> duckdb.DuckDBPyRelation:
    """The rows of the table `outcomes`, in any order (`in_order`); see `tables.outcomes`.

    Args:
        predictions: A predictions table a night, one at least.
        labels: Clean rows of the same days; None where there are none.
        slices: Features tables of those of the nights that have the slices' columns.
        use_case: The facts.
    """
    key, time = sql.name(use_case.key), sql.name(use_case.time)
    decision = ["decision"] if use_case.task.decides else []
    kept = ", ".join([f"{key} AS key", f"{time} AS time", "score", *decision, "model_version"])
    every = sql.together(night.project(kept) for night in predictions)
    if use_case.stakes.a_day is not None:  # by all rows of a day, whether they have a label by now or not
        taken = daily.column("score", "time::DATE", "key", use_case.stakes.a_day)
        every = every.project(", ".join(["key, time, score", *decision, taken, "model_version"]))
    every = _with_labels(every, labels, use_case)
    names = [f"slice_{name}" for name in use_case.slices]
    if slices and names:
        columns = ", ".join(f"{sql.name(name)}::VARCHAR AS slice_{name}" for name in use_case.slices)
        features = sql.together(night.project(f'{key} AS "#key", {columns}') for night in slices)
        every = every.join(features, 'key = "#key"', "left").project('* EXCLUDE ("#key")')
    elif names:
        every = every.project(", ".join(["*", *(f"NULL::VARCHAR AS {name}" for name in names)]))
    return every


def in_order(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The rows of the table `outcomes`, as it has them."""
    return rows.order("time, key")


def _with_labels(
    every: duckdb.DuckDBPyRelation, labels: duckdb.DuckDBPyRelation | None, use_case: UseCase
) -> duckdb.DuckDBPyRelation:
    unit = use_case.unit_column
    if labels is None:
        return every.project(
            ", ".join(["*", "NULL::DOUBLE AS label", *(["NULL::VARCHAR AS unit"] if unit else [])])
        )
    target, key = sql.name(use_case.target), sql.name(use_case.key)
    columns = [f'{key} AS "#key"', f"{target}::DOUBLE AS label"]
    if unit:
        columns.append(f"coalesce({sql.name(unit)}::VARCHAR, '') AS unit")
    known = labels.filter(f"{target} IS NOT NULL").project(", ".join(columns))
    return every.join(known, 'key = "#key"', "left").project('* EXCLUDE ("#key")')


def labelled(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Those of the outcomes that have a label."""
    return rows.filter("label IS NOT NULL")


def day(value: date) -> str:
    """A day in SQL."""
    return f"DATE '{value}'"


def wants_more(found: Outcomes, use_case: UseCase) -> bool:
    """Whether a week has too few labels of one class to say anything, by chance: then those of the weeks
    before are looked at, too.
    """
    rows, rare = counted(found.rows, use_case)
    return rows > 0 and rare < FEWEST and not (rare == 0 and found.rarer * rows >= NO_CHANCE)


def counted(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> tuple[int, int]:
    """How many labels there are, and how many of the rarer class (of numbers: as many)."""
    known = labelled(rows)
    if not use_case.task.classes:
        ((n,),) = known.aggregate("count(*)").fetchall()
        return int(n), int(n)
    ((n, positives),) = known.aggregate("count(*), coalesce(sum(label), 0)").fetchall()
    return int(n), int(min(positives, n - positives))


def no_chance(found: Outcomes, use_case: UseCase) -> bool:
    """Whether the primary metric ought to have a value: whether there are so many labels that one class
    alone is no chance, or four weeks of them where the file states a least value.
    """
    rows, _ = counted(found.rows, use_case)
    if not by_name(use_case.metric.name).of_labels_that_differ:
        return rows > 0
    stated = use_case.monitoring.min_performance is not None and found.of_weeks >= WEEKS
    return rows > 0 and (found.rarer * rows >= NO_CHANCE or stated)


def changed(
    before: duckdb.DuckDBPyRelation, labels: duckdb.DuckDBPyRelation, days: Days, use_case: UseCase
) -> dict[date, int]:
    """Of how many rows of each day the label is another one than a report before has found.

    Args:
        before: That report's outcomes.
        labels: Clean rows of the days as the source gives them now.
        days: These days.
        use_case: The facts.
    """
    key, target = sql.name(use_case.key), sql.name(use_case.target)
    known = labels.project(f'{key} AS "#key", {target}::DOUBLE AS "#now"')
    there, on = labelled(before).filter(days.hold("time")), use_case.watched.of_sql("time")
    found = (
        there.project('key AS "#before", time, label')
        .join(known, '"#before" = "#key"', "left")
        .filter('label IS DISTINCT FROM "#now"')
        .aggregate(f"{on} AS day, count(*) AS rows", on)
        .order("day")
        .fetchall()
    )
    return {each: int(rows) for each, rows in found}


@dataclass(frozen=True)
class Known:
    """What reports have found of a day's labels.

    Attributes:
        rows: Its predictions.
        labelled: Those that had a label.
        final: Whether these were as many as are usual.
    """

    rows: int
    labelled: int
    final: bool


def known_before(
    reports: Sequence[duckdb.DuckDBPyRelation], before: date, use_case: UseCase
) -> dict[date, Known]:
    """Day -> the newest word on it, of the days whose labels were due, before some day.

    Args:
        reports: The tables `performance` of earlier weeks, the oldest first.
        before: The day.
        use_case: Names the metric, of whose rows there is one a day and version.
    """
    found: dict[date, Known] = {}
    for report in reports:
        told = report.filter(
            f"metric = {sql.text(use_case.metric.name)} AND slice = 'all' AND status <> 'estimated'"
            f" AND day < {day(before)}"
        ).aggregate("day::DATE AS on_day, sum(rows), sum(labelled), bool_and(status = 'final')", "on_day")
        found |= {
            each: Known(int(rows), int(known), bool(is_final))
            for each, rows, known, is_final in told.fetchall()
        }
    return found


def late(known: Mapping[date, Known], most: int) -> list[date]:
    """The newest of the days that had too few labels, of so many rows at most together."""
    taken: list[date] = []
    rows = 0
    for each in sorted((each for each, told in known.items() if not told.final), reverse=True):
        rows += known[each].rows
        if rows > most:
            break
        taken.append(each)
    return sorted(taken)


def with_other_labels(
    rows: duckdb.DuckDBPyRelation, known: Mapping[date, Known], calendar: Calendar = DAILY
) -> list[date]:
    """The days of which there are more or fewer labels now than were known."""
    on = calendar.of_sql("time")
    counted = rows.aggregate(f"{on} AS on_day, count(label)", "on_day").order("on_day").fetchall()
    return [each for each, labels in counted if each in known and known[each].labelled != labels]
