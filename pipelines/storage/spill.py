"""DuckDB within a task's memory, spilling what is larger to a folder that does not outlive its process."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import socket
import tempfile
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pipelines.storage import parts

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

PREFIX = "sluice-spill"
# What a task holds besides DuckDB's own share: Python with every library that a step imports is 470 MB, some
# batches are on their way, and over 10 million rows DuckDB was seen to take some 450 MB more than its limit.
BESIDES = 1_050_000_000
# DuckDB does little with less; a task that is given less than both together takes somewhat more than that
LEAST = 125_000_000
FEW = 200_000  # rows that are kept in memory


def connect(memory: int) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB for a task that may hold `memory` bytes in all."""
    import duckdb

    limit = max(memory - BESIDES, LEAST)
    return _with_settings(
        duckdb.connect(config={"memory_limit": f"{limit}B", "temp_directory": str(folder())})
    )


def cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Another connection to the same tables, within the same memory."""
    return _with_settings(connection.cursor())


def _with_settings(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Settings that each connection has for itself."""
    # a moment with an offset becomes UTC, on a machine in any zone
    connection.execute("SET TimeZone = 'UTC'")
    # DuckDB counts each part of a union as a level, though it is none: two hundred days would be refused.
    connection.execute("SET max_expression_depth = 20000")
    # reckoned, to be asked for, not drawn
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
    return connection


def keep(connection: duckdb.DuckDBPyConnection, rows: pa.RecordBatchReader) -> duckdb.DuckDBPyRelation:
    """Rows that stream by, in their order: a few as a table of the connection's own, more as a file, since
    DuckDB does not put away what it is just told to keep.
    """
    ahead: list[pa.RecordBatch] = []
    for batch in rows:
        ahead.append(batch)
        if sum(map(len, ahead)) > FEW:
            path = folder() / f"{uuid4().hex}.parquet"
            with path.open("wb") as sink:
                parts.write(sink, rows.schema, parts.regrouped(chain(ahead, rows), parts.ROW_GROUP))
            return connection.read_parquet(str(path))
    import pyarrow as pa

    name = f"kept {uuid4().hex}"
    table = connection.from_arrow(pa.Table.from_batches(ahead, rows.schema))
    table.query("streamed", f'CREATE TEMP TABLE "{name}" AS FROM streamed')
    return connection.table(f'"{name}"')


def folder() -> Path:
    """This process's own folder, which nobody else may read: what is spilt there are rows."""
    return _folder(os.getpid())  # a forked process has another


@cache
def _folder(pid: int) -> Path:
    _remove_dead()
    own = Path(tempfile.mkdtemp(prefix=f"{_of_this_host()}{pid}-"))
    atexit.register(_remove, own, pid)
    return own


def _remove(path: Path, pid: int) -> None:
    if (
        os.getpid() == pid
    ):  # what a process has asked for at its exit, the processes forked from it do as well
        shutil.rmtree(path, ignore_errors=True)


def _remove_dead() -> None:
    """Remove the folders of processes that were killed on this host."""
    prefix = _of_this_host()
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        match = re.match(r"(\d+)-", path.name.removeprefix(prefix))
        if match and not _is_alive(int(match[1])):
            shutil.rmtree(path, ignore_errors=True)  # not ours to remove, if it is another user's


def _of_this_host() -> str:
    # Containers may share the folder for temporary files, but not the numbers of processes.
    return f"{PREFIX}-{socket.gethostname()}-"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
