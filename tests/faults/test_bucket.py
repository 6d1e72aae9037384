"""A night in a bucket, killed before one of its requests to the store, or while the store fails: run again,
it is the clean night's to the byte.
"""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pipelines.storage.backends import s3_client
from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.backends.s3 import S3
from tests.faults.conftest import CleanNight
from tests.faults.kills import MOST
from tests.helpers import child, s3
from tests.helpers.night import Night, assert_no_half

pytestmark = pytest.mark.slow

STEP = 1 if MOST else 16  # every so manieth request is one to be killed before
CHANGES = {
    "PutObject",
    "CopyObject",
    "DeleteObject",
    "DeleteObjects",
    "UploadPart",
    "CompleteMultipartUpload",
}


class Requests:
    """Counts what a process asks the store to change, and kills it right before the n-th time, if there is
    one.
    """

    def __init__(self, kill_at: int | None = None) -> None:
        self.kill_at = kill_at
        self.count = 0
        s3_client.client().meta.events.register_first("before-send.s3", self._seen)

    def _seen(self, event_name: str, **_: Any) -> None:
        if event_name.rpartition(".")[2] in CHANGES:
            self.count += 1
            if self.count == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def fresh(small: CleanNight, bucket: BucketPath) -> Night:
    """The night before it begins, in a bucket."""
    night = Night(replace(small.night.settings, data=bucket), small.night.row_group)
    restore(night, small.first)
    return night


def restore(night: Night, files: dict[str, bytes]) -> None:
    """Bring about what was there."""
    place = night.settings.data
    assert isinstance(place, BucketPath)
    for path, _ in list(S3(place).files()):
        S3(path).unlink()
    for name, content in files.items():
        S3(place / name).publish(content)


def found(night: Night) -> dict[str, bytes]:
    """Everything that a reader may find; see `Night.files`."""
    place = night.settings.data
    assert isinstance(place, BucketPath)
    return {
        name: content
        for name, content in s3.files(place).items()
        if not any(part[0] == "." for part in name.split("/"))
    }


def counted(night: Night, kill_at: int | None = None) -> int:
    """Go the night's way, and say how many changes it asked for."""
    requests = Requests(kill_at)
    night.way()
    return requests.count


def test_a_night_in_a_bucket_is_that_on_a_disk_to_the_byte(small: CleanNight, fresh: Night) -> None:
    child.run(fresh.way).value()
    assert found(fresh) == small.last


def test_killed_before_any_request_a_reader_finds_no_half_and_the_next_run_ends_it(
    small: CleanNight, fresh: Night
) -> None:
    changes = child.run(partial(counted, fresh)).value()
    assert changes > 40
    for kill_at in range(1, changes + 1, STEP):
        restore(fresh, small.first)
        assert child.run(partial(counted, fresh, kill_at)).signal == signal.SIGKILL
        assert_no_half(found(fresh), small.known())
        child.run(fresh.way).value()
        assert found(fresh) == small.last


def test_two_runs_at_once_in_a_bucket_end_as_one(small: CleanNight, fresh: Night) -> None:
    for run in [child.start(fresh.way), child.start(fresh.way)]:
        run.wait().value()
    assert found(fresh) == small.last
