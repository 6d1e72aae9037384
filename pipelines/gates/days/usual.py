"""What is usual of a day, told by other days: how many rows it has, and what stands in its columns.

Of each column the share of rows that have a value is judged; of a number besides its mean as sign(x) ln(1 +
|x|), on which a unit that changes is a shift, and one great value is none; of the label its mean. A day is
usual if such a number lies between those of most other days (`MOST`), with as much room again on either side,
and `CHANCE` standard errors of its own. The room is what days differ by, week-ends and growth included, as
far as the others show it: it grows with the distance of the day from them, as many times as they span it. A
late column is judged by the mean of its numbers, on days of which it is wholly known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from pipelines.core import sql
from pipelines.core.calendar import DAILY, Calendar, plain

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase

MOST = (0.05, 0.95)  # quantiles
CHANCE = 4  # standard errors
ENOUGH_DAYS = 7  # so many others tell what days are like; fewer do not show a week
ENOUGH_VALUES = 20


@dataclass(frozen=True)
class Number:
    """A mean over a day's rows: the number of them, the mean, and the standard deviation of one."""

    n: int
    mean: float
    deviation: float


def numbers(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> dict[str, dict[date, Number]]:
    """What stands in the columns on each day, in those of the file's that are there: what it is, in words ->
    day -> number.
    """
    asked = {name: value for column, name, value in _questions(use_case) if column in rows.columns}
    means = [f"count({value}), avg({value}), stddev_pop({value})" for value in asked.values()]
    day = use_case.calendar.of_sql(sql.name(use_case.time))
    found: dict[str, dict[date, Number]] = {name: {} for name in asked}
    for of, *values in rows.aggregate(", ".join([day, *means]), day).fetchall():
        for name, (n, mean, deviation) in zip(asked, zip(*[iter(values)] * 3, strict=True), strict=True):
            if n >= ENOUGH_VALUES:
                found[name][plain(of)] = Number(n, mean, deviation)
    return found


def columns(use_case: UseCase) -> dict[str, str]:
    """Of which column a number tells."""
    return {name: column for column, name, _ in _questions(use_case)}


def label(use_case: UseCase) -> str:
    """What the label's mean is called."""
    return f"mean of {use_case.target}"


def range_of(of: date, number: Number, others: Mapping[date, Number]) -> tuple[float, float] | None:
    """Between what a day's number is usual; None where too few other days tell."""
    if len(others) < ENOUGH_DAYS:
        return None
    low, high = np.quantile([other.mean for other in others.values()], MOST)
    first, last = min(others), max(others)
    away = max(first - of, of - last, timedelta()) / max(last - first, timedelta(hours=1))
    # A day may be constant by chance, or by a fault: others tell how much a row differs.
    deviation = max(number.deviation, float(np.median([other.deviation for other in others.values()])))
    room = (high - low) * max(away, 1) + CHANCE * deviation / math.sqrt(number.n)
    return low - room, high + room


def season_median(of: date, rows: Mapping[date, int], calendar: Calendar = DAILY) -> float | None:
    """How many rows other days of the weekday have, in the middle; all others, where there is none.

    Hours are beside those of their weekday, else of any day; weeks and months beside all.
    """
    others = {day: n for day, n in rows.items() if day != of}
    for season in calendar.seasons:
        if alike := [n for day, n in others.items() if season(day) == season(of)]:
            return float(np.median(alike))
    return float(np.median([*others.values()])) if others else None


def _questions(use_case: UseCase) -> Iterator[tuple[str, str, str]]:
    """A column, what is asked of it, in words and in SQL."""
    for name, column in use_case.columns.items():
        value = sql.name(name)
        if name == use_case.target:
            yield (
                name,
                label(use_case),
                f"CAST({value} AS DOUBLE)" if use_case.task.classes else _logarithm(value),
            )
        elif column.role == "feature":
            yield name, f"values of {name}", f"CAST({value} IS NOT NULL AS DOUBLE)"
        if (
            name != use_case.target
            and (column.role == "feature" or name in use_case.late)
            and column.type in ("integer", "number")
        ):
            yield name, f"mean of {name}", _logarithm(value)


def _logarithm(value: str) -> str:
    number = f"CAST({value} AS DOUBLE)"
    return f"CASE WHEN isfinite({number}) THEN sign({number}) * ln(1 + abs({number})) END"
