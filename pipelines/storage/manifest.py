"""What a published table is, and which revisions of it there were.

<table>/part-<sha256>.parquet    of every revision
<table>/manifest.json            the revision that is published now
<table>/revisions/0001.json      the manifests before it, oldest first
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from pipelines.core.errors import BadInput, TableCorrupt
from pipelines.storage import kept, places
from pipelines.storage.backends.protocol import Tag
from pipelines.storage.parts import Part
from pipelines.storage.places import Place

MANIFEST = "manifest.json"
REVISIONS = "revisions"


@dataclass(frozen=True)
class Manifest:
    """What a published table is.

    It holds no clock, no run id and no number of its revision: same inputs, same bytes, also here.
    """

    table: str
    rows: int
    schema: dict[str, str]
    parts: tuple[Part, ...]
    inputs: dict[str, str]  # table or file -> its digest, of everything read before this table was written
    use_case: str  # sha256 of the use-case file
    code: str  # Sluice's version
    # of features: name -> its fingerprint, see `meaning`
    meaning: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """One name for the table's content: what other manifests cite as their input."""
        return hashlib.sha256("".join(part.sha256 for part in self.parts).encode()).hexdigest()

    @classmethod
    def from_json(cls, content: bytes, place: object = "a manifest") -> Manifest:
        """Read what `as_json` wrote.

        Raises:
            TableCorrupt: it is damaged.
        """
        return kept.read(
            cls, content, place, "run the step that writes the table again; it publishes the same bytes"
        )

    def as_json(self) -> bytes:
        """What lies beside the parts."""
        return json.dumps(asdict(self), indent=1).encode()


def current(folder: Place) -> Manifest | None:
    """What is published in a table's folder now, if anything is."""
    try:
        return Manifest.from_json(places.at(folder / MANIFEST).read(), folder / MANIFEST)
    except (FileNotFoundError, NotADirectoryError):
        return None


def revisions(folder: Place) -> list[Manifest]:
    """What is and was published in a table's folder, oldest first."""
    now = current(folder)
    while True:
        old = [Manifest.from_json(places.at(path).read(), path) for path in _revisions(folder)]
        before, now = now, current(folder)
        if now == before:  # else a writer came between the two looks
            break
    if now and old and old[-1].parts == now.parts:
        old.pop()  # its successor's writer was killed, or is about to publish
    return [*old, now] if now else old


def publish(folder: Place, manifest: Manifest, keep: bool) -> None:
    """Put a manifest in the place of the one before it, which is kept if that is asked for and it had other
    parts.

    Its parts are there already. One writer at a time: the store sees to that, on a disk; a bucket refuses the
    second.
    """

    def replacing(found: bytes | None) -> bytes:
        before = _sound(found) if found else None
        if found and before and before.parts != manifest.parts:
            places.at(folder).rejuvenate([part.file for part in before.parts])
            if keep:
                _keep(folder, before, found)
        return manifest.as_json()

    try:
        before = current(folder)
    except TableCorrupt:
        before = None
    _sweep(folder, places.at(folder / MANIFEST).rewrite(replacing), before)


def require_belonging_together(of: str, table: str, pieces: Sequence[Manifest]) -> None:
    """Refuse to join pieces of a table that were not made alike; `of` names their partition.

    Raises:
        BadInput: they have other columns, or were made of different inputs.
    """
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
            f"the pieces of {table} do not belong together",
            where=of,
            details=differing,
            fix="run the step that writes them again, for every piece",
        )


def _sound(content: bytes) -> Manifest | None:
    """A manifest, unless it is damaged: whoever writes the table again mends it."""
    try:
        return Manifest.from_json(content)
    except TableCorrupt:
        return None


def _sweep(folder: Place, replaced: Tag | None, before: Manifest | None) -> None:
    """Remove the parts that no revision names, if they are old enough."""
    known = None if before is None else {part.file for part in before.parts}
    if left := places.at(folder).unread(replaced, known):
        try:
            named = {part.file for revision in revisions(folder) for part in revision.parts}
        except TableCorrupt:  # nobody knows what that one names
            return
        for path in left:
            if path.name not in named:
                places.at(path).unlink()


def _keep(folder: Place, manifest: Manifest, content: bytes) -> None:
    there = _revisions(folder)
    if there and (last := _sound(places.at(there[-1]).read())) and last.parts == manifest.parts:
        return  # by a writer that was killed before it published
    places.at(folder / REVISIONS / f"{len(there) + 1:04}.json").create(content)


def _revisions(folder: Place) -> list[Place]:
    return sorted(
        (path for path in places.at(folder / REVISIONS).glob("*.json") if path.stem.isdecimal()),
        key=lambda path: int(path.stem),
    )
