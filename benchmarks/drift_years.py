"""How many weeks of a year without change the drift report calls red or amber, and which changes it finds.

Run as `python -m benchmarks.drift_years [years] [power draws]`. Years of weeks are drawn, and judged by the
very limits that the drift step sets (`pipelines.monitoring.level`, `limits`): 20 features (14 numbers by
location, spread, both tails and missing values; 6 categories by five values), a score, and all together. No
model is drawn, so that every improbable move counts as red: a real feature is red only if its move also
changes scores. A champion serves the whole year; nobody trains again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa
from scipy import special
from scipy.stats import norm

from benchmarks import steady
from benchmarks.steady import START, Floats, World
from pipelines.monitoring import effects, joint, level, limits, looks, subjects
from pipelines.monitoring.level import Days
from pipelines.monitoring.looks import Rows

NUMBERS, CATEGORIES = 14, 6
WEEKS = 52
REFERENCE = 42  # days
HELD_OUT = 0.25  # of them, by which the score is judged
MISSING = 0.02
FRESH = 2_000
QUANTILES = norm.ppf(effects.RANKS)
PER_NUMBER, PER_CATEGORY = 5, 5

WORLDS: Mapping[str, tuple[World, int]] = {
    "independent rows, 50 a day": (World(50), 42),
    "independent rows, 2,000": (World(2_000), 42),
    "independent rows, 50,000": (World(50_000), 42),
    "independent rows, 10 days": (World(500), 10),
    "independent rows, 20 days": (World(50), 20),
    "weekends differ by 0.5, 20 days": (World(500, day=0.1, week=0.5), 20),
    "days last (0.7), 20 days": (World(500, day=0.2, lasting=0.7), 20),
    "20 customers, 500 rows": (World(500, customers=20), 42),
    "days vary by 0.2": (World(2_000, day=0.2), 42),
    "days vary by 0.2, heavy tails": (World(2_000, day=0.2, heavy=True), 42),
    "days last (0.7)": (World(2_000, day=0.2, lasting=0.7), 42),
    "days last (0.97)": (World(2_000, day=0.2, lasting=0.97), 42),
    "weekends differ by 0.5": (World(2_000, day=0.1, week=0.5), 42),
    "weekends differ by 1.5": (World(2_000, day=0.1, week=1.5), 42),
    "a yearly season of 0.5": (World(2_000, day=0.1, season=0.5), 42),
    "the same, a year's training": (World(2_000, day=0.1, season=0.5), 365),
    "growth by 0.5, twice the rows": (World(2_000, day=0.1, growth=0.5), 42),
    "all of it, 200 customers": (
        World(2_000, customers=200, day=0.1, week=0.3, season=0.3, growth=0.3),
        42,
    ),
}


@dataclass
class Drawn:
    """A year and its training: statistics of each day, and which columns belong to which subject."""

    features: Days
    score: Days
    shares: np.ndarray
    score_shares: np.ndarray
    subjects: np.ndarray
    locations: np.ndarray
    reference: int
    excluded: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


def draw(world: World, reference: int, days: int, seed: int) -> Drawn:
    """A training and the days after it."""
    random = np.random.default_rng([seed, world.rows, reference])
    n = steady.rows_of(world, days, random)
    numbers = steady.levels(world, days, NUMBERS + 1, random)
    cells = steady.shares(numbers, n, QUANTILES * 1.05, world, random)
    values = steady.shares(steady.levels(world, days, CATEGORIES, random), n, steady.VALUES, world, random)
    missing = random.binomial(n[:, None], MISSING, (days, NUMBERS)) / n[:, None]
    columns, shares, subjects = [], [], []
    for number in range(NUMBERS):
        columns += [of_number(cells[:, number], reference), missing[:, [number]]]
        shares += [False, False, True, True, True]
        subjects += [number] * PER_NUMBER
    columns.append(values.reshape(days, -1))
    shares += [True] * (CATEGORIES * PER_CATEGORY)
    subjects += [NUMBERS + n // PER_CATEGORY for n in range(CATEGORIES * PER_CATEGORY)]
    on = np.arange(days) + steady.START.toordinal()
    every = np.concatenate(columns, axis=1)
    score = of_number(cells[:, NUMBERS], reference)
    return Drawn(
        Days(on, every, np.repeat(n[:, None], every.shape[1], axis=1).astype(float)),
        Days(on, score, np.repeat(n[:, None], score.shape[1], axis=1).astype(float)),
        np.array(shares),
        np.array([False, False, True, True]),
        np.array(subjects),
        np.array([n * PER_NUMBER for n in range(NUMBERS)]),
        reference,
    )


def of_number(cells: Floats, reference: int) -> Floats:
    """Location, spread, and the shares beyond the outermost cuts, of each day."""
    known = cells[:reference].mean(axis=0)
    found = effects.scores(known / known.sum())
    return np.stack([cells @ found["location"], cells @ found["spread"], cells[:, 0], cells[:, -1]], axis=1)


def judge(drawn: Drawn, week: int, changed: Days | None = None) -> tuple[set[object], set[object]]:
    """The subjects of a week that are red, and those that are amber or red."""
    first = drawn.reference + 7 * week
    at = slice(first, first + 7)
    now = changed or cut(drawn.features, at)
    before = cut(drawn.features, slice(0, first))
    counts = limits.Counts(features=now.values.shape[1], predictions=len(drawn.score_shares))
    red: set[object] = set()
    amber: set[object] = set()
    known = level.prior([(before, drawn.shares)])
    for subject in np.unique(drawn.subjects):
        own = drawn.subjects == subject
        apart = level.alarms_apart(before.on.tolist(), drawn.excluded.get(int(subject), []))
        told = [
            level.judge(of(before.those(apart), own), of(now, own), drawn.shares[own], probability, known)
            for probability in (counts.of_feature.red, counts.of_feature.amber)
        ]
        for each, found in zip((red, amber), told, strict=True):
            if found is not None and found.beyond.any():
                each.add(int(subject))
    start = round(drawn.reference * (1 - HELD_OUT))
    for each, probability in ((red, counts.of_prediction.red), (amber, counts.of_prediction.amber)):
        scored = level.judge(
            cut(drawn.score, slice(start, first)),
            cut(drawn.score, at),
            drawn.score_shares,
            probability,
            known,
        )
        if scored is not None and scored.beyond.any():
            each.add("score")
    all_before, all_now = of(before, drawn.locations), of(now, drawn.locations)
    for each, probability in ((red, counts.of_joint.red), (amber, counts.of_joint.amber)):
        together = joint.judge(all_before, all_now, drawn.shares[drawn.locations], probability)
        if together is not None and together.beyond:
            each.add("all")
    for subject in red:
        if isinstance(subject, int):
            drawn.excluded.setdefault(subject, []).append((int(now.on.min()), int(now.on.max())))
    return red, amber


def cut(days: Days, at: slice) -> Days:
    """Some days in a row."""
    return Days(days.on[at], days.values[at], days.rows[at])


def of(days: Days, columns: np.ndarray) -> Days:
    """Some statistics."""
    return Days(days.on, days.values[:, columns], days.rows[:, columns])


def year(world: World, reference: int, seed: int) -> tuple[int, int, dict[object, int]]:
    """Red weeks of a year, amber ones, and by what they were red."""
    drawn = draw(world, reference, reference + 7 * WEEKS, seed)
    reds = ambers = 0
    by: dict[object, int] = {}
    for week in range(WEEKS):
        red, amber = judge(drawn, week)
        reds += bool(red)
        ambers += bool(amber)
        for each in red:
            by[each] = by.get(each, 0) + 1
    return reds, ambers, by


# --- which changes are found, by the real way: rows in DuckDB, their cells, and the verdict


def columns_of(random: np.random.Generator, rows: int, changed: bool) -> dict[str, np.ndarray]:
    """One day's columns; each has a change of its own, but for the last ones."""
    normal = random.normal(size=rows)
    tail = random.standard_t(3, size=rows)
    kinds = random.integers(0, 200, rows)
    found: dict[str, np.ndarray] = {
        "moved by 5 sd, outlier": normal + 5 * changed,
        "heavy tail, doubled": tail * (1 + changed),
        "200 values, all new": np.array([f"{'new' if changed else 'v'}{kind}" for kind in kinds]),
        "all zero": np.zeros(rows) if changed else random.lognormal(3, 0.9, rows),
        "times 10": random.lognormal(3, 0.9, rows) * (10 if changed else 1),
        "missing 2 -> 10 %": np.where(
            random.random(rows) < (0.1 if changed else 0.02), np.nan, random.normal(size=rows)
        ),
        "score, prior 17 -> 60 %": special.expit(
            random.normal(size=rows) + 2 * (random.random(rows) < (0.6 if changed else 0.17)) - 1
        ),
    }
    found |= {f"{n} of ten, 3 sd": random.normal(size=rows) + 3 * changed for n in range(10)}
    return found | {f"as before {n}": random.normal(size=rows) for n in range(10)}


def found_changes(rows: int, seed: int) -> dict[str, bool]:
    """Change -> whether it is improbable enough for red in its first week, after a training of 42 days."""
    random = np.random.default_rng([seed, rows])
    days = [columns_of(random, rows, day >= REFERENCE) for day in range(REFERENCE + 7)]
    days[3]["moved by 5 sd, outlier"][0] = 1e9
    connection, sides = duckdb.connect(), []
    for chosen in (range(REFERENCE), range(REFERENCE, REFERENCE + 7)):
        at = np.concatenate(
            [np.full(rows, np.datetime64(START, "us") + np.timedelta64(n, "D")) for n in chosen]
        )
        table = {name: np.concatenate([days[n][name] for n in chosen]) for name in days[0]}
        relation = connection.from_arrow(pa.table({"at": at, "id": np.arange(len(at)), **table}))
        sides.append(Rows(relation, "id", "at"))
    types = {name: "category" if name.startswith("200") else "number" for name in days[0]}
    looked = looks.look(sides[0], "true", types)
    before, now = (looks.count(side, looked, types, own=side is sides[0]) for side in sides)
    every = [subjects.feature(name, types[name], looked[name], before[name], now[name]) for name in types]
    known = level.prior([(one.before, one.shares) for one in every])
    asked = limits.Counts(sum(len(one.statistics) for one in every), 4)
    found = {}
    for one in every:
        probability = (asked.of_prediction if one.name.startswith("score") else asked.of_feature).red
        judged = level.judge(one.before, one.week, one.shares, probability, known)
        found[one.name] = judged is not None and bool(judged.beyond.any())
    together = [name for name in found if "of ten" in name]
    kept = {name: seen for name, seen in found.items() if "of ten" not in name and "as before" not in name}
    kept["ten of 24 features, 3 sd"] = all(found[name] for name in together)
    return kept | {"(ten unchanged ones, any)": any(found[name] for name in found if "as before" in name)}


def main(years: int, draws: int) -> None:
    """Print red and amber weeks a year, by world, and what is found."""
    print(f"weeks of a year without change, over {years} years a world\n")
    print(f"{'':36}{'red':>8}{'worst':>7}{'amber':>8}")
    for name, (world, reference) in WORLDS.items():
        every = [year(world, reference, FRESH + n) for n in range(years)]
        reds, ambers = [red for red, _, _ in every], [amber for _, amber, _ in every]
        print(f"{name:36}{np.mean(reds):8.2f}{max(reds):7d}{np.mean(ambers):8.2f}", flush=True)
    print(f"\nfound in the first week, per cent of {draws} draws, by rows a day\n")
    sizes = (50, 200, 1_000)
    told = {rows: [found_changes(rows, FRESH + n) for n in range(draws)] for rows in sizes}
    print(f"{'':36}" + "".join(f"{rows:>8,}" for rows in sizes))
    for name in told[sizes[0]][0]:
        shares = [100 * np.mean([one[name] for one in told[rows]]) for rows in sizes]
        print(f"{name:36}" + "".join(f"{share:8.0f}" for share in shares), flush=True)


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(given[0] if given else 2, given[1] if len(given) > 1 else 3)
