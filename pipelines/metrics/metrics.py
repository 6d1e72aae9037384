"""Measuring: a metric of `pipelines.core.metrics` on labels and scores, or a sentence why it has no value."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.core import tasks
from pipelines.core.errors import BadInput, did_you_mean
from pipelines.core.metrics import EVERY, by_name
from pipelines.core.stakes import DECLARED_BY, UNDECLARED, Stakes

Floats: TypeAlias = npt.NDArray[np.float64]


NO_DAYS = "{} has no value: nobody knows which day each row is of"


class Undefined(BadInput):
    """The metric has no value on these rows, such as a recall where no row is positive."""


def gain(name: str, value: float, other: float) -> float:
    """By how much `value` is better than `other`, in the metric's own unit; negative when it is worse."""
    return value - other if by_name(name).greater_is_better else other - value


def are_probabilities(score: Floats) -> bool:
    """Whether scores lie between 0 and 1.

    A graph adds up trees in float32, and may end some last bits beyond.
    """
    return _are_probabilities(score.min(), score.max())


def measure(
    name: str,
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    threshold: float = 0.5,
    stakes: Stakes = UNDECLARED,
    taken: npt.ArrayLike | None = None,
) -> float:
    """Measure scores against the truth.

    Args:
        name: Of a metric.
        y: The truth, shape (n,): 0 or 1 (binary), or numbers (regression).
        score: What the model said, shape (n,): the greater, the more likely positive (binary), or numbers
            (regression).
        threshold: f1, precision, recall: a row is taken as positive where `score >= threshold`.
        stakes: What is declared to be at stake, of which asymmetric and cost are made.

        taken: precision_at_k, recall_at_k: which rows are among their day's greatest scores, see
            `daily.taken`, shape (n,).

    Returns:
        The metric in its natural unit: rmse and mae in the label's, log_loss in nats, the others without.

    Raises:
        Undefined: the metric has no value on these rows.
        BadInput: an unknown metric, or one of stakes that nobody has declared; a null or infinite number.
    """
    truth, scores = _finite(name, y, score)
    refuse_undefined(name, len(truth), labels=(truth.min(), truth.max()), scores=(scores.min(), scores.max()))
    metric = by_name(name)
    if missing := metric.undeclared(stakes):
        raise BadInput(
            f"{name} has no value: nobody has declared what is at stake ({', '.join(missing)})",
            fix="; ".join(dict.fromkeys(f"declare {DECLARED_BY[one]}" for one in missing)),
        )
    if metric.needs == "taken":
        if taken is None:
            raise Undefined(NO_DAYS.format(name), fix="measure rows whose days are known")
        scores = np.asarray(taken, dtype=np.float64)
    elif metric.needs == "decision":
        scores = (scores >= threshold).astype(np.float64)
    elif metric.needs == "probability":
        scores = scores.clip(0, 1)
    return metric.on_arrays(truth, scores, stakes)


def refuse_undefined(
    name: str, rows: int, *, labels: tuple[float, float], scores: tuple[float, float]
) -> None:
    """Make sure that a metric has a value.

    Args:
        name: Of a metric.
        rows: How many rows there are.
        labels: The least and the greatest label.
        scores: The least and the greatest score.

    Raises:
        Undefined: it has none on such rows.
    """
    if rows == 0:
        raise Undefined(f"{name} has no value: there are no rows", fix="give it rows")
    metric = by_name(name)
    if metric.needs == "probability" and not _are_probabilities(*scores):
        raise Undefined(
            f"{name} has no value for scores from {scores[0]:g} to {scores[1]:g}: it needs probabilities,"
            " 0 to 1",
            fix="choose another metric",
        )
    if metric.of_labels_that_differ and labels[0] == labels[1]:
        needed = "both 0 and 1" if tasks.by_name(metric.task).classes else "labels that differ"
        raise Undefined(
            f"{name} has no value on {rows:,} rows which all have the label {labels[0]:g}: it needs {needed}",
            fix="give it more rows, or choose another metric",
        )


def _are_probabilities(least: float, greatest: float) -> bool:
    return bool(least >= -1e-6 and greatest <= 1 + 1e-6)


def _finite(name: str, y: npt.ArrayLike, score: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Both as float64, in which a float32 score keeps its value exactly."""
    known = [metric.name for metric in EVERY]
    if name not in known:
        raise BadInput(f"no metric {name!r}: {did_you_mean(name, known)}", fix="name one that there is")
    truth, scores = np.asarray(y, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if len(truth) == 0:
        refuse_undefined(name, 0, labels=(0, 0), scores=(0, 0))
    for what, values in (("label", truth), ("score", scores)):
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise BadInput(
                f"{bad.size:,} of {len(values):,} {what}s are null or infinite, the first in row"
                f" {bad[0]}; only numbers can be measured",
                where=name,
                fix="see where they come from",
            )
    return truth, scores
