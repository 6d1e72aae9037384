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

from pipelines.config import Fixed, LeastCost, MaxRecall, Threshold
from pipelines.errors import BadInput


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


def choose(policy: Threshold, y: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Choose the threshold that fulfils the policy best on these rows.

    Of thresholds that are equally good, max_recall takes the one with the greater precision, max_precision the one
    with the greater recall, and least_cost the one with fewer alarms.

    Args:
        policy: The use case's.
        y: The truth, shape (n,): 0 or 1.
        score: The model's scores on these rows, shape (n,).

    Raises:
        Unreachable: no threshold reaches the precision that max_recall asks for.
        BadInput: the rows have one class only.
    """
    if isinstance(policy, Fixed):
        return policy.value
    points = _points(np.asarray(y), np.asarray(score, dtype=np.float32))
    if isinstance(policy, LeastCost):
        cost = policy.false_positive * points.fp + policy.false_negative * points.fn
        return float(points.threshold[np.argmin(cost)])
    if isinstance(policy, MaxRecall):
        allowed = points.precision >= policy.precision
        if not allowed.any():
            raise Unreachable(_too_precise(policy, points))
        return _best(points, allowed, points.recall, points.precision)
    return _best(points, points.recall >= policy.recall, points.precision, points.recall)


def _points(y: npt.NDArray[np.float64], score: npt.NDArray[np.float32]) -> _Points:
    if len(np.unique(y)) != 2:
        raise BadInput(
            f"no threshold can be chosen: the {len(y):,} validation rows have one class only, and a policy needs rows of both\n"
            "  way out: more days (split.window_days) or fewer folds (split.folds.n), so that each fold has positive rows"
        )
    _, fp, fn, tp, scores = confusion_matrix_at_thresholds(y, score)
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
