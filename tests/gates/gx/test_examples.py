"""Example rows are rows that break the expectation, by Great Expectations' own condition."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from pipelines.core.config import Expectation
from pipelines.gates.gx import engine, examples, suite
from tests.gates.gx.test_engine import CASES, ROWS

# Rows of ROWS that break the bad form of each case, by hand.
BROKEN = {
    "column_pair_values_a_to_be_greater_than_b": [1, 2, 3, 4, 5],
    "column_pair_values_to_be_equal": [1, 2, 3, 4, 5],
    "column_pair_values_to_be_in_set": [3, 4, 5],
    "column_value_lengths_to_be_between": [3],
    "column_value_lengths_to_equal": [2, 3, 4],
    "column_value_z_scores_to_be_less_than": [4],
    "column_values_to_be_between": [4],
    "column_values_to_be_in_set": [2],
    "column_values_to_be_null": [1, 2, 3, 4],
    "column_values_to_be_unique": [1, 2, 3, 4],
    "column_values_to_match_like_pattern": [1, 2, 3],
    "column_values_to_match_like_pattern_list": [3, 4],
    "column_values_to_match_regex": [2, 3, 4],
    "column_values_to_match_regex_list": [4],
    "column_values_to_not_be_in_set": [4],
    "column_values_to_not_be_null": [5],
    "column_values_to_not_match_like_pattern": [4],
    "column_values_to_not_match_like_pattern_list": [1],
    "column_values_to_not_match_regex": [1],
    "column_values_to_not_match_regex_list": [1],
    "compound_columns_to_be_unique": [1, 3],
    "multicolumn_sum_to_equal": [2, 3, 4, 5],
    "multicolumn_values_to_be_equal": [1, 2, 3, 4, 5],
    "select_column_values_to_be_unique_within_record": [1, 2, 3],
}


def rows(
    name: str, kwargs: dict[str, Any], table: str = ROWS, personal: frozenset[str] = frozenset()
) -> tuple[examples.Row, ...]:
    connection = duckdb.connect()
    return examples.rows(
        connection.sql(table), connection, Expectation(name=f"expect_{name}", kwargs=kwargs), "id", personal
    )


@pytest.mark.parametrize(
    ("name", "bad"),
    [(name, bad) for name, _, bad in CASES if name in BROKEN],
    ids=lambda value: str(value)[:40],
)
def test_the_rows_are_those_that_break_it(name: str, bad: dict[str, Any]) -> None:
    assert [row["id"] for row in rows(name, bad)] == BROKEN[name]


def test_every_expectation_that_counts_rows_has_them() -> None:
    connection = duckdb.connect()
    built = [suite.build(Expectation(name=f"expect_{name}", kwargs=bad)) for name, _, bad in CASES]
    observed = engine.validate(connection.sql(ROWS), connection, built)
    counted = {
        case[0] for case, found in zip(CASES, observed, strict=True) if found.result.get("unexpected_count")
    }
    assert counted - set(BROKEN) == {
        "column_distinct_values_to_be_in_set",
        "column_distinct_values_to_equal_set",
    }


@pytest.mark.parametrize(
    "name", ["column_distinct_values_to_be_in_set", "column_distinct_values_to_equal_set"]
)
def test_a_value_too_many_in_a_set_has_rows_that_hold_it(name: str) -> None:
    assert [row["id"] for row in rows(name, {"column": "word", "value_set": ["ab", "it's"]})] == [2, 3]


def test_an_expectation_on_a_number_has_none() -> None:
    assert rows("column_mean_to_be_between", {"column": "amount", "max_value": 1}) == ()


def test_a_row_condition_holds_for_the_examples_too() -> None:
    flagged = {"type": "comparison", "column": {"name": "flag"}, "operator": "==", "parameter": True}
    assert [
        row["id"] for row in rows("column_values_to_be_null", {"column": "id", "row_condition": flagged})
    ] == [1, 3, 5]


def test_ten_rows_are_shown_the_first_ones_by_key_at_any_size() -> None:
    table = "SELECT range % 7 AS n, (range * 7919) % 400000 AS id FROM range(400000)"
    found = rows("column_values_to_be_in_set", {"column": "n", "value_set": [9]}, table)
    assert [row["id"] for row in found] == list(range(10))
    assert list(found[0]) == ["id", "n"]


def test_of_a_wide_table_the_key_and_the_columns_in_question_are_shown() -> None:
    table = f"SELECT * EXCLUDE twin FROM ({ROWS})"
    assert list(rows("column_values_to_be_between", {"column": "amount", "max_value": 3}, table)[0])[:3] == [
        "id",
        "amount",
        "word",
    ]
    (row,) = rows("column_values_to_be_between", {"column": "amount", "max_value": 3}, ROWS)
    assert row == {"id": 4, "amount": 40.0}


def test_personal_values_are_masked_and_missing_ones_are_missing() -> None:
    table = f'SELECT id, amount, word, "select" FROM ({ROWS})'
    found = rows("column_values_to_not_be_null", {"column": "amount"}, table, frozenset({"id", "word", "at"}))
    assert [(row["id"], row["word"], row["select"]) for row in found] == [("•••", None, "y")]


def test_the_connection_keeps_no_trace() -> None:
    connection = duckdb.connect()
    expectation = Expectation(name="expect_column_values_to_be_unique", kwargs={"column": "word"})
    examples.rows(connection.sql(ROWS), connection, expectation, None, frozenset())
    assert connection.sql("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchall() == [(0,)]
