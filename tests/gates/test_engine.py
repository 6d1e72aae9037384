"""Every expectation that DuckDB can compute, on literal rows: it lets the good through and stops the bad."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from great_expectations.expectations.registry import get_expectation_impl

from pipelines.config import Expectation
from pipelines.gates import engine, suite

ROWS = """
    SELECT * FROM (VALUES
        (1, 1.0::DOUBLE, 'ab',      2, true,  TIMESTAMP '2026-01-01 00:00:00', DATE '2026-01-01', 'x'),
        (2, 2.0,         'cd 1',    4, false, TIMESTAMP '2026-01-01 12:00:00', DATE '2026-01-02', 'x'),
        (3, 3.0,         'ef (2)',  6, true,  TIMESTAMP '2026-01-02 00:00:00', DATE '2026-01-03', 'x'),
        (4, 40.0,        'it''s',   8, NULL,  TIMESTAMP '2026-01-03 00:00:00', DATE '2026-01-04', 'x'),
        (5, NULL,        NULL,     10, true,  NULL,                            NULL,              'y')
    ) AS rows (id, amount, word, double_id, flag, "at", "order", "select")
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
    ("column_pair_values_to_be_equal", {"column_A": "id", "column_B": "id"}, {"column_A": "id", "column_B": "double_id"}),
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
    ("multicolumn_values_to_be_equal", {"column_list": ["id", "id"]}, {"column_list": ["id", "double_id"]}),
    ("select_column_values_to_be_unique_within_record", {"column_list": ["id", "double_id"]}, {"column_list": ["id", "amount"]}),
    ("table_column_count_to_be_between", {"min_value": 8, "max_value": 8}, {"max_value": 7}),
    ("table_column_count_to_equal", {"value": 8}, {"value": 9}),
    (
        "table_columns_to_match_ordered_list",
        {"column_list": ["id", "amount", "word", "double_id", "flag", "at", "order", "select"]},
        {"column_list": ["amount", "id", "word", "double_id", "flag", "at", "order", "select"]},
    ),
    ("table_columns_to_match_set", {"column_set": ["id", "at"], "exact_match": False}, {"column_set": ["id", "at"]}),
    ("table_row_count_to_be_between", {"min_value": 5, "max_value": 5}, {"min_value": 6}),
    ("table_row_count_to_equal", {"value": 5}, {"value": 4}),
]  # fmt: skip


def observe(name: str, kwargs: dict[str, Any], rows: str = ROWS) -> engine.Observed:
    (observed,) = observe_all([(name, kwargs)], rows)
    return observed


def observe_all(asked: list[tuple[str, dict[str, Any]]], rows: str = ROWS) -> list[engine.Observed]:
    connection = duckdb.connect()
    built = [suite.build(Expectation(name=f"expect_{name}", kwargs=kwargs)) for name, kwargs in asked]
    return engine.validate(connection.sql(rows), connection, built)


@pytest.mark.parametrize(("name", "good", "bad"), CASES, ids=[case[0] for case in CASES])
def test_an_expectation_lets_the_good_through_and_stops_the_bad(name: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    held, failed = observe_all([(name, good), (name, bad)])
    assert (held.success, held.raised) == (True, None)
    assert (failed.success, failed.raised) == (False, None)


def test_every_expectation_is_tried_above_or_refused_with_a_sentence() -> None:
    more: dict[str, Any] = {"json_schema": {"type": "object"}, "strftime_format": "%Y"}
    refused = set()
    for name in suite.known():
        fields = get_expectation_impl(name).__fields__
        kwargs = {"column": "id"} | {argument: value for argument, value in more.items() if argument in fields}
        if "cannot be computed by DuckDB" in " ".join(suite.mistakes(Expectation(name=name, kwargs=kwargs), ["id"])):
            refused.add(name)
    assert {f"expect_{case[0]}" for case in CASES} == suite.known() - refused - suite.NOT_ONE_TABLE


@pytest.mark.parametrize("bound", ["2026-01-03", "2026-01-03T00:00:00"])
def test_moments_are_compared_with_iso_text(bound: str) -> None:
    assert observe("column_values_to_be_between", {"column": "at", "max_value": bound}).success
    assert not observe("column_values_to_be_between", {"column": "at", "max_value": bound, "strict_max": True}).success
    assert observe("column_values_to_be_between", {"column": "order", "max_value": "2026-01-04"}).success


@pytest.mark.parametrize("value", ["'nan'::DOUBLE", "'inf'::DOUBLE", "'-inf'::DOUBLE", "'nan'::FLOAT"])
def test_numbers_that_are_not_finite_are_not_between_finite_limits(value: str) -> None:
    limits = {"column": "x", "min_value": -1.7976931348623157e308, "max_value": 1.7976931348623157e308}
    observed = observe("column_values_to_be_between", limits, f"SELECT {value} AS x UNION ALL SELECT 1 UNION ALL SELECT NULL")
    assert not observed.success
    assert observed.result["unexpected_count"] == 1


def test_a_typed_row_condition_knows_booleans_conjunctions_and_nulls() -> None:
    flagged = {"type": "comparison", "column": {"name": "flag"}, "operator": "==", "parameter": True}
    missing = {"type": "nullity", "column": {"name": "amount"}, "is_null": True}
    both = {"type": "and", "conditions": [flagged, missing]}
    assert observe("column_distinct_values_to_equal_set", {"column": "id", "value_set": [5], "row_condition": both}).success
    assert not observe("column_distinct_values_to_equal_set", {"column": "id", "value_set": [5], "row_condition": flagged}).success


def test_what_cannot_be_computed_is_a_reason_and_spoils_no_other() -> None:
    mean, regex, good, also_good = observe_all(
        [
            ("column_mean_to_be_between", {"column": "word", "min_value": 1}),
            ("column_values_to_match_regex", {"column": "word", "regex": "("}),
            ("column_mean_to_be_between", {"column": "id", "min_value": 3, "max_value": 3}),
            ("column_values_to_not_be_null", {"column": "id"}),
        ]
    )
    assert not mean.success
    assert str(mean.raised).startswith("Binder Error: No function matches")
    assert not regex.success
    assert "missing" in str(regex.raised)
    assert good.success
    assert also_good.success


def test_examples_are_the_same_whatever_the_threads_do() -> None:
    rows = "SELECT (range * 7919) % 400000 AS n FROM range(400000)"
    seen = [
        observe("column_values_to_be_between", {"column": "n", "max_value": 10}, rows).result["partial_unexpected_list"] for _ in range(3)
    ]
    assert seen[0] == list(range(11, 21))
    assert seen[1:] == [seen[0], seen[0]]


def test_each_bad_value_is_an_example_once_and_counted_each_time() -> None:
    observed = observe(
        "column_values_to_be_in_set", {"column": "word", "value_set": ["z"]}, "SELECT ['a', 'b'][1 + range % 2] AS word FROM range(50)"
    )
    assert observed.result["unexpected_count"] == 50
    assert observed.result["partial_unexpected_list"] == ["a", "b"]


def test_the_connection_stays_open_and_keeps_no_trace() -> None:
    connection = duckdb.connect()
    engine.validate(
        connection.sql(ROWS), connection, [suite.build(Expectation(name="expect_table_row_count_to_equal", kwargs={"value": 5}))]
    )
    assert connection.sql(
        "SELECT count(*) FROM duckdb_tables() UNION ALL SELECT count(*) FROM duckdb_views() WHERE NOT internal"
    ).fetchall() == [(0,), (0,)]
