"""The linear model of a quantile finds the minimum that scikit-learn's linear program finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import mean_pinball_loss

from pipelines.core.linear_quantile import LinearQuantile

random = np.random.default_rng(5)
X = random.normal(size=(800, 4))
Y = 40 + 3 * X[:, 0] - X[:, 2] + (1 + np.abs(X[:, 1])) * random.standard_t(4, size=800)


@pytest.mark.parametrize("quantile", [0.05, 0.5, 0.75, 0.9])
def test_its_loss_is_the_least_that_there_is(quantile: float) -> None:
    least = mean_pinball_loss(
        Y, QuantileRegressor(quantile=quantile, alpha=0).fit(X, Y).predict(X), alpha=quantile
    )
    found = LinearQuantile(quantile, alpha=0).fit(X, Y)
    assert mean_pinball_loss(Y, found.predict(X), alpha=quantile) == pytest.approx(least, rel=1e-3)
    assert (found.predict(X) >= Y).mean() == pytest.approx(quantile, abs=0.01)


def test_another_unit_of_the_label_changes_nothing_and_a_penalty_draws_weights_to_none() -> None:
    one, other = LinearQuantile(0.75, alpha=3).fit(X, Y), LinearQuantile(0.75, alpha=3).fit(X, 1000 * Y + 7)
    assert other.predict(X) == pytest.approx(1000 * one.predict(X) + 7, rel=1e-6)
    flat = LinearQuantile(0.75, alpha=1e7).fit(X, Y)
    assert np.abs(flat.coef_).max() < 1e-3
    assert flat.intercept_ == pytest.approx(np.quantile(Y, 0.75), abs=0.1)


def test_sparse_rows_and_the_same_rows_again_give_the_same_model() -> None:
    dense, sparse = (LinearQuantile(0.9).fit(rows, Y) for rows in (X, csr_matrix(X)))
    assert sparse.coef_ == pytest.approx(dense.coef_, rel=1e-5)
    assert (LinearQuantile(0.9).fit(X, Y).coef_ == dense.coef_).all()


def test_labels_that_are_all_alike_are_told_as_they_are() -> None:
    assert LinearQuantile(0.9).fit(X, np.full(800, 4.0)).predict(X) == pytest.approx(np.full(800, 4.0))


@pytest.mark.parametrize(
    ("wrong", "told"), [({"quantile": 1.0}, "between 0 and 1"), ({"alpha": -1.0}, "0 or more")]
)
def test_what_is_no_quantile_or_no_penalty_is_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        LinearQuantile(**wrong).fit(X, Y)
