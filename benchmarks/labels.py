"""How often the question whether labels that are due are there closes a gate by chance, and how often it
finds that they are gone.

Run as `python -m benchmarks.labels [draws]`. A training judges the eight days before its own, of which no run
knows anything: by its own days, which are younger. A week's report judges its days by the training's rows of
their age. Rows are Poisson, fewer at weekends; labels have a share that differs from day to day or not, and
come at once when they are due, or one by one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from pipelines.gates.days.values import fewest_labels
from pipelines.monitoring.labelled import enough

PAST = 8  # days
WEEK, WEEKS = 7, 52
LOST = {"half": 0.5, "70 %": 0.3, "90 %": 0.1, "all": 0.0}  # of the labels -> the share that is left
SEED = 77


@dataclass(frozen=True)
class World:
    """How labels come about.

    Attributes:
        rows: Of a day, on average.
        share: Of the rows that get a label at all.
        days: How alike days are in it (the sum of a beta distribution's parameters); 0: all the same.
        slow: Days after which a label has come with probability 1 - 1/e; 0: at once.
    """

    rows: float
    share: float
    days: float = 0.0
    slow: float = 0.0


WORLDS = {
    "5 rows, 99 %": World(5, 0.99),
    "24 rows, all": World(24, 1.0),
    "24 rows, 95 %": World(24, 0.95),
    "24 rows, 90 %, one by one": World(24, 0.9, slow=5),
    "200 rows, 30 %": World(200, 0.3),
    "50 rows, 80 %, days differ": World(50, 0.8, days=5),
    "200 rows, 70 %, both": World(200, 0.7, days=5, slow=7),
    "500 rows, 60 %, days differ much": World(500, 0.6, days=2),
}


def drawn(world: World, days: int, random: np.random.Generator) -> list[tuple[int, int, int]]:
    """Age, labels and rows of so many days, the youngest first."""
    rows = random.poisson(world.rows * np.where(np.arange(days) % 7 > 4, 0.5, 1.2))
    share = np.full(days, world.share)
    if world.days:
        share = random.beta(world.share * world.days, (1 - world.share) * world.days, days)
    if world.slow:
        share = share * -np.expm1(-(np.arange(days) + 1) / world.slow)
    labels = random.binomial(rows, share)
    return [(age, int(known), int(n)) for age, (known, n) in enumerate(zip(labels, rows, strict=True)) if n]


def closed(world: World, own: int, random: np.random.Generator) -> tuple[bool, bool]:
    """Whether a training of so many days is stopped though nothing is wrong, and whether it is when all
    labels before it are gone.
    """
    every = drawn(world, own + PAST, random)
    trusted = [(age, known / (n + 1)) for age, known, n in every if age < own]
    past = [(known, fewest_labels(n, age, trusted, 0.0)) for age, known, n in every if age >= own]
    return any(known < fewest for known, fewest in past), any(fewest > 0 for _, fewest in past)


def weeks(world: World, random: np.random.Generator) -> tuple[int, dict[str, float]]:
    """The reports of a year that are stopped though nothing is wrong, and the share of those that are when
    labels are lost.
    """
    trained = drawn(world, WEEK, random)  # its newest days, as many as are due in a week
    share = sum(known for _, known, _ in trained) / (sum(n for _, _, n in trained) + 1)
    stopped, found = 0, dict.fromkeys(LOST, 0.0)
    for _ in range(WEEKS):
        week = drawn(world, WEEK, random)
        due, known = sum(n for _, _, n in week), sum(known for _, known, _ in week)
        least = enough({"due_rows": due, "reference_labelled": share})
        stopped += bool(due) and known < least
        for name, left in LOST.items():
            found[name] += (random.binomial(known, left) < least) / WEEKS
    return stopped, found


def main(draws: int) -> None:
    """Print the shares of trainings, per cent, and of reports."""
    print(
        f"trainings that are stopped, per cent of {draws:,}: by chance, and when no label of the days before"
        " is there\n"
    )
    print(f"{'':36}{'days':>6}{'by chance':>12}{'all gone':>10}")
    for name, world in WORLDS.items():
        for own in (20, 90):
            random = np.random.default_rng([SEED, own])
            found = np.mean([closed(world, own, random) for _ in range(draws)], axis=0)
            print(f"{name:36}{own:6d}{100 * found[0]:12.2f}{100 * found[1]:10.0f}", flush=True)
    years = max(draws // 20, 1)
    print(
        f"\na week's report: stopped by chance in a year, over {years} years; stopped when of its labels so"
        " many are lost, per cent\n"
    )
    print(f"{'':36}{'a year':>8}" + "".join(f"{name:>8}" for name in LOST))
    for name, world in WORLDS.items():
        random = np.random.default_rng([SEED, WEEK])
        told = [weeks(world, random) for _ in range(years)]
        shares = "".join(f"{100 * np.mean([lost[name] for _, lost in told]):8.0f}" for name in LOST)
        print(f"{name:36}{np.mean([stopped for stopped, _ in told]):8.2f}{shares}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
