from __future__ import annotations

import json
from functools import cache
from typing import Any, Literal

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, root_mean_squared_error

from pipelines.core.config import Family, Folds, Metric, Search, UseCase
from pipelines.core.errors import BadInput, BadUseCase
from pipelines.core.policies import LeastCost
from pipelines.evaluation.results import SearchResult
from pipelines.metrics.threshold import choose
from pipelines.model import candidate, folds, inputs
from pipelines.steps import tune
from tests.helpers import fitted

GRIDS: dict[str, Search] = {
    "linear": Search(grid={"prepare__numbers__impute__strategy": ("mean", "median")}),
    "forest": Search(grid={"n_estimators": (5,), "max_depth": (2, None)}),
    "xgboost": Search(grid={"n_estimators": (5,), "max_depth": (2, 3)}),
}
EVERY = [(family, task) for family in fitted.FAMILIES for task in ("binary", "regression")]


def use_case(task: str = "binary", **searches: Search) -> UseCase:
    facts = fitted.use_case(task)
    return facts.model_copy(update={"candidates": facts.candidates.model_copy(update={**GRIDS, **searches})})


@cache
def found(family: Family, task: str = "binary") -> SearchResult:
    return tune.search(fitted.features(task), use_case(task), family)


def training(task: str = "binary") -> pd.DataFrame:
    table = fitted.rows(task)
    return table[table.split == "train"].reset_index(drop=True)


@pytest.mark.parametrize(("family", "task"), EVERY)
def test_a_search_tells_each_candidate_and_which_is_best(family: Family, task: str) -> None:
    trials = found(family, task).trials
    assert list(trials) == [
        "family",
        "candidate",
        "params",
        "mean_score",
        "std_score",
        "fold_scores",
        "baseline_score",
        "gain",
        "best",
    ]
    assert trials.family.tolist() == [family, family]
    assert trials.candidate.tolist() == [0, 1]
    assert trials.best.sum() == 1
    assert trials.gain.idxmax() == trials.best.idxmax()
    for row in trials.itertuples():
        assert row.mean_score == pytest.approx(np.mean(json.loads(str(row.fold_scores))))
        assert row.std_score == pytest.approx(np.std(json.loads(str(row.fold_scores))))


def test_an_error_is_told_in_its_natural_unit_and_a_smaller_one_is_a_gain() -> None:
    trials = found("forest", "regression").trials
    assert (trials.mean_score > 0).all()
    assert trials.gain.tolist() == pytest.approx((trials.baseline_score - trials.mean_score).tolist())
    assert trials.mean_score[trials.best].item() == trials.mean_score.min()


@pytest.mark.parametrize("search", [{"n_estimators": (5,), "max_depth": (2, 3)}, None], ids=["grid", "grown"])
def test_a_metric_of_decisions_ranks_by_thresholds_that_the_other_folds_choose(
    search: dict[str, Any] | None,
) -> None:
    how = Search(grid=search) if search else Search(grid={"n_estimators": (12,)}, early_stopping=3)
    policy = LeastCost(policy="least_cost", false_positive=1, false_negative=9)
    facts = use_case(xgboost=how).model_copy(update={"metric": Metric(name="cost"), "threshold": policy})
    found = tune.search(fitted.features(), facts, "xgboost")
    best = found.trials[found.trials.best].iloc[0]
    rows = training()
    validation = found.validation.set_index("key")
    held = [
        validation.loc[rows.id[positions]] for _, positions in folds.cut(rows, rows.bad.to_numpy(), facts)
    ]
    spent = 0.0
    for fold, own in enumerate(held):
        others = pd.concat([other for n, other in enumerate(held) if n != fold])
        alarm = own.score >= choose(policy, others.label, others.score)
        spent += float((alarm & (own.label == 0)).sum() + 9 * (~alarm & (own.label == 1)).sum())
    assert best.mean_score == pytest.approx(spent / sum(map(len, held)))
    assert best.mean_score == found.trials.mean_score.min()
    assert best.baseline_score > best.mean_score
    again = tune.search(fitted.features(), facts, "xgboost")
    pd.testing.assert_frame_equal(again.trials, found.trials)


def test_a_metric_of_each_day_s_greatest_scores_ranks_by_all_folds_rows_of_the_day() -> None:
    facts = use_case().model_copy(update={"metric": Metric(name="precision_at_k", k=9)})
    found = tune.search(fitted.features(), facts, "xgboost")
    best = found.trials[found.trials.best].iloc[0]
    rows = training()
    held = found.validation.merge(rows[["id", "at"]], left_on="key", right_on="id")
    taken = held.sort_values(["score", "key"], ascending=[False, True]).groupby(held["at"].dt.date).head(9)
    assert best.mean_score == pytest.approx(taken.label.mean())
    assert best.gain > 0


def test_parameters_bear_the_names_of_the_use_case_file() -> None:
    assert found("forest").trials.params.tolist() == [
        '{"max_depth": 2, "n_estimators": 5}',
        '{"max_depth": null, "n_estimators": 5}',
    ]
    assert json.loads(found("linear").trials.params[0]) == {"prepare__numbers__impute__strategy": "mean"}


def assert_validated(found: SearchResult, facts: UseCase) -> None:
    """The validation rows are those that a fold holds out, scored by the best parameters fitted on the fold's
    other rows.
    """
    rows = training(facts.task.name)
    X, y = inputs.frame(rows, facts.features), rows.bad.to_numpy()  # noqa: N806 (scikit-learn's letter)
    best = candidate.load(found.candidate)
    expected = pd.Series(dtype=np.float64)
    for fit, held in folds.cut(rows, y, facts):
        scores = candidate.scores(best.fit(X.iloc[fit], y[fit]), X.iloc[held], facts.task)
        expected = pd.concat(
            [expected, pd.Series(scores, index=rows.id[held])]
        ).sort_index()  # ids are in order of time
    validation = found.validation
    assert list(validation) == ["key", "label", "score", "unit", "family"]
    assert validation.key.tolist() == expected.index.tolist()
    assert validation.score.tolist() == expected.tolist()
    assert validation.label.tolist() == rows.set_index("id").bad[validation.key].tolist()


@pytest.mark.parametrize(("family", "task"), EVERY)
def test_validation_scores_are_of_models_that_have_not_seen_the_row(family: Family, task: str) -> None:
    assert_validated(found(family, task), use_case(task))


def test_validation_scores_are_those_of_their_rows_if_folds_take_rows_from_anywhere() -> None:
    facts = use_case(linear=Search())
    stratified = facts.model_copy(
        update={"split": facts.split.model_copy(update={"folds": Folds(by="stratified", n=3)})}
    )
    assert_validated(tune.search(fitted.features(), stratified, "linear"), stratified)


@pytest.mark.parametrize("search", ["random", "halving"])
def test_every_kind_of_search_scores_all_rows_held_out_by_its_best_parameters(
    search: Literal["random", "halving"],
) -> None:
    n = 2 if search == "random" else None
    facts = use_case(linear=Search(search=search, n=n, grid={"C": (0.01, 0.1, 1, 10)}))
    found = tune.search(fitted.features(), facts, "linear")
    assert_validated(found, facts)
    assert found.best_params["C"] == candidate.load(found.candidate)["model"].C


@pytest.mark.parametrize(
    ("task", "measure"), [("binary", average_precision_score), ("regression", root_mean_squared_error)]
)
def test_the_best_fold_scores_are_those_of_the_validation_rows(task: str, measure: Any) -> None:
    validation = found("xgboost", task).validation
    by_fold = [validation[first : first + 75] for first in (0, 75, 150)]  # by time: one after another
    best = found("xgboost", task).trials.set_index("best").loc[True]
    assert json.loads(str(best.fold_scores)) == pytest.approx(
        [measure(fold.label, fold.score) for fold in by_fold]
    )


@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_the_candidate_is_fitted_on_all_training_rows_and_on_no_other(family: Family) -> None:
    table, facts = fitted.rows(), use_case()
    spoilt = table.assign(
        bad=np.where(table.split == "test", 1 - table.bad, table.bad),
        amount=np.where(table.split == "test", 1e6, table.amount),
    )
    again = tune.search(duckdb.connect().from_df(spoilt), facts, family)
    assert again.candidate == found(family).candidate
    X = inputs.frame(training(), facts.features)  # noqa: N806
    refitted = candidate.load(again.candidate).fit(X, training().bad.to_numpy())
    assert candidate.dump(refitted) == again.candidate


@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_rows_in_another_order_give_the_same_tables_and_the_same_bytes(family: Family) -> None:
    turned = fitted.rows().sample(frac=1, random_state=1)
    again = tune.search(duckdb.connect().from_df(turned), use_case(), family)
    pd.testing.assert_frame_equal(again.trials, found(family).trials)
    pd.testing.assert_frame_equal(again.validation, found(family).validation)
    assert again.candidate == found(family).candidate


@pytest.mark.parametrize(
    ("search", "candidates"),
    [
        (Search(search="random", n=2, grid={"C": (0.1, 1, 10)}), 2),
        (Search(search="halving", grid={"C": (0.01, 0.1, 1, 10)}), 4),
        (Search(), 1),
    ],
    ids=["random", "halving", "no grid"],
)
def test_every_kind_of_search_tells_each_combination_once(search: Search, candidates: int) -> None:
    found = tune.search(fitted.features(), use_case(linear=search), "linear")
    assert len(found.trials) == found.trials.params.nunique() == candidates
    assert found.trials.best.sum() == 1
    assert json.loads(found.trials.params[found.trials.best].item()) == found.best_params
    assert len(found.fit_seconds) == candidates


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_after_early_stopping_the_trials_say_how_many_trees_each_has_and_the_candidate_has_the_best_one_s(
    task: str,
) -> None:
    facts = use_case(
        task, xgboost=Search(grid={"n_estimators": (200,), "max_depth": (2, 3)}, early_stopping=5)
    )
    found = tune.search(fitted.features(task), facts, "xgboost")
    trees = [json.loads(params)["n_estimators"] for params in found.trials.params]
    assert max(trees) < 200
    assert found.best_params["n_estimators"] in trees
    assert (
        candidate.load(found.candidate)["model"].get_booster().num_boosted_rounds()
        == found.best_params["n_estimators"]
    )
    assert_validated(found, facts)


@pytest.mark.parametrize(
    ("grid", "sentence"),
    [
        (
            {"Cc": (1,)},
            "candidates.linear.grid.Cc: LogisticRegression has no parameter 'Cc': did you mean 'C'?",
        ),
        (
            {"C": (-1,)},
            (
                "candidates.linear.grid.C: linear does not take C -1: The 'C' parameter of LogisticRegression"
                " must be"
            ),
        ),
    ],
)
def test_a_grid_that_cannot_be_searched_is_refused(grid: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadUseCase) as refused:
        tune.search(fitted.features(), use_case(linear=Search(grid=grid)), "linear")
    assert sentence in str(refused.value)


def test_a_parameter_that_does_not_exist_is_refused_before_any_row_is_read() -> None:
    with pytest.raises(BadUseCase):
        tune.search(
            duckdb.connect().from_df(pd.DataFrame({"nothing": [1]})),
            use_case(linear=Search(grid={"Cc": (1,)})),
            "linear",
        )


def test_a_value_that_xgboost_refuses_is_told_with_a_way_out() -> None:
    with pytest.raises(
        BadUseCase,
        match=(
            r"candidates\.xgboost\.grid\.max_depth: xgboost does not take max_depth 'deep': [\s\S]*\n  way"
            r" out: correct tiny\.yaml"
        ),
    ):
        tune.search(fitted.features(), use_case(xgboost=Search(grid={"max_depth": ("deep",)})), "xgboost")


def test_texts_without_a_word_are_told_with_a_way_out() -> None:
    mute = duckdb.connect().from_df(fitted.rows().assign(note="..."))
    with pytest.raises(
        BadInput,
        match=r"linear models cannot be fitted on 300 training rows: .*vocabulary.*\n  way out: .*prepare",
    ):
        tune.search(mute, use_case(), "linear")


def test_labels_of_one_class_are_told() -> None:
    with pytest.raises(BadInput, match="0 training rows with bad = 1"):
        tune.search(duckdb.connect().from_df(fitted.rows().assign(bad=0)), use_case(), "linear")
