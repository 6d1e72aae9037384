"""What one column tells of the label, and which values are known: computed by DuckDB, compared with the
formula by hand.
"""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core.config import Expectation
from pipelines.gates.gx import engine, own, suite


def observe(
    rows: str, *asked: tuple[str, dict[str, Any]], past: str = "SELECT NULL AS value WHERE false"
) -> list[engine.Observation]:
    connection = duckdb.connect()
    connection.sql(past).create_view("past")
    built = [suite.build(Expectation(name=f"expect_column_{name}", kwargs=kwargs)) for name, kwargs in asked]
    return engine.validate(connection.sql(rows), connection, built)


def told(rows: str, *columns: str, measure: str = "correlation") -> list[float]:
    """What each column tells of `label`."""
    every = observe(
        rows,
        *(
            (f"{measure}_to_be_at_most", {"column": column, "label": "label", "max_value": 0.9})
            for column in columns
        ),
    )
    assert [observed.raised for observed in every] == [None] * len(columns)
    assert all(observed.success is (observed.result["observed_value"] <= 0.9) for observed in every)
    return [observed.result["observed_value"] for observed in every]


LABELLED = "SELECT i, (i % 7 = 0)::BIGINT AS label, {} AS x FROM range(1000) AS t(i)"


@pytest.mark.parametrize(
    ("x", "value"),
    [
        ("(i % 7 = 0)::FLOAT", 1),
        ("-3 * (i % 7 = 0)::INT + 5", 1),
        ("if(i % 7 = 0, i, NULL)", 1),  # it is there only where the label is 1
        ("if(i % 7 = 0, 'nan'::FLOAT, i)", 0),  # a missing value would be a null
        ("1.0::DOUBLE", 0),
        ("NULL::DOUBLE", 0),
        ("if(i % 9 = 0, 'inf'::DOUBLE, i)", 0),
        ("if(i = 5, 'inf'::DOUBLE, (i % 7 = 0)::INT)", 1),
        ("if(i < 19, i % 7 = 0, NULL)::INT", 0),  # nineteen pairs may agree by chance
        ("if(i < 20, i % 7 = 0, NULL)::INT", 1),
        ("i % 7", 0.6120),  # -3/7 by sqrt(4 * 6/49), adjusted
    ],
)
def test_a_number_tells_the_label_by_its_value_or_by_its_absence(x: str, value: float) -> None:
    assert told(LABELLED.format(x), "x") == [pytest.approx(value, abs=1e-4)]


@pytest.mark.parametrize(
    ("x", "value"),
    [
        ("if(i % 7 = 0, 'yes', 'no')", 1),
        ("if(i % 7 = 0, NULL, 'no')", 1),
        ("'v' || (i % 7)", 1),  # one of the seven is the label
        ("'all'", 0),
        ("NULL::VARCHAR", 0),
        ("'v' || i", 0),  # as many values as rows
        ("'v' || (i // 2)", 0),  # values of two rows each tell a part of the variance by their number alone
    ],
)
def test_a_category_tells_the_label_by_its_groups_but_not_by_their_number(x: str, value: float) -> None:
    assert told(LABELLED.format(x), "x", measure="correlation_ratio") == [value]


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=20, max_size=60))
@settings(max_examples=15, deadline=None)
def test_what_a_number_tells_is_its_adjusted_correlation(pairs: list[tuple[int, int]]) -> None:
    x, label = np.array(pairs, dtype=float).T
    values = ", ".join(f"({a}, {b}, {3 - 2 * a}, '{a > 0}')" for a, b in pairs)
    number, linear = told(f"SELECT * FROM (VALUES {values}) AS t(x, label, linear, sign)", "x", "linear")
    if x.std() == 0 or label.std() == 0:
        assert number == linear == 0
    else:
        n, r = len(pairs), np.corrcoef(x, label)[0, 1]
        assert number == pytest.approx(np.sqrt(max(0, 1 - (1 - r**2) * (n - 1) / (n - 2))), abs=2e-6)
        assert linear == pytest.approx(number, abs=2e-6)


@given(st.lists(st.tuples(st.booleans(), st.integers(-50, 50)), min_size=20, max_size=60))
@settings(max_examples=15, deadline=None)
def test_a_category_of_two_values_tells_what_its_number_tells(pairs: list[tuple[bool, int]]) -> None:
    # The mean of the labels is far from zero, where a difference of squares would have lost its digits.
    values = ", ".join(f"({int(a)}, '{a}', {b} + 1e8)" for a, b in pairs)
    rows = f"SELECT number, word, label::DOUBLE AS label FROM (VALUES {values}) AS t(number, word, label)"
    assert told(rows, "number") == [
        pytest.approx(told(rows, "word", measure="correlation_ratio")[0], abs=1e-5)
    ]


def test_a_label_with_one_in_a_thousand_flipped_tells_itself_even_where_it_is_rare() -> None:
    rows = """
        SELECT (i % 83 = 0)::INT AS label, if(i % 1000 = 1, 1 - label, label) AS flipped, if(flipped = 1, 'y', 'n') AS word
        FROM range(100000) AS t(i)"""
    assert 0.95 < told(rows, "flipped")[0] < 1
    assert 0.95 < told(rows, "word", measure="correlation_ratio")[0] < 1


def test_all_number_features_cost_one_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    queries: list[str] = []
    run = engine.DuckDBExecutionEngine.execute_query

    def noted(self: Any, query: Any) -> Any:
        queries.append(str(query))
        return run(self, query)

    monkeypatch.setattr(engine.DuckDBExecutionEngine, "execute_query", noted)
    told("SELECT i AS x, i % 2 AS y, i % 3 AS z, i % 5 AS label FROM range(100) AS t(i)", "x", "y", "z")
    assert sum("corr(" in query for query in queries) == 1


def test_unknown_values_are_counted_with_examples_and_missing_ones_are_not() -> None:
    rows = "SELECT ['a', 'b', 'c', NULL][1 + i % 4] AS x FROM range(40) AS t(i)"
    asked = ("values_to_be_in_past", {"column": "x", "past": "past", "mostly": 0.6})
    (most,) = observe(rows, asked, past="SELECT 'a' AS value UNION ALL SELECT 'b'")
    (some,) = observe(rows, asked, past="SELECT 'a' AS value")
    assert (most.success, most.result["unexpected_count"], most.result["partial_unexpected_list"]) == (
        True,
        10,
        ["c"],
    )
    assert (some.success, some.result["unexpected_count"], some.result["partial_unexpected_list"]) == (
        False,
        20,
        ["b", "c"],
    )
    assert some.result["missing_count"] == 10


def test_our_expectations_are_known_apart_from_great_expectations_own() -> None:
    assert {
        "expect_column_correlation_to_be_at_most",
        "expect_column_correlation_ratio_to_be_at_most",
        "expect_column_values_to_be_in_past",
        "expect_column_to_be_like_earlier_days",
        "expect_table_rows_to_be_new",
    } == own.NAMES
    assert own.NAMES.isdisjoint(suite.known_names())
