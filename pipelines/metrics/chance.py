"""How far a day's statistic may lie from those of earlier days: beyond chance, and by more than a little.

The independent unit is the day: rows of one day share its weather, its campaign, its customers. So limits
come from how much earlier days differ from one another, not from the number of rows, and hold at most so many
false alarms a year:

- A share p is judged as 2 asin(sqrt(p)), whose variance does not depend on p (about 1/n over n rows); a
  difference on that scale is Cohen's h (Cohen 1988, Statistical power analysis, chapter 6). A correlation is
  judged as atanh(r) (Fisher 1915).
- The limits are a prediction interval for one more day, centre +- t s sqrt(1 + 1/K) (Hahn and Meeker 1991,
  Statistical intervals), of the winsorised mean and deviation of K days, in which the smallest and the
  greatest day count as much as their neighbours (Tukey and McLaughlin 1963, Sankhya A 25), lest one odd day
  blind the gate for a month.
- Where weekdays surely differ (an F test, over `LEAST_WEEKS` weeks or more), a day's distance is taken from
  the nearest of their levels: what lies between the lowest and the highest weekday is usual, since a holiday
  is like a Sunday.
- A day with fewer rows than usual varies more: its variance is taken as if all of it came from rows.
- Few rows are counted, not measured: that a share of 5 % is 0 on 200 rows comes by chance once in 30,000
  times, which on the scale above seems once in ten million. So a share must be improbable by the binomial
  distribution, too, over as many independent rows as the days' deviation tells of (Kish 1965, Survey
  sampling, section 8.2: the effective size of a sample).
- And a difference must be large. What is improbable and small closes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

ALARMS_A_YEAR = 1.0  # closed gates by chance, of a use case that scores every night, over all of its gates
NIGHTS_A_YEAR = 365
GATES = 3  # that compare a night with earlier ones: clean, features, predictions
LEAST_STATISTICS = (
    100  # a gate of few statistics is given no more for each: real days have heavier tails than Student knows
)
LEAST_DAYS = 7  # fewer days do not tell how much days vary: nothing is closed
SHIFT = 0.4  # Cohen's h of the least shift that closes a gate: 0.5 -> 0.7, 0.1 -> 0.25, 0.05 -> 0
FILLED = (
    0.2  # of the share of rows with a value, which people seldom change: 0.02 -> 0, 0.04 -> 0.1, 1 -> 0.99
)
# a share of alarms that is so many times the usual one, or that part of it, is a large difference, too
ALARM_RATIO = 2.0
# times less is asked of each statistic: real days, and shares of few rows, have heavier tails than Student
# knows
CAUTION = 10
# times the distance of the farthest earlier day, which was let through itself: so much may be chance again
FARTHER = 1.3
LEAST_WEEKS = 4  # of every weekday there is: fewer do not tell what is the weekday's
WEEKLY = 1e-3  # by chance so many columns seem to have a week
ROUNDING = 1e-12
OF_MEDIAN = np.pi / 2  # times a mean's variance is that of a median
WEAKER = 0.5  # a dependence that is left with so much of its strength, or less, is broken

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Baseline:
    """What earlier days say of statistics, on the scale on which they are judged.

    Arrays of one shape, one entry a statistic.

    Attributes:
        centre: The usual value; between the lowest and the highest weekday's, where weekdays differ.
        spread: The deviation from day to day, without what is the weekday's.
        days: How many days say what is usual.
        error: The variance of the centre, in that of one day.
        freedom: Degrees of freedom of the deviation.
        rows: How many rows a day has, on average.
        farthest: How far from its level the farthest of these days lies.
        weekly: What is the weekday's, from the centre on, shape (7, ...); zero where weekdays are alike.
    """

    centre: Floats
    spread: Floats
    days: int
    error: Floats
    freedom: Integers
    rows: Floats
    farthest: Floats
    weekly: Floats

    @property
    def reach(self) -> Floats:
        """How far weekdays' levels lie from the centre, to either side."""
        return np.asarray(self.weekly.max(axis=0))

    def distance(self, angle: npt.ArrayLike) -> Floats:
        """How far values lie from what weekdays are; 0 between them."""
        return np.asarray(np.maximum(np.abs(np.asarray(angle) - self.centre) - self.reach, 0.0))


def false_alarm(statistics: int) -> float:
    """The probability of a false alarm that one of so many statistics of a gate may have on one night."""
    return ALARMS_A_YEAR / (CAUTION * GATES * NIGHTS_A_YEAR * max(statistics, LEAST_STATISTICS))


def angle(share: npt.ArrayLike) -> Floats:
    """Shares on the scale of Cohen's h."""
    return np.asarray(2 * np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0))))


def share(angle: npt.ArrayLike) -> Floats:
    """The other way round, within 0 and 1."""
    return np.asarray(np.sin(np.clip(angle, 0.0, np.pi) / 2) ** 2)


def baseline(
    values: npt.ArrayLike,
    rows: npt.ArrayLike,
    before: Baseline | None = None,
    weekdays: Sequence[int] | None = None,
) -> Baseline:
    """What some days say of statistics.

    Args:
        values: On the scale on which they are judged, shape (days, ...).
        rows: How many rows each has, the same shape.
        before: What days before an accepted change say: how much days vary, where those since are too few to
            tell.
        weekdays: Of each day, Monday being 0; without them, weekdays are taken to be alike.
    """
    every = np.asarray(values, dtype=np.float64)
    days, of = len(every), np.asarray([0] * len(every) if weekdays is None else weekdays, dtype=np.int64)
    own = weekly(every, of)
    week = before.weekly if before is not None and days < 7 * LEAST_WEEKS else own
    levelled, groups = every - week[of], np.where((own != 0).any(axis=0), len(set(of.tolist())), 1)
    centre, spread, freedom = _level(levelled, groups)
    if before is not None and days < LEAST_DAYS:
        spread, freedom = np.maximum(spread, before.spread), before.freedom
    elif (
        before is not None and days < 7 * LEAST_WEEKS
    ):  # the days before count at most as much as those since
        theirs = np.minimum(before.freedom, freedom)
        spread = np.sqrt((freedom * spread**2 + theirs * before.spread**2) / (freedom + theirs))
        freedom = freedom + theirs
    return Baseline(
        centre=centre,
        spread=spread,
        days=days,
        error=np.where(groups > 1, OF_MEDIAN / np.unique(of, return_counts=True)[1].min(), 1 / days),
        freedom=freedom,
        rows=np.mean(np.asarray(rows, dtype=np.float64), axis=0),
        farthest=np.abs(levelled - centre).max(axis=0),
        weekly=week,
    )


def variance(values: npt.ArrayLike, weekdays: Sequence[int]) -> float:
    """How much days of a weekday differ; of all days, where weekdays do not surely differ.

    One statistic, on the scale of its judgement.
    """
    every, of = np.asarray(values, dtype=np.float64), np.asarray(weekdays, dtype=np.int64)
    week = weekly(every, of)
    return float(np.var(every - week[of], ddof=len(set(of.tolist())) if week.any() else 1))


def _level(values: Floats, groups: Integers) -> tuple[Floats, Floats, Integers]:
    """The winsorised mean and deviation of days from which levels of so many groups were taken off, and its
    degrees of freedom.
    """
    found, days = np.sort(values, axis=0), len(values)
    cut = 1 if days >= LEAST_DAYS else 0
    if cut:
        found[0], found[-1] = found[1], found[-2]
    freedom = np.maximum(days - 2 * cut - groups, 1)
    centre = found.mean(axis=0)
    if days - 2 * cut < 2:
        return centre, np.zeros(values.shape[1:]), freedom
    # The squares of all days, of which those that were cut tell nothing of their own.
    deviation = np.sqrt(((found - centre) ** 2).sum(axis=0) * (days - groups)) / freedom
    return centre, np.asarray(deviation), freedom


def weekly(values: Floats, weekdays: Integers) -> Floats:
    """What weekdays have in the middle, from the middle of their range on, shape (7, ...).

    Zero where they do not surely differ.
    """
    there, counts = np.unique(weekdays, return_counts=True)
    none = np.zeros((7, *values.shape[1:]))
    if len(there) < 2 or counts.min() < LEAST_WEEKS:
        return none
    of = np.equal.outer(there, weekdays).astype(np.float64)
    means, mean = (
        np.tensordot(of, values, 1) / counts.reshape(-1, *([1] * (values.ndim - 1))),
        values.mean(axis=0),
    )
    between = np.tensordot(counts, (means - mean) ** 2, 1)
    within = np.maximum(((values - mean) ** 2).sum(axis=0) - between, 0.0)
    groups, left = len(there) - 1, len(values) - len(there)
    # Where days of a weekday are equal, rounding alone is left.
    surely = between / groups > np.maximum(_f(WEEKLY, groups, left) * within / left, ROUNDING)
    if not surely.any():
        return none
    levels = np.stack([np.median(values[weekdays == weekday], axis=0) for weekday in there])
    none[there] = np.where(surely, levels - (levels.max(axis=0) + levels.min(axis=0)) / 2, 0.0)
    return none


def width(baseline: Baseline, rows: npt.ArrayLike, probability: float) -> Floats:
    """How far from its level chance may take a day with so many rows.

    Args:
        baseline: What earlier days say.
        rows: Of the day that is judged.
        probability: Of a day beyond, to either side.
    """
    there = np.maximum(np.asarray(rows, dtype=np.float64), 1.0)
    variance = np.maximum(baseline.spread**2 * np.maximum(baseline.rows / there, 1.0), 1 / there)
    farther = np.vectorize(student, otypes=[np.float64])(probability, baseline.freedom)
    by_spread = farther * np.sqrt(variance * (1 + baseline.error))
    return np.asarray(np.maximum(by_spread, FARTHER * baseline.farthest))


def widths(baseline: Baseline, rows: npt.ArrayLike, probability: float) -> tuple[Floats, Floats]:
    """How far chance may take a share below and above its level: as `width`, or farther where rows are
    few.
    """
    by_spread, least, most = (
        width(baseline, rows, probability),
        baseline.centre - baseline.reach,
        baseline.centre + baseline.reach,
    )
    there = np.maximum(np.asarray(rows, dtype=np.float64), 1.0)
    independent = there / np.maximum(baseline.spread**2 * baseline.rows, 1.0) / (1 + baseline.error)
    down = least - _fewest(least, independent, probability)
    up = np.pi - most - _fewest(np.pi - most, independent, probability)
    return np.maximum(by_spread, down), np.maximum(by_spread, up)


def _fewest(angle_of: Floats, rows: Floats, probability: float) -> Floats:
    """The least angle that chance gives a share of independent rows; below 0 where it may give none."""
    from scipy.special import bdtrik

    usual = share(angle_of)
    none = np.exp(rows * np.log1p(-np.minimum(usual, 1 - ROUNDING)))
    few = bdtrik(probability / 2, rows, np.clip(usual, ROUNDING, 1 - ROUNDING)) / rows
    return np.where(none > probability / 2, -ROUNDING, angle(few))


def bounds(
    baseline: Baseline, rows: npt.ArrayLike, probability: float, shift: float = SHIFT
) -> tuple[Floats, Floats]:
    """The least and the greatest angle of a share that closes nothing.

    Below 0 and beyond pi where no share could be beyond.
    """
    down, up = widths(baseline, rows, probability)
    return baseline.centre - baseline.reach - np.maximum(
        down, shift
    ), baseline.centre + baseline.reach + np.maximum(up, shift)


def alarm_bounds(
    baseline: Baseline,
    rows: npt.ArrayLike,
    probability: float,
    shift: float = SHIFT,
    ratio: float = ALARM_RATIO,
) -> tuple[Floats, Floats]:
    """The same of a share of alarms, which is small: so many times as many are a large difference, whatever
    their share.
    """
    (down, up), least, most = (
        widths(baseline, rows, probability),
        baseline.centre - baseline.reach,
        baseline.centre + baseline.reach,
    )
    low = np.minimum(least - down, np.maximum(least - shift, angle(share(least) / ratio)))
    high = np.maximum(most + up, np.minimum(most + shift, angle(share(most) * ratio)))
    return low, high


def as_shares(low: Floats, high: Floats) -> tuple[float | None, float | None]:
    """Bounds of one angle as shares; None where no share could be beyond."""
    return (float(share(low)) if low > 0 else None), (float(share(high)) if high < np.pi else None)


def link_limit(baseline: Baseline, rows: npt.ArrayLike, probability: float) -> float | None:
    """The least correlation that closes nothing; None where even none at all may be chance."""
    low = float(
        np.minimum(
            np.tanh(baseline.centre - width(baseline, rows, probability)), WEAKER * np.tanh(baseline.centre)
        )
    )
    return low if low > 0 else None


@lru_cache(maxsize=10_000)
def student(probability: float, freedom: int) -> float:
    """Student's t beyond which a value lies with this probability, to either side."""
    from scipy.stats import t

    return float(t.isf(probability / 2, freedom))


@lru_cache(maxsize=1_000)
def _f(probability: float, groups: int, left: int) -> float:
    """Fisher's F beyond which a value lies with this probability."""
    from scipy.stats import f

    return float(f.isf(probability, groups, left))
