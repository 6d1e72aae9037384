"""Which days a partition is about, and what was known by then.

A partition is named by a day. Its run starts when that day (training, scoring) or the week that begins with
it (drift) is over. A label of day D is known on day D + delay; nothing in Sluice looks at it earlier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from pipelines.core.config import Kind, UseCase
from pipelines.core.errors import BadInput, brief

WEEK = 7
DAY = timedelta(days=1)
YEARS = range(1900, 2200)  # with room for windows before and after


@dataclass(frozen=True)
class Days:
    """The days from `first` to `last`, both included."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        """Every day, in order."""
        return (self.first + timedelta(days=n) for n in range(len(self)))

    def __len__(self) -> int:
        """How many days."""
        return max((self.last - self.first).days + 1, 0)

    def __str__(self) -> str:
        """As a person writes it."""
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def parse(partition: str) -> date:
    """Read a partition's name, a day as YYYY-MM-DD.

    Anything else is refused, so that it can safely name a folder.
    """
    try:
        day = date.fromisoformat(partition)
    except (ValueError, TypeError) as error:  # an event's partition may be anything that JSON can say
        raise BadInput(
            f"partition {brief(partition)} is not a day",
            fix="write it as YYYY-MM-DD, such as 2026-03-02",
        ) from error
    if day.isoformat() != partition:
        raise BadInput(f"partition {brief(partition)} is not written as YYYY-MM-DD", fix=f"write {day}")
    if day.year not in YEARS:
        raise BadInput(
            f"partition {partition} is too far away",
            fix=f"write a day of the years {YEARS[0]} to {YEARS[-1]}",
        )
    return day


def today() -> date:
    """The day that it is now, by UTC.

    Nothing that is published may depend on it: it only tells what cannot have been yet.
    """
    return datetime.now(UTC).date()


def lasts(kind: Kind) -> timedelta:
    """How long after its first day a partition is over."""
    return timedelta(days=WEEK if kind == "drift" else 1)


def known_by(kind: Kind, partition: date) -> date:
    """The morning on which the partition's run starts: labels that are known on this day may be used, later
    ones not.
    """
    return partition + lasts(kind)


def newest_over(kind: Kind, morning: date) -> date:
    """The newest partition that is over on this morning: the other way round of `known_by`."""
    return morning - lasts(kind)


def last_labelled(use_case: UseCase, kind: Kind, partition: date) -> date:
    """The last whole day whose labels are known when the partition's run starts."""
    morning = known_by(kind, partition)
    return min(morning - timedelta(days=1), morning - timedelta(days=use_case.label.delay_days))


def due_days(use_case: UseCase, partition: date, weeks: int = 1) -> Days:
    """The newest days whose labels are known when a week's report is made, whatever their delay: what has
    become known since the report before, and is judged.

    Where labels come at once, or the day after, these are the week itself.
    """
    last = last_labelled(use_case, "drift", partition)
    return Days(last - timedelta(days=weeks * WEEK - 1), last)


def last_known(use_case: UseCase, column: str, kind: Kind, partition: date) -> date:
    """The last whole day whose values of the label, or of a late column, are known when the partition's run
    starts.
    """
    if column == use_case.target:
        return last_labelled(use_case, kind, partition)
    return (known_until(use_case.known_after(column), kind, partition) - DAY).date()


def known_until(known_after: timedelta, kind: Kind, partition: date) -> datetime:
    """The last moment of a row whose value is known when the partition's run starts, if it is known so long
    after its row.
    """
    return datetime.combine(known_by(kind, partition), time()) - known_after


def days_of(use_case: UseCase, kind: Kind, partition: date) -> Days:
    """The days whose rows the partition holds: the labelled window (training), the day (scoring), the week
    (drift).
    """
    if kind == "training":
        last = last_labelled(use_case, kind, partition)
        return Days(last - timedelta(days=use_case.split.window_days - 1), last)
    if kind == "scoring":
        return Days(partition, partition)
    return Days(partition, partition + timedelta(days=WEEK - 1))


def past_of(use_case: UseCase, kind: Kind, partition: date) -> Days:
    """The days before `days_of` that the features' windows look back at; none when no window is declared."""
    first = days_of(use_case, kind, partition).first
    # A window of 36 h touches parts of two days: whole days, rounded up.
    back = -(-use_case.features.history // timedelta(days=1))
    return Days(first - timedelta(days=back), first - timedelta(days=1))


def held_out_days(use_case: UseCase, days: Days) -> Days:
    """The last days of a training's window, which `split.by: time` holds out: at least one, and never all."""
    n = min(max(round(len(days) * use_case.split.test), 1), len(days) - 1)
    return Days(days.last - timedelta(days=n - 1), days.last)
