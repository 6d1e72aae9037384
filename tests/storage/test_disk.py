"""A file appears whole or not at all, and a full disk is a sentence."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.core.errors import TryAgain
from pipelines.run.run import Run
from pipelines.storage import disk, spill
from pipelines.storage.store import Store
from tests.helpers import child

OLD = time.time() - disk.DAY - 60


@pytest.fixture
def store(open_run: Callable[..., Run]) -> Store:
    return open_run("scoring", date(2026, 2, 1)).store


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_link_takes_no_room_and_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"new")
    (tmp_path / "b").write_bytes(b"old")
    for _ in range(2):
        disk.link(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "b").samefile(tmp_path / "a")
    assert files(tmp_path) == ["a", "b"]


def test_where_there_are_no_links_a_file_is_copied(tmp_path: Path) -> None:
    other = Path("/dev/shm")  # noqa: S108  (another file system on every Linux)
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has one file system only")
    (tmp_path / "a").write_bytes(b"new")
    path = other / f"sluice-test-{os.getpid()}"
    try:
        disk.link(tmp_path / "a", path)
        assert path.read_bytes() == b"new"
    finally:
        path.unlink()


def test_drafts_of_killed_writers_go_after_a_day_and_not_before(tmp_path: Path) -> None:
    for name in (".draft-old", ".draft-young", "part-old"):
        (tmp_path / name).touch()
    for name in (".draft-old", "part-old"):
        os.utime(tmp_path / name, (OLD, OLD))
    disk.publish(tmp_path / "file", b"content")
    assert files(tmp_path) == [".draft-young", "file", "part-old"]


# --- a full disk

ROWS = pa.table({"n": range(100_000)})


def random_rows(store: Store, rows: int = 1_000_000) -> pa.RecordBatchReader:
    return store.connection.sql(f"SELECT hash(range) AS n FROM range({rows})").to_arrow_reader(1000)


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.write("raw", ROWS),
        lambda store: store.write("raw", random_rows(store)),
        lambda store: store.write(
            "raw", store.connection.sql("SELECT hash(range) AS n FROM range(1_000_000)")
        ),
        lambda store: store.write_file("models/linear.onnx", bytes(200_000)),
        lambda store: store.write_file("reports/gate.html", bytes(200_000)),
    ],
)
def test_a_full_disk_is_a_sentence_and_nothing_is_published(
    store: Store, write: Callable[[Store], object]
) -> None:
    def full() -> None:
        child.limit_file_size(100_000)
        write(store)

    error = child.run(full).error
    assert isinstance(error, TryAgain)
    assert "tiny scoring 2026-02-01: " in str(error)
    assert f"bytes in {store.root}" in str(error)
    assert "nothing was published" in str(error)
    assert files(store.disk) == []


def test_the_old_table_stays_and_the_new_one_is_the_same_bytes_when_there_is_room_again(store: Store) -> None:
    old = store.write("raw", ROWS.slice(0, 10))

    def full() -> None:
        child.limit_file_size(100_000)
        store.write("raw", ROWS)

    assert isinstance(child.run(full).error, TryAgain)
    assert store.revisions("raw") == [old]
    assert store.write("raw", ROWS) == store.beside("clean_run").write("raw", ROWS)


def test_no_room_for_what_duckdb_spills_is_a_sentence_that_names_the_place(store: Store) -> None:
    store = replace(store, memory=spill.BESIDES + spill.LEAST)

    def full() -> None:
        rows = store.connection.sql(
            "SELECT hash(range) AS h, repeat('x', 40) || range AS s FROM range(3_000_000) ORDER BY h"
        )
        child.limit_file_size(1_000_000)
        store.write("raw", rows)

    error = child.run(full).error
    assert isinstance(error, TryAgain)
    assert "raw: no room on the disk" in str(error)
    assert f"{tempfile.gettempdir()}/{spill.PREFIX}" in str(error)
    assert files(store.disk) == []


def test_no_room_for_what_a_step_asks_of_duckdb_itself_is_the_same_sentence(store: Store) -> None:
    store = replace(store, memory=spill.BESIDES + spill.LEAST)

    def full() -> None:
        rows = store.connection.sql(
            "SELECT hash(range) AS h, repeat('x', 40) || range AS s FROM range(3_000_000) ORDER BY h"
        )
        child.limit_file_size(1_000_000)
        with store.retrying_when_full("cleanse"):
            rows.fetchall()

    error = child.run(full).error
    assert isinstance(error, TryAgain)
    assert "cleanse: no room on the disk" in str(error)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB, where this machine lets us mount one."""
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", place], check=False, capture_output=True
    ).returncode:
        pytest.skip("mounting needs rights that this process does not have")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_is_really_full_is_the_same_sentence(store: Store, small_disk: Path) -> None:
    small = Store(small_disk, store.use_case, store.kind, store.partition, store.version)
    with pytest.raises(
        TryAgain,
        match=r"raw: no room on the disk to write it: .*No space left on device\n  - free: [\d,]+ bytes in ",
    ):
        small.write("raw", random_rows(store))
    assert files(small.disk) == []
    assert small.write("raw", ROWS.slice(0, 10)).rows == 10


def test_other_failures_keep_their_own_words(store: Store) -> None:
    with pytest.raises(PermissionError), store.retrying_when_full("raw"):
        raise PermissionError(13, "Permission denied")
