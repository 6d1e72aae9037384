"""Tables, on a disk or in a bucket: with the modules that it calls (reader, drafts, manifest, places), the
one that opens a run's files.

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

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.core.errors import TableCorrupt
from pipelines.storage import disk, notes, places
from pipelines.storage import manifest as manifests
from pipelines.storage.drafts import drafts
from pipelines.storage.manifest import Manifest
from pipelines.storage.parts import Part
from pipelines.storage.places import Place
from pipelines.storage.reader import Reader, Version

if TYPE_CHECKING:
    from pipelines.storage.parts import Rows

TOGETHER = ".together-"
PATIENCE = 60  # seconds to wait for other writers of the partition, each of which takes milliseconds


__all__ = ["Store", "Version", "as_json"]


@dataclass(frozen=True, eq=False)
class Store(Reader):
    """The tables and files of one partition of one use case: what can be read of it, and is written to it."""

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
        inputs = self.record.inputs if self.record else {}
        return self._write(f"{table}/{piece}" if piece else table, rows, inputs, dict(meaning or {}))

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
        manifests.require_belonging_together(str(self), table, found)
        joined = self._manifest(
            table, tuple(part for piece in found for part in piece.parts), found[0].schema, _inputs(found)
        )
        self._publish_linked(joined, [path for piece in found for path in self._published(piece).sound()])
        return joined

    def join_decided(self, table: str, pieces: Sequence[str], rows: Rows) -> Manifest:
        """Publish a table of its pieces' rows about which something was decided that none of them knew.

        Its inputs are those of all pieces, as of one that is joined.

        Raises:
            BadInput, TableMissing, TryAgain: see `join`.
        """
        found = [self.manifest(f"{table}/{piece}") for piece in pieces]
        manifests.require_belonging_together(str(self), table, found)
        return self._write(table, rows, _inputs(found), {})

    def adopt(self, table: str, other: Store) -> None:
        """Publish another store's table as it is there: the same parts, the same manifest."""
        theirs = other.manifest(table)
        self._publish_linked(theirs, other._published(theirs).sound())

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
            aside = replace(self, root=Path(folder), aside="")
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
        for part, path in zip(published.parts, self._published(published).files(), strict=True):
            places.at(folder / part.file).link(places.at(path))

    # --- files beside the tables: fitted candidates, graphs, reports

    def write_file(self, name: str, content: bytes) -> Place:
        """Publish a file whole, and return where it lies.

        Raises:
            TryAgain: the disk is full; nothing is published.
        """
        path = self.folder / name
        with self.retrying_when_full(name):
            places.at(path).publish(content)
        return path

    def note(self, told: Mapping[str, str]) -> None:
        """Write down what a task did here, see `notes`."""
        with self.retrying_when_full(notes.RUNS):
            notes.add(self.folder, told)

    def discard(self) -> None:
        """Remove all that lies beside the partition, if anything does."""
        if not self.aside:
            raise ValueError(f"{self}: published tables are not discarded")
        places.at(self.folder).remove()
        if self.record:
            self.record.forget(self.folder)

    # --- inside

    def _write(self, name: str, rows: Rows, inputs: dict[str, str], meaning: dict[str, str]) -> Manifest:
        writing = self.session.writing
        writing.table, writing.began, writing.rows = name, time.monotonic(), 0
        with self.retrying_when_full(name), drafts(self.folder / name, rows, writing.count) as made:
            written = replace(
                self._manifest(name, tuple(made.files.values()), made.schema, inputs), meaning=meaning
            )
            if written.rows != writing.rows:
                raise TableCorrupt(
                    f"{name} was given {writing.rows:,} rows and its files hold {written.rows:,}: nothing"
                    " is published",
                    where=self,
                    fix="run the step again",
                )
            self._publish(written, made.appear, keep="/" not in name)
        writing.table = ""
        return written

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

    def _publish_linked(self, published: Manifest, sources: Sequence[Place]) -> None:
        """Publish a table of parts that lie elsewhere."""
        folder = self.folder / published.table

        def place() -> None:
            for source in sources:
                places.at(folder / source.name).link(places.at(source))

        with self.retrying_when_full(published.table):
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
        if self.record:
            self.record.manifests[self.folder / published.table] = published


def _inputs(pieces: Sequence[Manifest]) -> dict[str, str]:
    return {name: digest for piece in pieces for name, digest in piece.inputs.items()}


def as_json(value: Any) -> bytes:
    """JSON as Sluice writes it into files: sorted, indented, and refusing NaN, which is no JSON."""
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode()
