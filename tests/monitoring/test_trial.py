"""A trial compares the champion with a newer fit on the newest labelled rows, and says that it helps only if that
is sure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from benchmarks import retraining
from benchmarks.retraining import CHANGED, STATIONARY
from pipelines.core.metrics import by_name
from pipelines.monitoring import diagnosis, trial
from pipelines.monitoring.trial import Judged, Sides

LAST = date(2026, 3, 29)


def test_a_third_of_what_is_new_judges_and_a_week_at_least() -> None:
    assert trial.sides(date(2026, 3, 16), LAST, 31) == Sides(date(2026, 2, 20), date(2026, 3, 23), LAST)
    assert trial.sides(date(2026, 3, 2), LAST, 31) == Sides(date(2026, 2, 18), date(2026, 3, 21), LAST)


def test_too_few_days_are_told_with_their_number() -> None:
    assert trial.sides(date(2026, 3, 17), LAST, 31) is None
    assert "13 have labels that are due, and 14 are needed: 1 day more" in trial.too_few(
        date(2026, 3, 17), LAST, 7
    )
    assert "0 have labels that are due, and 14 are needed: 14 days more" in trial.too_few(
        date(2026, 4, 17), LAST, 7
    )


def test_a_reversed_concept_is_learned_and_nothing_else_is() -> None:
    assert retraining.called(CHANGED["reversed"], 4, seed=0)[-1]
    assert not any(retraining.called(STATIONARY["300 rows a day"], 4, seed=0))


def test_a_prior_is_judged_by_probabilities_where_the_metric_knows_an_order_alone() -> None:
    facts = retraining.facts()
    assert trial.metric_of(diagnosis.PRIOR, facts).name == "brier"
    assert trial.metric_of(diagnosis.CONCEPT, facts).name == "aucpr"
    assert retraining.called(CHANGED["prior, odds times 4"], 3, seed=0)[-1]


def rows(n: int = 2_000) -> Judged:
    random = np.random.default_rng(1)
    label = (random.random(n) < 0.2).astype(np.float64)
    score = np.clip(0.3 * label + random.normal(0.3, 0.2, n), 0, 1)
    return Judged(label, score, np.arange(n) * 7 // n, None)


def test_the_same_scores_are_no_gain_and_better_ones_are() -> None:
    judged, metric = rows(), by_name("roc_auc")
    same = trial.compare(judged, judged.score, metric, None)
    assert same is not None
    assert same.value == pytest.approx(0)
    assert same.interval() == pytest.approx((0, 0))
    better = trial.compare(judged, judged.score + judged.label, metric, None)
    assert better is not None
    assert trial.found(metric, better, 10, 10, Sides(LAST, LAST, LAST)).helps
    worse = trial.compare(judged, judged.score - judged.label, metric, None)
    assert worse is not None
    assert worse.interval()[1] < 0  # type: ignore[index]


def test_a_lower_error_is_a_gain() -> None:
    judged, metric = rows(), by_name("brier")
    gain = trial.compare(judged, (judged.score + judged.label) / 2, metric, None)
    assert gain is not None
    assert gain.after < gain.before
    assert gain.value > 0


def test_decisions_are_compared_at_as_many_alarms() -> None:
    judged, metric = rows(), by_name("precision")
    alarms = judged.score >= 0.6
    found = trial.compare(judged, judged.label + judged.score / 10, metric, 0.6)
    assert found is not None
    assert found.before == pytest.approx(judged.label[alarms].mean())
    assert found.after == pytest.approx(min(judged.label.sum() / alarms.sum(), 1))


def test_without_a_value_nothing_is_concluded() -> None:
    none = replace(rows(), label=np.zeros(2_000))
    metric = by_name("roc_auc")
    told = trial.found(metric, trial.compare(none, none.score, metric, None), 10, 10, Sides(LAST, LAST, LAST))
    assert not told.helps
    assert told.missing is not None
