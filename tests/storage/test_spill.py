"""DuckDB has its share of a task's memory, and what it spilt is gone when its process is, however that
ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.storage import spill
from pipelines.storage.settings import ROOT
from tests.helpers import child


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spill._folder.cache_clear()
    yield tmp_path
    spill._folder.cache_clear()  # lest later tests spill to a folder that is gone


def spill_something() -> pa.RecordBatchReader:
    """Sort more than DuckDB's memory holds: it is on the disk for as long as rows are still to come."""
    connection = spill.connect(spill.BESIDES + spill.LEAST)
    rows = connection.sql(
        "SELECT hash(range) AS h, range::VARCHAR || repeat('x', 40) AS s FROM range(3_000_000) ORDER BY h"
    ).to_arrow_reader()
    assert any(spill.folder().iterdir())
    return rows


@pytest.mark.parametrize(("memory", "limit"), [(2_000_000_000, 950_000_000), (500_000_000, 125_000_000)])
def test_duckdb_gets_what_python_leaves(memory: int, limit: int) -> None:
    ((text,),) = spill.connect(memory).execute("SELECT current_setting('memory_limit')").fetchall()
    number, unit = text.split()
    assert float(number) * {"MiB": 2**20, "GiB": 2**30}[unit] == pytest.approx(limit, rel=0.1)


def test_every_connection_reckons_in_utc() -> None:
    connection = spill.connect(2_000_000_000)
    for each in (connection, spill.cursor(connection)):
        assert each.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_the_folder_is_readable_by_its_owner_alone_and_each_process_has_its_own() -> None:
    mine = spill.folder()
    assert mine.stat().st_mode & 0o777 == 0o700
    theirs = child.run(spill.folder).value()
    assert theirs != mine
    assert mine.is_dir()


def test_a_process_that_ends_takes_its_folder_along(temporary: Path) -> None:
    code = "from tests.storage import test_spill; _rows = test_spill.spill_something()"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        check=True,
        capture_output=True,
    )
    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_has_spilt_is_removed_by_the_next_one(temporary: Path) -> None:
    def killed() -> None:
        _rows = spill_something()
        os.kill(os.getpid(), 9)

    assert child.run(killed).signal == 9
    (left,) = temporary.iterdir()
    assert any(left.iterdir())
    assert [spill.folder()] == list(temporary.iterdir())


def test_the_folders_of_living_processes_and_of_other_hosts_stay(temporary: Path) -> None:
    other_host = temporary / f"{spill.PREFIX}-elsewhere-4000000-abc"
    alive = temporary / f"{spill._of_this_host()}{os.getppid()}-abc"
    for path in (other_host, alive):
        path.mkdir()
    assert {spill.folder(), other_host, alive} == set(temporary.iterdir())


@pytest.mark.parametrize("n", [0, 10, 11, 50])
def test_rows_are_kept_in_their_order_and_more_than_a_few_on_the_disk(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill, "FEW", 10)
    given = pa.table({"x": pa.array(range(n, 0, -1), pa.int64()), "s": pa.array(["é"] * n, pa.string())})
    streamed = pa.RecordBatchReader.from_batches(given.schema, given.to_batches(max_chunksize=3))
    connection = spill.connect(spill.BESIDES + spill.LEAST)
    kept = spill.keep(connection, streamed)
    assert kept.to_arrow_table() == given
    assert kept.to_arrow_table() == given  # a second look
    assert len(list(spill.folder().glob("*.parquet"))) == (n > 10)


def test_what_is_kept_twice_does_not_get_in_its_own_way() -> None:
    connection = spill.connect(spill.BESIDES + spill.LEAST)
    first, second = (spill.keep(connection, pa.table({"x": [n]}).to_reader()) for n in (1, 2))
    assert (first.fetchall(), second.fetchall()) == ([(1,)], [(2,)])
