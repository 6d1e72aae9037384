"""Quoting, and taking expressions apart by DuckDB's own parser."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.core import sql
from pipelines.core.config import Scalar
from pipelines.storage import spill

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
    assert parsed == sql.Expression(
        frozenset({"a", "c"}), (sql.Aggregate("week", frozenset({"b", "d"}), "avg", ("b",)),), ()
    )
    assert parsed.every_column == {"a", "b", "c", "d"}


def test_a_comment_at_the_end_swallows_nothing() -> None:
    assert sql.parse("a -- the amount").columns == {"a"}


@pytest.mark.parametrize(
    "expression", ["a; DELETE FROM rows", "a), (b", "a) FROM rows UNION SELECT (b", "", "a b c"]
)
def test_what_is_not_one_expression_is_refused(expression: str) -> None:
    with pytest.raises(sql.BadExpression):
        sql.parse(expression)


@pytest.mark.parametrize(
    "expression",
    ["*", "columns('a')", "$1", "#1", "(SELECT 1)", "exists(SELECT 1)", "list_transform([1], lambda x: x)"],
)
def test_what_is_not_one_value_of_the_row_is_refused(expression: str) -> None:
    assert any("is not allowed here" in mistake for mistake in sql.parse(expression).mistakes)


def test_binding_tells_the_type_or_duckdbs_reason() -> None:
    table = sql.row_of_nulls({"a": "DOUBLE", "b": "VARCHAR"})
    assert sql.bind("a > 1", table) == "BOOLEAN"
    with pytest.raises(sql.BadExpression, match=r"(?i)no function matches"):
        sql.bind("length(a, b)", table)


@pytest.mark.parametrize(
    "expression",
    ["a = 'yes'", "CASE WHEN a > 'much' THEN 1 END", "b = DATE '2026-02-30'", "regexp_matches(b, '(')"],
)
def test_a_constant_that_is_none_of_its_type_is_told_before_any_row_is_there(expression: str) -> None:
    with pytest.raises(sql.BadExpression, match=r"(?i)could not convert|conversion|out of range|missing \)"):
        sql.bind(expression, sql.row_of_nulls({"a": "DOUBLE", "b": "VARCHAR"}))


@pytest.mark.parametrize(
    ("expression", "rest"), [("a = 'x' and and b", "and b"), ("a = 'äöü€' and\n and b", "and b"), ("(a", "")]
)
def test_where_duckdb_stops_reading_is_counted_in_characters(expression: str, rest: str) -> None:
    with pytest.raises(sql.BadExpression) as error:
        sql.parse(expression)
    assert error.value.position is not None
    assert expression[error.value.position :] == rest


# Words of SQL that cannot stand alone as a column somewhere; `default` is read, and refused.
@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("date_diff('day', born, at)", ["at"]),
        ("AT > born and end < born", ["at", "end"]),
        ("length('at') + case when end then 1 else 0 end", []),
        ("default + 1", ["default"]),
        ("'é' || order", ["order"]),
        ("date_diff('day', born, \"at\")", []),
        ("date_diff('day', at,", []),
        ("born -- at", []),
        ("'at", []),
    ],
)
def test_a_column_that_is_a_word_of_sql_is_told_where_quotes_are_the_way_out(
    expression: str, told: list[str]
) -> None:
    found = sql.in_quotes(expression, ["born", "at", "end", "default", "order"])
    assert found == [f'{word} is a word of SQL: write the column in double quotes: "{word}"' for word in told]


def test_of_every_word_of_sql_that_needs_quotes_that_is_told() -> None:
    with duckdb.connect() as connection:
        words = [
            str(word) for (word,) in connection.sql("SELECT keyword_name FROM duckdb_keywords()").fetchall()
        ]
    for word in words:
        expression = f"date_diff('day', born, {word})"
        try:
            read = word in sql.parse(expression).every_column
        except sql.BadExpression:
            read = False
        told = bool(sql.in_quotes(expression, ["born", word]))
        # What stands for a value of its own is no slip; see NO_COLUMNS for `user`.
        assert read or told or word in ("true", "false", "null", "user"), word
        assert not (read and told), word


def test_a_window_in_parentheses_is_told_how_to_be_written() -> None:
    frames = {
        "week": 'PARTITION BY "customer" ORDER BY "at" RANGE BETWEEN INTERVAL 7 DAY PRECEDING AND CURRENT ROW'
    }
    with pytest.raises(sql.BadExpression, match=r"the window week stands in parentheses: write `over week`"):
        sql.parse("avg(amount) over (week)", frames)


def test_any_number_of_relations_is_put_together_in_their_order() -> None:
    connection = spill.connect(500_000_000)
    for many in (1, 2, 7, 400):
        every = sql.together(connection.sql(f"SELECT {n} AS n") for n in range(many))
        assert [n for (n,) in every.fetchall()] == list(range(many))


@pytest.mark.parametrize(
    ("many", "tables"), [(1, 0), (sql.AT_ONCE, 0), (sql.AT_ONCE + 1, 1), (7 * sql.AT_ONCE, 1)]
)
def test_the_rows_of_many_relations_are_gathered_in_their_order_in_a_table(many: int, tables: int) -> None:
    connection = spill.connect(500_000_000)
    every = sql.gathered([connection.sql(f"SELECT {n} AS n UNION ALL SELECT {n}") for n in range(many)])
    assert [n for (n,) in every.fetchall()] == [n for n in range(many) for _ in range(2)]
    assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(tables,)]


def test_gathered_rows_have_types_in_which_each_relation_has_room() -> None:
    connection = spill.connect(500_000_000)
    numbers = [connection.sql("SELECT 1::SMALLINT AS n") for _ in range(2 * sql.AT_ONCE)]
    every = sql.gathered([*numbers, connection.sql("SELECT 0.5::DOUBLE AS n")])
    assert [str(type_) for type_ in every.types] == ["DOUBLE"]
    assert every.fetchall()[-2:] == [(1.0,), (0.5,)]
