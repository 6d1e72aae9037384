"""What is at work in a task: its DuckDB, and the table that is being written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.storage import spill

if TYPE_CHECKING:
    import duckdb


@dataclass
class Writing:
    """The table that is being written."""

    table: str = ""  # none
    began: float = 0.0  # as time.monotonic() tells it
    rows: int = 0  # so far

    def count(self, rows: int) -> None:
        """So many rows have come."""
        self.rows = rows


class Session:
    """One in-memory DuckDB, opened when it is first asked for, and what is written beside it."""

    def __init__(self) -> None:
        self.writing = Writing()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._cursor: duckdb.DuckDBPyConnection | None = None

    def connection(self, memory: int) -> duckdb.DuckDBPyConnection:
        """The DuckDB, for a task that may hold `memory` bytes in all; it spills to disk past its limit."""
        if self._connection is None:
            self._connection = spill.connect(memory)
        return self._connection

    def cursor(self, memory: int) -> duckdb.DuckDBPyConnection:
        """Another connection to the same tables."""
        self._cursor = spill.cursor(self.connection(memory))
        return self._cursor

    def share_of_statement(self) -> float | None:
        """How much of the statement that DuckDB works on is done, as DuckDB reckons.

        None if it does not, or cannot tell.
        """
        asked = [_progress(one) for one in (self._connection, self._cursor) if one]
        share = max(asked, default=0.0) / 100
        return share if share > 0 else None


def _progress(connection: duckdb.DuckDBPyConnection) -> float:
    """DuckDB's estimate, in percent.

    Less than 0 if there is none, as of a cursor that whoever asked for it has closed.
    """
    import duckdb

    try:
        return connection.query_progress()
    except duckdb.ConnectionException:
        return -1.0
