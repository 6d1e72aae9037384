"""Rows are in order exactly when sorting them, as DuckDB sorts, would change nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.order import Watch

START = datetime(2026, 2, 1)
KEYS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "text": (pa.string(), st.sampled_from(["", "a", "B", "ab", "é", "\U0001f600", "\uffff", None])),
    "integers": (pa.int64(), st.sampled_from([-1, 0, 2, 10, None])),
}


def table(rows: list[tuple[int, Any]], type_: pa.DataType) -> pa.Table:
    times = pa.array([START + timedelta(microseconds=time) for time, _ in rows], pa.timestamp("us"))
    return pa.table(
        {
            "at": times,
            "id": pa.array([key for _, key in rows], type_),
            "n": pa.array(range(len(rows)), pa.int64()),
        }
    )


@pytest.mark.parametrize("kind", KEYS)
@given(data=st.data(), sizes=st.lists(st.integers(0, 3), max_size=5))
def test_order_is_what_sorting_leaves_alone(kind: str, data: st.DataObject, sizes: list[int]) -> None:
    type_, keys = KEYS[kind]
    rows = data.draw(
        st.lists(st.tuples(st.integers(0, 2), keys), max_size=8).map(
            lambda rows: sorted(rows, key=lambda row: row[0])
        )
    )
    read = table(rows, type_)
    ordered = duckdb.from_arrow(read).order('"at", id, n').to_arrow_table()
    watch, start, going_on = Watch("at", "id"), 0, []
    for size in (*sizes, len(rows)):  # however the rows are cut into batches
        (batch,) = read.slice(start, size).combine_chunks().to_batches() or [
            pa.RecordBatch.from_pylist([], schema=read.schema)
        ]
        going_on.append(watch.goes_on(batch))
        start = min(start + size, len(rows))
    assert all(going_on) == ordered.equals(read)


def test_a_row_earlier_than_the_one_before_it_is_seen_across_batches() -> None:
    watch = Watch("at", "id")
    first, second = (table([(time, "a")], pa.string()).to_batches()[0] for time in (1, 0))
    assert watch.goes_on(first)
    assert not watch.goes_on(second)
