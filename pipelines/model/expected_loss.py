"""What a metric of numbers will be before labels are known, by a model of how far off the scores are.

A second model learns, of labelled rows that the first has not learned from, what each row adds to the
metric's sums (its squared or absolute error, its cost), from the row's features and its score; of rows
without a label it says what they will add (direct loss estimation, as NannyML has it). How far its own sums
are off, it finds out on days that it has not learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from pipelines.core.errors import BadInput
from pipelines.metrics import influence, sureness
from pipelines.metrics.influence import Batch, Cells, Codes
from pipelines.metrics.sureness import Sure

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.core.metric import Metric, Sum
    from pipelines.metrics.metrics import Floats

FEWEST, FOLDS = 200, 5  # labelled rows; groups of days of which each is told by a model of the others
CATEGORIES = 30  # of a feature: the others are one


class TooFewLabelled(BadInput):
    """Too few labelled rows tell how far off scores are."""


@dataclass(frozen=True)
class Numbers:
    """Rows of one model version.

    Attributes:
        X: Their features, a frame of `inputs.frame`.
        score: Shape (n,).
        day: A number from 0 on, shape (n,).
        unit: Which unit each is of, a number from 0 on and below `influence.GROUPS`; None where each row is
            its own.
    """

    X: pd.DataFrame
    score: Floats
    day: Codes
    unit: Codes | None = None


@dataclass(frozen=True)
class LossEstimator:
    """Tells what a metric will be.

    Attributes:
        metric: Which one.
        by: How it is made of sums.
        models: What tells each of the sums; a constant where all rows add the same.
        others: For each sum the models that have learned from all days but some.
        off: What the rows added beyond what a model of other days had said, shape (sums, n).
        labelled: The rows that were learned from.
    """

    metric: Metric
    by: Sum
    models: tuple[Any, ...]
    others: tuple[list[Any], ...]
    off: Floats
    labelled: Numbers

    @classmethod
    def fit(cls, metric: Metric, by: Sum, rows: Numbers, label: Floats, use_case: UseCase) -> LossEstimator:
        """Learn how far off the scores of labelled rows are.

        Args:
            metric: That is to be told.
            by: Its sums.
            rows: That the model has not learned from.
            label: Theirs, shape (n,).
            use_case: Names the features and the cost of the metric.

        Raises:
            TooFewLabelled: nothing can be learned from so few.
        """
        if len(label) < FEWEST or len(np.unique(rows.day)) < 2:
            raise TooFewLabelled(
                f"how far off scores are can be learned from {FEWEST} labelled rows of two days, and there"
                f" are {len(label):,} of {len(np.unique(rows.day))}",
                fix="give the training more held-out rows (split.window_days, split.test)",
            )
        terms = np.stack(by.terms(label, rows.score, use_case.stakes, float(label.mean())))
        inputs = _inputs(rows)
        models: list[Any] = []
        others: list[list[Any]] = []
        off = np.zeros_like(terms)
        for n, term in enumerate(terms):
            if np.ptp(term) == 0:
                models.append(float(term[0]))
                others.append([])
                continue
            blank = _regressor(use_case)
            told, of_days = _out_of_fold(blank, inputs, term, rows.day)
            off[n] = term - told
            models.append(clone(blank).fit(inputs, term))
            others.append(of_days)
        return cls(metric, by, tuple(models), tuple(others), off, rows)

    def estimate(self, rows: Numbers) -> Sure | None:
        """What the metric will be of rows without labels; None where it has no value there."""
        n = len(rows.score)
        if n < 2:
            return None
        inputs = _inputs(rows)
        total = np.array([_total(model, inputs) for model in self.models])
        found = influence.gradient(self.by, total)
        if found is None:
            return None
        value, slope = found
        off = slope @ self.off  # what each labelled row would have moved the metric beyond what was told
        known = self.labelled
        cells = Cells(int(known.day.max()) + 1)
        cells.add(off, Batch(off, off, known.day, known.day, known.unit))
        sums = cells.of(value, len(off), len(off))
        unsure = self._unsure(inputs, total)
        own = sureness.Rows(n, n, len(np.unique(rows.day)))
        return sureness.of_estimate(
            self.metric, value, sums.by_cell * n / len(off), unsure, sums, sums.by_cell, own
        )

    def _unsure(self, inputs: pd.DataFrame, total: Floats) -> float:
        """How much the metric varies with the days that were learned from: a jackknife by groups of them."""
        groups = max(map(len, self.others))
        every = list(zip(self.others, total, strict=True))
        without = [
            self.by.value(np.array([_total(own[n], inputs) if own else whole for own, whole in every]))
            for n in range(groups)
        ]
        return float((groups - 1) * np.var(without)) if groups else 0.0


def _total(model: Any, inputs: pd.DataFrame) -> float:
    return model * len(inputs) if isinstance(model, float) else float(model.predict(inputs).sum())


def _inputs(rows: Numbers) -> pd.DataFrame:
    return rows.X.assign(**{":score": rows.score})


def _regressor(use_case: UseCase) -> Pipeline:
    """Numbers and the score as they are, categories by numbers; texts are left out."""
    features = use_case.features
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, max_categories=CATEGORIES, dtype=np.float64
    )
    prepare = ColumnTransformer(
        [
            ("numbers", "passthrough", [*features.numbers, ":score"]),
            ("categories", encoder, list(features.categories)),
        ]
    )
    model = HistGradientBoostingRegressor(
        max_iter=80, max_leaf_nodes=8, min_samples_leaf=30, l2_regularization=1.0, random_state=0
    )
    return Pipeline([("prepare", prepare), ("model", model)])


def _out_of_fold(
    blank: Pipeline, inputs: pd.DataFrame, term: Floats, day: Codes
) -> tuple[Floats, list[Pipeline]]:
    """What a model of other days says of each row, and these models."""
    told, models = np.empty(len(term)), []
    folds = GroupKFold(min(FOLDS, len(np.unique(day))))
    for others, own in folds.split(inputs, term, day):
        models.append(clone(blank).fit(inputs.iloc[others], term[others]))
        told[own] = models[-1].predict(inputs.iloc[own])
    return told, models
