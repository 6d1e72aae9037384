"""How often the interval of a week's performance covers the truth, how often the default limit is red by chance
in a year without change, and which loss it finds.

Run as `python -m benchmarks.performance [draws]`. Scores and labels of twelve held-out days and of weeks after
them are drawn in worlds of known truth: rows that are independent, days that vary in how many rows are
positive and in how well these are told, customers whose rows are alike, rare positives. They are judged by the
very functions that a drift report calls (`pipelines.metrics.influence`, `pipelines.metrics.sureness`). In a
year, 52 weeks are compared with the same held-out days. A loss is a part of the rows (told as a share) whose
scores are those of other rows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.core.metrics import by_name
from pipelines.metrics import influence, sureness
from pipelines.metrics.influence import GROUPS, Batch, Sums
from pipelines.metrics.sureness import Between
from pipelines.monitoring import between_weeks

Floats: TypeAlias = npt.NDArray[np.float64]

HELD_OUT, WEEK, WEEKS = 12, 7, 52  # days, days, weeks
QUIET = 12  # weeks
TELLING = 1.5  # how much of the logit the score tells
MAX_LOSS = 0.1  # the default of monitoring.max_loss
METRICS = ("aucpr", "roc_auc", "f1", "brier")
LOSSES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
FRESH = 7_000  # the first seed


@dataclass(frozen=True)
class World:
    """How rows come about.

    Attributes:
        rows: Of a day, on average.
        positive: About the share of positive rows.
        customers: How many; 0: each row is one. They stay the same ones.
        day: Deviation, from day to day, of the logit of being positive; half as much, as a share, of how much
            the score tells.
        heavy: Whether that has heavy tails (Student's t with 3 degrees of freedom).
        lasting: The share of that which the next day has, too.
    """

    rows: int
    positive: float = 0.2
    customers: int = 0
    day: float = 0.0
    heavy: bool = False
    lasting: float = 0.0


WORLDS: Mapping[str, World] = {
    "independent rows, 24": World(24),
    "independent rows, 500": World(500),
    "independent rows, 5,000": World(5_000),
    "1 % positive, 2,000 rows": World(2_000, positive=0.01),
    "days vary": World(1_000, day=0.3),
    "days vary, heavy tails": World(1_000, day=0.3, heavy=True),
    "days vary, 1 % positive": World(2_000, positive=0.01, day=0.3),
    "days vary, and last (0.7)": World(1_000, day=0.3, lasting=0.7),
    "20 customers": World(500, customers=20),
    "100 customers": World(500, customers=100),
    "20 customers, days vary": World(500, customers=20, day=0.3),
    "as card_fraud: 2,900 rows, 1 %": World(2_900, positive=0.01, customers=2_000, day=0.1),
}


@dataclass(frozen=True)
class Rows:
    """Rows of some days, in order of their days."""

    label: Floats
    score: Floats
    day: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64] | None

    def of(self, first: int, days: int) -> Rows:
        """Those of some days, which are counted from 0 on."""
        start, end = np.searchsorted(self.day, [first, first + days])
        some = slice(start, end)
        unit = None if self.unit is None else self.unit[some]
        return Rows(self.label[some], self.score[some], self.day[some] - first, unit)


def drawn(world: World, days: int, random: np.random.Generator) -> Rows:
    """Draw the rows of some days."""
    day = np.repeat(np.arange(days), np.maximum(random.poisson(world.rows, days), 1))
    told = random.normal(size=len(day))
    base = np.log(world.positive / (1 - world.positive)) - 0.5
    level, telling = _common(world, days, random), _common(world, days, random)
    logit = base + world.day * level[day] + TELLING * (1 + world.day / 2 * telling[day]) * told
    unit = None
    if world.customers:
        unit = random.integers(world.customers, size=len(day))
        own = random.normal(size=(2, world.customers))
        logit = logit + 0.6 * own[0][unit] + 0.3 * TELLING * own[1][unit] * told
        unit = unit % GROUPS
    label = (random.random(len(day)) < 1 / (1 + np.exp(-logit))).astype(np.float64)
    return Rows(label, 1 / (1 + np.exp(-(base + TELLING * told))), day, unit)


def _common(world: World, days: int, random: np.random.Generator) -> Floats:
    """What all rows of a day share."""
    found = random.standard_t(3, days) / np.sqrt(3) if world.heavy else random.normal(size=days)
    for day in range(1, days):
        found[day] = world.lasting * found[day - 1] + np.sqrt(1 - world.lasting**2) * found[day]
    return np.asarray(found)


def spoilt(rows: Rows, share: float, random: np.random.Generator) -> Rows:
    """The same, where a share of the rows has the score of another row."""
    score = rows.score.copy()
    some = np.flatnonzero(random.random(len(score)) < share)
    score[some] = score[random.permutation(some)]
    return replace(rows, score=score)


def known(sums: Sums | None) -> Sums:
    """Sums of so many rows that there are some."""
    if sums is None:
        raise ValueError("a world without both classes")
    return sums


def judged(rows: Rows, metric: str, days: int) -> Sums | None:
    """As a drift report sums them up; decisions are taken at the rate of positives."""
    score = rows.score
    if by_name(metric).needs == "decision":
        score = (
            (score >= 0.5).astype(np.float64)
            if rows.label.mean() > 0.1
            else (score >= 0.05).astype(np.float64)
        )

    def batches() -> Iterator[Batch]:
        yield Batch(rows.label, score, np.zeros(len(score), dtype=np.int64), rows.day, rows.unit)

    return influence.sums(by_name(metric), batches, days)


@cache
def truth(world: World, metric: str) -> float:
    """The metric over days and customers without end."""
    endless = replace(world, rows=200, customers=4_000 if world.customers else 0, lasting=0.0)
    return known(judged(drawn(endless, 4_000, np.random.default_rng(5)), metric, 4_000)).value


def coverage(world: World, metric: str, draws: int, seed: int) -> float:
    """The share of draws whose interval holds the truth."""
    true, covered, told = truth(world, metric), 0, 0
    for draw in range(draws):
        rows = drawn(world, HELD_OUT + WEEK, np.random.default_rng([seed, draw]))
        before, now = (
            judged(rows.of(0, HELD_OUT), metric, HELD_OUT),
            judged(rows.of(HELD_OUT, WEEK), metric, WEEK),
        )
        sure = sureness.sure(by_name(metric), now, [before] if before else []) if now else None
        if sure is not None:
            low, high = sure.interval()
            covered, told = covered + (low <= true <= high), told + 1
    return covered / told if told else float("nan")


def lead(world: World, metric: str) -> float:
    """By how much the model is better than one that tells nothing."""
    share = world.positive
    nothing = {"aucpr": share, "roc_auc": 0.5, "f1": share, "brier": share * (1 - share)}[metric]
    return abs(truth(world, metric) - nothing)


def red(
    before: Sums | None,
    now: Sums | None,
    metric: str,
    allowed: float,
    level: float = sureness.RED,
    weeks: Between = sureness.NOTHING_BETWEEN,
) -> bool:
    """Whether the default limit is; at another level, whether it is red or amber."""
    if before is None or now is None:
        return False
    one = by_name(metric)
    then, sure = sureness.sure(one, before, [now]), sureness.sure(one, now, [before])
    if then is None or sure is None:
        return False
    return sureness.least_loss(then.beside(weeks), sure.beside(weeks), level) > allowed


def year(
    world: World, metric: str, seed: int, max_loss: float = MAX_LOSS, level: float = sureness.RED
) -> int:
    """The red weeks of a year in which nothing changes; at another level, the red and amber ones."""
    rows = drawn(world, HELD_OUT + WEEKS * WEEK, np.random.default_rng([FRESH, seed]))
    before, allowed = judged(rows.of(0, HELD_OUT), metric, HELD_OUT), max_loss * lead(world, metric)
    told: list[tuple[float, float]] = []  # of the weeks that were not red, as reports know them
    found = 0
    for n in range(WEEKS):
        now = judged(rows.of(HELD_OUT + n * WEEK, WEEK), metric, WEEK)
        spread = between_weeks.spread(told[-between_weeks.NEWEST :])
        found += red(before, now, metric, allowed, level, spread)
        sure = sureness.sure(by_name(metric), now, [before] if before else []) if now else None
        if sure and not red(before, now, metric, allowed, weeks=spread):
            told.append((sure.value, sure.error))
    return found


def power(world: World, metric: str, share: float, draws: int, seed: int) -> float:
    """How often a week is red of which a share of the scores is spoilt."""
    found = 0
    for draw in range(draws):
        random = np.random.default_rng([seed, draw, 2])
        rows = drawn(world, HELD_OUT + WEEK, random)
        now = spoilt(rows.of(HELD_OUT, WEEK), share, random)
        allowed = MAX_LOSS * lead(world, metric)
        found += red(
            judged(rows.of(0, HELD_OUT), metric, HELD_OUT), judged(now, metric, WEEK), metric, allowed
        )
    return found / draws


def power_later(world: World, metric: str, share: float, draws: int) -> tuple[float, float]:
    """How often one of two weeks is red of which a share of the scores is spoilt, after a quarter without
    change: by their own rows and days alone, and as reports judge, beside the weeks before.
    """
    one, alone, beside = by_name(metric), 0, 0
    allowed = MAX_LOSS * lead(world, metric)
    for draw in range(draws):
        random = np.random.default_rng([FRESH, draw, 3])
        rows = drawn(world, HELD_OUT + (QUIET + 2) * WEEK, random)
        before = known(judged(rows.of(0, HELD_OUT), metric, HELD_OUT))
        weeks = [rows.of(HELD_OUT + n * WEEK, WEEK) for n in range(QUIET + 2)]
        told = [sureness.sure(one, known(judged(week, metric, WEEK)), [before]) for week in weeks[:QUIET]]
        spread = between_weeks.spread([(sure.value, sure.error) for sure in told if sure])
        lost = [judged(spoilt(week, share, random), metric, WEEK) for week in weeks[QUIET:]]
        alone += any(red(before, now, metric, allowed) for now in lost)
        beside += any(red(before, now, metric, allowed, weeks=spread) for now in lost)
    return alone / draws, beside / draws


def loss(world: World, metric: str, share: float) -> float:
    """What spoiling a share of the scores costs, in the metric's units."""
    random = np.random.default_rng(6)
    endless = replace(world, rows=200, customers=4_000 if world.customers else 0, lasting=0.0)
    rows = spoilt(drawn(endless, 2_000, random), share, random)
    found = known(judged(rows, metric, 2_000))
    return sureness.loss(truth(world, metric), found.value, by_name(metric))


def main(draws: int) -> None:
    """Print coverage, red weeks a year, and power."""
    print(f"the 95 % interval of seven days holds the truth, per cent of {draws} draws\n")
    print(f"{'':34}" + "".join(f"{metric:>9}" for metric in METRICS))
    for name, world in WORLDS.items():
        shares = [coverage(world, metric, draws, FRESH) for metric in METRICS]
        print(f"{name:34}" + "".join(f"{100 * share:9.1f}" for share in shares), flush=True)
    years = max(draws // 10, 2)
    print(
        f"\nred weeks in a year without change, by the default limit (aucpr), over {years} years; the share of"
        " years that have one, per cent; warnings a year; and reds without an allowed loss\n"
    )
    print(f"{'':34}{'a year':>9}{'worst':>7}{'years':>7}{'amber':>7}{'none allowed':>14}")
    for name, world in WORLDS.items():
        closed = [year(world, "aucpr", seed) for seed in range(years)]
        strict = [year(world, "aucpr", seed, max_loss=0.0) for seed in range(years)]
        warned = [year(world, "aucpr", seed, level=sureness.AMBER) for seed in range(years)]
        amber = np.mean(warned) - np.mean(closed)
        with_one = 100 * np.mean([weeks > 0 for weeks in closed])
        line = f"{np.mean(closed):9.2f}{max(closed):7d}{with_one:7.1f}{amber:7.2f}{np.mean(strict):14.2f}"
        print(f"{name:34}{line}", flush=True)
    tried = max(draws // 2, 10)
    print(
        f"\nfound in the first week, per cent of {tried}: a loss of aucpr of so much, as a share of the scores is"
        " spoilt\n"
    )
    for name, world in WORLDS.items():
        told = [
            f"{loss(world, 'aucpr', share):6.3f}:{100 * power(world, 'aucpr', share, tried, FRESH):4.0f}"
            for share in LOSSES
        ]
        print(f"{name:34}{'   '.join(told)}", flush=True)

    print(
        f"\nfound within two weeks after {QUIET} without change, per cent of {tried}, of which half of the scores,"
        " and all, are spoilt: by themselves, and beside the weeks before\n"
    )
    for name, world in WORLDS.items():
        each = [power_later(world, "aucpr", share, tried) for share in (0.5, 1.0)]
        told = [f"{100 * alone:4.0f} {100 * beside:4.0f}" for alone, beside in each]
        print(f"{name:34}{'   '.join(told)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
