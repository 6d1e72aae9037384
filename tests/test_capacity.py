"""As many alarms a night as people can look at, whichever of the rows get a label: planted truth, from the
features table to the nights after.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import yaml

from pipelines.core import split
from pipelines.core.config import UseCase
from pipelines.core.dates import Days
from pipelines.metrics import threshold
from pipelines.model import candidate, inputs
from pipelines.steps import tune
from tests.helpers import tiny

DAYS, ROWS, ALARMS = 20, 300, 10
START = datetime(2026, 1, 1)
Labelled = Callable[[pd.DataFrame, np.random.Generator], npt.NDArray[np.bool_]]


def use_case() -> UseCase:
    """A score that can be learned, and rows that may lack their label."""
    facts = yaml.safe_load(tiny.YAML)
    facts["cleanse"] = {"drop": ["bad"]}
    facts["features"] = {
        "numbers": {"amount": "amount", "age": "amount"},
        "categories": {"channel": "channel"},
    }
    facts["candidates"] = {"linear": {}}
    facts["threshold"] = {"policy": "capacity", "alarms_a_day": ALARMS}
    return UseCase.model_validate(facts)


def rows(days: int, random: np.random.Generator) -> pd.DataFrame:
    """Fewer at weekends; one in fifteen is bad, as its amount and its age have it."""
    day = np.repeat(
        np.arange(days), [random.poisson(ROWS * (0.6 if n % 7 > 4 else 1.15)) for n in range(days)]
    )
    amount, age = random.lognormal(0, 1, len(day)), random.normal(size=len(day))
    return pd.DataFrame(
        {
            "id": [f"p{n:05}" for n in range(len(day))],
            "at": [START + timedelta(days=int(n)) for n in day],
            "amount": amount,
            "age": age,
            "channel": "chip",
            "bad": (random.random(len(day)) < 1 / (1 + np.exp(3.5 - np.log(amount) - age))).astype(float),
        }
    )


LABELLED: dict[str, Labelled] = {
    "all": lambda rows, random: np.full(len(rows), True),
    "half": lambda rows, random: random.random(len(rows)) < 0.5,
    "one in five": lambda rows, random: random.random(len(rows)) < 0.2,
    "large amounts foremost": lambda rows, random: (
        random.random(len(rows)) < np.where(rows["amount"] > 2, 0.9, 0.1)
    ),
}


def alarms_of_nights(labelled: Labelled, seed: int) -> npt.NDArray[np.int64]:
    """Train on rows of which some have a label, choose the threshold, and count the alarms of each night of
    the eight weeks after.
    """
    random, case = np.random.default_rng(seed), use_case()
    known = rows(DAYS, random)
    known["bad"] = known["bad"].where(labelled(known, random))
    days = Days(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=DAYS - 1))
    features = split.assign(duckdb.connect().from_df(known), case, days)
    found = tune.search(features, case, "linear")
    assert case.threshold
    cut = threshold.choose(
        case.threshold, found.validation["label"], found.validation["score"], threshold.night(features, case)
    )
    nights = rows(56, random)
    scores = candidate.scores(candidate.load(found.candidate), inputs.frame(nights, case.features), case.task)
    return np.bincount((nights["at"] - START).dt.days, weights=scores >= cut, minlength=56).astype(np.int64)


@pytest.mark.parametrize("how", [name for name in LABELLED if name != "half"])
def test_the_mean_of_the_nights_is_what_was_asked_for_whichever_rows_get_a_label(how: str) -> None:
    """Six draws of each; `benchmarks.capacity` does the same a hundred times, and says what single nights
    have.
    """
    found = [alarms_of_nights(LABELLED[how], seed).mean() for seed in range(6)]
    assert 0.85 * ALARMS < np.median(found) < 1.15 * ALARMS, found
