"""Decisions of out-of-fold scores: no row has a part in its own threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.policies import Capacity, Fixed, LeastCost, MaxRecall, Policy
from pipelines.core.stakes import Stakes
from pipelines.metrics import metrics, threshold
from pipelines.metrics.cross_fitted import CrossFitted
from pipelines.metrics.metrics import Floats
from pipelines.metrics.scored import NEVER
from pipelines.metrics.threshold import Night

STAKES = Stakes(false_alarm=1, miss=6)
COST = LeastCost(policy="least_cost", false_positive=1, false_negative=6)


def folds(seed: int, n: int = 200, told: float = 0.5) -> tuple[list[Floats], list[Floats]]:
    """Labels and scores of three folds' rows held out; scores tell so much of the labels."""
    random = np.random.default_rng(seed)
    y = (random.random(3 * n) < 0.2).astype(float)
    score = told * y + (1 - told) * random.random(3 * n)
    return np.split(y, 3), np.split(score, 3)


def judge(y: list[Floats], policy: Policy = COST, metric: str = "cost", night: float = 30.0) -> CrossFitted:
    units = list(np.split(np.arange(sum(map(len, y))), 3))
    return CrossFitted(metric, STAKES, y, policy, units, Night(night))


def test_each_fold_s_threshold_is_the_policy_s_choice_by_the_other_folds() -> None:
    y, score = folds(1)
    for fold, cut in enumerate(judge(y).thresholds(score)):
        others = [n for n in range(3) if n != fold]
        chosen = threshold.choose(
            COST, np.concatenate([y[n] for n in others]), np.concatenate([score[n] for n in others])
        )
        assert cut == chosen


def test_no_label_of_a_fold_moves_its_own_threshold() -> None:
    y, score = folds(2)
    flipped = [y[0], 1 - y[1], y[2]]
    before, after = judge(y).thresholds(score), judge(flipped).thresholds(score)
    assert before[1] == after[1]
    assert before[0] != after[0]


@given(st.integers(0, 200))
def test_a_candidate_is_worth_the_metric_of_all_folds_decisions(seed: int) -> None:
    y, score = folds(seed, n=40)
    each, whole = judge(y).__call__(score)
    cuts = judge(y).thresholds(score)
    alarms = [(own >= cut).astype(float) for own, cut in zip(score, cuts, strict=True)]
    for fold in range(3):
        assert -each[fold] == metrics.measure("cost", y[fold], alarms[fold], stakes=STAKES)
    assert -whole == pytest.approx(np.mean([-value for value in each])), "all folds have as many rows"
    assert judge(y)(score) == (each, whole), "twice the same"


def test_a_metric_of_which_more_is_better_is_no_mean_of_its_folds() -> None:
    y, score = folds(3)
    each, whole = judge(y, metric="f1")(score)
    assert whole > 0
    assert whole != pytest.approx(np.mean(each), abs=1e-6)


def test_noise_is_worth_no_more_than_no_model_where_a_row_s_own_threshold_would_flatter_it() -> None:
    gained, flattered = [], []
    for seed in range(60):
        y, score = folds(seed, n=60, told=0.0)
        truth, every = np.concatenate(y), np.concatenate(score)
        constant = min(6 * truth.mean(), 1 - truth.mean())
        own = threshold.choose(COST, truth, every)
        flattered.append(constant - metrics.measure("cost", truth, every, threshold=own, stakes=STAKES))
        gained.append(constant + judge(y)(score)[1])
    assert np.mean(flattered) > 0.015
    assert np.mean(gained) < 0


def test_where_the_policy_cannot_choose_there_is_no_alarm() -> None:
    y, score = folds(4, told=0.0)
    hopeless = judge(y, MaxRecall(policy="max_recall", precision=0.9))
    assert hopeless.thresholds(score) == [NEVER] * 3
    assert hopeless(score)[1] == -6 * np.concatenate(y).mean()
    one_class = [np.zeros(200), y[1], np.zeros(200)]
    assert judge(one_class).thresholds(score)[1] == NEVER, "the others have no positive row"


def test_a_fixed_threshold_is_itself_and_a_capacity_a_share_of_the_night() -> None:
    y, score = folds(5)
    assert judge(y, Fixed(policy="fixed", value=0.7)).thresholds(score) == [0.7] * 3
    cuts = judge(y, Capacity(policy="capacity", alarms_a_day=3), night=30.0).thresholds(score)
    for fold, cut in enumerate(cuts):
        others = np.concatenate([score[n] for n in range(3) if n != fold])
        assert (others >= cut).mean() == pytest.approx(0.1)
