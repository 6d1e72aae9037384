"""Values are swapped back by the fewest changes: what has not moved stays as it is."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.monitoring.impact import Impact, as_numbers, as_values

RANDOM = np.random.default_rng(5)
BEFORE = np.random.default_rng(1).lognormal(3, 1, 20_000)


def test_a_number_takes_the_value_of_its_rank() -> None:
    now = 10 * np.random.default_rng(2).lognormal(3, 1, 10_000)
    back = as_numbers(BEFORE, now, RANDOM)
    assert (np.argsort(back, kind="stable")[:100].tolist()) == np.argsort(now)[:100].tolist()
    assert np.median(np.abs(np.log(back / (now / 10)))) < 0.05


def test_a_number_that_has_not_moved_hardly_changes() -> None:
    now = np.random.default_rng(2).lognormal(3, 1, 10_000)
    assert np.median(np.abs(np.log(as_numbers(BEFORE, now, RANDOM) / now))) < 0.05


@pytest.mark.parametrize("constant", [0.0, np.nan])
def test_a_constant_takes_all_values_of_the_reference(constant: float) -> None:
    back = as_numbers(BEFORE, np.full(10_000, constant), RANDOM)
    assert np.quantile(back, [0.1, 0.5, 0.9]) == pytest.approx(np.quantile(BEFORE, [0.1, 0.5, 0.9]), rel=0.1)


def test_as_many_are_missing_as_were() -> None:
    half, few = (
        np.where(RANDOM.random(10_000) < 0.5, np.nan, 1.0),
        np.where(RANDOM.random(10_000) < 0.1, np.nan, 1.0),
    )
    assert np.isnan(as_numbers(few, half, RANDOM)).mean() == pytest.approx(0.1, abs=0.02)
    assert np.isnan(as_numbers(half, few, RANDOM)).mean() == pytest.approx(0.5, abs=0.02)
    assert np.isnan(as_numbers(np.full(5, np.nan), few, RANDOM)).all()


def test_only_values_that_are_too_many_change() -> None:
    before = np.array(["a"] * 6_000 + ["b"] * 4_000, dtype=object)
    now = np.array(["a"] * 3_000 + ["b"] * 4_000 + ["new"] * 3_000, dtype=object)
    back = as_values(before, now, RANDOM)
    assert (back[:7_000] == now[:7_000]).all()
    assert set(back[7_000:]) == {"a"}
    assert as_values(before, before, RANDOM).tolist() == before.tolist()


@pytest.mark.parametrize(
    ("impact", "matters"),
    [
        (Impact(0.06, None, None, 1_000), True),
        (Impact(0.04, None, None, 1_000), False),
        (Impact(0.0, 0.011, 0.01, 1_000), True),
        (Impact(0.0, 0.005, 0.25, 10_000), True),
        (Impact(0.0, 0.005, 0.25, 1_000), False),  # five rows
        (Impact(0.0, 0.009, 0.1, 10_000), False),
    ],
)
def test_what_matters(impact: Impact, matters: bool) -> None:
    assert impact.matters is matters
