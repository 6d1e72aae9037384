"""How the statistic by which a subject is judged has gone over the past weeks: what the page draws."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from pipelines.core.calendar import DAILY, Calendar
from pipelines.monitoring.level import NEWEST, Days
from pipelines.monitoring.subjects import Subject
from pipelines.monitoring.verdicts import Finding


@dataclass(frozen=True)
class Line:
    """The newest weeks, the judged one last.

    Attributes:
        weeks: First day and value of each, the mean over its rows; a quarter of a year at most.
        usual, limit: What was usual, and where it is no longer so, on the side of the week's value.
    """

    weeks: tuple[tuple[date, float], ...]
    usual: float
    limit: float


def line(subject: Subject, found: Finding, earlier: Days | None, calendar: Calendar = DAILY) -> Line | None:
    """The line of a subject; None where nothing is compared, or no week is there before.

    Args:
        subject: With the days that say what is usual.
        found: Its verdict.
        earlier: What earlier reports have measured of it, alarms among it.
        calendar: Of the days.
    """
    length = subject.week.cycle.week
    names = [one.name for one in subject.statistics]
    if found.statistic not in names or found.usual is None or found.limit is None:
        return None
    at, start = names.index(found.statistic), int(subject.week.on.min())
    days = _together(subject.before, earlier, subject.week)
    ago = np.floor_divide(days.on - start, length)
    weeks = []
    for block in range(-NEWEST + 1, 1):
        own = days.those(ago == block)
        value, rows = own.values[:, at], own.rows[:, at]
        known = np.isfinite(value) & (rows > 0)
        if known.any():
            first = calendar.nth(start + length * block)
            weeks.append((first, float(np.average(value[known], weights=rows[known]))))
    return Line(tuple(weeks), found.usual, found.limit) if len(weeks) > 1 else None


def _together(before: Days, earlier: Days | None, week: Days) -> Days:
    """All days, each once."""
    sides = [before, *([earlier] if earlier else []), week]
    on = np.concatenate([side.on for side in sides])
    _, once = np.unique(on, return_index=True)
    return Days(
        on[once],
        np.concatenate([side.values for side in sides])[once],
        np.concatenate([side.rows for side in sides])[once],
        week.cycle,
    )
