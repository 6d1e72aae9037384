"""What each row takes part in a metric adds up to 0, and its squares to the variance that leaving out row by
row tells.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd
import pytest

from pipelines.core.metric import Metric
from pipelines.core.metrics import EVERY, by_name
from pipelines.core.stakes import Stakes
from pipelines.metrics import influence, metrics
from pipelines.metrics.influence import Batch, Batches

N = 400
STAKES = Stakes(under=2.0, false_alarm=2, miss=5, quantile=0.8, a_day=2)


def rows(task: str, needs: str) -> tuple[metrics.Floats, metrics.Floats]:
    random = np.random.default_rng(4)
    if task == "binary":
        label = (random.random(N) < 0.3).astype(float)
        score = np.clip(np.round(0.3 * label + 0.7 * random.random(N), 2), 0.01, 0.99)
        return label, (score >= 0.5).astype(float) if needs in ("decision", "taken") else score
    label = random.normal(10, 3, N)
    return label, label + random.normal(size=N)


def batches(
    label: metrics.Floats, score: metrics.Floats, versions: int = 1, units: int | None = None
) -> Batches:
    """Two batches, of which the second is another day."""
    at = np.arange(N)

    def each() -> Iterator[Batch]:
        for day, some in enumerate((at[:150], at[150:])):
            unit = None if units is None else some % units
            yield Batch(label[some], score[some], some % versions, np.full(len(some), day), unit)

    return each


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.name)
def test_the_squares_are_the_jackknife_s_variance(metric: Metric) -> None:
    label, score = rows(metric.task, metric.needs)
    found = influence.sums(metric, batches(label, score), 2, STAKES)
    assert found is not None

    def measured(some: np.ndarray) -> float:
        return metrics.measure(metric.name, label[some], score[some], stakes=STAKES, taken=score[some])

    everything = np.arange(N)
    assert found.value == pytest.approx(measured(everything))
    without = np.array([measured(np.delete(everything, n)) for n in range(N)])
    variance = (N - 1) / N * np.square(without - without.mean()).sum()
    assert found.by_cell == pytest.approx(variance, rel=0.05)


@pytest.mark.parametrize("name", ["aucpr", "roc_auc"])
def test_two_versions_are_ranked_apart_and_combined(name: str) -> None:
    label, score = rows("binary", "number")
    score = np.where(np.arange(N) % 2 == 0, score, score / 100)  # a scale of its own
    together = influence.sums(by_name(name), batches(label, score, versions=2), 2)
    apart = [metrics.measure(name, label[n::2], score[n::2]) for n in (0, 1)]
    assert together is not None
    assert min(apart) < together.value < max(apart)


def test_sums_are_those_of_units_days_and_both() -> None:
    label, score = rows("binary", "number")
    found = influence.sums(by_name("brier"), batches(label, score, units=10), 2)
    off = np.square(score - label)
    part = (off - off.mean()) / N
    at, day = np.arange(N), np.arange(N) >= 150
    assert found is not None
    assert (found.units, found.days, found.rows) == (10, 2, N)
    assert found.by_unit == pytest.approx(sum(part[at % 10 == unit].sum() ** 2 for unit in range(10)))
    assert found.by_day == pytest.approx(sum(part[day == one].sum() ** 2 for one in (False, True)))
    assert found.by_cell == pytest.approx(
        sum(part[(at % 10 == unit) & (day == one)].sum() ** 2 for unit in range(10) for one in (False, True))
    )


@pytest.mark.parametrize("name", ["aucpr", "roc_auc"])
def test_of_many_rows_scores_are_told_apart_well_enough(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    label, score = rows("binary", "number")
    exact = influence.sums(by_name(name), batches(label, score + 1e-9 * np.arange(N)), 2)
    monkeypatch.setattr(influence, "EXACT", 10)
    coarse = influence.sums(by_name(name), batches(label, score + 1e-9 * np.arange(N)), 2)
    assert exact is not None
    assert coarse is not None
    assert coarse.value == pytest.approx(exact.value, abs=0.01)
    assert coarse.by_cell == pytest.approx(exact.by_cell, rel=0.05)


def test_labels_of_one_class_have_no_influence() -> None:
    assert influence.sums(by_name("aucpr"), batches(np.zeros(N), np.zeros(N)), 2) is None
    assert influence.sums(by_name("brier"), batches(np.zeros(N), np.zeros(N)), 2) is not None


def test_a_relation_gives_its_rows_with_units_by_their_values() -> None:
    table = pd.DataFrame(
        {
            "label": [1.0, 0.0, 1.0],
            "score": [0.9, 0.1, 0.4],
            "version": 0,
            "day": [0, 0, 1],
            "unit": ["a", "b", "a"],
        }
    )
    (batch,) = influence.of_relation(duckdb.from_df(table), by_name("aucpr"))()
    assert batch.unit is not None
    assert batch.unit[0] == batch.unit[2] != batch.unit[1]
    (single,) = influence.of_relation(duckdb.from_df(table.assign(unit=None)), by_name("aucpr"))()
    assert single.unit is None
