from __future__ import annotations

from typing import Any

import pytest
import yaml

from pipelines.core.config import Family, UseCase
from pipelines.core.use_cases import load_all
from pipelines.model import families
from pipelines.storage.settings import ROOT
from tests.helpers import fitted, tiny


def use_case(**candidates: object) -> UseCase:
    return UseCase.model_validate(yaml.safe_load(tiny.YAML) | {"candidates": candidates})


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("family", fitted.FAMILIES)
def test_a_pipeline_is_seeded_and_uses_one_thread(family: Family, task: str) -> None:
    model: Any = families.pipeline(fitted.use_case(task), family)["model"]
    assert model.random_state == fitted.use_case(task).candidates.seed
    assert model.get_params().get("n_jobs") in (None, 1)


def test_a_bare_name_is_a_parameter_of_the_model_and_a_long_one_reaches_into_the_pipeline() -> None:
    facts = use_case(linear={"grid": {"C": [1, 2], "prepare__numbers__impute__strategy": ["mean"]}})
    assert families.grid(facts, "linear") == {
        "model__C": [1, 2],
        "prepare__numbers__impute__strategy": ["mean"],
    }


def test_grids_of_existing_parameters_have_no_mistake() -> None:
    facts = use_case(
        linear={"grid": {"C": [1]}},
        forest={"grid": {"max_depth": [None]}},
        xgboost={"grid": {"subsample": [0.5]}},
    )
    assert families.check_grid(facts) == []


def test_every_mistake_in_the_grids_is_told_at_once_with_its_place_and_what_was_meant() -> None:
    facts = use_case(
        linear={"grid": {"Cc": [1]}},
        forest={"grid": {"max_deph": [3], "max_depth": [3]}},
        xgboost={"grid": {"prepare__numbers__scale__copy": [True]}, "search": "random", "n": 2},
    )
    places, sentences = zip(*families.check_grid(facts), strict=True)
    assert places == (
        "candidates.linear.grid.Cc",
        "candidates.forest.grid.max_deph",
        "candidates.xgboost.grid.prepare__numbers__scale__copy",
        "candidates.xgboost.n",
    )
    assert sentences[0] == "LogisticRegression has no parameter 'Cc': did you mean 'C'?"
    assert sentences[1] == "RandomForestClassifier has no parameter 'max_deph': did you mean 'max_depth'?"
    assert sentences[2].startswith("the xgboost Pipeline has no parameter 'prepare__numbers__scale__copy'")
    assert sentences[3].startswith("2 draws from a grid of 1 combinations")


def test_what_does_not_go_with_early_stopping_is_told() -> None:
    facts = use_case(
        xgboost={
            "grid": {"n_estimators": [100, 200], "booster": ["gbtree"], "max_depth": [3, 5]},
            "early_stopping": 20,
        }
    )
    assert families.check_grid(facts) == [
        (
            "candidates.xgboost.grid.n_estimators",
            (
                "with early_stopping it is the most trees, and how many there are is found: write one value"
                " instead of 2"
            ),
        ),
    ]
    good = use_case(xgboost={"grid": {"n_estimators": [200], "max_depth": [3, 5]}, "early_stopping": 20})
    assert families.check_grid(good) == []


@pytest.mark.parametrize(
    ("candidates", "sentence"),
    [
        (
            {"linear": {"early_stopping": 20}, "xgboost": {"early_stopping": 20}},
            "`early_stopping` is for xgboost, .*: leave it out of linear",
        ),
        (
            {"xgboost": {"search": "halving", "early_stopping": 20}},
            "`search: halving` gives up combinations early",
        ),
        ({"xgboost": {"early_stopping": 0}}, "greater than or equal to 1"),
    ],
)
def test_early_stopping_is_refused_where_it_means_nothing(
    candidates: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        use_case(**candidates)


def test_the_grids_of_our_own_use_cases_have_no_mistake() -> None:
    found = {
        loaded.use_case.name: families.check_grid(loaded.use_case)
        for loaded in load_all(ROOT / "include" / "use_cases")
    }
    assert found
    assert not any(found.values()), found
