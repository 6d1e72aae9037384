"""How far off numbers will be is told from how far off they were, for whom there are others now."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.core.metric import Sum
from pipelines.core.metrics import by_name
from pipelines.metrics import metrics
from pipelines.metrics.metrics import Floats
from pipelines.model.expected_loss import LossEstimator, Numbers, TooFewLabelled
from tests.helpers import fitted

FACTS = fitted.use_case("regression")


def drawn(days: int, seed: int, youngest: float = 18.0, rows: int = 100) -> tuple[Numbers, Floats]:
    """Amounts that are the scores, and labels that are off by more, the older somebody is."""
    random, n = np.random.default_rng(seed), days * rows
    amount, age = random.lognormal(3, 1, n), random.uniform(youngest, 90, n)
    X = pd.DataFrame(  # noqa: N806 (scikit-learn's letter)
        {
            "amount": amount.astype(np.float32),
            "age": age.astype(np.float32),
            "channel": random.choice(["chip", "online"], n),
            "note": "",
        }
    )
    label = amount + random.normal(size=n) * (1 + age / 20)
    return Numbers(X, amount, np.repeat(np.arange(days), rows)), label


def fit(name: str, seed: int = 1) -> LossEstimator:
    metric = by_name(name)
    assert isinstance(metric.by, Sum)
    return LossEstimator.fit(metric, metric.by, *drawn(10, seed), FACTS)


@pytest.mark.parametrize("name", ["rmse", "mae", "asymmetric"])
def test_rows_that_are_harder_than_before_are_told_as_they_are(name: str) -> None:
    now, label = drawn(7, 2, youngest=70)
    estimator = fit(name)
    sure, usual = estimator.estimate(now), estimator.estimate(drawn(7, 3)[0])
    true = metrics.measure(name, label, now.score, stakes=FACTS.stakes)
    assert sure is not None
    assert usual is not None
    low, high = sure.interval()
    assert low <= true <= high
    assert sure.value > 1.1 * usual.value


def test_the_share_that_is_explained_is_told_though_it_needs_the_labels_spread() -> None:
    now, label = drawn(7, 4)
    sure = fit("r2").estimate(now)
    assert sure is not None
    assert sure.value == pytest.approx(metrics.measure("r2", label, now.score), abs=0.02)


def test_intervals_hold_most_later_truths() -> None:
    held = 0
    for seed in range(12):
        now, label = drawn(7, 100 + seed)
        sure = fit("mae", seed).estimate(now)
        assert sure is not None
        low, high = sure.interval()
        held += low <= metrics.measure("mae", label, now.score) <= high
    assert held >= 10  # of 12; of 95 in 100 chance leaves fewer once in 50 times


def test_the_same_rows_give_the_same_estimate() -> None:
    now, _ = drawn(7, 2)
    assert fit("rmse").estimate(now) == fit("rmse").estimate(now)


def test_too_few_labelled_rows_tell_nothing() -> None:
    metric = by_name("rmse")
    assert isinstance(metric.by, Sum)
    for rows in (drawn(1, 1, rows=500), drawn(3, 1, rows=60)):
        with pytest.raises(TooFewLabelled, match="200 labelled rows of two days"):
            LossEstimator.fit(metric, metric.by, *rows, FACTS)
