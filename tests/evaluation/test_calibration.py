"""How true probabilities are does not depend on the order of rows, has an interval that holds the truth, and
is judged by it.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from pipelines.evaluation.calibration import calibration_error, reliability, rule
from pipelines.metrics.bootstrap import Interval

NEAR = Interval(1.0, 0.9, 1.1)


def rows(n: int, seed: int, shift: float = 0.0, each: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities whose logits are `shift` too high, and units of so many rows that are alike."""
    random = np.random.default_rng(seed)
    certainty = random.normal(-1, 1.5, n // each)
    y = (random.random(n // each) < expit(certainty)) * 1.0
    return np.repeat(y, each), np.repeat(expit(certainty + shift), each), np.arange(n) // each


TRUE = calibration_error(*rows(1_000_000, 0, 0.25)[:2])


def test_the_error_is_the_mean_distance_in_ten_bins() -> None:
    y, score = np.repeat([0.0, 1.0], 50), np.repeat(np.linspace(0.05, 0.95, 10), 10)
    expected = np.mean([abs(middle - (middle > 0.5)) for middle in np.linspace(0.05, 0.95, 10)])
    assert calibration_error(y, score) == pytest.approx(expected)


@given(
    told=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.1, 0.3, 0.9])), min_size=1, max_size=40
    ),
    seed=st.integers(0, 9),
)
def test_the_order_of_rows_does_not_matter(told: list[tuple[int, float]], seed: int) -> None:
    y, score = (np.array(column, float) for column in zip(*told, strict=True))
    order = np.random.default_rng(seed).permutation(len(y))
    assert calibration_error(y[order], score[order]) == pytest.approx(calibration_error(y, score))


def test_chance_is_taken_off_the_error() -> None:
    plain, less = [], []
    for seed in range(20):
        y, score, units = rows(1_000, seed)
        plain.append(calibration_error(y, score))
        less.append(reliability(y, score, units, 0.95, 0).error.value)
    assert np.mean(plain) > 0.025
    assert np.mean(less) < 0.75 * np.mean(plain)


def test_an_interval_holds_the_truth_and_is_as_wide_as_units_are_alike() -> None:
    """Of 60 draws, 57 are the rule; fewer than 50 are seen once in ten thousand times."""
    found = [reliability(*rows(2_000, seed, 0.25), 0.95, 0) for seed in range(60)]
    assert sum(each.error.low <= TRUE <= each.error.high for each in found) >= 50
    ratios = [each.ratio for each in found]
    assert sum(ratio.low <= 1.14 <= ratio.high for ratio in ratios) >= 50
    alike = reliability(*rows(2_000, 1, 0.25, each=20), 0.95, 0)
    assert alike.error.high - alike.error.low > 2 * (found[1].error.high - found[1].error.low)


def test_too_few_units_have_no_interval_and_nothing_is_let_through_by_them() -> None:
    y, score, units = rows(500, 1)
    found = reliability(y, score, units % 9, 0.95, 0)
    assert np.isnan(found.error.high)
    judged = rule(found.error, found.ratio, 0.5, 0.95)
    assert not judged.holds
    assert "no interval of the calibration error" in judged.sentence


@pytest.mark.parametrize(
    ("error", "ratio", "holds", "sentence"),
    [
        (Interval(0.02, 0.01, 0.05), NEAR, True, "at most 0.05 allowed"),
        (Interval(0.04, 0.03, 0.06), NEAR, False, "not surely at most 0.05, which is allowed"),
        (Interval(0.08, 0.06, 0.10), NEAR, False, "but at most 0.05 allowed"),
        (Interval(0.001, 0.0, 0.002), Interval(1.9, 1.5, 2.3), False, "expects 1.90 positive rows for each"),
        (Interval(0.001, 0.0, 0.002), Interval(0.5, 0.4, 0.7), False, "expects 0.50 positive rows for each"),
        (Interval(0.001, 0.0, 0.002), Interval(1.4, 1.2, 1.6), True, "at most 0.05 allowed"),
    ],
)
def test_the_whole_interval_must_lie_below_what_is_allowed(
    error: Interval, ratio: Interval, holds: bool, sentence: str
) -> None:
    judged = rule(error, ratio, 0.05, 0.95)
    assert judged.holds == holds
    assert sentence in judged.sentence


def test_probabilities_that_are_too_far_off_are_hardly_ever_let_through() -> None:
    """Of 40 trainings whose true error is 0.04, one is let through where 0.03 is allowed, or two."""
    through = [
        rule(found.error, found.ratio, 0.03, 0.95).holds
        for found in (reliability(*rows(3_000, seed, 0.25), 0.95, 0) for seed in range(40))
    ]
    assert sum(through) <= 4
