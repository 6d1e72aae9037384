"""What is done to files, whether they lie on a disk (`pathlib.Path`) or in a bucket (`BucketPath`), which
differ in how they keep writers apart.

On a disk one writer holds a lock while others wait; it is gone with a process that is killed. In a bucket
nobody waits: whoever has read what somebody else has overwritten since is refused, and does its change again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias
from uuid import uuid4

from filelock import FileLock, Timeout
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from pipelines.core.errors import BadInput, TryAgain
from pipelines.storage import bucket, disk, parts, spill
from pipelines.storage.bucket import BucketPath, Tag, claimed
from pipelines.storage.s3 import Overtaken

Place: TypeAlias = "Path | BucketPath"
PATIENCE = 60  # seconds to do a change again that others have overtaken, each of which takes milliseconds
CLAIM = 3600  # seconds: nobody who alone may do something in a bucket does it for that long


def of(stated: str, setting: str, root: Path) -> Place:
    """Where an address or a path leads; a relative path begins at `root`.

    Raises:
        BadInput: it begins like an address, and is not one of a bucket.
    """
    if "://" not in stated:
        return (root / stated).resolve()
    if not stated.startswith("s3://"):
        raise BadInput(
            f"{setting}: {stated.split('://', maxsplit=1)[0]}:// is no kind of storage; allowed: a folder of"
            f" this machine, or s3://<bucket>/<prefix>\n  way out: correct {setting}; many stores (Google's,"
            " MinIO, Ceph) speak S3: AWS_ENDPOINT_URL_S3 says where they are"
        )
    return BucketPath.of(stated, setting)


def on_disk(place: Place) -> Path:
    """The place itself, for what can only be done on a disk.

    Raises:
        BadInput: it is a bucket.
    """
    if isinstance(place, BucketPath):
        raise BadInput(
            f"{place} is no folder of this machine, and this needs one\n  way out: set SLUICE_DATA to a"
            " folder for it"
        )
    return place


def probe(place: Place) -> None:
    """Find out whether tables can be kept in a place, before a night finds out.

    Raises:
        BadInput: they cannot, and the sentence names the setting.
        TryAgain: an object store does not answer.
    """
    if isinstance(place, BucketPath):
        bucket.probe(place)
        return
    try:
        publish(place / f".probe-{uuid4().hex}", b"")
        for left in place.glob(".probe-*"):
            left.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(
            f"SLUICE_DATA: {place} cannot be written: {error.strerror}\n  way out: make it writable, or name"
            " another folder"
        ) from error


def publish(place: Place, content: bytes) -> None:
    """Write a file whole, or not at all, whoever writes beside."""
    if isinstance(place, BucketPath):
        place.write(content)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        disk.publish(place, content)


def create(place: Place, content: bytes) -> None:
    """Write a file that is not there yet. On a disk only as its `one_writer`.

    Raises:
        Overtaken: somebody else has made it, in a bucket.
    """
    if isinstance(place, BucketPath):
        place.create(content)
    else:
        publish(place, content)


def rewrite(place: Place, change: Callable[[bytes | None], bytes | None]) -> Tag | None:
    """Put what `change` makes of a file's content (None: there is no file) in its place, unless it makes
    nothing of it (None).

    In a bucket it is done again if somebody else has written meanwhile. On a disk, only as its `one_writer`.

    Returns:
        What was replaced, in a bucket.

    Raises:
        Overtaken: others have written again and again.
    """
    if not isinstance(place, BucketPath):
        content = change(place.read_bytes() if place.is_file() else None)
        if content is not None:
            publish(place, content)
        return None
    again = Retrying(
        retry=retry_if_exception_type(Overtaken),
        stop=stop_after_delay(PATIENCE),
        wait=wait_random(0, 0.5),
        reraise=True,
    )
    return again(_rewrite, place, change)


def _rewrite(place: BucketPath, change: Callable[[bytes | None], bytes | None]) -> Tag | None:
    found: bytes | None
    try:
        found, tag = place.read()
    except FileNotFoundError:
        found, tag = None, None
    content = change(found)
    if content is not None:
        place.swap(content, tag)
    return tag


@contextmanager
def one_writer(lock: Place, patience: float, sentence: str) -> Iterator[None]:
    """Let nobody else in, on a disk.

    A bucket lets everyone in, and refuses the second of those who `create` or `rewrite` the same file.

    Raises:
        TryAgain: with the sentence, if somebody else has been in for `patience` seconds.
    """
    if isinstance(lock, BucketPath):
        yield
        return
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=patience, poll_interval=0.01):
            yield
    except Timeout as error:
        raise TryAgain(sentence) from error


@contextmanager
def alone(claim: Place, sentence: str) -> Iterator[None]:
    """Do what only one process at a time may do, on a disk and in a bucket; who comes second does not wait.

    Raises:
        TryAgain: with the sentence, if somebody else is in.
    """
    if not isinstance(claim, BucketPath):
        with one_writer(claim, 0, sentence):
            yield
        return
    if not claimed(claim, CLAIM):
        raise TryAgain(
            f"{sentence}\n  it has claimed {claim}; a claim whose process was killed lapses within"
            f" {CLAIM // 60} minutes"
        )
    try:
        yield
    finally:
        claim.unlink()


@contextmanager
def draft(folder: Place) -> Iterator[tuple[Path, IO[bytes]]]:
    """A file of this machine that nobody reads yet, on its way into the folder."""
    if not isinstance(folder, BucketPath):
        folder.mkdir(parents=True, exist_ok=True)
    with disk.draft(spill.folder() if isinstance(folder, BucketPath) else folder) as made:
        yield made


def put(draft: Path, place: Place) -> None:
    """Let a draft appear in its place."""
    if isinstance(place, BucketPath):
        place.upload(draft)
    else:
        os.replace(draft, place)


def link(source: Place, place: Place) -> None:
    """Let a file appear in a second place, as young as if it had been written there, without its bytes
    passing through this machine if that can be.
    """
    if isinstance(place, BucketPath):
        place.copy(source) if isinstance(source, BucketPath) else place.upload(source)
    elif isinstance(source, BucketPath):
        place.parent.mkdir(parents=True, exist_ok=True)
        with disk.draft(place.parent) as (aside, _):
            source.download(aside)
            os.replace(aside, place)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        disk.link(source, place)
        os.utime(place)  # see `disk.old`


def local(place: Place, sha256: str) -> Path | None:
    """A file of this machine with the content that has this checksum; None if the place holds another one.

    What comes from a bucket is kept until the process ends: a task that reads a part twice brings it once.

    Raises:
        FileNotFoundError: there is none.
    """
    if not isinstance(place, BucketPath):
        return place if disk.sha256(place) == sha256 else None
    kept = spill.folder() / sha256
    if not kept.is_file():
        coming = kept.with_name(f"{sha256}-{uuid4().hex}")
        try:
            place.download(coming)
            if disk.sha256(coming) != sha256:
                return None
            os.replace(coming, kept)
        finally:
            coming.unlink(missing_ok=True)
    return kept


def row_groups(place: Place) -> list[int]:
    """The number of rows of each row group of a part, by its last bytes alone."""
    if not isinstance(place, BucketPath):
        return parts.row_groups(place)
    with place.open() as file:
        return parts.row_groups(file)


def append(place: Place, line: bytes) -> None:
    """Write a line behind those that are there; lines of tasks side by side do not mix."""
    if isinstance(place, BucketPath):
        # It may be there already: written, and the answer lost.
        rewrite(
            place,
            lambda before: (
                None if line in (before or b"").splitlines(keepends=True) else (before or b"") + line
            ),
        )
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("ab+", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
            line = b"\n" + line  # behind half a line of a process that was killed
        file.write(line)  # one write a line


def folders(place: Place) -> list[str]:
    """The names of the folders in a place, which need not exist."""
    if isinstance(place, BucketPath):
        return sorted(place.folders())
    return sorted(path.name for path in place.iterdir() if path.is_dir()) if place.is_dir() else []


def remove(place: Place) -> None:
    """Remove a folder with all that is in it, if it is there, and never so that half of a table looks
    whole.
    """
    if isinstance(place, BucketPath):
        # Parts last: what names them is gone by then.
        for path, _ in sorted(place.files(), key=lambda found: found[0].name.startswith("part-")):
            path.unlink()
        return
    # Renamed first, so that nobody finds half of it after a kill.
    bin_ = place.with_name(f".{place.name}-discarded")
    if bin_.exists():
        shutil.rmtree(bin_)
    if place.exists():
        shutil.rmtree(place.rename(bin_))


def scratch(place: Place) -> Path:
    """Where drafts of a place are made: beside it on a disk, in the process's own folder for a bucket."""
    if isinstance(place, BucketPath):
        return spill.folder()
    place.mkdir(parents=True, exist_ok=True)
    return place


def needing_room(place: Place) -> tuple[Path, ...]:
    """The folders of this machine that may be full when something is written to a place."""
    temporary = Path(tempfile.gettempdir())
    return (temporary,) if isinstance(place, BucketPath) else (place, temporary)
