from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from pipelines.core.config import Metric, UseCase
from pipelines.metrics import metrics
from pipelines.model import baseline
from tests.helpers import tiny


def use_case(rule: str | None, task: str = "binary") -> UseCase:
    facts = yaml.safe_load(tiny.YAML)
    facts["candidates"]["baseline"] = {"rule": rule}
    if task == "regression":
        facts |= {"task": task, "label": {}, "metric": {"name": "rmse"}, "threshold": None}
    return UseCase.model_validate(facts)


def amounts(*values: float) -> pd.DataFrame:
    return pd.DataFrame({"amount": np.array(values, dtype=np.float32)})


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_without_a_rule_the_score_is_the_mean_label_of_training(task: str) -> None:
    fitted = baseline.fit(use_case(None, task), amounts(1, 2, 3, 4), np.array([0, 0, 0, 1]))
    assert fitted.scores(amounts(7, 8)).tolist() == [0.25, 0.25]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=30),
    st.sampled_from(["asymmetric", "mae"]),
    st.floats(0.2, 5),
)
def test_no_other_constant_costs_less_on_the_training_rows(
    labels: list[int], metric: str, under: float
) -> None:
    facts = use_case(None, "regression")
    facts = facts.model_copy(update={"metric": Metric.model_validate({"name": metric, "under_cost": under})})
    y = np.array(labels, dtype=np.float64)

    def cost(told: float) -> float:
        return metrics.measure(metric, y, np.full(len(y), told), stakes=facts.stakes)

    best = baseline.constant(facts, y)
    assert all(cost(best.value) <= cost(other) + 1e-9 for other in range(21))


@pytest.mark.parametrize(("positives", "alarm"), [(1, False), (4, True)])
def test_of_costs_all_alarms_or_none_is_told(positives: int, alarm: bool) -> None:
    declared = {"name": "cost", "false_positive": 1, "false_negative": 2}
    facts = use_case(None).model_copy(update={"metric": Metric.model_validate(declared)})
    found = baseline.constant(facts, np.array([1] * positives + [0] * (6 - positives)))
    assert (found.alarm, found.value) == (alarm, positives / 6)


def test_a_regressions_rule_is_the_feature_itself_and_where_missing_its_training_median() -> None:
    fitted = baseline.fit(
        use_case("amount", "regression"), amounts(1, 2, 9, np.nan), np.array([1.0, 2.0, 3.0, 4.0])
    )
    assert fitted.scores(amounts(5.5, np.nan)).tolist() == [5.5, 2.0]


def test_a_rule_over_a_feature_that_training_never_saw_takes_it_as_zero() -> None:
    fitted = baseline.fit(use_case("amount", "regression"), amounts(np.nan, np.nan), np.array([1.0, 2.0]))
    assert fitted.scores(amounts(np.nan)).tolist() == [0.0]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=4, max_size=30), st.randoms(use_true_random=False))
def test_a_binary_rule_scores_probabilities_in_the_features_own_order(
    values: list[int], random: np.random.Generator
) -> None:
    training = amounts(*values, 0, 50)
    bad = (training.amount > 25).astype(int).to_numpy()
    scores = baseline.fit(use_case("amount"), training, bad).scores(training)
    assert ((scores > 0) & (scores < 1)).all()
    assert average_precision_score(bad, scores) == pytest.approx(1)
    order = np.argsort(training.amount, kind="stable")
    assert (np.diff(scores[order])[np.diff(training.amount[order]) > 0] > 0).all()


def test_a_binary_rule_is_calibrated_on_the_training_rows() -> None:
    random = np.random.default_rng(1)
    training = amounts(*random.lognormal(size=2000))
    bad = (random.random(2000) < 0.02 + 0.1 * (training.amount > 2)).astype(int)
    scores = baseline.fit(use_case("amount"), training, bad).scores(training)
    assert scores.mean() == pytest.approx(bad.mean(), rel=0.05)


def test_a_binary_rule_that_points_the_other_way_is_turned_round() -> None:
    fitted = baseline.fit(use_case("amount"), amounts(*range(40)), np.array([1] * 20 + [0] * 20))
    low, high = fitted.scores(amounts(1, 39))
    assert low > high


def test_a_binary_rule_takes_a_missing_value_as_the_median_and_values_beyond_training_as_its_extremes() -> (
    None
):
    fitted = baseline.fit(use_case("amount"), amounts(*range(41)), np.array([0] * 21 + [1] * 20))
    scores = fitted.scores(amounts(np.nan, 20, -9, 0, 99, 40))
    assert scores[0] == scores[1]
    assert scores[2] == scores[3]
    assert scores[4] == scores[5]
