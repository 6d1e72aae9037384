"""What can be done at a place, whatever kind of storage it is in. Who keeps this protocol can hold tables.

The kinds differ in how they keep writers apart. On a disk one writer holds a lock while others wait; it is
gone with a process that is killed. In a bucket nobody waits: whoever has read what somebody else has
overwritten since is refused, and does its change again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol, TypeAlias

from pipelines.core.errors import TryAgain
from pipelines.storage.backends.bucket_path import BucketPath

Place: TypeAlias = "Path | BucketPath"  # a name; what is done there is the `Backend`'s


class Overtaken(TryAgain):
    """Somebody else has written meanwhile; nothing was written here."""


@dataclass(frozen=True)
class Tag:
    """Which version of an object was read, to be named when it is written again."""

    etag: str
    modified: datetime


class Backend(Protocol):
    """A file or folder at a place, which need not be there yet.

    Whatever writes a file lets it appear whole, or not at all, and makes the folders that it lies in.

    Raises, of a bucket, wherever it is asked:
        BadInput: no such bucket, or not with these credentials.
        TryAgain: the store does not answer, or answers with errors.
    """

    @property
    def connection(self) -> str | None:
        """The variable of the environment that may say who we are there; None where nobody asks."""

    # --- reading

    def read(self) -> bytes:
        """The content; `FileNotFoundError` if there is none."""

    def open(self) -> IO[bytes]:
        """Read here and there in it, without bringing all of it: a Parquet file's footer, say."""

    def is_file(self) -> bool:
        """Whether there is such a file."""

    def known_gone(self) -> bool:
        """Whether it is known to be gone, without a request: nothing is of a bucket."""

    def verified(self, sha256: str) -> Path | None:
        """A file of this machine with the content that has this checksum; None if it is another one.

        What comes from a bucket is kept until the process ends: a task that reads a part twice brings it
        once.

        Raises:
            FileNotFoundError: there is none.
        """

    def glob(self, pattern: str) -> Iterator[Place]:
        """The files below whose names match, part by part."""

    def folders(self) -> list[str]:
        """The names of the folders in it, sorted."""

    # --- writing

    def publish(self, content: bytes) -> None:
        """Write the file, whoever writes beside: the last one's stays."""

    def create(self, content: bytes) -> None:
        """Write a file that is not there yet. On a disk only as its `one_writer`.

        Raises:
            Overtaken: somebody else has made it, in a bucket.
        """

    def rewrite(self, change: Callable[[bytes | None], bytes | None]) -> Tag | None:
        """Put what `change` makes of the content (None: there is no file) in its place, unless it makes
        nothing of it (None).

        In a bucket it is done again if somebody else has written meanwhile. On a disk, only as its
        `one_writer`.

        Returns:
            What was replaced, in a bucket.

        Raises:
            Overtaken: others have written again and again.
        """

    def append(self, line: bytes) -> None:
        """Write a line behind those that are there; lines of tasks side by side do not mix."""

    def draft(self) -> AbstractContextManager[tuple[Path, IO[bytes]]]:
        """A file of this machine that nobody reads yet, on its way into this folder."""

    def put(self, draft: Path) -> None:
        """Let a draft appear here."""

    def link(self, source: Backend) -> None:
        """Let a file of the same storage, or of this machine, appear here as well, as young as if it had been
        written here.
        """

    def unlink(self) -> None:
        """Remove the file, which is there."""

    def remove(self) -> None:
        """Remove the folder with all that is in it, if it is there, and never so that half of a table looks
        whole.
        """

    # --- who may write

    def one_writer(self, patience: float, sentence: str) -> AbstractContextManager[None]:
        """Let nobody else in who names this same file, on a disk.

        A bucket lets everyone in, and refuses the second of those who `create` or `rewrite` the same file.

        Raises:
            TryAgain: with the sentence, if somebody else has been in for `patience` seconds.
        """

    def alone(self, sentence: str) -> AbstractContextManager[None]:
        """Do what only one process at a time may do, on a disk and in a bucket; who comes second does not
        wait.

        Raises:
            TryAgain: with the sentence, if somebody else is in.
        """

    # --- a table's parts

    def rejuvenate(self, files: Collection[str]) -> None:
        """Let who has read what names these files of the folder have a day from now to read them."""

    def unread(self, replaced: Tag | None, before: Collection[str] | None) -> list[Place]:
        """The parts in this folder that nobody reads any more, if none of the present ones is among them.

        Args:
            replaced: What the last `rewrite` of what names the parts has replaced.
            before: The parts that this named; None if nobody knows.
        """

    # --- where it is

    def probe(self) -> None:
        """Find out whether tables can be kept here, before a night finds out.

        Raises:
            BadInput: they cannot, and the sentence names the setting.
        """

    def on_disk(self) -> Path:
        """The place itself, for what can only be done on a disk.

        Raises:
            BadInput: it is a bucket.
        """

    def scratch(self) -> Path:
        """Where drafts are made: beside it on a disk, in the process's own folder for a bucket."""

    def folders_that_may_fill(self) -> tuple[Path, ...]:
        """The folders of this machine that may be full when something is written here."""

    def dvc_remote(self) -> Mapping[str, str] | None:
        """What DVC has to know of a remote here, in its own words; None of a disk, where the data root is its
        repository.
        """
