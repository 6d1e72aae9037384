"""What a day is compared with earlier days by: its statistics, each with limits that come from the earlier days alone.

No store and no gate is known here, so that years of days can be drawn and judged by this very code: see `benchmarks.steady`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Literal

import numpy as np

from pipelines.gates import chance
from pipelines.gates.links import BETWEEN
from pipelines.gates.profile import HASHES, HOUR, LENGTH, MOST_VALUES, Day, Number, Values

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)  # of a number's earlier days: the share of rows below each is judged
COMMON = 0.05  # of the rows: so frequent a value is judged by itself
MOST_COMMON = 8  # values of a category
ENOUGH_ROWS = 20  # with a value, on a usual day
VARYING = 0.8  # of the days: a column that is constant on more days tells of the calendar, not of the data
LINKED = 0.25  # a dependence of this strength is expected to be there
UNSTEADY = 0.3  # of the deviation from day to day, beyond that of rows: such a column has weather, or a season, and no level
COMPARABLE = 20  # hashes, of which it can be said whether they were there before
ALARM = "1"  # the decision

What = Literal["below", "value", "same", "new", "alarms", "link", "again", "keys", "doubled"]


@dataclass(frozen=True)
class Statistic:
    """One number a day.

    Attributes:
        column: Of the table; empty where it is about whole rows.
        label: What the profile calls that which is looked at.
        what: How it is measured.
        name: In words, without a personal value.
        at: The number, value, pair or hash that it is about.
    """

    column: str
    label: str
    what: What
    name: str
    at: float | str = ""

    def of(self, day: Day) -> tuple[float, int] | None:
        """Its value on a day, and of how many rows; None where the day has none. Not of what needs other days."""
        number, values = day.numbers.get(self.label), day.values.get(self.label)
        if self.what == "below":
            return (number.below(float(self.at)), number.n) if number and number.n else None
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
class Judged:
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

    shift: Mapping[str, float] = field(default_factory=dict)  # column -> Cohen's h of the least shift that closes
    again: float = 0.23  # of the rows or keys of one earlier day
    doubled: float = 0.06  # of the rows of a day


@dataclass(frozen=True)
class Earlier:
    """Earlier days, oldest first, and since when a column is what it is now.

    Attributes:
        days: What they say.
        since: Column -> the day on which a change was accepted: the days before it say nothing of its level any more.
        hidden: Columns whose values are not told.
    """

    days: Mapping[date, Day]
    since: Mapping[str, date] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    def judge(self, day: Day, limits: Limits | None = None) -> list[Judged]:
        """Compare a day, which comes after them, by every statistic."""
        every = [statistic for statistic in self.statistics if self._value(statistic, day) is not None]
        probability = chance.false_alarm(len(every))
        found = (self._judged(statistic, day, probability, limits or Limits()) for statistic in every)
        return [judged for judged in found if judged]

    @cached_property
    def statistics(self) -> tuple[Statistic, ...]:
        """What earlier days can say something of."""
        labels = dict.fromkeys(label for day in self.days.values() for label in (*day.numbers, *day.values))
        found = [statistic for label in labels for statistic in (*self._of_number(label), *self._of_values(label))]
        return (*found, *self._of_links(), *self._of_rows())

    def level(self, column: str) -> dict[date, Day]:
        """The days that say what is usual of a column."""
        since = self.since.get(column)
        return {day: found for day, found in self.days.items() if since is None or day >= since}

    # --- which statistics there are

    def _of_number(self, label: str) -> Iterator[Statistic]:
        column, what = _named(label)
        days = [found for day in self.level(column).values() if (found := day.numbers.get(label)) and found.n]
        if not _told(days):
            return
        if label.endswith(LENGTH) and not self._many(label.removesuffix(LENGTH)):
            return  # few different texts: their shares say more
        points: dict[float, float] = {}
        for rank in QUANTILES:
            points.setdefault(_pooled(days, rank), rank)
        yield Statistic(column, label, "same", f"share of rows {what or 'with '}one and the same value")
        levels = []
        for x, rank in points.items():
            shown = f"its usual {rank:.0%} quantile" if column in self.hidden else f"{x:.6g}"
            levels.append(Statistic(column, label, "below", f"share of rows {what}below {shown}", x))
        if self._steady(levels):
            yield from levels

    def _of_values(self, label: str) -> Iterator[Statistic]:
        if label == "decision":
            yield Statistic(label, label, "alarms", "share of alarms", ALARM)
            return
        days = [found for day in self.level(label).values() if (found := day.values.get(label)) and found.n]
        if not days or self._many(label) or float(np.median([found.n for found in days])) < ENOUGH_ROWS:
            return
        if _told(days):
            shares: dict[str, float] = {}
            for found in days:
                for value, n in found.counts.items():
                    shares[value] = shares.get(value, 0.0) + n / found.n / len(days)
            common = sorted((-share, value) for value, share in shares.items() if share >= COMMON)[:MOST_COMMON]
            levels = []
            for place, (_, value) in enumerate(common, start=1):
                shown = f"the {place}. most frequent value" if label in self.hidden else repr(value)
                levels.append(Statistic(label, label, "value", f"share of {shown}", value))
            yield Statistic(label, label, "same", "share of rows with one and the same value")
            if not self._steady(levels):
                return
            yield from levels
            # Where days have one value each, as a month, a new one is the calendar's.
            yield Statistic(label, label, "new", "share of values that no earlier day has")

    def _steady(self, levels: list[Statistic]) -> bool:
        """Whether days lie near one another. Where they do not, eight weeks say nothing of the next day: it may begin the autumn."""
        for statistic in levels:
            told = [found for day in self.level(statistic.column).values() if (found := statistic.of(day)) is not None]
            angles, rows = chance.angle([value for value, _ in told]), np.array([n for _, n in told])
            if len(told) > 1 and float(np.var(angles, ddof=1) - np.mean(1 / rows)) > UNSTEADY**2:
                return False
        return True

    def _many(self, label: str) -> bool:
        """Whether a column has so many different values that they are no categories."""
        return any(day.values[label].different > MOST_VALUES for day in self.level(label).values() if label in day.values)

    def _of_links(self) -> Iterator[Statistic]:
        """Each column with the one that tells most of it."""
        days = [day for day in self.days.values() if day.links]
        if len(days) < chance.LEAST_DAYS:
            return
        strengths = {
            pair: float(np.mean([day.links.get(pair, 0.0) for day in days])) for pair in {pair for day in days for pair in day.links}
        }
        strongest: dict[str, str] = {}
        for pair in sorted(strengths, key=lambda pair: (-abs(strengths[pair]), pair)):
            for column in pair.split(BETWEEN):
                strongest.setdefault(column, pair)
        for column, pair in strongest.items():
            if abs(strengths[pair]) >= LINKED:
                other = next((name for name in pair.split(BETWEEN) if name != column), column)
                yield Statistic(column, pair, "link", f"dependence on {other}", math.copysign(1.0, strengths[pair]))

    def _of_rows(self) -> Iterator[Statistic]:
        days = self.days.values()
        for label in dict.fromkeys(label for day in days for label in day.doubled):
            yield Statistic("", label, "doubled", f"share of rows that repeat another one of the day but for the key, {label}")
        if any(day.content for day in days):
            yield Statistic("", "content", "again", "share of rows that stand in one earlier day, but for key and time")
            yield Statistic("", "keys", "keys", "share of keys that stand in one earlier day")

    # --- what is allowed

    def _judged(self, statistic: Statistic, day: Day, probability: float, limits: Limits) -> Judged | None:
        known, found = self._known(statistic), self._value(statistic, day)
        if known is None or found is None:
            return None
        value, rows = found
        shift = limits.shift.get(statistic.column, chance.SHIFT)
        by_chance = float(chance.width(known, rows, probability))
        low: float | None = None
        high: float | None = None
        if statistic.what == "link":
            usual, distance = math.tanh(known.centre), abs(_z(value) - float(known.centre))
            low = chance.link_limit(known, rows, probability)
        else:
            usual, distance = float(chance.share(known.centre)), abs(float(chance.angle(value) - known.centre))
        if statistic.what in ("below", "value"):
            low, high = chance.told(*chance.bounds(known, rows, probability, shift))
        elif statistic.what == "alarms":
            low, high = chance.told(*chance.alarm_bounds(known, rows, probability, shift))
        elif statistic.what != "link":  # more than usual is wrong, less is not
            least = {"new": shift, "same": shift, "doubled": float(chance.angle(limits.doubled))}.get(
                statistic.what, float(chance.angle(limits.again))
            )
            _, high = chance.told(*chance.bounds(known, rows, probability, least))
        return Judged(statistic, value, low, high, usual, known.days, distance, by_chance)

    def _known(self, statistic: Statistic) -> chance.Known | None:
        """What the days say; None where they are too few."""
        level = self.level(statistic.column) if statistic.column else dict(self.days)
        before = {day: found for day, found in self.days.items() if day not in level}
        old = self._summed(statistic, before) if before else None
        if old is not None and old.days < chance.LEAST_DAYS:
            old = None
        return self._summed(statistic, level, old)

    def _summed(self, statistic: Statistic, days: Mapping[date, Day], before: chance.Known | None = None) -> chance.Known | None:
        told = [found for day in days if (found := self._value(statistic, self.days[day], day)) is not None]
        if not told or (len(told) < chance.LEAST_DAYS and before is None):
            return None
        values = np.array([value for value, _ in told])
        scaled = np.arctanh(np.clip(values, -0.999, 0.999)) if statistic.what == "link" else chance.angle(values)
        return chance.known(scaled, [rows for _, rows in told], before)

    def _value(self, statistic: Statistic, day: Day, on: date | None = None) -> tuple[float, int] | None:
        """A statistic of a day: of one of the earlier days as if the other ones were earlier, too."""
        if statistic.what == "link":
            return statistic.of(day) if day.links or day.rows >= ENOUGH_ROWS else None
        if statistic.what == "new":
            found = day.values.get(statistic.label)
            if not found or not found.n:
                return None
            others = (
                other.values[statistic.label].counts for at, other in self.days.items() if at != on and statistic.label in other.values
            )
            known = set().union(*others)
            return sum(n for value, n in found.counts.items() if value not in known) / found.n, found.n
        if statistic.what in ("again", "keys"):
            own, shares = _hashes(day, statistic.what), []
            for at, other in self.days.items():
                if on is None or at < on:
                    share = _contained(own, _hashes(other, statistic.what))
                    shares += [] if share is None else [share]
            return (max(shares), min(len(own), day.rows)) if shares else None
        return statistic.of(day)


def _hashes(day: Day, what: str) -> tuple[int, ...]:
    return day.content if what == "again" else day.keys


def _contained(own: tuple[int, ...], other: tuple[int, ...]) -> float | None:
    """The share of one day's rows that another day has, by their smallest hashes; None where too few can be compared."""
    if not own or not other:
        return None
    comparable = [h for h in own if len(other) < HASHES or h <= other[-1]]  # of a smaller day all hashes are known
    if len(comparable) < min(COMPARABLE, len(own)):
        return None
    return len(set(comparable) & set(other)) / len(comparable)


def _named(label: str) -> tuple[str, str]:
    """The column of a label, and what of it is looked at."""
    if label.endswith(HOUR):
        return label.removesuffix(HOUR), "whose hour of the day is "
    if label.endswith(LENGTH):
        return label.removesuffix(LENGTH), "whose length is "
    return label, ""


def _told(days: list[Number] | list[Values]) -> bool:
    """Whether so many values differ, on so many days, that a share of them says something."""
    if not days or float(np.median([found.n for found in days])) < ENOUGH_ROWS:
        return False
    return sum(found.varies for found in days) >= VARYING * len(days)


def _pooled(days: list[Number], rank: float) -> float:
    """A quantile of all days' rows, from the quantiles of each."""
    values = np.concatenate([found.quantiles for found in days])
    weights = np.concatenate([np.full(len(found.quantiles), found.n) for found in days])
    order = np.argsort(values, kind="stable")
    summed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(summed, rank * summed[-1])])


def _z(correlation: float) -> float:
    return math.atanh(min(max(correlation, -0.999), 0.999))
