"""DuckDB's dialect, asked by SQLAlchemy alone."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from pipelines.gates.gx import dialect  # noqa: F401  (registers itself)

WORD, NUMBER = sa.column("word", sa.String), sa.column("order", sa.Integer)
ROWS = sa.table("rows", WORD, NUMBER)


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    own = duckdb.connect()
    own.execute(
        """CREATE TABLE rows AS SELECT * FROM (VALUES ('ab', 3, [1]), ('cd', 1, []), ('bb', 2, NULL)) AS t (word, "order", list)"""
    )
    with sa.create_engine("duckdb+sluice://", creator=own.cursor, poolclass=StaticPool).connect() as opened:
        yield opened


def test_a_regular_expression_is_searched_for(connection: sa.Connection) -> None:
    assert connection.execute(sa.select(WORD).where(WORD.op("~")("b")).order_by(WORD)).scalars().all() == [
        "ab",
        "bb",
    ]
    assert connection.execute(sa.select(WORD).where(WORD.op("!~")("b"))).scalars().all() == ["cd"]


def test_the_first_rows_are_the_smallest_unless_another_order_is_asked_for(connection: sa.Connection) -> None:
    assert connection.execute(sa.select(WORD).select_from(ROWS).limit(2)).scalars().all() == ["ab", "bb"]
    assert connection.execute(
        sa.select(WORD).select_from(ROWS).order_by(NUMBER).limit(2)
    ).scalars().all() == ["cd", "bb"]


def test_columns_are_described_whatever_their_type(connection: sa.Connection) -> None:
    described = sa.inspect(connection).get_columns("rows")
    assert [(column["name"], type(column["type"]).__name__) for column in described] == [
        ("word", "VARCHAR"),
        ("order", "INTEGER"),
        ("list", "INTEGER[]"),
    ]


def test_the_error_of_one_query_spoils_no_other(connection: sa.Connection) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="Catalog Error"):
        connection.execute(sa.text("SELECT * FROM nowhere"))
    assert connection.execute(sa.select(sa.func.count()).select_from(ROWS)).scalar_one() == 3


@pytest.mark.parametrize(
    "divisor",
    [sa.literal(3_000_000_000), sa.cast(sa.literal(3), sa.Numeric), sa.cast(sa.literal(0.001), sa.Float)],
)
def test_a_quotient_is_a_double(connection: sa.Connection, divisor: sa.ColumnElement[float]) -> None:
    quotient = sa.cast(sa.literal(1), sa.Integer) / divisor
    ((found, its_type),) = connection.execute(sa.select(quotient, sa.func.typeof(quotient))).fetchall()
    ((exact,),) = connection.execute(sa.select(sa.cast(divisor, sa.Double))).fetchall()
    assert (found, its_type) == (1 / exact, "DOUBLE")


@pytest.mark.parametrize("number", [1e-9, 123456789.123456789])
@pytest.mark.parametrize("type_", [sa.Numeric, sa.Float, sa.Double])
def test_a_number_keeps_its_digits_in_a_cast(
    connection: sa.Connection, number: float, type_: type[sa.types.TypeEngine[float]]
) -> None:
    assert float(connection.execute(sa.select(sa.cast(sa.literal(number), type_))).scalar_one()) == number
