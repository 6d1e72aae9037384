"""How often the interval of a performance that is estimated before its labels are known holds the later
truth.

Run as `python -m benchmarks.estimates [draws]`. A model's scores are a curve of what it knows of a row; the
truth also depends on what it does not know: a customer's and a day's own level. Twelve held-out days teach
what scores mean, the seven days that are estimated come later, without labels: as the held-out ones, with
other rows (covariates moved by half a deviation), or with another meaning (concept). Told is, for each
metric, in how many of a hundred draws the 95 % interval holds what the labels say later, and how wide it is
beside the metric. In the last worlds it must fail: an estimate is no substitute for labels, and its record
says so.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd

from pipelines.core.metrics import by_name
from pipelines.metrics import expected, metrics
from pipelines.metrics.expected import Estimator
from pipelines.metrics.score_meaning import Uncalibrated

HELD_OUT, WEEK = 12, 7  # days
METRICS = ("aucpr", "roc_auc", "precision", "recall", "log_loss", "brier")
SEED = 11


@dataclass(frozen=True)
class World:
    """How labels come about; deviations are those of logits.

    Attributes:
        rows: A day's.
        base: The logit of a typical row.
        customers: How many there are; 0: each row is its own.
        customer: Deviation of a customer's own level, which the model does not know.
        day: Deviation of a day's.
        squeezed: The score's logit is the model's times this: 1 is calibrated.
        moved: By how many deviations the week's rows are moved in what the model knows.
        reversed: The share of what the model knows that means the opposite in the week.
    """

    rows: int
    base: float = -3.0
    customers: int = 0
    customer: float = 0.0
    day: float = 0.0
    squeezed: float = 1.0
    moved: float = 0.0
    reversed: float = 0.0


WORLDS: Mapping[str, World] = {
    "1,000 rows a day, 8 %": World(1_000),
    "200 rows a day, 8 %": World(200),
    "3,000 rows a day, 1.5 %": World(3_000, base=-5.5),
    "half are positive": World(300, base=0.0),
    "scores of a narrow range": World(1_000, squeezed=0.3),
    "scores too sure": World(1_000, squeezed=2.0),
    "other rows than before": World(1_000, moved=0.5),
    "100 customers": World(1_000, customers=100, customer=0.7),
    "days vary": World(1_000, day=0.3),
    "both, other rows, narrow": World(1_000, customers=200, customer=0.5, day=0.2, squeezed=0.5, moved=0.5),
    "concept: half of it gone": World(1_000, reversed=0.25),
    "concept: reversed": World(1_000, reversed=1.0),
}


def rows(
    world: World, days: int, week: bool, levels: metrics.Floats, random: np.random.Generator
) -> pd.DataFrame:
    """Rows of so many days, with their scores and truth."""
    n = days * world.rows
    day = np.repeat(np.arange(days), world.rows)
    customer = random.integers(max(world.customers, 1), size=n)
    known = random.normal(world.moved if week else 0.0, 1.5, n)
    score = 1 / (1 + np.exp(-world.squeezed * (world.base + known)))
    told = known * (1 - 2 * world.reversed) if week else known
    logit = world.base + told + levels[customer] + random.normal(0, world.day, days)[day]
    label = (random.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    return pd.DataFrame(
        {"label": label, "score": score, "day": day, "unit": customer if world.customers else None}
    )


def draw(world: World, random: np.random.Generator) -> dict[str, tuple[float, float, float, float] | None]:
    """Metric -> estimate, ends of its interval, and the later truth; None where nothing can be told."""
    levels = random.normal(0, world.customer, max(world.customers, 1))
    before, now = (
        rows(world, days, week, levels, random) for days, week in ((HELD_OUT, False), (WEEK, True))
    )
    cut = float(np.quantile(before.score, 0.95))
    found: dict[str, tuple[float, float, float, float] | None] = {}
    for name in METRICS:
        metric = by_name(name)
        known, later = (
            expected.of_relation(
                duckdb.from_df(part.assign(decision=(part.score >= cut).astype(int))), metric
            )
            for part in (before, now)
        )
        try:
            sure = Estimator.fit(metric, known).estimate(later)
        except Uncalibrated:
            sure = None
        truth = metrics.measure(name, now.label, now.score, threshold=cut)
        found[name] = (sure.value, *sure.interval(), truth) if sure else None
    return found


def main(draws: int = 40) -> None:
    """Print the results."""
    print(
        f"{'in % of ' + str(draws) + ' draws (width, off)':28}" + "".join(f"{name:>17}" for name in METRICS)
    )
    for name, world in WORLDS.items():
        random = np.random.default_rng(SEED)
        every = [draw(world, random) for _ in range(draws)]
        told = ""
        for metric in METRICS:
            found = np.array([each[metric] for each in every if each[metric]])
            if not len(found):
                told += f"{'refused':>17}"
                continue
            value, low, high, truth = found.T
            held = np.mean((low <= truth) & (truth <= high))
            wide, off = np.median((high - low) / truth), np.mean((value - truth) / truth)
            refused = "" if len(found) == draws else f" -{draws - len(found)}"
            told += f"{f'{held:.0%} ({wide:.0%}, {off:+.0%}){refused}':>17}"
        print(f"{name:28}{told}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
