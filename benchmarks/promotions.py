"""How often a year of trainings promotes a challenger that is truly no better, and how long one waits that is.

Run as `python -m benchmarks.promotions [years]`. Rows, and how well models tell them apart, are planted: a
model's score is what it knows of the label, and an error that is its own. Each training compares a new
challenger with the champion on the days held out, most of which the looks before have seen, too, by the very
functions of an evaluation: draws by unit, Student's t of the effective number of units, the level of the
look, the margin that is worth a change, and the least numbers of rows and units. Beside it what the same rows
said before there were looks: 95 of 100 draws of rows above nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.evaluation import enough, look, rules, significance
from pipelines.metrics import bootstrap, metrics
from pipelines.metrics.scored import Scored

Floats: TypeAlias = npt.NDArray[np.float64]

FRESH = 90_000  # the first seed: others than those that the limits were looked at with
DRAWS = 200  # of a look: their variance is all that is asked of them
QUICK = 40  # draws by which most looks are seen to be far from any promotion
LEVEL = 0.95  # `promotion.confidence_level`
KNOWS = 1.5  # how far apart a model puts the classes, in deviations of what all models see
BASELINE = 0.5  # the same of the baseline
METRIC = {"binary": "aucpr", "regression": "rmse"}


@dataclass(frozen=True)
class World:
    """How rows and models come about.

    Attributes:
        rows: A day's.
        positive: The share of positive rows; 0: the label is a number.
        every: Days from training to training.
        held_out: Days.
        customers: Whom rows are about, each of whom a model judges wrongly in the same way; 0: each row is
            one of its own.
        varies: Deviation of how much a new model knows.
        better: How much more each challenger knows than the first champion.
        heavy: Whether errors have heavy tails (Student's t with 3 degrees of freedom).
    """

    rows: int = 20
    positive: float = 0.1
    every: int = 7
    held_out: int = 28
    customers: int = 0
    varies: float = 0.0
    better: float = 0.0
    heavy: bool = False


NO_BETTER: Mapping[str, World] = {
    "weekly, 56 positives": World(),
    "weekly, 300 positives": World(rows=40, positive=0.27),
    "weekly, 30 positives": World(rows=20, positive=0.054),
    "weekly, 3 positives": World(rows=20, positive=0.0054),
    "monthly, 56 positives": World(every=30),
    "daily, 56 positives": World(every=1),
    "weekly, 40 customers": World(customers=40),
    "weekly, 200 customers": World(rows=40, customers=200),
    "weekly, a number": World(positive=0),
    "weekly, a number, heavy tails": World(positive=0, heavy=True),
    "weekly, models vary": World(varies=0.05),
    "weekly, models vary, 300 positives": World(rows=40, positive=0.27, varies=0.05),
}
GAINS = (0.1, 0.2, 0.4)  # of what tells the classes apart
BETTER: Mapping[str, World] = {
    f"{name}, better by {gain:g}": replace(NO_BETTER[name], better=gain)
    for name in ("weekly, 56 positives", "weekly, 300 positives", "monthly, 56 positives")
    for gain in GAINS
}
SLICES = (1, 5, 20)


@dataclass(frozen=True)
class Rows:
    """A year's rows, by day.

    Attributes:
        y: The truth, shape (n,).
        seen: What every model sees, shape (n,).
        day: Shape (n,).
        customer: Shape (n,): 0, 1, 2, ...
    """

    y: Floats
    seen: Floats
    day: npt.NDArray[np.int64]
    customer: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Model:
    """A model, by how much it knows and how it errs on each row."""

    knows: float
    error: Floats


@dataclass
class Year:
    """What came of a year.

    Attributes:
        looks: How many.
        false: Promotions that were truly no better.
        before: The same by what was asked before.
        waited: Days until the first promotion of a better one; None: the year was over.
        promotions: All of them.
    """

    looks: int = 0
    false: int = 0
    before: int = 0
    waited: int | None = None
    promotions: int = 0


def rows_of(world: World, random: np.random.Generator) -> Rows:
    """Rows of a year, and of the days held out before it."""
    days = look.YEAR + world.held_out
    n = days * world.rows
    y = (random.random(n) < world.positive).astype(np.float64) if world.positive else random.normal(size=n)
    customer = random.integers(world.customers, size=n) if world.customers else np.arange(n)
    return Rows(y, random.normal(size=n), np.repeat(np.arange(days), world.rows), customer)


def model(world: World, rows: Rows, more: float, random: np.random.Generator) -> Model:
    """A new model."""
    n, own = len(rows.y), random.standard_t(3, len(rows.y)) if world.heavy else None
    error = random.normal(size=n) if own is None else own / np.sqrt(3)
    if world.customers:
        error = 0.5 * error + np.sqrt(0.75) * random.normal(size=world.customers)[rows.customer]
    return Model(KNOWS + more + world.varies * random.normal(), error)


def score(world: World, one: Model, rows: Rows, some: npt.NDArray[np.bool_]) -> Floats:
    """Its scores of some rows: what tells the classes apart, or comes closer to a number."""
    y, seen, error = rows.y[some], rows.seen[some], one.error[some]
    if world.positive:
        return np.asarray(one.knows * y + 0.6 * seen + 0.8 * error)
    return np.asarray(y + (0.6 * seen + 0.8 * error) / one.knows)


def gain(
    world: World,
    rows: Rows,
    some: npt.NDArray[np.bool_],
    pair: tuple[Model, Model],
    seed: int,
    draws: int,
) -> tuple[significance.Gain | None, tuple[float, float], bool]:
    """What a challenger gains over a champion on some rows, their values, and whether all 95 of 100 draws of
    rows are above nothing.
    """
    y, metric = rows.y[some], METRIC["binary" if world.positive else "regression"]
    models = [Scored(str(n), score(world, one, rows, some)) for n, one in enumerate(pair)]
    try:
        first, second = (metrics.measure(metric, y, one.score) for one in models)
    except metrics.Undefined:
        return None, (0.0, 0.0), False
    by_row, by_unit = np.arange(len(y)), np.unique(rows.customer[some], return_inverse=True)[1]
    drawn = bootstrap.draw((metric,), y, models, by_unit, seed=seed, draws=draws)
    own, other = drawn["0"].get(metric), drawn["1"].get(metric)
    found = significance.paired_gain(
        metric, (first, second), (own, other), bootstrap.effective_units(y, by_unit, bool(world.positive))
    )
    if world.customers:
        alone = bootstrap.draw((metric,), y, models, by_row, seed=seed, draws=draws)
        own, other = alone["0"].get(metric), alone["1"].get(metric)
    once = significance.gain(metric, first, second, own, other, LEVEL)
    return found, (first, second), once is not None and once.low > 0


def suffices(world: World, rows: Rows, some: npt.NDArray[np.bool_]) -> bool:
    """Whether there are as many rows and units as a promotion over a champion needs."""
    y, least = rows.y[some], enough.OVER_CHAMPION
    units = bootstrap.effective_units(y, rows.customer[some], bool(world.positive))
    rarer = min(int(y.sum()), int(len(y) - y.sum())) if world.positive else least.rows
    return rarer >= least.rows and units >= least.units


def margin(
    world: World, rows: Rows, some: npt.NDArray[np.bool_], values: tuple[float, float], champion: Model
) -> float:
    """What is worth a change: a share of what the champion gains over the baseline."""
    metric = METRIC["binary" if world.positive else "regression"]
    baseline = score(world, Model(BASELINE, champion.error), rows, some)
    lead = metrics.gain(metric, values[1], metrics.measure(metric, rows.y[some], baseline))
    return rules.WORTH * max(lead, 0.0)


def year(world: World, seed: int) -> Year:
    """A year of trainings."""
    random = np.random.default_rng([seed, world.rows, world.every])
    rows, came = rows_of(world, random), Year()
    level = look.first(world.every, "").level(LEVEL)
    champion = model(world, rows, 0.0, random)
    for last in range(world.held_out + world.every, look.YEAR + world.held_out, world.every):
        some = (rows.day >= last - world.held_out) & (rows.day < last)
        challenger = model(world, rows, world.better, random)
        came.looks += 1
        found, values, once = gain(world, rows, some, (challenger, champion), seed, QUICK)
        if found is None or found.value < 1.3 * np.sqrt(found.variance):
            continue
        found, values, once = gain(world, rows, some, (challenger, champion), seed, DRAWS)
        truly = challenger.knows > champion.knows
        came.before += once and not truly
        if found is None or not suffices(world, rows, some):
            continue
        if found.interval(level).low > margin(world, rows, some, values, champion):
            came.promotions += 1
            came.false += not truly
            if truly and came.waited is None:
                came.waited = last - world.held_out
            champion = challenger
    return came


def stopped(slices: int, harmed: float, seed: int) -> tuple[bool, bool]:
    """Whether a challenger that harms one of some slices by so much is stopped: by all slices' level, and by
    95 of 100 each, as before.
    """
    world = World(rows=100, positive=0.2)
    random = np.random.default_rng([seed, slices, 7])
    rows = rows_of(replace(world, held_out=0, rows=2 * slices), random)
    champion, challenger = (model(world, rows, 0.0, random) for _ in range(2))
    part = random.integers(slices, size=len(rows.y))
    knows = np.where(part == 0, KNOWS - harmed, KNOWS)
    level, found = significance.slices_level(LEVEL, slices), []
    for one in range(slices):
        some = part == one
        worse = Model(float(knows[some][0]), challenger.error)
        lost, _, _ = gain(world, rows, some, (worse, champion), seed, DRAWS)
        if lost is not None:
            found.append((lost.interval(level).high < 0, lost.interval(LEVEL).high < 0))
    return any(now for now, _ in found), any(then for _, then in found)


def main(years: int) -> None:
    """Print promotions that are truly no better, how long a better one waits, and slices."""
    print(f"promotions that are truly no better, over {years} years a world\n")
    print(f"{'':36}{'looks':>7}{'% of looks':>12}{'% before':>10}{'% of years':>12}{'% of promotions':>17}")
    for name, world in NO_BETTER.items():
        every = [year(world, FRESH + n) for n in range(max(years // (7 if world.every == 1 else 1), 1))]
        looks, promotions = sum(one.looks for one in every), sum(one.promotions for one in every)
        false, before = sum(one.false for one in every), sum(one.before for one in every)
        print(
            f"{name:36}{looks:7d}{100 * false / looks:12.2f}{100 * before / looks:10.2f}"
            f"{100 * np.mean([one.false > 0 for one in every]):12.1f}"
            f"{100 * false / promotions if promotions else 0:17.0f}",
            flush=True,
        )
    print("\nper cent of years in which a better one is promoted, and after how many weeks (median)\n")
    for name, world in BETTER.items():
        waited = [year(world, FRESH + n).waited for n in range(max(years // 2, 1))]
        there = [days / 7 for days in waited if days is not None]
        weeks = f"{np.median(there):10.0f}" if there else f"{'-':>10}"
        print(f"{name:44}{100 * len(there) / len(waited):8.0f}{weeks}", flush=True)
    print("\nslices: per cent of challengers that are stopped, and as before there was a level of all\n")
    for harmed in (0.0, 0.5, 1.0):
        for slices in SLICES:
            asked = [stopped(slices, harmed, FRESH + n) for n in range(2 * years)]
            now, then = (100 * np.mean([one[n] for one in asked]) for n in range(2))
            print(f"{slices:3d} slices, one harmed by {harmed:g}{'':14}{now:8.1f}{then:8.1f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
