"""Tables, on a disk or in a bucket: with the modules that it calls (places, manifest, parts, spill), the one
that opens a run's files.

    data/<use case>/<training|scoring|drift>/<partition>/<table>/part-<sha256>.parquet
                                                          .../manifest.json

A part is named by its own content and a table is what its manifest lists, so publishing is one atomic rename
(of the manifest, last): a reader sees the old table or the new one, never half of one, and a step that runs
twice publishes the same bytes under the same name. On an object store it is one write, which takes effect at
once. A table may come in pieces (`trials/linear`, `trials/xgboost`), one a mapped task; they are read
together, or joined into the table itself. A night's table that is published again with other rows keeps its
revisions.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from pipelines.core.config import Kind
from pipelines.core.errors import BadInput, TableCorrupt, TableMissing, listed, meant
from pipelines.storage import disk, parts, places, spill
from pipelines.storage import manifest as manifests
from pipelines.storage.manifest import MANIFEST, Manifest
from pipelines.storage.parts import Part, Slice
from pipelines.storage.places import Place

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from pipelines.storage.parts import Rows

MEMORY = 2_000_000_000  # bytes
TOGETHER = ".together-"
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
RUNS = ".runs.jsonl"  # which task of which run did what here, a line each
PATIENCE = 60  # seconds to wait for other writers of the partition, each of which takes milliseconds


@dataclass(frozen=True, kw_only=True)
class Version:
    """What made a table: the use-case file's sha256 and the code's version, written into each manifest."""

    use_case: str
    code: str


@dataclass
class Writing:
    """The table that is being written, here or in a store that this one has made."""

    table: str = ""  # none
    began: float = 0.0  # as time.monotonic() tells it
    rows: int = 0  # so far


class Store:
    """The tables and files of one partition of one use case, for a task that may hold `memory` bytes in all.

    All relations that a store hands out belong to its one DuckDB connection, so they can be joined with one
    another.
    """

    def __init__(
        self, root: Place, use_case: str, kind: Kind, partition: date, version: Version, memory: int = MEMORY
    ) -> None:
        self.root = root
        self.use_case = use_case
        self.kind = kind
        self.partition = partition
        self.version = version
        self.memory = memory
        self.aside = ""  # see `beside`
        self.writing = Writing()
        self._inputs: dict[str, str] = {}
        # A task reads each manifest once: what its gate has let through, what it reads and what it cites is
        # one and the same.
        self._manifests: dict[Place, Manifest] = {}
        self._cursor: duckdb.DuckDBPyConnection | None = None

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

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """An in-memory DuckDB, which spills to disk past its memory limit."""
        with self.room("DuckDB's temporary files"):
            return spill.connect(self.memory)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same tables, for a library that may close it.

        What it works on is told as well.
        """
        self._cursor = spill.cursor(self.connection)
        return self._cursor

    def at(self, kind: Kind, partition: date) -> Store:
        """The store of another partition of the same use case, on the same connection, inputs and
        manifests.
        """
        other = Store(self.root, self.use_case, kind, partition, self.version, self.memory)
        other.__dict__["connection"] = self.connection
        other._inputs, other.writing, other._manifests = self._inputs, self.writing, self._manifests
        return other

    def unrecorded(self) -> Store:
        """The same partition with the same manifests, for who asks about tables without making a table of
        them: it cites nothing.
        """
        other = self.at(self.kind, self.partition)
        other.aside, other.root, other._inputs = self.aside, self.root, {}
        return other

    def beside(self, aside: str) -> Store:
        """The same partition as it may become: in a folder of its own, where nobody looks for tables, on the
        same connection and inputs.
        """
        other = self.at(self.kind, self.partition)
        other.aside = str(Path(self.aside, aside))
        return other

    @contextmanager
    def room(self, name: str) -> Iterator[None]:
        """Let a full disk be a `TryAgain`, around whatever writes a table or a file, or lets DuckDB work out
        something large.
        """
        with disk.room_for(f"{self}: {name}", *places.at(self.root).needing_room()):
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
        files = []
        for name in _names(table, pieces):
            found = self._revision(name, revision)
            self._cite(name if revision is None else f"{name}/{manifests.REVISIONS}/{revision:04}", found)
            files += [str(path) for path in self._checked(found)]
        return self.connection.read_parquet(files)

    def deal(self, table: str, rows: int) -> tuple[Slice, ...]:
        """Deal a published table, by its row groups, into slices of `rows` rows: at least one, the last has
        what is left.

        Raises:
            TableMissing, TableCorrupt: see `read`.
        """
        return parts.deal([size for part in self._row_groups(self.manifest(table)) for size in part], rows)

    def stream(
        self, table: str, slice: Slice | None = None, columns: Sequence[str] | None = None
    ) -> pa.RecordBatchReader:
        """Stream the rows of a published table (or of a slice of it), in order, by pyarrow: a few row groups
        are in memory at once.

        Checked are the parts that are read, the first one now, each of the others before its first row comes.

        Args:
            table: its name.
            slice: which rows; all by default.
            columns: which columns, in which order; all by default.

        Raises:
            BadInput: no such column, or the table was dealt when it was another one.
            TableMissing, TableCorrupt: see `read`.
        """
        published = self.manifest(table)
        if unknown := [name for name in columns or () if name not in published.schema]:
            raise BadInput(
                f"{self}: {table} has no column {unknown[0]!r}: {meant(unknown[0], published.schema)}"
            )
        self._cite(table, published)
        sizes = self._row_groups(published)
        every = [size for part in sizes for size in part]
        groups = slice.groups if slice else range(len(every))
        if slice and (groups.stop > len(every) or sum(every[groups.start : groups.stop]) != slice.rows):
            raise BadInput(
                f"{self}: slice {slice} has {slice.rows:,} rows of another {table} than is published now, of"
                f" {published.rows:,}\n  way out: it was written again meanwhile; when that has ended, deal"
                " it and go on from there"
            )
        there = list(zip(published.parts, parts.locate(groups, sizes), strict=True))
        # An empty table has no row group, but one part at least, which has the columns.
        chosen = [(part, groups) for part, groups in there if groups] or there[:1]
        paths = self._checked(published, [part for part, _ in chosen])
        return parts.stream(
            ((path, groups) for path, (_, groups) in zip(paths, chosen, strict=True)), columns
        )

    def has(self, table: str) -> bool:
        """Whether the table is published."""
        return self.folder / table in self._manifests or places.at(self.folder / table / MANIFEST).is_file()

    def manifest(self, table: str) -> Manifest:
        """What the published table says of itself: as it was when this task first asked, or as the task has
        written it since.

        Another run may publish the table again at any moment. Its rows are no business of a task whose gates
        have let the earlier ones through, and whose parts stay for a day (see `manifest`).
        """
        folder = self.folder / table
        if (known := self._manifests.get(folder)) is not None:
            return known
        found = manifests.current(folder)
        if found is None:
            raise TableMissing(
                f"{self}: no table {table!r}: the step that writes it has not run for this partition, or was"
                f" stopped by its gate.\n  looked for: {self.folder / table / MANIFEST}\n  way out: run the"
                f" earlier steps first, e.g. python -m pipelines run {self.use_case} {self.kind}"
                f" {self.partition}"
            )
        self._manifests[folder] = found
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
        found = places.at(self.root / self.use_case / kind).folders()
        return [date.fromisoformat(name) for name in found if DAY.fullmatch(name)]

    # --- writing tables

    def write(
        self, table: str, rows: Rows, piece: str | None = None, meaning: Mapping[str, str] | None = None
    ) -> Manifest:
        """Publish rows, in their order, as a table (or one piece of it): all of it, or nothing at all.

        Rows stream through in batches; an empty table keeps its schema. The manifest of features tells their
        `meaning`.

        Raises:
            TryAgain: the disk is full; nothing is published.
        """
        name = f"{table}/{piece}" if piece else table
        folder = self.folder / name
        writing = self.writing
        writing.table, writing.began, writing.rows = name, time.monotonic(), 0
        sealed: dict[Path, Future[Part]] = {}
        # A part is brought to the disk, and its sha256 computed, while the next is written.
        with self.room(name), ExitStack() as drafts, ThreadPoolExecutor(1, "seal") as pool:
            batches = parts.batches_of(rows)
            for groups in parts.in_parts(batches, partial(setattr, writing, "rows")):
                draft, sink = drafts.enter_context(places.at(folder).draft())
                parts.write(sink, batches.schema, groups)
                sealed[draft] = pool.submit(_sealed, draft, sink)
            made = {draft: part.result() for draft, part in sealed.items()}
            schema = {field.name: str(field.type) for field in batches.schema}
            written = replace(
                self._manifest(name, tuple(made.values()), schema, self._inputs), meaning=dict(meaning or {})
            )
            if written.rows != writing.rows:
                raise TableCorrupt(
                    f"{self}: {name} was given {writing.rows:,} rows and its files hold {written.rows:,}:"
                    " nothing is published"
                )

            def place() -> None:
                for draft, part in made.items():
                    places.at(folder / part.file).put(draft)

            self._publish(written, place, keep=piece is None)
        writing.table = ""
        return written

    def join(self, table: str, pieces: Sequence[str]) -> Manifest:
        """Publish a table that is made of its published pieces: their parts, in the order of the pieces.

        No row is copied.

        Its inputs are those of all pieces. Whether these are all the rows that there should be, the caller
        asks.

        Raises:
            BadInput: the pieces do not belong together: they have other columns, or were made of different
                inputs.
            TableMissing, TableCorrupt: see `read`; a piece.
            TryAgain: the disk is full; nothing is published.
        """
        found = [self.manifest(f"{table}/{piece}") for piece in pieces]
        self._require_belonging_together(table, found)
        inputs = {name: digest for piece in found for name, digest in piece.inputs.items()}
        joined = self._manifest(
            table, tuple(part for piece in found for part in piece.parts), found[0].schema, inputs
        )
        self._publish_linked(joined, [path for piece in found for path in self._sound(piece)])
        return joined

    def adopt(self, table: str, other: Store) -> None:
        """Publish another store's table as it is there: the same parts, the same manifest."""
        theirs = other.manifest(table)
        self._publish_linked(theirs, other._sound(theirs))

    @contextmanager
    def together(self) -> Iterator[Store]:
        """A store whose tables are published here when all of them are written, or, if that fails, none.

        Each is published whole; who is killed between the first and the last of them publishes the rest in
        the next run.
        """
        scratch = places.at(self.folder).scratch()
        for left in disk.old(scratch.glob(f"{TOGETHER}*")):  # of processes that were killed
            shutil.rmtree(left, ignore_errors=True)
        # A folder of one's own: another run of the partition may be at the same place.
        with tempfile.TemporaryDirectory(prefix=TOGETHER, dir=scratch) as folder:
            aside = self.at(self.kind, self.partition)
            aside.root = Path(folder)
            yield aside
            for table in places.at(aside.folder).folders():
                written = aside.manifest(table)
                self._publish_linked(written, [aside.folder / table / part.file for part in written.parts])

    def bring(self, table: str, folder: Path) -> None:
        """Copy a published table's parts to a folder of this machine, for a library that wants to find them
        there.

        Raises:
            TableMissing, TableCorrupt: see `read`.
        """
        published = self.manifest(table)
        for part, path in zip(published.parts, self._checked(published), strict=True):
            places.at(folder / part.file).link(places.at(path))

    # --- files beside the tables: fitted candidates, graphs, reports

    def read_file(self, name: str) -> bytes:
        """The content of a published file."""
        path = self.folder / name
        try:
            content = places.at(path).read()
        except FileNotFoundError as error:
            raise TableMissing(
                f"{self}: no file {name!r}: the step that writes it has not run for this partition.\n  looked"
                f" for: {path}"
            ) from error
        self._inputs[self._cited(name)] = hashlib.sha256(content).hexdigest()
        return content

    def write_file(self, name: str, content: bytes) -> Place:
        """Publish a file whole, and return where it lies.

        Raises:
            TryAgain: the disk is full; nothing is published.
        """
        path = self.folder / name
        with self.room(name):
            places.at(path).publish(content)
        return path

    def note(self, told: Mapping[str, str]) -> None:
        """Write down what a task did here, for whoever traces a row: a line of JSON, beside the tables, and
        no input of any of them.
        """
        line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="seconds"), **told}).encode() + b"\n"
        with self.room(RUNS):
            places.at(self.folder / RUNS).append(line)

    def notes(self) -> list[dict[str, str]]:
        """What tasks did here, oldest first."""
        try:
            lines = places.at(self.folder / RUNS).read().splitlines(keepends=True)
        except FileNotFoundError:
            lines = []
        return [noted for line in lines if (noted := _noted(line))]

    def discard(self) -> None:
        """Remove all that lies beside the partition, if anything does."""
        if not self.aside:
            raise ValueError(f"{self}: published tables are not discarded")
        places.at(self.folder).remove()
        for folder in [known for known in self._manifests if str(known).startswith(f"{self.folder}/")]:
            del self._manifests[folder]

    # --- how far a long step is

    def share_of_statement(self) -> float | None:
        """How much of the statement that DuckDB works on is done, as DuckDB reckons.

        None if it does not, or cannot tell.
        """
        if "connection" not in self.__dict__:  # the task has not asked for one
            return None
        share = (
            max(_progress(connection) for connection in (self.connection, self._cursor) if connection) / 100
        )
        return share if share > 0 else None

    # --- inside: reading

    def _revision(self, name: str, number: int | None) -> Manifest:
        if number is None:
            return self.manifest(name)
        there = self.revisions(name)
        if not 1 <= number <= len(there):
            raise TableMissing(
                f"{self}: no revision {number} of {name!r}: there are {len(there)}, of which 1 is the oldest"
            )
        return there[number - 1]

    def _checked(self, published: Manifest, chosen: Sequence[Part] | None = None) -> Iterator[Path]:
        """The files of a table's parts (of some of them, if they are given) on this machine, each after its
        sha256 was compared.
        """
        for part in published.parts if chosen is None else chosen:
            path = self.folder / published.table / part.file
            try:
                found, why = places.at(path).verified(part.sha256), "not the file that was published"
            except FileNotFoundError:
                found, why = None, "gone"
            if found is None:
                raise TableCorrupt(
                    f"{self}: {published.table}/{part.file} is {why}: its sha256 differs from the"
                    f" manifest's.\n  at: {path}\n  way out: run the step that writes {published.table}"
                    " again; it publishes the same bytes"
                )
            yield found

    def _sound(self, published: Manifest) -> list[Place]:
        """Where a table's parts lie, after the sha256 of each was compared."""
        return [
            self.folder / published.table / part.file
            for part, _ in zip(published.parts, self._checked(published), strict=True)
        ]

    def _row_groups(self, published: Manifest) -> list[list[int]]:
        """The number of rows of each row group, for each part."""
        try:
            return [_row_groups(self.folder / published.table / part.file) for part in published.parts]
        except (OSError, ValueError):  # pyarrow's errors are one or the other
            list(self._checked(published))  # says which part it is
            raise

    def _cite(self, name: str, published: Manifest) -> None:
        self._inputs[self._cited(name)] = published.digest

    def _cited(self, name: str) -> str:
        return f"{self.kind}/{self.partition}/{name}"

    # --- inside: writing

    def _manifest(
        self, name: str, made: tuple[Part, ...], schema: dict[str, str], inputs: dict[str, str]
    ) -> Manifest:
        return Manifest(
            table=name,
            rows=sum(part.rows for part in made),
            schema=schema,
            parts=made,
            inputs=dict(sorted(inputs.items())),
            use_case=self.version.use_case,
            code=self.version.code,
        )

    def _require_belonging_together(self, table: str, pieces: Sequence[Manifest]) -> None:
        differing = []
        for piece in pieces[1:]:
            before = pieces[0]
            if piece.schema != before.schema:
                differing.append(f"{piece.table} has other columns than {before.table}")
            if piece.use_case != before.use_case:
                differing.append(f"{piece.table} was made by another use-case file than {before.table}")
        made_of: dict[str, tuple[str, Manifest]] = {}
        for piece in pieces:
            for name, digest in piece.inputs.items():
                known, first = made_of.setdefault(name, (digest, piece))
                if digest != known:
                    differing.append(f"{piece.table} was made of another {name} than {first.table}")
        if differing:
            raise BadInput(
                f"{self}: the pieces of {table} do not belong together:\n{listed(differing)}\n"
                "  way out: run the step that writes them again, for every piece"
            )

    def _publish_linked(self, published: Manifest, sources: Sequence[Place]) -> None:
        """Publish a table of parts that lie elsewhere."""
        folder = self.folder / published.table

        def place() -> None:
            for source in sources:
                places.at(folder / source.name).link(places.at(source))

        with self.room(published.table):
            self._publish(published, place, keep=True)

    def _publish(self, published: Manifest, place: Callable[[], object], keep: bool) -> None:
        """Put parts in their place and the manifest last.

        One writer at a time, so that none is between another's part and its manifest.
        """
        sentence = f"{self}: another process has been publishing a table in {self.folder} for {PATIENCE} s"
        with places.at(self.folder / ".publishing.lock").one_writer(PATIENCE, sentence):
            place()
            manifests.publish(
                self.folder / published.table,
                published,
                keep=keep and self.kind == "scoring" and not self.aside,
            )
        self._manifests[self.folder / published.table] = published


def _progress(connection: duckdb.DuckDBPyConnection) -> float:
    """DuckDB's estimate, in percent.

    Less than 0 if there is none, as of a cursor that whoever asked for it has closed.
    """
    import duckdb

    try:
        return connection.query_progress()
    except duckdb.ConnectionException:
        return -1.0


def _noted(line: bytes) -> dict[str, str] | None:
    """A line that a task has left.

    None if it is no whole one: its writer was killed, or somebody has edited it.
    """
    try:
        found = json.loads(line)
        return {
            **dict.fromkeys(("time", "task", "run", "summary"), "?"),
            **{str(name): str(value) for name, value in found.items()},
        }
    except (ValueError, AttributeError):
        return None


def _sealed(draft: Path, sink: IO[bytes]) -> Part:
    """What a part is, once all of it is on the disk."""
    disk.finish(sink)
    checksum = disk.sha256(draft)
    return Part(f"part-{checksum[:16]}.parquet", parts.rows_in(draft), checksum)


def _row_groups(part: Place) -> list[int]:
    """By its last bytes alone."""
    with places.at(part).open() as file:
        return parts.row_groups(file)


def _names(table: str, pieces: Sequence[str]) -> list[str]:
    return [f"{table}/{piece}" for piece in pieces] or [table]


def as_json(value: Any) -> bytes:
    """JSON as Sluice writes it into files: sorted, indented, and refusing NaN, which is no JSON."""
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode()
