"""What a score means as a probability, learned on labelled rows, and how sure that is.

A logistic regression on log s and -log(1 - s), the beta calibration of Kull, Silva Filho and Flach (2017),
and where there are rows enough on hinges of the score's logit, too, so that a curve of any shape is followed.
It has a covariance, which an isotonic curve has not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from pipelines.core.errors import BadInput
from pipelines.metrics.metrics import Floats

LEAST = 1e-7  # from 0 and 1: the logarithm of a score that says `certainly` has no value
FEWEST = 25  # rows of each class from which on something is learned
OF_A_HINGE, MOST_HINGES = 100, 6  # rows of the rarer class for each of so many


class Uncalibrated(BadInput):
    """Nobody can tell from labelled rows what probabilities these scores mean."""


@dataclass(frozen=True)
class ScoreMeaning:
    """A curve from scores to probabilities.

    Attributes:
        hinges: Logits of scores from which on the curve bends, shape (h,).
        coefficients: Of the terms, shape (3 + h,).
        covariance: Of these, by groups of rows that are alike, shape (3 + h, 3 + h).
    """

    hinges: Floats
    coefficients: Floats
    covariance: Floats

    @classmethod
    def fit(cls, label: Floats, score: Floats, group: npt.NDArray[np.int64]) -> Self:
        """Learn the curve.

        Args:
            label: 0 or 1, shape (n,).
            score: Between 0 and 1, of a model that has not learned from these rows, shape (n,).
            group: Which rows are alike, such as those of a day or a customer, shape (n,): numbers from 0 on.

        Raises:
            Uncalibrated: too few rows of a class, or greater scores are not positive more often.
        """
        rare = min(label.sum(), len(label) - label.sum())
        if rare < FEWEST:
            raise Uncalibrated(
                f"what the scores mean can be learned from {FEWEST} labelled rows of each class, and there"
                f" are {rare:.0f}",
                fix="give the training more held-out rows (split.window_days, split.test)",
            )
        if label[label == 1].size and _area(label, score) <= 0.5:
            raise Uncalibrated(
                "greater scores are not positive more often on the labelled rows: they tell no probability",
                fix="see whether label.positive is the value that means yes, and train again",
            )
        hinges = _hinges(score[label == (1 if label.mean() < 0.5 else 0)], int(rare))
        terms = _terms(score, hinges)
        used = _independent(terms)
        model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-9, max_iter=200)
        model.fit(terms[:, used], label)
        free = np.concatenate([[0], used])
        coefficients = np.zeros(terms.shape[1])
        coefficients[free] = np.concatenate([model.intercept_, model.coef_[0]])
        covariance = np.zeros((terms.shape[1],) * 2)
        covariance[np.ix_(free, free)] = _sandwich(terms[:, free], label, coefficients[free], group)
        return cls(hinges, coefficients, covariance)

    def terms(self, score: Floats) -> Floats:
        """What the logit is linear in, shape (n, 3 + h)."""
        return _terms(score, self.hinges)

    def __call__(self, score: Floats) -> Floats:
        """Probabilities of the positive class, shape (n,)."""
        return np.asarray(expit(self.terms(score) @ self.coefficients), dtype=np.float64)


def _area(label: Floats, score: Floats) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(label, score))


def _hinges(score: Floats, rare: int) -> Floats:
    """Between equal shares of the rarer class, which says most about the curve."""
    n = min(rare // OF_A_HINGE, MOST_HINGES)
    shares = np.arange(1, n + 1) / (n + 1)
    return np.unique(np.quantile(logit(_inner(score)), shares)) if n else np.empty(0)


def _inner(score: Floats) -> Floats:
    return np.clip(score, LEAST, 1 - LEAST)


def _terms(score: Floats, hinges: Floats) -> Floats:
    inner = _inner(score)
    bent = np.maximum(logit(inner)[:, None] - hinges[None, :], 0.0)
    return np.column_stack([np.ones(len(inner)), np.log(inner), -np.log1p(-inner), bent])


def _independent(terms: Floats) -> npt.NDArray[np.int64]:
    """The columns behind the first that say something that those before them do not."""
    kept: list[int] = []
    for column in range(1, terms.shape[1]):
        asked = terms[:, [0, *kept, column]]
        scaled = asked / np.maximum(np.abs(asked).max(axis=0), LEAST)
        if np.linalg.matrix_rank(scaled.T @ scaled / len(scaled), tol=1e-10) == asked.shape[1]:
            kept.append(column)
    return np.array(kept, np.int64)


def _sandwich(terms: Floats, label: Floats, coefficients: Floats, group: npt.NDArray[np.int64]) -> Floats:
    """The covariance of the coefficients where rows of a group are alike (Liang and Zeger 1986)."""
    probability = expit(terms @ coefficients)
    bread = np.linalg.pinv((terms * (probability * (1 - probability))[:, None]).T @ terms)
    groups = int(group.max()) + 1
    off = terms * (label - probability)[:, None]
    of_group = np.column_stack([np.bincount(group, column, groups) for column in off.T])
    return np.asarray(bread @ (of_group.T @ of_group) @ bread * groups / max(groups - 1, 1))
