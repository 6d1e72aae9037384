"""How often the comparison with earlier days closes a gate by chance in a year without change, and how often
it finds a change.

Run as `python -m benchmarks.steady [years]`. Years of nights are drawn, and judged by the very limits that a
gate sets (`pipelines.metrics.chance`): a table of 24 numbers, each by the shares of rows below five of its
quantiles, and 8 categories, each by the shares of five values, 160 statistics in all. Some nights go the real
way, too: rows in DuckDB, their profile, and the verdict of `pipelines.gates.earlier.likeness`, which must be that of
the drawn shares.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.stats import norm

from pipelines.gates.earlier.basis import NIGHTS
from pipelines.gates.earlier.day import Day
from pipelines.gates.earlier.likeness import QUANTILES, Earlier
from pipelines.gates.earlier.measuring import measure
from pipelines.gates.earlier.shape import Shape
from pipelines.metrics import chance

Floats: TypeAlias = npt.NDArray[np.float64]

NUMBERS, CATEGORIES = 24, 8
SHARES = (0.5, 0.25, 0.12, 0.08, 0.05)  # of a category's values
START = date(2025, 1, 1)
YEAR = 365
FRESH = 1_000  # the first seed: others than those that the limits were looked at with
CUTS = norm.ppf(QUANTILES)  # of a number, on the scale of a normal one
VALUES = norm.ppf(np.cumsum(SHARES)[:-1])  # a category's values are stretches of it
SIGMA = 0.9  # of the logarithm of a number, such as an amount of money
PROBABILITY = chance.false_alarm(len(QUANTILES) * NUMBERS + len(SHARES) * CATEGORIES)


@dataclass(frozen=True)
class World:
    """How the rows of a night come about; deviations are those of one row.

    Attributes:
        rows: A night's, on average.
        customers: How many a night; 0: each row is one. Rows of a customer share three quarters of their
            variance.
        day: Deviation of what all rows of a day share.
        heavy: Whether that has heavy tails (Student's t with 3 degrees of freedom).
        lasting: The share of that which the next day has, too (an autoregression), as weather has.
        week: How much more a weekend has.
        season: Amplitude over the year.
        growth: Of the level over the year, in which rows double.
    """

    rows: int
    customers: int = 0
    day: float = 0.0
    heavy: bool = False
    lasting: float = 0.0
    week: float = 0.0
    season: float = 0.0
    growth: float = 0.0


WORLDS: Mapping[str, World] = {
    "independent rows, 24": World(24),
    "independent rows, 200": World(200),
    "independent rows, 500": World(500),
    "independent rows, 5,000": World(5_000),
    "independent rows, 50,000": World(50_000),
    "20 customers, 500 rows": World(500, customers=20),
    "days vary by 0.2": World(2_000, day=0.2),
    "days vary by 0.2, heavy tails": World(2_000, day=0.2, heavy=True),
    "days vary by 0.2, and last (0.7)": World(2_000, day=0.2, lasting=0.7),
    "weekends differ by 0.5": World(2_000, day=0.1, week=0.5),
    "weekends differ by 1.5": World(2_000, day=0.1, week=1.5),
    "weekends differ by 1.5, 24 rows": World(24, day=0.1, week=1.5),
    "a yearly season of 0.5": World(2_000, day=0.1, season=0.5),
    "growth by 0.5, twice the rows": World(2_000, day=0.1, growth=0.5),
    "all of it, 200 customers": World(2_000, customers=200, day=0.1, week=0.3, season=0.3, growth=0.3),
    "all of it, 24 rows": World(24, day=0.1, week=0.3, season=0.3, growth=0.3),
}
# What becomes of a number's logarithm, in its deviations (added), of a share of the rows.
DAMAGES: Mapping[str, tuple[float, float]] = {
    "x1.5": (float(np.log(1.5)) / SIGMA, 1.0),
    "x2": (float(np.log(2)) / SIGMA, 1.0),
    "x0.3": (float(np.log(0.3)) / SIGMA, 1.0),
    "x1000": (float(np.log(1_000)) / SIGMA, 1.0),
    "x10, 30 %": (float(np.log(10)) / SIGMA, 0.3),
}


def rows_of(world: World, nights: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """How many rows each night has."""
    more = 1 + np.arange(nights) / YEAR if world.growth else np.ones(nights)
    return np.maximum(random.poisson(world.rows * more), 1)


def levels(world: World, nights: int, columns: int, random: np.random.Generator) -> Floats:
    """What all rows of a night share, shape (nights, columns)."""
    common = (
        random.standard_t(3, (nights, columns)) / np.sqrt(3)
        if world.heavy
        else random.normal(size=(nights, columns))
    )
    for night in range(1, nights):
        common[night] = world.lasting * common[night - 1] + np.sqrt(1 - world.lasting**2) * common[night]
    time = np.arange(nights)[:, None]
    phase = random.uniform(0, 1, columns)
    weekend = (np.array([(START + timedelta(days=n)).weekday() for n in range(nights)]) >= 5)[:, None]
    return (
        world.day * common
        + world.week * weekend
        + world.season * np.sin(2 * np.pi * (time / YEAR + phase))
        + world.growth * time / YEAR
    )


def shares(
    level: Floats, n: npt.NDArray[np.int64], cuts: Floats, world: World, random: np.random.Generator
) -> Floats:
    """The shares of rows between cuts, shape (nights, columns, cuts + 1).

    Args:
        level: Of each night and column.
        n: The rows of each night.
        cuts: On the scale of a row.
        world: Whether rows come in customers.
        random: Chance.
    """
    if not world.customers:
        counts = random.multinomial(n[:, None], _between(cuts, level, 1.0))
        return np.asarray(counts / n[:, None, None])
    counts = np.zeros((*level.shape, len(cuts) + 1))
    of_customer = random.multinomial(n, np.full(world.customers, 1 / world.customers)).T
    for rows in of_customer:
        own = level + np.sqrt(0.75) * random.normal(size=level.shape)
        counts += random.multinomial(rows[:, None], _between(cuts, own, 0.5))
    return np.asarray(counts / n[:, None, None])


def _between(cuts: Floats, level: Floats, deviation: float) -> Floats:
    below = norm.cdf((cuts - level[..., None]) / deviation)
    edges = np.concatenate([np.zeros((*level.shape, 1)), below, np.ones((*level.shape, 1))], axis=-1)
    return np.asarray(np.diff(edges, axis=-1))


def judged(angles: Floats, n: npt.NDArray[np.int64], others: Floats | None = None) -> npt.NDArray[np.bool_]:
    """Which statistics of the nights after the first `NIGHTS` are beyond their limits, shape (nights, ...).

    Args:
        angles: Of every night, shape (nights, ...).
        n: Their rows.
        others: What the judged nights say instead, once they are damaged.
    """
    weekdays = [(START + timedelta(days=night)).weekday() for night in range(len(angles))]
    beyond = np.zeros((len(angles) - NIGHTS, *angles.shape[1:]), dtype=bool)
    for night in range(NIGHTS, len(angles)):
        before = slice(night - NIGHTS, night)
        rows = np.broadcast_to(n[before].reshape(-1, *([1] * (angles.ndim - 1))), angles[before].shape)
        low, high = chance.bounds(
            chance.baseline(angles[before], rows, weekdays=weekdays[before]), n[night], PROBABILITY
        )
        now = (angles if others is None else others)[night]
        beyond[night - NIGHTS] = ((now < low) & (low > 0)) | ((now > high) & (high < np.pi))
    return beyond


def year(world: World, seed: int) -> int:
    """The closed gates of a year, after the weeks that the first night is compared with."""
    random = np.random.default_rng([seed, world.rows])
    nights = NIGHTS + YEAR
    n = rows_of(world, nights, random)
    numbers = shares(levels(world, nights, NUMBERS, random), n, CUTS, world, random)
    below = chance.angle(np.cumsum(numbers, axis=-1)[..., :-1]).reshape(nights, -1)
    values = chance.angle(
        shares(levels(world, nights, CATEGORIES, random), n, VALUES, world, random)
    ).reshape(nights, -1)
    return int(judged(np.concatenate([below, values], axis=1), n).any(axis=1).sum())


def power(world: World, seed: int) -> dict[str, float]:
    """The share of nights on which a damage to one number, or to one category, is found."""
    random = np.random.default_rng([seed, world.rows, 1])
    nights = NIGHTS + 28
    n = rows_of(world, nights, random)
    level = levels(world, nights, 1, random)
    usual = chance.angle(np.cumsum(shares(level, n, CUTS, world, random), axis=-1)[..., :-1])
    found = {}
    for name, (added, share) in DAMAGES.items():
        damaged = share * shares(level + added, n, CUTS, world, random) + (1 - share) * shares(
            level, n, CUTS, world, random
        )
        found[name] = (
            judged(usual, n, chance.angle(np.cumsum(damaged, axis=-1)[..., :-1])).any(axis=(1, 2)).mean()
        )
    flat = np.broadcast_to(chance.angle(np.array([0, 0, 0.5, 1, 1])), usual.shape)
    found["constant"] = judged(usual, n, flat).any(axis=(1, 2)).mean()
    category = shares(level, n, VALUES, world, random)
    for value, name in ((0, "lost (50 %)"), (2, "lost (12 %)"), (4, "lost (5 %)")):
        left = category.copy()
        left[..., value] = 0
        left /= np.maximum(left.sum(axis=-1, keepdims=True), 1e-9)
        found[name] = judged(chance.angle(category), n, chance.angle(left)).any(axis=(1, 2)).mean()
    return {name: float(value) for name, value in found.items()}


def agree(rows: int, nights: int = 4) -> float:
    """Go the real way beside the drawn one, every second night doubled: the greatest difference of a share.

    The verdicts must be the same.
    """
    random = np.random.default_rng(rows)
    shape, days, drawn, n = Shape("at", ("x",), ()), {}, [], []
    greatest = 0.0
    for night in range(NIGHTS + nights):
        day = START + timedelta(days=night)
        z = random.normal(size=rows) + (np.log(2) / SIGMA if night >= NIGHTS and night % 2 else 0)
        table = pa.table({"at": pa.array([np.datetime64(day, "us")] * rows), "x": np.exp(SIGMA * z)})
        found: Day = measure(duckdb.connect().from_arrow(table), shape)[0][day]
        if night < NIGHTS:
            days[day] = found
            drawn.append(z)
            n.append(rows)
            continue
        real = {
            float(one.statistic.at): one
            for one in Earlier(days).judge(found)
            if one.statistic.what == "below"
        }
        points = np.log(sorted(real)) / SIGMA
        angles = chance.angle([[(each < point).mean() for point in points] for each in drawn])
        known = chance.baseline(
            angles,
            np.full(angles.shape, rows),
            weekdays=[(START + timedelta(days=n)).weekday() for n in range(NIGHTS)],
        )
        now = np.array([(z < point).mean() for point in points])
        low, high = chance.bounds(known, rows, chance.false_alarm(len(real)))
        beyond = ((chance.angle(now) < low) & (low > 0)) | ((chance.angle(now) > high) & (high < np.pi))
        if any(not one.holds for one in real.values()) != bool(beyond.any()):
            sys.exit(f"{day}: {rows} rows are judged otherwise by their profile than by their own shares")
        greatest = max(
            greatest,
            *(abs(real[point].value - share) for point, share in zip(sorted(real), now, strict=True)),
        )
    return greatest


def main(years: int) -> None:
    """Print closed gates a year, and what is found."""
    print(
        f"closed gates a year by chance, of {NUMBERS} numbers and {CATEGORIES} categories in one table, over"
        f" {years} years a world\n"
    )
    print(f"{'':36}{'a year':>8}{'worst':>7}")
    for name, world in WORLDS.items():
        closed = [year(world, FRESH + n) for n in range(years)]
        print(f"{name:36}{np.mean(closed):8.2f}{max(closed):7d}", flush=True)
    print(
        "\nfound, per cent of nights: a number times something, or constant; a category that loses a value of"
        " so many rows\n"
    )
    for n, (name, world) in enumerate(WORLDS.items()):
        every = [power(world, FRESH + n) for n in range(max(years // 5, 1))]
        if n == 0:
            print(f"{'':36}" + "".join(f"{damage:>13}" for damage in every[0]))
        print(
            f"{name:36}"
            + "".join(f"{100 * np.mean([one[damage] for one in every]):13.0f}" for damage in every[0]),
            flush=True,
        )
    greatest = max(agree(rows) for rows in (100, 2_000))
    print(
        f"\nby the real way a share differs by at most {greatest:.4f} from the drawn one, and every verdict"
        " is the same"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
