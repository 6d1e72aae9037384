"""Models learn the loss that is declared, and their graphs and engines say what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestRegressor

from pipelines.core.config import Family, Metric, UseCase
from pipelines.metrics import metrics
from pipelines.model import candidate, convert, engines, families, inputs
from pipelines.model.engine_xgboost import booster_metadata
from tests.helpers import fitted
from tests.model.test_search import assert_same, plain, search

QUANTILE: dict[str, Any] = {"model__objective": "reg:quantileerror", "model__quantile_alpha": 0.8}


def use_case(**metric: Any) -> UseCase:
    return fitted.use_case("regression").model_copy(update={"metric": Metric.model_validate(metric)})


def fit(facts: UseCase, family: Family) -> tuple[Any, pd.DataFrame, pd.Series]:
    rows = fitted.rows("regression")
    X = inputs.frame(rows, facts.features)  # noqa: N806 (scikit-learn's letter)
    return families.pipeline(facts, family).fit(X, rows.bad), X, rows.bad


@pytest.mark.parametrize("family", ["linear", "xgboost"])
@pytest.mark.parametrize(
    "metric",
    [{"name": "asymmetric", "under_cost": 4}, {"name": "quantile_loss", "quantile": 0.2}, {"name": "mae"}],
    ids=lambda metric: metric["name"],
)
def test_what_is_learned_is_the_loss_that_is_declared(family: Family, metric: dict[str, Any]) -> None:
    facts = use_case(**metric)
    declared, X, y = fit(facts, family)  # noqa: N806
    squares, *_ = fit(use_case(name="rmse"), family)

    def loss(model: Any) -> float:
        scores = candidate.scores(model, X, facts.task)
        return metrics.measure(facts.metric.name, y, scores, stakes=facts.stakes)

    assert facts.quantile == pytest.approx(
        {"asymmetric": 0.8, "quantile_loss": 0.2, "mae": 0.5}[metric["name"]]
    )
    below = (y <= candidate.scores(declared, X, facts.task)).mean()
    assert below == pytest.approx(facts.quantile, abs=0.06)
    if family == "linear":
        assert loss(declared) < loss(squares)


def test_a_forest_and_other_metrics_stay_with_squares() -> None:
    forest = families.pipeline(use_case(name="asymmetric", under_cost=4), "forest")["model"]
    assert isinstance(forest, RandomForestRegressor)
    assert forest.criterion == "squared_error"
    assert (
        families.pipeline(use_case(name="rmse", under_cost=4), "xgboost")["model"].objective
        == "reg:squarederror"
    )


@pytest.mark.parametrize("family", ["linear", "xgboost"])
def test_graph_engine_and_kept_candidate_say_what_the_model_says(family: Family) -> None:
    facts = use_case(name="quantile_loss", quantile=0.9)
    model, X, y = fit(facts, family)  # noqa: N806
    expected = candidate.scores(candidate.load(candidate.dump(model)), X, facts.task)
    assert np.array_equal(expected, candidate.scores(model, X, facts.task))
    graph = convert.graph_of(model, facts.features, facts.task, facts.name, booster_metadata(model))
    table = pa.Table.from_pandas(fitted.rows("regression"), preserve_index=False)
    every = {name: engine.scores(table) for name, engine in engines.every(graph).items()}
    assert set(every) == ({"onnxruntime", "xgboost"} if family == "xgboost" else {"onnxruntime"})
    for scores in every.values():
        assert np.abs(scores - expected).max() / y.std() < 1e-6


def test_a_search_on_the_loss_of_a_quantile_is_the_plain_one_to_the_last_bit() -> None:
    grid: dict[str, list[Any]] = {"model__n_estimators": [3, 8], "model__max_depth": [2, 3]}
    found = search("xgboost", grid, "regression", QUANTILE)
    assert_same(found, plain("xgboost", grid, "regression", QUANTILE))
    grown = search("xgboost", {"model__n_estimators": [12]}, "regression", QUANTILE, early_stopping=4)
    assert_same(
        grown, plain("xgboost", {k: [v] for k, v in grown.best_params_.items()}, "regression", QUANTILE)
    )
