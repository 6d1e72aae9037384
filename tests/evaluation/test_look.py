"""The error of a look is what is stated, where percentiles by row were wrong: on few positives, and on rows
that come in customers. The worlds are those of benchmarks/promotions.py.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks import promotions
from benchmarks.promotions import World

LOOKS = 200
STATED = 0.025  # of a look alone, at a level of 0.95


def better_by_chance(world: World) -> tuple[int, int]:
    """Of so many challengers that are no better, how many seem to be: by Student's t of units, and by
    percentiles of rows.
    """
    now = before = 0
    days = np.zeros(world.rows, dtype=np.int64)
    for seed in range(LOOKS):
        random = np.random.default_rng(seed)
        y = np.zeros(world.rows)
        y[random.permutation(world.rows)[: round(world.rows * world.positive)]] = 1
        customer = (
            random.integers(world.customers, size=world.rows) if world.customers else np.arange(world.rows)
        )
        rows = promotions.Rows(y, random.normal(size=world.rows), days, customer)
        one, other = (promotions.model(world, rows, 0.0, random) for _ in range(2))
        found, _, by_row = promotions.gain(world, rows, days == 0, (one, other), seed, 60)
        now += found is not None and found.interval(0.95).low > 0
        before += by_row
    return now, before


@pytest.mark.parametrize(
    ("world", "needed"),
    [
        pytest.param(World(rows=120, positive=0.025), False, id="3 positives"),
        pytest.param(World(rows=240, positive=0.5, customers=12), True, id="12 customers"),
    ],
)
def test_of_challengers_that_are_no_better_as_few_seem_to_be_as_stated(
    world: World,
    needed: bool,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    now, before = better_by_chance(world)
    record_property("better by chance", f"{now} of {LOOKS}, {before} by percentiles of rows")
    assert now <= 2 * STATED * LOOKS  # binomial: more in one of a hundred runs
    assert not needed or before > 3 * STATED * LOOKS


def test_a_year_of_weekly_looks_promotes_nothing_that_is_no_better_and_what_is_clearly_better_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(promotions, "DRAWS", 60)
    world = World(rows=8, positive=0)
    came = [promotions.year(world, seed) for seed in range(3)]
    assert [one.looks for one in came] == [52, 52, 52]
    assert sum(one.false for one in came) == 0
    assert sum(one.before for one in came) >= 3
    better = promotions.year(World(rows=8, positive=0, better=0.6), 0)
    assert better.waited is not None
    assert better.waited <= 28
