"""Files on a disk: renamed into their place, with one writer at a time where they are read before."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar
from uuid import uuid4

from filelock import FileLock, Timeout

from pipelines.core.errors import BadInput, TryAgain
from pipelines.storage import disk
from pipelines.storage.backends.protocol import Backend, Place, Tag


@dataclass(frozen=True)
class Local:
    """See `Backend`."""

    path: Path
    connection: ClassVar[None] = None

    # --- reading

    def read(self) -> bytes:
        return self.path.read_bytes()

    def open(self) -> IO[bytes]:
        return self.path.open("rb")

    def is_file(self) -> bool:
        return self.path.is_file()

    def known_gone(self) -> bool:
        return not self.path.is_file()

    def verified(self, sha256: str) -> Path | None:
        return self.path if disk.sha256(self.path) == sha256 else None

    def glob(self, pattern: str) -> Iterator[Path]:
        return self.path.glob(pattern)

    def folders(self) -> list[str]:
        return (
            sorted(path.name for path in self.path.iterdir() if path.is_dir()) if self.path.is_dir() else []
        )

    # --- writing

    def publish(self, content: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        disk.publish(self.path, content)

    def create(self, content: bytes) -> None:
        self.publish(content)

    def rewrite(self, change: Callable[[bytes | None], bytes | None]) -> Tag | None:
        content = change(self.path.read_bytes() if self.path.is_file() else None)
        if content is not None:
            self.publish(content)
        return None

    def append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
                line = b"\n" + line  # behind half a line of a process that was killed
            file.write(line)  # one write a line

    @contextmanager
    def draft(self) -> Iterator[tuple[Path, IO[bytes]]]:
        with disk.draft(self.scratch()) as made:
            yield made

    def put(self, draft: Path) -> None:
        os.replace(draft, self.path)

    def link(self, source: Backend) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        disk.link(source.on_disk(), self.path)
        os.utime(self.path)  # see `disk.old`

    def unlink(self) -> None:
        self.path.unlink()

    def remove(self) -> None:
        # Renamed first, so that nobody finds half of it after a kill.
        bin_ = self.path.with_name(f".{self.path.name}-discarded")
        if bin_.exists():
            shutil.rmtree(bin_)
        if self.path.exists():
            shutil.rmtree(self.path.rename(bin_))

    # --- who may write

    @contextmanager
    def one_writer(self, patience: float, sentence: str) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path, timeout=patience, poll_interval=0.01):
                yield
        except Timeout as error:
            raise TryAgain(sentence) from error

    @contextmanager
    def alone(self, sentence: str) -> Iterator[None]:
        with self.one_writer(0, sentence):
            yield

    # --- a table's parts

    def rejuvenate(self, files: Collection[str]) -> None:
        for file in files:
            with suppress(FileNotFoundError):
                os.utime(self.path / file)

    def unread(self, replaced: Tag | None, before: Collection[str] | None) -> list[Place]:
        del replaced, before  # their age says it
        return [*disk.old(self.path.glob("part-*.parquet"))]

    # --- where it is

    def probe(self) -> None:
        try:
            Local(self.path / f".probe-{uuid4().hex}").publish(b"")
            for left in self.path.glob(".probe-*"):
                left.unlink(missing_ok=True)
        except OSError as error:
            raise BadInput(
                f"{self.path} cannot be written: {error.strerror}",
                where="SLUICE_DATA",
                fix="make it writable, or name another folder",
            ) from error

    def on_disk(self) -> Path:
        return self.path

    def scratch(self) -> Path:
        self.path.mkdir(parents=True, exist_ok=True)
        return self.path

    def folders_that_may_fill(self) -> tuple[Path, ...]:
        return (self.path, Path(tempfile.gettempdir()))

    def dvc_remote(self) -> None:
        return None
