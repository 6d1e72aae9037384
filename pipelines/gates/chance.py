"""How far a day's statistic may lie from those of earlier days: beyond chance, and by more than a little.

The independent unit is the day: rows of one day share its weather, its campaign, its customers. So limits come from how much
earlier days differ from one another, not from the number of rows, and hold at most so many false alarms a year:

- A share p is judged as 2 asin(sqrt(p)), whose variance does not depend on p (about 1/n over n rows); a difference on that
  scale is Cohen's h (Cohen 1988, Statistical power analysis, chapter 6). A correlation is judged as atanh(r) (Fisher 1915).
- The limits are a prediction interval for one more day, centre +- t s sqrt(1 + 1/K) (Hahn and Meeker 1991, Statistical
  intervals), of the winsorised mean and deviation of K days, in which the smallest and the greatest day count as much as
  their neighbours (Tukey and McLaughlin 1963, Sankhya A 25), lest one odd day blind the gate for a month.
- A day with fewer rows than usual varies more: its variance is taken as if all of it came from rows.
- And a difference must be large. What is improbable and small closes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

ALARMS_A_YEAR = 1.0  # closed gates by chance, of a use case that scores every night, over all of its gates
NIGHTS_A_YEAR = 365
GATES = 3  # that compare a night with earlier ones: clean, features, predictions
LEAST_STATISTICS = 100  # a gate of few statistics is given no more for each: real days have heavier tails than Student knows
LEAST_DAYS = 7  # fewer days do not tell how much days vary: nothing is closed
SHIFT = 0.4  # Cohen's h of the least shift that closes a gate: 0.5 -> 0.7, 0.1 -> 0.25, 0.05 -> 0
ALARM_RATIO = 2.0  # a share of alarms that is so many times the usual one, or that part of it, is a large difference, too
CAUTION = 10  # times less is asked of each statistic: real days, and shares of few rows, have heavier tails than Student knows
FARTHER = 1.3  # times the distance of the farthest earlier day, which was let through itself: so much may be chance again
WEAKER = 0.5  # a dependence that is left with so much of its strength, or less, is broken


Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """What earlier days say of statistics, on the scale on which they are judged; arrays of one shape, one entry a statistic.

    Attributes:
        centre: The usual value.
        spread: The deviation from day to day.
        days: How many days say what is usual.
        freedom: Degrees of freedom of the deviation.
        rows: How many rows a day has, on average.
        farthest: How far from the centre the farthest of these days lies.
    """

    centre: Floats
    spread: Floats
    days: int
    freedom: int
    rows: Floats
    farthest: Floats


def false_alarm(statistics: int) -> float:
    """The probability of a false alarm that one of so many statistics of a gate may have on one night."""
    return ALARMS_A_YEAR / (CAUTION * GATES * NIGHTS_A_YEAR * max(statistics, LEAST_STATISTICS))


def angle(share: npt.ArrayLike) -> Floats:
    """Shares on the scale of Cohen's h."""
    return np.asarray(2 * np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0))))


def share(angle: npt.ArrayLike) -> Floats:
    """The other way round, within 0 and 1."""
    return np.asarray(np.sin(np.clip(angle, 0.0, np.pi) / 2) ** 2)


def known(values: npt.ArrayLike, rows: npt.ArrayLike, before: Known | None = None) -> Known:
    """What some days say of statistics.

    Args:
        values: On the scale on which they are judged, shape (days, ...).
        rows: How many rows each has, the same shape.
        before: What days before an accepted change say: how much days vary, where those since are too few to tell.
    """
    every = np.asarray(values, dtype=np.float64)
    found = np.sort(every, axis=0)
    days = len(found)
    cut = 1 if days >= LEAST_DAYS else 0
    kept = days - 2 * cut
    if cut:
        found[0], found[-1] = found[1], found[-2]
    spread = np.std(found, axis=0, ddof=1) * (days - 1) / (kept - 1) if kept > 1 else np.zeros(found.shape[1:])
    freedom = max(kept - 1, 1)
    if before is not None and days < LEAST_DAYS:
        spread, freedom = np.maximum(spread, before.spread), before.freedom
    centre = found.mean(axis=0)
    farthest = np.abs(every - centre).max(axis=0)
    return Known(centre, spread, days, freedom, np.mean(np.asarray(rows, dtype=np.float64), axis=0), farthest)


def width(known: Known, rows: npt.ArrayLike, probability: float) -> Floats:
    """How far from the centre chance may take a day with so many rows.

    Args:
        known: What earlier days say.
        rows: Of the day that is judged.
        probability: Of a day beyond, to either side.
    """
    there = np.maximum(np.asarray(rows, dtype=np.float64), 1.0)
    variance = np.maximum(known.spread**2 * np.maximum(known.rows / there, 1.0), 1 / there)
    by_spread = _t(probability, known.freedom) * np.sqrt(variance * (1 + 1 / known.days))
    return np.asarray(np.maximum(by_spread, FARTHER * known.farthest))


def bounds(known: Known, rows: npt.ArrayLike, probability: float, shift: float = SHIFT) -> tuple[Floats, Floats]:
    """The least and the greatest angle of a share that closes nothing; below 0 and beyond pi where no share could be beyond."""
    slack = np.maximum(width(known, rows, probability), shift)
    return known.centre - slack, known.centre + slack


def alarm_bounds(known: Known, rows: npt.ArrayLike, probability: float, shift: float = SHIFT) -> tuple[Floats, Floats]:
    """The same of a share of alarms, which is small: twice as many are a large difference, whatever their share."""
    usual, by_chance = share(known.centre), width(known, rows, probability)
    low = np.minimum(known.centre - by_chance, np.maximum(known.centre - shift, angle(usual / ALARM_RATIO)))
    high = np.maximum(known.centre + by_chance, np.minimum(known.centre + shift, angle(usual * ALARM_RATIO)))
    return low, high


def told(low: Floats, high: Floats) -> tuple[float | None, float | None]:
    """Bounds of one angle as shares; None where no share could be beyond."""
    return (float(share(low)) if low > 0 else None), (float(share(high)) if high < np.pi else None)


def link_limit(known: Known, rows: npt.ArrayLike, probability: float) -> float | None:
    """The least correlation that closes nothing; None where even none at all may be chance."""
    low = float(np.minimum(np.tanh(known.centre - width(known, rows, probability)), WEAKER * np.tanh(known.centre)))
    return low if low > 0 else None


@lru_cache(maxsize=10_000)
def _t(probability: float, freedom: int) -> float:
    """Student's t beyond which a value lies with this probability, to either side."""
    from scipy.stats import t

    return float(t.isf(probability / 2, freedom))
