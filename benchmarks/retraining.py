"""How often a weekly report calls for a training where a newer fit helps, and where it does not.

Run as `python -m benchmarks.retraining [years]`. In worlds of planted truth a champion is fitted on 31 days,
as a training judges it, and meets an alarm: of a week that was improbable by chance (nothing has changed, and
the alarm is believed for ever), of features that have moved, of a concept that has moved or is reversed. Each
week after that its trial is held by the very functions that a drift report calls
(`pipelines.monitoring.trial`), on the rows whose labels are due by then. Told is in how many of the years a
training was called for by the time so many weeks of what is new are labelled; of a year without change, by
its end, with a trial in each of its weeks. Told is also how often the interval of a promotion's gain, on
eight weeks of labels, holds its truth.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml
from scipy.special import expit
from sklearn.pipeline import Pipeline

from pipelines.core.config import UseCase
from pipelines.core.metrics import by_name
from pipelines.metrics.metrics import Floats
from pipelines.model import candidate, families, inputs
from pipelines.monitoring import diagnosis, trial
from pipelines.monitoring.trial import Judged, Sides, Trial

FACTS = """
name: planted
title: Planted truth.
task: binary
source: {kind: python, function: "planted:nothing"}
columns:
  id:  {type: string, role: key}
  at:  {type: timestamp, role: time}
  bad: {type: integer, role: label, allowed: [0, 1]}
  a:   {type: number}
  b:   {type: number}
  c:   {type: number}
  d:   {type: number}
label: {positive: 1, delay_days: 7}
features: {numbers: {a: a, b: b, c: c, d: d}}
split: {window_days: 42, by: time, test: 0.25, folds: {by: time, n: 3}}
candidates: {baseline: {}, linear: {grid: {C: [1]}}, xgboost: {grid: {n_estimators: [50], max_depth: [3]}}}
metric: {name: aucpr}
threshold: {policy: least_cost, false_positive: 1, false_negative: 10}
promotion: {unit: row}
demo: {training: 2026-01-01}
"""
NEW = date(2026, 3, 2)  # the first day of what is new
BEFORE, FITTED = 42, 31  # days before it; days that a training fits
SHORT, YEAR = 6, 51  # weeks after it
FRESH = 9_000  # the first seed


@dataclass(frozen=True)
class World:
    """How rows come about.

    Attributes:
        rows: Of a day.
        positive: About the share of positive rows.
        customers: How many; 0: each row is one.
        day: How much days vary, in the logit of being positive.
        change: What is new: nothing, moved (features), tilted (half of what tells is another feature's),
            reversed, or prior (so many times the odds).
        family: The champion's.
    """

    rows: int
    positive: float = 0.1
    customers: int = 0
    day: float = 0.0
    change: str = "nothing"
    family: str = "linear"


STATIONARY: Mapping[str, World] = {
    "300 rows a day": World(300),
    "300 rows, xgboost": World(300, family="xgboost"),
    "1,000 rows, 1 % positive": World(1_000, positive=0.01),
    "300 rows, days vary": World(300, day=0.4),
    "300 rows of 50 customers": World(300, customers=50),
    "features moved, truth the same": World(300, change="moved"),
}
CHANGED: Mapping[str, World] = {
    "reversed": World(300, change="reversed"),
    "reversed, xgboost": World(300, change="reversed", family="xgboost"),
    "reversed, 1,000 rows, 1 %": World(1_000, positive=0.01, change="reversed"),
    "moved (tilted)": World(300, change="tilted"),
    "moved, xgboost": World(300, change="tilted", family="xgboost"),
    "moved, 1,000 rows, 1 %": World(1_000, positive=0.01, change="tilted"),
    "moved, days vary": World(300, day=0.4, change="tilted"),
    "prior, odds times 4": World(300, change="prior"),
}


@cache
def facts() -> UseCase:
    """The use case of the worlds."""
    return UseCase.model_validate(yaml.safe_load(FACTS))


def drawn(world: World, weeks: int, random: np.random.Generator) -> pd.DataFrame:
    """The rows of all days, in order."""
    days = BEFORE + 7 * weeks
    day = np.repeat(np.arange(days), world.rows)
    new = day >= BEFORE
    x = random.normal(size=(len(day), 4))
    if world.change == "moved":
        x[new, :2] += 0.5
    weights = np.array([1.2, 0.8, 0.0, 0.0])
    told = x @ weights
    if world.change == "tilted":
        told[new] = x[new] @ np.array([0.6, 0.4, 0.8, 0.6])
    elif world.change == "reversed":
        told[new] = -told[new]
    logit = np.log(world.positive / (1 - world.positive)) - 0.7 + told
    if world.change == "prior":
        logit[new] += np.log(4)
    logit += world.day * random.normal(size=days)[day]
    unit = random.integers(max(world.customers, 1), size=len(day))
    if world.customers:
        logit += random.normal(size=world.customers)[unit]
    rows = pd.DataFrame(x, columns=list("abcd"))
    rows["at"] = pd.Timestamp(NEW - timedelta(days=BEFORE)) + pd.to_timedelta(day, unit="D")
    rows["truth"] = expit(logit)
    rows[":label"] = (random.random(len(day)) < rows["truth"]).astype(np.float64)
    rows["unit"] = unit
    return rows


def champion(world: World, rows: pd.DataFrame) -> Pipeline:
    """Fitted on the days that a training of the day before the change fits."""
    known = rows[rows["at"] < pd.Timestamp(NEW - timedelta(days=BEFORE - FITTED))]
    made = families.pipeline(facts(), world.family)
    values = {"linear": {"C": 1}, "xgboost": {"n_estimators": 50, "max_depth": 3}}[world.family]
    made = made.set_params(**{f"model__{name}": value for name, value in values.items()})
    return made.fit(inputs.frame(known, facts().features), known[":label"].astype(int))


def held(world: World, rows: pd.DataFrame, score: Floats, fitted: Pipeline, last: date) -> Trial | None:
    """The trial of a week whose newest label is of a day; None where there are too few days."""
    parted = trial.sides(NEW, last, FITTED)
    if parted is None:
        return None
    judge = ((rows["at"] >= pd.Timestamp(parted.cut)) & (rows["at"] <= pd.Timestamp(last))).to_numpy()
    cause = diagnosis.PRIOR if world.change == "prior" else diagnosis.CONCEPT
    metric = trial.metric_of(cause, facts())
    judged = Judged(
        label=rows[":label"].to_numpy()[judge],
        score=score[judge],
        day=np.asarray((rows["at"][judge] - pd.Timestamp(parted.cut)).dt.days, dtype=np.int64),
        unit=rows["unit"].to_numpy(np.int64)[judge] if world.customers else None,
    )
    newer, n = _newer(rows, score, fitted, parted, cause, judge)
    gain = trial.compare(judged, newer, metric, None)
    lead = None if gain is None else gain.before - float(judged.label.mean())
    return trial.found(metric, gain, n, int(judge.sum()), parted, trial.margin(facts(), metric, lead))


def _newer(
    rows: pd.DataFrame,
    score: Floats,
    fitted: Pipeline,
    parted: Sides,
    cause: str,
    judge: npt.NDArray[np.bool_],
) -> tuple[Floats, int]:
    first = NEW if cause == diagnosis.PRIOR else parted.first
    known = ((rows["at"] >= pd.Timestamp(first)) & (rows["at"] < pd.Timestamp(parted.cut))).to_numpy()
    if cause == diagnosis.PRIOR:
        return trial.recalibrated(rows[":label"].to_numpy()[known], score[known], score[judge]), int(
            known.sum()
        )
    again = trial.fitted_again(fitted, rows[known], facts())
    X = inputs.frame(rows[judge], facts().features)  # noqa: N806 (scikit-learn's letter)
    return candidate.scores(again, X, facts().task), int(known.sum())


def called(world: World, weeks: int, seed: int, *, first: bool = False) -> list[bool]:
    """Of each week from the second one on, whether a training was called for by then."""
    rows = drawn(world, weeks, np.random.default_rng([FRESH, seed]))
    fitted = champion(world, rows)
    score = candidate.scores(fitted, inputs.frame(rows, facts().features), facts().task)
    found: list[bool] = []
    for week in range(2, weeks + 1):
        tried = held(world, rows, score, fitted, NEW + timedelta(days=7 * week - 1))
        found.append(bool(tried and tried.helps) or (bool(found) and found[-1]))
        if first or found[-1]:
            return found + [found[-1]] * (weeks - week)
    return found


def covered(world: World, draws: int) -> tuple[float, float]:
    """The true gain of one fixed fit over another one, and in which share of draws of eight weeks its interval
    holds it.
    """
    known = drawn(world, 0, np.random.default_rng([FRESH, 10**6]))
    few = known[known["at"] < known["at"].min() + pd.Timedelta(days=2)]
    fits = [champion(world, rows) for rows in (few, known)]
    found = []
    for seed in range(draws):
        rows = drawn(world, 8, np.random.default_rng([FRESH, 10**7, seed]))
        rows = rows[rows["at"] >= pd.Timestamp(NEW)]
        X = inputs.frame(rows, facts().features)  # noqa: N806 (scikit-learn's letter)
        old, new = (candidate.scores(fit, X, facts().task) for fit in fits)
        judged = Judged(
            label=rows[":label"].to_numpy(),
            score=old,
            day=np.asarray((rows["at"] - pd.Timestamp(NEW)).dt.days, dtype=np.int64),
            unit=rows["unit"].to_numpy(np.int64) if world.customers else None,
        )
        gain = trial.gain(by_name(facts().metric.name), judged, new)
        ends = gain.interval() if gain else None
        if gain and ends:
            found.append((gain.value, *ends))
    value, low, high = np.array(found).T
    truth = float(value.mean())
    return truth, float(((low <= truth) & (truth <= high)).mean())


def main(years: int = 200) -> None:
    """Print the results."""
    print(f"years of {years} with a call for a training, in per cent")
    print(f"\n{'nothing to gain':34}{'one trial':>12}{'one a week':>12}")
    few = max(years // 4, 1)
    for name, world in STATIONARY.items():
        once = np.mean([called(world, 2, seed, first=True)[0] for seed in range(years)])
        yearly = np.mean([called(world, YEAR, seed)[-1] for seed in range(few)])
        print(f"{name:34}{once:12.1%}{yearly:12.1%} of {few}", flush=True)
    print(f"\n{'a claim after eight weeks':34}{'true gain':>12}{'covered':>12}")
    for name, world in STATIONARY.items():
        truth, share = covered(world, years)
        print(f"{name:34}{truth:12.4f}{share:12.1%} of {years}", flush=True)
    print(f"\n{'something to gain, weeks labelled':34}{'2':>8}{'3':>8}{'4':>8}{'5':>8}{'6':>8}")
    for name, world in CHANGED.items():
        found = np.mean([called(world, SHORT, seed) for seed in range(years)], axis=0)
        print(f"{name:34}" + "".join(f"{share:8.0%}" for share in found), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
