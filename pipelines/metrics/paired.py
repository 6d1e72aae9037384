"""By how much one model is better than another on the same rows, and how sure that is.

What a row takes part in the difference of two models' metrics is the difference of what it takes part in each
(the infinitesimal jackknife is linear), so that what both find easy or hard alike falls out. Of its sums over
units and days the variance follows as that of one metric does, see `sureness`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipelines.core.metric import Metric
from pipelines.core.stakes import UNDECLARED, Stakes
from pipelines.metrics import influence, sureness
from pipelines.metrics.influence import Batches, Cells


@dataclass(frozen=True)
class Gain:
    """What one model is better by than another one.

    Attributes:
        before, after: The metric of the two.
        error: The standard error of their difference; NaN where too few rows tell it.
        freedom: Its degrees of freedom.
        greater_is_better: Of the metric.
    """

    before: float
    after: float
    error: float
    freedom: float
    greater_is_better: bool

    @property
    def value(self) -> float:
        """By how much the second is better: negative where it is worse."""
        apart = self.after - self.before
        return apart if self.greater_is_better else -apart

    def interval(self, level: float = sureness.LEVEL) -> tuple[float, float] | None:
        """Between which two the gain lies, at so many of a hundred; None where nobody can say."""
        if not math.isfinite(self.error):
            return None
        far = sureness.quantile((1 + level) / 2, self.freedom) * self.error
        return self.value - far, self.value + far


def gain(
    metric: Metric, before: Batches, after: Batches, days: int, stakes: Stakes = UNDECLARED
) -> Gain | None:
    """Compare two models on the same rows.

    Args:
        metric: By which one.
        before: Gives the rows, with the one model's scores.
        after: Gives the same ones in the same order and batches, with the other's.
        days: How many numbers of days there are.
        stakes: See `metrics.measure`.

    Returns:
        None where the metric has no value on these rows.
    """
    one, other = (influence.measured(metric, rows, stakes) for rows in (before, after))
    if one is None or other is None:
        return None
    cells = Cells(days)
    for ours, theirs in zip(before(), after(), strict=True):
        cells.add(other.of_row(theirs) - one.of_row(ours), ours)
    sums = cells.of(other.value - one.value, one.rows, one.least)
    sure = sureness.sure(metric, sums)
    error, freedom = (sure.error, sure.freedom) if sure else (math.nan, math.nan)
    return Gain(one.value, other.value, error, freedom, metric.greater_is_better)
