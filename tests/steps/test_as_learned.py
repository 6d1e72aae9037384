"""A champion's own features of the held-out rows, found by their keys, whatever type either file gives
these.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from pipelines.core.errors import SluiceError
from pipelines.steps import as_learned


def rows(statement: str) -> duckdb.DuckDBPyRelation:
    return duckdb.default_connection().sql(statement)


def learned() -> duckdb.DuckDBPyRelation:
    return rows("SELECT CAST(12 - i AS VARCHAR) AS id, i * 1.0 AS amount FROM range(13) AS rows(i)")


def test_a_key_that_was_a_text_and_is_a_number_by_now_is_the_same_key() -> None:
    test = pa.table({"id": pa.array([2, 10, 12])})
    assert as_learned.of_keys(learned(), test, "id").to_pydict() == {
        "id": ["2", "10", "12"],
        "amount": [10.0, 2.0, 0.0],
    }


def test_rows_that_the_champions_rules_put_aside_are_found_by_such_a_key_too() -> None:
    features = rows("SELECT i AS id, 'test' AS split FROM range(10, 15) AS rows(i)")
    assert as_learned.common(features, learned(), "id").order("id").fetchall() == [
        (10, "test"),
        (11, "test"),
        (12, "test"),
    ]
    numbers, words = (
        learned().project("CAST(id AS BIGINT) AS id"),
        rows("SELECT 'a1' AS id, 'test' AS split UNION ALL SELECT '7', 'test'"),
    )
    assert as_learned.common(words, numbers, "id").fetchall() == [("7", "test")]


@pytest.mark.parametrize(("times", "keys"), [(1, [3, 99]), (2, [3])], ids=["one is gone", "one comes twice"])
def test_rows_that_do_not_come_out_once_judge_nobody(times: int, keys: list[int]) -> None:
    with pytest.raises(
        SluiceError, match=r"held-out rows, of which 1 came out .* nothing is judged\n  way out: "
    ):
        as_learned.of_keys(
            learned() if times == 1 else learned().union(learned()), pa.table({"id": pa.array(keys)}), "id"
        )
