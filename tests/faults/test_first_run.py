"""What is made once, by a first training: DVC's repository, MLflow's database and experiment.

Killed at any operation, the next training is whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipelines import runner
from pipelines.core.config import Step
from pipelines.registry import snapshot, tracking
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.faults import kills
from tests.faults.conftest import World, bring_back
from tests.helpers import child, night, tiny
from tests.helpers.night import Night

pytestmark = pytest.mark.slow
FEW = {"snapshot": 12, "tune": 3}


def take(settings: Settings, step: Step, share: str | None = None) -> None:
    runner.take(Run.open(tiny.NAME, "training", night.TRAINING, settings), step, share)


def found(settings: Settings) -> dict[str, bytes]:
    """What a reader may find below the data root, and how DVC is told to keep it."""
    dvc = {name: (settings.disk / name).read_bytes() for name in (".dvc/config", ".dvcignore")}
    return Night(settings, row_group=10).files() | dvc


def told(settings: Settings) -> dict[str, Any]:
    """What MLflow knows, without what is drawn by chance."""
    client = tracking.connect(settings)
    home = client.get_experiment_by_name(tiny.NAME)
    assert home is not None
    named = {
        str(run.info.run_name): (run.info.status, run.data.params, run.data.tags)
        for run in client.search_runs([home.experiment_id])
    }
    unseeded = ("mlflow.parentRunId", "mlflow.user")
    return {
        name: (status, params, {tag: tags[tag] for tag in tags if tag not in unseeded})
        for name, (status, params, tags) in named.items()
    }


def restored(settings: Settings, place: Path) -> int:
    """How many files come back from the remote alone."""
    shutil.rmtree(settings.disk / ".dvc" / "cache")
    folder = snapshot.restore(settings, tiny.NAME, str(night.TRAINING), place)
    return len(list(folder.iterdir()))


def test_the_first_snapshot_of_a_data_root_killed_anywhere(
    world: World, settings: Settings, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    place = settings.disk.parent
    snapshotted = partial(take, settings, "snapshot")
    begin = partial(bring_back, world.before["snapshot"], place)
    begin()
    assert not (settings.disk / ".dvc").exists()
    child.run(snapshotted).value()
    clean = found(settings)
    assert child.run(partial(restored, settings, tmp_path / "clean")).value() == 1

    def check() -> None:
        child.run(snapshotted).value()
        assert found(settings) == clean
        assert not list(settings.disk.glob(".dvc-making-*"))
        assert child.run(partial(restored, settings, tmp_path / "back")).value() == 1
        shutil.rmtree(tmp_path / "back")

    killed = kills.at_moments(snapshotted, place, FEW["snapshot"], begin, check)
    record_property("kills", str(killed))
    print(f"first snapshot: {killed}")  # noqa: T201  (shown by pytest -s)
    assert killed.killed == killed.chosen


def test_the_first_use_of_mlflow_killed_anywhere(
    world: World, settings: Settings, record_property: Callable[[str, object], None]
) -> None:
    place = settings.disk.parent
    tuned = partial(take, settings, "tune", "linear")

    def begin() -> None:
        bring_back(world.before["tune"], place)
        (settings.var / "mlflow.db").unlink()

    begin()
    child.run(tuned).value()
    clean, known = Night(settings, row_group=10).files(), child.run(partial(told, settings)).value()
    assert len(known) == 2

    def check() -> None:
        child.run(tuned).value()
        assert Night(settings, row_group=10).files() == clean
        assert child.run(partial(told, settings)).value() == known
        assert not list(settings.var.glob(".making-*"))

    killed = kills.at_moments(tuned, place, FEW["tune"], begin, check)
    record_property("kills", str(killed))
    print(f"first use of MLflow: {killed}")  # noqa: T201  (shown by pytest -s)
    assert killed.killed == killed.chosen
