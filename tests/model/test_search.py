from __future__ import annotations

import weakref
from functools import cache
from typing import Any

import numpy.typing as npt
import pandas as pd
import pytest
import xgboost.sklearn
from hypothesis import given, settings, strategies
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, KFold, ParameterGrid
from sklearn.pipeline import Pipeline

from pipelines.core.config import Family
from pipelines.core.tasks import BINARY
from pipelines.model import candidate, families, inputs
from pipelines.model.search import PipelineSearchCV
from tests.helpers import fitted

GRIDS: dict[Family, dict[str, list[Any]]] = {
    "linear": {"prepare__numbers__impute__strategy": ["mean", "median"]},
    "forest": {"model__n_estimators": [3, 7], "model__max_features": [0.5, 1.0], "model__max_samples": [0.5]},
    "xgboost": {
        "model__n_estimators": [4, 9],
        "model__max_bin": [8, 64],
        "model__subsample": [0.6],
        "model__colsample_bynode": [0.5],
    },
}
SCORERS = {"binary": "average_precision", "regression": "neg_root_mean_squared_error"}
CUT = KFold(3, shuffle=True, random_state=0)
Rows = tuple[pd.DataFrame, npt.NDArray[Any]]


@cache
def rows(task: str = "binary") -> Rows:
    table = fitted.rows(task)
    return inputs.frame(table, fitted.use_case(task).features), table.bad.to_numpy()


def search(
    family: Family,
    grid: dict[str, list[Any]],
    task: str = "binary",
    model: dict[str, Any] | None = None,
    **given: Any,
) -> PipelineSearchCV:
    pipeline = families.pipeline(fitted.use_case(task), family).set_params(**(model or {}))
    how = {"scoring": SCORERS[task], "cv": CUT, "n_jobs": 2} | given
    return PipelineSearchCV(pipeline, ParameterGrid(grid), **how).fit(*rows(task))


def plain(
    family: Family,
    grid: dict[str, list[Any]],
    task: str = "binary",
    model: dict[str, Any] | None = None,
    **given: Any,
) -> GridSearchCV:
    pipeline = families.pipeline(fitted.use_case(task), family).set_params(**(model or {}))
    how = {"scoring": SCORERS[task], "cv": CUT, "error_score": "raise"} | given
    return GridSearchCV(pipeline, grid, **how).fit(*rows(task))


def assert_same(found: PipelineSearchCV, expected: GridSearchCV) -> None:
    names = [name for name in expected.cv_results_ if not name.endswith("_time")]
    assert {*found.cv_results_} == {*expected.cv_results_}
    for name in names:
        assert list(found.cv_results_[name]) == list(expected.cv_results_[name]), name
    assert found.best_index_ == expected.best_index_
    assert found.best_params_ == expected.best_params_
    assert found.best_score_ == expected.best_score_
    assert candidate.dump(found.best_estimator_) == candidate.dump(expected.best_estimator_)


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_results_are_those_of_a_plain_search_to_the_last_bit(family: Family, task: str) -> None:
    assert_same(search(family, GRIDS[family], task), plain(family, GRIDS[family], task))


@pytest.mark.parametrize(
    "model",
    [
        {"model__booster": "dart", "model__rate_drop": 0.5},  # later rounds change earlier trees
        {"model__num_parallel_tree": 3, "model__subsample": 0.5},
        {
            "model__scale_pos_weight": 3.0,
            "model__min_child_weight": 5,
            "model__max_delta_step": 1,
            "model__missing": 0.0,
        },
        {"model__tree_method": "approx"},  # no bins
    ],
    ids=lambda model: next(iter(model)),
)
def test_settings_that_change_how_trees_are_grown_change_nothing_about_that(model: dict[str, Any]) -> None:
    grid = {"model__n_estimators": [3, 8], "model__max_depth": [2, 3]}
    assert_same(search("xgboost", grid, model=model), plain("xgboost", grid, model=model))


@pytest.mark.parametrize("trees", [[None, 5], [5, 0]])
def test_numbers_of_trees_that_only_the_model_understands_are_left_to_it(trees: list[Any]) -> None:
    assert_same(
        search("xgboost", {"model__n_estimators": trees}), plain("xgboost", {"model__n_estimators": trees})
    )


def test_rows_are_binned_anew_for_whatever_changes_the_bins() -> None:
    grid: dict[str, list[Any]] = {
        "model__missing": [-1.0, 0.0],
        "model__max_bin": [4, 64],
        "model__tree_method": ["hist", "approx"],
        "model__n_estimators": [5],
    }
    assert_same(search("xgboost", grid), plain("xgboost", grid))


def test_combinations_from_several_grids_may_have_different_parameters() -> None:
    grids: Any = [{"model__max_depth": [2]}, {"model__n_estimators": [3, 5]}]
    assert_same(search("forest", grids), plain("forest", grids))


def own_scorer(model: Any, X: Any, y: npt.NDArray[Any]) -> float:  # noqa: N803 (scikit-learn's letter)
    """Asks again, about other rows too, and writes into what it is told."""
    some, every = model.predict_proba(X[:50])[:, 1], model.predict_proba(X)[:, 1]
    every *= 1 - y
    return float(some.sum() - every.sum() + model.predict_proba(X)[:, 1].sum())


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "roc_auc", own_scorer])
@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_a_scorer_may_ask_a_model_whatever_it_likes(family: Family, scoring: Any) -> None:
    assert_same(search(family, GRIDS[family], scoring=scoring), plain(family, GRIDS[family], scoring=scoring))


@settings(max_examples=4)
@given(
    n_jobs=strategies.integers(1, 5),
    folds=strategies.integers(2, 5),
    trees=strategies.lists(strategies.integers(1, 12), min_size=1),
)
def test_threads_folds_and_the_order_of_a_grid_change_no_result(
    n_jobs: int, folds: int, trees: list[int]
) -> None:
    grid: dict[str, list[Any]] = {
        "model__n_estimators": trees,
        "model__max_depth": [3, 2],
        "model__subsample": [0.7],
    }
    assert_same(search("xgboost", grid, cv=folds, n_jobs=n_jobs), plain("xgboost", grid, cv=folds))


def test_rows_are_let_go_of_when_all_is_tried_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[Any]] = []
    alive: list[int] = []
    prepare = ColumnTransformer.fit_transform

    def counted(*given: Any, **named: Any) -> Any:
        prepared = prepare(*given, **named)
        made.append(weakref.ref(prepared))
        alive.append(sum(rows() is not None for rows in made))
        return prepared

    monkeypatch.setattr(ColumnTransformer, "fit_transform", counted)
    search("xgboost", {"model__n_estimators": [2], "model__max_depth": [2, 3]}, cv=8)
    assert max(alive) <= 2 + 1


def test_nothing_is_done_twice_on_a_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def count(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def counted(*given: Any, **named: Any) -> Any:
            done.append(name)
            return original(*given, **named)

        monkeypatch.setattr(owner, name, counted)

    count(ColumnTransformer, "fit_transform")
    count(xgboost.sklearn, "QuantileDMatrix")
    count(xgboost.sklearn, "train")
    count(xgboost.sklearn.Booster, "inplace_predict")
    search("xgboost", {"model__n_estimators": [2, 4, 6], "model__max_depth": [2, 3]})
    folds_and_refit = 3 + 1
    assert done.count("fit_transform") == folds_and_refit
    assert done.count("QuantileDMatrix") == folds_and_refit
    assert done.count("train") == 2 * 3 + 1  # the largest ensemble of each depth
    # each combination's further trees, and what their sum means
    assert done.count("inplace_predict") == 2 * 3 * 3 * 2


@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_predictions_of_the_rows_held_out_are_by_the_best_candidate_fitted_on_the_others(
    family: Family,
) -> None:
    X, y = rows()  # noqa: N806
    found = search(family, GRIDS[family])
    for (fit, held), (positions, predictions) in zip(CUT.split(X), found.out_of_fold_, strict=True):
        assert positions.tolist() == held.tolist()
        refitted = clone(found.best_estimator_).fit(X.iloc[fit], y[fit])
        assert predictions.tolist() == candidate.scores(refitted, X.iloc[held], BINARY).tolist()


@pytest.mark.parametrize(
    ("family", "grid"),
    [
        ("forest", {"model__n_estimators": [5, -1]}),
        ("forest", {"model__n_estimators": [5, 0]}),
        ("xgboost", {"model__n_estimators": [5, 2.0]}),
        ("xgboost", {"model__max_depth": [2, "deep"]}),
    ],
)
def test_a_value_that_the_model_refuses_is_refused(family: Family, grid: dict[str, list[Any]]) -> None:
    with pytest.raises((ValueError, TypeError)) as plainly:
        plain(family, grid)
    with pytest.raises(type(plainly.value)):
        search(family, grid)


@pytest.mark.parametrize("early_stopping", [None, 2])
def test_a_search_tells_how_many_fits_are_done_of_how_many(early_stopping: int | None) -> None:
    told: list[tuple[int, int]] = []
    grid = {"model__max_depth": [2, 3], "model__n_estimators": [8]}
    search(
        "xgboost",
        grid,
        early_stopping=early_stopping,
        n_jobs=1,
        on_progress=lambda done, of: told.append((done, of)),
    )
    done = [3, 6] if early_stopping else [1, 2, 3, 4, 5, 6]
    assert told == [(n, 6) for n in done]


def test_a_score_that_is_no_number_is_never_the_best() -> None:
    pipeline: Pipeline = families.pipeline(fitted.use_case(), "linear")

    def scorer(model: Any, *_: object) -> float:
        return float("nan") if model.C == 1 else -1.0

    found = PipelineSearchCV(pipeline, ParameterGrid({"model__C": [1, 2]}), scoring=scorer, cv=CUT).fit(
        *rows()
    )
    assert found.best_params_ == {"model__C": 2}
