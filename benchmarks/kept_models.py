"""How often a training that keeps the model mends a prior that has moved, and how often it promotes what is
truly no better.

Run as `python -m benchmarks.kept_models [draws]`. The worlds are those of `benchmarks.retraining`, the true
probability of each row is known, and what is counted goes by the functions of a training: the days that teach
and judge, the curve, the draws by unit, the level of the look, the margin and the least numbers of rows and
units. A year without change has such a training every two weeks, as nobody calls for it: each challenger is
the champion with a curve that chance has drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from benchmarks.retraining import NEW, World, champion, drawn, facts, held
from pipelines.composition import keeping
from pipelines.core.config import UseCase
from pipelines.core.dates import Days
from pipelines.evaluation import enough, look, rules, significance
from pipelines.evaluation.recalibrated import LEAST_OF_CLASS
from pipelines.metrics import bootstrap
from pipelines.metrics.metrics import Floats
from pipelines.metrics.scored import Scored
from pipelines.model import calibration, candidate, inputs
from pipelines.model.calibration import Line
from pipelines.monitoring import prior

LEVEL, EVERY, WEEKS = 0.95, 14, 52  # `promotion.confidence_level`; days; of a year
MOST = 8  # weeks of what is new
CALIBRATED = "brier"
DRAWS = 300  # of a look: their variance is all that is asked of them
SCREEN = 1.3  # standard errors
AFTER = 28  # days on which the level is looked at

STATIONARY: Mapping[str, World] = {
    "300 rows a day": World(300),
    "1,000 rows, 1 % positive": World(1_000, positive=0.01),
    "300 rows, days vary, by day": World(300, day=0.4),
    "300 rows of 50 customers": World(300, customers=50),
}
MOVED: Mapping[str, World] = {name: replace(world, change="prior") for name, world in STATIONARY.items()}


def use_case(world: World) -> UseCase:
    """The facts, with what is independent in a world."""
    unit = "a" if world.customers else "day" if world.day else "row"  # any column stands for a customer's
    promotion = facts().promotion.model_copy(update={"unit": unit})
    return facts().model_copy(update={"promotion": promotion})


def promoted(world: World, rows: pd.DataFrame, score: Floats, days: Days, gap: int) -> Line | None:
    """The curve of a training that keeps the model, if it is promoted.

    Args:
        world: Says what is independent.
        rows: Of all days.
        score: The champion's, shape (n,).
        days: Those that are new to it, with labels.
        gap: Days since the look before.
    """
    on, y = (rows["at"] - pd.Timestamp(NEW)).dt.days.to_numpy(), rows[":label"].to_numpy(np.float64)
    judged = keeping.judged_from(days, use_case(world))
    start, first, last = ((one - NEW).days for one in (days.first, judged, days.last))
    taught, judge = (on >= start) & (on < first), (on >= first) & (on <= last)
    if min(y[taught].sum(), (1 - y[taught]).sum()) < LEAST_OF_CLASS:
        return None
    line = calibration.bend(None, y[taught], score[taught], margins=True)
    own, truth = score[judge], y[judge]
    unit = {"row": np.arange(len(truth)), "day": on[judge]}.get(
        use_case(world).unit, rows["unit"].to_numpy()[judge]
    )
    codes = np.unique(unit, return_inverse=True)[1]
    units = bootstrap.effective_units(truth, codes, classes=True)
    rarer = min(truth.sum(), len(truth) - truth.sum())
    if rarer < enough.OVER_CHAMPION.rows or units < enough.OVER_CHAMPION.units:
        return None
    pair = [Scored("new", line.of_scores(own)), Scored("old", own)]
    values = tuple(float(np.mean((one.score - truth) ** 2)) for one in pair)
    gained = np.bincount(codes, weights=(own - truth) ** 2 - (pair[0].score - truth) ** 2)
    if gained.sum() < SCREEN * np.sqrt(len(gained)) * gained.std():
        return None  # far from any promotion
    drawn_of = bootstrap.draw((CALIBRATED,), truth, pair, codes, seed=days.last.toordinal(), draws=DRAWS)
    found = significance.paired_gain(
        CALIBRATED,
        (values[0], values[1]),
        (drawn_of["new"].get(CALIBRATED), drawn_of["old"].get(CALIBRATED)),
        units,
    )
    constant = float(np.mean((y[taught].mean() - truth) ** 2))
    worth = rules.WORTH * max(constant - values[1], 0.0)
    level = look.first(gap, "").level(LEVEL)
    return line if found is not None and found.interval(level).low > worth else None


def truly_better(line: Line, rows: pd.DataFrame, score: Floats, since: date) -> bool:
    """Whether a curve brings scores nearer to the true probabilities of the days from one on."""
    later = (rows["at"] >= pd.Timestamp(since)).to_numpy()
    truth = rows["truth"].to_numpy()[later]
    before, after = (np.mean((one - truth) ** 2) for one in (score[later], line.of_scores(score[later])))
    return bool(after < before)


def scored(world: World, weeks: int, seed: int) -> tuple[pd.DataFrame, Floats, Pipeline]:
    """Rows, what the champion scores them, and the champion."""
    rows = drawn(world, weeks, np.random.default_rng([seed, 9_100]))
    fitted = champion(world, rows)
    return rows, candidate.scores(fitted, inputs.frame(rows, facts().features), facts().task), fitted


def year(world: World, seed: int) -> tuple[int, int]:
    """Of a year without change: how many such trainings were promoted, and how many were truly no better."""
    rows, score, _ = scored(world, WEEKS, seed)
    since, found, false = NEW, 0, 0
    for n in range(EVERY, 7 * WEEKS - AFTER, EVERY):
        last = NEW + timedelta(days=n - 1)
        first = max(since, last - timedelta(days=facts().split.window_days - 1))
        if len(days := Days(first, last)) < EVERY:
            continue
        line = promoted(world, rows, score, days, EVERY)
        if line is not None:
            found += 1
            false += not truly_better(line, rows, score, last + timedelta(days=1))
            score, since = line.of_scores(score), last + timedelta(days=1)
    return found, false


def mended(world: World, seed: int) -> tuple[list[bool], bool]:
    """Whether a training that keeps the model is promoted by the time that 2, 3, ... `MOST` weeks of what is
    new are labelled, one being called for where a trial helps and none was in the week before; and whether
    the level is right then on the days after.
    """
    rows, score, fitted = scored(world, MOST + AFTER // 7, seed)
    newest = -1
    for week in range(2, MOST + 1):
        last = NEW + timedelta(days=7 * week - 1)
        tried = held(world, rows, score, fitted, last) if week - newest > 1 else None
        if tried is None or not tried.helps:
            continue
        newest = week
        if (line := promoted(world, rows, score, Days(NEW, last), EVERY)) is not None:
            later = ((rows["at"] - pd.Timestamp(last)).dt.days.between(1, AFTER)).to_numpy()
            expected = float(line.of_scores(score[later]).sum() / rows["truth"].to_numpy()[later].sum())
            return [each >= week for each in range(2, MOST + 1)], 1 / prior.MOVED < expected < prior.MOVED
    return [False] * (MOST - 1), False


def main(draws: int = 40) -> None:
    """Print the results."""
    print(f"a training every two weeks that keeps the model, where nothing has changed ({draws} years)\n")
    print(f"{'':34}{'promoted':>12}{'no better':>12}{'% of years':>12}")
    for name, world in STATIONARY.items():
        found = np.array([year(world, seed) for seed in range(draws)])
        print(
            f"{name:34}{found[:, 0].sum():12d}{found[:, 1].sum():12d}{100 * (found[:, 1] > 0).mean():12.1f}",
            flush=True,
        )
    print("\nodds times 4: per cent of draws that are called for and promoted by the time that so many weeks")
    print("are labelled; and of those, in how many the level is right on the four weeks after\n")
    print(f"{'':34}" + "".join(f"{week:8d}" for week in range(2, MOST + 1)) + f"{'level':>8}")
    for name, world in MOVED.items():
        every = [mended(world, seed) for seed in range(draws)]
        shares = 100 * np.mean([weeks for weeks, _ in every], axis=0)
        right = [level for weeks, level in every if weeks[-1]]
        level = 100 * float(np.mean(right)) if right else 0.0
        print(f"{name:34}" + "".join(f"{share:8.0f}" for share in shares) + f"{level:8.0f}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
