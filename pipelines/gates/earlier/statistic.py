"""One number a day, by which it is compared with others, and what is allowed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipelines.gates.earlier.day import Day

ALARM = "1"  # the decision

What = Literal["below", "value", "filled", "same", "new", "alarms", "link", "again", "keys", "doubled"]
LEVELLED = ("below", "value", "filled", "alarms")  # a day is beside what its column is on weekdays
ONCE = ("new", "again", "keys", "doubled")  # a word on them holds for its day: it makes no level


@dataclass(frozen=True)
class Statistic:
    """One number a day.

    Attributes:
        column: Of the table; empty where it is about whole rows.
        label: What the profile calls that which is looked at.
        what: How it is measured.
        name: In words, without a personal value.
        at: The number, value, pair or hash that it is about.
        rank: Of a number, how many of the rows are usually below it.
    """

    column: str
    label: str
    what: What
    name: str
    at: float | str = ""
    rank: float = 0.0

    def of(self, day: Day) -> tuple[float, int] | None:
        """Its value on a day, and of how many rows; None where the day has none.

        Not of what needs other days.
        """
        number, values = day.numbers.get(self.label), day.values.get(self.label)
        if self.what == "below":
            return (number.below(float(self.at)), number.n) if number and number.n else None
        if self.what == "filled":
            one = number or values
            return (one.n / day.sampled, day.sampled) if one and day.sampled else None
        if self.what in ("value", "alarms"):
            return (values.counts.get(str(self.at), 0) / values.n, values.n) if values and values.n else None
        if self.what == "same":
            one = number or values
            return (one.most, one.n) if one and one.n else None
        if self.what == "link":
            return day.links.get(self.label, 0.0) * float(self.at), day.rows
        if self.what == "doubled":
            return (day.doubled[self.label], day.rows) if self.label in day.doubled else None
        raise ValueError(self.what)


@dataclass(frozen=True)
class Judgement:
    """A statistic of a day beside what is allowed; None where nothing could be beyond."""

    statistic: Statistic
    value: float
    low: float | None
    high: float | None
    usual: float
    days: int
    shift: float  # from the usual, on the scale of the limits
    by_chance: float  # how far chance may take it, on the same scale

    @property
    def holds(self) -> bool:
        """Whether it is within its limits."""
        return (self.low is None or self.value >= self.low) and (self.high is None or self.value <= self.high)


@dataclass(frozen=True)
class Limits:
    """What a use case allows."""

    # column -> Cohen's h of the least shift that closes
    shift: Mapping[str, float] = field(default_factory=dict)
    again: float = 0.23  # of the rows or keys of one earlier day
    doubled: float = 0.06  # of the rows of a day
