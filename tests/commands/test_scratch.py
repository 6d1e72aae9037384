"""Days of a use case that is played beside its real life."""

from __future__ import annotations

import os
import signal
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines.commands import scratch
from pipelines.composition import by_version
from pipelines.core.dates import Days
from pipelines.run.run import Run
from pipelines.storage import spill
from pipelines.storage.settings import Settings
from tests.helpers import child, tiny

LAST = date(2026, 2, 20)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the tiny use case, whose days are copied."""
    folder = tmp_path_factory.mktemp("played")
    (folder / "use_cases").mkdir()
    (folder / "use_cases" / f"{tiny.NAME}.yaml").write_text(tiny.YAML)
    settings = Settings(
        data=folder / "unused", use_cases=folder / "use_cases", var=folder / "var", mlflow="", mirror=None
    )
    own = scratch.settings_in(settings, Path(folder / "own"))
    real = Run.open(tiny.NAME, "training", LAST, own)
    scratch.copy_days(real, settings, Days(date(2026, 1, 20), LAST), folder / scratch.DELIVERED)
    return real.by(by_version.as_file(scratch.playing(real.use_case, folder), real.loaded.path))


def test_what_a_killed_command_has_played_is_removed_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spill._folder.cache_clear()

    def killed() -> None:
        with scratch.place() as folder:
            (folder / "rows.parquet").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    assert child.run(killed).signal == signal.SIGKILL
    assert list(tmp_path.rglob("rows.parquet"))
    with scratch.place() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert not list(tmp_path.rglob("rows.parquet"))
    assert not folder.exists()
    spill._folder.cache_clear()


def test_a_day_alone_has_the_features_that_it_has_among_others(run: Run) -> None:
    alone = scratch.features_of(run, Days(LAST, LAST)).order("id").fetchall()
    among = scratch.features_of(run, Days(LAST - timedelta(days=6), LAST)).filter(f"\"at\"::DATE = '{LAST}'")
    assert len(alone) == tiny.ROWS_A_DAY
    assert alone == among.order("id").fetchall()
