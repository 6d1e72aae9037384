"""Days of a use case that is played beside its real life."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines.commands import scratch
from pipelines.composition import by_version
from pipelines.core.dates import Days
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny

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


def test_a_day_alone_has_the_features_that_it_has_among_others(run: Run) -> None:
    alone = scratch.features_of(run, Days(LAST, LAST)).order("id").fetchall()
    among = scratch.features_of(run, Days(LAST - timedelta(days=6), LAST)).filter(f"\"at\"::DATE = '{LAST}'")
    assert len(alone) == tiny.ROWS_A_DAY
    assert alone == among.order("id").fetchall()
