"""A published table where it lies: its parts, each compared with its sha256 before it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.core.errors import BadInput, TableCorrupt, did_you_mean
from pipelines.storage import parts, places
from pipelines.storage.manifest import Manifest
from pipelines.storage.parts import Part, Shard
from pipelines.storage.places import Place

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Published:
    """One revision of a table."""

    of: str  # the partition, as messages name it
    folder: Place
    manifest: Manifest

    def place(self, part: Part) -> Place:
        """Where a part lies."""
        return self.folder / part.file

    def files(self, chosen: Sequence[Part] | None = None) -> Iterator[Path]:
        """The files of its parts (of some of them, if they are given) on this machine, each after its sha256
        was compared.

        Raises:
            TableCorrupt: a part is not what the manifest promises.
        """
        table = self.manifest.table
        for part in self.manifest.parts if chosen is None else chosen:
            path = self.place(part)
            try:
                found, why = places.at(path).verified(part.sha256), "not the file that was published"
            except FileNotFoundError:
                found, why = None, "gone"
            if found is None:
                raise TableCorrupt(
                    f"{table}/{part.file} is {why}: its sha256 differs from the manifest's",
                    where=self.of,
                    at=path,
                    fix=f"run the step that writes {table} again; it publishes the same bytes",
                )
            yield found

    def sound(self) -> list[Place]:
        """Where its parts lie, after the sha256 of each was compared."""
        return [self.place(part) for part, _ in zip(self.manifest.parts, self.files(), strict=True)]

    def row_groups(self) -> list[list[int]]:
        """The number of rows of each row group, for each part."""
        try:
            return [_row_groups(self.place(part)) for part in self.manifest.parts]
        except (OSError, ValueError):  # pyarrow's errors are one or the other
            list(self.files())  # says which part it is
            raise

    def stream(self, shard: Shard | None, columns: Sequence[str] | None) -> pa.RecordBatchReader:
        """See `Store.stream`."""
        if unknown := [name for name in columns or () if name not in self.manifest.schema]:
            raise BadInput(
                f"{self.manifest.table} has no column {unknown[0]!r}:"
                f" {did_you_mean(unknown[0], self.manifest.schema)}",
                where=self.of,
                fix="name one that it has",
            )
        sizes = self.row_groups()
        groups = self._groups(shard, [size for part in sizes for size in part])
        there = list(zip(self.manifest.parts, parts.locate(groups, sizes), strict=True))
        # An empty table has no row group, but one part at least, which has the columns.
        chosen = [(part, groups) for part, groups in there if groups] or there[:1]
        paths = self.files([part for part, _ in chosen])
        return parts.stream(
            ((path, groups) for path, (_, groups) in zip(paths, chosen, strict=True)), columns
        )

    def _groups(self, shard: Shard | None, every: Sequence[int]) -> range:
        """The row groups of a shard, among those of all parts."""
        if shard is None:
            return range(len(every))
        if shard.groups.stop > len(every) or sum(every[shard.groups.start : shard.groups.stop]) != shard.rows:
            raise BadInput(
                f"shard {shard} has {shard.rows:,} rows of another {self.manifest.table} than is"
                f" published now, of {self.manifest.rows:,}",
                where=self.of,
                fix="it was written again meanwhile; when that has ended, score it again",
            )
        return shard.groups


def _row_groups(part: Place) -> list[int]:
    """By its last bytes alone."""
    with places.at(part).open() as file:
        return parts.row_groups(file)
