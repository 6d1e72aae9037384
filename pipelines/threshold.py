"""From which score on a row is taken as positive: the decision is `score >= threshold`.

The threshold is chosen on validation rows, never on the rows that judge the model. It lies midway between two scores
that occur, so that a graph whose scores differ from the trained model's in the last bit decides alike. And it is a float32
number, as the scores are: comparing in float32 or in float64 gives the same decision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix_at_thresholds

from pipelines.config import Capacity, Fixed, LeastCost, MaxRecall, Threshold
from pipelines.errors import BadInput
from pipelines.verdict import Cut

DRAWS = 200  # of the validation rows, for the threshold's interval
SURE = (0.025, 0.975)


class Unreachable(BadInput):
    """No threshold fulfils the policy on these rows."""


@dataclass(frozen=True)
class _Points:
    """What can be decided on some rows: one entry for each distinct score, from the greatest to the least, and one for no alarm at all."""

    threshold: npt.NDArray[np.float32]
    tp: npt.NDArray[np.float64]
    fp: npt.NDArray[np.float64]
    fn: npt.NDArray[np.float64]

    @property
    def precision(self) -> npt.NDArray[np.float64]:
        """Of no alarms, 0."""
        alarms = self.tp + self.fp
        return np.divide(self.tp, alarms, out=np.zeros_like(alarms), where=alarms > 0)

    @property
    def recall(self) -> npt.NDArray[np.float64]:
        return self.tp / (self.tp + self.fn)


def choose(
    policy: Threshold, y: npt.ArrayLike, score: npt.ArrayLike, rows_a_day: float = np.nan, weight: npt.ArrayLike | None = None
) -> float:
    """Choose the threshold that fulfils the policy best on these rows.

    Of thresholds that are equally good, max_recall takes the one with the greater precision, max_precision the one
    with the greater recall, and least_cost the one with fewer alarms. Capacity takes the one with the most alarms that
    are not more, on average over the days, than it allows.

    Args:
        policy: The use case's.
        y: The truth, shape (n,): 0 or 1.
        score: The model's scores on these rows, shape (n,).
        rows_a_day: capacity: how many rows a day has, of which these are a sample.
        weight: How often each row counts, shape (n,); once each without it.

    Raises:
        Unreachable: no threshold reaches the precision that max_recall asks for.
        BadInput: the rows have one class only.
    """
    if isinstance(policy, Fixed):
        return policy.value
    points = _points(np.asarray(y), np.asarray(score, dtype=np.float32), weight)
    if isinstance(policy, Capacity):
        alarms, rows = points.tp + points.fp, points.tp[-1] + points.fp[-1]
        return float(points.threshold[np.flatnonzero(alarms <= policy.alarms_a_day * rows / rows_a_day)[-1]])
    if isinstance(policy, LeastCost):
        cost = policy.false_positive * points.fp + policy.false_negative * points.fn
        return float(points.threshold[np.argmin(cost)])
    if isinstance(policy, MaxRecall):
        allowed = points.precision >= policy.precision
        if not allowed.any():
            raise Unreachable(_too_precise(policy, points))
        return _best(points, allowed, points.recall, points.precision)
    return _best(points, points.recall >= policy.recall, points.precision, points.recall)


def with_interval(policy: Threshold, y: npt.ArrayLike, score: npt.ArrayLike, rows_a_day: float = np.nan, seed: int = 0) -> Cut:
    """Choose as `choose` does, and say between which two thresholds 95 of 100 choices on like rows would lie.

    Args:
        policy: See `choose`.
        y: See `choose`.
        score: See `choose`.
        rows_a_day: See `choose`.
        seed: Of the draws.

    Raises:
        Unreachable, BadInput: see `choose`; a draw on which no threshold fulfils the policy counts as one above every score.
    """
    chosen = choose(policy, y, score, rows_a_day)
    if isinstance(policy, Fixed):
        return Cut(chosen, chosen, chosen)
    random, rows = np.random.default_rng(seed), len(np.asarray(y))
    drawn = [_again(policy, y, score, rows_a_day, np.bincount(random.integers(rows, size=rows), minlength=rows)) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, SURE, method="inverted_cdf")
    return Cut(chosen, float(low), float(high))


def _again(policy: Threshold, y: npt.ArrayLike, score: npt.ArrayLike, rows_a_day: float, times: npt.NDArray[np.int64]) -> float:
    try:
        return choose(policy, y, score, rows_a_day, times)
    except BadInput:
        return 1.0


def _points(y: npt.NDArray[np.float64], score: npt.NDArray[np.float32], weight: npt.ArrayLike | None) -> _Points:
    if len(np.unique(y)) != 2:
        raise BadInput(
            f"no threshold can be chosen: the {len(y):,} validation rows have one class only, and a policy needs rows of both\n"
            "  way out: more days (split.window_days) or fewer folds (split.folds.n), so that each fold has positive rows"
        )
    if weight is not None:
        drawn = np.asarray(weight) > 0
        y, score, weight = y[drawn], score[drawn], np.asarray(weight)[drawn]
    _, fp, fn, tp, scores = confusion_matrix_at_thresholds(y, score, sample_weight=weight)
    # No alarm at all lies above the greatest score, an alarm for each row below the least; probabilities end at 1 and 0.
    above = np.nextafter(np.maximum(scores[0], np.float32(1)), np.float32(np.inf))
    below = np.minimum(scores[-1], np.float32(0))
    edges = np.concatenate([[above], scores, [below]]).astype(np.float32)
    positives = tp[-1]
    return _Points(
        threshold=_midway(edges[:-1], edges[1:]),
        tp=np.concatenate([[0.0], tp]),
        fp=np.concatenate([[0.0], fp]),
        fn=np.concatenate([[positives], fn]),
    )


def _midway(upper: npt.NDArray[np.float32], lower: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Between two scores each; between neighbours among the float32 numbers there is nothing, and the upper one it is."""
    middle = ((upper.astype(np.float64) + lower) / 2).astype(np.float32)
    return np.where(middle > lower, middle, upper)


def _best(points: _Points, allowed: npt.NDArray[np.bool_], first: npt.NDArray[np.float64], then: npt.NDArray[np.float64]) -> float:
    """The allowed threshold with the greatest `first`, and among equals the greatest `then`."""
    order = np.lexsort((then, first, allowed))
    return float(points.threshold[order[-1]])


def _too_precise(policy: MaxRecall, points: _Points) -> str:
    best = int(np.argmax(points.precision))
    rows = int(points.tp[-1] + points.fp[-1])
    return (
        f"threshold: no threshold reaches precision {policy.precision:g} on the {rows:,} validation rows ({int(points.tp[-1]):,} positive): "
        f"the best precision is {points.precision[best]:.4f}, at recall {points.recall[best]:.4f}\n"
        "  way out: ask for less (threshold.precision), or find features that tell the classes apart better"
    )
