"""Weekly sales that are predicted when their week begins: a training, two weeks, and their report."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from pipelines import runner
from pipelines.composition.by_version import as_file
from pipelines.core import dates, other_rows
from pipelines.core.config import Kind, UseCase
from pipelines.core.errors import GateClosed
from pipelines.preflight.check import check
from pipelines.run.run import Run
from pipelines.storage.settings import Settings

NAME = "sales"
TRAINING, FIRST, LAST = date(2026, 3, 7), date(2026, 3, 14), date(2026, 3, 21)
STORES = 12
LATE: set[date] = set()
YAML = """
name: sales
title: What does a store sell in the week that begins? One row is one store and week.
task: regression
source: {kind: python, function: "tests.test_ahead:weeks"}
partition: {every: week, starts: saturday, predict: ahead}
sources:
  visits:
    source: {kind: python, function: "tests.test_ahead:visits"}
    columns:
      visit: {type: string, role: key}
      at: {type: timestamp, role: time}
      store: {type: string, required: true}
columns:
  id: {type: string, role: key}
  week: {type: timestamp, role: time}
  store: {type: string, required: true}
  price: {type: number, min: 0}
  units: {type: number, role: label, min: 0}
label: {delay_days: 7}
features:
  windows:
    week_before: {by: [store], since: 7d, until: 7d}
    month_before: {by: [store], since: 28d, until: 7d}
    lately: {source: visits, by: [store], since: 7d}
  numbers:
    price: price
    lag_1: sum(units) over week_before
    mean_4: avg(units) over month_before
    visits: count(*) over lately
split: {window_days: 280, by: time, test: 0.25, folds: {by: time, n: 3}}
candidates:
  baseline: {rule: lag_1}
  linear: {grid: {alpha: [1]}}
metric: {name: rmse}
promotion: {unit: row}
monitoring: {partitions: 2}
demo: {training: 2026-03-07}
"""


def units(store: int, week: date) -> float:
    """A store's level, a slow wave, and what a low price does."""
    n = week.toordinal() // 7
    return float(40 + 5 * store + 10 * ((n * 7 + store) % 13) + (20 if price(store, week) < 2 else 0))


def price(store: int, week: date) -> float:
    return 1.5 if (week.toordinal() // 7 + store) % 5 == 0 else 2.0


def weeks(week: date) -> pa.Table:
    """All stores in a week; its units are known when it is over, and here all the same."""
    begun = datetime(week.year, week.month, week.day) + timedelta(hours=int(week in LATE))
    rows = [
        {
            "id": f"{week}-{store}",
            "week": begun,
            "store": f"s{store}",
            "price": price(store, week),
            "units": units(store, week),
        }
        for store in range(STORES)
    ]
    return pa.Table.from_pylist(rows)


def visits(week: date) -> pa.Table:
    """As many visits of a store in a week as its number, one an hour."""
    begun = datetime(week.year, week.month, week.day)
    rows = [
        {"visit": f"{week}-{store}-{n}", "at": begun + timedelta(hours=n), "store": f"s{store}"}
        for store in range(STORES)
        for n in range(store + 1)
    ]
    return pa.Table.from_pylist(rows)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Settings:
    """A training, the two weeks after it, and their report."""
    place = tmp_path_factory.mktemp("ahead")
    (place / "use_cases").mkdir()
    (place / "use_cases" / f"{NAME}.yaml").write_text(YAML)
    shutil.copy(mlflow_database, place / "mlflow.db")
    settings = Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place,
        mlflow=f"sqlite:///{place / 'mlflow.db'}",
        mirror=None,
    )
    for kind, partition in (("training", TRAINING), ("scoring", FIRST), ("scoring", LAST), ("drift", FIRST)):
        runner.run_all(opened(settings, kind, partition))  # type: ignore[arg-type]
    return settings


def opened(settings: Settings, kind: Kind, partition: date) -> Run:
    return Run.open(NAME, kind, partition, settings)


def use_case(**changes: object) -> UseCase:
    return UseCase.model_validate({**yaml.safe_load(YAML), **changes})


def test_the_file_is_good() -> None:
    assert check(as_file(use_case(), Path("sales.yaml"))) == []


def test_a_week_is_predicted_when_it_begins_and_others_when_they_are_over() -> None:
    assert dates.starts_at(use_case(), "scoring", FIRST) == datetime(2026, 3, 14)
    assert dates.starts_at(use_case(), "training", TRAINING) == datetime(2026, 3, 14)
    assert dates.starts_at(use_case(), "drift", FIRST) == datetime(2026, 3, 28)
    assert dates.newest_over(use_case(), "scoring", datetime(2026, 3, 14)) == FIRST
    assert dates.newest_over(use_case(), "scoring", datetime(2026, 3, 13, 23)) == TRAINING


def test_features_are_as_of_the_week_s_first_moment(lived: Settings) -> None:
    night = opened(lived, "scoring", LAST)
    clean = night.store.read("clean").project("id, store")
    told = night.store.read("features").join(clean, "id").project("store, lag_1, visits").fetchall()
    week_before = LAST - timedelta(days=7)
    assert sorted(told) == sorted((f"s{n}", units(n, week_before), n + 1.0) for n in range(STORES))


def test_a_training_knows_of_a_row_what_its_night_has_known(lived: Settings) -> None:
    later = date(2026, 3, 21)
    training = opened(lived, "training", later)
    for step, table in (("ingest", "raw"), ("cleanse", "clean"), ("past", "past"), ("sources", "sources")):
        runner.take(training, step)  # type: ignore[arg-type]
        runner.gate(training, table)  # type: ignore[arg-type]
    runner.take(training, "features")
    of_night = (
        opened(lived, "scoring", FIRST).store.read("features").project("id, price, lag_1, mean_4, visits")
    )
    learned = training.store.read("features").project("id, price, lag_1, mean_4, visits")
    assert set(of_night.fetchall()) <= set(learned.fetchall())


def test_a_source_of_days_is_not_asked_for_a_week_that_has_not_been(lived: Settings) -> None:
    run = opened(lived, "scoring", FIRST)
    assert other_rows.asked(run.use_case, "visits", run.days).last == date(2026, 3, 7)
    ((last,),) = run.store.read("sources", ("visits",)).aggregate('max("at")').fetchall()
    assert last < datetime(2026, 3, 14)


def test_a_row_within_its_week_closes_the_gate(lived: Settings, tmp_path: Path) -> None:
    week = LAST + timedelta(days=7)
    run = opened(lived, "scoring", week)
    LATE.add(week)
    try:
        runner.take(run, "ingest")
        with pytest.raises(
            GateClosed, match="predicted when the week begins: that is the time of all its rows"
        ):
            runner.gate(run, "raw")
    finally:
        LATE.clear()


def test_a_report_judges_the_weeks_whose_labels_are_known(lived: Settings) -> None:
    drift = opened(lived, "drift", FIRST).store.read("drift")
    ((days,),) = drift.filter("kind = 'performance' AND subject = 'rmse'").project("judged_days").fetchall()
    assert days == 2


def test_a_truth_that_is_there_before_its_week_is_over_is_a_mistake() -> None:
    changed = use_case(label={"delay_days": 6})
    mistakes = [sentence for _, sentence in check(as_file(changed, Path("sales.yaml")))]
    assert any(
        "known 6 days after that is known before the week is over: write 7 or more" in one for one in mistakes
    )


def test_a_window_over_sales_that_are_not_known_yet_is_a_mistake() -> None:
    facts = yaml.safe_load(YAML)
    facts["features"]["windows"]["week_before"]["until"] = "6d"
    mistakes = [sentence for _, sentence in check(as_file(UseCase.model_validate(facts), Path("sales.yaml")))]
    assert mistakes == [
        "features.numbers.lag_1: 'units' over week_before: not known yet; the window's until must be at least 7d"
    ]
