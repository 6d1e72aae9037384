"""The tiny use case with two champions, one after the other: what nights, histories and versions are tested
on.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa

from pipelines import flow, runner
from pipelines.core.config import Kind
from pipelines.registry import registry
from pipelines.registry.history import History
from pipelines.run import archive
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import tiny
from tests.helpers.ways import WAYS
from tests.registry.test_history import FIRST

FIRST_TRAINING, SECOND_TRAINING = date(2026, 1, 31), date(2026, 2, 3)

delivered: dict[date, pa.Table] = {}  # what the source gives on a day, if it is not what it always gives


def payments(day: date) -> pa.Table:
    """Tiny's payments, unless a test has put others in their place."""
    return delivered.get(day, tiny.payments(day))


def way_of(settings: Settings, kind: Kind, day: date) -> Run:
    """A run of the use case."""
    return Run.open("tiny", kind, day, settings)


def write(settings: Settings, regularisation: float = 1) -> None:
    """Write the use-case file, with one linear candidate."""
    text = tiny.YAML.replace(
        '"tests.helpers.tiny:payments"', '"tests.helpers.two_champions:payments"'
    ).replace("[0.1, 1]", f"[{regularisation}]")
    (settings.use_cases / "tiny.yaml").write_text(
        text.replace("  xgboost: {grid: {n_estimators: [20], max_depth: [2, 3]}}\n", "")
    )


def make(place: Path, mlflow_database: Path) -> Settings:
    """Version 1 is champion by the training of 31 January, version 2, which regularises more, by that of 3
    February.
    """
    for folder in ("use_cases", "var"):
        (place / folder).mkdir()
    shutil.copy(mlflow_database, place / "var" / "mlflow.db")
    own = Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place / "var",
        mlflow=f"sqlite:///{place}/var/mlflow.db",
        mirror=None,
    )
    write(own)
    runner.run_all(way_of(own, "training", FIRST_TRAINING))
    write(own, regularisation=0.01)
    archive.keep(way_of(own, "training", SECOND_TRAINING))
    for step, _ in WAYS["training"][
        :-1
    ]:  # whether it is good enough for a promotion is not what these tests are about
        run = way_of(own, "training", SECOND_TRAINING)
        flow.STEPS[step](run.task(), "linear") if step == "tune" else flow.STEPS[step](run.task())
    History.of(own, "tiny").append(
        replace(FIRST, version="2", previous="1", partition=SECOND_TRAINING.isoformat())
    )
    registry.follow(own, "tiny")
    write(own)
    return own
