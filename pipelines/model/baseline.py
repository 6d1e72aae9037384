"""What a model must beat: a rule of one feature, and the best that can be told without any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from pipelines.core.metrics import by_name

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.core.config import UseCase

Floats = npt.NDArray[np.float64]


class Baseline(Protocol):
    """Something fitted that scores rows as a model does."""

    @property
    def alarm(self) -> bool | None:
        """What it decides of every row, where it does so whatever the score."""

    def scores(self, X: pd.DataFrame) -> Floats:  # noqa: N803 (scikit-learn's letter)
        """Return the probability of the positive class, or the predicted number, shape (rows,)."""


@dataclass(frozen=True)
class Constant:
    """The same score for every row: what is worth most by the primary metric, which for most is the share of
    positives (the prior) or the mean label in training.
    """

    value: float
    alarm: bool | None = None

    def scores(self, X: pd.DataFrame) -> Floats:  # noqa: N803
        """Return the constant, shape (rows,)."""
        return np.full(len(X), self.value)


@dataclass(frozen=True)
class FeatureAsPrediction:
    """A number feature that is itself the prediction; where it is missing, its training median."""

    feature: str
    median: float
    alarm: ClassVar[None] = None

    def scores(self, X: pd.DataFrame) -> Floats:  # noqa: N803
        """Return the feature's values, shape (rows,)."""
        return X[self.feature].fillna(self.median).to_numpy(np.float64)


@dataclass(frozen=True)
class RankedRule:
    """A number feature as a probability: a logistic curve over its rank among the training rows.

    Metrics of probabilities (log loss, Brier score) need a score that is one. Both the rank and the curve
    keep the order of the feature's values, so that its AUCPR and ROC AUC are the feature's own; only values
    beyond the training rows' extremes become ties. The curve also learns whether great values mean positive
    or negative.
    """

    rule: FeatureAsPrediction
    values: Floats  # the distinct training values, rising
    ranks: Floats  # the share of training rows that have each of them or less
    curve: LogisticRegression
    alarm: ClassVar[None] = None

    def scores(self, X: pd.DataFrame) -> Floats:  # noqa: N803
        """Return probabilities of the positive class, shape (rows,)."""
        ranks = np.interp(self.rule.scores(X), self.values, self.ranks)
        return np.asarray(self.curve.predict_proba(ranks.reshape(-1, 1))[:, 1], dtype=np.float64)


def fit(use_case: UseCase, X: pd.DataFrame, y: npt.NDArray[np.generic]) -> Baseline:  # noqa: N803
    """Fit the use case's baseline on training rows.

    Args:
        use_case: Names the rule's feature, if there is one.
        X: A frame of `inputs.frame`, shape (rows, features).
        y: Labels, shape (rows,).
    """
    feature = use_case.candidates.baseline.rule
    if feature is None:
        return constant(use_case, y)
    median = X[feature].median()
    # a feature without any value is 0, as the models' imputer has it
    rule = FeatureAsPrediction(feature, float(np.nan_to_num(median)))
    if not use_case.task.probabilities:
        return rule
    scores = rule.scores(X)
    values, counts = np.unique(scores, return_counts=True)
    ranks = np.cumsum(counts) / len(scores)
    curve = LogisticRegression().fit(np.interp(scores, values, ranks).reshape(-1, 1), y)
    return RankedRule(rule, values, ranks, curve)


def constant(use_case: UseCase, y: npt.NDArray[np.generic]) -> Constant:
    """What is worth most by the primary metric if it is told of every row.

    Args:
        use_case: Names the metric, and what is at stake.
        y: Labels of training rows, shape (rows,).
    """
    metric, mean = by_name(use_case.metric.name), float(y.mean())
    best = metric.best_constant(np.asarray(y, dtype=np.float64), use_case.stakes)
    if best is None:
        return Constant(mean)
    return Constant(mean, alarm=best == 1) if metric.needs == "decision" else Constant(best)
