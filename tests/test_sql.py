"""Quoting, and taking expressions apart by DuckDB's own parser."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines import sql
from pipelines.config import Scalar

CONNECTION = duckdb.connect()
WINDOWS = {"week": 'PARTITION BY "c" ORDER BY "t" RANGE BETWEEN 7 PRECEDING AND 1 PRECEDING'}


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
@example('with "quotes"')
@example("it's")
@example("'); DROP TABLE x; --")
@example("CO(GT)")
@example("a\\' OR 1=1 /*")
def test_names_and_texts_are_quoted(word: str) -> None:
    relation = CONNECTION.sql(f"SELECT {sql.text(word)} AS {sql.name(word)}")
    assert (relation.columns, relation.fetchall()) == ([word], [(word,)])


def test_a_literal_has_its_columns_type_or_is_refused() -> None:
    connection = duckdb.connect()
    values: list[tuple[Scalar, str]] = [("1", "VARCHAR"), (1, "BIGINT"), (True, "BOOLEAN"), (None, "DATE")]
    told = [connection.sql(f"SELECT {sql.literal(value, type_)}").fetchall()[0][0] for value, type_ in values]
    assert told == ["1", 1, True, None]
    with pytest.raises(sql.BadExpression, match="'much' is no DOUBLE"):
        sql.literal("much", "DOUBLE")


def test_an_expression_is_taken_apart_into_columns_and_uses_of_windows() -> None:
    parsed = sql.parse("A / (1 + avg(b) FILTER (WHERE d) over week) + case when c then 1 end", WINDOWS)
    assert parsed == sql.Expression(frozenset({"a", "c"}), (sql.Aggregate("week", frozenset({"b", "d"}), "avg", ("b",)),), ())
    assert parsed.every_column == {"a", "b", "c", "d"}


def test_a_comment_at_the_end_swallows_nothing() -> None:
    assert sql.parse("a -- the amount").columns == {"a"}


@pytest.mark.parametrize("expression", ["a; DELETE FROM rows", "a), (b", "a) FROM rows UNION SELECT (b", "", "a b c"])
def test_what_is_not_one_expression_is_refused(expression: str) -> None:
    with pytest.raises(sql.BadExpression):
        sql.parse(expression)


@pytest.mark.parametrize(
    "expression", ["*", "columns('a')", "$1", "#1", "(SELECT 1)", "exists(SELECT 1)", "list_transform([1], lambda x: x)"]
)
def test_what_is_not_one_value_of_the_row_is_refused(expression: str) -> None:
    assert any("is not allowed here" in mistake for mistake in sql.parse(expression).mistakes)


def test_binding_tells_the_type_or_duckdbs_reason() -> None:
    table = sql.row_of_nulls({"a": "DOUBLE", "b": "VARCHAR"})
    assert sql.bind("a > 1", table) == "BOOLEAN"
    with pytest.raises(sql.BadExpression, match=r"(?i)no function matches"):
        sql.bind("length(a, b)", table)


@pytest.mark.parametrize("expression", ["a = 'yes'", "CASE WHEN a > 'much' THEN 1 END", "b = DATE '2026-02-30'", "regexp_matches(b, '(')"])
def test_a_constant_that_is_none_of_its_type_is_told_before_any_row_is_there(expression: str) -> None:
    with pytest.raises(sql.BadExpression, match=r"(?i)could not convert|conversion|out of range|missing \)"):
        sql.bind(expression, sql.row_of_nulls({"a": "DOUBLE", "b": "VARCHAR"}))


@pytest.mark.parametrize(("expression", "rest"), [("a = 'x' and and b", "and b"), ("a = 'äöü€' and\n and b", "and b"), ("(a", "")])
def test_where_duckdb_stops_reading_is_counted_in_characters(expression: str, rest: str) -> None:
    with pytest.raises(sql.BadExpression) as error:
        sql.parse(expression)
    assert error.value.position is not None
    assert expression[error.value.position :] == rest
