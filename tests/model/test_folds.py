from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from pipelines.core.config import UseCase
from pipelines.core.errors import BadInput
from pipelines.model import folds
from tests.helpers import tiny


def use_case(by: str, n: int = 3, group: str | None = None, task: str = "binary") -> UseCase:
    facts = yaml.safe_load(tiny.YAML)
    facts["split"]["folds"] = {"by": by, "n": n, "group": group}
    if task == "regression":
        facts |= {"task": task, "label": {}, "metric": {"name": "rmse"}, "threshold": None}
    return UseCase.model_validate(facts)


def rows(bad: list[int]) -> pd.DataFrame:
    n = len(bad)
    at = [datetime(2026, 1, 1) + timedelta(hours=hour) for hour in range(n)]
    return pd.DataFrame({"id": range(n), "at": at, "customer": [f"c{i % 5}" for i in range(n)], "bad": bad})


def cut(bad: list[int], facts: UseCase) -> list[folds.Fold]:
    return folds.cut(rows(bad), np.array(bad), facts)


@pytest.mark.parametrize(
    "facts",
    [
        use_case("stratified"),
        use_case("shuffle"),
        use_case("group", group="customer"),
        use_case("group", group="customer", task="regression"),
    ],
    ids=["stratified", "shuffle", "group", "group of a regression"],
)
def test_each_row_is_scored_once_and_never_by_a_model_that_has_seen_it(facts: UseCase) -> None:
    found = cut([0, 1] * 15, facts)
    assert sorted(np.concatenate([held for _, held in found])) == list(range(30))
    assert all(not set(fit) & set(held) for fit, held in found)


def test_stratified_folds_share_a_rare_label_evenly() -> None:
    bad = [1] * 6 + [0] * 60
    assert [sum(bad[i] for i in held) for _, held in cut(bad, use_case("stratified"))] == [2, 2, 2]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_group_is_never_on_both_sides(task: str) -> None:
    bad = [0, 1, 1] * 10
    for fit, held in cut(bad, use_case("group", group="customer", task=task)):
        assert not set(rows(bad).customer[fit]) & set(rows(bad).customer[held])


def test_folds_by_time_only_score_what_comes_after() -> None:
    found = cut([0, 1] * 8, use_case("time"))
    assert all(fit.max() < held.min() for fit, held in found)
    assert [len(held) for _, held in found] == [4, 4, 4]


def test_the_same_rows_give_the_same_folds() -> None:
    once, again = (cut([0, 1] * 10, use_case("stratified")) for _ in range(2))
    assert all(
        np.array_equal(a, b)
        for fold, other in zip(once, again, strict=True)
        for a, b in zip(fold, other, strict=True)
    )


@pytest.mark.parametrize(
    ("bad", "facts", "sentence"),
    [
        ([], use_case("time"), "0 training rows, of 4 that split.folds with n: 3 needs"),
        ([0] * 20, use_case("stratified"), "0 training rows with bad = 1, of 3"),
        ([0] * 20 + [1, 1], use_case("stratified"), "2 training rows with bad = 1, of 3"),
        ([0, 1] * 10, use_case("group", n=6, group="customer"), "5 different values of customer, of 6"),
        (
            [0] * 4 + [0, 0, 1, 0] + [0, 1] * 4,
            use_case("time"),
            "fold 1 of 3: all 4 rows to fit on have bad = 0",
        ),
        ([0, 1] * 6 + [0] * 4, use_case("time"), "fold 3 of 3: all 4 rows to score have bad = 0"),
    ],
)
def test_rows_that_do_not_do_for_the_folds_are_refused_with_a_way_out(
    bad: list[int], facts: Any, sentence: str
) -> None:
    with pytest.raises(BadInput) as refused:
        cut(bad, facts)
    assert sentence in str(refused.value)
    assert "way out: " in str(refused.value)
