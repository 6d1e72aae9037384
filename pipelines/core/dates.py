"""Which partitions a run is about, and what was known by then.

A partition is a stretch of the use case's calendar, named by its beginning. A run starts when its partition
(training, scoring), or the last one of the report that begins with it (drift), is over; a night whose rows
are predicted ahead, when its partition begins. A label of day D is known on day D + delay; nothing in Sluice
looks at it earlier.

What is a day here, is a partition, unless it is said otherwise: they are days by default.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from pipelines.core.calendar import DAILY, YEARS, Calendar, Days, named
from pipelines.core.config import Kind, UseCase
from pipelines.core.errors import BadInput, brief

__all__ = ["DAY", "WEEK", "YEARS", "Days"]

WEEK = 7
DAY = timedelta(days=1)


def parse(partition: str, calendar: Calendar = DAILY) -> date:
    """Read a partition's name, a day as YYYY-MM-DD unless the calendar says otherwise."""
    return calendar.parse(partition)


def read(name: str) -> date:
    """Read a partition's name that Sluice itself has written down, whatever the calendar was.

    Raises:
        BadInput: it is none.
    """
    found = named(name)
    if found is None:
        raise BadInput(
            f"partition {brief(name)} is neither a day nor an hour",
            fix="write it as YYYY-MM-DD, or YYYY-MM-DDTHH",
        )
    return found


def today() -> date:
    """The day that it is now, by UTC.

    Nothing that is published may depend on it: it only tells what cannot have been yet.
    """
    return datetime.now(UTC).date()


def now() -> datetime:
    """The moment that it is now: naive, of UTC. Nothing that is published may depend on it."""
    return datetime.now(UTC).replace(tzinfo=None)


def lasts(use_case: UseCase, kind: Kind) -> int:
    """How many partitions a run is about, but for the past: a report looks at several."""
    return use_case.report_partitions if kind == "drift" else 1


def known_by(use_case: UseCase, kind: Kind, partition: date) -> date:
    """The partition with whose first moment the run starts: labels that are known by then may be used, later
    ones not. Of days it is a morning.
    """
    return use_case.calendar.step(partition, waits(use_case, kind))


def waits(use_case: UseCase, kind: Kind) -> int:
    """How many partitions go by from the beginning of the run's own until it starts."""
    return 0 if kind == "scoring" and use_case.ahead else lasts(use_case, kind)


def starts_at(use_case: UseCase, kind: Kind, partition: date) -> datetime:
    """The moment at which the partition's run can start at the earliest."""
    return use_case.calendar.start(known_by(use_case, kind, partition))


def newest_over(use_case: UseCase, kind: Kind, moment: datetime) -> date:
    """The newest partition that is over at a moment, or, where rows are predicted ahead, has begun: the other
    way round of `starts_at`.
    """
    calendar = use_case.calendar
    return calendar.step(calendar.of(moment), -waits(use_case, kind))


def labels_until(use_case: UseCase, kind: Kind, partition: date) -> datetime:
    """Labels of rows before this moment are known when the partition's run starts.

    A delay is counted in days from the beginning of the row's day (of hours: of its hour), so that a label
    that comes the day after is there when its day is over.
    """
    calendar = use_case.calendar
    begun, delay = starts_at(use_case, kind, partition), use_case.label.delay_days
    if calendar.every == "hour":
        return begun - timedelta(days=delay) + timedelta(hours=1)
    return calendar.days_before(begun, delay - 1)


def last_labelled(use_case: UseCase, kind: Kind, partition: date) -> date:
    """The last whole partition whose labels are known when the run starts."""
    begun = starts_at(use_case, kind, partition)
    return _last_before(use_case, min(labels_until(use_case, kind, partition), begun))


def due_days(use_case: UseCase, partition: date, weeks: int = 1) -> Days:
    """The newest partitions whose labels are known when a report is made, whatever their delay: what has
    become known since the report before, and is judged.

    Where labels come at once, or the day after, these are the report's own.
    """
    calendar, last = use_case.calendar, last_labelled(use_case, "drift", partition)
    return calendar.span(calendar.step(last, 1 - weeks * lasts(use_case, "drift")), last)


def watched(use_case: UseCase, days: Days) -> Days:
    """The days that a report tells of, of some partitions: the same, or the days in which hours lie."""
    last = days.end - timedelta(microseconds=1)
    return use_case.watched.span(use_case.watched.of(days.start), use_case.watched.of(last))


def held_by(use_case: UseCase, days: Days) -> Days:
    """The other way round: the partitions of some of a report's days."""
    last = days.end - timedelta(microseconds=1)
    return use_case.calendar.span(use_case.calendar.of(days.start), use_case.calendar.of(last))


def last_known(use_case: UseCase, column: str, kind: Kind, partition: date) -> date:
    """The last whole partition whose values of the label, or of a late column, are known when the run
    starts.
    """
    if column == use_case.target:
        return last_labelled(use_case, kind, partition)
    until = known_until(use_case, use_case.known_after(column), kind, partition)
    return _last_before(use_case, until + timedelta(microseconds=1) if use_case.ahead else until)


def _last_before(use_case: UseCase, moment: datetime) -> date:
    """The last partition all of whose rows are before a moment: one that is over, or has begun, where that is
    the time of its rows.
    """
    calendar = use_case.calendar
    if use_case.ahead:
        return calendar.of(moment - timedelta(microseconds=1))
    return calendar.over(moment)


def known_until(use_case: UseCase, known_after: timedelta, kind: Kind, partition: date) -> datetime:
    """The last moment of a row whose value is known when the partition's run starts, if it is known so long
    after its row.
    """
    return starts_at(use_case, kind, partition) - known_after


def days_of(use_case: UseCase, kind: Kind, partition: date) -> Days:
    """The partitions whose rows a run holds: the labelled window (training), its own (scoring), the report's
    (drift).
    """
    calendar = use_case.calendar
    if kind == "training":
        last = last_labelled(use_case, kind, partition)
        return calendar.span(window_begins(use_case, last), last)
    return calendar.span(partition, calendar.step(partition, lasts(use_case, kind) - 1))


def window_begins(use_case: UseCase, last: date) -> date:
    """The first partition of a training's window that ends with one: as many as make up its days, and one at
    the least.
    """
    calendar = use_case.calendar
    begun = calendar.days_before(calendar.end(last), use_case.split.window_days)
    return min(calendar.step(calendar.of(begun - timedelta(microseconds=1)), 1), last)


def past_of(use_case: UseCase, kind: Kind, partition: date) -> Days:
    """The partitions before `days_of` that the features' windows look back at; none when no window is
    declared.
    """
    calendar, first = use_case.calendar, days_of(use_case, kind, partition).first
    # A window of 36 h touches parts of two days: these are taken whole.
    begun = calendar.of(calendar.start(first) - use_case.features.history)
    return calendar.span(begun, calendar.step(first, -1))


def held_out_days(use_case: UseCase, days: Days) -> Days:
    """The last partitions of a training's window, which `split.by: time` holds out: at least one, and never
    all.
    """
    n = min(max(round(len(days) * use_case.split.test), 1), len(days) - 1)
    return Days(days.calendar.step(days.last, 1 - n), days.last, days.calendar)
