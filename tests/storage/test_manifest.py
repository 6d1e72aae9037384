"""A night that is delivered again is a new revision: the old one stays, whole, and nothing is kept twice."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.core.errors import TableMissing
from pipelines.run.run import Run
from pipelines.storage import disk
from pipelines.storage.store import Store, Version
from tests.helpers import child

DAY = date(2026, 2, 1)
A, B, C = (pa.table({"n": [float(n)] * 3}) for n in range(3))
OLD = time.time() - disk.DAY - 60


@pytest.fixture
def store(open_run: Callable[..., Run]) -> Store:
    return open_run("scoring", DAY).store.recording()


def value(store: Store, revision: int | None = None) -> float:
    ((found,),) = store.read("raw", revision=revision).distinct().fetchall()
    return float(found)


def test_other_rows_are_a_new_revision_and_the_old_ones_can_still_be_read(store: Store) -> None:
    written = [store.write("raw", rows) for rows in (A, B, C)]
    assert store.revisions("raw") == written
    assert [value(store, n) for n in (1, 2, 3)] == [0, 1, 2]
    assert value(store) == 2


def test_the_same_rows_are_no_new_revision_whoever_wrote_them(store: Store) -> None:
    store.write("raw", A)
    again = replace(store, version=Version(use_case="another", code="another")).write("raw", A)
    assert store.revisions("raw") == [again]
    new = store.write("raw", B)
    assert store.revisions("raw") == [again, new]


def test_a_correction_that_is_undone_is_a_revision_again_of_the_same_parts(store: Store) -> None:
    first, second, third = (store.write("raw", rows) for rows in (A, B, A))
    assert first == third
    assert store.revisions("raw") == [first, second, third]
    assert len(list((store.disk / "raw").glob("part-*"))) == 2


def test_each_revision_that_was_read_is_an_input_of_its_own(store: Store) -> None:
    old, new = store.write("raw", A), store.write("raw", B)
    rows = store.read("raw", revision=1).union(store.read("raw"))
    assert store.write("clean", rows).inputs == {
        "scoring/2026-02-01/raw": new.digest,
        "scoring/2026-02-01/raw/revisions/0001": old.digest,
    }


@pytest.mark.parametrize("number", [0, -1, 3])
def test_a_revision_that_never_was_is_a_sentence(store: Store, number: int) -> None:
    store.write("raw", A)
    store.write("raw", B)
    with pytest.raises(
        TableMissing, match=f"no revision {number} of 'raw': there are 2, of which 1 is the oldest"
    ):
        store.read("raw", revision=number)


def test_a_table_that_was_joined_or_adopted_keeps_its_revisions_too(store: Store) -> None:
    for rows in (A, B):
        store.write("raw", rows, piece="a")
        store.join("raw", ["a"])
    store.beside("replay").write("raw", C)
    store.adopt("raw", store.beside("replay"))
    assert [value(store, n) for n in (1, 2, 3)] == [0, 1, 2]
    assert len(store.revisions("raw/a")) == 1  # pieces are steps on the way


def test_trainings_and_what_lies_beside_a_night_keep_no_revisions(
    open_run: Callable[..., Run], store: Store
) -> None:
    for other in (open_run("training", DAY).store, store.beside("what_if")):
        _, new = (other.write("raw", rows) for rows in (A, B))
        assert other.revisions("raw") == [new]


def test_the_order_of_ten_and_more_revisions_is_that_of_time(store: Store) -> None:
    for n in range(12):
        store.write("raw", pa.table({"n": [float(n)]}))
    assert [value(store, n + 1) for n in range(12)] == list(range(12))


# --- kills


def killed_when(event: str, part: str, call: Callable[[], object]) -> None:
    """Run a call in a process that is killed right before it does something to a file whose path ends so."""

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        if name == event and str(arguments[1]).endswith(part):
            os.kill(os.getpid(), 9)

    def doomed() -> None:
        sys.addaudithook(hook)
        call()

    assert child.run(doomed).signal == 9


def test_killed_between_keeping_the_old_manifest_and_publishing_the_new_one(store: Store) -> None:
    old = store.write("raw", A)
    killed_when("os.rename", "raw/manifest.json", lambda: store.write("raw", B))
    assert (store.disk / "raw" / "revisions" / "0001.json").exists()
    assert store.revisions("raw") == [old]
    assert value(store) == 0
    new = store.write("raw", B)
    assert store.revisions("raw") == [old, new]


def test_killed_before_the_old_manifest_was_kept(store: Store) -> None:
    old = store.write("raw", A)
    killed_when("os.rename", "revisions/0001.json", lambda: store.write("raw", B))
    assert store.revisions("raw") == [old]
    new = store.write("raw", B)
    assert store.revisions("raw") == [old, new]


# --- several at once


def test_two_writers_at_once_lose_no_revision_and_no_part(open_run: Callable[..., Run], store: Store) -> None:
    rounds = 60

    def writer(odd: int) -> Callable[[], None]:
        def write() -> None:
            own = open_run("scoring", DAY).store
            for n in range(rounds):
                own.write("raw", pa.table({"n": [float(2 * n + odd)]}))

        return write

    for process in [child.start(writer(odd)) for odd in (0, 1)]:
        process.wait().value()
    revisions = store.revisions("raw")
    assert sorted(value(store, n + 1) for n in range(len(revisions))) == list(range(2 * rounds))


def test_two_writers_of_different_rows_leave_one_table_whole(open_run: Callable[..., Run]) -> None:
    """A training keeps no revisions, so each writer's sweep would take the other's part."""

    def writer(rows: pa.Table) -> Callable[[], None]:
        def write() -> None:
            own = open_run("training", DAY).store
            for n in range(200):
                own.write("raw", rows.append_column("round", [[n] * 3]))
                own.read("raw").fetchall()

        return write

    for process in [child.start(writer(rows)) for rows in (A, B)]:
        process.wait().value()


def test_a_reader_sees_the_old_rows_whole_or_the_new_ones_whole(
    open_run: Callable[..., Run], store: Store
) -> None:
    rows, rounds = 5000, 300
    done = child.FORK.Event()
    store.write("raw", pa.table({"n": [0] * rows}))

    def write() -> None:
        own = open_run("scoring", DAY).store
        try:
            for n in range(rounds):
                own.write("raw", pa.table({"n": [n % 100] * rows}))
        finally:
            done.set()  # else the other would read for ever

    def read() -> set[int]:
        seen = set[int]()
        while not done.is_set():
            # DuckDB opens the files when it is asked for the rows
            relation = open_run("scoring", DAY).store.read("raw")
            ((least, most, count),) = relation.aggregate("min(n), max(n), count(*)").fetchall()
            assert (least, count) == (most, rows)
            seen.add(least)
        return seen

    reader, writer = child.start(read), child.start(write)
    writer.wait().value()
    assert len(reader.wait().value()) > 1


# --- what is swept


def age(folder: Path, pattern: str) -> None:
    for path in folder.glob(pattern):
        os.utime(path, (OLD, OLD))


def names(store: Store) -> Iterator[str]:
    return (path.name for path in (store.disk / "raw").glob("part-*"))


def test_parts_that_no_revision_names_go_after_a_day(open_run: Callable[..., Run]) -> None:
    store = open_run("training", DAY).store
    store.write("raw", A)
    age(store.disk, "raw/part-*")
    (kept,) = store.write("raw", B).parts
    # The part was old, but it was published until now: someone may have just begun to read it.
    assert len(list(names(store))) == 2
    age(store.disk, "raw/part-*")
    store.write("raw", B)
    assert list(names(store)) == [kept.file]


def test_parts_of_old_revisions_stay_for_ever(store: Store) -> None:
    for rows in (A, B, C):
        store.write("raw", rows)
        age(store.disk, "raw/part-*")
    store.write("raw", C)
    assert [value(store, n) for n in (1, 2, 3)] == [0, 1, 2]


def test_a_part_that_was_linked_is_as_young_as_one_that_was_written(store: Store) -> None:
    store.write("raw", A, piece="a")
    age(store.disk, "raw/a/part-*")
    (part,) = store.join("raw", ["a"]).parts
    assert (store.disk / "raw" / part.file).stat().st_mtime > OLD + disk.DAY
