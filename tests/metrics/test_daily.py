"""Each day's greatest scores: by hand, as SQL has them, and as metrics."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.metrics import by_name
from pipelines.core.stakes import Stakes
from pipelines.core.tasks import BINARY
from pipelines.metrics import daily, influence, metrics, metrics_stream
from pipelines.metrics.bootstrap import _weights, draw
from pipelines.metrics.cross_fitted import OfDays
from pipelines.metrics.expected import Estimator, of_relation
from pipelines.metrics.scored import Scored

ROWS = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.1, 0.25, 0.5, 0.9]), st.integers(0, 3)),
    min_size=1,
    max_size=30,
)


def frame(rows: list[tuple[float, float, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["label", "score", "day"]).assign(
        key=[f"k{n:03}" for n in range(len(rows))], version=0, unit=None, decision=0
    )


def test_of_each_day_the_greatest_are_taken_and_of_equals_the_first_by_key() -> None:
    score, day = [0.9, 0.5, 0.5, 0.1, 0.3], [7, 7, 7, 7, 8]
    assert daily.taken(score, day, 2).tolist() == [1, 1, 0, 0, 1]
    assert daily.taken(score, day, 2, place=[4, 3, 2, 1, 0]).tolist() == [1, 0, 1, 0, 1]
    assert daily.taken(score, day, 9).tolist() == [1, 1, 1, 1, 1], "of a day with fewer rows, all"


@given(ROWS, st.integers(1, 6))
def test_sql_takes_the_same_rows_and_streamed_metrics_are_those_of_all_rows_at_once(
    rows: list[tuple[float, float, int]], k: int
) -> None:
    table = frame(rows).sample(frac=1, random_state=1)
    taken = daily.taken(table.score, table.day, k, daily.places(table.key.to_numpy()))
    found = duckdb.from_df(table).project("*, " + daily.column("score", "day", "key", k))
    assert dict(found.project("key, taken").fetchall()) == dict(zip(table.key, taken, strict=True))
    streamed = metrics_stream.measure(found, BINARY, stakes=Stakes(a_day=k))
    for name in ("precision_at_k", "recall_at_k"):
        try:
            expected = metrics.measure(name, table.label, table.score, stakes=Stakes(a_day=k), taken=taken)
        except metrics.Undefined:
            assert streamed[name].value is None
        else:
            assert streamed[name].value == pytest.approx(expected)


@given(ROWS)
def test_if_all_rows_are_taken_the_precision_is_the_prevalence(rows: list[tuple[float, float, int]]) -> None:
    table = frame([*rows, (1.0, 0.5, 0), (0.0, 0.5, 0)])
    taken, stakes = daily.taken(table.score, table.day, len(table)), Stakes(a_day=len(table))

    def of_all(name: str) -> float:
        return metrics.measure(name, table.label, table.score, stakes=stakes, taken=taken)

    assert of_all("precision_at_k") == pytest.approx(table.label.mean())
    assert of_all("recall_at_k") == 1.0


def test_where_no_row_is_positive_nobody_has_found_any_and_a_recall_has_no_value() -> None:
    table = frame([(0.0, 0.5, 0), (0.0, 0.9, 0)])
    streamed = metrics_stream.measure(duckdb.from_df(table.assign(taken=1.0)), BINARY, stakes=Stakes(a_day=2))
    assert streamed["precision_at_k"].value == 0
    assert streamed["recall_at_k"].value is None


def test_rows_whose_day_nobody_knows_get_a_sentence() -> None:
    with pytest.raises(
        metrics.Undefined, match="precision_at_k has no value: nobody knows which day each row is of"
    ):
        metrics.measure("precision_at_k", [0, 1], [0.1, 0.2], stakes=Stakes(a_day=1))
    found = metrics_stream.measure(duckdb.from_df(frame([(1.0, 0.5, 0)])), BINARY, stakes=Stakes(a_day=1))
    assert found["recall_at_k"].reason == "recall_at_k has no value: nobody knows which day each row is of"


def planted(days: int = 20, a_day: int = 50, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    score = random.random(days * a_day)
    label = (random.random(len(score)) < score**3).astype(float)
    return frame(list(zip(label, score, np.repeat(np.arange(days), a_day), strict=True)))


def test_of_drawn_days_the_metric_is_that_of_the_days_that_were_drawn() -> None:
    table, stakes = planted(), Stakes(a_day=5)
    taken = daily.taken(table.score, table.day, 5)
    model, days = Scored("m", table.score.to_numpy(), taken=taken), table.day.to_numpy()
    drawn = draw(["precision_at_k"], table.label.to_numpy(), [model], days, stakes)["m"]["precision_at_k"]
    times = next(_weights(20, 0))
    again = pd.concat(
        [
            table[table.day == day].assign(day=n)
            for n, day in enumerate(np.repeat(np.arange(20), times.astype(int)))
        ]
    )
    own = daily.taken(again.score, again.day, 5)
    assert drawn[0] == pytest.approx(
        metrics.measure("precision_at_k", again.label, again.score, stakes=stakes, taken=own)
    )


def test_its_influence_and_its_estimate_go_by_the_same_rows() -> None:
    metric, stakes = by_name("precision_at_k"), Stakes(a_day=5)
    column = "*, " + daily.column("score", "day", "key", 5)
    known, now = (duckdb.from_df(planted(seed=seed)).project(column) for seed in (1, 2))
    found = influence.sums(metric, influence.of_relation(now, metric), 20, stakes)
    table = planted(seed=2)
    true = metrics.measure(
        metric.name, table.label, table.score, stakes=stakes, taken=daily.taken(table.score, table.day, 5)
    )
    assert found is not None
    assert found.value == pytest.approx(true)
    sure = Estimator.fit(metric, of_relation(known, metric), stakes).estimate(of_relation(now, metric))
    assert sure is not None
    low, high = sure.interval()
    assert low <= true <= high
    assert high - low < 0.4


def test_folds_are_judged_by_the_days_of_all_folds_together() -> None:
    table, stakes = planted(days=4, a_day=30), Stakes(a_day=3)
    fold = np.arange(120) % 3  # of each day a third is in each fold
    parts = [np.flatnonzero(fold == n) for n in range(3)]
    label, day = ([table[name].to_numpy()[own] for own in parts] for name in ("label", "day"))
    judge = OfDays("precision_at_k", stakes, label, day, parts)
    _, whole = judge([table.score.to_numpy()[own] for own in parts])
    taken = daily.taken(table.score, table.day, 3)
    assert whole == metrics.measure("precision_at_k", table.label, table.score, stakes=stakes, taken=taken)
