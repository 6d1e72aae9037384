"""What is tried out on the winner, beside the comparison: other seeds, fewer rows, shuffled features, and how
true its probabilities are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from pipelines.evaluation import evidence
from pipelines.metrics import metrics
from pipelines.metrics.scored import Scored
from pipelines.model import candidate, explain, learning, luck

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from sklearn.pipeline import Pipeline

    from pipelines.core.config import UseCase


@dataclass(frozen=True)
class Study:
    """What was found.

    Attributes:
        luck: The primary metric of the winner, and of models that differ from it in their seed only.
        learning: See `learning.curve`.
        learned: What follows from it, a sentence.
        importance: See `explain.importance`.
        calibration_error: See `evidence.calibration_error`; None for a regression.
    """

    luck: tuple[float, ...]
    learning: pd.DataFrame
    learned: str
    importance: pd.DataFrame
    calibration_error: float | None


def study(
    fitted: Pipeline,
    winner: Scored,
    train: tuple[pd.DataFrame, npt.NDArray[np.float64]],
    held_out: tuple[pd.DataFrame, npt.NDArray[np.float64]],
    baseline: float | None,
    use_case: UseCase,
) -> Study:
    """Try the winner out.

    Args:
        fitted: Its Pipeline.
        winner: Its scores on the held-out rows, and its threshold.
        train: The training rows, a frame of `inputs.frame`, and their labels.
        held_out: The same of the held-out rows.
        baseline: The baseline's primary metric on the held-out rows.
        use_case: Names the metric and the seed.
    """
    seed, sign = use_case.candidates.seed, 1 if use_case.greater_is_better else -1

    def measure(model: Pipeline, X: pd.DataFrame, y: npt.NDArray[np.float64]) -> float:  # noqa: N803
        metric = use_case.metric
        score = candidate.scores(model, X, use_case.task)
        return metrics.measure(
            metric.name, y, score, threshold=winner.threshold, under_cost=metric.under_cost
        )

    def defined(model: Pipeline, X: pd.DataFrame, y: npt.NDArray[np.float64]) -> float | None:  # noqa: N803
        try:
            return measure(model, X, y)
        except metrics.Undefined:
            return None

    points = learning.curve(
        fitted,
        *train,
        lambda model, some: defined(model, train[0].iloc[some], train[1][some]),
        lambda model: defined(model, *held_out),
        seed,
    )
    return Study(
        luck=luck.of(fitted, *train, lambda model: measure(model, *held_out)),
        learning=points,
        learned=(
            learning.verdict(points, baseline, sign)
            if baseline is not None
            else "the baseline has no value to compare with"
        ),
        importance=explain.importance(
            fitted, *held_out, lambda model, *rows: sign * measure(model, *rows), seed
        ),
        calibration_error=(
            evidence.calibration_error(held_out[1], winner.score) if use_case.task == "binary" else None
        ),
    )
