"""What it is worth to train on the declared loss, and by how much a mean as baseline overstates a lead.

Run as `python -m benchmarks.declared_loss`. Features of a long history of bike_demand are made once, with
`metric: {name: asymmetric, under_cost: 3}`: a bicycle too few costs three times one too many. Trainings come
one after the other; each fits the first candidate of each family on squares and on the declared loss (the
quantile 0.75), and scores the weeks that follow. Told is what a forecast costs by each, and the gain with its
95 % interval, by day, paired. Beside it: the lead over the mean of the labels, and over the constant that
costs least.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.refit import HISTORIES, features
from pipelines.core.config import Family, Metric, UseCase
from pipelines.core.families import named
from pipelines.metrics import bootstrap, metrics
from pipelines.metrics.scored import Scored
from pipelines.model import baseline, candidate, families, inputs

WEEKS = 8  # between trainings, and scored by each
NAME = "bike_demand"


def scored(use_case: UseCase, squares: UseCase, rows: pd.DataFrame, family: Family) -> Iterator[pd.DataFrame]:
    """Days after each training: label, day, and what each model forecasts."""
    day, window = rows[use_case.time].dt.normalize(), pd.Timedelta(days=use_case.split.window_days)
    grid = getattr(use_case.candidates, family).grid
    first = {f"model__{name}": values[0] for name, values in grid.items()}
    morning, step = day.min() + window, pd.Timedelta(days=7 * WEEKS)
    while morning + step <= day.max():
        train, later = (
            rows[(day > morning - window) & (day <= morning)],
            rows[(day > morning) & (day <= morning + step)],
        )
        y, X = train[use_case.target].to_numpy(np.float64), inputs.frame(later, use_case.features)  # noqa: N806
        told = {"label": later[use_case.target].to_numpy(np.float64), "day": day[later.index]}
        for name, facts in (("declared", use_case), ("squares", squares)):
            fitted = (
                families.pipeline(facts, family)
                .set_params(**first)
                .fit(inputs.frame(train, facts.features), y)
            )
            told[name] = candidate.scores(fitted, X, facts.task)
            told[f"constant, {name}"] = baseline.constant(facts, y).scores(later)
        yield pd.DataFrame(told)
        morning += step


def main() -> None:
    """Print the results."""
    use_case, rows = features(NAME, *HISTORIES[NAME])
    declared, squares = (
        use_case.model_copy(update={"metric": Metric(name=name, under_cost=3)})
        for name in ("asymmetric", "rmse")
    )
    stakes = declared.stakes
    print(
        f"{'':10}{'squares':>9}{'declared':>10}{'gain':>8}{'95 % interval':>18}{'lead over mean':>16}{'constant':>10}"
    )
    for family in declared.candidates.families:
        if named(family).of_quantile is None:
            continue  # it learns squares either way
        every = pd.concat(scored(declared, squares, rows, family), ignore_index=True)
        y, units = every.label.to_numpy(), pd.factorize(every.day)[0].astype(np.int64)
        models = [Scored(name, every[name].to_numpy()) for name in ("squares", "declared")]
        drawn = bootstrap.draw(["asymmetric"], y, models, units, stakes)
        one, other = (metrics.measure("asymmetric", y, model.score, stakes=stakes) for model in models)
        low, high = np.quantile(
            drawn["squares"]["asymmetric"] - drawn["declared"]["asymmetric"], (0.025, 0.975)
        )
        leads = [
            metrics.measure("asymmetric", y, every[f"constant, {name}"], stakes=stakes) - other
            for name in ("squares", "declared")
        ]
        print(
            f"{family:10}{one:9.2f}{other:10.2f}{one - other:8.2f}{low:9.2f} to {high:6.2f}{leads[0]:16.2f}"
            f"{leads[1]:10.2f}"
        )


if __name__ == "__main__":
    main()
