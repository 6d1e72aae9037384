"""Every metric that Sluice measures, in natural units: an error is a positive number, and `gain` says which
of two is better.

One place, so that tuning, evaluation, promotion and monitoring cannot mean different things by the same word.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sk

from pipelines.core.config import BINARY_METRICS, GREATER_IS_BETTER, REGRESSION_METRICS
from pipelines.core.errors import BadInput, meant

Floats: TypeAlias = npt.NDArray[np.float64]
Formula: TypeAlias = Callable[..., Any]


class Undefined(BadInput):
    """The metric has no value on these rows, such as a recall where no row is positive."""


# On the scores' order; of the decisions `score >= threshold`; on the scores as probabilities; on numbers.
ORDER: dict[str, Formula] = {"aucpr": sk.average_precision_score, "roc_auc": sk.roc_auc_score}
DECISION: dict[str, Formula] = {
    # No alarm at all is a precision and an F1 of 0, not an error: such a threshold is bad, but it can be
    # judged.
    "f1": partial(sk.f1_score, zero_division=0),
    "precision": partial(sk.precision_score, zero_division=0),
    "recall": sk.recall_score,
}
PROBABILITY: dict[str, Formula] = {
    "log_loss": partial(sk.log_loss, labels=(0, 1)),
    "brier": partial(sk.brier_score_loss, labels=(0, 1)),
}
NUMBER: dict[str, Formula] = {
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "r2": sk.r2_score,
}


def for_task(task: Literal["binary", "regression"]) -> tuple[str, ...]:
    """The metrics that a task has, in a fixed order."""
    return BINARY_METRICS if task == "binary" else REGRESSION_METRICS


def greater_is_better(name: str) -> bool:
    """Whether more of the metric is better."""
    return name in GREATER_IS_BETTER


def gain(name: str, value: float, other: float) -> float:
    """By how much `value` is better than `other`, in the metric's own unit; negative when it is worse."""
    return value - other if greater_is_better(name) else other - value


def are_probabilities(score: Floats) -> bool:
    """Whether scores lie between 0 and 1.

    A graph adds up trees in float32, and may end some last bits beyond.
    """
    return _are_probabilities(score.min(), score.max())


def measure(
    name: str, y: npt.ArrayLike, score: npt.ArrayLike, *, threshold: float = 0.5, under_cost: float = 1.0
) -> float:
    """Measure scores against the truth.

    Args:
        name: A metric of `for_task`.
        y: The truth, shape (n,): 0 or 1 (binary), or numbers (regression).
        score: What the model said, shape (n,): the greater, the more likely positive (binary), or numbers
            (regression).
        threshold: f1, precision, recall: a row is taken as positive where `score >= threshold`.
        under_cost: asymmetric: the cost of one unit too low, where one unit too high costs 1.

    Returns:
        The metric in its natural unit: rmse and mae in the label's, log_loss in nats, the others without.

    Raises:
        Undefined: the metric has no value on these rows.
        BadInput: an unknown metric, or a null or infinite number.
    """
    truth, scores = _finite(name, y, score)
    refuse_undefined(name, len(truth), labels=(truth.min(), truth.max()), scores=(scores.min(), scores.max()))
    if name in NUMBER:
        return float(NUMBER[name](truth, scores))
    if name == "asymmetric":
        return float(np.mean(costs(truth, scores, under_cost)))
    if name in PROBABILITY:
        return float(PROBABILITY[name](truth, scores.clip(0, 1)))
    if name in ORDER:
        return float(ORDER[name](truth, scores))
    return float(DECISION[name](truth, scores >= threshold))


def costs(truth: Floats, scores: Floats, under_cost: float) -> Floats:
    """What each forecast costs, where one unit too high costs 1."""
    return np.where(scores < truth, under_cost * (truth - scores), scores - truth)


def refuse_undefined(
    name: str, rows: int, *, labels: tuple[float, float], scores: tuple[float, float]
) -> None:
    """Make sure that a metric has a value.

    Args:
        name: A metric of `for_task`.
        rows: How many rows there are.
        labels: The least and the greatest label.
        scores: The least and the greatest score.

    Raises:
        Undefined: it has none on such rows.
    """
    if rows == 0:
        raise Undefined(f"{name} has no value: there are no rows")
    if name in PROBABILITY and not _are_probabilities(*scores):
        raise Undefined(
            f"{name} has no value for scores from {scores[0]:g} to {scores[1]:g}: it needs probabilities, 0"
            " to 1"
        )
    needed = "labels that differ" if name == "r2" else "both 0 and 1"
    if (name == "r2" or name in ORDER or name in DECISION) and labels[0] == labels[1]:
        raise Undefined(
            f"{name} has no value on {rows:,} rows which all have the label {labels[0]:g}: it needs {needed}"
        )


def _are_probabilities(least: float, greatest: float) -> bool:
    return bool(least >= -1e-6 and greatest <= 1 + 1e-6)


def _finite(name: str, y: npt.ArrayLike, score: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Both as float64, in which a float32 score keeps its value exactly."""
    known = (*BINARY_METRICS, *REGRESSION_METRICS)
    if name not in known:
        raise BadInput(f"no metric {name!r}: {meant(name, known)}")
    truth, scores = np.asarray(y, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if len(truth) == 0:
        refuse_undefined(name, 0, labels=(0, 0), scores=(0, 0))
    for what, values in (("label", truth), ("score", scores)):
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise BadInput(
                f"{name}: {bad.size:,} of {len(values):,} {what}s are null or infinite, the first in row"
                f" {bad[0]}; only numbers can be measured"
            )
    return truth, scores
