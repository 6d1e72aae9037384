"""A night run twice, twice at once, out of order, on damaged parts and on a full disk: its tables are those
of a clean night, or a sentence.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from pipelines import flow
from pipelines.core.errors import GateClosed, TableCorrupt, TryAgain
from pipelines.run import plan
from tests.faults.conftest import CleanNight, Done
from tests.helpers import child, tiny
from tests.helpers.night import NIGHT, Night, assert_no_half
from tests.helpers.ways import WAYS

pytestmark = pytest.mark.slow

SEED = 7
ROUNDS = 3
DAYS = 30


@pytest.fixture
def fresh(small: CleanNight, tmp_path: Path) -> Night:
    """The night before it begins."""
    night = small.night.at(tmp_path / "data")
    night.restore(small.first)
    return night


def test_run_twice_it_is_the_same_to_the_byte(small: CleanNight, fresh: Night) -> None:
    for _ in range(2):
        child.run(fresh.way).value()
        assert fresh.files() == small.last


def test_two_runs_at_once_end_as_one(small: CleanNight, fresh: Night) -> None:
    for _ in range(ROUNDS):
        fresh.restore(small.first)
        for run in [child.start(fresh.way), child.start(fresh.way)]:
            run.wait().value()
        assert fresh.files() == small.last


def test_thirty_days_in_any_order_are_the_same_tables(small: CleanNight, tmp_path: Path) -> None:
    days = [NIGHT + timedelta(days=n) for n in range(DAYS)]
    mixed = random.Random(SEED).sample(days, DAYS)

    def tables(order: list[date], place: Path) -> dict[str, bytes]:
        night = small.night.at(place)
        night.restore(small.first)
        for day in order:
            run = Night(night.settings, night.row_group, day).run()
            for step, _ in WAYS["scoring"]:
                for share in plan.shares(run, step) or (None,):
                    flow.STEPS[step](run.task(), *([share] if share else []))
        return night.files()

    in_order, in_any_order = child.shared_out(
        [partial(tables, days, tmp_path / "sorted"), partial(tables, mixed, tmp_path / "mixed")]
    )
    assert in_order == in_any_order
    assert sum(name.endswith("/predictions/manifest.json") for name in in_order) == DAYS


# --- damaged parts


def readers(clean: CleanNight) -> Iterator[tuple[Done, str]]:
    """Each task of the night, with each table that it reads of the night itself."""
    for done in clean.done:
        if done.task.gate:
            yield done, done.task.gate
    for done, tables in zip(
        (done for done in clean.done if not done.task.gate),
        (
            (),
            ("raw",),
            ("past_raw", "clean"),
            ("clean", "past"),
            ("features",),
            ("features",),
            ("predictions/0001-of-0002",),
        ),
        strict=True,
    ):
        for table in tables:
            yield done, table


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {name for name, content in after.items() if before.get(name) != content}


def test_a_part_that_was_damaged_is_named_by_whoever_reads_it(small: CleanNight, tmp_path: Path) -> None:
    seen = set()
    for number, (done, table) in enumerate(readers(small)):
        night = small.night.at(tmp_path / str(number))
        night.restore(done.before)
        folder = night.settings.disk / tiny.NAME / "scoring" / str(NIGHT) / table
        part = sorted(folder.glob("part-*"))[-1]
        content = bytearray(part.read_bytes())
        content[len(content) // 3] ^= 1
        part.write_bytes(content)
        damaged, before = part.relative_to(night.settings.disk).as_posix(), night.files()
        error = child.run(partial(night.take, done.task)).error
        assert isinstance(error, GateClosed if done.task.gate else TableCorrupt), (
            f"{done.task} reads {table}: {error!r}"
        )
        assert f"{table}/{part.name} is not the file that was published" in str(error)
        assert "way out: " in str(error)
        for name in changed(before, night.files()):
            if done.task.gate:  # a closed gate says why
                assert {"gates", "reports", "data_docs"} & set(name.split("/"))
            else:
                assert night.files()[name] == done.after[name]
        assert night.files()[damaged] == bytes(content)
        seen.add(table)
    assert seen >= {"raw", "past_raw", "clean", "past", "features", "predictions", "predictions/0001-of-0002"}


def test_the_step_that_wrote_a_damaged_part_mends_it(small: CleanNight, fresh: Night) -> None:
    for done in small.done:
        if done.task.gate:
            continue
        fresh.restore(done.after)
        for name in done.after.keys() - done.before.keys():
            if "/part-" in name:
                path = fresh.settings.disk / name
                path.write_bytes(path.read_bytes()[:-1])
        child.run(partial(fresh.take, done.task)).value()
        assert fresh.files() == done.after


# --- a full disk


def test_a_disk_that_is_full_in_the_middle_of_any_task_is_a_sentence_and_then_nothing(
    small: CleanNight, fresh: Night
) -> None:
    for done in small.done:
        # it links
        new = [
            name
            for name in done.after.keys() - done.before.keys()
            if done.task.step != "publish" or "/part-" not in name
        ]
        for size in (max(len(done.after[name]) for name in new) // 2, 0):
            fresh.restore(done.before)

            def full(size: int = size, done: Done = done) -> None:
                child.limit_file_size(size)
                fresh.take(done.task)

            error = child.run(full).error
            assert isinstance(error, TryAgain), f"{done.task} with files of {size} bytes at most: {error!r}"
            assert "no room on the disk" in str(error)
            assert_no_half(fresh.files(), small.known(done))
        # publishing has linked its parts, which takes no room
        unlisted = {name for name in fresh.files() if "/part-" in name}
        assert {
            name: content
            for name, content in fresh.files().items()
            if name in done.before or name not in unlisted
        } == done.before
        child.run(partial(fresh.take, done.task)).value()
        assert fresh.files() == done.after
