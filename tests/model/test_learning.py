"""The learning curve is measured on the rows that it names, and its verdict says what it shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from pipelines.model import learning
from pipelines.model.learning import Bar


def test_the_curve_grows_with_the_rows_and_ends_with_the_model_itself() -> None:
    random = np.random.default_rng(1)
    X = pd.DataFrame(random.normal(size=(800, 3)))  # noqa: N806
    y = np.asarray(X[0] + random.normal(size=800) > 0, dtype=np.float64)
    fitted = DecisionTreeClassifier(random_state=0).fit(X[:400], y[:400])
    points = learning.curve(
        fitted,
        X[:400],
        y[:400],
        lambda model, some: model.score(X.iloc[some], y[some]),
        lambda model: model.score(X[400:], y[400:]),
        seed=1,
    )
    assert list(points["rows"]) == [50, 100, 200, 400]
    assert (points["training"] == 1).all()  # a tree without limits knows its own rows by heart
    assert points["held_out"].iloc[-1] == fitted.score(X[400:], y[400:])


def test_a_size_with_one_class_only_is_left_out() -> None:
    X = pd.DataFrame(np.arange(40.0))  # noqa: N806
    y = np.zeros(40)
    y[-1] = 1
    fitted = DecisionTreeClassifier(random_state=0).fit(X, y)
    points = learning.curve(fitted, X, y, lambda *_: 1.0, lambda _: None if len(y) == 0 else 0.5, seed=0)
    assert points["rows"].iloc[-1] == 40
    assert len(points) < 4


@pytest.mark.parametrize(
    ("training", "held_out", "told"),
    [
        ([0.9, 1.0], [0.35, 0.38], "overfitted: it keeps 35% of its gain"),
        ([0.9, 0.9], [0.6, 0.7], "not at its end"),
        ([0.71, 0.70], [0.69, 0.69], "underfitted, or at the end"),
        ([0.9, 0.85], [0.69, 0.69], "neither over- nor underfitted"),
        ([0.1, 0.05], [0.1, 0.05], "underfitted: even on its own training rows"),
    ],
)
def test_the_verdict(training: list[float], held_out: list[float], told: str) -> None:
    points = pd.DataFrame({"rows": [50, 100], "training": training, "held_out": held_out})
    assert learning.verdict(points, Bar(0.05, 0.05), 1).startswith(told)
    # The same of an error, which is better the smaller it is.
    turned = points.assign(training=-points["training"], held_out=-points["held_out"])
    assert learning.verdict(turned, Bar(-0.05, -0.05), -1).startswith(told)


def test_one_point_is_no_curve() -> None:
    assert "too few rows" in learning.verdict(
        pd.DataFrame({"rows": [5], "training": [1.0], "held_out": [1.0]}), Bar(0, 0), 1
    )


def test_a_model_is_held_against_the_baseline_of_the_same_rows() -> None:
    """A tenth of the training rows is positive, a quarter of the held-out ones: so is AUCPR of nothing."""
    points = pd.DataFrame({"rows": [50, 100], "training": [0.2, 0.2], "held_out": [0.347, 0.35]})
    assert learning.verdict(points, Bar(0.1, 0.25), 1).startswith("underfitted, or at the end")
    assert "no value to compare with" in learning.verdict(points, Bar(None, 0.25), 1)
