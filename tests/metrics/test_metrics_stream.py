"""What is added up from a stream is what `metrics.measure` says of all rows at once."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.errors import BadInput
from pipelines.core.metrics import of_decisions
from pipelines.core.stakes import Stakes
from pipelines.core.tasks import EVERY, Task, by_name
from pipelines.metrics import metrics, metrics_stream
from pipelines.metrics.metrics_stream import Measured

STAKES = Stakes(false_alarm=2, miss=5)
FEW_SCORES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 1 / 3, 0.9, 1.0])  # so that many rows have the same one
BINARY = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), FEW_SCORES | st.floats(0, 1)), max_size=40)
NUMBERS = st.floats(-1e6, 1e6).map(lambda number: round(number, 3) + 0.0)  # no minus zero
REGRESSION = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=40)


def relation(rows: list[tuple[float, float]]) -> duckdb.DuckDBPyRelation:
    """Rows of label and score."""
    label, score = np.array(rows, dtype=np.float64).reshape(-1, 2).T
    return duckdb.from_arrow(pa.table({"label": label, "score": score}))


def at_once(name: str, rows: list[tuple[float, float]], **options: Any) -> Measured:
    """The same by `metrics.measure`."""
    try:
        return Measured(
            metrics.measure(name, [label for label, _ in rows], [score for _, score in rows], **options)
        )
    except metrics.Undefined as reason:
        return Measured(None, reason.sentence)


def differing(
    found: dict[str, Measured], rows: list[tuple[float, float]], **options: Any
) -> list[tuple[Measured, Measured]]:
    """What is found beside what all rows at once say, where that is another thing than its last digits."""
    pairs = [(one, at_once(name, rows, **options)) for name, one in found.items()]
    return [
        (one, other)
        for one, other in pairs
        if one.reason != other.reason
        or not np.isclose(one.value or 0, other.value or 0, rtol=1e-7, atol=1e-12)
    ]


@given(BINARY, FEW_SCORES)
def test_binary_metrics_are_those_of_all_rows_at_once(
    rows: list[tuple[float, float]], threshold: float
) -> None:
    assert not differing(
        metrics_stream.measure(relation(rows), by_name("binary"), threshold=threshold, stakes=STAKES),
        rows,
        threshold=threshold,
        stakes=STAKES,
    )


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0]), FEW_SCORES, st.sampled_from([0, 1])), max_size=40))
def test_decisions_that_were_taken_count_instead_of_a_threshold(rows: list[tuple[float, float, int]]) -> None:
    label, score, decision = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    taken = duckdb.from_arrow(
        pa.table({"label": label, "score": score, "decision": decision.astype(np.int8)})
    )
    found = metrics_stream.measure(taken, by_name("binary"), threshold=0.3, stakes=STAKES)
    decided = [(one, float(other)) for one, _, other in rows]
    decisions = {name: found[name] for name in of_decisions()}
    assert not differing(decisions, decided, threshold=0.5, stakes=STAKES)
    ranked = [(one, other) for one, other, _ in rows]
    assert not differing({name: found[name] for name in ("aucpr", "roc_auc")}, ranked)


@given(REGRESSION, st.floats(0.1, 10))
def test_a_regressions_metrics_are_those_of_all_rows_at_once(
    rows: list[tuple[float, float]], under_cost: float
) -> None:
    stakes = Stakes(under=under_cost, quantile=0.9)
    assert not differing(
        metrics_stream.measure(relation(rows), by_name("regression"), stakes=stakes),
        rows,
        stakes=stakes,
    )


def test_labels_far_from_zero_and_near_one_another_have_their_r2() -> None:
    rows = [(1e8 + n, 1e8 + n + 0.5) for n in range(100)]
    assert not differing(metrics_stream.measure(relation(rows), by_name("regression")), rows)


@pytest.mark.parametrize("task", EVERY)
def test_neither_batches_nor_the_order_of_rows_show_in_any_digit(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(1)
    rows = [(float(random.random() < 0.3), score) for score in random.random(10_000)]
    once = metrics_stream.measure(relation(rows), task, stakes=STAKES)
    monkeypatch.setattr(metrics_stream, "AT_ONCE", 2_048)
    random.shuffle(rows)
    assert metrics_stream.measure(relation(rows), task, stakes=STAKES) == once


def test_scores_that_are_no_probabilities_have_a_ranking_and_no_log_loss() -> None:
    found = metrics_stream.measure(relation([(1.0, 7.0), (0.0, 2.0)]), by_name("binary"))
    assert found["roc_auc"] == Measured(1.0)
    assert found["log_loss"] == Measured(
        None, "log_loss has no value for scores from 2 to 7: it needs probabilities, 0 to 1"
    )


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="1 of 2 labels or scores are null or infinite"):
        metrics_stream.measure(relation([(1.0, 0.5), (0.0, float("inf"))]), by_name("binary"))
