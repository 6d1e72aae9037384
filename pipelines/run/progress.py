"""How far a long step is: rows done, rows a second and time left, told every ten seconds while it runs.

A step does not know of it. It is watched from a thread beside: what the store has written so far, or, while
DuckDB still works on one statement, DuckDB's own estimate of its share; of a search, its fits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.run import plan
from pipelines.run.tables import TABLES

if TYPE_CHECKING:
    from pipelines.run.run import Run

logger = logging.getLogger(__name__)

EVERY = 10.0  # seconds


@contextmanager
def reporting(run: Run, step: str, share: str | None = None) -> Iterator[None]:
    """Report how far a step is, as long as this lasts: in the log, and to `run.progress`.

    Args:
        run: Its store is watched.
        step: The step's name, or the gate's.
        share: Which share of it, where it is shared out.
    """
    over = threading.Event()
    name = f"{step} {share}" if share else step
    watch = threading.Thread(target=_watch, args=(run, name, over), name=f"progress of {name}", daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def _watch(run: Run, name: str, over: threading.Event) -> None:
    began = time.monotonic()
    statement = Statement(began)
    while not over.wait(EVERY):
        line = (
            _rows_line(run)
            or _tally_line(run, began)
            or statement.at(run.store.session.share_of_statement(), time.monotonic())
        )
        if line:
            logger.info("%s: %s", name, line)
            run.progress(line)


def _rows_line(run: Run) -> str | None:
    writing = run.store.session.writing
    if not writing.table or not writing.rows:
        return None
    return (
        f"{writing.table}:"
        f" {rows(writing.rows, _expected_rows(run, writing.table), time.monotonic() - writing.began)}"
    )


def _tally_line(run: Run, began: float) -> str | None:
    tally = run.tally
    return rows(tally.done, tally.of, time.monotonic() - began, "fits") if tally.of else None


def _expected_rows(run: Run, table: str) -> int | None:
    """How many rows a table will have at most."""
    if table.startswith("predictions/"):
        return plan.shards(run)[table.removeprefix("predictions/")].rows
    facts = TABLES.get(table)
    if facts is None or not facts.same_rows or facts.made_of is None:
        return None
    return run.store.manifest(facts.made_of).rows


class Statement:
    """The statement that DuckDB works on: a new one begins where its share done is less than before."""

    def __init__(self, now: float) -> None:
        self.share = 0.0
        self.began = now

    def at(self, share: float | None, now: float) -> str | None:
        """Say how far it is at a moment, in seconds; nothing where there is none."""
        if share is None or share < self.share:
            self.began = now
        self.share = share or 0.0
        seconds = now - self.began
        left = f", about {_duration(seconds / self.share - seconds)} left" if seconds and self.share else ""
        return f"this statement is {self.share:.0%} done{left}" if self.share else None


def rows(done: int, expected: int | None, seconds: float, of_what: str = "rows") -> str:
    """Say how far it is.

    Args:
        done: How many rows there are.
        expected: How many there will be, where that is known.
        seconds: How long these took.
        of_what: If not rows.
    """
    rate = done / seconds
    whole = f" of {expected:,}" if expected else ""
    left = f", about {_duration((expected - done) / rate)} left" if expected and 0 < done <= expected else ""
    return f"{done:,}{whole} {of_what}, {rate:,.{0 if rate >= 10 or not done else 1}f} {of_what}/s{left}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
