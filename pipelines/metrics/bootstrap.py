"""How sure a metric is: bootstrap intervals (Efron and Tibshirani 1993, chapters 6 and 13), of models on the
same rows.

Units that are independent of one another (rows, days, customers) are drawn with replacement, as many as there
are. Every model is measured on the same draws, so that the difference between two of them is paired: what
makes a draw easy, makes it easy for both. A draw is a number of times that each unit counts, and no row is
ever copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from pipelines.core.metric import Metric, Ranking, Sum
from pipelines.core.metrics import by_name
from pipelines.core.stakes import UNDECLARED, Stakes
from pipelines.metrics.metrics import Floats
from pipelines.metrics.scored import Scored

if TYPE_CHECKING:
    from pipelines.core.config import UseCase

DRAWS = 1_000
LEAST_UNITS = 10  # to draw from: fewer have hardly any draws that differ
ENOUGH = (
    0.95  # of the draws must give a metric a value: where more do not, the rows are too few to say anything
)

Codes: TypeAlias = npt.NDArray[np.int64]
Drawn: TypeAlias = dict[str, dict[str, Floats]]  # model -> metric -> a value a draw, shape (draws,)


@dataclass(frozen=True)
class Interval:
    """A value, and between which two its like lie in so many of a hundred draws."""

    value: float
    low: float
    high: float


def interval(value: float | None, drawn: Floats | None, confidence_level: float) -> Interval | None:
    """The percentile interval; None where the value, or too many of the draws, do not exist.

    Args:
        value: On the rows themselves.
        drawn: On the draws, shape (draws,); NaN where a draw has no value.
        confidence_level: The share of draws within, such as 0.95.
    """
    if value is None or drawn is None or np.isfinite(drawn).mean() < ENOUGH:
        return None
    low, high = np.nanquantile(drawn, [(1 - confidence_level) / 2, (1 + confidence_level) / 2])
    return Interval(value, float(low), float(high))


def t_interval(value: float, variance: float, degrees: float, confidence_level: float) -> Interval:
    """Student's t interval around a value, of a standard error that is estimated.

    Few units estimate it badly, so the interval is wider than a normal one; and unlike a percentile of the
    draws it reaches any level, also one that only one in a hundred thousand draws would leave.

    Args:
        value: On the rows themselves.
        variance: The value's, such as that of its draws.
        degrees: The degrees of freedom with which the variance is known, such as the effective number of
            units less one.
        confidence_level: Two-sided: the share of such intervals that hold the truth.
    """
    reach = float(stats.t.isf((1 - confidence_level) / 2, max(degrees, 1.0)) * np.sqrt(variance))
    return Interval(value, value - reach, value + reach)


def effective_units(y: Floats, units: Codes, classes: bool) -> float:
    """How many units of equal weight would tell as much as those that there are: (sum n)^2 / sum n^2 over
    the units' numbers of rows n (Kish 1965; as the degrees of freedom of clustered errors in Carter, Schnepel
    and Steigerwald 2017).

    Of classes, the rarer one's rows count: a thousand rows with three positives tell as much as three.

    Args:
        y: The truth, shape (n,).
        units: Which unit each row belongs to, shape (n,).
        classes: Whether the truth is one of two classes, 0 or 1.

    Returns:
        0 where a class is absent.
    """
    sides = [y == 1, y == 0] if classes else [np.full(len(y), True)]
    counts = [np.bincount(units[side]).astype(np.float64) for side in sides]
    return float(min(n.sum() ** 2 / (n**2).sum() if n.any() else 0.0 for n in counts))


def draw(
    names: Sequence[str],
    y: Floats,
    models: Sequence[Scored],
    units: Codes,
    stakes: Stakes = UNDECLARED,
    seed: int = 0,
    draws: int = DRAWS,
) -> Drawn:
    """Measure models on draws of the units.

    Args:
        names: Of metrics.
        y: The truth, shape (n,).
        models: Their scores on the same n rows.
        units: Which unit each row belongs to, shape (n,): 0, 1, 2, ...
        stakes: See `metrics.measure`.
        seed: Of the draws: the same seed, the same intervals.
        draws: How many.

    Returns:
        The values of each metric; a metric that a model has no value for on all rows is left out. Nothing
        where there are fewer than `LEAST_UNITS` units.
    """
    if _count(units) < LEAST_UNITS:
        return {model.name: {} for model in models}
    drawn: Drawn = {model.name: {} for model in models}
    summed: list[_SumMetric] = []
    ordered: list[_RankingMetric] = []
    for model in models:
        defined = [name for name in names if model.value(name, y, stakes, np.full(len(y), True)) is not None]
        drawn[model.name] = {name: np.empty(draws) for name in defined}
        ways = {name: by_name(name).by for name in defined}
        summed += [
            _sum_metric(by_name(name), by, y, model, units, stakes)
            for name, by in ways.items()
            if isinstance(by, Sum)
        ]
        if rankings := {name: by for name, by in ways.items() if isinstance(by, Ranking)}:
            ordered.append(_ranking_metric(rankings, y, model, units))
    sums = np.concatenate([job.terms for job in summed] or [np.empty((_count(units), 0))], axis=1)
    ends = np.cumsum([job.terms.shape[1] for job in summed], dtype=np.int64)
    for n, weights in enumerate(_weights(_count(units), seed, draws)):
        for job, terms in zip(summed, np.split(weights @ sums, ends[:-1]), strict=False):
            drawn[job.model][job.metric][n] = job.value(terms)
        for ranking in ordered:
            for metric, value in ranking.values(weights):
                drawn[ranking.model][metric][n] = value
    return drawn


def units(rows: pd.DataFrame, use_case: UseCase) -> Codes:
    """Which rows are drawn together, by the use case: each its own, those of a day, or of a column's value.

    Shape (rows,).
    """
    column = use_case.unit_column
    if column is None and use_case.unit == "row":
        return np.arange(len(rows))
    told = rows[use_case.time].dt.date if column is None else rows[column]
    return np.asarray(pd.factorize(told, use_na_sentinel=False)[0], dtype=np.int64)


def _count(units: Codes) -> int:
    return int(units.max()) + 1 if len(units) else 0


def _weights(units: int, seed: int, draws: int = DRAWS) -> Iterator[Floats]:
    """How often each unit was drawn, for each draw."""
    random = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(random.integers(units, size=units), minlength=units).astype(np.float64)


# --- metrics of weighted rows: most are made of sums over the rows, which are added up for each unit once


@dataclass(frozen=True)
class _SumMetric:
    model: str
    metric: str
    terms: Floats  # shape (units, k)
    value: Callable[[Floats], float]  # of the k sums


@dataclass(frozen=True)
class _RankingMetric:
    """Metrics of the scores' order, which is found once."""

    model: str
    metrics: Mapping[str, Ranking]
    unit: Codes  # of each row, from the greatest score to the least
    positive: Floats  # 1 or 0, of each row
    ends: Codes  # the last row of each distinct score

    def values(self, weights: Floats) -> Iterator[tuple[str, float]]:
        weight = weights[self.unit]
        tp = np.cumsum(weight * self.positive)[self.ends]
        fp = np.cumsum(weight)[self.ends] - tp
        for metric, ranking in self.metrics.items():
            yield metric, ranking.value(tp, fp)


def _ranking_metric(
    rankings: Mapping[str, Ranking], y: Floats, model: Scored, units: Codes
) -> _RankingMetric:
    order = np.argsort(-model.score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(model.score[order])), len(y) - 1)
    return _RankingMetric(model.name, rankings, units[order], y[order], ends)


def _sum_metric(
    metric: Metric, by: Sum, y: Floats, model: Scored, units: Codes, stakes: Stakes
) -> _SumMetric:
    score = model.score
    if metric.needs == "decision":
        score = (model.score >= model.threshold).astype(np.float64)
    elif metric.needs == "taken" and model.taken is not None:
        score = model.taken
    terms = by.terms(y, score, stakes, float(y.mean()))
    by_unit = [np.bincount(units, weights=term, minlength=_count(units)) for term in terms]
    return _SumMetric(model.name, metric.name, np.column_stack(by_unit).astype(np.float64), by.value)
