from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy.typing as npt
import pytest
from hypothesis import given, settings, strategies

from tests.helpers import fitted
from tests.model.test_search import CUT, assert_same, plain, search

MOST = 30
GRID: dict[str, list[Any]] = {
    "model__n_estimators": [MOST],
    "model__max_depth": [2, 4],
    "model__learning_rate": [0.5],
}
SAMPLED = {"model__subsample": 0.6, "model__colsample_bynode": 0.5}


def first_peak(scores: dict[int, float]) -> int:
    """The number of trees after which the score, looked at in this order, is for the first time no better."""
    trees = [*scores]
    return next((best for best, further in pairwise(trees) if not scores[further] > scores[best]), trees[-1])


@settings(max_examples=4)
@given(
    every=strategies.integers(1, MOST + 2),
    n_jobs=strategies.integers(1, 4),
    task=strategies.sampled_from(["binary", "regression"]),
)
def test_growth_ends_where_the_mean_over_the_folds_of_a_plain_search_over_numbers_of_trees_gets_no_better(
    every: int, n_jobs: int, task: str
) -> None:
    found = search("xgboost", GRID, task, SAMPLED, early_stopping=every, n_jobs=n_jobs)
    looks = [*range(every, MOST, every), MOST]
    curves = plain("xgboost", GRID | {"model__n_estimators": looks}, task, SAMPLED).cv_results_
    for params in found.cv_results_["params"]:
        same_depth = [
            i
            for i, other in enumerate(curves["params"])
            if other["model__max_depth"] == params["model__max_depth"]
        ]
        curve = {
            curves["params"][i]["model__n_estimators"]: float(curves["mean_test_score"][i])
            for i in same_depth
        }
        assert params["model__n_estimators"] == first_peak(curve)


def test_the_results_are_those_of_a_plain_search_with_the_numbers_of_trees_that_were_found() -> None:
    found = search("xgboost", GRID, model=SAMPLED, early_stopping=3)
    grids: Any = [{name: [value] for name, value in params.items()} for params in found.cv_results_["params"]]
    assert max(params["model__n_estimators"] for params in found.cv_results_["params"]) < MOST
    assert_same(found, plain("xgboost", grids, model=SAMPLED))
    assert (
        found.best_estimator_["model"].get_booster().num_boosted_rounds()
        == found.best_params_["model__n_estimators"]
    )


def test_without_a_number_of_trees_the_model_s_own_is_the_most() -> None:
    # ever better
    found = search(
        "xgboost", {}, model={"model__learning_rate": 1e-4}, scoring="neg_log_loss", early_stopping=40
    )
    assert found.best_params_ == {"model__n_estimators": 100}


def test_a_score_that_is_no_number_ends_the_growth() -> None:
    looks: Counter[int] = Counter()

    def scorer(model: Any, *_: object) -> float:
        looks[model.get_booster().num_boosted_rounds()] += 1
        return float("nan")

    assert search("xgboost", {}, scoring=scorer, early_stopping=3).best_params_ == {"model__n_estimators": 3}
    assert looks == {3: CUT.n_splits, 6: CUT.n_splits}


def test_what_goes_wrong_on_one_fold_is_told_and_the_others_do_not_wait_for_it() -> None:
    first_rows = {len(held) for _, held in CUT.split(range(len(fitted.rows())))}

    def scorer(model: Any, X: Any, y: npt.NDArray[Any]) -> float:  # noqa: N803 (scikit-learn's letter)
        if len(y) == min(first_rows):
            raise ZeroDivisionError("of one fold")
        return 1.0

    assert len(first_rows) > 1  # 400 rows in three folds: one has more
    with pytest.raises(ZeroDivisionError, match="of one fold"):
        search("xgboost", GRID, scoring=scorer, early_stopping=3)


@pytest.mark.parametrize("model", [{"model__booster": "dart"}, {"model__early_stopping_rounds": 3}], ids=str)
def test_trees_that_change_later_cannot_be_stopped_early(model: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match="early stopping needs an XGBoost ensemble whose first trees stay as they are"
    ):
        search("xgboost", GRID, model=model, early_stopping=3)


def test_forests_cannot_be_stopped_early() -> None:
    with pytest.raises(ValueError, match="this RandomForestClassifier is none"):
        search("forest", {"model__n_estimators": [3]}, early_stopping=3)
