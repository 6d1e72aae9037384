"""How sure a metric is of rows that are alike within a unit (a customer) and within a day.

The variance is that of units, and what days vary by beyond that. Few days tell little of how much days vary,
so all days of which a metric is known say it together: those that are judged, and those that training has
held out. What is then told is by Student's t, of the degrees of freedom that there are (Satterthwaite 1946;
variances by two kinds of clusters: Cameron, Gelbach and Miller 2011). Intervals lie on a scale on which a
metric has no end: the logit of what lies between 0 and 1, the logarithm of an error.

`benchmarks/performance.py` measures that they cover, and where they do not: days that are like the day before
them (a week of bad weather) are fewer than they look. No week tells that; some weeks do (`between`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pipelines.core.metric import Metric
from pipelines.metrics.influence import Sums

LEVEL = 0.95  # of an interval
SURE = 0.998  # of one beyond either end of which lies a thousandth
# Of a loss that closes a gate, beyond whose end lies half a hundredth: a year of weeks has a quarter of an
# alarm at most, where the truth is as bad as is just allowed; and of one that warns: a tenth, five weeks.
RED, AMBER = 0.99, 0.8
FOUND = 0.8  # the share of draws in which a loss is found that is told as one that can be found
TINY, MOST = 1e-9, 1_000  # of a loss, in the metric's own size
ROUNDED = 1e-6  # of it, as tables have it
BY_CHANCE = 0.8  # of draws: so much do weeks differ that are alike
FEWEST = 5  # rows of the rarer class (or rows) that an interval takes


@dataclass(frozen=True)
class Sure:
    """A metric, and how sure it is.

    Attributes:
        value: On its rows.
        error: Its standard error.
        freedom: Degrees of freedom of that.
        metric: Which one it is.
        least: See `Sums`.
    """

    value: float
    error: float
    freedom: float
    metric: Metric
    least: int

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Between which two it lies, at so many of a hundred."""
        far = quantile((1 + level) / 2, self.freedom)
        if self.metric.up_to_one:
            # a share of 0 or 1 of n rows is none of 0 or 1
            inner = min(max(self.value, 1 / (self.least + 2)), 1 - 1 / (self.least + 2))
            spread = inner * (1 - inner)
            error = (
                self.error if inner == self.value else max(self.error, math.sqrt(spread / (self.least + 2)))
            )
            middle, wide = math.log(inner / (1 - inner)), min(far * error / spread, 700.0)
            low, high = (1 / (1 + math.exp(-(middle + end * wide))) for end in (-1, 1))
            return min(low, self.value), max(high, self.value)
        if not self.metric.greater_is_better and self.value > 0:
            wide = min(far * self.error / self.value, 700.0)
            return self.value * math.exp(-wide), self.value * math.exp(wide)
        return self.value - far * self.error, self.value + far * self.error

    def beside(self, weeks: Between) -> Sure:
        """The same, where weeks differ by more than their own rows and days tell."""
        if not weeks.variance:
            return self
        own, more = self.error**2, weeks.variance
        parts = own**2 / self.freedom + more**2 / weeks.freedom
        return replace(self, error=math.sqrt(own + more), freedom=(own + more) ** 2 / parts)


@dataclass(frozen=True)
class Between:
    """By how much weeks vary beyond their own rows and days.

    Attributes:
        variance: In the metric's units, squared.
        freedom: Degrees of freedom of that.
    """

    variance: float
    freedom: float


NOTHING_BETWEEN = Between(0.0, 1.0)


def between(weeks: Sequence[tuple[float, float]]) -> Between:
    """By how much weeks vary beyond their own rows and days.

    By half the mean squared step from each week to the next (von Neumann 1941, Annals of Mathematical
    Statistics 12), which a slow trend hardly enters; of n weeks it is worth two thirds of n - 1 degrees. What
    chance makes of weeks that are alike in four of five draws is nothing: every week would be less sure by
    it.

    Args:
        weeks: The metric of each, with its standard error, in order; two at least.
    """
    from scipy.stats import chi2

    steps = [(later - value) ** 2 / 2 for (value, _), (later, _) in pairwise(weeks)]
    found, own = sum(steps) / len(steps), sum(error**2 for _, error in weeks) / len(weeks)
    freedom = max(2 * len(steps) / 3, 1.0)
    if found <= own * float(chi2.ppf(BY_CHANCE, freedom)) / freedom:
        return NOTHING_BETWEEN
    return Between(found - own, freedom)


def excess(each: Sequence[Sums]) -> tuple[float, float]:
    """By how much days vary beyond their rows, as a share of the rows' own variance, for each row of a day;
    and of how many degrees of freedom that is.
    """
    told = [one for one in each if one.days > 1 and one.by_cell > 0]
    freedom = float(sum(one.days - 1 for one in told))
    if not freedom:
        return 0.0, 0.0
    found = sum(
        (one.by_day * one.days / (one.days - 1) / one.by_cell - 1) * one.days / one.rows * (one.days - 1)
        for one in told
    )
    return max(found / freedom, 0.0), freedom


def sure(metric: Metric, own: Sums, beside: Sequence[Sums] = ()) -> Sure | None:
    """How sure a metric is.

    Args:
        metric: Which one.
        own: Of its rows.
        beside: Of other days, which tell how much days vary, too.

    Returns:
        None where there are too few rows to say.
    """
    if own.least < FEWEST or own.units < 2:
        return None
    more, freedom = excess([own, *beside])
    by_unit = own.by_unit * own.units / (own.units - 1)
    by_day = own.by_cell * more * own.rows / max(own.days, 1)
    whole = by_unit + by_day
    if whole <= 0:
        return Sure(own.value, 0.0, own.units - 1, metric, own.least)
    parts = by_unit**2 / (own.units - 1) + (by_day**2 / freedom if freedom else 0.0)
    return Sure(own.value, math.sqrt(whole), whole**2 / parts, metric, own.least)


def of_estimate(
    metric: Metric, value: float, chance: float, unsure: float, alike: Sums, alone: float, own: Rows
) -> Sure:
    """How sure an estimate of rows without labels is.

    Args:
        metric: Which one.
        value: The estimate.
        chance: The variance of the rows' truth around it, were each row its own.
        unsure: The variance of what was learned for it.
        alike: How far labelled rows were from what was told of them: sums by unit and day.
        alone: What their variance would be, were each row its own.
        own: The rows that are estimated.
    """
    more, freedom = excess([alike])
    units = max(alike.by_unit / alone, 1.0) if alone > 0 else 1.0
    by_unit, by_day = chance * units, chance * more * own.rows / max(own.days, 1)
    whole = by_unit + by_day + unsure
    few = max(min(alike.units, alike.days if freedom else alike.units) - 1, 1)
    parts = by_unit**2 / max(alike.units - 1, 1) + (by_day**2 / freedom if freedom else 0.0) + unsure**2 / few
    return Sure(value, math.sqrt(whole), whole**2 / parts if parts else few, metric, own.least)


@dataclass(frozen=True)
class Rows:
    """Rows that are estimated: how many, how many of the rarer class are expected, and of how many days."""

    rows: int
    least: int
    days: int


def loss(before: float, now: float, metric: Metric) -> float:
    """By how much a metric is worse than before."""
    return before - now if metric.greater_is_better else now - before


def least_loss(before: Sure, now: Sure, level: float = RED) -> float:
    """By how much it is surely worse than before, where both are not sure: the lower end of an interval of
    the difference, of the two intervals (MOVER: Zou and Donner 2008).

    Args:
        before: The metric then.
        now: The metric now.
        level: Of the intervals.
    """
    (low, high), (low_now, high_now) = before.interval(level), now.interval(level)
    if before.metric.greater_is_better:
        apart = before.value - low, high_now - now.value
    else:
        apart = high - before.value, now.value - low_now
    return loss(before.value, now.value, before.metric) - math.hypot(*apart)


def most(before: float, metric: Metric) -> float:
    """How much can be lost: of a metric from 0 to 1 no more than there is."""
    if not metric.up_to_one:
        return math.inf
    return before if metric.greater_is_better else 1 - before


def shows_none(before: float | None, detectable: float | None, metric: Metric) -> bool:
    """Whether the loss that is told as detectable is all that there is: then not even that is found."""
    if before is None or detectable is None:
        return False
    return detectable >= most(before, metric) * (1 - ROUNDED)


def detectable(before: Sure | None, now: Sure, allowed: float) -> float:
    """The smallest loss that is found in 80 % of draws: by the default limit (`least_loss` above what is
    allowed, in the draw that is less lucky than four of five), or by a stated one where there is nothing to
    compare with (then it is about 2.8 standard errors). All that can be lost (`most`) where none is found.
    """
    if before is None:
        far = quantile((1 + LEVEL) / 2, now.freedom) + quantile(FOUND, now.freedom)
        return far * now.error
    error = math.hypot(before.error, now.error)
    unlucky = quantile(FOUND, min(before.freedom, now.freedom)) * error
    greater, known = before.metric.greater_is_better, before

    def found(lost: float) -> bool:
        seen = lost - unlucky
        value = known.value - seen if greater else known.value + seen
        worse = replace(now, value=min(max(value, 0.0), 1.0) if bounded else value)
        return least_loss(known, worse) > allowed

    bounded, room = before.metric.up_to_one, most(before.value, before.metric)
    low, high = allowed, min(allowed + max(unlucky, error, TINY), room)
    while not found(high):
        if high >= room or high > MOST * max(abs(before.value), error, TINY):
            return max(high, allowed)
        low, high = high, min(2 * high, room)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high


def quantile(share: float, freedom: float) -> float:
    """Student's t below which so many of a hundred lie."""
    from scipy.stats import t

    return float(t.ppf(share, freedom))
