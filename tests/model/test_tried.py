"""A value that no estimator takes is told before a training, with the library's own reason."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from pipelines.core.config import UseCase
from pipelines.model import families
from tests.helpers import tiny

REGRESSION: dict[str, Any] = {
    "task": "regression",
    "threshold": None,
    "label": {},
    "metric": {"name": "rmse"},
    "slices": [],
}


def found(family: str, grid: dict[str, list[Any]], **changes: Any) -> list[str]:
    facts = yaml.safe_load(tiny.YAML) | {"candidates": {family: {"grid": grid}}} | changes
    return [f"{where}: {sentence}" for where, sentence in families.check_grid(UseCase.model_validate(facts))]


@pytest.mark.parametrize(
    ("family", "grid", "told"),
    [
        ("linear", {"C": [1, -1]}, "candidates.linear.grid.C: linear does not take C -1: "),
        ("linear", {"C": ["much"]}, "candidates.linear.grid.C: linear does not take C 'much': "),
        ("linear", {"solver": ["lbfgs", "lbfsg"]}, "linear does not take solver 'lbfsg': "),
        ("forest", {"max_depth": [3, 0]}, "forest does not take max_depth 0: "),
        ("forest", {"n_estimators": [100, -5]}, "forest does not take n_estimators -5: "),
        ("forest", {"criterion": ["squared_error"]}, "forest does not take criterion 'squared_error': "),
        ("forest", {"class_weight": ["balancd"]}, "forest does not take class_weight 'balancd': "),
        ("xgboost", {"max_depth": [3, "deep"]}, "xgboost does not take max_depth 'deep': "),
        ("xgboost", {"subsample": [2.0]}, "xgboost does not take subsample 2.0: value 2 for Parameter subsample"),
        ("xgboost", {"tree_method": ["hist", "hst"]}, "xgboost does not take tree_method 'hst': "),
        ("xgboost", {"objective": ["binary:logistic", "reg:squarederror"]}, "xgboost with objective 'reg:squarederror' is no model of a binary task"),
        ("xgboost", {"objective": ["binary:logistc"]}, "allowed: binary:logistic, reg:logistic"),
        ("xgboost", {"booster": ["gbtre", "dart"]}, "xgboost with booster 'gbtre', 'dart' is no model of a binary task that can be exported; allowed: gbtree"),
        ("xgboost", {"eval_metric": ["rmse"]}, "candidates.xgboost.grid.eval_metric: eval_metric judges by rows that no fit is given"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_fitted_is_told_once(
    family: str, grid: dict[str, list[Any]], told: str
) -> None:
    (sentence,) = found(family, grid)
    assert told in sentence
    assert len(sentence.splitlines()) == 1


def test_values_that_do_not_go_together_are_told() -> None:
    (sentence,) = found("linear", {"l1_ratio": [1.0], "solver": ["lbfgs"]})
    assert sentence.startswith("candidates.linear.grid.")
    assert "does not take" in sentence


def test_each_wrong_value_is_told() -> None:
    assert len(found("forest", {"max_depth": [0, -1], "min_samples_leaf": [1, 0]})) == 3


@pytest.mark.parametrize(
    ("family", "grid", "changes"),
    [
        ("linear", {"C": [0.1, 1, 10], "class_weight": ["balanced", None]}, {}),
        (
            "forest",
            {
                "n_estimators": [5000],
                "max_features": [1000, "sqrt", 0.5],
                "max_samples": [100_000, 0.5],
                "min_samples_leaf": [500],
            },
            {},
        ),
        (
            "xgboost",
            {
                "n_estimators": [5000],
                "max_depth": [3],
                "min_child_weight": [100],
                "objective": ["binary:logistic"],
            },
            {},
        ),
        (
            "xgboost",
            {"objective": ["reg:gamma", "count:poisson", "reg:tweedie", "reg:absoluteerror"]},
            REGRESSION,
        ),
        ("forest", {"criterion": ["absolute_error", "poisson"]}, REGRESSION),
        ("linear", {"alpha": [0, 1], "solver": ["auto", "svd"]}, REGRESSION),
    ],
)
def test_what_can_be_fitted_is_good_however_many_rows_it_is_meant_for(
    family: str, grid: dict[str, list[Any]], changes: dict[str, Any]
) -> None:
    assert found(family, grid, **changes) == []
