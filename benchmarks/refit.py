"""What the winner gains from learning the held-out rows, too, once it is judged: on the days after its
training.

Run as `python -m benchmarks.refit [weeks between trainings]`. Features of a long history of a use case that
is split by time are made once. Then trainings are looked at one after the other, as weeks go by: each fits
the first candidate of a family on the training rows, as it is judged, and on all labelled rows, as it scores
(`candidates.refit`). Both score the week that follows the day on which the training's labels were known. Told
is the primary metric over all these weeks, and in how many of them the refitted one is better.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from pipelines import flow
from pipelines.core.config import Family, UseCase
from pipelines.core.dates import WEEK
from pipelines.metrics import metrics
from pipelines.model import candidate, families, inputs
from pipelines.run.run import Run
from pipelines.storage.settings import Settings

# Use case -> the last day, and how many days of features there are before it.
HISTORIES = {"bike_demand": (date(2012, 12, 20), 700), "card_fraud": (date(2026, 2, 20), 110)}


def features(name: str, last: date, days: int) -> tuple[UseCase, pd.DataFrame]:
    """A use case's features of so many days, all of them labelled."""
    settings = Settings.from_env()
    facts = yaml.safe_load((settings.use_cases / f"{name}.yaml").read_text())
    use_case = UseCase.model_validate(facts)
    facts["split"]["window_days"] = days
    with tempfile.TemporaryDirectory(prefix="sluice-benchmark-") as folder:
        files = Path(folder) / "use_cases"
        files.mkdir()
        (files / f"{name}.yaml").write_text(yaml.safe_dump(facts, sort_keys=False))
        partition = last + timedelta(days=max(use_case.label.delay_days - 1, 0))
        run = Run.open(
            name, "training", partition, replace(settings, data=Path(folder) / "data", use_cases=files)
        )
        for step in (flow.ingest, flow.cleanse, flow.past, flow.features):
            step(run.task())
        rows: pd.DataFrame = run.task().store.read("features").df()
    return use_case, rows.sort_values([use_case.time, use_case.key], ignore_index=True)


def weeks(
    use_case: UseCase, rows: pd.DataFrame, family: Family, every: int
) -> Iterator[tuple[metrics.Floats, metrics.Floats, metrics.Floats]]:
    """For each training, of the week after it: labels, and scores by the judged fit and by the later one."""
    day, split = rows[use_case.time].dt.normalize(), use_case.split
    grid = getattr(use_case.candidates, family).grid
    first = {f"model__{name}": values[0] for name, values in grid.items()}
    morning = day.min() + pd.Timedelta(days=split.window_days + use_case.label.delay_days)
    while morning + pd.Timedelta(days=WEEK) <= day.max():
        known = morning - pd.Timedelta(days=use_case.label.delay_days)
        window = rows[(day > known - pd.Timedelta(days=split.window_days)) & (day <= known)]
        judged = window[
            window[use_case.time] < known + pd.Timedelta(days=1 - round(split.window_days * split.test))
        ]
        night = rows[(day > morning) & (day <= morning + pd.Timedelta(days=WEEK))]
        fits = [
            families.pipeline(use_case, family)
            .set_params(**first)
            .fit(inputs.frame(part, use_case.features), part[use_case.target])
            for part in (judged, window)
        ]
        X = inputs.frame(night, use_case.features)  # noqa: N806 (scikit-learn's letter)
        one, other = (candidate.scores(fit, X, use_case.task) for fit in fits)
        yield night[use_case.target].to_numpy(np.float64), one, other
        morning += pd.Timedelta(days=every * WEEK)


def main(every: int = 2) -> None:
    """Print the results."""
    print(f"{'':26}{'weeks':>6}{'judged fit':>12}{'refitted':>10}{'gain':>8}{'better in':>11}")
    for name, (last, days) in HISTORIES.items():
        use_case, rows = features(name, last, days)
        metric = use_case.metric.name
        for family in use_case.candidates.families:
            found = list(weeks(use_case, rows, family, every))
            y, one, other = (np.concatenate(part) for part in zip(*found, strict=True))
            judged, again = (metrics.measure(metric, y, score) for score in (one, other))
            better = sum(
                metrics.gain(metric, metrics.measure(metric, y, two), metrics.measure(metric, y, first)) > 0
                for y, first, two in found
            )
            gain = metrics.gain(metric, again, judged) / judged
            told = f"{name}, {family}, {metric}"
            print(f"{told:26}{len(found):6}{judged:12.4g}{again:10.4g}{gain:8.1%}{better:8} of {len(found)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
