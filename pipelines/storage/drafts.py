"""How rows become the parts of a table that nobody reads yet, and then appear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipelines.storage import disk, parts, places
from pipelines.storage.parts import Part
from pipelines.storage.places import Place

if TYPE_CHECKING:
    from pipelines.storage.parts import Rows


@dataclass(frozen=True)
class Drafts:
    """All parts of a table, on this machine's disk to the last byte."""

    folder: Place
    files: dict[Path, Part]
    schema: dict[str, str]

    def appear(self) -> None:
        """Put each part in its place in the table's folder."""
        for draft, part in self.files.items():
            places.at(self.folder / part.file).put(draft)


@contextmanager
def drafts(folder: Place, rows: Rows, come: Callable[[int], object]) -> Iterator[Drafts]:
    """Write rows, in their order, as drafts of parts, which are gone at the end unless they have appeared.

    `come` is told how many rows have come, each time that some have.
    """
    sealed: dict[Path, Future[Part]] = {}
    # A part is brought to the disk, and its sha256 computed, while the next is written.
    with ExitStack() as opened, ThreadPoolExecutor(1, "seal") as pool:
        batches = parts.batches_of(rows)
        for groups in parts.in_parts(batches, come):
            draft, sink = opened.enter_context(places.at(folder).draft())
            parts.write(sink, batches.schema, groups)
            sealed[draft] = pool.submit(_part, draft, sink)
        files = {draft: part.result() for draft, part in sealed.items()}
        yield Drafts(folder, files, {field.name: str(field.type) for field in batches.schema})


def _part(draft: Path, sink: IO[bytes]) -> Part:
    """What a part is, once all of it is on the disk."""
    disk.finish(sink)
    checksum = disk.sha256(draft)
    return Part(f"part-{checksum[:16]}.parquet", parts.rows_in(draft), checksum)
