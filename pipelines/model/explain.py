"""What a model goes by: how much worse it becomes without a feature, and, for XGBoost's trees, what each
feature adds to a score.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.inspection import permutation_importance
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from xgboost import DMatrix, XGBModel

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_ROWS = 20_000  # that are shuffled, drawn by chance: what a feature is worth shows long before
MOST_CONTRIBUTIONS = (
    2_000  # rows whose contributions are added up: they cost a hundred times what their scores do
)
REPEATS = 5
UNSEEN = "\x00"  # no value of any category


def importance(
    pipeline: Pipeline,
    X: pd.DataFrame,  # noqa: N803 (scikit-learn's letter)
    y: npt.NDArray[np.float64],
    measure: Callable[[Pipeline, pd.DataFrame, npt.NDArray[np.float64], npt.NDArray[np.int64]], float],
    seed: int,
) -> pd.DataFrame:
    """Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019), of any family, on rows that the
    model has not seen.

    Args:
        pipeline: The fitted Pipeline.
        X: Held-out rows, a frame of `inputs.frame`.
        y: Their labels.
        measure: The primary metric of a model on some of the rows, which are told by position, too; greater
            is better.
        seed: Of the shuffling.

    Returns:
        A row a feature, the most important first: feature, loss (of the metric, in its own unit, when the
        feature's values are shuffled among the rows; the mean of five times), spread (their standard
        deviation), and contribution (see `contributions`; null for other models than XGBoost's).
    """
    rows = np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS]
    sample, truth = X.iloc[rows].reset_index(drop=True), y[rows]
    found = permutation_importance(
        pipeline,
        sample,
        truth,
        scoring=lambda model, shuffled, labels: measure(model, shuffled, labels, rows),
        n_repeats=REPEATS,
        random_state=seed,
    )
    added = contributions(pipeline, sample.head(MOST_CONTRIBUTIONS))
    table = pd.DataFrame(
        {"feature": X.columns, "loss": found.importances_mean, "spread": found.importances_std}
    )
    table["contribution"] = [
        np.nan if added is None else float(np.abs(added[name]).mean()) for name in X.columns
    ]
    return table.sort_values("loss", ascending=False, kind="stable", ignore_index=True)


def contributions(pipeline: Pipeline, X: pd.DataFrame) -> pd.DataFrame | None:  # noqa: N803
    """What each feature adds to each row's score: XGBoost's own SHAP values (Lundberg et al. 2018), None for
    other models.

    Args:
        pipeline: The fitted Pipeline.
        X: Rows, a frame of `inputs.frame`.

    Returns:
        Shape (rows, features), in the model's own unit (binary: log-odds); with what the model says of a row
        about which nothing is known, they add up to its score. Columns that were made of one feature (its
        values, its words) are added up.
    """
    model = pipeline["model"]
    if not isinstance(model, XGBModel):
        return None
    matrix = np.asarray(pipeline["prepare"].transform(X), dtype=np.float32)
    added = model.get_booster().predict(DMatrix(matrix, nthread=1), pred_contribs=True)[:, :-1]
    owners = np.array(_owners(pipeline["prepare"], matrix.shape[1]))
    return pd.DataFrame({name: added[:, owners == name].sum(axis=1) for name in X.columns})


def _owners(prepare: ColumnTransformer, columns: int) -> list[str]:
    """The feature that each column of the prepared matrix is made of."""
    owners = [""] * columns
    for name, transformer, features in prepare.transformers_:
        part = range(columns)[prepare.output_indices_[name]]
        if isinstance(features, str):  # a text: all its words
            made = [features] * len(part)
        elif isinstance(transformer, OneHotEncoder):
            made = _of_values(transformer, features, len(part))
        else:
            made = list(features)
        for column, feature in zip(part, made, strict=True):
            owners[column] = feature
    return owners


def _of_values(encoder: OneHotEncoder, features: list[str], columns: int) -> list[str]:
    """The feature of each column, found by encoding every known value of one feature with all others
    unseen.
    """
    owners = [""] * columns
    for feature, values in zip(features, encoder.categories_, strict=True):
        probe = pd.DataFrame(UNSEEN, index=range(len(values)), columns=features, dtype=object)
        probe[feature] = values
        for column in np.unique(encoder.transform(probe).nonzero()[1]):
            owners[column] = feature
    return owners
