"""Rows as a file that a person has asked for: whole or not at all, and in the place of no other."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipelines.core import sql
from pipelines.core.errors import BadInput, brief
from pipelines.storage import disk, parts

if TYPE_CHECKING:
    import duckdb

BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def parquet(rows: duckdb.DuckDBPyRelation, sink: IO[bytes]) -> None:
    """Write rows as Parquet."""
    import pyarrow as pa

    batches = parts.batches_of(rows)
    parts.write(sink, batches.schema, (pa.Table.from_batches([batch]) for batch in batches))


def csv(rows: duckdb.DuckDBPyRelation, sink: IO[bytes]) -> None:
    """Write rows as CSV with a header; texts stand in quotes, and what is empty without quotes is missing."""
    import pyarrow.csv as pa_csv

    batches = parts.batches_of(rows)
    with pa_csv.CSVWriter(sink, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def json_lines(rows: duckdb.DuckDBPyRelation, sink: IO[bytes]) -> None:
    """Write rows as JSON, an object a line, in ASCII, so that no text of a row takes hold of a terminal.

    A number that is none is null, since JSON knows no other word for it.
    """
    finite = [
        f"CASE WHEN isfinite({sql.name(column)}) THEN {sql.name(column)} END AS {sql.name(column)}"
        if str(type_) in ("DOUBLE", "FLOAT")
        else sql.name(column)
        for column, type_ in zip(rows.columns, rows.types, strict=True)
    ]
    told = sql.select(rows.project(", ".join(finite)), "rows", "SELECT to_json(rows) AS line FROM rows")
    for batch in parts.batches_of(told):
        sink.writelines(f"{_ascii(line)}\n".encode() for line in batch.column(0).to_pylist())


WRITERS = {".parquet": parquet, ".csv": csv, ".jsonl": json_lines}


def require_free(path: Path) -> None:
    """Make sure that a file may be written there, before anything is read for it.

    Raises:
        BadInput: there is one already, no folder for it, or its ending is none that is known.
    """
    if path.suffix not in WRITERS:
        raise BadInput(
            f"{brief(path.name)} does not say in which form the rows are to be written",
            allowed=f"a name that ends in {', '.join(WRITERS)}",
            fix="name such a file",
        )
    if not path.parent.is_dir():
        raise BadInput(f"there is no folder {path.parent}", where=path.name, fix="make it, or name another")
    if path.exists() or path.is_symlink():
        raise _is_there(path)


def write(path: Path, rows: duckdb.DuckDBPyRelation) -> None:
    """Write rows in the form that the file's ending says.

    Raises:
        BadInput: see `require_free`.
        TryAgain: the disk is full.
    """
    require_free(path)
    with disk.retrying_when_full(str(path), path.parent), _appearing(path) as sink:
        WRITERS[path.suffix](rows, sink)


@contextmanager
def _appearing(path: Path) -> Iterator[IO[bytes]]:
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}-", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as sink:
            yield sink
            disk.finish(sink)
        if path.exists():  # somebody else was sooner
            raise _is_there(path)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _is_there(path: Path) -> BadInput:
    return BadInput(f"{path} is there already", fix="name a file that is not there yet, or remove that one")


def _ascii(text: str) -> str:
    return text if text.isascii() else BEYOND_ASCII.sub(lambda sign: json.dumps(sign[0])[1:-1], text)
