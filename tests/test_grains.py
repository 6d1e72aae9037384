"""A use case whose partitions are weeks from Saturday on: a training, nights, a report, and what names them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from pipelines import runner
from pipelines.commands import backfill, monitor, selftest
from pipelines.commands.rehearse import rehearse
from pipelines.core import dates
from pipelines.core.errors import BadInput
from pipelines.registry.history import History
from pipelines.run import plan
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import grained

TRAINING, FIRST, LAST = date(2026, 3, 7), date(2026, 3, 14), date(2026, 3, 21)
YAML = grained.yaml(
    grained.WEEKLY,
    "of_week",
    140,
    ("delay_days: 2", "delay_days: 8"),
    ("since: 7d}", "since: 49d}"),
    ("since: 7d, until: 2d", "since: 49d, until: 14d"),
    ("C: [0.1, 1]", "C: [1]"),
    ("  xgboost: {grid: {n_estimators: [20], max_depth: [2, 3]}}\n", ""),
    ("demo:", "monitoring: {partitions: 2}\ndemo:"),
)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Settings:
    """A training, the two weeks after it, and the report of these."""
    place = tmp_path_factory.mktemp("grained")
    (place / "use_cases").mkdir()
    (place / "use_cases" / f"{grained.NAME}.yaml").write_text(YAML)
    shutil.copy(mlflow_database, place / "mlflow.db")
    settings = Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place,
        mlflow=f"sqlite:///{place / 'mlflow.db'}",
        mirror=None,
    )
    for kind, partition in (("training", TRAINING), ("scoring", FIRST), ("scoring", LAST), ("drift", FIRST)):
        runner.run_all(Run.open(grained.NAME, kind, partition, settings))  # type: ignore[arg-type]
    return settings


def test_a_training_takes_the_whole_weeks_whose_labels_are_known_when_its_own_is_over(
    lived: Settings,
) -> None:
    run = Run.open(grained.NAME, "training", TRAINING, lived)
    # Its own week is over on 14 March; a label comes after eight days, so that of Friday 6 March is the last.
    assert str(run.days) == "2025-10-18 to 2026-02-28"
    assert len(run.days) == 140 // 7
    assert run.store.manifest("features").rows == 40 * len(run.days)
    assert str(run.past_days) == "2025-08-30 to 2025-10-11"


def test_the_last_weeks_are_held_out_from_their_first_moment_on(lived: Settings) -> None:
    features = Run.open(grained.NAME, "training", TRAINING, lived).store.read("features")
    ((last, first),) = features.aggregate(
        "max(\"at\") FILTER (split = 'train'), min(\"at\") FILTER (split = 'test')"
    ).fetchall()
    assert last < datetime(2026, 1, 31) <= first


def test_a_row_is_scored_with_its_week(lived: Settings) -> None:
    night = Run.open(grained.NAME, "scoring", FIRST, lived)
    ((rows, first, last, named),) = (
        night.store.read("predictions").aggregate('count(*), min("at"), max("at"), any_value("partition")')
    ).fetchall()
    assert (rows, named) == (40, FIRST)
    assert datetime(2026, 3, 14) <= first < last < datetime(2026, 3, 21)


def test_the_report_is_about_as_many_weeks_as_the_file_says(lived: Settings) -> None:
    run = Run.open(grained.NAME, "drift", FIRST, lived)
    assert str(run.days) == "2026-03-14 to 2026-03-21"
    measured = run.store.read("drift_days").project("day").distinct().order("day").fetchall()
    assert [day for (day,) in measured] == [FIRST, LAST]
    performed = run.store.read("drift").filter("kind = 'performance' AND subject = 'aucpr'").df()
    # Labels are due of the weeks until 14 March.
    assert performed.judged_days.tolist() == [1]
    assert run.store.read("diagnosis").filter("kind = 'decision'").df().subject.tolist() == ["nothing"]


def test_the_champion_holds_from_the_moment_at_which_its_trainings_week_is_over(lived: Settings) -> None:
    (promoted,) = History.of(lived, grained.NAME).changes()
    assert promoted.holds_from == "2026-03-14T00:00:00"
    assert promoted.since == date(2026, 3, 14)
    assert promoted.moment == dates.starts_at(
        Run.open(grained.NAME, "training", TRAINING, lived).use_case, "training", TRAINING
    )


def test_a_backfill_goes_from_week_to_week_and_changes_nothing(lived: Settings) -> None:
    weeks = grained.SATURDAYS.span(FIRST, LAST)
    told = list(backfill.backfill(grained.NAME, weeks, "then", lived))
    assert [line.split(":")[0] for line in told] == [f"{grained.NAME} scoring {week}" for week in weeks]
    assert all("unchanged" in line for line in told)


def test_a_row_of_another_week_is_refused_with_its_place(lived: Settings, tmp_path: Path) -> None:
    file = tmp_path / "use_cases" / f"{grained.NAME}.yaml"
    file.parent.mkdir()
    file.write_text(YAML.replace("grained:of_week", "grained:of_the_week_before"))
    settings = replace(lived, data=tmp_path / "data", use_cases=file.parent)
    with pytest.raises(BadInput, match=r"row 1: at is 2026-03-07 .*, of another week"):
        runner.take(Run.open(grained.NAME, "scoring", FIRST, settings), "ingest")


def test_what_plays_days_alone_says_so_of_weeks(lived: Settings) -> None:
    asked = [
        selftest.prove(lived, grained.NAME),
        monitor.prove(lived, grained.NAME, monitor.Asked()),
        rehearse(lived, grained.NAME, grained.SATURDAYS.span(FIRST, LAST)),
    ]
    for lines in asked:
        with pytest.raises(BadInput, match="only such are played"):
            list(lines)


def test_an_hour_goes_through_its_steps_and_gates_and_is_called_by_its_hour(
    lived: Settings, tmp_path: Path
) -> None:
    (tmp_path / f"{grained.NAME}.yaml").write_text(
        grained.yaml(
            grained.HOURLY,
            "of_hour",
            3,
            ("delay_days: 2", "delay_days: 0"),
            ("since: 7d}", "since: 7h}"),
            ("since: 7d, until: 2d", "since: 31h, until: 1h"),
        )
    )
    hour = grained.HOURS.parse("2026-03-29T01")  # which Berlin's clocks skip
    settings = replace(lived, data=tmp_path / "data", use_cases=tmp_path)
    run = Run.open(grained.NAME, "scoring", hour, settings)
    for step in plan.steps_of(run.use_case, "scoring")[:4]:
        runner.take(run, step.name)
        if step.gate:
            runner.gate(run, step.gate)
    assert str(run.past_days) == "2026-03-27T18 to 2026-03-29T00"
    assert run.store.manifest("features").rows == 40
    assert run.store.where == "grained/scoring/2026-03-29T01"
    assert run.store.partitions("scoring") == [hour]
    (own,) = run.store.read("days").filter('"own"').project('"day"').fetchall()
    assert own == (datetime(2026, 3, 29, 1),)
