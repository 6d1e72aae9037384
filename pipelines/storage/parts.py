"""The Parquet files of a table: how rows become bytes, and come back row group by row group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, chain, groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias, TypeVar

Some = TypeVar("Some")

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

    Rows: TypeAlias = duckdb.DuckDBPyRelation | pd.DataFrame | pa.Table | pa.RecordBatchReader

DICTIONARY = 1 << 14  # bytes
ROW_GROUP = (
    100_000  # rows: large enough to compress well, small enough to stream and to deal to several readers
)
GROUPS = 10  # row groups of a part: who reads a shard need not check the sha256 of many more rows than that


@dataclass(frozen=True)
class Part:
    """One Parquet file of a table."""

    file: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Shard:
    """Some row groups of a table, counted over all its parts in order: what one of several tasks works on."""

    number: int  # from 1
    of: int
    groups: range
    rows: int

    def __str__(self) -> str:
        """Its name, also as a piece of a table: `0003-of-0016`."""
        return f"{self.number:04}-of-{self.of:04}"


def shards(groups: Sequence[int], rows: int) -> tuple[Shard, ...]:
    """Split row groups, given by their numbers of rows, into shards of `rows` rows, rounded up to whole
    groups; the last has what is left.
    """
    ends, held = [], 0
    for end, size in enumerate(groups, start=1):
        held += size
        if held >= rows:
            ends.append(end)
            held = 0
    if held or not ends:
        ends.append(len(groups))
    starts = [0, *ends[:-1]]
    return tuple(
        Shard(number, len(ends), range(start, end), sum(groups[start:end]))
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1)
    )


def row_groups(part: Path | IO[bytes]) -> list[int]:
    """The number of rows of each row group of a part."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(part)
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def locate(groups: range, sizes: Sequence[Sequence[int]]) -> list[range]:
    """Which row groups of each part lie among some that are counted over all parts.

    `sizes` as `row_groups` gives them.
    """
    ends = list(accumulate(map(len, sizes)))
    found = []
    for end, size in zip(ends, sizes, strict=True):
        start = end - len(size)
        found.append(range(max(groups.start, start) - start, max(min(groups.stop, end), start) - start))
    return found


def stream(
    parts: Iterable[tuple[Path, Sequence[int]]], columns: Sequence[str] | None
) -> pa.RecordBatchReader:
    """Some row groups of at least one part, in order. Two are in memory besides the one that is in use.

    A part is not asked for before those ahead of it are read: whoever gives them may check each while earlier
    rows are in use.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rest = iter(parts)
    first = next(rest)
    whole = pq.read_schema(first[0])
    schema = whole if columns is None else pa.schema([whole.field(name) for name in columns])

    def tables() -> Iterator[pa.Table]:
        for path, groups in chain([first], rest):
            with pq.ParquetFile(path) as file:
                for group in groups:
                    yield file.read_row_group(group, columns=schema.names).select(schema.names).cast(schema)

    batches = (batch for table in _ahead(tables()) for batch in table.combine_chunks().to_batches())
    return pa.RecordBatchReader.from_batches(schema, batches)


def _ahead(rows: Iterable[Some]) -> Iterator[Some]:
    """The same rows, of which the next are fetched, by a thread, while some are in use."""
    following = iter(rows)
    with ThreadPoolExecutor(1, "read-ahead") as pool:
        coming = pool.submit(next, following, None)
        while (some := coming.result()) is not None:
            coming = pool.submit(next, following, None)
            yield some


def batches_of(rows: Rows) -> pa.RecordBatchReader:
    """Any kind of rows as a stream of record batches."""
    import duckdb
    import pandas as pd
    import pyarrow as pa

    if isinstance(rows, duckdb.DuckDBPyRelation):
        rows = rows.to_arrow_reader(ROW_GROUP)
    if isinstance(rows, pd.DataFrame):
        rows = pa.Table.from_pandas(rows, preserve_index=False)
    if isinstance(rows, pa.Table):
        rows = pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches())
    # pandas keeps text as large_string and leaves a note in the schema, DuckDB does neither: the file must
    # not tell them apart.
    plain = [
        field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(plain))


def in_parts(batches: pa.RecordBatchReader, told: Callable[[int], object]) -> Iterator[Iterator[pa.Table]]:
    """Cut a stream into what goes into each part, row group by row group: at least one part, of no row group
    if no row comes.

    Each part is to be written before the next is asked for. `told` is how many rows have come, each time that
    some have.
    """
    # What makes rows, DuckDB as a rule, goes on while earlier ones are written.
    groups = enumerate(regrouped(_counting(_ahead(batches), told), ROW_GROUP))
    none = True
    for _, of_part in groupby(groups, key=lambda numbered: numbered[0] // GROUPS):
        none = False
        yield (group for _, group in of_part)
    if none:
        yield iter(())


def write(sink: IO[bytes], schema: pa.Schema, groups: Iterable[pa.Table]) -> None:
    """Write row groups as one Parquet file.

    LZ4 gives up a tenth of the size for half the time to read. By default a column of ever new values gathers
    a megabyte of dictionary before that is given up, which takes longer than all the rest: among so few rows,
    only short ones pay.
    """
    import pyarrow.parquet as pq

    with pq.ParquetWriter(sink, schema, compression="lz4", dictionary_pagesize_limit=DICTIONARY) as writer:
        for group in groups:
            writer.write_table(group, row_group_size=ROW_GROUP)


def rows_in(path: Path) -> int:
    """How many rows a Parquet file says that it holds."""
    return sum(row_groups(path))


def _counting(batches: Iterable[pa.RecordBatch], told: Callable[[int], object]) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        told(rows)
        yield batch


def regrouped(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """Cut a stream into tables of `size` rows: how it happened to arrive in batches must not show in the
    file's bytes.
    """
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= size:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, size).combine_chunks()
            waiting = table.slice(size).to_batches()
            rows -= size
    if rows:
        yield pa.Table.from_batches(waiting).combine_chunks()
