"""What is expected of a metric before labels are known is what many draws of the labels come to."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from pipelines.core.metric import Metric
from pipelines.core.metrics import by_name, for_task
from pipelines.core.stakes import Stakes
from pipelines.metrics import expected, metrics
from pipelines.metrics.expected import Estimator
from pipelines.metrics.score_meaning import Uncalibrated

CUT = 0.3
STAKES = Stakes(false_alarm=1, miss=4)
OF_CLASSES = [by_name(name) for name in for_task("binary", STAKES)]


def table(days: int, seed: int, rows: int = 600, moved: float = 0.0) -> pd.DataFrame:
    """Rows whose scores are their probabilities."""
    random = np.random.default_rng(seed)
    true = expit(-2 + moved + random.normal(0, 1.5, days * rows))
    return pd.DataFrame(
        {
            "label": (random.random(len(true)) < true).astype(float),
            "score": true,
            "decision": (true >= CUT).astype(int),
            "day": np.repeat(np.arange(days), rows),
            "unit": None,
        }
    )


def rows(part: pd.DataFrame, metric: Metric) -> expected.Rows:
    return expected.of_relation(duckdb.from_df(part), metric)


@pytest.mark.parametrize("metric", OF_CLASSES, ids=lambda metric: metric.name)
def test_the_estimate_is_the_mean_of_what_the_labels_may_say(metric: Metric) -> None:
    now, random = table(7, seed=2), np.random.default_rng(3)
    sure = Estimator.fit(metric, rows(table(10, seed=1), metric), STAKES).estimate(
        rows(now.assign(label=None), metric)
    )
    later = [
        metrics.measure(
            metric.name,
            (random.random(len(now)) < now.score).astype(float),
            now.score,
            threshold=CUT,
            stakes=STAKES,
        )
        for _ in range(100)
    ]
    assert sure is not None
    assert abs(sure.value - np.mean(later)) < 2.5 * sure.error
    # it also has to allow for what is not known of the probabilities
    assert np.std(later) < sure.error < 3 * np.std(later)


@pytest.mark.parametrize("name", ["aucpr", "recall"])
def test_rows_that_are_others_than_before_are_told_as_they_are(name: str) -> None:
    metric, now = by_name(name), table(7, seed=4, moved=-1.0)
    estimator = Estimator.fit(metric, rows(table(10, seed=1), metric))
    before = estimator.estimate(rows(table(7, seed=5), metric))
    sure = estimator.estimate(rows(now.assign(label=None), metric))
    assert sure is not None
    assert before is not None
    low, high = sure.interval()
    true = metrics.measure(name, now.label, now.score, threshold=CUT)
    assert low <= true <= high < before.value


def test_labels_of_no_row_are_looked_at() -> None:
    metric, now = by_name("aucpr"), table(7, seed=4)
    estimator = Estimator.fit(metric, rows(table(10, seed=1), metric))
    assert estimator.estimate(rows(now, metric)) == estimator.estimate(rows(now.assign(label=1.0), metric))


def test_the_order_of_rows_does_not_matter_beyond_the_last_digits() -> None:
    metric, before, now = by_name("aucpr"), table(10, seed=1), table(7, seed=4)
    one = Estimator.fit(metric, rows(before, metric)).estimate(rows(now, metric))
    shuffled = [part.sample(frac=1, random_state=1) for part in (before, now)]
    other = Estimator.fit(metric, rows(shuffled[0], metric)).estimate(rows(shuffled[1], metric))
    assert one is not None
    assert other is not None
    assert (one.value, one.error) == pytest.approx((other.value, other.error), rel=1e-6)


def test_the_interval_holds_the_later_truth_in_about_95_of_100_draws() -> None:
    metric, held = by_name("aucpr"), 0
    for seed in range(60):
        now = table(7, seed=1000 + seed, rows=300)
        sure = Estimator.fit(metric, rows(table(10, seed=seed, rows=300), metric)).estimate(rows(now, metric))
        assert sure is not None
        low, high = sure.interval()
        held += low <= metrics.measure("aucpr", now.label, now.score) <= high
    assert held >= 53  # of 60; of 95 in 100 chance leaves fewer once in a hundred times


def test_labels_that_days_share_make_the_interval_wider() -> None:
    metric, random = by_name("brier"), np.random.default_rng(7)
    alike = table(20, seed=1)
    level = random.normal(0, 1, 20)[alike.day]
    shifted = expit(np.log(alike.score / (1 - alike.score)) + level)
    alike = alike.assign(label=(random.random(len(alike)) < shifted).astype(float))
    wide, narrow = (
        Estimator.fit(metric, rows(before, metric)).estimate(rows(table(7, seed=2), metric))
        for before in (alike, table(20, seed=1))
    )
    assert wide is not None
    assert narrow is not None
    assert wide.error > 2 * narrow.error


def test_an_estimate_from_too_few_labels_is_refused_in_a_sentence() -> None:
    metric = by_name("aucpr")
    with pytest.raises(Uncalibrated, match="can be learned from 25 labelled rows of each class"):
        Estimator.fit(metric, rows(table(1, seed=1, rows=60), metric))
