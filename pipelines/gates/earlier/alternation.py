"""Whether the days of a training are of one kind, and are what their own nights were.

A mistake on every second day (another unit, another file) is no odd day: half of all days have it. But then
no day lies between the two kinds, and neither the calendar nor the order of time tells them apart. So
weekdays' means are taken off, and what is judged is the widest gap between two neighbouring days, in order of
their value, with at least a fifth of all days on either side. Where one kind simply follows the other, as
after a lasting change, there are few turns from one to the other, and it is none of this gate's matters:
nights were closed on that day, and someone has said that it is right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from pipelines.core.calendar import DAILY, Calendar
from pipelines.gates.earlier.day import Day
from pipelines.gates.earlier.likeness import Earlier
from pipelines.gates.earlier.profile import Profile
from pipelines.gates.earlier.statistic import Limits, Statistic
from pipelines.metrics.chance import SHIFT, angle

if TYPE_CHECKING:
    from pipelines.gates.earlier.steady import Line

LEAST_DAYS = 14
LEAST_KIND = 0.2  # of the days
LEAST_TURNS = 0.2  # of the days: so often, at least, one kind follows the other
WIDER = 1.5  # times the range of the days of one kind: as wide a gap is none of one kind of days
CHANCE = 5  # deviations of a share of rows
GAP, UNLIKE = "gap between two kinds of days, ", "days unlike what their own nights were, "


def lines(
    own: Profile,
    nights: Mapping[date, Day],
    hidden: frozenset[str],
    limits: Limits,
    calendar: Calendar = DAILY,
) -> list[Line]:
    """The statistics of a training that are judged.

    Args:
        own: The training's days.
        nights: What the nights of these days were when they were let through.
        hidden: Columns whose values are not told.
        limits: What the use case allows.
        calendar: Whether days have weekdays.
    """
    from pipelines.gates.earlier.steady import Line

    earlier = Earlier(own.days, hidden=hidden, calendar=calendar)
    every = [one for one in earlier.statistics if one.what in ("below", "value")]
    found = []
    for column in dict.fromkeys(one.column for one in every):
        shift = limits.shift.get(column, SHIFT)
        of_column = [one for one in every if one.column == column]
        if gaps := [
            (gap(one, own.days, calendar), one.name) for one in of_column if len(own.days) >= LEAST_DAYS
        ]:
            widest, name = max(gaps)
            found.append(Line(column, GAP + name, widest, None, shift, widest))
        if both := sorted(own.days.keys() & nights.keys()):
            unlike = [
                sum(_differs(one, own.days[day], nights[day], shift) for day in both) for one in of_column
            ]
            found.append(
                Line(column, f"{UNLIKE}of {len(both)}", float(max(unlike)), None, 0.0, float(max(unlike)))
            )
    return found


def gap(statistic: Statistic, days: Mapping[date, Day], calendar: Calendar = DAILY) -> float:
    """The widest gap between two kinds of days, on the scale of Cohen's h.

    0 where the days are of one kind.
    """
    told = without_weekday(statistic, days, calendar)
    return max(_gaps(np.array(list(told.values()))), default=0.0) if len(told) >= LEAST_DAYS else 0.0


def without_weekday(
    statistic: Statistic, days: Mapping[date, Day], calendar: Calendar = DAILY
) -> dict[date, float]:
    """A statistic of each day, in order of time, without what is the weekday's, on the scale of Cohen's h."""
    told = {day: found for day in sorted(days) if (found := statistic.of(days[day])) is not None}
    values = angle([value for value, _ in told.values()])
    weekdays = np.array([calendar.weekday(day) for day in told])
    for weekday in range(7):
        if (of_weekday := weekdays == weekday).sum() > 1:
            values[of_weekday] -= values[of_weekday].mean()
    return dict(zip(told, values.tolist(), strict=True))


def _gaps(values: np.ndarray) -> Iterator[float]:
    n, order = len(values), np.argsort(values, kind="stable")
    ranked = values[order]
    for lower in range(math.ceil(LEAST_KIND * n), n - math.ceil(LEAST_KIND * n) + 1):
        found = ranked[lower] - ranked[lower - 1]
        ranges = ranked[lower - 1] - ranked[0], ranked[-1] - ranked[lower]
        upper = values >= ranked[lower]
        turns = int((upper[1:] != upper[:-1]).sum())
        if found >= WIDER * max(ranges) and turns >= LEAST_TURNS * n:
            yield float(found)


def _differs(statistic: Statistic, day: Day, night: Day, shift: float) -> bool:
    now, then = statistic.of(day), statistic.of(night)
    if now is None or then is None:
        return False
    chance = CHANCE * math.sqrt(1 / max(now[1], 1) + 1 / max(then[1], 1))
    return bool(abs(angle(now[0]) - angle(then[0])) > max(shift, chance))
