"""Files in an object store that speaks S3: each appears whole or not at all, and the second of two writers is
told so.

An object store has neither links nor renames nor locks. It has writes that take effect at once, and
conditional writes (`If-None-Match`, `If-Match`): what is read, changed and written again is written only if
nobody else has written meanwhile.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, ClassVar
from uuid import uuid4

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from pipelines.core.errors import BadInput, TryAgain
from pipelines.storage import disk, spill
from pipelines.storage.backends import s3_client
from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.backends.protocol import Backend, Overtaken, Place, Tag

PATIENCE = 60  # seconds to do a change again that others have overtaken, each of which takes milliseconds
CLAIM = 3600  # seconds: nobody who alone may do something in a bucket does it for that long


@dataclass(frozen=True)
class S3:
    """See `Backend`; and what only an object store can do."""

    path: BucketPath
    connection: ClassVar[str] = s3_client.CONNECTION

    # --- reading

    def read(self) -> bytes:
        return self.tagged()[0]

    def tagged(self) -> tuple[bytes, Tag]:
        """The content, and which version of it."""
        with self._asking():
            found = s3_client.client().get_object(**self._named)
            return found["Body"].read(), Tag(found["ETag"], found["LastModified"])

    def open(self) -> IO[bytes]:
        with self._asking():
            size = s3_client.client().head_object(**self._named)["ContentLength"]
        return io.BufferedReader(_Ranges(self, size))

    def range(self, start: int, end: int) -> bytes:
        """Some bytes of the content; `end` is not among them."""
        with self._asking():
            found = s3_client.client().get_object(**self._named, Range=f"bytes={start}-{end - 1}")
            return found["Body"].read()

    def is_file(self) -> bool:
        try:
            with self._asking():
                s3_client.client().head_object(**self._named)
        except FileNotFoundError:
            return False
        return True

    def known_gone(self) -> bool:
        return False

    def verified(self, sha256: str) -> Path | None:
        kept = spill.folder() / sha256
        if not kept.is_file():
            coming = kept.with_name(f"{sha256}-{uuid4().hex}")
            try:
                self.download(coming)
                if disk.sha256(coming) != sha256:
                    return None
                os.replace(coming, kept)
            finally:
                coming.unlink(missing_ok=True)
        return kept

    def download(self, path: Path) -> None:
        """Bring the content to a file of this machine."""
        with self._asking():
            s3_client.client().download_file(self.path.bucket, self.path.key, str(path))

    def files(self) -> Iterator[tuple[BucketPath, datetime]]:
        """All objects below this name, in the order of their names, each with the moment it was written."""
        for page in self._pages():
            for found in page.get("Contents", ()):
                yield BucketPath(self.path.bucket, found["Key"]), found["LastModified"]

    def glob(self, pattern: str) -> Iterator[BucketPath]:
        depth = len(PurePosixPath(pattern).parts)
        for path, _ in self.files():
            way = path.relative_to(self.path)
            if len(way.parts) == depth and way.match(pattern):
                yield path

    def folders(self) -> list[str]:
        found = (prefix for page in self._pages(Delimiter="/") for prefix in page.get("CommonPrefixes", ()))
        return sorted(PurePosixPath(prefix["Prefix"]).name for prefix in found)

    # --- writing

    def publish(self, content: bytes) -> None:
        self._put(content)

    def create(self, content: bytes) -> None:
        self._put(content, IfNoneMatch="*")

    def swap(self, content: bytes, tag: Tag | None) -> None:
        """Write what nobody must have written since it was read as `tag` (None: was not there), or raise
        `Overtaken`.
        """
        self._put(content, **({"IfMatch": tag.etag} if tag else {"IfNoneMatch": "*"}))

    def rewrite(self, change: Callable[[bytes | None], bytes | None]) -> Tag | None:
        again = Retrying(
            retry=retry_if_exception_type(Overtaken),
            stop=stop_after_delay(PATIENCE),
            wait=wait_random(0, 0.5),
            reraise=True,
        )
        return again(self._rewrite, change)

    def append(self, line: bytes) -> None:
        # It may be there already: written, and the answer lost.
        self.rewrite(
            lambda before: (
                None if line in (before or b"").splitlines(keepends=True) else (before or b"") + line
            )
        )

    @contextmanager
    def draft(self) -> Iterator[tuple[Path, IO[bytes]]]:
        with disk.draft(spill.folder()) as made:
            yield made

    def put(self, draft: Path) -> None:
        with self._asking():  # in parts if it is large, which appear together
            s3_client.client().upload_file(str(draft), self.path.bucket, self.path.key)

    def link(self, source: Backend) -> None:
        if isinstance(source, S3):  # its bytes do not pass through this machine
            with self._asking():
                s3_client.client().copy(source._named, self.path.bucket, self.path.key)
        else:
            self.put(source.on_disk())

    def unlink(self) -> None:
        with self._asking():
            s3_client.client().delete_object(**self._named)

    def remove(self) -> None:
        # Parts last: what names them is gone by then.
        for path, _ in sorted(self.files(), key=lambda found: found[0].name.startswith("part-")):
            S3(path).unlink()

    # --- who may write

    @contextmanager
    def one_writer(self, patience: float, sentence: str) -> Iterator[None]:  # noqa: ARG002 (nobody waits)
        yield

    @contextmanager
    def alone(self, sentence: str) -> Iterator[None]:
        if not self._claimed():
            raise TryAgain(
                sentence,
                details=[
                    f"it has claimed {self.path}; a claim whose process was killed lapses within"
                    f" {CLAIM // 60} minutes"
                ],
            )
        try:
            yield
        finally:
            self.unlink()

    # --- a table's parts

    def rejuvenate(self, files: Collection[str]) -> None:
        """Nothing, since an object's age cannot be set: see `unread`."""

    def unread(self, replaced: Tag | None, before: Collection[str] | None) -> list[Place]:
        # Who reads what the manifest before did not name has read one that was replaced when that was
        # written; so nothing is removed unless that is a day ago, nor what it names itself.
        if replaced is None or before is None or _age(replaced.modified) < disk.DAY:
            return []
        return [
            path
            for path, written in self.files()
            if path.name.startswith("part-") and path.name not in before and _age(written) > disk.DAY
        ]

    # --- where it is

    def probe(self) -> None:
        """Find out, too, whether the store refuses the second of two writers, as all else relies on."""
        at = S3(self.path / f".probe-{uuid4().hex}")
        try:
            with ThreadPoolExecutor(8) as writers:
                won = writers.map(lambda number: _wins(at.create, str(number).encode()), range(8))
                winners = [number for number, first in enumerate(won) if first]
            content, tag = at.tagged()
            at.swap(b"swapped", tag)
            stale = _wins(at.swap, b"swapped twice", tag)
        finally:
            at.unlink()
        if len(winners) != 1 or content != str(winners[0]).encode() or stale:
            raise BadInput(
                f"{s3_client.address()} lets {len(winners)} of 8 writers make the same"
                f" object{' and overwrites what has changed' if stale else ''}: its conditional writes"
                " (If-None-Match, If-Match) are none, and two runs at once would lose each other's work",
                where="SLUICE_DATA",
                fix=(
                    "use a store, or a later version of it, that has them: Amazon S3, MinIO, Ceph,"
                    " Cloudflare R2 do"
                ),
            )

    def on_disk(self) -> Path:
        raise BadInput(
            f"{self.path} is no folder of this machine, and this needs one",
            fix="set SLUICE_DATA to a folder for it",
        )

    def scratch(self) -> Path:
        return spill.folder()

    def folders_that_may_fill(self) -> tuple[Path, ...]:
        return (Path(tempfile.gettempdir()),)

    def dvc_remote(self) -> Mapping[str, str]:
        return {"url": str(self.path), **s3_client.Access.from_env().for_dvc}

    # --- inside

    @property
    def _named(self) -> Any:
        return {"Bucket": self.path.bucket, "Key": self.path.key}

    def _asking(self) -> AbstractContextManager[None]:
        return s3_client.asking(str(self.path), self.path.bucket)

    def _pages(self, **how: str) -> Iterator[Any]:
        below = f"{self.path.key}/" if self.path.key else ""
        with self._asking():
            pages: Any = s3_client.client().get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self.path.bucket, Prefix=below, **how)

    def _put(self, content: bytes, **condition: Any) -> None:
        try:
            with self._asking():
                s3_client.client().put_object(**self._named, **condition, Body=content)
        except FileNotFoundError:  # an If-Match of what is gone
            raise s3_client.overtaken(str(self.path)) from None

    def _rewrite(self, change: Callable[[bytes | None], bytes | None]) -> Tag | None:
        found: bytes | None
        try:
            found, tag = self.tagged()
        except FileNotFoundError:
            found, tag = None, None
        content = change(found)
        if content is not None:
            self.swap(content, tag)
        return tag

    def _claimed(self) -> bool:
        """Claim what one process alone may do.

        A claim that is older than an hour was left by one that was killed.
        """
        mine = uuid4().hex.encode()
        try:
            self.create(mine)
        except Overtaken:
            try:
                content, tag = self.tagged()
                if content == mine:  # written, and the answer lost
                    return True
                if _age(tag.modified) < CLAIM:
                    return False
                self.swap(mine, tag)
            except (Overtaken, FileNotFoundError):
                return False
        return True


class _Ranges(io.RawIOBase):
    """An object as a file that can be read from anywhere."""

    def __init__(self, of: S3, size: int) -> None:
        self._of, self._size, self._at = of, size, 0

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
        found = self._of.range(self._at, self._at + wanted)
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def _age(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()


def _wins(write: Callable[..., None], *content: Any) -> bool:
    try:
        write(*content)
    except Overtaken:
        return False
    return True
