"""A backfill, a replay of quarantined rows and a rollback, killed before any of their operations: done again,
they are as if nothing had happened.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from pipelines.commands import backfill, champions, replay
from pipelines.core.dates import Days
from pipelines.core.errors import BadInput
from pipelines.registry import tracking
from pipelines.registry.history import History
from pipelines.run.run import Run
from pipelines.storage import sqlite
from pipelines.storage.settings import Settings
from tests.faults import kills
from tests.faults.conftest import World
from tests.helpers import child, night, tiny
from tests.helpers.night import Night

pytestmark = pytest.mark.slow
FEW = {"backfill": 2, "replay": 3, "rollback": 6}
NIGHTS = Days(night.NIGHT, night.NIGHT + timedelta(days=1))


def files(settings: Settings) -> dict[str, bytes]:
    return Night(settings, row_group=10).files()


def proven(record_property: Callable[[str, object], None], what: str, killed: kills.Killed) -> None:
    record_property("kills", str(killed))
    print(f"{what}: {killed}")  # noqa: T201  (shown by pytest -s)
    assert killed.killed == killed.chosen


def put(copy: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(copy, place)


def test_a_backfill_killed_anywhere(
    world: World, settings: Settings, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    filled = partial(lambda: list(backfill.backfill(tiny.NAME, NIGHTS, "then", settings)))
    copy = tmp_path / "before"
    shutil.copytree(settings.disk, copy)
    begin = partial(put, copy, settings.disk)
    child.run(filled).value()
    clean = files(settings)

    def check() -> None:
        child.run(filled).value()
        assert files(settings) == clean

    proven(
        record_property, "backfill", kills.at_moments(filled, settings.disk, FEW["backfill"], begin, check)
    )


def test_a_replay_killed_anywhere(
    world: World, settings: Settings, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    use_case = settings.use_cases / f"{tiny.NAME}.yaml"
    mended = use_case.read_text().replace("cleanse:\n", "cleanse:\n  max_quarantined: 0.9\n")
    use_case.write_text(
        mended.replace("amount:   {type: number, min: 0}", "amount:   {type: number, min: 0, max: 60}")
    )
    run = partial(Run.open, tiny.NAME, "scoring", night.NIGHT, settings)
    child.run(lambda: Night(settings, row_group=10).way()).value()
    use_case.write_text(mended)
    copy = tmp_path / "before"
    shutil.copytree(settings.disk, copy)
    begin = partial(put, copy, settings.disk)
    replayed = partial(lambda: replay.replay(run()))
    child.run(replayed).value()
    clean = files(settings)
    assert clean != (begin(), files(settings))[1]

    def check() -> None:
        child.run(replayed).value()
        assert files(settings) == clean

    proven(record_property, "replay", kills.at_moments(replayed, settings.disk, FEW["replay"], begin, check))


def test_a_rollback_killed_anywhere(
    two_champions: Settings, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    place = tmp_path / "own"
    own = replace(
        two_champions, data=place / "data", var=place / "var", mlflow=sqlite.url(place / "var" / "mlflow.db")
    )

    def begin() -> None:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(two_champions.disk, place / "data")
        (place / "var").mkdir()
        shutil.copy(two_champions.var / "mlflow.db", place / "var")

    def rolled_back() -> None:
        with suppress(BadInput):
            champions.rollback(own, "tiny", "1", "too many alarms")
        assert str(tracking.connect(own).get_registered_model("tiny").aliases["champion"]) == "1"

    def check() -> None:
        assert History.of(own, "tiny").champion in ("1", "2")
        child.run(rolled_back).value()
        lines = History.of(own, "tiny").read()
        assert [(line.decision, line.version) for line in lines][-2:] == [
            ("promoted", "2"),
            ("rolled back", "1"),
        ]

    night.import_tools()
    killed = kills.at_moments(rolled_back, place, FEW["rollback"], begin, check)
    proven(record_property, "rollback", killed)
