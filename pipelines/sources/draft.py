"""A delivered file as DuckDB reads it: unpacked, decoded and proven, in a file of this process's own."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterable
from glob import escape
from pathlib import Path

from pipelines.storage import disk, spill


class Draft:
    """A file that goes when nobody holds the draft any longer.

    That of a killed process is swept with its folder.
    """

    def __init__(self, suffix: str) -> None:
        handle, name = tempfile.mkstemp(suffix, "delivered-", spill.folder())
        os.close(handle)
        self.path = Path(name)
        weakref.finalize(self, _remove, self.path, os.getpid()).atexit = False  # the folder goes then


def of(path: Path, blocks: Iterable[bytes], suffix: str) -> Draft:
    """Write a delivered file's content, block by block.

    Raises:
        TryAgain: there is no room for it.
    """
    draft = Draft(suffix)
    with (
        disk.retrying_when_full(f"{path.name}: its content, unpacked", draft.path.parent),
        draft.path.open("wb") as sink,
    ):
        for block in blocks:
            sink.write(block)
    return draft


def one_file(path: Path) -> str:
    """A path for DuckDB's readers: to them `d[1].csv` is a pattern, of which d1.csv is one."""
    return escape(str(path))


def _remove(path: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked process holds a copy of what its parent still reads
        path.unlink(missing_ok=True)
