"""A week is beside weeks: seldom red where nothing has changed, and red at once where something has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import drift_years
from pipelines.monitoring import joint, level
from pipelines.monitoring.level import Days

MEAN, SHARE = np.array([False]), np.array([True])
MONDAY = 738_000 // 7 * 7
PROBABILITY = 1e-4


def days(values: np.ndarray, first: int = MONDAY, rows: float = 500.0) -> Days:
    """Days of one statistic."""
    on = first + np.arange(len(values))
    return Days(on, np.asarray(values, dtype=float)[:, None], np.full((len(values), 1), rows))


def noise(n: int, seed: int = 1) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).normal(0, 0.05, n))


def beyond(before: np.ndarray, week: np.ndarray, shares: np.ndarray = MEAN) -> bool:
    found = level.judge(days(before), days(week, MONDAY + len(before)), shares, PROBABILITY)
    assert found is not None
    return bool(found.beyond[0])


def test_a_week_like_the_others_is_within_and_a_moved_one_is_not() -> None:
    assert not beyond(noise(42), noise(7, 2))
    assert beyond(noise(42), noise(7, 2) + 1)
    assert beyond(noise(42), np.where(np.arange(7) < 2, 0, 1) + noise(7, 2)), "since Wednesday"


def test_one_odd_day_is_a_night_s_matter() -> None:
    assert not beyond(noise(42), noise(7, 2) + 5 * (np.arange(7) == 3))
    assert not beyond(np.zeros(42), 1.0 * (np.arange(7) == 3), SHARE), "a holiday"


def test_what_weekdays_do_is_usual_whichever_day_is_left_out() -> None:
    weekend = 1.0 * (np.arange(49) % 7 >= 5)
    assert not beyond(weekend[:42] + noise(42), weekend[42:] + noise(7, 2))


def test_a_steady_trend_is_within() -> None:
    assert not beyond(0.05 * np.arange(42) + noise(42), 0.05 * np.arange(42, 49) + noise(7, 2))


def test_what_was_usual_a_year_ago_is_usual() -> None:
    jump = np.where(np.arange(371) % 364 < 21, 1.0, 0.0) + noise(371)
    assert not beyond(jump[:364], jump[364:])
    assert beyond(jump[100:364], jump[364:]), "not known to a shorter training"


def test_few_days_say_nothing_and_less_than_two_weeks_what_days_do() -> None:
    assert level.judge(days(noise(6)), days(noise(7), MONDAY + 6), MEAN, PROBABILITY) is None
    found = level.judge(days(noise(10)), days(noise(7), MONDAY + 10), MEAN, PROBABILITY)
    assert found is not None
    assert (found.periods, found.by_weeks) == (10, False)


def test_statistics_together_narrow_limits_where_weeks_vary_as_their_days_do() -> None:
    random = np.random.default_rng(3)
    before = Days(MONDAY + np.arange(42), random.normal(0, 0.05, (42, 100)), np.full((42, 100), 500.0))
    week = Days(MONDAY + 42 + np.arange(7), random.normal(0, 0.05, (7, 100)), np.full((7, 100), 500.0))
    shares = np.zeros(100, dtype=bool)
    known = level.prior([(before, shares)])
    assert known.ratio == pytest.approx(1, abs=0.3)
    assert known.freedom > 10
    assert known.drift < 0.3
    alone, together = (
        level.judge(before, replace(week, values=week.values + 0.25), shares, PROBABILITY, each)
        for each in (level.NOTHING_KNOWN, known)
    )
    assert alone is not None
    assert together is not None
    assert together.beyond.sum() > 90 > 1.5 * alone.beyond.sum()


def test_a_level_that_walks_on_widens_limits() -> None:
    random = np.random.default_rng(4)
    walk = np.repeat(random.normal(0, 1, (13, 100)).cumsum(axis=0), 7, axis=0)
    before = Days(MONDAY + np.arange(91), walk, np.full((91, 100), 500.0))
    assert level.prior([(before, np.zeros(100, dtype=bool))]).drift > 0.8


def test_many_small_moves_are_one_large_one() -> None:
    random = np.random.default_rng(5)
    before = Days(MONDAY + np.arange(56), random.normal(0, 0.05, (56, 20)), np.full((56, 20), 500.0))
    week = Days(MONDAY + 56 + np.arange(7), random.normal(0, 0.05, (7, 20)), np.full((7, 20), 500.0))
    shares = np.zeros(20, dtype=bool)
    quiet = joint.judge(before, week, shares, 0.001)
    moved = joint.judge(before, replace(week, values=week.values + 0.1), shares, 0.001)
    one = joint.judge(before, replace(week, values=week.values + 9 * (np.arange(20) == 3)), shares, 0.001)
    assert (quiet is not None and quiet.beyond, moved is not None and moved.beyond) == (False, True)
    assert one is not None
    assert not one.beyond, "a large one has a row of its own"


@pytest.mark.parametrize("name", ["20 customers, 500 rows", "days last (0.97)", "a yearly season of 0.5"])
def test_a_year_without_change_has_at_most_one_red_week(name: str) -> None:
    """`benchmarks.drift_years` does the same for more worlds and years."""
    world, reference = drift_years.WORLDS[name]
    red, amber = drift_years.year(world, reference, 5)[:2]
    assert red <= 1
    assert amber <= 12


def test_each_change_is_found_in_its_first_week_and_nothing_else() -> None:
    found = drift_years.found_changes(200, 7)
    assert [name for name, seen in found.items() if not seen] == ["(ten unchanged ones, any)"]


def test_a_quarter_more_of_a_rare_decision_is_large_though_its_effect_is_small() -> None:
    random = np.random.default_rng(8)
    rows = np.full((56, 1), 20_000.0)
    before = Days(MONDAY + np.arange(56), random.binomial(20_000, 0.01, (56, 1)) / 20_000, rows)
    share = np.ones(1, dtype=bool)

    def beyond(now: float, bounds: level.Bounds) -> bool:
        week = Days(MONDAY + 56 + np.arange(7), np.full((7, 1), now), rows[:7])
        found = level.judge(before, week, share, 0.0001, bounds=bounds)
        assert found is not None
        return bool(found.beyond.any())

    assert [beyond(now, level.of_what_is_decided) for now in (0.01, 0.012, 0.014, 0.006)] == [
        False,
        False,
        True,
        True,
    ]
    assert not beyond(0.014, level.of_any_share)
