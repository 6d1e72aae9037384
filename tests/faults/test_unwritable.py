"""A folder that cannot be written, and a file in the place of one: a sentence that names it, from every task,
and nothing is published.
"""

from __future__ import annotations

import errno
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipelines.core.errors import GateClosed, SluiceError
from tests.faults.conftest import CleanNight
from tests.helpers import child, tiny
from tests.helpers.night import CHANGES, NIGHT, WRITES, Night


def read_only(folder: Path, number: int) -> None:
    """Let the system refuse every change below a folder, as a mount that is read-only, or another user's:
    root is refused nothing else.
    """

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES
        if (writes or event in CHANGES) and str(arguments[0]).startswith(str(folder)):
            raise OSError(number, os.strerror(number), str(arguments[0]))

    sys.addaudithook(refuse)


def sentence(error: Exception | None, task: object) -> str:
    assert isinstance(error, SluiceError), f"{task}: {error!r}"
    assert len(str(error).splitlines()) <= 10
    return str(error)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_data_root_that_is_read_only(small: CleanNight, tmp_path: Path, number: int) -> None:
    night = small.night.at(tmp_path / "data")
    for done in small.done:
        night.restore(done.before)

        def refused(done: Any = done) -> None:
            read_only(night.settings.disk, number)
            night.take(done.task)

        told = sentence(child.run(refused).error, done.task)
        assert str(night.settings.disk) in told
        assert os.strerror(number) in told
        assert "way out: " in told
        assert night.files() == done.before


@pytest.mark.parametrize("at", ["{use_case}", "{use_case}/scoring", "{use_case}/scoring/{day}"])
def test_a_file_in_the_place_of_a_folder(small: CleanNight, tmp_path: Path, at: str) -> None:
    night: Night = small.night.at(tmp_path / "data")
    night.settings.disk.mkdir()
    path = night.settings.disk / at.format(use_case=tiny.NAME, day=NIGHT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    for done in small.done:
        told = sentence(child.run(partial(night.take, done.task)).error, done.task)
        assert str(path) in told or isinstance(child.run(partial(night.take, done.task)).error, GateClosed)
        assert path.is_file()
