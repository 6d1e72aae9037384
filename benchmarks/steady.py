"""How often the comparison with earlier days closes a gate by chance in a year without change, and how often it finds a change.

Run as `python -m benchmarks.steady [years]`. Years of nights are drawn and judged by the code that judges a night
(`pipelines.gates.likeness`), which is told what `pipelines.gates.profile` would tell of each table. For a few nights the real
way is gone, too: rows in DuckDB, a profile of them, a verdict; both must agree.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.gates import profile
from pipelines.gates.likeness import Earlier
from pipelines.gates.profile import STEPS, Day, Number, Shape, Values
from pipelines.gates.steady import NIGHTS

Floats = npt.NDArray[np.float64]
NUMBERS, CATEGORIES = 24, 8
SHARES = (0.5, 0.25, 0.12, 0.08, 0.05)
START = date(2025, 1, 1)
YEAR = 365


@dataclass(frozen=True)
class World:
    """How rows of a night come about.

    Attributes:
        rows: A night's.
        customers: How many a night; 0: each row is one. Rows of a customer share three quarters of their variance.
        day: Deviation of what all rows of a day share, in deviations of a row.
        heavy: Whether that has heavy tails (Student's t with 3 degrees of freedom).
        week: How much more a weekend has, in deviations of a row.
        season: Amplitude over the year, in deviations of a row.
        growth: Of the level over the year, in deviations of a row; rows double.
    """

    rows: int
    customers: int = 0
    day: float = 0.0
    heavy: bool = False
    week: float = 0.0
    season: float = 0.0
    growth: float = 0.0


WORLDS = {
    "independent rows, 24": World(24),
    "independent rows, 500": World(500),
    "independent rows, 5,000": World(5_000),
    "independent rows, 50,000": World(50_000),
    "20 customers, 500 rows": World(500, customers=20),
    "days vary (0.2)": World(2_000, day=0.2),
    "days vary (0.2), heavy tails": World(2_000, day=0.2, heavy=True),
    "weekends differ (0.5)": World(2_000, day=0.1, week=0.5),
    "a yearly season (0.5)": World(2_000, day=0.1, season=0.5),
    "growth (0.5 a year, twice the rows)": World(2_000, day=0.1, growth=0.5),
    "all of it, 200 customers": World(2_000, customers=200, day=0.1, week=0.3, season=0.3, growth=0.3),
    "all of it, 24 rows": World(24, day=0.1, week=0.3, season=0.3, growth=0.3),
}
Damage = Callable[[Floats], Floats]
DAMAGES: Mapping[str, Damage] = {
    "x0.3": lambda z: z + np.log(0.3) / 0.9,
    "x0.5": lambda z: z + np.log(0.5) / 0.9,
    "x1.5": lambda z: z + np.log(1.5) / 0.9,
    "x2": lambda z: z + np.log(2) / 0.9,
    "all the median": lambda z: np.full_like(z, float(np.median(z))),
    "30 % of rows x10": lambda z: np.where(np.arange(len(z)) % 10 < 3, z + np.log(10) / 0.9, z),
    "a value of half the rows is lost": lambda z: z[z > 0],
    "a value of 12 % is doubled": lambda z: np.concatenate([z, z[(z > 0.674) & (z < 1.2)]]),
}


def latent(world: World, night: int, random: np.random.Generator, columns: int) -> Floats:
    """A night's rows before they become numbers and categories, shape (columns, rows): normal, and unlike other nights as the world says."""
    day = START + timedelta(days=night)
    share = night / YEAR
    n = random.poisson(world.rows * (1 + (share if world.growth else 0)))
    common = random.standard_t(3, columns) / np.sqrt(3) if world.heavy else random.normal(size=columns)
    level = world.day * common + world.week * (day.weekday() >= 5) + world.season * np.sin(2 * np.pi * share) + world.growth * share
    rows = random.normal(size=(columns, max(n, 1)))
    if world.customers:
        of = random.integers(world.customers, size=max(n, 1))
        rows = np.sqrt(0.75) * random.normal(size=(columns, world.customers))[:, of] + 0.5 * rows
    return np.asarray(rows + level[:, None])


def numbers(z: Floats) -> Number:
    """A log-normal column, as a profile tells it."""
    values = np.sort(np.exp(0.9 * z))
    index = np.ceil(np.arange(STEPS + 1) / STEPS * len(values)).astype(int) - 1
    return Number(len(values), tuple(values[np.maximum(index, 0)].tolist()))


def categories(z: Floats) -> Values:
    """A category, whose values are stretches of the normal distribution."""
    from scipy.stats import norm

    code = np.searchsorted(norm.ppf(np.cumsum(SHARES)[:-1]), z)
    values, counts = np.unique(code, return_counts=True)
    return Values(len(z), len(values), {str(value): int(n) for value, n in zip(values, counts, strict=True)})


def told(z: Floats) -> Day:
    """What the profile of a night says."""
    return Day(
        rows=z.shape[1],
        numbers={f"n{i}": numbers(column) for i, column in enumerate(z[:NUMBERS])},
        values={f"c{i}": categories(column) for i, column in enumerate(z[NUMBERS:])},
    )


def year(world: World, seed: int) -> tuple[int, int]:
    """The closed gates and the nights of a year, after a month; a night whose gate was closed says nothing of later ones."""
    random = np.random.default_rng([seed, world.rows])
    days: dict[date, Day] = {}
    closed = 0
    for night in range(-NIGHTS, YEAR):
        day, found = START + timedelta(days=night), told(latent(world, night, random, NUMBERS + CATEGORIES))
        if night >= 0 and any(not one.holds for one in Earlier(days).judge(found)):
            closed += 1
            continue
        days = dict([*days.items(), (day, found)][-NIGHTS:])
    return closed, YEAR


def power(world: World, seed: int, nights: int = 20) -> dict[str, float]:
    """The share of nights whose damaged column (one number, or one category) is found."""
    random = np.random.default_rng([seed, world.rows, 1])
    every = [latent(world, night, random, 2) for night in range(NIGHTS + nights)]

    def day(z: Floats, damage: Damage | None = None, columns: tuple[int, ...] = ()) -> Day:
        rows = [damage(column) if damage and n in columns else column for n, column in enumerate(z)]
        return Day(z.shape[1], {"n0": numbers(rows[0])}, {"c0": categories(rows[1])})

    padded = {f"n{n}": numbers(random.normal(size=500)) for n in range(1, NUMBERS)}  # as many statistics as a wide table has
    earlier = Earlier(
        {START + timedelta(days=n): replace(one := day(z), numbers={**one.numbers, **padded}) for n, z in enumerate(every[:NIGHTS])}
    )
    found = {}
    for name, damage in DAMAGES.items():
        columns = (1,) if "value" in name else (0,)
        judged = ([*earlier.judge(replace(one := day(z, damage, columns), numbers={**one.numbers, **padded}))] for z in every[NIGHTS:])
        found[name] = float(np.mean([any(not one.holds for one in each if one.statistic.column in ("n0", "c0")) for each in judged]))
    return found


def agree(world: World, nights: int = 3) -> float:
    """The greatest difference of a share between the drawn days and profiles of the same rows in DuckDB; both close on the same nights."""
    random = np.random.default_rng(world.rows)
    days: dict[bool, dict[date, Day]] = {False: {}, True: {}}
    shape = Shape("at", tuple(f"n{i}" for i in range(3)), ())
    greatest = 0.0
    for night in range(NIGHTS + nights):
        day, z = START + timedelta(days=night), latent(world, night, random, 3)
        damaged = night >= NIGHTS and night % 2
        rows = np.exp(0.9 * (z + (np.log(2) / 0.9 if damaged else 0)))
        table = pa.table({"at": pa.array([np.datetime64(day, "us")] * z.shape[1]), **{f"n{i}": column for i, column in enumerate(rows)}})
        real = profile.measured(duckdb.connect().from_arrow(table), shape)[0][day]
        drawn = Day(z.shape[1], {f"n{i}": numbers(np.log(column) / 0.9) for i, column in enumerate(rows)})
        if night >= NIGHTS:
            both = [
                {one.statistic.name: one for one in Earlier(days[which]).judge(one_day)}
                for which, one_day in ((True, real), (False, drawn))
            ]
            verdicts = [any(not one.holds for one in each.values()) for each in both]
            if verdicts[0] != verdicts[1]:
                sys.exit(f"{day}: the profile of {z.shape[1]} rows and the drawn day are judged otherwise")
            pairs = zip(both[0].values(), both[1].values(), strict=True)
            greatest = max(greatest, *(abs(one.value - other.value) for one, other in pairs))
            continue
        days[True][day], days[False][day] = real, drawn
    return greatest


def main(years: int) -> None:
    """Print closed gates a year of a table of 32 columns, and what is found, a line a world."""
    print(f"closed gates a year by chance: {NUMBERS} numbers and {CATEGORIES} categories, {years} years a world\n")
    print(f"{'':38}{'a year':>8}{'worst':>7}")
    for name, world in WORLDS.items():
        drawn = years if world.rows < 20_000 else max(years // 10, 1)
        closed = [year(world, seed)[0] for seed in range(drawn)]
        print(f"{name:38}{np.mean(closed):8.2f}{max(closed):7d}", flush=True)
    print(f"\nfound, per cent of nights\n\n{'':38}" + "".join(f"{name:>18}" for name in list(DAMAGES)))
    for name, world in WORLDS.items():
        every = [power(world, seed) for seed in range(max(years // 5, 1))]
        print(f"{name:38}" + "".join(f"{100 * np.mean([one[damage] for one in every]):18.0f}" for damage in DAMAGES), flush=True)
    print(
        f"\nthe real profile and the drawn one differ by at most {max(agree(World(n)) for n in (24, 2_000)):.4f} of a share, and judge alike"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
