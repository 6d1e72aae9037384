"""Limits of a day by earlier days: beyond chance and by more than a little, seldom on days without change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from pipelines.metrics import chance

SHARES = st.lists(st.floats(0.05, 0.95), min_size=chance.LEAST_DAYS, max_size=60)


def limits(
    shares: list[float], rows: int = 5_000, probability: float = 1e-6
) -> tuple[float | None, float | None]:
    known = chance.baseline(chance.angle(shares), [rows] * len(shares))
    return chance.as_shares(*chance.bounds(known, rows, probability))


@given(st.floats(0, 1))
def test_a_share_and_its_angle_tell_the_same(share: float) -> None:
    assert float(chance.share(chance.angle(share))) == pytest.approx(share, abs=1e-9)


@given(SHARES)
def test_limits_hold_every_day_that_they_come_from_and_are_never_nearer_than_the_least_shift(
    shares: list[float],
) -> None:
    low, high = limits(shares)
    assert (low or 0) <= min(shares) <= max(shares) <= (1 if high is None else high)
    centre = float(chance.baseline(chance.angle(shares), [5_000] * len(shares)).centre)
    assert float(chance.angle(low or 0)) <= max(centre - chance.SHIFT, 0) + 1e-9
    assert float(chance.angle(1 if high is None else high)) >= min(centre + chance.SHIFT, np.pi) - 1e-9


def test_small_shifts_close_nothing_however_sure_they_are() -> None:
    low, high = limits([0.5] * 28, rows=10**9)
    assert low == pytest.approx(0.3053, abs=1e-3)
    assert high == pytest.approx(0.6947, abs=1e-3)


def test_days_that_vary_make_limits_wide_whatever_the_number_of_rows() -> None:
    low, high = limits([0.3, 0.7] * 14, rows=10**9)
    assert low is None
    assert high is None


def test_one_odd_day_does_not_blind_the_limits() -> None:
    usual = [0.5, 0.52, 0.48] * 9
    low, _ = limits([*usual, 0.72])
    assert low is not None
    assert low > 0.18  # its deviation alone would take them to 0.12 and less


def test_a_day_with_few_rows_varies_more() -> None:
    known = chance.baseline(chance.angle([0.5, 0.52, 0.48] * 9), [5_000] * 27)
    assert chance.width(known, 50, 1e-6) > 5 * chance.width(known, 5_000, 1e-6)


@given(st.integers(5, 3_000), st.floats(0.005, 0.995), st.sampled_from([1e-3, 1e-6, 1e-9]))
def test_independent_rows_leave_the_limits_as_seldom_as_the_binomial_distribution_says(
    rows: int, share: float, probability: float
) -> None:
    low, high = limits([share] * 28, rows, probability)
    if low is not None:
        assert binom.cdf(np.ceil(low * rows) - 1, rows, share) <= probability / 2
    if high is not None:
        assert binom.sf(np.floor(high * rows), rows, share) <= probability / 2


def test_a_rare_value_may_be_missing_among_few_rows_and_not_among_many() -> None:
    assert limits([0.05] * 56, rows=215)[0] is None
    assert limits([0.05] * 56, rows=500)[0] is not None


def test_rows_that_come_together_count_as_fewer() -> None:
    """Days that differ three times as much as independent rows would: 500 of them tell as much as 55."""
    varying = chance.share(chance.angle(0.05) + np.array([-0.134, 0.134] * 14))
    assert limits(list(varying), rows=500)[0] is None
    known = chance.baseline(chance.angle(varying), [500] * 28)
    assert float(chance.widths(known, 500, 1e-6)[0]) >= float(known.centre)


def test_twice_the_usual_share_of_alarms_is_a_large_difference() -> None:
    known = chance.baseline(chance.angle([0.02, 0.021, 0.019] * 9), [10_000] * 27)
    low, high = chance.as_shares(*chance.alarm_bounds(known, 10_000, 1e-6))
    assert high == pytest.approx(0.04, abs=1e-3)
    assert low is not None
    assert 0.005 < low < 0.011
    assert limits([0.02, 0.021, 0.019] * 9)[0] is None  # a share of rows would have to move further


def test_a_dependence_is_broken_when_half_of_it_is_gone() -> None:
    known = chance.baseline(np.arctanh([0.6, 0.61, 0.59] * 9), [3_000] * 27)
    assert chance.link_limit(known, 3_000, 1e-6) == pytest.approx(0.3, abs=1e-3)
    assert chance.link_limit(known, 20, 1e-6) is None


def test_after_an_accepted_change_the_level_is_the_new_days_and_the_spread_the_old_ones() -> None:
    old = chance.baseline(chance.angle([0.5, 0.55, 0.45] * 9), [1_000] * 27)
    new = chance.baseline(chance.angle([0.9]), [1_000], old)
    assert float(chance.share(new.centre)) == pytest.approx(0.9)
    assert float(new.spread) == pytest.approx(float(old.spread))
    low, high = chance.as_shares(*chance.bounds(new, 1_000, 1e-6))
    assert low is not None
    assert 0.5 < low < 0.9
    assert high is None


def test_a_year_of_independent_days_closes_less_than_once() -> None:
    random = np.random.default_rng(7)
    closed = 0
    probability = chance.false_alarm(100)
    for _ in range(10):
        angles = chance.angle(random.binomial(500, 0.3, (28 + 365, 100)) / 500)
        rows = np.full((28, 100), 500)
        for night in range(28, len(angles)):
            low, high = chance.bounds(
                chance.baseline(angles[night - 28 : night], rows), 500, probability, shift=0.0
            )
            closed += bool(((angles[night] < low) | (angles[night] > high)).any())
    assert closed <= 10 / chance.GATES
