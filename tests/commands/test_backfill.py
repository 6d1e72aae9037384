"""Nights again: as they were by the champion of their own morning, or as they would be by the champion of
now, never mixed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pytest

from pipelines import runner
from pipelines.__main__ import main
from pipelines.commands.backfill import Champion, backfill
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput, SluiceError
from pipelines.run.run import Run
from pipelines.storage.notes import RUNS
from pipelines.storage.settings import Settings
from tests.helpers import tiny
from tests.helpers.two_champions import delivered, way_of

NIGHTS = Days(date(2026, 2, 1), date(2026, 2, 4))  # of which the second champion scores the last two


@pytest.fixture(autouse=True)
def usual_source() -> Iterator[None]:
    delivered.clear()
    yield
    delivered.clear()


@pytest.fixture(scope="module")
def lived(two_champions: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """All nights scored, and nothing else in the folder of data but the history."""
    own = replace(two_champions, data=tmp_path_factory.mktemp("lived"))
    (own.disk / "tiny").mkdir()
    shutil.copy(two_champions.disk / "tiny" / "promotions.jsonl", own.disk / "tiny")
    for day in NIGHTS:
        runner.run_all(way_of(own, "scoring", day))
    return own


@dataclass(frozen=True)
class World:
    """The nights, to do with what one wants."""

    settings: Settings

    def fill(self, champion: Champion = "then", days: Days = NIGHTS) -> list[str]:
        return list(backfill("tiny", days, champion, self.settings))

    def night(self, day: date) -> Run:
        return way_of(self.settings, "scoring", day)

    def scored_by(self, day: date) -> set[str]:
        return {
            row[0] for row in self.night(day).store.read("predictions").project("model_version").fetchall()
        }

    def bytes(self) -> dict[str, bytes]:
        """Every file, but those of what-if runs."""
        files = (
            path
            for path in self.settings.disk.rglob("*")
            if path.is_file() and "what_if" not in path.parts and path.name != RUNS
        )
        return {path.relative_to(self.settings.disk).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def world(lived: Settings, tmp_path: Path) -> World:
    shutil.copytree(lived.disk, tmp_path / "data")
    return World(replace(lived, data=tmp_path / "data"))


# --- then


def test_each_night_is_scored_by_the_champion_of_its_own_morning(world: World) -> None:
    assert [world.scored_by(day) for day in NIGHTS] == [{"1"}, {"1"}, {"2"}, {"2"}]


def test_nights_of_which_nothing_has_changed_stay_as_they_are_to_the_byte(world: World) -> None:
    before = world.bytes()
    assert world.fill()[0] == "tiny scoring 2026-02-01: 40 rows by version 1, unchanged"
    assert world.bytes() == before


def test_a_night_that_is_delivered_again_with_changes_is_a_revision_and_the_old_one_is_kept(
    world: World,
) -> None:
    late = NIGHTS.first + timedelta(days=1)
    old = world.night(late).store.manifest("predictions")
    delivered[late] = tiny.payments(late).slice(0, 30)
    lines = world.fill(days=Days(NIGHTS.first, late))
    assert lines == [
        "tiny scoring 2026-02-01: 40 rows by version 1, unchanged",
        "tiny scoring 2026-02-02: 30 rows by version 1, revision 2",
    ]
    store = world.night(late).store
    assert [revision.rows for revision in store.revisions("predictions")] == [40, 30]
    assert store.revisions("predictions")[0] == old
    assert store.read("predictions", revision=1).count("*").fetchall() == [(40,)]
    # The old predictions cite the old features, which cite the old clean rows, and these the old raw ones.
    made_of, tables = old, {"features": "features", "clean": "clean", "raw": "raw"}
    for table in tables:
        first = store.revisions(table)[0]
        assert made_of.inputs[f"scoring/{late}/{table}"] == first.digest
        made_of = first


def test_a_night_that_was_never_run_is_scored_for_the_first_time(world: World) -> None:
    shutil.rmtree(world.night(NIGHTS.last).store.disk)
    assert world.fill(days=Days(NIGHTS.last, NIGHTS.last)) == [
        "tiny scoring 2026-02-04: 40 rows by version 2, scored for the first time"
    ]


# --- now


def test_what_the_champion_of_now_would_have_said_lies_beside_and_changes_nothing(world: World) -> None:
    before = world.bytes()
    first, *_, note = world.fill("now")
    assert first.startswith(
        "tiny scoring 2026-02-01: 40 rows by version 2, in tiny/scoring/2026-02-01/what_if; beside"
        " version 1: "
    )
    assert "of 40 decisions differ, scores differ by 0." in first
    assert world.bytes() == before
    beside = Run.open("tiny", "scoring", NIGHTS.first, world.settings, what_if=True).store.read("predictions")
    assert beside.project("model_version").distinct().fetchall() == [("2",)]
    assert (
        note == "note: version 2 was trained on the labels of 2 of these 4 nights, 2026-02-01 to 2026-02-02"
    )


def test_where_both_are_the_same_champion_nothing_differs(world: World) -> None:
    (line,) = world.fill("now", Days(NIGHTS.last, NIGHTS.last))
    assert line.endswith("beside version 2: 0 of 40 decisions differ, scores differ by 0 on average")


def test_a_night_before_the_first_champion_can_be_asked_what_if_only(world: World) -> None:
    before = Days(date(2026, 1, 30), date(2026, 1, 30))
    with pytest.raises(
        SluiceError, match=r"1 of 1 nights could not be run[\s\S]*had no champion yet[\s\S]*--champion now"
    ):
        world.fill("then", before)
    line, _ = world.fill("now", before)
    assert line.endswith("what_if; nothing was published to compare it with")


# --- what cannot be run


def test_a_night_that_its_gate_stops_does_not_keep_the_others_from_being_run(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = world.settings
    for name, place in (("USE_CASES", settings.use_cases), ("DATA", settings.disk), ("VAR", settings.var)):
        monkeypatch.setenv(f"SLUICE_{name}", str(place))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", settings.mlflow)
    paid = tiny.payments(NIGHTS.first)
    delivered[NIGHTS.first] = paid.set_column(3, "amount", pc.negate(paid["amount"]))
    assert main(["backfill", "tiny", "2026-02-01", "2026-02-02"]) == 1
    told = capsys.readouterr()
    stopped, next_night = told.out.splitlines()
    assert stopped.startswith("tiny scoring 2026-02-01: gate_clean of tiny scoring 2026-02-01 is closed: ")
    # The night that was stopped feeds no window of the next one, until it is mended.
    assert next_night.startswith("tiny scoring 2026-02-02: gate_past of tiny scoring 2026-02-02 is closed: ")
    assert (
        "tiny: 2 of 2 nights could not be run; the first of them: gate_clean of tiny scoring 2026-02-01 is"
        " closed" in told.err
    )


def test_a_range_the_wrong_way_round_is_a_sentence(world: World) -> None:
    with pytest.raises(BadInput, match="no night lies between 2026-02-04 and 2026-02-01"):
        world.fill(days=Days(NIGHTS.last, NIGHTS.first))
