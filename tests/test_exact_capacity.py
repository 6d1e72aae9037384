"""So many alarms a night, by rank: of a night in several shards, and of one that rows join afterwards."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from pipelines import runner
from pipelines.commands import replay
from pipelines.run.run import Run
from pipelines.storage import parts
from pipelines.storage.settings import Settings
from tests.helpers import night
from tests.helpers.night import NIGHT, TRAINING

ALARMS = 3
FILE = (
    night.SMALL.replace(
        "policy: max_recall, precision: 0.5", f"policy: capacity, alarms_a_day: {ALARMS}, exact: true"
    )
    .replace("cleanse:\n", "cleanse:\n  max_quarantined: 0.9\n")
    .replace("slices:", "reasons: 2\nslices:")
)


@dataclass(frozen=True)
class World:
    settings: Settings

    def says(self, amount: str) -> World:
        """The file, with a rule on amounts."""
        (self.settings.use_cases / "tiny.yaml").write_text(FILE.replace("min: 0", amount))
        return self

    def run(self) -> Run:
        return Run.open("tiny", "scoring", NIGHT, self.settings)

    def predictions(self) -> pd.DataFrame:
        found: pd.DataFrame = self.run().store.read("predictions").df()
        return found


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> World:
    """A night of which a rule that is too strict has left the costly rows, the likely ones, in quarantine."""
    place = tmp_path_factory.mktemp("exact")
    (place / "use_cases").mkdir()
    (place / "var").mkdir()
    shutil.copy(mlflow_database, place / "var" / "mlflow.db")
    settings = Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place / "var",
        mlflow=f"sqlite:///{place}/var/mlflow.db",
        mirror=None,
    )
    world = World(settings).says("min: 0, max: 80")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parts, "ROW_GROUP", 10)
        runner.run_all(Run.open("tiny", "training", TRAINING, settings))
        runner.run_all(world.run())
    return world


def greatest(rows: pd.DataFrame) -> list[str]:
    """The keys that ought to be alarms."""
    return sorted(rows.sort_values(["score", "id"], ascending=[False, True]).head(ALARMS).id)


def test_the_greatest_scores_over_all_shards_are_the_alarms_and_have_reasons(scored: World) -> None:
    rows, store = scored.predictions(), scored.run().store
    assert len(list((store.disk / "predictions").glob("*-of-*"))) > 1
    assert sorted(rows[rows.decision == 1].id) == greatest(rows)
    assert rows.reasons.notna().tolist() == (rows.decision == 1).tolist()
    assert store.manifest("predictions").inputs[f"scoring/{NIGHT}/features"] == store.digest("features")


def test_who_joins_a_night_afterwards_may_take_an_alarms_place(scored: World) -> None:
    before = scored.predictions()
    replay.replay(scored.says("min: 0, max: 95").run())
    rows = scored.predictions()
    assert len(rows) > len(before)
    assert sorted(rows[rows.decision == 1].id) == greatest(rows) != greatest(before)
    assert rows.reasons.notna().tolist() == (rows.decision == 1).tolist()
