"""What a day is compared with earlier days by: its statistics, each with limits that come from the earlier
days alone.

No store and no gate is known here, so that years of days can be drawn and judged by this very code: see
`benchmarks.steady`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import numpy as np

from pipelines.core.calendar import DAILY, Calendar
from pipelines.gates.earlier import plain
from pipelines.gates.earlier.day import APART, HALVES, HOUR, LENGTH, MOST_VALUES, Day, Number, Values
from pipelines.gates.earlier.links import BETWEEN
from pipelines.gates.earlier.repeats import Repeats
from pipelines.gates.earlier.statistic import ALARM, LEVELLED, ONCE, Judgement, Limits, Statistic
from pipelines.metrics import chance

# of a number's earlier days: the share of rows below each is judged
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
COMMON = 0.05  # of the rows: so frequent a value is judged by itself
MOST_COMMON = 8  # values of a category
ENOUGH_ROWS = 20  # with a value, on a usual day
VARYING = 0.8  # of the days: a column that is constant on more days tells of the calendar, not of the data
LINKED = 0.25  # a dependence of this strength is expected to be there
# of the deviation from day to day, beyond that of rows: such a column has weather, or a season, and no level
UNSTEADY = 0.3


@dataclass(frozen=True)
class Earlier:
    """Earlier days, oldest first, and since when a column is what it is now.

    Attributes:
        days: What they say.
        since: Column -> the days on which a change of it was accepted: those before the newest one say
            nothing of its level any more. Under the empty name, those of which it was said that their rows
            may repeat.
        hidden: Columns whose values are not told.
        calendar: Whether days have weekdays.
    """

    days: Mapping[date, Day]
    since: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    calendar: Calendar = DAILY

    def judge(self, day: Day, limits: Limits | None = None) -> list[Judgement]:
        """Compare a day, which comes after them, by every statistic."""
        every = [statistic for statistic in self.statistics if self._value(statistic, day) is not None]
        probability = chance.false_alarm(len(every))
        found = (self._judged(statistic, day, probability, limits or Limits()) for statistic in every)
        return [judged for judged in found if judged]

    @cached_property
    def statistics(self) -> tuple[Statistic, ...]:
        """What earlier days can say something of."""
        found = [statistic for label in self._levels for statistic in self._of_label(label)]
        return (*found, *self._of_links(), *self._of_rows())

    @cached_property
    def unlevelled(self) -> tuple[str, ...]:
        """Columns whose values are not compared, since they have no level."""
        return tuple(
            dict.fromkeys(
                _column_and_aspect(label)[0]
                for label, levels in self._levels.items()
                if not self._steady(levels or [])
            )
        )

    def level(self, column: str) -> dict[date, Day]:
        """The days that say what is usual of a column."""
        since = max(self.since.get(column, ()), default=None)
        if since is None:
            return dict(self.days)
        # What was accepted is usual only as long as no other day tells: it may have been for one day.
        later = {day: found for day, found in self.days.items() if day > since}
        return later or {day: found for day, found in self.days.items() if day == since}

    # --- which statistics there are

    def _of_label(self, label: str) -> Iterator[Statistic]:
        if label == "decision":
            yield Statistic(label, label, "alarms", "share of alarms", ALARM)
            return
        column, what = _column_and_aspect(label)
        filled, levels = Statistic(column, label, "filled", "share of rows with a value"), self._levels[label]
        if (not what or label.endswith(APART)) and self._steady([filled]):
            yield filled
        if levels is None:
            return
        if not label.endswith(APART):
            yield Statistic(column, label, "same", f"share of rows {what or 'with '}one and the same value")
        if self._steady(levels):
            yield from levels
            if not any(
                one.what == "below" for one in levels
            ):  # where days have one value each, as a month, a new one is the calendar's
                yield Statistic(column, label, "new", "share of values that no earlier day has")

    @cached_property
    def _levels(self) -> Mapping[str, list[Statistic] | None]:
        """Label -> the shares that tell of its level; None where it has none that could be asked for."""
        numbers = dict.fromkeys(label for day in self.days.values() for label in day.numbers)
        values = dict.fromkeys(label for day in self.days.values() for label in day.values)
        return {
            **{label: self._levels_of_number(label) for label in numbers},
            **{label: self._levels_of_values(label) for label in values},
        }

    def _levels_of_number(self, label: str) -> list[Statistic] | None:
        """The shares of rows below a number's usual quantiles."""
        column, what = _column_and_aspect(label)
        days = self._numbers(label, self.level(column))
        # A day's one distance from itself is no calendar's.
        if not _enough(days) or not (label.endswith(APART) or _varies(days)):
            return None
        if label.endswith(LENGTH) and not self._many(label.removesuffix(LENGTH)):
            return None  # few different texts: their shares say more
        points: dict[float, float] = {}
        for rank in QUANTILES:
            points.setdefault(_pooled_quantile(days, rank), rank)
        hidden = column in self.hidden
        shown = {x: f"its usual {rank:.0%} quantile" if hidden else f"{x:.6g}" for x, rank in points.items()}
        return [
            Statistic(column, label, "below", f"share of rows {what}below {shown[x]}", x, rank)
            for x, rank in points.items()
        ]

    def _levels_of_values(self, label: str) -> list[Statistic] | None:
        """The shares of a category's common values; None where it is none."""
        days = [found for day in self.level(label).values() if (found := day.values.get(label)) and found.n]
        if label == "decision" or self._many(label) or not _enough(days) or not _varies(days):
            return None
        shares: dict[str, float] = {}
        for found in days:
            for value, n in found.counts.items():
                shares[value] = shares.get(value, 0.0) + n / found.n / len(days)
        common = sorted((-share, value) for value, share in shares.items() if share >= COMMON)[:MOST_COMMON]
        levels = []
        for place, (_, value) in enumerate(common, start=1):
            shown = f"the {place}. most frequent value" if label in self.hidden else repr(value)
            levels.append(Statistic(label, label, "value", f"share of {shown}", value))
        return levels

    def _numbers(self, label: str, days: Mapping[date, Day]) -> list[Number]:
        return [found for day in days.values() if (found := day.numbers.get(label)) and found.n]

    def _steady(self, levels: list[Statistic]) -> bool:
        """Whether days of a weekday lie near one another.

        Where they do not, weeks say nothing of the next day: it may begin the autumn.
        """
        for statistic in levels:
            level = self.level(statistic.column)
            told = {day: found for day, found in self._of_days(statistic).items() if day in level}
            if len(told) < 2:
                continue
            angles, rows = (
                chance.angle([value for value, _ in told.values()]),
                np.array([n for _, n in told.values()]),
            )
            # What is the same on all rows of a day has its own calendar, of which a weekday tells too little.
            dated = statistic.label.endswith(APART) and not _varies(self._numbers(statistic.label, level))
            weekdays = [0 if dated else self.calendar.weekday(day) for day in told]
            if chance.variance(angles, weekdays) - float(np.mean(1 / rows)) > UNSTEADY**2:
                return False
        return True

    def _of_days(self, statistic: Statistic) -> Mapping[date, tuple[float, int]]:
        """A statistic of each day that has it, measured once."""
        if statistic not in self._measured:
            told = {day: self._value(statistic, one, day) for day, one in self.days.items()}
            self._measured[statistic] = {day: found for day, found in told.items() if found is not None}
        return self._measured[statistic]

    @cached_property
    def _measured(self) -> dict[Statistic, Mapping[date, tuple[float, int]]]:
        return {}

    def _many(self, label: str) -> bool:
        """Whether a column has so many different values that they are no categories."""
        return any(
            day.values[label].different > MOST_VALUES
            for day in self.level(label).values()
            if label in day.values
        )

    def _of_links(self) -> Iterator[Statistic]:
        """Each column with the one that tells most of it."""
        days = [day for day in self.days.values() if day.links]
        if len(days) < chance.LEAST_DAYS:
            return
        strengths = {
            pair: float(np.mean([day.links.get(pair, 0.0) for day in days]))
            for pair in {pair for day in days for pair in day.links}
        }
        strongest: dict[str, str] = {}
        for pair in sorted(strengths, key=lambda pair: (-abs(strengths[pair]), pair)):
            for column in pair.split(BETWEEN):
                strongest.setdefault(column, pair)
        for column, pair in strongest.items():
            if abs(strengths[pair]) >= LINKED:
                other = next((name for name in pair.split(BETWEEN) if name != column), column)
                yield Statistic(
                    column, pair, "link", f"dependence on {other}", math.copysign(1.0, strengths[pair])
                )

    def _of_rows(self) -> Iterator[Statistic]:
        days = self.days.values()
        for label in dict.fromkeys(label for day in days for label in day.doubled):
            yield Statistic(
                "",
                label,
                "doubled",
                f"share of rows that repeat another one of the day but for the key, {label}",
            )
        if any("content" in day.hashes for day in days):
            yield Statistic(
                "", "content", "again", "share of rows that stand in one earlier day, but for key and time"
            )
            yield Statistic("", "keys", "keys", "share of keys that stand in one earlier day")
        for half in (half for half in HALVES if any(half in day.hashes for day in days)):
            name = (
                f"share of rows that stand in one earlier day with their time of day and {half} of their"
                " columns"
            )
            yield Statistic("", half, "again", name)

    def plainly(self, judged: Judgement, day: Day) -> str:
        """In plain words what has become of a number whose values lie otherwise: how many times, or how far.

        Nothing of other shifts.
        """
        label, level = (
            judged.statistic.label,
            self._numbers(judged.statistic.label, self.level(judged.statistic.column)),
        )
        found = day.numbers.get(label)
        if judged.holds or judged.statistic.what != "below" or not found or not found.n or not level:
            return ""
        usual = [_pooled_quantile(level, rank) for rank in QUANTILES]
        now = [found.quantiles[round(rank * (len(found.quantiles) - 1))] for rank in QUANTILES]
        return plain.shift_sentence(usual, now, plain.UNITS.get(label.removeprefix(judged.statistic.column)))

    # --- what is allowed

    def _judged(self, statistic: Statistic, day: Day, probability: float, limits: Limits) -> Judgement | None:
        known, found = self._known(statistic), self._value(statistic, day)
        if known is None or found is None:
            return None
        value, rows = found
        shift = limits.shift.get(statistic.column, chance.SHIFT)
        low: float | None = None
        high: float | None = None
        if statistic.what == "link":
            usual, distance = math.tanh(known.centre), abs(_z(value) - float(known.centre))
            by_chance = float(chance.width(known, rows, probability))
            low = chance.link_limit(known, rows, probability)
        else:
            usual, distance = float(chance.share(known.centre)), float(known.distance(chance.angle(value)))
            by_chance = float(chance.widths(known, rows, probability)[value > usual])
        if statistic.what == "filled":
            low, high = chance.as_shares(*chance.bounds(known, rows, probability, min(shift, chance.FILLED)))
        elif statistic.what in ("below", "value"):
            low, high = chance.as_shares(*chance.bounds(known, rows, probability, shift))
        elif statistic.what == "alarms":
            low, high = chance.as_shares(*chance.alarm_bounds(known, rows, probability, shift))
        elif statistic.what != "link":  # more than usual is wrong, less is not
            least = {"new": shift, "same": shift, "doubled": float(chance.angle(limits.doubled))}.get(
                statistic.what, float(chance.angle(limits.again))
            )
            _, high = chance.as_shares(*chance.bounds(known, rows, probability, least))
        return Judgement(statistic, value, low, high, usual, known.days, distance, by_chance)

    def _known(self, statistic: Statistic) -> chance.Baseline | None:
        """What the days say; None where they are too few."""
        if statistic.what in ONCE:
            once = self.since.get(statistic.column, ())
            return self._summed(statistic, [day for day in self.days if day not in once])
        level = self.level(statistic.column)
        before = {day: found for day, found in self.days.items() if day < min(level)} if level else {}
        old = self._summed(self._then(statistic, before), before) if before else None
        if old is not None and old.days < chance.LEAST_DAYS:
            old = None
        return self._summed(statistic, level, old)

    def _then(self, statistic: Statistic, before: Mapping[date, Day]) -> Statistic:
        """What it was before a change: below the quantile that was as usual then."""
        numbers = self._numbers(statistic.label, before)
        return (
            replace(statistic, at=_pooled_quantile(numbers, statistic.rank))
            if statistic.what == "below" and numbers
            else statistic
        )

    def _summed(
        self, statistic: Statistic, days: Collection[date], before: chance.Baseline | None = None
    ) -> chance.Baseline | None:
        told = {day: found for day, found in self._of_days(statistic).items() if day in days}
        if not told or (len(told) < chance.LEAST_DAYS and before is None):
            return None
        values = np.array([value for value, _ in told.values()])
        scaled = (
            np.arctanh(np.clip(values, -0.999, 0.999)) if statistic.what == "link" else chance.angle(values)
        )
        levelled = statistic.what in LEVELLED
        weekdays = [self.calendar.weekday(day) for day in told] if levelled else None
        return chance.baseline(scaled, [rows for _, rows in told.values()], before, weekdays)

    def _value(self, statistic: Statistic, day: Day, on: date | None = None) -> tuple[float, int] | None:
        """A statistic of a day: of one of the earlier days as if the other ones were earlier, too."""
        if statistic.what == "link":
            return statistic.of(day) if day.links or day.rows >= ENOUGH_ROWS else None
        if statistic.what == "new":
            found = day.values.get(statistic.label)
            if not found or not found.n:
                return None
            others = (
                other.values[statistic.label].counts
                for at, other in self.days.items()
                if at != on and statistic.label in other.values
            )
            known = set().union(*others)
            return sum(n for value, n in found.counts.items() if value not in known) / found.n, found.n
        if statistic.what in ("again", "keys"):
            own, repeats = day.hashes.get(statistic.label, ()), self._repeats[statistic.label]
            share = repeats.of(own) if on is None else repeats.usual.get(on)
            return None if share is None else (share, min(len(own), day.rows))
        return statistic.of(day)

    @cached_property
    def _repeats(self) -> Mapping[str, Repeats]:
        labels = dict.fromkeys(label for day in self.days.values() for label in day.hashes)
        once = self.since.get("", ())
        return {
            label: Repeats({day: found.hashes.get(label, ()) for day, found in self.days.items()}, once)
            for label in labels
        }


def _column_and_aspect(label: str) -> tuple[str, str]:
    """The column of a label, and what of it is looked at."""
    if label.endswith(HOUR):
        return label.removesuffix(HOUR), "whose hour of the day is "
    if label.endswith(LENGTH):
        return label.removesuffix(LENGTH), "whose length is "
    if label.endswith(APART):
        return label.removesuffix(APART), "whose days from the row's own are "
    return label, ""


def _enough(days: Sequence[Number | Values]) -> bool:
    """Whether so many rows have a value that a share of them says something."""
    return bool(days) and float(np.median([found.n for found in days])) >= ENOUGH_ROWS


def _varies(days: Sequence[Number | Values]) -> bool:
    """Whether values differ on so many days that a share of them tells of the data, not of the calendar."""
    return sum(found.varies for found in days) >= VARYING * len(days)


def _pooled_quantile(days: list[Number], rank: float) -> float:
    """A quantile of all days' rows, from the quantiles of each."""
    values = np.concatenate([found.quantiles for found in days])
    weights = np.concatenate([np.full(len(found.quantiles), found.n) for found in days])
    order = np.argsort(values, kind="stable")
    summed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(summed, rank * summed[-1])])


def _z(correlation: float) -> float:
    return math.atanh(min(max(correlation, -0.999), 0.999))
