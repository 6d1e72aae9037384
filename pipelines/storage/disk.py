"""Files that appear whole or not at all, whatever stops their writer: a kill, a full disk, another writer."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from pipelines.core.errors import BadInput, SluiceError, TryAgain

DRAFT = ".draft-"
DAY = 86_400  # seconds: nobody writes one file, or reads one table, for that long
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ELOOP,
    errno.ENAMETOOLONG,
)
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def draft(folder: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A file nobody reads yet, gone again unless it has been renamed."""
    for left in old(folder.glob(f"{DRAFT}*")):  # of writers that were killed
        left.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=DRAFT, dir=folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as sink:
            yield path, sink
    finally:
        path.unlink(missing_ok=True)


def finish(sink: IO[bytes]) -> None:
    """Bring all of a draft to the disk, before its name says that it is there."""
    sink.flush()
    os.fsync(sink.fileno())


def publish(path: Path, content: bytes) -> None:
    """Write a file whole, or not at all, into a folder that exists."""
    with draft(path.parent) as (aside, sink):
        sink.write(content)
        finish(sink)
        os.replace(aside, path)


def link(source: Path, path: Path) -> None:
    """Let a file appear under another name as well: linked, or copied where the file system has no links."""
    aside = path.with_name(f"{DRAFT}{uuid4().hex}")
    try:
        os.link(source, aside)
        os.replace(aside, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _copy(source, path)
    finally:
        aside.unlink(missing_ok=True)  # renaming one link of a file over another does nothing


def _copy(source: Path, path: Path) -> None:
    with draft(path.parent) as (aside, sink), source.open("rb") as content:
        shutil.copyfileobj(content, sink)
        finish(sink)
        os.replace(aside, path)


def old(paths: Iterable[Path]) -> list[Path]:
    """Those that nobody has touched for a day: someone may be writing, or reading, the others."""
    found = []
    for path in paths:
        with suppress(FileNotFoundError):  # someone else has removed or renamed it
            if time.time() - path.stat().st_mtime > DAY:
                found.append(path)
    return found


def sha256(path: Path) -> str:
    """The checksum of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def retrying_when_full(what: str, *folders: Path) -> Iterator[None]:
    """Say where the disk is full, if it is, and let the task be tried again.

    And which file or folder cannot be used, and why.

    Raises:
        BadInput: a folder is read-only, a file stands in a folder's place, or the like: trying again does not
            mend it.
        TryAgain: a file could not be written, or DuckDB could not spill, for want of room in one of the
            folders.
    """
    try:
        yield
    except SluiceError:
        raise
    except (
        Exception
    ) as error:  # DuckDB's errors, and those that come through pyarrow, carry no number: only the text
        if refused := _refused_file(error):
            raise BadInput(
                refused,
                where=what,
                fix=(
                    "let this user read and write there (a folder where a folder is to be, not mounted"
                    " read-only), and run it again"
                ),
            ) from error
        if not _is_full(error):
            raise
        free = "; ".join(f"{_free(folder):,} bytes in {folder}" for folder in folders)
        raise TryAgain(
            f"no room on the disk to write it: {str(error).splitlines()[0]}",
            where=what,
            details=[f"free: {free}"],
            fix=(
                "make room there, or raise the quota or the limit on a file's size, and run the step again;"
                " nothing was published"
            ),
        ) from error


def _free(folder: Path) -> int:
    there = next(path for path in (folder, *folder.parents) if path.is_dir())  # it may not have been made yet
    return shutil.disk_usage(there).free


def _refused_file(error: Exception) -> str | None:
    """Which file an error is about, if it is one that stays until somebody mends it."""
    if isinstance(error, OSError) and error.errno is not None:
        named = error.filename2 or error.filename
        return (
            f"{os.fsdecode(named)}: {error.strerror}"
            if error.errno in REFUSED and named is not None
            else None
        )
    said = str(error).splitlines()[:1]
    return (
        said[0]
        if said
        and any(os.strerror(number) in said[0] for number in (errno.EROFS, errno.EACCES, errno.ENOTDIR))
        else None
    )


def _is_full(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return any(os.strerror(number) in str(error) for number in FULL) or "max_temp_directory_size" in str(
        error
    )
