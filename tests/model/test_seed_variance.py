"""Models whose seed makes no difference are trained once, others with other seeds, too."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.core.tasks import BINARY
from pipelines.model import candidate, inputs, seed_variance
from tests.helpers import fitted

TRAIN = fitted.rows()[fitted.rows()["split"] == "train"]
X, Y = inputs.frame(TRAIN, fitted.use_case().features), TRAIN["bad"].to_numpy()


def mean_score(model: object) -> float:
    return float(candidate.scores(model, X, BINARY).mean())


def test_a_forest_is_another_one_with_each_seed() -> None:
    found = seed_variance.across_seeds(fitted.pipeline("forest"), X, Y, mean_score)
    assert len(set(found)) == len(found) == seed_variance.SEEDS + 1
    assert found[0] == mean_score(fitted.pipeline("forest"))


@pytest.mark.parametrize("family", ["linear", "xgboost"])
def test_a_model_without_chance_has_no_luck(family: str) -> None:
    assert seed_variance.across_seeds(fitted.pipeline(family), X, Y, mean_score) == (
        mean_score(fitted.pipeline(family)),
    )


@pytest.mark.parametrize(
    "parameter", ["subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode"]
)
def test_trees_of_some_rows_or_columns_have_luck(parameter: str) -> None:
    from sklearn.base import clone

    drawn = clone(fitted.pipeline("xgboost")).set_params(**{f"model__{parameter}": 0.5}).fit(X, Y)
    found = seed_variance.across_seeds(drawn, X, Y, mean_score)
    assert np.ptp(found) > 0
