"""A promise is kept on new rows as often as it says: counted on planted truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binomtest

from pipelines.core import promise
from pipelines.core.policies import MaxPrecision, MaxRecall
from pipelines.core.promise import Counted
from tests.helpers import planted
from tests.helpers.planted import World

HALF = MaxRecall(policy="max_recall", precision=0.5)
MOST_OF_100 = 10  # broken promises where 5 are the rule: more are seen once in a hundred times


def counted(right: list[int], rows: list[int]) -> Counted:
    return Counted(np.array(right, float), np.array(rows, float), np.array(rows, float))


@pytest.mark.parametrize(
    ("right", "rows", "kept"),
    [
        ([9], [9], []),  # fewer than ten alarms, whatever they are
        ([10], [10], [0]),
        ([9], [10], [0]),  # one of a hundred times by chance
        ([8], [10], []),  # five of a hundred and more
        ([9, 40, 45], [10, 60, 100], [0, 1]),
        ([5, 40, 45], [10, 60, 100], [1]),  # what is stricter need not be more precise
        ([5, 10, 15], [10, 20, 30], []),
    ],
)
def test_thresholds_pass_whose_precision_cannot_be_chance(
    right: list[int], rows: list[int], kept: list[int]
) -> None:
    assert promise.with_precision(counted(right, rows), 0.5, 0.95).tolist() == kept


def test_one_threshold_takes_the_exact_binomial_bound() -> None:
    for right in range(30, 61):
        found = len(promise.with_precision(counted([right, right], [60, 60]), 0.5, 0.95)) > 0
        sure = binomtest(right, 60, 0.5, alternative="greater").pvalue
        # what chance makes of it is drawn, so the level is near 5 of 100
        assert found == (sure < 0.05) or 0.04 < sure < 0.06


@given(misses=st.integers(0, 40), positives=st.integers(41, 400), share=st.sampled_from([0.5, 0.8, 0.95]))
def test_recall_takes_the_bound_of_clopper_and_pearson(misses: int, positives: int, share: float) -> None:
    right = positives - misses
    found = promise.with_recall(counted([0, right, positives], [positives] * 3), share, 0.95)
    low = beta.ppf(0.05, right, misses + 1)
    assert (1 in found) == (low >= share)
    assert 0 not in found


def test_rows_of_few_units_promise_nothing() -> None:
    rows = np.array([500.0])
    assert len(promise.with_precision(Counted(rows, rows, rows, np.array([9.0])), 0.5, 0.95)) == 0
    assert len(promise.with_precision(Counted(rows, rows, rows, np.array([10.0])), 0.5, 0.95)) == 1


@pytest.mark.parametrize(
    ("world", "positives"),
    [
        (planted.independent(-4, 2), 200),
        (planted.independent(-3, 1.5, bent=3), 1_000),
        (planted.customers(-3, 2, own=2, rows_each=20), 300),
        (planted.days(-4, 2, own=0.7, number=20), 1_000),
    ],
)
def test_a_precision_is_kept_on_new_rows(world: World, positives: int) -> None:
    found = planted.choices(world, HALF, positives, 100, lambda precision, _: precision >= 0.5)
    assert found.chosen > 40, found
    assert found.broken <= MOST_OF_100, found


def test_scores_that_say_nothing_reach_nothing() -> None:
    """A share that is a little below what is asked for is where chance reaches it most easily."""
    for share, most in ((0.05, 0), (0.49, MOST_OF_100)):
        found = planted.choices(planted.noise(share), HALF, int(2_000 * share), 100, lambda *_: False)
        assert found.chosen <= most, (share, found)


@pytest.mark.parametrize(
    ("world", "positives"), [(planted.independent(-4, 2), 55), (planted.customers(-3, 2, 2, 20), 300)]
)
def test_a_recall_is_kept_on_new_rows(world: World, positives: int) -> None:
    policy = MaxPrecision(policy="max_precision", recall=0.7)
    found = planted.choices(world, policy, positives, 100, lambda _, recall: recall >= 0.7)
    assert found.chosen > 90, found
    assert found.broken <= MOST_OF_100, found
