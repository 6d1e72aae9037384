"""A query through SQLAlchemy, streamed into DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipelines.core import addresses, connections
from pipelines.core.config import Delivery, SqlSource
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput, TryAgain
from pipelines.core.sql import name as quoted
from pipelines.sources import answered, bounds
from pipelines.sources.names import mistakes_of
from pipelines.sources.piece import Piece

CHUNK = 10_000  # rows held as Python objects at a time


def piece(source: SqlSource, days: Days, connection: duckdb.DuckDBPyConnection, limits: Delivery) -> Piece:
    """Run the query for some days.

    Raises:
        BadInput: no such connection, no driver for it, a query that the database refuses, or an answer that
            is more than is allowed.
        TryAgain: the database cannot be reached.
    """
    url = connections.url(source)
    place = f"connection {source.connection}"
    moments = {"start": days.start, "end": days.end}
    query = _readable(source, place, moments)
    engine = connections.engine(url, source)
    _refuse_missing_file(url, place, source)
    clock = bounds.Clock(place, limits)
    opened = _connected(engine, source, url, place)
    try:
        with opened as session, _ended_in_time(session, limits):
            answer = _reading(session).execute(query, moments)
            names = _names(answer, place)
            bounds.require("columns", place, len(names), limits)
            no_texts: dict[str, set[str]] = {name: set() for name in names}
            rows = _spilled_table(
                names,
                _within(answer.partitions(CHUNK), place, clock, limits),
                source.connection,
                connection,
                no_texts,
            )
    except SQLAlchemyError as error:
        clock.require()  # it was ended for that
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise TryAgain(
                f"the database went away: {connections.first_line(error, url)}",
                where=place,
                fix="run it again later",
            ) from addresses.cause(error, url)
        raise BadInput(
            f"the database refuses source.query: {connections.first_line(error, url)}",
            where=place,
            fix="correct the query",
        ) from addresses.cause(error, url)
    finally:
        engine.dispose()
    return Piece(rows, place, no_texts=no_texts)


def _connected(engine: sa.Engine, source: SqlSource, url: sa.URL, place: str) -> sa.Connection:
    try:
        return engine.connect()
    except SQLAlchemyError as error:
        raise TryAgain(
            f"{url.host or url.database} cannot be reached: {connections.first_line(error, url)}",
            where=place,
            fix=f"run it again later, or {connections.how_to_name(source)}",
        ) from addresses.cause(error, url)


def _readable(source: SqlSource, place: str, moments: Mapping[str, datetime]) -> sa.TextClause:
    """The query, of which each `:name` has a value.

    Raises:
        BadInput: one has none.
    """
    query = sa.text(source.query)
    unknown = [f":{name}" for name in query.compile().params if name not in moments]
    if unknown:
        raise BadInput(
            f"source.query holds {', '.join(unknown[:5])}, which stands for nothing",
            where=place,
            allowed=":start and :end",
            fix="correct it; a colon that means itself is written \\:",
        )
    return query


def _refuse_missing_file(url: sa.URL, place: str, source: SqlSource) -> None:
    """Make sure that a database of SQLite is there.

    Raises:
        TryAgain: it is not, and SQLite would make an empty one.
    """
    name = url.database or ""
    is_file = (
        url.get_backend_name() == "sqlite"
        and not url.host
        and name not in ("", ":memory:")
        and not name.startswith("file:")
    )
    if is_file and not Path(name).is_file():
        raise TryAgain(
            f"{name} cannot be reached: unable to open database file: there is none",
            where=place,
            fix=f"put it there, or {connections.how_to_name(source)}",
        )


def _reading(session: sa.Connection) -> sa.Connection:
    """A session that changes nothing, where the database knows such ones."""
    if session.dialect.name == "sqlite":
        session.exec_driver_sql("PRAGMA query_only = ON")
    readonly = {"postgresql_readonly": True} if session.dialect.name == "postgresql" else {}
    return session.execution_options(stream_results=True, **readonly)


@contextmanager
def _ended_in_time(session: sa.Connection, limits: Delivery) -> Iterator[None]:
    """End what the database does when its time is over, also where no row comes, as behind a lock."""
    driver: Any = session.connection.driver_connection
    timer = Timer(
        limits.seconds,
        getattr(driver, "cancel", None) or getattr(driver, "interrupt", None) or (lambda: None),
    )
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _names(answer: sa.CursorResult[Any], place: str) -> tuple[str, ...]:
    """The answer's columns.

    Raises:
        BadInput: it is no table, or has two columns of one name.
    """
    if not answer.returns_rows:
        raise BadInput(
            "source.query is no query: it gives no rows",
            where=place,
            fix="write one that selects the schema's columns",
        )
    if mistakes := mistakes_of(tuple(answer.keys())):
        raise BadInput(
            "not each column has a name of its own",
            where=place,
            details=mistakes,
            fix="name them in source.query, by `as`",
        )
    return tuple(answer.keys())


def _spilled_table(
    names: tuple[str, ...],
    chunks: Iterable[Sequence[Sequence[Any]]],
    name: str,
    connection: duckdb.DuckDBPyConnection,
    no_texts: dict[str, set[str]],
) -> duckdb.DuckDBPyRelation:
    """Stream an answer into a table of DuckDB, which spills to disk what does not fit.

    As text, like a file: databases and drivers disagree about types, and ingest casts to the schema's anyway.
    """
    schema = pa.schema([(name, pa.string()) for name in names])
    broken: list[DBAPIError | BadInput] = []
    stream = pa.RecordBatchReader.from_batches(schema, _batches(schema, chunks, broken, no_texts))
    table = quoted(f"answer of {name}")
    try:
        connection.from_arrow(stream).query(
            "answer", f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM answer"
        )
    except duckdb.Error:
        if broken:  # what DuckDB makes of it holds the whole stack trace, as text
            raise broken[0] from None
        raise
    return connection.sql(f"SELECT * FROM {table}")


def _batches(
    schema: pa.Schema,
    chunks: Iterable[Sequence[Sequence[Any]]],
    broken: list[DBAPIError | BadInput],
    no_texts: dict[str, set[str]],
) -> Iterator[pa.RecordBatch]:
    """The answer in batches.

    How it broke off, if it does, is left in `broken`: DuckDB reads it, and raises its own error.

    What a text column would have to refuse is left in `no_texts`, by column.
    """
    try:
        for chunk in chunks:
            columns = [
                pa.array([answered.text(value, no_texts[name]) for value in column], pa.string())
                for name, column in zip(schema.names, zip(*chunk, strict=True), strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
    except (DBAPIError, BadInput) as error:
        broken.append(error)
        raise


def _within(
    chunks: Iterable[Sequence[Sequence[Any]]], place: str, clock: bounds.Clock, limits: Delivery
) -> Iterator[Sequence[Sequence[Any]]]:
    """The chunks of an answer, as long as they are not more, and have not taken longer, than is allowed."""
    rows = 0
    for chunk in chunks:
        rows += len(chunk)
        bounds.require("rows", place, rows, limits)
        clock.require()
        yield chunk
