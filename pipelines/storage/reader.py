"""What can be read of one partition of one use case; see `Store`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from pipelines.core.calendar import named
from pipelines.core.config import Kind
from pipelines.core.errors import TableMissing
from pipelines.storage import disk, notes, parts, places, spill
from pipelines.storage import manifest as manifests
from pipelines.storage.manifest import MANIFEST, Manifest
from pipelines.storage.parts import Shard
from pipelines.storage.places import Place
from pipelines.storage.published import Published
from pipelines.storage.record import Record
from pipelines.storage.session import Session

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


MEMORY = 2_000_000_000  # bytes


@dataclass(frozen=True, kw_only=True)
class Version:
    """What made a table: the use-case file's sha256 and the code's version, written into each manifest."""

    use_case: str
    code: str


@dataclass(frozen=True, eq=False)
class Reader:
    """The tables and files of one partition of one use case, for a task that may hold `memory` bytes in all.

    It reads what is published now, and notes nothing, unless it has a record: see `recording`. All relations
    that a store hands out belong to its session's one DuckDB, so they can be joined with one another.
    """

    root: Place
    use_case: str
    kind: Kind
    partition: date
    version: Version
    memory: int = MEMORY
    aside: str = ""  # see `beside`
    record: Record | None = None
    session: Session = field(default_factory=Session)

    def __str__(self) -> str:
        """How messages name this partition."""
        return f"{self.use_case} {self.kind} {self.partition}"

    @property
    def folder(self) -> Place:
        """Where this partition lies."""
        return self.root / self.where

    @property
    def where(self) -> str:
        """The same, below the root."""
        return PurePosixPath(self.use_case, self.kind, self.partition.isoformat(), self.aside).as_posix()

    @property
    def disk(self) -> Path:
        """Where this partition lies, for what can only be done on a disk.

        Raises:
            BadInput: it lies in a bucket.
        """
        return places.at(self.folder).on_disk()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """An in-memory DuckDB, which spills to disk past its memory limit."""
        with self.retrying_when_full("DuckDB's temporary files"):
            return self.session.connection(self.memory)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same tables, for a library that may close it.

        What it works on is told as well.
        """
        with self.retrying_when_full("DuckDB's temporary files"):
            return self.session.cursor(self.memory)

    def keep(self, rows: pa.RecordBatchReader) -> duckdb.DuckDBPyRelation:
        """Rows that stream by, in their order, for more than one look: until its process ends."""
        with self.retrying_when_full("rows for more than one look"):
            return spill.keep(self.connection, rows)

    # --- the same, otherwise

    def recording(self) -> Self:
        """The same partition as a task takes it: what it reads from now on, whatever it writes cites; with a
        session of its own.
        """
        return replace(self, record=Record(), session=Session())

    def citing_nothing(self) -> Self:
        """The same partition with the same manifests, for who asks about tables without making a table of
        them.
        """
        return replace(self, record=self.record and self.record.citing_nothing())

    def as_published(self) -> Self:
        """The same partition as it is now, whatever this task has read before; nothing is noted."""
        return replace(self, record=None)

    def at(self, kind: Kind, partition: date) -> Self:
        """Another partition of the same use case, by the same record and session."""
        return replace(self, kind=kind, partition=partition, aside="")

    def beside(self, aside: str) -> Self:
        """The same partition as it may become: in a folder of its own, where nobody looks for tables, by the
        same record and session.
        """
        return replace(self, aside=str(Path(self.aside, aside)))

    @contextmanager
    def retrying_when_full(self, name: str) -> Iterator[None]:
        """Let a full disk be a `TryAgain`, around whatever writes a table or a file, or lets DuckDB work out
        something large.
        """
        with disk.retrying_when_full(f"{self}: {name}", *places.at(self.root).folders_that_may_fill()):
            yield

    # --- reading tables

    def read(
        self, table: str, pieces: Sequence[str] = (), revision: int | None = None
    ) -> duckdb.DuckDBPyRelation:
        """Return a published table, after checking each part's sha256.

        The oldest revision is 1, the default is what is published now.

        Raises:
            TableMissing: no such table, one of its pieces, or no such revision, is published.
            TableCorrupt: a part is not what the manifest promises.
        """
        return self.connection.read_parquet([str(path) for path in self.files(table, pieces, revision)])

    def files(self, table: str, pieces: Sequence[str] = (), revision: int | None = None) -> list[Path]:
        """The files of a published table on this machine, each after its sha256 was compared; see `read`."""
        files: list[Path] = []
        for name in _names(table, pieces):
            found = self._revision(name, revision)
            self._cite(
                name if revision is None else f"{name}/{manifests.REVISIONS}/{revision:04}", found.digest
            )
            files += self._published(found).files()
        return files

    def part_places(self, table: str, pieces: Sequence[str] = ()) -> list[Place]:
        """Where the parts of a published table lie."""
        return [
            self._published(self.manifest(name)).place(part)
            for name in _names(table, pieces)
            for part in self.manifest(name).parts
        ]

    def shards(self, table: str, rows: int) -> tuple[Shard, ...]:
        """Split a published table, by its row groups, into shards of `rows` rows: at least one, the last has
        what is left.

        Raises:
            TableMissing, TableCorrupt: see `read`.
        """
        groups = self._published(self.manifest(table)).row_groups()
        return parts.shards([size for part in groups for size in part], rows)

    def stream(
        self, table: str, shard: Shard | None = None, columns: Sequence[str] | None = None
    ) -> pa.RecordBatchReader:
        """Stream the rows of a published table (or of a shard of it), in order, by pyarrow: a few row groups
        are in memory at once.

        Checked are the parts that are read, the first one now, each of the others before its first row comes.

        Args:
            table: its name.
            shard: which rows; all by default.
            columns: which columns, in which order; all by default.

        Raises:
            BadInput: no such column, or the table was dealt when it was another one.
            TableMissing, TableCorrupt: see `read`.
        """
        published = self.manifest(table)
        self._cite(table, published.digest)
        return self._published(published).stream(shard, columns)

    def has(self, table: str) -> bool:
        """Whether the table is published."""
        folder = self.folder / table
        known = self.record is not None and folder in self.record.manifests
        return known or places.at(folder / MANIFEST).is_file()

    def manifest(self, table: str) -> Manifest:
        """What the published table says of itself: as it was when a task that keeps a record first asked, or
        as the task has written it since.

        Another run may publish the table again at any moment. Its rows are no business of a task whose gates
        have let the earlier ones through, and whose parts stay for a day (see `manifest`).
        """
        folder = self.folder / table
        if self.record and (known := self.record.manifests.get(folder)) is not None:
            return known
        found = manifests.current(folder)
        if found is None:
            raise TableMissing(
                f"no table {table!r}: the step that writes it has not run for this partition, or was"
                " stopped by its gate",
                where=self,
                at=self.folder / table / MANIFEST,
                fix=(
                    f"run the earlier steps first, e.g. python -m pipelines run {self.use_case} {self.kind}"
                    f" {self.partition}"
                ),
            )
        if self.record:
            self.record.manifests[folder] = found
        return found

    def revisions(self, table: str) -> list[Manifest]:
        """What is and was published under this name, oldest first; the last is what is published now.

        Only nights keep revisions.
        """
        return manifests.revisions(self.folder / table)

    def digest(self, table: str, pieces: Sequence[str] = ()) -> str:
        """One name for the published table's content, over all its pieces."""
        checksums = [part.sha256 for name in _names(table, pieces) for part in self.manifest(name).parts]
        return hashlib.sha256("".join(checksums).encode()).hexdigest()

    def partitions(self, kind: Kind) -> list[date]:
        """The partitions of a kind that have a folder, oldest first."""
        found = map(named, places.at(self.root / self.use_case / kind).folders())
        return [partition for partition in found if partition is not None]

    # --- files beside the tables: fitted candidates, graphs, reports

    def read_file(self, name: str) -> bytes:
        """The content of a published file."""
        path = self.folder / name
        try:
            content = places.at(path).read()
        except FileNotFoundError as error:
            raise TableMissing(
                f"no file {name!r}: the step that writes it has not run for this partition",
                where=self,
                at=path,
                fix=(
                    f"run the earlier steps first, e.g. python -m pipelines run {self.use_case} {self.kind}"
                    f" {self.partition}"
                ),
            ) from error
        self._cite(name, hashlib.sha256(content).hexdigest())
        return content

    def notes(self) -> list[dict[str, str]]:
        """What tasks did here, oldest first."""
        return notes.every(self.folder)

    # --- inside

    def _revision(self, name: str, number: int | None) -> Manifest:
        if number is None:
            return self.manifest(name)
        there = self.revisions(name)
        if not 1 <= number <= len(there):
            raise TableMissing(
                f"no revision {number} of {name!r}: there are {len(there)}, of which 1 is the oldest",
                where=self,
                fix="name one of these",
            )
        return there[number - 1]

    def _published(self, manifest: Manifest) -> Published:
        return Published(str(self), self.folder / manifest.table, manifest)

    def _cite(self, name: str, digest: str) -> None:
        if self.record:
            self.record.inputs[f"{self.kind}/{self.partition}/{name}"] = digest


def _names(table: str, pieces: Sequence[str]) -> list[str]:
    return [f"{table}/{piece}" for piece in pieces] or [table]
