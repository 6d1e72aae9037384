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

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

ALARMS_A_YEAR = 1.0  # closed gates by chance, of a use case that scores every night, over all of its gates
NIGHTS_A_YEAR = 365
GATES = 3  # that compare a night with earlier ones: clean, features, predictions
LEAST_DAYS = 7  # fewer days do not tell how much days vary: nothing is closed
SHIFT = 0.4  # Cohen's h of the least shift that closes a gate: 0.5 -> 0.7, 0.1 -> 0.25, 0.05 -> 0
ALARM_RATIO = 2.0  # a share of alarms that is so many times the usual one, or that part of it, is a large difference, too
WEAKER = 0.5  # a dependence that is left with so much of its strength, or less, is broken


@dataclass(frozen=True)
class Known:
    """What earlier days say of one statistic, on the scale on which it is judged.

    Attributes:
        centre: Its usual value.
        spread: The deviation from day to day.
        days: How many days say what is usual.
        freedom: Degrees of freedom of the deviation.
        rows: How many rows a day has, on average.
    """

    centre: float
    spread: float
    days: int
    freedom: int
    rows: float


def false_alarm(statistics: int) -> float:
    """The probability of a false alarm that one of so many statistics of a gate may have on one night."""
    return ALARMS_A_YEAR / (GATES * NIGHTS_A_YEAR * max(statistics, 1))


def angle(share: float) -> float:
    """A share on the scale of Cohen's h."""
    return 2 * math.asin(math.sqrt(min(max(share, 0.0), 1.0)))


def share(angle: float) -> float:
    """The other way round, within 0 and 1."""
    return math.sin(min(max(angle, 0.0), math.pi) / 2) ** 2


def known(values: Sequence[float], rows: Sequence[float], before: Known | None = None) -> Known:
    """What some days say of a statistic.

    Args:
        values: One a day, on the scale on which it is judged.
        rows: How many rows each has.
        before: What days before an accepted change say: how much days vary, where those since are too few to tell.
    """
    found = np.sort(np.asarray(values, dtype=np.float64))
    days = len(found)
    cut = 1 if days >= LEAST_DAYS else 0
    kept = days - 2 * cut
    if cut:
        found = np.concatenate([[found[1]], found[1:-1], [found[-2]]])
    spread = float(np.std(found, ddof=1)) * (days - 1) / (kept - 1) if kept > 1 else 0.0
    if before is not None and days < LEAST_DAYS:
        spread, freedom = max(spread, before.spread), before.freedom
    else:
        freedom = max(kept - 1, 1)
    return Known(float(np.mean(found)), spread, days, freedom, float(np.mean(rows)))


def width(known: Known, rows: float, probability: float) -> float:
    """How far from the centre chance may take a day with so many rows.

    Args:
        known: What earlier days say.
        rows: Of the day that is judged.
        probability: Of a day beyond, to either side.
    """
    scaled = known.spread**2 * max(known.rows / max(rows, 1.0), 1.0)
    deviation = math.sqrt(max(scaled, 1 / max(rows, 1.0)))
    return _t(probability, known.freedom) * deviation * math.sqrt(1 + 1 / known.days)


def share_limits(known: Known, rows: float, probability: float, shift: float = SHIFT) -> tuple[float | None, float | None]:
    """The least and the greatest share that closes nothing; None where no share could be beyond."""
    slack = max(width(known, rows, probability), shift)
    low, high = known.centre - slack, known.centre + slack
    return (share(low) if low > 0 else None), (share(high) if high < math.pi else None)


def alarm_limits(known: Known, rows: float, probability: float, shift: float = SHIFT) -> tuple[float | None, float | None]:
    """The same for a share of alarms, which is small: twice as many are a large difference, whatever their share."""
    usual, by_chance = share(known.centre), width(known, rows, probability)
    low = min(known.centre - by_chance, max(known.centre - shift, angle(usual / ALARM_RATIO)))
    high = max(known.centre + by_chance, min(known.centre + shift, angle(min(usual * ALARM_RATIO, 1.0))))
    return (share(low) if low > 0 else None), (share(high) if high < math.pi else None)


def link_limit(known: Known, rows: float, probability: float) -> float | None:
    """The least correlation that closes nothing; None where even none at all may be chance."""
    low = min(math.tanh(known.centre - width(known, rows, probability)), WEAKER * math.tanh(known.centre))
    return low if low > 0 else None


@lru_cache(maxsize=10_000)
def _t(probability: float, freedom: int) -> float:
    """Student's t beyond which a value lies with this probability, to either side."""
    from scipy.stats import t

    return float(t.isf(probability / 2, freedom))
