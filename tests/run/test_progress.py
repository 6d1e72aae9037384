"""A long step tells how far it is while it runs: in rows where it writes, in shares of a statement before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from pipelines.run import progress
from pipelines.run.run import Run
from pipelines.storage.store import Store
from tests.helpers.waiting import PATIENCE

NIGHT = date(2026, 2, 1)


@pytest.mark.parametrize(
    ("done", "expected", "seconds", "told"),
    [
        (400_000, 1_000_000, 2.0, "400,000 of 1,000,000 rows, 200,000 rows/s, about 3 s left"),
        (50_000, 10_000_000, 10.0, "50,000 of 10,000,000 rows, 5,000 rows/s, about 33 min left"),
        (1_000, 100_000_000, 10.0, "1,000 of 100,000,000 rows, 100 rows/s, about 277.8 h left"),
        (5_000, None, 10.0, "5,000 rows, 500 rows/s"),
        (0, 1_000, 10.0, "0 of 1,000 rows, 0 rows/s"),
    ],
)
def test_rows_are_told_with_their_rate_and_the_time_left(
    done: int, expected: int | None, seconds: float, told: str
) -> None:
    assert progress.rows(done, expected, seconds) == told


def test_fits_are_told_as_rows_are() -> None:
    assert progress.rows(30, 120, 60.0, "fits") == "30 of 120 fits, 0.5 fits/s, about 3 min left"


def test_a_statement_is_told_by_its_share_from_when_it_began() -> None:
    statement = progress.Statement(now=0)
    assert statement.at(None, now=10) is None
    assert statement.at(0.25, now=20) == "this statement is 25% done, about 30 s left"
    assert statement.at(0.5, now=30) == "this statement is 50% done, about 20 s left"
    assert statement.at(0.1, now=40) == "this statement is 10% done"  # the next one
    assert statement.at(0.2, now=50) == "this statement is 20% done, about 40 s left"


def test_a_step_that_writes_tells_its_rows_while_it_writes(
    open_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.01)
    heard, lines = threading.Event(), list[str]()

    def hear(line: str) -> None:
        lines.append(line)
        heard.set()

    run = replace(open_run("scoring", NIGHT), progress=hear)
    run.store.write("clean", pa.table({"id": ["a", "b", "c"]}))

    def slowly() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"id": ["a"]})
        assert heard.wait(PATIENCE)  # a step as long as it takes until it is told of
        yield pa.record_batch({"id": ["b", "c"]})

    with (
        caplog.at_level("INFO"),
        progress.reporting(run, "features"),
        run.store.together() as store,
    ):  # also of a store that it has made
        store.write("features", pa.RecordBatchReader.from_batches(pa.schema({"id": pa.string()}), slowly()))
    assert lines[0].startswith("features: ")
    assert " of 3 rows, " in lines[0]
    assert f"features: {lines[0]}" in caplog.messages
    told = len(lines)
    assert not any("progress of" in thread.name for thread in threading.enumerate())
    assert len(lines) == told


@pytest.mark.parametrize(
    "connected", [lambda store: store.connection, lambda store: store.cursor()], ids=["a step's", "a gate's"]
)
def test_a_statement_of_duckdb_is_told_while_it_runs(
    open_run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    connected: Callable[[Store], duckdb.DuckDBPyConnection],
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.01)
    lines: list[str] = []
    run = replace(open_run("scoring", NIGHT), progress=lines.append)
    connection = connected(run.store)
    with progress.reporting(run, "features"):
        for _ in range(100):
            connection.execute(
                "CREATE OR REPLACE TABLE t AS SELECT a, sum(a) OVER (ORDER BY a % 977) FROM range(300000)"
                " r(a)"
            )
            if lines:
                break
    assert "this statement is " in lines[0]


def test_of_a_cursor_that_was_closed_there_is_nothing_to_tell(open_run: Callable[..., Run]) -> None:
    store = open_run("scoring", NIGHT).store
    store.cursor().close()
    assert store.session.share_of_statement() is None


def test_the_fits_of_a_search_are_told_while_it_runs(
    open_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.01)
    heard = threading.Event()
    run = replace(open_run("training", NIGHT), progress=lambda _: heard.set())
    with caplog.at_level("INFO"), progress.reporting(run, "tune", "xgboost"):
        run.tally.report(3, 12)
        assert heard.wait(PATIENCE)
    assert caplog.messages[0].startswith("tune xgboost: 3 of 12 fits, ")
    assert run.task().tally.of == 0  # the next family's search begins anew


def test_a_step_that_fails_is_told_of_no_longer(open_run: Callable[..., Run]) -> None:
    with pytest.raises(ZeroDivisionError), progress.reporting(open_run("scoring", NIGHT), "features"):
        raise ZeroDivisionError
    assert not any("progress of" in thread.name for thread in threading.enumerate())
