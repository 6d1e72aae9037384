"""Intervals cover by units and days, and a loss is sure only where chance hardly makes it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import performance
from pipelines.core.metrics import by_name
from pipelines.metrics import sureness
from pipelines.metrics.influence import Sums
from pipelines.metrics.sureness import Sure


def sums(**facts: float) -> Sums:
    usual = {"value": 0.5, "rows": 700, "least": 100, "days": 7, "units": 700}
    return Sums(**{**usual, "by_unit": 1e-4, "by_day": 6e-4 / 7, "by_cell": 1e-4, **facts})  # type: ignore[arg-type]


def test_independent_rows_vary_by_rows_alone() -> None:
    sure = sureness.sure(by_name("aucpr"), sums())
    assert sure is not None
    assert sure.error == pytest.approx(0.01, rel=0.01)
    assert sure.freedom > 300
    low, high = sure.interval()
    assert (low, high) == pytest.approx((0.4804, 0.5196), abs=1e-3)


def test_days_that_vary_make_it_less_sure_and_other_days_tell_so_too() -> None:
    metric = by_name("aucpr")
    alone = sureness.sure(metric, sums(by_day=12e-4))
    assert alone is not None
    assert alone.freedom < 8
    assert alone.error > 0.03
    beside = sureness.sure(metric, sums(), [sums(by_day=12e-4, days=20)])
    assert beside is not None
    assert beside.error > 0.02
    assert beside.freedom > 15


def test_few_units_have_few_degrees_of_freedom() -> None:
    sure = sureness.sure(by_name("aucpr"), sums(units=5, by_unit=4e-4))
    assert sure is not None
    assert sure.freedom == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("facts", [{"least": 4}, {"units": 1}])
def test_too_few_rows_say_nothing(facts: dict[str, float]) -> None:
    assert sureness.sure(by_name("aucpr"), sums(**facts)) is None


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_share_of_none_or_of_all_is_not_sure_of_it(value: float) -> None:
    low, high = Sure(value, 0.0, 1_000, by_name("recall"), 10).interval()
    assert 0 <= low <= value <= high <= 1
    assert high - low > 0.2


def test_an_error_has_no_negative_end() -> None:
    low, high = Sure(1.0, 0.5, 1_000, by_name("rmse"), 10).interval()
    assert (low, high) == pytest.approx((math.exp(-0.98), math.exp(0.98)), rel=0.01)


def test_a_loss_is_sure_beyond_what_chance_makes_of_both_sides() -> None:
    metric = by_name("aucpr")
    before, now = Sure(0.8, 0.01, 1e6, metric, 500), Sure(0.7, 0.01, 1e6, metric, 500)
    assert sureness.least_loss(before, now) == pytest.approx(0.1 - 2.576 * 0.0141, abs=0.002)
    assert sureness.least_loss(before, now, sureness.AMBER) == pytest.approx(0.1 - 1.282 * 0.0141, abs=0.002)
    assert sureness.least_loss(before, Sure(0.9, 0.01, 1e6, metric, 500)) < -0.1
    assert sureness.detectable(None, now, 0.0) == pytest.approx(0.028, abs=0.001)
    assert sureness.detectable(before, now, 0.02) == pytest.approx(0.02 + 3.42 * 0.0141, abs=0.001)
    error = by_name("rmse")
    worse = sureness.least_loss(Sure(1.0, 0.01, 1e6, error, 500), Sure(1.5, 0.01, 1e6, error, 500))
    assert worse == pytest.approx(0.5 - 2.576 * 0.0141, abs=0.005)


@pytest.mark.parametrize("world", ["independent rows, 500", "days vary", "100 customers"])
def test_intervals_cover_as_often_as_they_say(world: str) -> None:
    """Of 200 draws 181 to 198 are covered: at 95 %, chance leaves that once in a thousand times or less."""
    covered = performance.coverage(performance.WORLDS[world], "aucpr", draws=200, seed=1)
    assert 181 <= round(200 * covered) <= 199


def test_a_stationary_year_has_hardly_an_alarm_and_a_great_loss_is_found() -> None:
    world = performance.WORLDS["independent rows, 500"]
    assert sum(performance.year(world, "aucpr", seed) for seed in range(5)) == 0
    assert performance.power(world, "aucpr", 1.0, draws=20, seed=3) >= 0.95


def test_years_of_days_that_last_keep_to_one_false_red_each() -> None:
    """By their own rows and days alone they have two each, and one of them, whose held-out days were good ones,
    21.
    """
    world = performance.WORLDS["days vary, and last (0.7)"]
    reds = [performance.year(world, "aucpr", seed) for seed in range(24)]
    assert sum(reds) <= 24
    assert max(reds) < 21 / 2


@pytest.mark.parametrize("value", [0.6, 0.976])
def test_a_loss_that_is_told_as_detectable_is_found_in_four_of_five_draws(value: float) -> None:
    """Near 1 an interval reaches much farther down than up, which a few standard errors do not tell."""
    auc = by_name("aucpr")
    before = Sure(value, 0.012, 60, auc, 30)
    now = Sure(value, 0.035, 40, auc, 50)
    told = sureness.detectable(before, now, 0.05)
    random = np.random.default_rng(4)

    def found(loss: float) -> float:
        draws = [
            sureness.least_loss(
                replace(before, value=min(value + 0.012 * random.standard_t(60), 0.999)),
                replace(now, value=value - loss + 0.035 * random.standard_t(40)),
            )
            > 0.05
            for _ in range(2_000)
        ]
        return float(np.mean(draws))

    assert 0.75 <= found(told) <= 0.87
    assert found(0.7 * told) < 0.5


def test_no_more_is_told_as_detectable_than_can_be_lost_and_then_none_is_found() -> None:
    error = by_name("brier")  # of which 0.1 is good: up to 0.9 can be lost
    few, some = Sure(0.1, 0.2, 6, error, 5), Sure(0.1, 0.05, 1e6, error, 100)
    assert sureness.detectable(some, some, 0.0) > 0.1
    assert not sureness.shows_none(0.1, sureness.detectable(some, some, 0.0), error)
    assert sureness.detectable(few, few, 0.0) == pytest.approx(0.9)
    assert sureness.shows_none(0.1, sureness.detectable(few, few, 0.0), error)
    share = by_name("precision_at_k")
    known, weak = Sure(0.5, 0.05, 50, share, 100), Sure(0.2, 0.15, 5, share, 6)
    assert 0.02 < sureness.detectable(known, replace(weak, error=0.05, freedom=60), 0.02) < 0.4
    assert sureness.detectable(known, weak, 0.02) == 0.5
    assert sureness.shows_none(0.5, 0.5, share)
    assert not sureness.shows_none(None, 0.5, share)
    assert not sureness.shows_none(1.0, 1.0, by_name("rmse")), "an error has no end"
