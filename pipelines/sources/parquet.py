"""Parquet: read by DuckDB; page checksums, where a file has them, are proven before."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.core.errors import BadInput, brief
from pipelines.core.sql import name as quoted
from pipelines.sources.compressed import broken
from pipelines.sources.draft import one_file
from pipelines.sources.names import mistakes_of

MARK, ENCRYPTED = b"PAR1", b"PARE"
_NO_KEY = "decrypt"  # in what Arrow says of columns that are encrypted, where the list of columns is not
_BATCH = 65_536
_US = {"s": "1000000", "ms": "1000", "us": "1", "ns": "0.001"}  # microseconds
_BUFFER = 1 << 20  # bytes of a column: a page after the other, instead of all columns of a row group at once
# a page's header begins with its kind and two sizes; its checksum is next, if it has one
_INTEGER, _SIZES = (0x15, 3)


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
    if ENCRYPTED in (first, last):
        raise _encryption(of)
    if first != MARK:
        raise BadInput(
            f"{of.name} cannot be read as parquet: it does not begin as Parquet does",
            at=of,
            fix="correct the file, or source.format",
        )
    if last != MARK:
        raise broken(of, "it is cut off: a Parquet file ends with its list of columns, and this one does not")
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            spans = [field for field in file.schema_arrow if pa.types.is_duration(field.type)]
            checksums = _has_checksums(path, file.metadata)
    except (pa.ArrowException, OSError) as error:
        raise _damage(of, f"its list of columns, at its end, is damaged ({_reason(error)})") from error
    if mistakes := mistakes_of(names):
        raise BadInput(
            "not each column has a name of its own",
            where=of.name,
            details=mistakes,
            at=of,
            fix="give each column its own name",
        )
    if checksums and (why := damage(path)):
        raise _damage(of, why)
    found = connection.read_parquet(one_file(path), hive_partitioning=False)
    # DuckDB gives a span of time as a number of its units, which the file's reader may take for anything.
    replaced = (
        f"to_microseconds(CAST({quoted(field.name)} * {_US[field.type.unit]} AS BIGINT)) AS"
        f" {quoted(field.name)}"
        for field in spans
    )
    return found.project(f"* REPLACE ({', '.join(replaced)})") if spans else found


def damage(path: Path) -> str:
    """Read all of a file, its checksums too, and say what is damaged; empty if nothing is."""
    try:
        with pq.ParquetFile(
            path, page_checksum_verification=True, buffer_size=_BUFFER, pre_buffer=False
        ) as file:
            for _ in file.iter_batches(_BATCH):
                pass
    except (pa.ArrowException, OSError) as error:
        checksum = "crc" in str(error).lower()
        return (
            "the checksum of a page is not that of its content"
            if checksum
            else f"its pages are damaged ({_reason(error)})"
        )
    return ""


def refusal(path: Path, of: Path) -> BadInput | None:
    """What is wrong with a file that could not be read, if it is the file."""
    if why := damage(path):
        return _damage(of, why)
    if why := _no_text(path):
        return BadInput(
            f"{of.name} cannot be read as parquet",
            details=[why],
            at=of,
            fix="have it written with its texts in UTF-8",
        )
    return None


def _no_text(path: Path) -> str:
    """Where the first text stands whose bytes are no UTF-8, as they have to be; empty if there is none."""
    before = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                try:
                    column.validate(full=True)
                except pa.ArrowException as error:
                    found = re.search(r"index (\d+)", str(error))
                    row = f", row {before + int(found[1]) + 1:,}" if found else ""
                    return f"column {brief(name)}{row}: its bytes are no text in UTF-8"
            before += batch.num_rows
    return ""


def _damage(of: Path, why: str) -> BadInput:
    return _encryption(of) if _NO_KEY in why else broken(of, why)


def _encryption(of: Path) -> BadInput:
    return BadInput(
        f"{of.name} is encrypted, and cannot be read as parquet",
        at=of,
        fix="have it written without encryption, and let only those read its folder who may",
    )


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
