"""What a published table is, and which revisions of it there were.

<table>/part-<sha256>.parquet    of every revision
<table>/manifest.json            the revision that is published now
<table>/revisions/0001.json      the manifests before it, oldest first
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines import disk
from pipelines.parts import Part

MANIFEST = "manifest.json"
REVISIONS = "revisions"


@dataclass(frozen=True)
class Manifest:
    """What a published table is. It holds no clock, no run id and no number of its revision: same inputs, same bytes, also here."""

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

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Read what `as_json` wrote."""
        found = json.loads(content)
        return cls(**{**found, "parts": tuple(Part(**part) for part in found["parts"])})

    def as_json(self) -> bytes:
        """What lies beside the parts."""
        return json.dumps(asdict(self), indent=1).encode()


def current(folder: Path) -> Manifest | None:
    """What is published in a table's folder now, if anything is."""
    try:
        return Manifest.from_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None


def revisions(folder: Path) -> list[Manifest]:
    """What is and was published in a table's folder, oldest first."""
    now = current(folder)
    while True:
        old = [Manifest.from_json(path.read_bytes()) for path in _kept(folder)]
        before, now = now, current(folder)
        if now == before:  # else a writer came between the two looks
            break
    if now and old and old[-1].parts == now.parts:
        old.pop()  # its successor's writer was killed, or is about to publish
    return [*old, now] if now else old


def publish(folder: Path, manifest: Manifest, keep: bool) -> None:
    """Put a manifest in the place of the one before it, which is kept if that is asked for and it had other parts.

    Its parts are there already. One writer at a time: the store sees to that.
    """
    before = current(folder)
    if before and before.parts != manifest.parts:
        for part in before.parts:
            with suppress(FileNotFoundError):
                os.utime(folder / part.file)  # whoever has read the old manifest has a day from now to read the parts
        if keep:
            _keep(folder, before)
    disk.publish(folder / MANIFEST, manifest.as_json())
    _sweep(folder)


def _sweep(folder: Path) -> None:
    """Remove the parts that no revision names, if they are old enough: see `disk.old`."""
    if left := disk.old(folder.glob("part-*.parquet")):
        named = {part.file for revision in revisions(folder) for part in revision.parts}
        for path in left:
            if path.name not in named:
                path.unlink()


def _keep(folder: Path, manifest: Manifest) -> None:
    kept = _kept(folder)
    if kept and Manifest.from_json(kept[-1].read_bytes()).parts == manifest.parts:
        return  # by a writer that was killed before it published
    (folder / REVISIONS).mkdir(exist_ok=True)
    disk.link(folder / MANIFEST, folder / REVISIONS / f"{len(kept) + 1:04}.json")


def _kept(folder: Path) -> list[Path]:
    return sorted((folder / REVISIONS).glob("*.json"), key=lambda path: int(path.stem))
