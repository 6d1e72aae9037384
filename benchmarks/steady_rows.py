"""How often whole rows, empty values and dates close a gate by chance in a year without change, and how often
a change of them is found.

Run as `python -m benchmarks.steady_rows [years]`. What `benchmarks.steady` draws as shares is drawn here as
rows, since it is their hashes, their gaps and their distances in time that are looked at: a year of nights is
measured by `pipelines.gates.earlier.profile` and each night judged by `pipelines.gates.earlier.likeness` beside the 56 before
it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.gates.earlier import measuring
from pipelines.gates.earlier.basis import NIGHTS
from pipelines.gates.earlier.day import Day
from pipelines.gates.earlier.likeness import Earlier
from pipelines.gates.earlier.shape import Shape

Random: TypeAlias = np.random.Generator

START = np.datetime64("2025-01-01")
YEAR = 365
DAMAGED = 12  # nights of a year that are damaged, one damage each time
FRESH = 5_000
SHAPE = Shape(
    "at",
    ("amount", "score", "age", "visits"),
    ("kind", "plan"),
    key="id",
    timed=True,
    moments=("opened", "paid"),
)
COLUMNS = "amount", "score", "age", "visits", "kind", "plan", "opened", "paid"


@dataclass(frozen=True)
class World:
    """How rows come about.

    Attributes:
        rows: Of a night, on average.
        varies: Deviation, from day to day, of the logit of the shares of rows with a value.
        coarse: Whether values are few and times are whole hours, as in a table of counters: rows are often
            alike.
        returning: The share of rows that are the day before's at the same minute, as subscriptions are.
        lagging: Deviation, from day to day, of the days by which dates lie back, as a share of these.
    """

    rows: int
    varies: float = 0.0
    coarse: bool = False
    returning: float = 0.0
    lagging: float = 0.0


WORLDS: Mapping[str, World] = {
    "40 rows": World(40),
    "400 rows": World(400),
    "4,000 rows": World(4_000),
    "400 rows, shares vary by 0.3": World(400, varies=0.3),
    "400 rows, shares vary by 0.8": World(400, varies=0.8),
    "400 rows, dates lag by 0.2": World(400, lagging=0.2),
    "400 rows, dates lag by 0.5": World(400, lagging=0.5),
    "400 rows, coarse": World(400, coarse=True),
    "4,000 rows, coarse": World(4_000, coarse=True),
    "400 rows, 5 % of them return": World(400, returning=0.05),
    "400 rows, 15 % of them return": World(400, returning=0.15),
    "400 rows, all of it": World(400, varies=0.3, coarse=True, returning=0.05, lagging=0.2),
}

Rows: TypeAlias = dict[str, np.ndarray]


def night(world: World, day: int, before: Rows | None, random: Random) -> Rows:
    """The rows of one night."""
    n = max(int(random.poisson(world.rows)), 1)
    step = 3_600 if world.coarse else 60 if world.returning else 1
    seconds = random.integers(0, 86_400 // step, n) * step
    at = START + np.timedelta64(day, "D") + seconds.astype("timedelta64[s]")
    amount = np.exp(random.normal(3, 0.9, n))
    lag = np.exp(world.lagging * random.normal(size=2))
    opened = at.astype("datetime64[D]") - random.exponential(200 * lag[0], n).astype("timedelta64[D]")
    rows: Rows = {
        "seconds": seconds,
        "amount": np.round(amount / 20) * 20 if world.coarse else np.round(amount, 2),
        "score": random.integers(0, 5, n) / 4 if world.coarse else random.beta(2, 5, n),
        "age": random.integers(18, 90, n).astype(float),
        "visits": random.poisson(2, n).astype(float),
        "kind": random.choice(["shop", "web", "phone", "post"], n, p=[0.5, 0.3, 0.15, 0.05]).astype(object),
        "plan": random.choice(["a", "b"], n).astype(object),
        "opened": opened,
        "paid": (
            at.astype("datetime64[s]") - random.exponential(5 * 86_400 * lag[1], n).astype("timedelta64[s]")
        ),
    }
    if world.coarse:
        rows["age"] = np.round(rows["age"] / 20) * 20
    gaps = {"score": 0.4, "age": -2.0, "kind": 3.0, "paid": 0.0}
    for name, logit in gaps.items():
        share = 1 / (1 + np.exp(logit + world.varies * random.normal()))
        _empty(rows, name, random.random(n) < share)
    if world.returning and before is not None:
        kept = random.random(len(before["seconds"])) < world.returning
        for name in rows:
            again = before[name][kept]
            rows[name] = np.concatenate(
                [rows[name], again + np.timedelta64(1, "D") if name in ("opened", "paid") else again]
            )
    return rows


def _empty(rows: Rows, name: str, where: np.ndarray) -> None:
    values = rows[name]
    nothing: Any = (
        None if values.dtype == object else np.datetime64("NaT") if values.dtype.kind == "M" else np.nan
    )
    rows[name] = np.where(where, nothing, values).astype(values.dtype)


def _emptied(name: str, share: float) -> Callable[[Rows, Rows, Random], Rows]:
    def damage(rows: Rows, _: Rows, random: Random) -> Rows:
        rows = dict(rows)
        _empty(rows, name, random.random(len(rows["seconds"])) < share)
        return rows

    return damage


def _moved(name: str, days: int) -> Callable[[Rows, Rows, Random], Rows]:
    return lambda rows, *_: {**rows, name: rows[name] + np.timedelta64(days, "D")}


def _copied(share: float, nudged: str | None) -> Callable[[Rows, Rows, Random], Rows]:
    """A share of the rows is the day before's instead; one column of them is nudged."""

    def damage(rows: Rows, before: Rows, random: Random) -> Rows:
        old, new = random.random(len(before["seconds"])) < share, random.random(len(rows["seconds"])) >= share
        made = {}
        for name in rows:
            again = before[name][old]
            if name in ("opened", "paid"):
                again = again + np.timedelta64(1, "D")
            if name == nudged:
                again = again * 1.01 + 0.01
            made[name] = np.concatenate([rows[name][new], again])
        return made

    return damage


DAMAGES: Mapping[str, Callable[[Rows, Rows, Random], Rows]] = {
    "score: 20 % empty": _emptied("score", 0.2),
    "age: 5 % empty": _emptied("age", 0.05),
    "age: 30 % empty": _emptied("age", 0.3),
    "kind: all empty": _emptied("kind", 1.0),
    "opened + 7 days": _moved("opened", 7),
    "opened + 1 year": _moved("opened", 365),
    "paid - 5 days": _moved("paid", -5),
    "a third again": _copied(0.33, None),
    "all again, nudged": _copied(1.0, "amount"),
    "half again, nudged": _copied(0.5, "amount"),
}


def measured(nights: Mapping[int, Rows]) -> dict[date, Day]:
    """The profiles of some nights."""
    tables = []
    for day, rows in nights.items():
        at = START + np.timedelta64(day, "D") + rows["seconds"].astype("timedelta64[s]")
        columns = {name: pa.array(rows[name], from_pandas=True) for name in COLUMNS}
        keys = np.arange(len(at)) + day * 1_000_000
        tables.append(pa.table({"id": keys, "at": pa.array(at.astype("datetime64[us]")), **columns}))
    connection = duckdb.connect()
    return measuring.measure(connection.from_arrow(pa.concat_tables(tables)), SHAPE)[0]


def _day(number: int) -> date:
    day: date = (START + np.timedelta64(number, "D")).astype(date)
    return day


def year(world: World, seed: int) -> tuple[list[str], dict[str, float]]:
    """What a year without change closes gates for, a word each time, and the share of damages that are
    found.
    """
    random = np.random.default_rng([seed, world.rows])
    nights: dict[int, Rows] = {}
    for number in range(NIGHTS + YEAR):
        nights[number] = night(world, number, nights.get(number - 1), random)
    # A year in one table would be looked at by a sample: each month is one.
    days: dict[date, Day] = {}
    numbers = list(nights)
    for first in range(0, len(numbers), 30):
        days |= measured({number: nights[number] for number in numbers[first : first + 30]})
    ordered = sorted(days)
    closed, found = [], dict.fromkeys(DAMAGES, 0.0)
    damaged = set(np.linspace(NIGHTS, NIGHTS + YEAR - 1, DAMAGED, dtype=int))
    for number in range(NIGHTS, NIGHTS + YEAR):
        earlier = Earlier({day: days[day] for day in ordered[number - NIGHTS : number]})
        beyond = [one.statistic.name for one in earlier.judge(days[_day(number)]) if not one.holds]
        if beyond:
            closed.append(beyond[0])
        if number in damaged:
            for name, damage in DAMAGES.items():
                made = measured({number: damage(nights[number], nights[number - 1], random)})[_day(number)]
                found[name] += any(not one.holds for one in earlier.judge(made)) / DAMAGED
    return closed, found


def main(years: int) -> None:
    """Print closed gates a year, what closed them, and what is found."""
    print(
        f"closed gates a year by chance, and damages found, per cent of {DAMAGED * years} nights, over"
        f" {years} years a world\n"
    )
    print(f"{'':32}{'a year':>7}{'worst':>6}" + "".join(f"{name:>20}" for name in DAMAGES))
    every: list[str] = []
    for name, world in WORLDS.items():
        told = [year(world, FRESH + n) for n in range(years)]
        closed = [len(one) for one, _ in told]
        every += [f"{name}: {what}" for one, _ in told for what in one]
        shares = "".join(f"{100 * np.mean([found[damage] for _, found in told]):20.0f}" for damage in DAMAGES)
        print(f"{name:32}{np.mean(closed):7.2f}{max(closed):6d}{shares}", flush=True)
    print("\nwhat closed a gate by chance")
    print("\n".join(f"{every.count(what):4d}  {what}" for what in dict.fromkeys(every)) or "   none")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
