"""Whether a week is unusual in many statistics at once, each of which may lie within its own limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.metrics import chance
from pipelines.monitoring import level
from pipelines.monitoring.level import Days, Flags, Floats


@dataclass(frozen=True)
class Joint:
    """How unusual a week is in all its statistics together, beside its limit."""

    value: float
    usual: float
    limit: float
    beyond: bool


def judge(before: Days, week: Days, shares: Flags, probability: float) -> Joint | None:
    """Many small moves at once: the mean of log(1 + t^2) over all statistics, t being a week's distance from
    the mean of the others in their deviations.

    Its null is what the weeks before have, each left out in turn: whatever ties statistics to one another
    ties them there, too. The logarithm keeps one large move, which has a row of its own, from standing for
    many.

    Args:
        before: The days that say what is usual.
        week: Those of the week.
        shares: Which of the statistics are shares.
        probability: Of a week beyond the limit by chance.

    Returns:
        None where too few periods or statistics are known.
    """
    usual = level.periods(level.newest(before), shares)
    if usual is None:
        return None
    values, rows = usual
    now = level.scaled(level.mean(week)[0], shares)
    there = np.isfinite(values).all(axis=0) & np.isfinite(now)
    values, now = values[:, there], now[there]
    # Weeks that are nearer to one another than rows drawn at random are none that tell of chance.
    least = 1 / np.sqrt(np.maximum(rows[:, there].mean(axis=0), 1.0))
    n = len(values)
    if n <= level.LEAST_FOR_JOINT or values.shape[1] < 2:
        return None
    own = np.array([_unusual(np.delete(values, each, axis=0), values[each], least) for each in range(n)])
    value = _unusual(values, now, least)
    deviation = max(float(own.std(ddof=1)), 1 / np.sqrt(values.shape[1]))
    limit = float(own.mean() + chance.student(2 * probability, n - 1) * deviation * np.sqrt(1 + 1 / n))
    return Joint(value, float(own.mean()), limit, value > limit)


def _unusual(others: Floats, one: Floats, least: Floats) -> float:
    deviation = np.maximum(others.std(axis=0, ddof=1), least)
    t = (one - others.mean(axis=0)) / deviation / np.sqrt(1 + 1 / len(others))
    return float(np.log1p(t**2).mean())
