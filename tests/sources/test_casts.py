from __future__ import annotations

from datetime import date, datetime
from functools import cache
from itertools import product
from typing import Any, get_args

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.config import Column
from pipelines.sources.casts import ARTICLES, broken, cast, guess, guessed
from pipelines.sql import text


@cache
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def read(value: str, type_: str, found: str = "VARCHAR", codes: tuple[str | int, ...] = ()) -> tuple[Any, Any]:
    """The value as ingest reads it, and what it calls broken."""
    column = Column.model_validate({"type": type_})
    source = f"(SELECT CAST({value} AS {found}) AS v)"
    (row,) = (
        connection()
        .execute(f"SELECT t, {broken('v', 't', codes)} FROM (SELECT v, {cast('v', found, column)} AS t FROM {source})")
        .fetchall()
    )
    return row


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        ("'7'", "integer", 7),
        ("' +7 '", "integer", 7),
        ("chr(9) || '7'", "integer", 7),
        ("'7.0'", "integer", 7),
        ("'-9223372036854775808'", "integer", -(2**63)),
        ("'.5'", "number", 0.5),
        ("'1e3'", "number", 1000.0),
        ("'true'", "boolean", True),
        ("'2026-02-01'", "date", date(2026, 2, 1)),
        ("'2026-02-01 00:00:00'", "date", date(2026, 2, 1)),
        ("'2026-02-01'", "timestamp", datetime(2026, 2, 1)),
        ("'2026-02-01T10:00:00Z'", "timestamp", datetime(2026, 2, 1, 10)),
        ("'2026-02-01 10:00:00+02:00'", "timestamp", datetime(2026, 2, 1, 8)),
        ("' as it is '", "string", " as it is "),
    ],
)
def test_text_is_read_as_the_declared_type(value: str, type_: str, expected: object) -> None:
    assert read(value, type_) == (expected, None)


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("1.5", "integer"),
        ("1e3", "integer"),
        ("0x10", "integer"),
        ("1_000", "integer"),
        ("9223372036854775808", "integer"),
        ("", "integer"),
        ("nan", "number"),
        ("inf", "number"),
        ("1e999", "number"),
        ("1,5", "number"),
        ("maybe", "boolean"),
        ("2026-02-30", "date"),
        ("2026-02-01 10:00", "date"),
        ("infinity", "date"),
        ("5599999-05-05", "date"),
        ("31/12/2026", "timestamp"),
        ("infinity", "timestamp"),
        ("epoch", "timestamp"),
        ("now", "timestamp"),
    ],
)
def test_what_is_not_exactly_of_the_type_is_broken_and_never_repaired(value: str, type_: str) -> None:
    assert read(text(value), type_) == (None, value)


def test_typed_values_are_widened_but_not_rounded() -> None:
    assert read("3", "number", "INTEGER") == (3.0, None)
    assert read("3", "integer", "DOUBLE") == (3, None)
    assert read("3.5", "integer", "DOUBLE") == (None, "3.5")
    assert read("'nan'", "number", "DOUBLE") == (None, "nan")
    assert read("12.50", "number", "DECIMAL(6,2)") == (12.5, None)
    assert read("'2026-02-01 10:00:00+02:00'", "timestamp", "TIMESTAMP WITH TIME ZONE") == (datetime(2026, 2, 1, 8), None)


def test_a_missing_value_is_not_broken() -> None:
    for type_ in ARTICLES:
        assert read("NULL", type_) == (None, None)


def test_a_code_for_missing_is_not_broken() -> None:
    assert read("'n/a'", "number", codes=("n/a", -999)) == (None, None)
    assert read("'-999'", "number", codes=("n/a", -999)) == (-999.0, None)


def test_every_declared_type_has_its_words() -> None:
    assert set(ARTICLES) == set(get_args(Column.model_fields["type"].annotation))


@settings(max_examples=50, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_survives_its_way_through_text(number: float) -> None:
    assert read(f"'{number!r}'", "number") == (number, None)


# What texts are made of that look like values: signs that DuckDB's casts skip or repair, and its words.
NUMBERS = ["0", "23", ".", "-", "+", "_", "e", "E", "\t", "\n", " ", "\u00a0", "x", "nan", "infinity", "308", "true"]
SIGNS = {
    "number": NUMBERS,
    "integer": NUMBERS,
    "boolean": ["true", "f", "1", "0", "yes", "T", " ", "\t", "on", "2"],
    "date": ["2026", "-", "02", "29", "30", "2026-02-01", "5599999-02-01", " ", "T", "00:00", "24:00:00", "\t", "BC", "infinity", "epoch"],
    "timestamp": ["2026-02-01", "1500-02-29", "5599999-01-01", " ", "T", "10:00", ":59", ":60", ".5", ".1234567", "Z", "+02", " UTC", "\t", "epoch"],
}  # fmt: skip


@pytest.mark.parametrize("type_", SIGNS)
def test_a_text_taken_at_its_guess_is_what_a_close_look_makes_of_it(type_: str) -> None:
    texts = ["".join(signs) for length in range(1, 5) for signs in product(SIGNS[type_], repeat=length)]
    column = Column.model_validate({"type": type_})
    source = connection().from_arrow(pa.table({"v": pa.array([None, *texts], pa.string())}))
    found = source.project(f"v, {guess('v', 'VARCHAR', column)} AS g").project(
        f"v, {guessed('v', 'g', column)} AS quick, {cast('v', 'VARCHAR', column)} AS close"
    )
    assert found.filter("quick IS DISTINCT FROM close").fetchall() == []
    assert found.aggregate("count(quick) > 0 AND count(quick) < count(*)").fetchall() == [(True,)]
