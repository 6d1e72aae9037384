"""A query through SQLAlchemy, streamed into DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipelines import addresses, connections
from pipelines.config import SqlSource
from pipelines.dates import Days
from pipelines.errors import BadInput, TryAgain
from pipelines.sources import texts
from pipelines.sources.piece import Piece
from pipelines.sql import name as quoted

CHUNK = 10_000  # rows held as Python objects at a time


def piece(source: SqlSource, days: Days, connection: duckdb.DuckDBPyConnection) -> Piece:
    """Run the query for some days.

    Raises:
        BadInput: no such connection, no driver for it, or a query that the database refuses.
        TryAgain: the database cannot be reached.
    """
    url = connections.url(source)
    place = f"connection {source.connection}"
    bounds = {
        "start": datetime.combine(days.first, time()),
        "end": datetime.combine(days.last + timedelta(days=1), time()),
    }
    engine = connections.engine(url, source)
    try:
        opened = engine.connect()
    except SQLAlchemyError as error:
        raise TryAgain(
            f"{place}: {url.host or url.database} cannot be reached: {connections.said(error, url)}\n  way out: run it again later, or {connections.how_to_name(source)}"
        ) from addresses.cause(error, url)
    try:
        with opened as session:
            answer = session.execution_options(stream_results=True).execute(sa.text(source.query), bounds)
            no_texts: dict[str, set[str]] = {name: set() for name in tuple(answer.keys())}
            rows = _kept(no_texts, answer.partitions(CHUNK), source.connection, connection)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise TryAgain(
                f"{place}: the database went away: {connections.said(error, url)}\n  way out: run it again later"
            ) from addresses.cause(error, url)
        raise BadInput(
            f"{place}: the database refuses source.query: {connections.said(error, url)}\n  way out: correct the query"
        ) from addresses.cause(error, url)
    finally:
        engine.dispose()
    return Piece(rows, place, no_texts=no_texts)


def _kept(
    no_texts: dict[str, set[str]], chunks: Iterable[Sequence[Sequence[Any]]], name: str, connection: duckdb.DuckDBPyConnection
) -> duckdb.DuckDBPyRelation:
    """Stream an answer of these columns into a table of DuckDB, which spills to disk what does not fit.

    As text, like a file: databases and drivers disagree about types, and ingest casts to the schema's anyway.
    """
    schema = pa.schema([(column, pa.string()) for column in no_texts])
    broken: list[DBAPIError] = []
    stream = pa.RecordBatchReader.from_batches(schema, _batches(schema, chunks, no_texts, broken))
    table = quoted(f"answer of {name}")
    try:
        connection.from_arrow(stream).query("answer", f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM answer")
    except duckdb.Error:
        if broken:  # what DuckDB makes of it holds the whole stack trace, as text
            raise broken[0] from None
        raise
    return connection.sql(f"SELECT * FROM {table}")


def _batches(
    schema: pa.Schema, chunks: Iterable[Sequence[Sequence[Any]]], no_texts: dict[str, set[str]], broken: list[DBAPIError]
) -> Iterator[pa.RecordBatch]:
    """The answer in batches; how it broke off, if it does, is left in `broken`: DuckDB reads it, and raises its own error.

    What a text column would have to refuse is left in `no_texts`, by column.
    """
    try:
        for chunk in chunks:
            columns = [
                pa.array([_text(value, no_texts[name]) for value in column], pa.string())
                for name, column in zip(schema.names, zip(*chunk, strict=True), strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
    except DBAPIError as error:
        broken.append(error)
        raise


def _text(value: Any, no_texts: set[str]) -> str | None:
    """A value as text: numbers without a fraction as whole ones, bytes by UTF-8; see `texts` for what a text column takes of it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, UUID, bytes, bytearray, memoryview)):
        no_texts.add(f"values of type {type(value).__name__}")
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _decoded(bytes(value), no_texts)
    if isinstance(value, (int, UUID)):
        return str(value)
    if isfinite(value) and value == int(value) and (isinstance(value, Decimal) or abs(value) < texts.EXACT["DOUBLE"]):
        return str(int(value))
    no_texts.add("numbers with a fraction, or floats beyond their exact digits")
    return str(value)


def _decoded(value: bytes, no_texts: set[str]) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    if (value and not text) or re.search(texts.CONTROLS, text):
        no_texts.add("bytes that are no text in UTF-8")
        return value.hex()
    return text
