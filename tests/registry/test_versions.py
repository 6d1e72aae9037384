"""Versions of training data are read from what `snapshot` has written down, in their order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipelines.core.errors import SluiceError
from pipelines.registry import versions
from pipelines.registry.versions import Snapshot
from pipelines.storage.settings import Settings
from tests.helpers import tiny

JANUARY = Snapshot(
    "aa.dir", 1_000, 2, "tiny/training/2026-01-31/features", date(2026, 1, 31), {"clean": "bb.dir"}
)


def keep(settings: Settings, *found: Snapshot) -> None:
    """Each a version of its partition, and the last of them its current one."""
    for version in found:
        folder = Path(str(settings.data)) / tiny.NAME / "training" / version.partition.isoformat()
        (folder / "versions").mkdir(parents=True, exist_ok=True)
        for path in (folder / "versions" / f"{version.md5}.json", folder / versions.FILE):
            path.write_bytes(version.as_json())


def test_what_is_kept_comes_back() -> None:
    assert Snapshot.from_json(JANUARY.as_json()) == JANUARY
    assert str(JANUARY) == "2026-01-31  aa.dir         1,000 bytes"


def test_partitions_come_in_order_and_of_each_the_current_version_last(settings: Settings) -> None:
    february = replace(JANUARY, partition=date(2026, 2, 28), md5="00.dir")
    current = replace(JANUARY, md5="0f.dir")
    keep(settings, february, JANUARY, current)
    assert versions.every(settings, tiny.NAME) == [JANUARY, current, february]
    assert versions.every(settings, "other") == []


def test_a_damaged_file_is_told_by_its_place(settings: Settings) -> None:
    keep(settings, JANUARY)
    (path,) = Path(str(settings.data)).rglob("aa.dir.json")
    path.write_bytes(b'{"md5": 1}')
    with pytest.raises(SluiceError, match=r"aa\.dir\.json"):
        versions.every(settings, tiny.NAME)
