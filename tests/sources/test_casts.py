from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from itertools import product
from typing import Any, get_args
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core.config import Column
from pipelines.core.sql import text
from pipelines.sources.casts import ARTICLES, broken, cast, cast_guess, guess


@cache
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def read(
    value: str,
    type_: str,
    found: str = "VARCHAR",
    codes: tuple[str | int, ...] = (),
    format: str | None = None,
) -> tuple[Any, Any]:
    """The value as ingest reads it, and what it calls broken."""
    column = Column.model_validate({"type": type_, "format": format})
    source = f"(SELECT CAST({value} AS {found}) AS v)"
    (row,) = (
        connection()
        .execute(
            f"SELECT t, {broken('v', 't', codes)} FROM (SELECT v, {cast('v', found, column)} AS t FROM"
            f" {source})"
        )
        .fetchall()
    )
    return row


def test_typed_values_are_widened_but_not_rounded() -> None:
    assert read("3", "number", "INTEGER") == (3.0, None)
    assert read("3", "integer", "DOUBLE") == (3, None)
    assert read("3.5", "integer", "DOUBLE") == (None, "3.5")
    assert read("'nan'", "number", "DOUBLE") == (None, "nan")
    assert read("12.50", "number", "DECIMAL(6,2)") == (12.5, None)
    assert read("'2026-02-01 10:00:00+02:00'", "timestamp", "TIMESTAMP WITH TIME ZONE") == (
        datetime(2026, 2, 1, 8),
        None,
    )


def test_fractions_of_a_second_are_cut_off_alike_in_texts_and_in_typed_values() -> None:
    for found in ("VARCHAR", "TIMESTAMP_NS", "TIMESTAMPTZ_NS"):
        for moment, expected in (
            ("2026-02-01 23:59:59.999999999", datetime(2026, 2, 1, 23, 59, 59, 999999)),
            ("1960-02-01 23:59:59.999999999", datetime(1960, 2, 1, 23, 59, 59, 999999)),
        ):
            assert read(text(moment), "timestamp", found) == (expected, None)


def test_a_typed_moment_is_a_day_if_it_is_midnight_and_one_that_people_mean() -> None:
    assert read("'2026-02-01'", "date", "TIMESTAMP") == (date(2026, 2, 1), None)
    assert read("'2026-02-01 10:00'", "date", "TIMESTAMP") == (None, "2026-02-01 10:00:00")
    assert read("'0044-03-15 (BC)'", "date", "DATE") == (None, "0044-03-15 (BC)")
    assert read("'0001-01-01'", "timestamp", "TIMESTAMP") == (None, "0001-01-01 00:00:00")
    assert read("'infinity'", "timestamp", "TIMESTAMP") == (None, "infinity")


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-03-29 01:59:59 Europe/Berlin", datetime(2026, 3, 29, 0, 59, 59)),
        ("2026-03-29 02:00 Europe/Berlin", None),
        ("2026-03-29 02:59:59.999999 Europe/Berlin", None),
        ("2026-03-29 03:00 Europe/Berlin", datetime(2026, 3, 29, 1)),
        ("2026-10-25 01:59:59 Europe/Berlin", datetime(2026, 10, 24, 23, 59, 59)),
        ("2026-10-25 02:00 Europe/Berlin", None),
        ("2026-10-25 02:59:59 Europe/Berlin", None),
        ("2026-10-25 03:00 Europe/Berlin", datetime(2026, 10, 25, 2)),
        ("2026-04-05 01:29 Australia/Lord_Howe", datetime(2026, 4, 4, 14, 29)),
        ("2026-04-05 01:30 Australia/Lord_Howe", None),
        ("2026-04-05 02:00 Australia/Lord_Howe", datetime(2026, 4, 4, 15, 30)),
        ("2011-12-30 12:00 Pacific/Apia", None),
    ],
)
def test_a_local_time_is_read_where_the_clocks_show_it_once(local: str, expected: datetime | None) -> None:
    assert read(text(local), "timestamp") == (expected, None if expected else local)


def test_only_what_is_surely_one_text_becomes_one() -> None:
    for found, value, expected in (
        ("DOUBLE", "123", "123"),
        ("DOUBLE", "-0.0", "0"),
        ("DOUBLE", "1.5", None),
        ("DOUBLE", "'nan'", None),
        ("DOUBLE", "1e16", None),
        ("FLOAT", "16777216", None),
        ("DECIMAL(10,2)", "123", "123"),
        ("DECIMAL(10,2)", "12.5", None),
        ("DECIMAL(38,0)", "12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("HUGEINT", "12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("BLOB", r"'Zo\xC3\xAB'", "Zo\u00eb"),
        ("BLOB", r"'\xAB'", None),
        ("BLOB", r"'a\x00b'", None),
        ("BOOLEAN", "true", None),
        ("DATE", "'2026-02-01'", None),
        ("STRUCT(a INTEGER)", "{'a': 1}", None),
    ):
        assert read(value, "string", found)[0] == expected, (found, value)


def test_an_integer_that_a_float_cannot_tell_from_the_next_is_none() -> None:
    assert read("9007199254740991", "integer", "DOUBLE") == (2**53 - 1, None)
    assert read("9007199254740992", "integer", "DOUBLE")[0] is None


def test_a_blank_code_is_the_code_of_a_blank_cell() -> None:
    assert read("'  '", "number", codes=(" ",)) == (None, None)
    assert read("chr(9)", "date", codes=("",)) == (None, None)
    assert read("'  '", "number", codes=("n/a",)) == (None, "  ")


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
NUMBERS = [
    "0",
    "23",
    "1e-40",
    ".",
    "-",
    "+",
    "_",
    "e",
    "E",
    "\t",
    "\n",
    " ",
    "\u00a0",
    "x",
    "nan",
    "infinity",
    "308",
    "true",
]
SIGNS = {
    "number": NUMBERS,
    "integer": NUMBERS,
    "boolean": ["true", "f", "1", "0", "yes", "T", " ", "\t", "on", "2"],
    "date": ["2026", "-", "02", "29", "30", "2026-02-01", "5599999-02-01", " ", "T", "00:00", "24:00:00", "\t", "BC", "infinity", "epoch"],
    "timestamp": ["2026-02-01", "1500-02-28", "5599999-01-01", " ", "T", "10:00", ":59", ":60", ".5", ".1234567", "Z", "+02", " UTC", "\t", "epoch"],
}  # fmt: skip


@pytest.mark.parametrize("type_", SIGNS)
def test_a_text_taken_at_its_guess_is_what_a_close_look_makes_of_it(type_: str) -> None:
    texts = ["".join(signs) for length in range(1, 5) for signs in product(SIGNS[type_], repeat=length)]
    column = Column.model_validate({"type": type_})
    source = connection().from_arrow(pa.table({"v": pa.array([None, *texts], pa.string())}))
    found = source.project(f"v, {guess('v', 'VARCHAR', column)} AS g").project(
        f"v, {cast_guess('v', 'g', column)} AS quick, {cast('v', 'VARCHAR', column)} AS close"
    )
    assert found.filter("quick IS DISTINCT FROM close").fetchall() == []
    assert found.aggregate("count(quick) > 0 AND count(quick) < count(*)").fetchall() == [(True,)]


def every(texts: list[str], type_: str, format: str | None = None) -> list[Any]:
    """Many texts as ingest reads them, at their guess or at a close look."""
    column = Column.model_validate({"type": type_, "format": format})
    source = connection().from_arrow(pa.table({"v": pa.array(texts, pa.string())}))
    made = guess("v", "VARCHAR", column)
    if made is None:
        return [value for (value,) in source.project(cast("v", "VARCHAR", column)).fetchall()]
    return [
        value
        for (value,) in source.project(f"v, {made} AS g").project(cast_guess("v", "g", column)).fetchall()
    ]


days = st.dates(date(1900, 1, 1), date(9999, 12, 31))
moments = st.datetimes(datetime(1900, 1, 2), datetime(9999, 12, 30))


@settings(max_examples=20, deadline=None)
@given(st.lists(days, min_size=1))
def test_every_day_is_python_s_own_in_each_way_to_spell_it(given: list[date]) -> None:
    for spell in (
        "{0:%Y-%m-%d}",
        "{0.year:04}/{0.month}/{0.day}",
        "{0:%Y-%m-%d} 00:00:00",
        "{0:%Y-%m-%d}T00:00Z",
    ):
        assert every([spell.format(day) for day in given], "date") == given
    for format in ("%d/%m/%Y", "%Y%m%d", "%b %d, %Y"):
        assert every([f"{day:{format}}" for day in given], "date", format) == given


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(moments, st.integers(-14 * 60 + 1, 14 * 60 - 1)), min_size=1))
def test_every_moment_is_python_s_own_in_each_way_to_spell_it(given: list[tuple[datetime, int]]) -> None:
    there = [moment.replace(tzinfo=timezone(timedelta(minutes=minutes))) for moment, minutes in given]
    utc = [moment.astimezone(UTC).replace(tzinfo=None) for moment in there]
    assert every([moment.isoformat() for moment, _ in given], "timestamp") == [moment for moment, _ in given]
    for between in "T ":
        assert every([moment.isoformat(between) for moment in there], "timestamp") == utc
    assert every([f"{moment:%Y-%m-%d %H:%M:%S.%f %z}" for moment in there], "timestamp") == utc
    format = "%d.%m.%Y %H:%M:%S.%f%z"
    assert every([f"{moment:{format}}" for moment in there], "timestamp", format) == utc


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)), min_size=1),
    st.sampled_from(["Europe/Berlin", "America/New_York"]),
)
def test_every_local_time_is_python_s_own_or_none_where_there_are_two_or_no_such(
    given: list[datetime], zone: str
) -> None:
    def expected(local: datetime) -> datetime | None:
        first, second = (local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
        return first.replace(tzinfo=None) if first == second else None

    assert every([f"{local} {zone}" for local in given], "timestamp") == [expected(local) for local in given]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.text("0123456789-/: .TZ+BC")
        | st.text()
        | st.from_regex(r"\d{1,6}[-/.]\d{1,4}[-/.]\d{1,4}( \d\d:\d\d)?", fullmatch=True),
        min_size=1,
    ),
    st.sampled_from(["date", "timestamp"]),
)
def test_no_text_becomes_a_moment_of_a_year_that_it_does_not_write_out(texts: list[str], type_: str) -> None:
    for written, found in zip(texts, every(texts, type_), strict=True):
        if found is not None:
            assert written.strip().startswith(f"{found.year}")
            assert 1900 <= found.year <= 9999
