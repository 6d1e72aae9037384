"""The calendar of a use case's partitions: the only place that knows how long one is.

Partitions tile time: each begins, to the moment, where the one before it ends. A row belongs to the one in
which its time lies. One is named by its first day, or hour:

| every | name | in Python |
| --- | --- | --- |
| hour | 2026-03-02T05 | `Hour`, UTC |
| day, week, month | 2026-03-02: its first day, by the clocks of `zone` | `date` |

Hours and days cannot be compared, which Python refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, TypeAlias

from pipelines.core import zones
from pipelines.core.errors import BadInput, brief

Grain: TypeAlias = Literal["hour", "day", "week", "month"]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
YEARS = range(1900, 2200)  # with room for windows before and after
SINCE = 719_163  # the ordinal of 1970-01-01
FORMS = {"hour": "YYYY-MM-DDTHH", "day": "YYYY-MM-DD", "week": "YYYY-MM-DD", "month": "YYYY-MM"}
SUCH_AS = {"hour": "2026-03-02T05", "day": "2026-03-02", "week": "2026-03-02", "month": "2026-03"}


class Hour(datetime):
    """An hour by UTC, written as the partition's name is."""

    def isoformat(self, sep: str = "T", timespec: str = "hours") -> str:
        """Its name."""
        return datetime(self.year, self.month, self.day, self.hour).isoformat(sep, timespec)

    def __str__(self) -> str:
        """Its name."""
        return self.isoformat()


@dataclass(frozen=True)
class Calendar:
    """How time is cut into partitions.

    Attributes:
        every: How long one is.
        starts: The weekday on which a week begins, 0 being Monday.
        at: The time of the day at which a day, week or month begins.
        zone: By whose clocks.
    """

    every: Grain = "day"
    starts: int = 0
    at: time = time()
    zone: str = "UTC"

    # --- names

    def parse(self, name: str) -> date:
        """Read a partition's name; anything else is refused, so that it can safely name a folder.

        Raises:
            BadInput: it is none, or not one of this calendar's.
        """
        found = _read(f"{name}-01" if self.every == "month" and _is_month(name) else name)
        if found is None:
            raise BadInput(
                f"partition {brief(name)} is not {self._one}",
                fix=f"write it as {FORMS[self.every]}, such as {SUCH_AS[self.every]}",
            )
        if found.isoformat() != name and not _is_month(name):
            raise BadInput(
                f"partition {brief(name)} is not written as {FORMS[self.every]}", fix=f"write {found}"
            )
        years = YEARS if self.zone == "UTC" else zones.YEARS
        if found.year not in years:
            raise BadInput(
                f"partition {name} is too far away",
                fix=f"write {self._one} of the years {years[0]} to {years[-1]}",
            )
        return self.require(found)

    def require(self, partition: date) -> date:
        """Make sure that this is one of the calendar's partitions.

        Raises:
            BadInput: it is not.
        """
        if isinstance(partition, datetime) != (self.every == "hour"):
            raise BadInput(
                f"partition {partition} is not {self._one}",
                fix=f"write it as {FORMS[self.every]}, such as {SUCH_AS[self.every]}",
            )
        if (begun := self.nth(self.index(partition))) != partition:
            raise BadInput(
                f"partition {partition} is not {self._one}: {self._rule}",
                fix=f"write {begun} or {self.step(begun, 1)}",
            )
        return partition

    @property
    def _one(self) -> str:
        return {"hour": "an hour", "day": "a day"}.get(self.every, f"the first day of a {self.every}")

    @property
    def _rule(self) -> str:
        if self.every == "week":
            return f"weeks start on {WEEKDAYS[self.starts].title()}"
        return f"a {self.every} is named by its first day"

    def counted(self, n: int) -> str:
        """So many partitions, in words."""
        return f"{n} {self.every}{'' if n == 1 else 's'}"

    @property
    def told(self) -> str:
        """How time is cut, in words."""
        found = f"{self.every}s"
        if self.every == "week":
            found += f" from {WEEKDAYS[self.starts].title()} on"
        if self.at != time():
            found += f", each from {self.at:%H:%M} on"
        return found if self.zone == "UTC" else f"{found} in {self.zone}"

    # --- arithmetic

    def index(self, partition: date) -> int:
        """A partition's number: the next one has the next."""
        if self.every == "hour":
            return partition.toordinal() * 24 + _hour(partition)
        if self.every == "day":
            return partition.toordinal()
        if self.every == "week":
            return (partition.toordinal() - 1 - self.starts) // 7
        return partition.year * 12 + partition.month - 1

    def nth(self, index: int) -> date:
        """The partition of a number."""
        if self.every == "hour":
            return Hour.combine(date.fromordinal(index // 24), time(index % 24))
        if self.every == "day":
            return date.fromordinal(index)
        if self.every == "week":
            return date.fromordinal(7 * index + 1 + self.starts)
        return date(index // 12, index % 12 + 1, 1)

    def step(self, partition: date, n: int) -> date:
        """The n-th partition after one; before it, where n is negative."""
        return self.nth(self.index(partition) + n)

    def span(self, first: date, last: date) -> Days:
        """The partitions from one to another, both included."""
        return Days(first, last, self)

    # --- seasons: what partitions have in common that are alike

    @property
    def seasons(self) -> tuple[Callable[[date], tuple[int, ...]], ...]:
        """By what partitions are alike, the closest likeness first: days of a weekday, hours of a weekday or
        of any day. Weeks and months are like those before them.
        """
        if self.every == "hour":
            return (lambda hour: (hour.weekday(), _hour(hour))), (lambda hour: (_hour(hour),))
        return (lambda day: (day.weekday(),),) if self.every == "day" else ()

    def weekday(self, partition: date) -> int:
        """The weekday on which a partition lies, Monday being 0; the same of all weeks and months."""
        return partition.weekday() if self.every in ("hour", "day") else 0

    def season_text(self, partition: date) -> str:
        """A partition's season, in words; empty where there are none."""
        if self.every == "hour":
            return f"a {partition:%A}'s {_hour(partition):02}:00"
        return f"a {partition:%A}" if self.every == "day" else ""

    # --- moments, which are naive and of UTC

    def start(self, partition: date) -> datetime:
        """A partition's first moment."""
        at = time(_hour(partition)) if self.every == "hour" else self.at
        shown = datetime.combine(date(partition.year, partition.month, partition.day), at)
        return shown if self.zone == "UTC" else zones.moment(self.zone, shown)

    def end(self, partition: date) -> datetime:
        """The first moment after a partition."""
        return self.start(self.step(partition, 1))

    def of(self, moment: datetime) -> date:
        """The partition in which a moment lies."""
        shown = moment if self.zone == "UTC" else zones.local(self.zone, moment)
        if self.every == "hour":
            return Hour(shown.year, shown.month, shown.day, shown.hour)
        begun = shown - timedelta(hours=self.at.hour, minutes=self.at.minute)
        return self.nth(self.index(begun.date()))

    def over(self, moment: datetime) -> date:
        """The newest partition that is over at a moment."""
        return self.step(self.of(moment), -1)

    def days_before(self, moment: datetime, days: int) -> datetime:
        """A moment so many days before another: at the same time of the day, whatever clocks have done."""
        back = timedelta(days=days)
        if self.zone == "UTC":
            return moment - back
        return zones.moment(self.zone, zones.local(self.zone, moment) - back)

    @property
    def longest(self) -> timedelta:
        """How long a partition is at the most."""
        if self.every == "hour":
            return timedelta(hours=1)
        days = {"day": 1, "week": 7, "month": 31}[self.every]
        return timedelta(days=days) + (zones.longest_repeat(self.zone) if self.zone != "UTC" else timedelta())

    # --- SQL

    def of_sql(self, moment: str) -> str:
        """SQL of the partition in which a moment lies: a DATE, or of hours a TIMESTAMP."""
        if self.every == "hour":
            return f"date_trunc('hour', {moment})"
        shown = moment if self.zone == "UTC" else zones.local_sql(self.zone, moment)
        minutes = self.at.hour * 60 + self.at.minute
        day = f"({shown} - INTERVAL {minutes} MINUTE)::DATE" if minutes else f"{shown}::DATE"
        if self.every == "week":
            return f"({day} - ((isodow({day}) + {6 - self.starts}) % 7)::INTEGER)"
        return day if self.every == "day" else f"date_trunc('month', {day})::DATE"

    def index_sql(self, moment: str) -> str:
        """SQL of the number of the partition in which a moment lies."""
        of = self.of_sql(moment)
        if self.every == "hour":
            return f"(epoch({of})::BIGINT // 3600 + {SINCE * 24})"
        if self.every == "month":
            return f"(year({of}) * 12 + month({of}) - 1)::BIGINT"
        ordinal = f"(epoch({of})::BIGINT // 86400 + {SINCE})"
        return ordinal if self.every == "day" else f"(({ordinal} - {1 + self.starts}) // 7)"

    @property
    def sql_type(self) -> str:
        """The type of a partition in a table."""
        return "TIMESTAMP" if self.every == "hour" else "DATE"


DAILY = Calendar()


@dataclass(frozen=True)
class Days:
    """The partitions from `first` to `last`, both included: days, unless the calendar says otherwise."""

    first: date
    last: date
    calendar: Calendar = DAILY

    def __iter__(self) -> Iterator[date]:
        """Each of them, in order."""
        return (self.calendar.step(self.first, n) for n in range(len(self)))

    def __len__(self) -> int:
        """How many there are."""
        return max(self.calendar.index(self.last) - self.calendar.index(self.first) + 1, 0)

    def __str__(self) -> str:
        """As a person writes it."""
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"

    @property
    def start(self) -> datetime:
        """The first moment."""
        return self.calendar.start(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after them."""
        return self.calendar.end(self.last)

    def hold(self, moment: str) -> str:
        """SQL of whether a moment lies in them."""
        return f"({moment} >= TIMESTAMP '{self.start}' AND {moment} < TIMESTAMP '{self.end}')"


def named(name: object) -> date | None:
    """The day or hour of which this is the name, whatever the calendar; None where it is none of either."""
    found = _read(name)
    return found if found is not None and found.isoformat() == name else None


def _read(name: object) -> date | None:
    """A day or an hour, also if it is written in another way."""
    if not isinstance(name, str):  # an event's partition may be anything that JSON can say
        return None
    try:
        return date.fromisoformat(name)
    except ValueError:
        return _named_hour(name)


def plain(value: date) -> date:
    """A partition as a table gives it, in Python's form."""
    return Hour(value.year, value.month, value.day, value.hour) if isinstance(value, datetime) else value


def literal(partition: date) -> str:
    """SQL of a partition, as tables have it."""
    if isinstance(partition, datetime):
        return f"TIMESTAMP '{partition:%Y-%m-%d %H}:00:00'"
    return f"DATE '{partition}'"


def _named_hour(name: str) -> Hour | None:
    try:
        found = datetime.fromisoformat(name)
    except ValueError:
        return None
    whole = found.tzinfo is None and found == found.replace(minute=0, second=0, microsecond=0)
    return Hour(found.year, found.month, found.day, found.hour) if whole else None


def _is_month(name: object) -> bool:
    return isinstance(name, str) and len(name) == len("2026-03") and name[4] == "-" and name[5:].isdigit()


def _hour(partition: date) -> int:
    return partition.hour if isinstance(partition, datetime) else 0
