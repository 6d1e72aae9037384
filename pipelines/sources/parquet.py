"""Parquet: read by DuckDB; page checksums, where a file has them, are proven before."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import BadInput, listed
from pipelines.sources.compressed import broken
from pipelines.sources.draft import one_file
from pipelines.sources.names import mistakes_of

MARK = b"PAR1"
_SHOWN = 6
_BATCH = 65_536
_BUFFER = 1 << 20  # bytes of a column: a page after the other, instead of all columns of a row group at once
_INTEGER, _SIZES = 0x15, 3  # a page's header begins with its kind and two sizes; its checksum is next, if it has one


def rows(path: Path, of: Path, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """Read a file after looking at its ends, its columns' names and its checksums.

    Raises:
        BadInput: it is no Parquet, or broken.
    """
    with path.open("rb") as file:
        first = file.read(len(MARK))
        file.seek(max(path.stat().st_size - len(MARK), 0))
        last = file.read()
    if not first:
        raise broken(of, "it is empty")
    if first != MARK:
        raise BadInput(
            f"{of.name} cannot be read as parquet: it does not begin as Parquet does\n  at: {of}\n"
            "  way out: correct the file, or source.format"
        )
    if last != MARK:
        raise broken(of, "it is cut off: a Parquet file ends with its list of columns, and this one does not")
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            checksums = _has_checksums(path, file.metadata)
    except (pa.ArrowException, OSError) as error:
        raise broken(of, f"its list of columns, at its end, is damaged ({_reason(error)})") from error
    if mistakes := mistakes_of(names):
        raise BadInput(
            f"{of.name}: not each column has a name of its own\n{listed(mistakes, _SHOWN)}\n  at: {of}\n"
            "  way out: give each column its own name"
        )
    if checksums and (why := damage(path)):
        raise broken(of, why)
    return connection.read_parquet(one_file(path), hive_partitioning=False)


def damage(path: Path) -> str:
    """Read all of a file, its checksums too, and say what is damaged; empty if nothing is."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, buffer_size=_BUFFER, pre_buffer=False) as file:
            for _ in file.iter_batches(_BATCH):
                pass
    except (pa.ArrowException, OSError) as error:
        checksum = "crc" in str(error).lower()
        return "the checksum of a page is not that of its content" if checksum else f"its pages are damaged ({_reason(error)})"
    return ""


def _has_checksums(path: Path, metadata: pq.FileMetaData) -> bool:
    """Whether the first page has one: those who write them write them into each."""
    if not metadata.num_row_groups or not metadata.num_columns:
        return False
    column = metadata.row_group(0).column(0)
    with path.open("rb") as file:
        file.seek(min(filter(None, (column.dictionary_page_offset, column.data_page_offset))))
        header = file.read(32)
    at = 0
    for _ in range(_SIZES):
        if header[at : at + 1] != bytes([_INTEGER]):
            return False
        at += 1
        while at < len(header) and header[at] & 0x80:  # a number goes on as long as the first bit is set
            at += 1
        at += 1
    return header[at : at + 1] == bytes([_INTEGER])


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
