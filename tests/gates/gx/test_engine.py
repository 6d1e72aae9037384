"""Every expectation that DuckDB can compute, on literal rows: it lets the good through and stops the bad."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb
import great_expectations as gx
import pandas as pd
import pytest
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.expectations.registry import get_expectation_impl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core.config import Expectation
from pipelines.gates.gx import engine, suite

ROWS = """
    SELECT * FROM (VALUES
        (1, 1.0::DOUBLE, 'ab',      2, true,  TIMESTAMP '2026-01-01 00:00:00', DATE '2026-01-01', 'x', 1),
        (2, 2.0,         'cd 1',    4, false, TIMESTAMP '2026-01-01 12:00:00', DATE '2026-01-02', 'x', 2),
        (3, 3.0,         'ef (2)',  6, true,  TIMESTAMP '2026-01-02 00:00:00', DATE '2026-01-03', 'x', 3),
        (4, 40.0,        'it''s',   8, NULL,  TIMESTAMP '2026-01-03 00:00:00', DATE '2026-01-04', 'x', 4),
        (5, NULL,        NULL,     10, true,  NULL,                            NULL,              'y', 5)
    ) AS rows (id, amount, word, double_id, flag, "at", "order", "select", twin)
"""

# Expectation, arguments with which it holds, arguments with which it does not.
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("column_distinct_values_to_be_in_set", {"column": "select", "value_set": ["x", "y", "z"]}, {"column": "select", "value_set": ["x"]}),
    ("column_distinct_values_to_contain_set", {"column": "select", "value_set": ["x"]}, {"column": "select", "value_set": ["z"]}),
    ("column_distinct_values_to_equal_set", {"column": "select", "value_set": ["x", "y"]}, {"column": "select", "value_set": ["x"]}),
    (
        "column_kl_divergence_to_be_less_than",
        {"column": "select", "partition_object": {"values": ["x", "y"], "weights": [0.8, 0.2]}, "threshold": 0.1},
        {"column": "select", "partition_object": {"values": ["x", "y"], "weights": [0.1, 0.9]}, "threshold": 0.1},
    ),
    ("column_max_to_be_between", {"column": "amount", "max_value": 40}, {"column": "amount", "max_value": 39}),
    ("column_mean_to_be_between", {"column": "amount", "min_value": 11.5, "max_value": 11.5}, {"column": "amount", "max_value": 11}),
    ("column_median_to_be_between", {"column": "amount", "min_value": 2.5, "max_value": 2.5}, {"column": "amount", "min_value": 3}),
    ("column_min_to_be_between", {"column": "amount", "min_value": 1}, {"column": "amount", "min_value": 1.1}),
    ("column_most_common_value_to_be_in_set", {"column": "select", "value_set": ["x"]}, {"column": "select", "value_set": ["y"]}),
    (
        "column_pair_values_a_to_be_greater_than_b",
        {"column_A": "double_id", "column_B": "id"},
        {"column_A": "id", "column_B": "double_id"},
    ),
    ("column_pair_values_to_be_equal", {"column_A": "id", "column_B": "twin"}, {"column_A": "id", "column_B": "double_id"}),
    (
        "column_pair_values_to_be_in_set",
        {"column_A": "id", "column_B": "double_id", "value_pairs_set": [(1, 2), (2, 4), (3, 6), (4, 8), (5, 10)]},
        {"column_A": "id", "column_B": "double_id", "value_pairs_set": [(1, 2), (2, 4)]},
    ),
    ("column_proportion_of_non_null_values_to_be_between", {"column": "amount", "min_value": 0.8}, {"column": "amount", "min_value": 0.81}),
    ("column_proportion_of_unique_values_to_be_between", {"column": "id", "min_value": 1}, {"column": "select", "min_value": 0.5}),
    (
        "column_quantile_values_to_be_between",
        {"column": "id", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[3, 3]]}},
        {"column": "id", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[4, 5]]}},
    ),
    ("column_stdev_to_be_between", {"column": "id", "min_value": 1.58, "max_value": 1.59}, {"column": "id", "max_value": 1}),
    ("column_sum_to_be_between", {"column": "id", "min_value": 15, "max_value": 15}, {"column": "id", "min_value": 16}),
    ("column_to_exist", {"column": "at"}, {"column": "At"}),
    ("column_type_to_be", {"column": "at", "type_": "TIMESTAMP"}, {"column": "at", "type_": "DATE"}),
    ("column_unique_value_count_to_be_between", {"column": "select", "max_value": 2}, {"column": "select", "min_value": 3}),
    ("column_value_lengths_to_be_between", {"column": "word", "min_value": 2, "max_value": 6}, {"column": "word", "max_value": 5}),
    ("column_value_lengths_to_equal", {"column": "select", "value": 1}, {"column": "word", "value": 2}),
    (
        "column_value_z_scores_to_be_less_than",
        {"column": "amount", "threshold": 2, "double_sided": True},
        {"column": "amount", "threshold": 1, "double_sided": True},
    ),
    ("column_values_to_be_between", {"column": "amount", "min_value": 1, "max_value": 40}, {"column": "amount", "max_value": 3}),
    ("column_values_to_be_in_set", {"column": "flag", "value_set": [True, False]}, {"column": "flag", "value_set": [True]}),
    ("column_values_to_be_in_type_list", {"column": "id", "type_list": ["INTEGER", "BIGINT"]}, {"column": "id", "type_list": ["VARCHAR"]}),
    ("column_values_to_be_null", {"column": "word", "row_condition": {"type": "comparison", "column": {"name": "id"}, "operator": ">", "parameter": 4}}, {"column": "word"}),
    ("column_values_to_be_of_type", {"column": "word", "type_": "VARCHAR"}, {"column": "word", "type_": "BIGINT"}),
    ("column_values_to_be_unique", {"column": "id"}, {"column": "select"}),
    ("column_values_to_match_like_pattern", {"column": "select", "like_pattern": "_"}, {"column": "word", "like_pattern": "%i%"}),
    (
        "column_values_to_match_like_pattern_list",
        {"column": "word", "like_pattern_list": ["ab", "c%", "e%", "i%"]},
        {"column": "word", "like_pattern_list": ["ab", "c%"]},
    ),
    # A search, as with Great Expectations on pandas: `[a-e]` is somewhere in "ab".
    ("column_values_to_match_regex", {"column": "word", "regex": "[a-it]"}, {"column": "word", "regex": "^ab"}),
    ("column_values_to_match_regex_list", {"column": "word", "regex_list": ["b", "\\d", "'"]}, {"column": "word", "regex_list": ["b", "\\d"]}),
    ("column_values_to_not_be_in_set", {"column": "word", "value_set": ["zz"]}, {"column": "word", "value_set": ["it's"]}),
    ("column_values_to_not_be_null", {"column": "amount", "mostly": 0.8}, {"column": "amount"}),
    ("column_values_to_not_match_like_pattern", {"column": "word", "like_pattern": "z%"}, {"column": "word", "like_pattern": "%'%"}),
    (
        "column_values_to_not_match_like_pattern_list",
        {"column": "word", "like_pattern_list": ["z%"]},
        {"column": "word", "like_pattern_list": ["z%", "a%"]},
    ),
    ("column_values_to_not_match_regex", {"column": "word", "regex": "z"}, {"column": "word", "regex": "b"}),
    ("column_values_to_not_match_regex_list", {"column": "word", "regex_list": ["z"]}, {"column": "word", "regex_list": ["z", "b"]}),
    ("compound_columns_to_be_unique", {"column_list": ["id", "select"]}, {"column_list": ["select", "flag"]}),
    ("multicolumn_sum_to_equal", {"column_list": ["id", "double_id"], "sum_total": 3, "row_condition": {"type": "comparison", "column": {"name": "id"}, "operator": "==", "parameter": 1}}, {"column_list": ["id", "double_id"], "sum_total": 3}),
    ("multicolumn_values_to_be_equal", {"column_list": ["id", "twin"]}, {"column_list": ["id", "double_id"]}),
    ("select_column_values_to_be_unique_within_record", {"column_list": ["id", "double_id"]}, {"column_list": ["id", "amount"]}),
    ("table_column_count_to_be_between", {"min_value": 8, "max_value": 9}, {"max_value": 8}),
    ("table_column_count_to_equal", {"value": 9}, {"value": 8}),
    (
        "table_columns_to_match_ordered_list",
        {"column_list": ["id", "amount", "word", "double_id", "flag", "at", "order", "select", "twin"]},
        {"column_list": ["amount", "id", "word", "double_id", "flag", "at", "order", "select", "twin"]},
    ),
    ("table_columns_to_match_set", {"column_set": ["id", "at"], "exact_match": False}, {"column_set": ["id", "at"]}),
    ("table_row_count_to_be_between", {"min_value": 5, "max_value": 5}, {"min_value": 6}),
    ("table_row_count_to_equal", {"value": 5}, {"value": 4}),
]  # fmt: skip


def observe(name: str, kwargs: dict[str, Any], rows: str = ROWS) -> engine.Observation:
    (observed,) = observe_all([(name, kwargs)], rows)
    return observed


def observe_all(asked: list[tuple[str, dict[str, Any]]], rows: str = ROWS) -> list[engine.Observation]:
    connection = duckdb.connect()
    built = [suite.build(Expectation(name=f"expect_{name}", kwargs=kwargs)) for name, kwargs in asked]
    return engine.validate(connection.sql(rows), connection, built)


@pytest.mark.parametrize(("name", "good", "bad"), CASES, ids=[case[0] for case in CASES])
def test_an_expectation_lets_the_good_through_and_stops_the_bad(
    name: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    held, failed = observe_all([(name, good), (name, bad)])
    assert (held.success, held.raised) == (True, None)
    assert (failed.success, failed.raised) == (False, None)


def test_every_expectation_is_tried_above_or_refused_with_a_sentence() -> None:
    more: dict[str, Any] = {"json_schema": {"type": "object"}, "strftime_format": "%Y"}
    refused = set()
    for name in suite.known_names():
        fields = get_expectation_impl(name).__fields__
        kwargs = {"column": "id"} | {
            argument: value for argument, value in more.items() if argument in fields
        }
        if "cannot be computed by DuckDB" in " ".join(
            suite.mistakes(Expectation(name=name, kwargs=kwargs), ["id"])
        ):
            refused.add(name)
    assert {f"expect_{case[0]}" for case in CASES} == suite.known_names() - refused - suite.NOT_ONE_TABLE


@pytest.mark.parametrize("bound", ["2026-01-03", "2026-01-03T00:00:00"])
def test_moments_are_compared_with_iso_text(bound: str) -> None:
    assert observe("column_values_to_be_between", {"column": "at", "max_value": bound}).success
    assert not observe(
        "column_values_to_be_between", {"column": "at", "max_value": bound, "strict_max": True}
    ).success
    assert observe("column_values_to_be_between", {"column": "order", "max_value": "2026-01-04"}).success


@pytest.mark.parametrize("value", ["'nan'::DOUBLE", "'inf'::DOUBLE", "'-inf'::DOUBLE", "'nan'::FLOAT"])
def test_numbers_that_are_not_finite_are_not_between_finite_limits(value: str) -> None:
    limits = {"column": "x", "min_value": -1.7976931348623157e308, "max_value": 1.7976931348623157e308}
    observed = observe(
        "column_values_to_be_between", limits, f"SELECT {value} AS x UNION ALL SELECT 1 UNION ALL SELECT NULL"
    )
    assert not observed.success
    assert observed.result["unexpected_count"] == 1


def test_a_typed_row_condition_knows_booleans_conjunctions_and_nulls() -> None:
    flagged = {"type": "comparison", "column": {"name": "flag"}, "operator": "==", "parameter": True}
    missing = {"type": "nullity", "column": {"name": "amount"}, "is_null": True}
    both = {"type": "and", "conditions": [flagged, missing]}
    assert observe(
        "column_distinct_values_to_equal_set", {"column": "id", "value_set": [5], "row_condition": both}
    ).success
    assert not observe(
        "column_distinct_values_to_equal_set", {"column": "id", "value_set": [5], "row_condition": flagged}
    ).success


def test_what_cannot_be_computed_is_a_reason_and_spoils_no_other() -> None:
    mean, regex, median, good, also_good = observe_all(
        [
            ("column_mean_to_be_between", {"column": "word", "min_value": 1}),
            ("column_values_to_match_regex", {"column": "word", "regex": "("}),
            ("column_median_to_be_between", {"column": "word", "min_value": 1}),
            ("column_mean_to_be_between", {"column": "id", "min_value": 3, "max_value": 3}),
            ("column_values_to_not_be_null", {"column": "id"}),
        ]
    )
    assert [each.success for each in (mean, regex, median)] == [False, False, False]
    assert str(mean.raised).startswith("Binder Error: No function matches")
    assert "missing" in str(regex.raised)
    assert "could not convert string to float" in str(median.raised)
    assert [(each.success, each.raised) for each in (good, also_good)] == [(True, None), (True, None)]


def test_examples_are_the_same_whatever_the_threads_do() -> None:
    rows = "SELECT (range * 7919) % 400000 AS n FROM range(400000)"
    seen = [
        observe("column_values_to_be_between", {"column": "n", "max_value": 10}, rows).result[
            "partial_unexpected_list"
        ]
        for _ in range(3)
    ]
    assert seen[0] == list(range(11, 21))
    assert seen[1:] == [seen[0], seen[0]]


@pytest.mark.parametrize(
    ("name", "kwargs", "examples"),
    [
        ("column_values_to_be_in_set", {"column": "word", "value_set": ["z"]}, ["a", "b"]),
        (
            "column_pair_values_to_be_equal",
            {"column_A": "word", "column_B": "other"},
            [("a", "z"), ("b", "z")],
        ),
        (
            "compound_columns_to_be_unique",
            {"column_list": ["word", "other"]},
            [{"word": "a", "other": "z"}, {"word": "b", "other": "z"}],
        ),
    ],
)
def test_each_bad_value_is_an_example_once_and_counted_each_time(
    name: str, kwargs: dict[str, Any], examples: list[Any]
) -> None:
    observed = observe(name, kwargs, "SELECT ['a', 'b'][1 + range % 2] AS word, 'z' AS other FROM range(50)")
    assert observed.result["unexpected_count"] == 50
    assert observed.result["partial_unexpected_list"] == examples


BEYOND = 2**53  # where a double no longer tells a whole number from the next


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("column_values_to_be_between", {"max_value": BEYOND}),
        ("column_values_to_be_between", {"min_value": BEYOND + 2}),
        ("column_values_to_be_between", {"max_value": BEYOND + 1, "strict_max": True}),
        ("column_min_to_be_between", {"min_value": BEYOND + 2}),
        ("column_max_to_be_between", {"max_value": BEYOND}),
        ("column_sum_to_be_between", {"min_value": BEYOND + 2}),
    ],
)
def test_whole_numbers_are_compared_exactly(name: str, limits: dict[str, Any]) -> None:
    assert not observe(name, {"column": "n"} | limits, f"SELECT {BEYOND + 1} AS n").success
    exact = {limit: BEYOND + 1 for limit in limits if limit in ("min_value", "max_value")}
    assert observe(name, {"column": "n"} | exact, f"SELECT {BEYOND + 1} AS n").success


def test_a_sum_of_whole_numbers_is_not_off_by_one() -> None:
    rows = f"SELECT {10**13} AS a, 1 AS b"
    assert observe(
        "multicolumn_sum_to_equal", {"column_list": ["a", "b"], "sum_total": 10**13 + 1}, rows
    ).success
    assert not observe(
        "multicolumn_sum_to_equal", {"column_list": ["a", "b"], "sum_total": 10**13}, rows
    ).success


def test_the_connection_stays_open_and_keeps_no_trace() -> None:
    connection = duckdb.connect()
    engine.validate(
        connection.sql(ROWS),
        connection,
        [suite.build(Expectation(name="expect_table_row_count_to_equal", kwargs={"value": 5}))],
    )
    assert connection.sql(
        "SELECT count(*) FROM duckdb_tables() UNION ALL SELECT count(*) FROM duckdb_views() WHERE NOT"
        " internal"
    ).fetchall() == [(0,), (0,)]


# --- few queries


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries that judging asks."""
    asked: list[str] = []
    run = engine.DuckDBExecutionEngine.execute_query

    def noted(self: Any, query: Any) -> Any:
        asked.append(str(query))
        return run(self, query)

    monkeypatch.setattr(engine.DuckDBExecutionEngine, "execute_query", noted)
    return asked


def test_many_expectations_are_one_scan_after_the_row_count(queries: list[str]) -> None:
    observed = observe_all(
        [
            ("table_row_count_to_equal", {"value": 5}),
            ("column_values_to_not_be_null", {"column": "id"}),
            ("column_values_to_be_between", {"column": "id", "min_value": 1}),
            ("column_values_to_match_regex", {"column": "word", "regex": "[a-it]"}),
            ("column_mean_to_be_between", {"column": "id", "min_value": 3}),
            ("column_max_to_be_between", {"column": "amount", "max_value": 40}),
            ("column_proportion_of_non_null_values_to_be_between", {"column": "amount", "min_value": 0.8}),
        ]
    )
    assert all(each.success for each in observed)
    row_count, scan = queries
    assert "count(*)" in row_count
    assert all(
        aggregate in scan
        for aggregate in ("avg(", "max(", "column.non_null_count", "between.unexpected_count")
    )


def test_examples_are_searched_only_where_something_is_broken(queries: list[str]) -> None:
    held = observe_all(
        [(name, good) for name, good, _ in CASES if "median" not in name and "distinct" not in name]
    )
    broken = [each for each in held if each.result.get("unexpected_count")]
    assert len([each for each in held if each.result.get("unexpected_count") == 0]) > 20
    assert len(broken) == sum("LIMIT" in query for query in queries) == 1  # allowed to be by `mostly`


def test_distinct_values_are_counted_apart_from_other_aggregates(queries: list[str]) -> None:
    observe_all(
        [
            ("column_unique_value_count_to_be_between", {"column": "id", "max_value": 5}),
            ("column_unique_value_count_to_be_between", {"column": "word", "max_value": 5}),
            ("column_max_to_be_between", {"column": "id", "max_value": 5}),
        ]
    )
    assert sorted(query.count("DISTINCT") for query in queries) == [0, 0, 1, 1]
    assert not any("DISTINCT" in query and "max(" in query for query in queries)


def test_unique_values_are_told_without_a_window_that_holds_every_row(queries: list[str]) -> None:
    rows = "SELECT unnest([1, 1, 2, NULL, NULL]) AS _num_rows"
    observed = observe("column_values_to_be_unique", {"column": "_num_rows"}, rows)
    assert (observed.result["unexpected_count"], observed.result["partial_unexpected_list"]) == (2, [1])
    assert not any("OVER" in query for query in queries)


# --- few rows


def test_no_answer_is_as_long_as_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred different values, of which one is there twice."""
    monkeypatch.setattr(engine, "MOST_FETCHED", 10)
    weights = {"values": ["0", "1"], "weights": [0.5, 0.5]}
    there, lacking, most_common, every_value = observe_all(
        [
            ("column_distinct_values_to_contain_set", {"column": "n", "value_set": [7, 99]}),
            ("column_distinct_values_to_contain_set", {"column": "n", "value_set": [7, 100]}),
            ("column_most_common_value_to_be_in_set", {"column": "n", "value_set": [7]}),
            (
                "column_kl_divergence_to_be_less_than",
                {"column": "word", "partition_object": weights, "threshold": 0.1},
            ),
        ],
        "SELECT n, n::VARCHAR AS word FROM (SELECT unnest(range(100)) UNION ALL SELECT 7) AS rows(n)",
    )
    assert [(each.success, each.raised) for each in (there, lacking, most_common)] == [
        (True, None),
        (False, None),
        (True, None),
    ]
    assert lacking.result["partial_missing_list"] == [100]
    assert most_common.result["observed_value"] == [7]
    assert (
        every_value.raised
        == "it looks at each different value, and there are more than 10; ask by another expectation"
    )


# --- the same results as on pandas

MIXED = """
    SELECT * FROM (VALUES
        (1, 1.5::DOUBLE, 'ab',   10, TIMESTAMP '2026-01-01 00:00:00', DATE '2026-01-01', true,  'x'),
        (2, 2.5,         'cd 1', 20, TIMESTAMP '2026-01-01 12:00:00', DATE '2026-01-02', false, 'x'),
        (3, 2.5,         'ab', NULL, TIMESTAMP '2026-01-02 00:00:00', NULL,              true,  'y'),
        (4, 'inf',       '',     30, NULL,                            DATE '2026-01-04', true,  'y'),
        (5, NULL,        NULL,   10, TIMESTAMP '2026-01-03 00:00:00', DATE '2026-01-04', NULL,  'x'),
        (6, '-inf',      'it''s', 40, TIMESTAMP '2026-01-03 00:00:00', DATE '2026-01-01', false, 'x'),
        (7, NULL,        NULL, NULL, NULL,                            NULL,              NULL,  'x'),
        (8, 40,          'ef',   10, TIMESTAMP '2026-02-03 00:00:00', DATE '2026-01-01', false, 'z')
    ) AS rows (id, amount, word, n, "at", day, flag, kind)
"""
X_ONLY = {"type": "comparison", "column": {"name": "kind"}, "operator": "==", "parameter": "x"}
OF_ANY_COLUMN: list[tuple[str, dict[str, Any]]] = [
    ("values_to_be_unique", {}),
    ("values_to_be_unique", {"row_condition": X_ONLY}),
    ("values_to_be_null", {}),
    ("values_to_not_be_null", {}),
    ("values_to_not_be_null", {"mostly": 0.6}),
    ("values_to_not_be_null", {"row_condition": X_ONLY}),
    ("unique_value_count_to_be_between", {"min_value": 3, "max_value": 3}),
    ("proportion_of_unique_values_to_be_between", {"max_value": 0.7}),
    ("proportion_of_non_null_values_to_be_between", {"min_value": 0.8}),
]
OF_A_COLUMN: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "id": [],
    "kind": [("distinct_values_to_equal_set", {"value_set": ["x", "y"]})],
    "flag": [("values_to_be_in_set", {"value_set": [True]})],
    "day": [("values_to_be_between", {"min_value": datetime(2026, 1, 2)})],
    "at": [
        ("values_to_be_between", {"min_value": datetime(2026, 1, 1, 6), "max_value": datetime(2026, 1, 31)}),
        ("values_to_be_between", {"max_value": datetime(2026, 1, 3), "strict_max": True}),
    ],
    "amount": [
        ("values_to_be_between", {"min_value": 0, "max_value": 100}),
        ("values_to_be_between", {"min_value": 1.5, "strict_min": True}),
        ("values_to_be_between", {"max_value": 40, "strict_max": True}),
        ("values_to_be_in_set", {"value_set": [1.5, 2.5]}),
        ("min_to_be_between", {"min_value": 0}),
        ("max_to_be_between", {"max_value": 100}),
        ("median_to_be_between", {"min_value": 2.5, "max_value": 2.5}),
    ],
    "n": [
        ("values_to_be_between", {"min_value": 15, "row_condition": X_ONLY}),
        ("values_to_be_in_set", {"value_set": [10, 20]}),
        ("mean_to_be_between", {"min_value": 20, "max_value": 20}),
        ("median_to_be_between", {"min_value": 15, "max_value": 15}),
        ("stdev_to_be_between", {"min_value": 12.6, "max_value": 12.7}),
        ("sum_to_be_between", {"min_value": 120, "max_value": 120}),
        ("distinct_values_to_equal_set", {"value_set": [10, 20, 30, 40]}),
        (
            "quantile_values_to_be_between",
            {"quantile_ranges": {"quantiles": [0.2, 0.75], "value_ranges": [[10, 10], [30, 30]]}},
        ),
        ("value_z_scores_to_be_less_than", {"threshold": 1.3, "double_sided": True}),
        ("most_common_value_to_be_in_set", {"value_set": [10]}),
    ],
    "word": [
        ("values_to_be_in_set", {"value_set": ["ab", "ef"]}),
        ("values_to_not_be_in_set", {"value_set": ["ab"]}),
        ("value_lengths_to_be_between", {"min_value": 2, "max_value": 3}),
        ("value_lengths_to_equal", {"value": 2}),
        ("values_to_match_regex", {"regex": "[a-d]"}),
        ("values_to_match_regex", {"regex": "^[a-z ]+\\d?$", "mostly": 0.6}),
        ("values_to_not_match_regex", {"regex": "'"}),
        ("values_to_match_regex_list", {"regex_list": ["b", "\\d"]}),
        ("values_to_not_match_regex_list", {"regex_list": ["b"]}),
        ("distinct_values_to_be_in_set", {"value_set": ["ab", "cd 1"]}),
        ("distinct_values_to_contain_set", {"value_set": ["ab", "zz"]}),
    ],
}
OF_MORE: list[tuple[str, dict[str, Any]]] = [
    (
        "column_pair_values_a_to_be_greater_than_b",
        {"column_A": "n", "column_B": "amount", "ignore_row_if": "either_value_is_missing"},
    ),
    (
        "column_pair_values_to_be_equal",
        {"column_A": "id", "column_B": "n", "ignore_row_if": "either_value_is_missing"},
    ),
    (
        "column_pair_values_to_be_in_set",
        {
            "column_A": "kind",
            "column_B": "word",
            "value_pairs_set": [("x", "ab")],
            "ignore_row_if": "either_value_is_missing",
        },
    ),
    # Two rows are ('x', missing): a key that repeats.
    ("compound_columns_to_be_unique", {"column_list": ["kind", "word"]}),
    ("compound_columns_to_be_unique", {"column_list": ["n", "word"]}),
    (
        "compound_columns_to_be_unique",
        {"column_list": ["kind", "flag"], "ignore_row_if": "any_value_is_missing"},
    ),
    (
        "multicolumn_sum_to_equal",
        {"column_list": ["id", "n"], "sum_total": 11, "ignore_row_if": "any_value_is_missing"},
    ),
    ("select_column_values_to_be_unique_within_record", {"column_list": ["id", "n"]}),
    ("table_row_count_to_equal", {"value": 8}),
    ("table_row_count_to_be_between", {"min_value": 9}),
    ("table_column_count_to_equal", {"value": 8}),
    ("table_columns_to_match_set", {"column_set": ["id", "amount"], "exact_match": False}),
    ("table_columns_to_match_ordered_list", {"column_list": ["amount", "id"]}),
]


def on_pandas(asked: list[tuple[str, dict[str, Any]]], rows: pd.DataFrame) -> list[Any]:
    """Great Expectations' results for the same questions, on its pandas engine."""
    quiet = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars=ProgressBarsConfig(globally=False),
    )
    asset = (
        gx.get_context(mode="ephemeral", project_config=quiet)
        .data_sources.add_pandas("pandas")
        .add_dataframe_asset("rows")
    )
    built = [suite.build(Expectation(name=f"expect_{name}", kwargs=kwargs)) for name, kwargs in asked]
    for number, each in enumerate(built):
        each.meta = {"number": number}
    batch = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": rows})
    results = batch.validate(gx.ExpectationSuite("rows", expectations=built), result_format="SUMMARY").results
    return sorted(results, key=lambda result: int(result.expectation_config.meta["number"]))


def told(success: bool, result: dict[str, Any]) -> tuple[Any, ...]:
    return (success, *(result.get(count) for count in ("element_count", "missing_count", "unexpected_count")))


def test_verdicts_and_counts_are_those_of_great_expectations_on_pandas() -> None:
    asked = [
        (f"column_{name}", {"column": column, **kwargs})
        for column, own in OF_A_COLUMN.items()
        for name, kwargs in [*own, *OF_ANY_COLUMN]
    ] + OF_MORE
    ours = observe_all(asked, MIXED)
    # pandas' own missing integers make it raise
    theirs = on_pandas(asked, duckdb.connect().sql(MIXED).df().astype({"n": float}))
    assert [
        engine._raised_text(their.exception_info)
        for their in theirs
        if their.exception_info["raised_exception"]
    ] == []
    differing = [
        (question, told(our.success, our.result), our.raised, told(their.success, their.result))
        for question, our, their in zip(asked, ours, theirs, strict=True)
        if told(our.success, our.result) != told(their.success, their.result)
    ]
    assert differing == []


WORDS = st.sampled_from(["a", "b", "c", "", None])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=12))
def test_what_repeats_is_what_repeats_on_pandas(rows: list[tuple[str | None, str | None]]) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("column_values_to_be_unique", {"column": "one"}),
        ("compound_columns_to_be_unique", {"column_list": ["one", "other"]}),
        ("column_unique_value_count_to_be_between", {"column": "one", "max_value": 2}),
    ]
    frame = pd.DataFrame(rows, columns=["one", "other"]).astype(object)
    values = ", ".join(
        f"({', '.join('NULL' if word is None else repr(word) for word in row)})" for row in rows
    )
    ours = observe_all(
        asked,
        f"SELECT one::VARCHAR AS one, other::VARCHAR AS other FROM (VALUES {values}) AS rows (one, other)",
    )
    assert [told(our.success, our.result) for our in ours] == [
        told(their.success, their.result) for their in on_pandas(asked, frame)
    ]


def test_nan_is_a_value_and_greater_than_all_others_where_pandas_has_it_missing() -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("column_values_to_not_be_null", {"column": "x"}),
        ("column_values_to_be_between", {"column": "x", "min_value": 0}),
        ("column_max_to_be_between", {"column": "x", "max_value": 9}),
        ("column_values_to_be_unique", {"column": "x"}),
    ]
    ours = observe_all(asked, "SELECT unnest([1, 'nan'::DOUBLE, 'nan'::DOUBLE, 2]) AS x")
    theirs = on_pandas(asked, pd.DataFrame({"x": [1, float("nan"), float("nan"), 2]}))
    assert [told(our.success, our.result) for our in ours] == [
        (True, 4, None, 0),
        (True, 4, 0, 0),
        (False, None, None, None),
        (False, 4, 0, 2),
    ]
    assert [their.success for their in theirs] == [False, True, True, True]


def test_its_connection_is_closed_at_once_lest_python_do_so_in_a_forked_process() -> None:
    connection = duckdb.connect()

    class Recording:
        def cursor(self) -> duckdb.DuckDBPyConnection:
            self.given = connection.cursor()
            return self.given

    recording = Recording()
    with engine.open_engine(connection.sql("SELECT 1 AS a"), recording, "judged"):
        assert recording.given.execute("FROM judged").fetchall() == [(1,)]
    with pytest.raises(duckdb.ConnectionException):
        recording.given.execute("SELECT 1")
    assert connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall() == []
