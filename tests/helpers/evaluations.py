"""Evaluations of the small fitted models, as tests of the step and of its page need them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

import duckdb
import pandas as pd

from pipelines.core.config import Family, UseCase
from pipelines.evaluation.look import Look
from pipelines.evaluation.results import Evaluation
from pipelines.model import candidate, convert, inputs
from pipelines.registry.registry import Champion
from pipelines.steps.evaluate import FIRST_LOOK, evaluate
from tests.helpers import fitted

TEST = fitted.rows()[fitted.rows()["split"] == "test"]


def facts(task: str = "binary", **changes: Any) -> UseCase:
    """The use case of the fitted models, with a slice."""
    return fitted.use_case(task).model_copy(update={"slices": ("channel",), **changes})


def champion(family: Family, task: str = "binary", threshold: float | None = 0.5) -> Champion:
    """A family's model as the champion, version 3."""
    graph = convert.graph_of(
        fitted.pipeline(family, task), facts(task).features, facts(task).task, "champion", {}
    )
    return Champion("3", graph, "", date(2026, 1, 1), threshold, {})


def judge(
    use_case: UseCase,
    champion: Champion | None = None,
    means: dict[str, float] | None = None,
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
    validation: pd.DataFrame | None = None,
    entities: pd.DataFrame | None = None,
    look: Look = FIRST_LOOK,
) -> Evaluation:
    """Evaluate the fitted models: three families of two candidates each.

    A tie between forest and xgboost unless `means` says otherwise.
    """
    rows = fitted.rows(use_case.task.name)
    trials = [
        {
            "family": family,
            "candidate": n,
            "params": f'{{"C": {n}}}',
            "mean_score": mean - n,
            "std_score": 0.0,
            "gain": mean - n,
            "best": n == 0,
        }
        for family, mean in (means or {"linear": 0.7, "forest": 0.8, "xgboost": 0.8}).items()
        for n in (1, 0)
    ]
    if validation is None:
        train = rows[rows["split"] == "train"]
        validation = pd.concat([scored(family, train, use_case) for family in fitted.FAMILIES])
    connection = duckdb.connect()
    return evaluate(
        features=connection.from_df(change(rows)),
        trials=connection.from_df(pd.DataFrame(trials)),
        validation=connection.from_df(validation),
        candidates={family: dumped(family, use_case.task.name) for family in fitted.FAMILIES},
        champion=champion,
        entities=None if entities is None else connection.from_df(entities[["id", "customer"]]),
        look=look,
        use_case=use_case,
    )


@cache
def dumped(family: Family, task: str) -> bytes:
    """A family's candidate as the step tune leaves it."""
    return candidate.dump(fitted.pipeline(family, task))


def scored(family: Family, rows: pd.DataFrame, use_case: UseCase) -> pd.DataFrame:
    """Rows of the validation table, scored by a family's model."""
    score = candidate.scores(
        fitted.pipeline(family, use_case.task.name), inputs.frame(rows, use_case.features), use_case.task
    )
    return pd.DataFrame({"family": family, "id": rows["id"], "label": rows["bad"], "score": score})
