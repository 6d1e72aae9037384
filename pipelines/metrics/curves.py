"""The curves of an evaluation as one long table, thinned so that a page can draw them at any number of
rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from pipelines.core.tasks import Task
from pipelines.metrics.metrics import Floats, are_probabilities
from pipelines.metrics.scored import Scored

MOST_POINTS = 500
BINS = 10

Points: TypeAlias = tuple[Floats, Floats]


def table(task: Task, y: Floats, models: Sequence[Scored], hours: Floats) -> pd.DataFrame:
    """Compute every curve of every model, on rows whose labels differ.

    Args:
        task: One of probabilities has the curves precision_recall (x: recall, y: precision), roc (x: false
            positive rate, y: true positive rate) and calibration (x: mean score, y: mean label, in ten bins);
            one of numbers calibration and residual_by_hour (x: hour of day, y: mean of score - label).
        y: The truth, shape (n,).
        models: Their scores on the same n rows.
        hours: The hour of day of each row, shape (n,).

    Returns:
        Columns model, curve, x, y; at most 500 points a curve. A curve that has no meaning on these rows is
        left out.
    """

    def residual_by_hour(truth: Floats, score: Floats) -> Points:
        return _mean_by(hours, hours, score - truth)

    kinds: dict[str, Callable[[Floats, Floats], Points]] = {
        "calibration": _calibration,
        "residual_by_hour": residual_by_hour,
    }
    if task.probabilities:
        kinds = {"precision_recall": _precision_recall, "roc": _roc, "calibration": _probabilities}
    pieces = [
        _frame(model.name, name, curve(y, model.score)) for model in models for name, curve in kinds.items()
    ]
    return pd.concat(pieces, ignore_index=True)


def _frame(model: str, curve: str, points: Points) -> pd.DataFrame:
    x, y = _thin(*points)
    return pd.DataFrame({"model": model, "curve": curve, "x": x, "y": y}).astype(
        {"model": object, "curve": object}
    )


def _precision_recall(y: Floats, score: Floats) -> Points:
    precision, recall, _ = precision_recall_curve(y, score)
    return recall[::-1], precision[::-1]


def _roc(y: Floats, score: Floats) -> Points:
    false_positive, true_positive, _ = roc_curve(y, score)
    return false_positive, true_positive


def _probabilities(y: Floats, score: Floats) -> Points:
    if not are_probabilities(score):
        return np.empty(0), np.empty(0)
    return _calibration(y, score)


def _calibration(y: Floats, score: Floats) -> Points:
    # Bins by rank: as many rows in each as equal scores, which stay together, allow.
    bins = np.ceil(pd.Series(score).rank(pct=True).to_numpy() * BINS)
    return _mean_by(bins, score, y)


def _mean_by(bins: Floats, x: Floats, y: Floats) -> Points:
    means = pd.DataFrame({"x": x, "y": y}).groupby(bins, sort=True).mean()
    return means["x"].to_numpy(), means["y"].to_numpy()


def _thin(x: Floats, y: Floats) -> Points:
    """Keep both ends and points at even steps along the line: even steps in rows would lose where a curve is
    steep.
    """
    if len(x) <= MOST_POINTS:
        return x, y
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    kept = np.unique(np.searchsorted(way, np.linspace(0, way[-1], MOST_POINTS - 1)))
    kept = np.union1d(np.minimum(kept, len(x) - 1), [len(x) - 1])
    return x[kept], y[kept]
