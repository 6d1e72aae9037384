"""Clocks of the world: when those of a zone change, and how a moment reads on them.

Python's own list of zones is the only one that is asked, also for SQL, which gets the changes as numbers:
DuckDB's may be another year's edition, and a row would belong to two partitions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

YEARS = range(2000, 2100)  # of a zone's partitions: before that, clocks changed at all times of the day
HOUR = timedelta(hours=1)
STEP = 5  # days: since 2000 no zone has put its clocks back as they were sooner


class Change(NamedTuple):
    """A moment (UTC) from which on a zone's clocks are ahead of UTC by so much."""

    since: datetime
    ahead: timedelta


@cache
def names() -> frozenset[str]:
    """The zones that there are."""
    return frozenset(available_timezones())


@cache
def changes(zone: str) -> tuple[Change, ...]:
    """All changes of a zone's clocks within `YEARS`, after what holds at their beginning."""
    first, end = datetime(YEARS[0] - 1, 12, 31), datetime(YEARS[-1] + 1, 1, 2)
    found = [Change(first, _ahead(zone, first))]
    days = range(0, (end - first).days + STEP, STEP)
    for before, after in pairwise(min(first + timedelta(days=n), end) for n in days):
        if _ahead(zone, after) != found[-1].ahead:
            found += _within(zone, before, after)
    return tuple(found)


def local(zone: str, moment: datetime) -> datetime:
    """What a zone's clocks show at a moment (UTC)."""
    every = changes(zone)
    return moment + every[max(bisect_right(every, moment, key=lambda one: one.since) - 1, 0)].ahead


def moment(zone: str, shown: datetime) -> datetime:
    """The moment (UTC) at which a zone's clocks show a time: the first one, where they show it twice, and the
    change, where they skip it.
    """
    every = changes(zone)
    for before, after in zip((every[0], *every), every, strict=False):
        if shown - before.ahead < after.since:
            return max(shown - before.ahead, before.since)
    return max(shown - every[-1].ahead, every[-1].since)


def local_sql(zone: str, moment: str) -> str:
    """SQL of the same as `local`."""
    return f"({moment} + to_seconds({_ahead_sql(changes(zone), moment)}))"


@cache
def longest_repeat(zone: str) -> timedelta:
    """By how much the longest day of a zone is longer than others, in whole hours: its clocks show so much
    twice.
    """
    most = max((one.ahead - other.ahead for one, other in pairwise(changes(zone))), default=timedelta())
    return -(-max(most, timedelta()) // HOUR) * HOUR


def never_clear(zone: str, at: time) -> datetime | None:
    """The first time of that kind which a zone's clocks skip or show twice; None where each day has it
    once.
    """
    every = changes(zone)
    for before, after in pairwise(every):
        shown = sorted((after.since + before.ahead, after.since + after.ahead))
        for day in {one.date() for one in shown}:
            if shown[0] <= (found := datetime.combine(day, at)) < shown[1]:
                return found
    return None


def clear_time(zone: str, at: time) -> time:
    """The next full hour that each day of a zone has once."""
    hours = (time((at.hour + n) % 24) for n in range(1, 25))
    return next((hour for hour in hours if never_clear(zone, hour) is None), time(12))


def _ahead(zone: str, moment: datetime) -> timedelta:
    return ZoneInfo(zone).utcoffset(moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))) or timedelta()


def _within(zone: str, first: datetime, last: datetime) -> list[Change]:
    """The changes after `first` until `last`, which are few: to the second."""
    if _ahead(zone, first) == _ahead(zone, last):
        return []
    if last - first <= timedelta(seconds=1):
        return [Change(last, _ahead(zone, last))]
    middle = first + timedelta(seconds=(last - first).total_seconds() // 2)
    return [*_within(zone, first, middle), *_within(zone, middle, last)]


def _ahead_sql(every: Sequence[Change], moment: str) -> str:
    """A tree of cases: seven comparisons tell a moment's place among a hundred."""
    if len(every) == 1:
        return str(int(every[0].ahead.total_seconds()))
    half = len(every) // 2
    early, late = _ahead_sql(every[:half], moment), _ahead_sql(every[half:], moment)
    return f"CASE WHEN {moment} < TIMESTAMP '{every[half].since}' THEN {early} ELSE {late} END"
