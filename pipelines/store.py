"""Tables on disk: the only module that opens a run's files.

    data/<use case>/<training|scoring|drift>/<partition>/<table>/part-<sha256>.parquet
                                                          .../manifest.json

A part is named by its own content and a table is what its manifest lists, so publishing is one atomic rename (of the
manifest, last): a reader sees the old table or the new one, never half of one, and a step that runs twice publishes the
same bytes under the same name. A table may come in pieces (`trials/linear`, `trials/xgboost`), one a mapped task.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from pipelines.config import Kind
from pipelines.errors import TableCorrupt, TableMissing

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

    Rows: TypeAlias = duckdb.DuckDBPyRelation | pd.DataFrame | pa.Table | pa.RecordBatchReader

MANIFEST = "manifest.json"
ROW_GROUP = 100_000  # rows: large enough to compress well, small enough to stream and to deal to several readers


@dataclass(frozen=True)
class Part:
    """One Parquet file of a table."""

    file: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a published table is. It holds no clock and no run id: same inputs, same bytes, also here."""

    table: str
    rows: int
    schema: dict[str, str]
    parts: tuple[Part, ...]
    inputs: dict[str, str]  # table or file -> its digest, of everything read before this table was written
    use_case: str  # sha256 of the use-case file
    code: str  # Sluice's version

    @property
    def digest(self) -> str:
        """One name for the table's content: what other manifests cite as their input."""
        return hashlib.sha256("".join(part.sha256 for part in self.parts).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Version:
    """What made a table: the use-case file's sha256 and the code's version, written into each manifest."""

    use_case: str
    code: str


class Store:
    """The tables and files of one partition of one use case.

    All relations that a store hands out belong to its one DuckDB connection, so they can be joined with one another.
    """

    def __init__(self, root: Path, use_case: str, kind: Kind, partition: date, version: Version, memory: str = "2GB") -> None:
        self.root = root
        self.use_case = use_case
        self.kind = kind
        self.partition = partition
        self.version = version
        self.memory = memory
        self.aside = ""  # see `beside`
        self._inputs: dict[str, str] = {}

    def __str__(self) -> str:
        """How messages name this partition."""
        return f"{self.use_case} {self.kind} {self.partition}"

    @property
    def folder(self) -> Path:
        """Where this partition lies."""
        return self.root / self.use_case / self.kind / self.partition.isoformat() / self.aside

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """An in-memory DuckDB, which spills to disk past its memory limit."""
        import duckdb

        spill = Path(tempfile.gettempdir()) / f"sluice-spill-{os.getpid()}"
        connection = duckdb.connect(config={"memory_limit": self.memory, "temp_directory": str(spill)})
        connection.execute("SET TimeZone = 'UTC'")  # a moment with an offset becomes UTC, on a machine in any zone
        return connection

    def at(self, kind: Kind, partition: date) -> Store:
        """The store of another partition of the same use case, on the same connection and with the same list of inputs."""
        other = Store(self.root, self.use_case, kind, partition, self.version, self.memory)
        other.__dict__["connection"] = self.connection
        other._inputs = self._inputs
        return other

    def beside(self, aside: str) -> Store:
        """The same partition as it may become: in a folder of its own, where nobody looks for tables, on the same connection and inputs."""
        other = self.at(self.kind, self.partition)
        other.aside = aside
        return other

    # --- tables

    def read(self, table: str, pieces: Sequence[str] = ()) -> duckdb.DuckDBPyRelation:
        """Return a published table, after checking each part's sha256.

        Raises:
            TableMissing: no such table, or one of its pieces, is published.
            TableCorrupt: a part is not what the manifest promises.
        """
        names = [f"{table}/{piece}" for piece in pieces] or [table]
        files = [str(path) for name in names for path in self._checked_parts(name)]
        return self.connection.read_parquet(files)

    def write(self, table: str, rows: Rows, piece: str | None = None) -> Manifest:
        """Publish rows, in their order, as a table (or one piece of it): all of it, or nothing at all.

        Rows stream through in batches; an empty table keeps its schema.
        """
        name = f"{table}/{piece}" if piece else table
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        part, schema = self._write_part(folder, _batches(rows))
        manifest = Manifest(
            table=name,
            rows=part.rows,
            schema=schema,
            parts=(part,),
            inputs=dict(sorted(self._inputs.items())),
            use_case=self.version.use_case,
            code=self.version.code,
        )
        publish(folder / MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
        _sweep(folder, keep={part.file for part in manifest.parts})
        return manifest

    def adopt(self, table: str, other: Store) -> None:
        """Publish another store's table as it is there: the same parts, the same manifest."""
        manifest = other.manifest(table)
        folder = self.folder / table
        folder.mkdir(parents=True, exist_ok=True)
        for path in other._checked_parts(table):
            with _draft(folder) as (draft, sink), path.open("rb") as source:
                shutil.copyfileobj(source, sink)
                sink.flush()
                os.fsync(sink.fileno())
                os.replace(draft, folder / path.name)
        publish(folder / MANIFEST, (other.folder / table / MANIFEST).read_bytes())
        _sweep(folder, keep={part.file for part in manifest.parts})

    def has(self, table: str) -> bool:
        """Whether the table is published."""
        return (self.folder / table / MANIFEST).is_file()

    def manifest(self, table: str) -> Manifest:
        """What the published table says of itself."""
        path = self.folder / table / MANIFEST
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            raise TableMissing(
                f"{self}: no table {table!r}: the step that writes it has not run for this partition, or was stopped by its gate.\n"
                f"  looked for: {path}\n  way out: run the earlier steps first, e.g. python -m pipelines run {self.use_case} {self.kind} {self.partition}"
            ) from error
        parts = tuple(Part(**part) for part in found.pop("parts"))
        return Manifest(**found, parts=parts)

    def digest(self, table: str, pieces: Sequence[str] = ()) -> str:
        """One name for the published table's content, over all its pieces."""
        names = [f"{table}/{piece}" for piece in pieces] or [table]
        parts = [part.sha256 for name in names for part in self.manifest(name).parts]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    def partitions(self, kind: Kind) -> list[date]:
        """The partitions of a kind that have a folder, oldest first."""
        folder = self.root / self.use_case / kind
        return sorted(date.fromisoformat(path.name) for path in folder.glob("????-??-??")) if folder.is_dir() else []

    # --- files beside the tables: fitted candidates, graphs, reports

    def read_file(self, name: str) -> bytes:
        """The content of a published file."""
        path = self.folder / name
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise TableMissing(
                f"{self}: no file {name!r}: the step that writes it has not run for this partition.\n  looked for: {path}"
            ) from error
        self._inputs[self._cited(name)] = hashlib.sha256(content).hexdigest()
        return content

    def write_file(self, name: str, content: bytes) -> Path:
        """Publish a file whole, and return where it lies."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        publish(path, content)
        return path

    def discard(self) -> None:
        """Remove all that lies beside the partition, if anything does."""
        if not self.aside:
            raise ValueError(f"{self}: published tables are not discarded")
        # Renamed first, so that nobody finds half of it after a kill.
        bin_ = self.folder.with_name(f".{self.aside}-discarded")
        if bin_.exists():
            shutil.rmtree(bin_)
        if self.folder.exists():
            shutil.rmtree(self.folder.rename(bin_))

    # --- inside

    def _checked_parts(self, name: str) -> Iterator[Path]:
        manifest = self.manifest(name)
        self._inputs[self._cited(name)] = manifest.digest
        for part in manifest.parts:
            path = self.folder / name / part.file
            if not path.is_file() or _sha256(path) != part.sha256:
                raise TableCorrupt(
                    f"{self}: {name}/{part.file} is {'not the file that was published' if path.is_file() else 'gone'}: its sha256 differs from the manifest's.\n"
                    f"  at: {path}\n  way out: run the step that writes {name} again; it publishes the same bytes"
                )
            yield path

    def _cited(self, name: str) -> str:
        return f"{self.kind}/{self.partition}/{name}"

    def _write_part(self, folder: Path, batches: pa.RecordBatchReader) -> tuple[Part, dict[str, str]]:
        import pyarrow.parquet as pq

        rows = 0

        def counted() -> Iterator[pa.RecordBatch]:
            nonlocal rows
            for batch in batches:
                rows += batch.num_rows
                yield batch

        with _draft(folder) as (draft, sink):
            with pq.ParquetWriter(sink, batches.schema, compression="zstd") as writer:
                for group in _regrouped(counted(), ROW_GROUP):
                    writer.write_table(group, row_group_size=ROW_GROUP)
            sink.flush()
            os.fsync(sink.fileno())
            if (held := pq.read_metadata(draft).num_rows) != rows:
                raise TableCorrupt(f"{self}: {folder.name} was given {rows:,} rows and its file holds {held:,}: nothing is published")
            digest = _sha256(draft)
            name = f"part-{digest[:16]}.parquet"
            os.replace(draft, folder / name)
        return Part(name, rows, digest), {field.name: str(field.type) for field in batches.schema}


def _batches(rows: Rows) -> pa.RecordBatchReader:
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
    # pandas keeps text as large_string and leaves a note in the schema, DuckDB does neither: the file must not tell them apart.
    plain = [field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field for field in rows.schema]
    return rows.cast(pa.schema(plain))


def _regrouped(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """Cut a stream into tables of `size` rows: how it happened to arrive in batches must not show in the file's bytes."""
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


@contextmanager
def _draft(folder: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A file nobody reads yet, gone again unless it has been renamed."""
    handle, name = tempfile.mkstemp(prefix=".draft-", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as sink:
            yield path, sink
    finally:
        path.unlink(missing_ok=True)


def publish(path: Path, content: bytes) -> None:
    """Write a file whole, or not at all, into a folder that exists."""
    with _draft(path.parent) as (draft, sink):
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())
        os.replace(draft, path)


def _sweep(folder: Path, keep: set[str]) -> None:
    """Remove parts that an earlier revision of this table left behind."""
    for path in folder.glob("part-*.parquet"):
        if path.name not in keep:
            path.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_json(value: Any) -> bytes:
    """JSON as Sluice writes it into files: sorted, indented, and refusing NaN, which is no JSON."""
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode()
