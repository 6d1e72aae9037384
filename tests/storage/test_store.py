"""Publishing is all or nothing, and the same rows are the same bytes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.core.errors import BadInput, TableCorrupt, TableMissing
from pipelines.run.run import Run
from pipelines.storage import disk, places
from pipelines.storage.store import Store, Version
from tests.helpers import child

DAY = date(2026, 2, 1)
ROWS = pa.table({"id": ["a", "b", "c"], "amount": [1.0, None, 3.0]})


@pytest.fixture
def store(open_run: Callable[..., Run]) -> Store:
    return open_run("scoring", DAY).store.recording()


def content(store: Store) -> dict[str, bytes]:
    root = places.at(store.root).on_disk()
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_a_table_comes_back_as_it_was_written(store: Store) -> None:
    assert store.write("raw", ROWS).rows == 3
    assert store.read("raw").to_arrow_table().cast(ROWS.schema) == ROWS


def test_every_kind_of_rows_publishes_the_same_bytes(store: Store) -> None:
    digests = {
        store.write("raw", rows).digest
        for rows in (
            ROWS,
            ROWS.to_pandas(),
            pa.RecordBatchReader.from_batches(ROWS.schema, ROWS.to_batches(max_chunksize=1)),
            store.connection.from_arrow(ROWS),
        )
    }
    assert len(digests) == 1


def test_writing_the_same_rows_again_changes_no_byte(store: Store) -> None:
    store.write("raw", ROWS)
    before = content(store)
    store.write("raw", ROWS)
    assert content(store) == before


def test_other_rows_replace_the_old_ones_entirely(store: Store) -> None:
    store.write("raw", ROWS)
    store.write("raw", ROWS.slice(0, 1))
    assert store.read("raw").fetchall() == [("a", 1.0)]


def test_an_empty_table_keeps_its_columns(store: Store) -> None:
    store.write("raw", ROWS.slice(0, 0))
    assert store.read("raw").columns == ["id", "amount"]
    assert store.read("raw").fetchall() == []


def test_a_missing_table_is_told_with_the_way_out(store: Store) -> None:
    with pytest.raises(
        TableMissing,
        match=(
            r"tiny scoring 2026-02-01: no table 'clean'[\s\S]*python -m pipelines run tiny scoring 2026-02-01"
        ),
    ):
        store.read("clean")


def test_a_part_that_was_changed_after_publishing_is_found_and_named(store: Store) -> None:
    store.write("raw", ROWS)
    (part,) = (store.disk / "raw").glob("part-*")
    damage(part)
    with pytest.raises(TableCorrupt, match=f"raw/{part.name} is not the file that was published"):
        store.read("raw")


def test_a_part_that_is_gone_is_found_and_named(store: Store) -> None:
    store.write("raw", ROWS)
    (part,) = (store.disk / "raw").glob("part-*")
    part.unlink()
    with pytest.raises(TableCorrupt, match=f"raw/{part.name} is gone"):
        store.read("raw")


def test_a_writer_that_fails_in_the_middle_leaves_the_old_table_and_no_draft(store: Store) -> None:
    store.write("raw", ROWS)
    before = content(store)

    def broken() -> Iterator[pa.RecordBatch]:
        yield from ROWS.to_batches()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.write("raw", pa.RecordBatchReader.from_batches(ROWS.schema, broken()))
    assert content(store) == before


def test_a_writer_that_is_killed_in_the_middle_leaves_the_old_table(store: Store) -> None:
    store.write("raw", ROWS)

    def killed_while_writing() -> None:
        def rows() -> Iterator[pa.RecordBatch]:
            yield from ROWS.to_batches()
            os.kill(os.getpid(), 9)

        store.write("raw", pa.RecordBatchReader.from_batches(ROWS.schema, rows()))

    assert child.run(killed_while_writing).signal == 9
    assert store.read("raw").to_arrow_table().num_rows == 3


def test_the_manifest_names_everything_that_was_read_before(store: Store) -> None:
    raw = store.write("raw", ROWS)
    store.write("clean", store.read("raw"))
    assert store.manifest("clean").inputs == {"scoring/2026-02-01/raw": raw.digest}


def test_pieces_of_a_table_are_read_as_one_and_none_may_be_missing(store: Store) -> None:
    store.write("trials", ROWS.slice(0, 1), piece="linear")
    store.write("trials", ROWS.slice(1, 1), piece="xgboost")
    assert [row[0] for row in store.read("trials", pieces=["linear", "xgboost"]).fetchall()] == ["a", "b"]
    with pytest.raises(TableMissing, match="trials/forest"):
        store.read("trials", pieces=["linear", "forest"])


# --- shards


NUMBERS = pa.table({"n": range(45), "text": [f"row {n}" for n in range(45)]})


@pytest.fixture
def small_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.storage.parts.ROW_GROUP", 10)
    monkeypatch.setattr("pipelines.storage.parts.GROUPS", 2)


@pytest.fixture(params=["written whole", "joined"])
def numbers(request: pytest.FixtureRequest, store: Store, small_row_groups: None) -> Store:
    """A store with the rows of `NUMBERS` in three parts, of two row groups at most: readers see no
    difference.
    """
    if request.param == "written whole":
        store.write("raw", NUMBERS)
    else:
        bounds = [0, 20, 25, 45]
        for piece, (start, end) in zip("abc", pairwise(bounds), strict=True):
            store.write("raw", NUMBERS.slice(start, end - start), piece=piece)
        store.join("raw", ["a", "b", "c"])
    return store


@pytest.mark.parametrize("rows", [1, 10, 11, 20, 44, 45, 1000])
def test_shards_hold_every_row_once_and_in_order(numbers: Store, rows: int) -> None:
    shards = numbers.shards("raw", rows)
    read = [numbers.stream("raw", shard).read_all() for shard in shards]
    assert [table.num_rows for table in read] == [shard.rows for shard in shards]
    assert all(shard.rows >= rows for shard in shards[:-1])
    assert pa.concat_tables(read) == NUMBERS
    assert numbers.stream("raw").read_all() == numbers.read("raw").to_arrow_table() == NUMBERS


def test_a_shard_is_streamed_one_row_group_at_a_time(numbers: Store) -> None:
    assert max(batch.num_rows for batch in numbers.stream("raw")) <= 10


def test_columns_come_in_the_order_that_is_asked_for(numbers: Store) -> None:
    assert numbers.stream("raw", columns=["text", "n"]).read_all() == NUMBERS.select(["text", "n"])
    with pytest.raises(BadInput, match="raw has no column 'txt': did you mean 'text'"):
        numbers.stream("raw", columns=["txt"])


def test_an_empty_table_is_one_shard_without_rows(store: Store) -> None:
    store.write("raw", NUMBERS.slice(0, 0))
    (only,) = store.shards("raw", 10)
    assert store.stream("raw", only).read_all() == NUMBERS.slice(0, 0)


def test_what_is_streamed_is_an_input_as_what_is_read(store: Store) -> None:
    raw = store.write("raw", ROWS)
    assert store.write("clean", store.stream("raw", columns=["id"])).inputs == {
        "scoring/2026-02-01/raw": raw.digest
    }


def damage(path: Path) -> None:
    """Flip a bit where the rows are."""
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(("rows", "parts"), [(0, [0]), (20, [20]), (21, [20, 1]), (45, [20, 20, 5])])
def test_a_large_table_has_several_parts(
    store: Store, small_row_groups: None, rows: int, parts: list[int]
) -> None:
    written = store.write("raw", NUMBERS.slice(0, rows))
    assert [part.rows for part in written.parts] == parts
    assert {path.name for path in (store.disk / "raw").glob("*")} == {
        "manifest.json",
        *(part.file for part in written.parts),
    }


def test_a_damaged_part_is_not_streamed_and_does_not_stop_shards_of_other_parts(
    store: Store, small_row_groups: None
) -> None:
    last = store.write("raw", NUMBERS.slice(0, 40)).parts[1]
    damage(store.disk / "raw" / last.file)
    first, second = store.shards("raw", 20)
    assert store.stream("raw", first).read_all() == NUMBERS.slice(0, 20)
    with pytest.raises(TableCorrupt, match=f"raw/{last.file} is not the file that was published"):
        store.stream("raw", second)


def test_rows_of_sound_parts_are_streamed_until_a_damaged_one_comes(
    store: Store, small_row_groups: None
) -> None:
    last = store.write("raw", NUMBERS).parts[-1]
    damage(store.disk / "raw" / last.file)
    rows = store.stream("raw")
    assert [rows.read_next_batch().num_rows for _ in range(3)] == [10, 10, 10]
    with pytest.raises(TableCorrupt, match=f"raw/{last.file} is not the file that was published"):
        rows.read_all()


def test_a_part_that_is_no_parquet_any_more_cannot_be_dealt(store: Store) -> None:
    part = store.disk / "raw" / store.write("raw", ROWS).parts[0].file
    part.write_bytes(b"")
    with pytest.raises(TableCorrupt, match=f"raw/{part.name} is not the file that was published"):
        store.shards("raw", 10)


def test_a_shard_of_what_is_no_longer_published_is_refused(store: Store, small_row_groups: None) -> None:
    store.write("raw", NUMBERS)
    *_, last = store.shards("raw", 10)
    store.write("raw", NUMBERS.slice(0, 40))
    with pytest.raises(
        BadInput, match="shard 0005-of-0005 has 5 rows of another raw than is published now, of 40"
    ):
        store.stream("raw", last)


# --- joining pieces


def test_a_table_is_joined_of_its_pieces_in_the_order_given(store: Store) -> None:
    store.write("raw", ROWS)
    for piece, start in (("a", 0), ("b", 1)):
        store.read("raw")
        store.write("predictions", ROWS.slice(start, 1), piece=piece)
    joined = store.join("predictions", ["b", "a"])
    assert [row[0] for row in store.read("predictions").fetchall()] == ["b", "a"]
    assert (joined.rows, joined.schema) == (2, {"id": "string", "amount": "double"})
    assert joined.inputs == {"scoring/2026-02-01/raw": store.digest("raw")}
    assert store.manifest("predictions") == joined


def test_joining_copies_nothing(store: Store) -> None:
    (part,) = store.write("predictions", ROWS, piece="a").parts
    store.join("predictions", ["a"])
    assert (store.disk / "predictions" / part.file).samefile(store.disk / "predictions" / "a" / part.file)


def test_pieces_that_are_the_same_bytes_are_all_there(store: Store) -> None:
    for piece in ("a", "b"):
        store.write("predictions", ROWS, piece=piece)
    assert store.join("predictions", ["a", "b"]).rows == 6
    assert store.read("predictions").count("*").fetchall() == [(6,)]
    assert store.stream("predictions").read_all().num_rows == 6


def test_pieces_made_of_different_tables_are_not_joined(open_run: Callable[..., Run], store: Store) -> None:
    for piece, rows in (("a", ROWS), ("b", ROWS.slice(0, 1))):
        store.write("features", rows)
        own = open_run("scoring", DAY).store.recording()
        own.write("predictions", own.read("features"), piece=piece)
    with pytest.raises(
        BadInput,
        match=r"predictions/b was made of another scoring/2026-02-01/features than predictions/a\n  way out",
    ):
        store.join("predictions", ["a", "b"])
    assert not store.has("predictions")


def test_pieces_with_other_columns_are_not_joined(store: Store) -> None:
    store.write("predictions", ROWS, piece="a")
    store.write("predictions", ROWS.select(["id"]), piece="b")
    with pytest.raises(BadInput, match="predictions/b has other columns than predictions/a"):
        store.join("predictions", ["a", "b"])


def test_pieces_of_another_use_case_file_are_not_joined(store: Store) -> None:
    store.write("predictions", ROWS, piece="a")
    another = replace(store, version=Version(use_case="another", code=store.version.code))
    another.write("predictions", ROWS, piece="b")
    with pytest.raises(BadInput, match="predictions/b was made by another use-case file than predictions/a"):
        store.join("predictions", ["a", "b"])


def test_a_damaged_piece_is_not_joined(store: Store) -> None:
    (part,) = store.write("predictions", ROWS, piece="a").parts
    damage(store.disk / "predictions" / "a" / part.file)
    with pytest.raises(TableCorrupt, match=f"predictions/a/{part.file} is not the file that was published"):
        store.join("predictions", ["a"])
    assert not store.has("predictions")


def test_tables_larger_than_a_row_group_keep_every_row_in_order(store: Store) -> None:
    written = store.write("raw", store.connection.sql("select range as n from range(250_001)"))
    assert written.rows == 250_001
    ordered = (
        store.read("raw")
        .select("n, row_number() over () - 1 as place")
        .aggregate("count(*), bool_and(n = place)")
    )
    assert ordered.fetchall() == [(250_001, True)]


def test_a_file_is_published_whole_and_read_back(store: Store, tmp_path: Path) -> None:
    path = store.write_file("models/linear.onnx", b"graph")
    assert places.at(path).on_disk().is_relative_to(tmp_path)
    assert store.read_file("models/linear.onnx") == b"graph"


# --- beside the partition


def test_what_lies_beside_a_partition_is_not_published_until_it_is_adopted(store: Store) -> None:
    old = store.write("raw", ROWS.slice(0, 1))
    aside = store.beside("replay")
    new = aside.write("raw", ROWS)
    assert store.manifest("raw") == old
    store.adopt("raw", aside)
    assert store.manifest("raw") == aside.manifest("raw") == new
    assert store.read("raw").count("*").fetchall() == [(3,)]
    assert store.revisions("raw") == [old, new]
    assert aside.revisions("raw") == [new]


def test_a_damaged_part_is_not_adopted(store: Store) -> None:
    old = store.write("raw", ROWS.slice(0, 1))
    aside = store.beside("replay")
    part = aside.disk / "raw" / aside.write("raw", ROWS).parts[0].file
    part.write_bytes(b"!" + part.read_bytes()[1:])
    with pytest.raises(TableCorrupt):
        store.adopt("raw", aside)
    assert store.manifest("raw") == old


def test_what_lies_beside_is_discarded_and_nothing_else(store: Store) -> None:
    store.write("raw", ROWS)
    before = content(store)
    aside = store.beside("replay")
    aside.discard()  # nothing is there yet
    aside.write("raw", ROWS)
    (store.disk / ".replay-discarded").mkdir()  # of a discard that was killed
    aside.discard()
    assert content(store) == before
    with pytest.raises(ValueError, match="published tables are not discarded"):
        store.discard()


def test_tables_that_are_written_together_are_published_together(store: Store) -> None:
    old = store.write("raw", ROWS.slice(0, 1))
    with store.together() as both:
        both.write("raw", ROWS)
        both.write("past_raw", ROWS)
        assert store.manifest("raw") == old
        assert not store.has("past_raw")
    assert (store.manifest("raw").rows, store.manifest("past_raw").rows) == (3, 3)
    assert store.read("raw").fetchall() == store.read("past_raw").fetchall()
    assert store.revisions("raw")[:-1] == [old]
    assert not list(store.disk.glob(".together-*"))


def test_of_tables_that_are_written_together_none_is_published_if_one_fails(store: Store) -> None:
    before = content(store)

    def step() -> None:
        with store.together() as both:
            both.write("raw", ROWS)
            store.read("past_raw")

    with pytest.raises(TableMissing):
        step()
    assert content(store) == before


def test_tables_that_two_processes_write_together_do_not_meet(store: Store) -> None:
    with store.together() as mine, store.together() as theirs:
        mine.write("raw", ROWS)
        theirs.write("raw", ROWS)
    assert store.read("raw").to_arrow_table().cast(ROWS.schema) == ROWS


def test_what_killed_processes_wrote_together_goes_after_a_day(store: Store) -> None:
    for name in ("old", "young"):
        (store.disk / f".together-{name}" / "raw").mkdir(parents=True)
    old = time.time() - disk.DAY - 60
    os.utime(store.disk / ".together-old", (old, old))
    with store.together():
        pass
    assert [path.name for path in store.disk.glob(".together-*")] == [".together-young"]


def test_beside_what_lies_beside_is_beside_both(store: Store) -> None:
    what_if = store.beside("what_if")
    with what_if.together() as both:
        both.write("raw", ROWS)
    assert what_if.has("raw")
    assert not store.has("raw")


def test_a_file_that_does_not_hold_every_row_is_not_published(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pipelines.storage.parts.regrouped",
        lambda batches, size: (pa.Table.from_batches([batch]).slice(1) for batch in batches),
    )
    with pytest.raises(TableCorrupt, match="raw was given 3 rows and its files hold 2: nothing is published"):
        store.write("raw", ROWS)
    assert content(store) == {}


def test_a_task_reads_what_it_has_read_and_whoever_keeps_no_record_what_is_published_now(
    store: Store,
) -> None:
    before = store.write("raw", ROWS)
    now = store.as_published()
    after = now.write("raw", ROWS.slice(0, 1))
    assert (store.manifest("raw"), store.citing_nothing().manifest("raw")) == (before, before)
    assert (now.manifest("raw"), store.recording().manifest("raw")) == (after, after)


def test_a_table_cites_what_its_own_task_has_read_and_nothing_else(store: Store) -> None:
    store.write("raw", ROWS)
    store.read("raw")
    assert set(store.at("scoring", DAY).write("clean", ROWS).inputs) == {"scoring/2026-02-01/raw"}
    for other in (store.recording(), store.citing_nothing(), store.as_published()):
        assert other.write("clean", ROWS).inputs == {}
