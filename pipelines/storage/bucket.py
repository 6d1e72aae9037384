"""Files in an object store that speaks S3: each appears whole or not at all, and the second of two writers is
told so.

An object store has neither links nor renames nor locks. It has writes that take effect at once, and
conditional writes (`If-None-Match`, `If-Match`): what is read, changed and written again is written only if
nobody else has written meanwhile.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from pipelines.core.errors import BadInput
from pipelines.storage import s3
from pipelines.storage.s3 import Overtaken

SCHEME = "s3://"
URL = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<key>[\w.=-]+(?:/[\w.=-]+)*))?/?", re.ASCII
)


@dataclass(frozen=True)
class Tag:
    """Which version of an object was read, to be named when it is written again."""

    etag: str
    modified: datetime


@dataclass(frozen=True)
class BucketPath:
    """The name of an object, or of what lies below it, in the way of `pathlib.Path`.

    Its methods mean what they mean there.

    Raises, wherever it asks the store:
        BadInput: no such bucket, or not with these credentials.
        TryAgain: the store does not answer, or answers with errors.
    """

    bucket: str
    key: str = ""

    @classmethod
    def of(cls, url: str, setting: str) -> BucketPath:
        """Read an address such as s3://bucket/prefix.

        Raises:
            BadInput: it is none; the sentence names the setting that it comes from.
        """
        if not (match := URL.fullmatch(url)):
            raise BadInput(
                f"{setting}: {url!r} is no address of a bucket; allowed: s3://<bucket> or"
                f" s3://<bucket>/<prefix>, in letters, digits and _ . = -\n  way out: set {setting} to such"
                " an address, or to a folder of this machine"
            )
        return cls(match["bucket"], match["key"] or "")

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, below: str | PurePosixPath) -> BucketPath:
        parts = PurePosixPath(below)
        if parts.is_absolute() or ".." in parts.parts:
            raise ValueError(f"{below}: not below {self}")
        return BucketPath(
            self.bucket, str(PurePosixPath(self.key) / parts) if self.key else str(parts).removeprefix(".")
        )

    # --- names

    @property
    def name(self) -> str:
        """The last part of the name."""
        return PurePosixPath(self.key).name

    @property
    def stem(self) -> str:
        """The last part of the name, without its ending."""
        return PurePosixPath(self.key).stem

    @property
    def parent(self) -> BucketPath:
        """What it lies in."""
        return BucketPath(self.bucket, str(PurePosixPath(self.key).parent).removeprefix("."))

    def relative_to(self, other: BucketPath) -> PurePosixPath:
        """The way from another name to this one, which lies below it."""
        return PurePosixPath(f"/{self.key}").relative_to(f"/{other.key}")

    # --- reading

    def read_bytes(self) -> bytes:
        """The content; `FileNotFoundError` if there is none."""
        return self.read()[0]

    def read(self) -> tuple[bytes, Tag]:
        """The content, and which version of it."""
        with self._asking():
            found = s3.client().get_object(Bucket=self.bucket, Key=self.key)
            return found["Body"].read(), Tag(found["ETag"], found["LastModified"])

    def is_file(self) -> bool:
        """Whether there is such an object."""
        try:
            with self._asking():
                s3.client().head_object(Bucket=self.bucket, Key=self.key)
        except FileNotFoundError:
            return False
        return True

    def files(self) -> Iterator[tuple[BucketPath, datetime]]:
        """All objects below this name, in the order of their names, each with the moment it was written."""
        with self._asking():
            for page in (
                s3.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self._below)
            ):
                for found in page.get("Contents", ()):
                    yield BucketPath(self.bucket, found["Key"]), found["LastModified"]

    def glob(self, pattern: str) -> Iterator[BucketPath]:
        """The objects below whose names match, part by part."""
        depth = len(PurePosixPath(pattern).parts)
        for path, _ in self.files():
            way = path.relative_to(self)
            if len(way.parts) == depth and way.match(pattern):
                yield path

    def folders(self) -> Iterator[str]:
        """The names of what has objects below it."""
        with self._asking():
            pages = (
                s3.client()
                .get_paginator("list_objects_v2")
                .paginate(Bucket=self.bucket, Prefix=self._below, Delimiter="/")
            )
            for page in pages:
                yield from (PurePosixPath(found["Prefix"]).name for found in page.get("CommonPrefixes", ()))

    def download(self, path: Path) -> None:
        """Bring the content to a file of this machine."""
        with self._asking():
            s3.client().download_file(self.bucket, self.key, str(path))

    def open(self) -> io.BufferedReader:
        """Read here and there in it, without bringing all of it: a Parquet file's footer, say."""
        with self._asking():
            size = s3.client().head_object(Bucket=self.bucket, Key=self.key)["ContentLength"]
        return io.BufferedReader(_Ranges(self, size))

    def access_for_dvc(self) -> dict[str, str]:
        """Where the store is and who we are there, in DVC's words for a remote.

        What is not said, it finds as boto3 does.
        """
        return s3.Access.from_env().for_dvc

    # --- writing

    def write(self, content: bytes) -> None:
        """Put content in its place, whoever writes beside."""
        self._put(content)

    def create(self, content: bytes) -> None:
        """Write what must not be there yet, or raise `Overtaken`."""
        self._put(content, IfNoneMatch="*")

    def swap(self, content: bytes, tag: Tag | None) -> None:
        """Write what nobody must have written since it was read as `tag` (None: was not there), or raise
        `Overtaken`.
        """
        self._put(content, **({"IfMatch": tag.etag} if tag else {"IfNoneMatch": "*"}))

    def upload(self, path: Path) -> None:
        """Put a file's content in its place; in parts if it is large, which appear together."""
        with self._asking():
            s3.client().upload_file(str(path), self.bucket, self.key)

    def copy(self, source: BucketPath) -> None:
        """Let another object's content be here as well, without bringing it to this machine."""
        with self._asking():
            s3.client().copy({"Bucket": source.bucket, "Key": source.key}, self.bucket, self.key)

    def unlink(self) -> None:
        """Remove the object, if it is there."""
        with self._asking():
            s3.client().delete_object(Bucket=self.bucket, Key=self.key)

    def range(self, start: int, end: int) -> bytes:
        """Some bytes of the content; `end` is not among them."""
        with self._asking():
            return (
                s3.client()
                .get_object(Bucket=self.bucket, Key=self.key, Range=f"bytes={start}-{end - 1}")["Body"]
                .read()
            )

    @property
    def _below(self) -> str:
        return f"{self.key}/" if self.key else ""

    def _put(self, content: bytes, **condition: str) -> None:
        try:
            with self._asking():
                s3.client().put_object(Bucket=self.bucket, Key=self.key, Body=content, **condition)  # type: ignore[arg-type]
        except FileNotFoundError:  # an If-Match of what is gone
            raise Overtaken(s3.overtaken(str(self))) from None

    def _asking(self) -> AbstractContextManager[None]:
        return s3.asking(str(self), self.bucket)


class _Ranges(io.RawIOBase):
    """An object as a file that can be read from anywhere."""

    def __init__(self, path: BucketPath, size: int) -> None:
        self._path, self._size, self._at = path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        found = self._path.range(self._at, self._at + wanted)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def probe(place: BucketPath) -> None:
    """Find out whether the store can be written and read, and whether it refuses the second of two writers,
    as everything here relies on.

    Raises:
        BadInput: no such bucket, not with these credentials, or a store whose conditional writes are none.
        TryAgain: it does not answer.
    """
    from concurrent.futures import ThreadPoolExecutor

    at = place / f".probe-{uuid4().hex}"

    def wins(number: int) -> bool:
        try:
            at.create(str(number).encode())
        except Overtaken:
            return False
        return True

    try:
        with ThreadPoolExecutor(8) as writers:
            winners = [number for number, won in enumerate(writers.map(wins, range(8))) if won]
        content, tag = at.read()
        at.swap(b"swapped", tag)
        try:
            at.swap(b"swapped twice", tag)
            stale = True
        except Overtaken:
            stale = False
    finally:
        at.unlink()
    if len(winners) != 1 or content != str(winners[0]).encode() or stale:
        raise BadInput(
            f"SLUICE_DATA: {s3.address()} lets {len(winners)} of 8 writers make the same"
            f" object{' and overwrites what has changed' if stale else ''}: its conditional writes"
            " (If-None-Match, If-Match) are none, and two runs at once would lose each other's work\n  way"
            " out: use a store, or a later version of it, that has them: Amazon S3, MinIO, Ceph, Cloudflare"
            " R2 do"
        )


def claimed(place: BucketPath, seconds: float) -> bool:
    """Claim what one process alone may do.

    A claim that is older than `seconds` was left by one that was killed.
    """
    mine = uuid4().hex.encode()
    try:
        place.create(mine)
    except Overtaken:
        try:
            content, tag = place.read()
            if content == mine:  # written, and the answer lost
                return True
            if (datetime.now(UTC) - tag.modified).total_seconds() < seconds:
                return False
            place.swap(mine, tag)
        except (Overtaken, FileNotFoundError):
            return False
    return True
