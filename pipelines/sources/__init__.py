"""Where rows come from: one module a kind of source, each of which gives its rows in pieces.

Each is imported when it is used: a task that reads files need not wait for SQLAlchemy.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines.core.config import Delivery, FileSource, HttpSource, PythonSource, Source
from pipelines.core.dates import Days
from pipelines.sources.declared import Declared
from pipelines.sources.piece import Piece
from pipelines.storage.settings import Settings

__all__ = ["Piece", "fetch", "read"]


def read(
    source: Source,
    days: Days,
    declared: Declared,
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    *,
    limits: Delivery,
    may_miss: bool = False,
    patient: bool = False,
) -> list[Piece]:
    """Open the source for some days: at least their rows, and others too where it cannot tell days apart.

    Args:
        source: What the use-case file says.
        days: The days that are asked for.
        declared: The schema: files may not name their columns themselves.
        settings: Where the cache and the mirror are.
        connection: The DuckDB that reads.
        limits: How much may come.
        may_miss: Whether a day may have no file of its own.
        patient: Whether to read files line by line, where DuckDB has given up on one.

    Raises:
        BadInput: the source is not there, or is not what the use case says.
        TryAgain: the source cannot be reached now.
    """
    from pipelines.sources import renamed

    pieces = _pieces(
        source, days, declared, settings, connection, limits=limits, may_miss=may_miss, patient=patient
    )
    return renamed.in_snake_case(pieces) if declared.in_snake_case else pieces


def _pieces(
    source: Source,
    days: Days,
    declared: Declared,
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    *,
    limits: Delivery,
    may_miss: bool,
    patient: bool,
) -> list[Piece]:
    from pipelines.sources import files, python

    if isinstance(source, FileSource):
        return files.read(
            source, days, declared, connection, limits=limits, may_miss=may_miss, patient=patient
        )
    if isinstance(source, HttpSource):
        return [
            files.piece(
                fetch(source, settings, limits), source.format, declared, connection, limits, patient=patient
            )
        ]
    if isinstance(source, PythonSource):
        return [python.piece(source.function, day, connection, limits) for day in days]
    from pipelines.sources import sql

    return [sql.piece(source, days, connection, limits)]


def fetch(source: HttpSource, settings: Settings, limits: Delivery) -> Path:
    """Return the public file on this disk: the mirror's, the cache's, or freshly downloaded.

    See `http.fetch`.
    """
    from pipelines.sources import http

    return http.fetch(source, settings, limits)
