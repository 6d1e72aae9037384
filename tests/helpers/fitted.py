"""Small fitted models of a use case with every kind of input: numbers, some missing, categories, and
texts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import yaml
from sklearn.pipeline import Pipeline

from pipelines.core.config import Family, UseCase
from pipelines.evaluation.results import Export
from pipelines.evaluation.verdict import PromotionRule, PromotionVerdict
from pipelines.metrics.cut import Cut
from pipelines.model import candidate, families, inputs
from pipelines.steps.export import export
from tests.helpers import tiny

FAMILIES: tuple[Family, ...] = ("linear", "forest", "xgboost")
WORDS = ["free", "call", "now", "lunch", "home", "win", "ok", "U.S.A", "wörld", "10%", "Prize"]
MODELS: dict[Family, dict[str, float]] = {
    "linear": {},
    "forest": {"n_estimators": 10, "max_depth": 5},
    "xgboost": {"n_estimators": 10, "max_depth": 3},
}


@cache
def use_case(task: str = "binary", encode: str = "one_hot", refit: str = "none") -> UseCase:
    """The tiny use case with a text, whose label is 0 or 1 (binary) or an amount (regression)."""
    facts = yaml.safe_load(tiny.YAML)
    facts["columns"]["note"] = {"type": "string"}
    facts["features"] |= {
        "numbers": {"amount": "amount", "age": "amount"},
        "texts": {"note": "note"},
        "windows": {},
    }
    facts["prepare"] = {
        "numbers": {"clip": [0.01, 0.99]},
        "categories": {"encode": encode},
        "texts": {"ngrams": [1, 2]},
    }
    facts["candidates"] = {"linear": {}, "forest": {}, "xgboost": {}, "refit": refit}
    if task == "regression":
        facts |= {"task": task, "label": {}, "metric": {"name": "rmse"}, "threshold": None}
        facts["columns"]["bad"] = {"type": "number", "role": "label"}
    return UseCase.model_validate(facts)


@cache
def rows(task: str = "binary", n: int = 400) -> pd.DataFrame:
    """A features table: seeded, a quarter of it held out."""
    random = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "id": [f"p{i:04}" for i in range(n)],
            "at": [datetime(2026, 1, 1) + timedelta(minutes=i) for i in range(n)],
            "amount": random.lognormal(3, 1, n).round(2),
            "age": random.integers(18, 90, n).astype(float),
            "channel": random.choice(["chip", "online", "phone"], n),
            "note": [" ".join(random.choice(WORDS, random.integers(0, 6))) for _ in range(n)],
        }
    )
    level = (
        table.amount / 20
        + 2 * (table.channel == "online")
        + 2 * table.note.str.contains("free")
        + random.normal(0, 0.5, n)
    )
    table["bad"] = (level > 3).astype(int) if task == "binary" else level * 100
    table.loc[random.random(n) < 0.1, "age"] = np.nan
    table.loc[random.random(n) < 0.1, "channel"] = None
    table["split"] = np.where(np.arange(n) % 4 == 0, "test", "train")
    return table


def features(task: str = "binary") -> duckdb.DuckDBPyRelation:
    """The features table as a step reads it."""
    table = rows(task)
    return duckdb.connect().from_df(table)


@cache
def pipeline(family: Family, task: str = "binary", encode: str = "one_hot") -> Pipeline:
    """A family's Pipeline, fitted on the training rows."""
    table, facts = rows(task), use_case(task, encode)
    train = table[table.split == "train"]
    parameters = {f"model__{name}": value for name, value in MODELS[family].items()}
    return (
        families.pipeline(facts, family)
        .set_params(**parameters)
        .fit(inputs.frame(train, facts.features), train.bad)
    )


def verdict(winner: Family = "xgboost", **changes: Any) -> PromotionVerdict:
    """The winner beats the baseline, and there is no champion yet."""
    values = {
        model: {"aucpr": value}
        for model, value in zip((*FAMILIES, "baseline"), (0.8, 0.85, 0.9, 0.3), strict=True)
    }
    whole = PromotionVerdict(
        winner=winner,
        metric="aucpr",
        threshold=Cut(0.25, 0.2, 0.3),
        values=values,
        champion_version=None,
        rules=(PromotionRule(name="baseline", holds=True, sentence="better than the baseline"),),
    )
    return replace(whole, **changes)


@cache
def exported(winner: Family = "xgboost", partition: str = "2026-01-31", refit: str = "none") -> Export:
    """All families as graphs, as a training of this partition exports them."""
    candidates = {family: candidate.dump(pipeline(family)) for family in FAMILIES}
    return export(
        features(),
        candidates,
        verdict(winner),
        use_case(refit=refit),
        {"training_partition": partition, "data_version": "d41d8cd9.dir"},
    )
