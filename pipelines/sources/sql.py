"""A query through SQLAlchemy, streamed into DuckDB."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipelines import addresses
from pipelines.config import SqlSource
from pipelines.dates import Days
from pipelines.errors import BadInput, TryAgain
from pipelines.sources.piece import Piece
from pipelines.sql import name as quoted

CHUNK = 10_000  # rows held as Python objects at a time
# Airflow's name for a kind of connection, where SQLAlchemy's name differs.
DRIVERS = {"postgres": "postgresql"}


def piece(source: SqlSource, days: Days, connection: duckdb.DuckDBPyConnection) -> Piece:
    """Run the query for some days.

    Raises:
        BadInput: no such connection, no driver for it, or a query that the database refuses.
        TryAgain: the database cannot be reached.
    """
    url = _url(source)
    place = f"connection {source.connection}"
    bounds = {
        "start": datetime.combine(days.first, time()),
        "end": datetime.combine(days.last + timedelta(days=1), time()),
    }
    engine = _engine(url, source)
    try:
        opened = engine.connect()
    except SQLAlchemyError as error:
        raise TryAgain(
            f"{place}: {url.host or url.database} cannot be reached: {_said(error, url)}\n  way out: run it again later, or {_how_to_name(source)}"
        ) from addresses.cause(error, url)
    try:
        with opened as session:
            answer = session.execution_options(stream_results=True).execute(sa.text(source.query), bounds)
            rows = _kept(tuple(answer.keys()), answer.partitions(CHUNK), source.connection, connection)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise TryAgain(f"{place}: the database went away: {_said(error, url)}\n  way out: run it again later") from addresses.cause(
                error, url
            )
        raise BadInput(
            f"{place}: the database refuses source.query: {_said(error, url)}\n  way out: correct the query"
        ) from addresses.cause(error, url)
    finally:
        engine.dispose()
    return Piece(rows, place)


def _engine(url: sa.URL, source: SqlSource) -> sa.Engine:
    try:
        return sa.create_engine(url, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise BadInput(
            f"connection {source.connection}: no driver for {url.drivername}: {error}\n  way out: install it, e.g. pip install {error.name}"
        ) from error
    except SQLAlchemyError as error:
        raise BadInput(f"connection {source.connection}: {_said(error, url)}\n  way out: {_how_to_name(source)}") from addresses.cause(
            error, url
        )


def _kept(
    names: tuple[str, ...], chunks: Iterable[Sequence[Sequence[Any]]], name: str, connection: duckdb.DuckDBPyConnection
) -> duckdb.DuckDBPyRelation:
    """Stream an answer into a table of DuckDB, which spills to disk what does not fit.

    As text, like a file: databases and drivers disagree about types, and ingest casts to the schema's anyway.
    """
    schema = pa.schema([(name, pa.string()) for name in names])
    broken: list[DBAPIError] = []
    stream = pa.RecordBatchReader.from_batches(schema, _batches(schema, chunks, broken))
    table = quoted(f"answer of {name}")
    try:
        connection.from_arrow(stream).query("answer", f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM answer")
    except duckdb.Error:
        if broken:  # what DuckDB makes of it holds the whole stack trace, as text
            raise broken[0] from None
        raise
    return connection.sql(f"SELECT * FROM {table}")


def _batches(schema: pa.Schema, chunks: Iterable[Sequence[Sequence[Any]]], broken: list[DBAPIError]) -> Iterator[pa.RecordBatch]:
    """The answer in batches; how it broke off, if it does, is left in `broken`: DuckDB reads it, and raises its own error."""
    try:
        for chunk in chunks:
            columns = [
                pa.array([None if value is None else str(value) for value in column], pa.string()) for column in zip(*chunk, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
    except DBAPIError as error:
        broken.append(error)
        raise


# --- connections, as Airflow writes them into the environment


def _how_to_name(source: SqlSource) -> str:
    return (
        f"set {source.variable} to an address such as postgresql://user:password@host:5432/database, or to Airflow's JSON of it;"
        f" a task in Airflow also takes the connection {source.connection!r} that Airflow itself keeps"
    )


def _url(source: SqlSource) -> sa.URL:
    text = os.environ.get(source.variable, "").strip()
    if not text:
        raise BadInput(f"no connection {source.connection!r}: {source.variable} is not set\n  way out: {_how_to_name(source)}")
    try:
        url = _from_json(json.loads(text)) if text.startswith("{") else sa.make_url(text)
    except (SQLAlchemyError, ValueError, KeyError, TypeError):
        # Without `from`: the cause's text may hold the password.
        raise BadInput(f"{source.variable} is no address of a database\n  way out: {_how_to_name(source)}") from None
    driver, _, api = url.drivername.partition("+")
    return url.set(drivername=DRIVERS.get(driver, driver) + (f"+{api}" if api else ""))


def _from_json(stated: dict[str, Any]) -> sa.URL:
    extra = stated.get("extra") or {}
    return sa.URL.create(
        stated["conn_type"],
        username=stated.get("login"),
        password=stated.get("password"),
        host=stated.get("host"),
        port=stated.get("port"),
        database=stated.get("schema"),
        query={name: str(value) for name, value in (json.loads(extra) if isinstance(extra, str) else extra).items()},
    )


def _said(error: SQLAlchemyError, url: sa.URL) -> str:
    """The database's own first line, never with a secret of the address."""
    line = str(error.orig if isinstance(error, DBAPIError) and error.orig else error).strip().splitlines()[0]
    return addresses.masked(line, url)
