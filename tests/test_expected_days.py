"""Days on which no delivery is expected: they need no file, and are empty nights that say so.

A file that is missed is refused.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines import flow, runner
from pipelines.commands.backfill import backfill
from pipelines.core import dates
from pipelines.core.config import Expected, FileSource, GatedTable, Kind
from pipelines.core.errors import BadInput
from pipelines.gates import ask, gate
from pipelines.gates.earlier import partitions
from pipelines.run.run import Run
from pipelines.steps import ingest
from pipelines.storage.settings import Settings
from tests.helpers import tiny

WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
HOLIDAY = date(2026, 2, 3)  # a Tuesday
TRAINING, FIRST = date(2026, 1, 31), date(2026, 1, 1)
WEEK = [date(2026, 2, 1) + timedelta(days=n) for n in range(7)]  # Sunday to Saturday
EXTRA = WEEK[6]  # a Saturday on which a file comes all the same
GATED: tuple[GatedTable, ...] = ("raw", "clean", "past", "features", "predictions")
WEEKLY = Expected.model_validate({"weekdays": WEEKDAYS, "holidays": [HOLIDAY]})


def wrote(folder: Path, day: date, rows: int | None = None) -> Path:
    pq.write_table(tiny.payments(day).slice(0, rows), folder / f"{day}.parquet")
    return folder / f"{day}.parquet"


def text(
    folder: Path,
    expected: str = "{weekdays: [mon, tue, wed, thu, fri], holidays: [2026-02-03]}",
    more: str = "",
) -> str:
    stated = (
        f'{{kind: file, path: "{folder}/{{partition}}.parquet", format: {{type: parquet}}, expected:'
        f" {expected}}}"
    )
    return (
        tiny.YAML.replace('{kind: python, function: "tests.helpers.tiny:payments"}', stated)
        .replace("  linear: {grid: {C: [0.1, 1]}}\n", "")
        .replace("max_depth: [2, 3]", "max_depth: [2]")
        + more
    )


def opened(settings: Settings, kind: Kind, partition: date) -> Run:
    return Run.open(tiny.NAME, kind, partition, settings)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Settings:
    """A training and a week of nights, of which Sunday and a holiday have no file."""
    place = tmp_path_factory.mktemp("expected")
    for folder in ("use_cases", "var", "delivered"):
        (place / folder).mkdir()
    shutil.copy(mlflow_database, place / "var" / "mlflow.db")
    settings = Settings(
        data=place / "data",
        use_cases=place / "use_cases",
        var=place / "var",
        mlflow=f"sqlite:///{place}/var/mlflow.db",
        mirror=None,
    )
    for n in range(38):
        if (day := FIRST + timedelta(days=n)) in WEEKLY or day == EXTRA:
            wrote(place / "delivered", day)
    (settings.use_cases / "tiny.yaml").write_text(text(place / "delivered"))
    runner.run_all(opened(settings, "training", TRAINING))
    for night in WEEK:
        runner.run_all(opened(settings, "scoring", night))
    return settings


@pytest.fixture
def delivered(settings: Settings, tmp_path: Path) -> Path:
    """A use case without any file yet."""
    (tmp_path / "delivered").mkdir()
    (settings.use_cases / "tiny.yaml").write_text(text(tmp_path / "delivered"))
    return tmp_path / "delivered"


def refusal(run: Run) -> str:
    with pytest.raises(BadInput) as refused:
        flow.ingest(run.task())
    return str(refused.value)


# --- what goes on


def test_a_training_takes_the_days_that_have_files(lived: Settings) -> None:
    days = dates.days_of(opened(lived, "training", TRAINING).use_case, "training", TRAINING)
    rows = opened(lived, "training", TRAINING).store.manifest("raw").rows
    assert rows == tiny.ROWS_A_DAY * sum(day in WEEKLY for day in days) < tiny.ROWS_A_DAY * len(days)


@pytest.mark.parametrize(("night", "said"), [(WEEK[0], "Sunday 2026-02-01"), (HOLIDAY, "Tuesday 2026-02-03")])
def test_a_night_without_a_delivery_is_published_empty_and_each_gate_says_why(
    lived: Settings, night: date, said: str
) -> None:
    run = opened(lived, "scoring", night)
    for table in GATED:
        evidence = json.loads(run.store.read_file(f"gates/{table}.json"))
        assert evidence["passed"]
        if table != "past":
            assert (
                evidence["note"]
                == f"there were no rows to judge, since no delivery is expected on {said}: source.expected"
                " says so"
            )
            assert run.store.manifest(table).rows == 0


def test_nights_after_it_compare_their_rows_with_days_that_had_some(lived: Settings) -> None:
    after = opened(lived, "scoring", WEEK[3])
    assert [store.partition for store in partitions.sound(after, "raw")] == [WEEK[1]]


def test_a_file_on_a_day_that_is_not_expected_is_read(lived: Settings) -> None:
    assert opened(lived, "scoring", EXTRA).store.manifest("predictions").rows == tiny.ROWS_A_DAY


def test_a_backfill_goes_over_such_days(lived: Settings) -> None:
    (line,) = backfill(tiny.NAME, dates.Days(HOLIDAY, HOLIDAY), "then", lived)
    assert line == "tiny scoring 2026-02-03: 0 rows by version none, unchanged"


def test_a_week_is_compared_without_nights_that_need_not_have_run(lived: Settings, tmp_path: Path) -> None:
    shutil.copytree(lived.disk, tmp_path / "data")
    own = replace(lived, data=tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "tiny" / "scoring" / WEEK[0].isoformat())
    runner.run_all(opened(own, "drift", WEEK[0]))
    compared = (
        opened(own, "drift", WEEK[0])
        .store.read("drift")
        .filter("subject = 'amount'")
        .project("current_rows")
        .fetchall()
    )
    assert compared == [(5 * tiny.ROWS_A_DAY,)]


# --- what is refused


@pytest.mark.parametrize("more", ["", "limits: {empty_nights: true}\n"])
def test_an_expected_day_without_a_file_is_refused(settings: Settings, delivered: Path, more: str) -> None:
    (settings.use_cases / "tiny.yaml").write_text(text(delivered, more=more))
    wrote(delivered, WEEK[1])
    said = refusal(opened(settings, "scoring", WEEK[2] + timedelta(days=1)))
    assert "for 1 of 1 expected days\n  - 2026-02-04" in said
    assert "one that source.expected leaves out" in said


def test_the_first_file_of_all_is_missed_too_by_its_own_night(settings: Settings, delivered: Path) -> None:
    (settings.use_cases / "tiny.yaml").write_text(text(delivered, more="limits: {empty_nights: true}\n"))
    assert "for 1 of 1 expected days\n  - 2026-02-02" in refusal(opened(settings, "scoring", WEEK[1]))


@pytest.mark.parametrize(
    "expected", ["{weekdays: [mon, tue, wed, thu, fri], holidays: [2026-02-03]}", "null"]
)
@pytest.mark.parametrize("more", ["", "limits: {empty_nights: true}\n"])
def test_a_file_that_is_gone_from_the_past_is_missed_from_the_first_one_on(
    settings: Settings, delivered: Path, expected: str, more: str
) -> None:
    (settings.use_cases / "tiny.yaml").write_text(text(delivered, expected, more))
    friday, monday = date(2026, 2, 6), date(2026, 2, 9)
    for day in dates.Days(date(2026, 2, 4), monday):
        wrote(delivered, day)
    flow.ingest(opened(settings, "scoring", monday).task())  # before the first file, none is missed
    (delivered / f"{friday}.parquet").unlink()
    assert "\n  - 2026-02-06\n" in refusal(opened(settings, "scoring", monday))


def test_an_expected_day_whose_file_has_no_rows_is_an_empty_night_s_matter(
    settings: Settings, delivered: Path
) -> None:
    wrote(delivered, WEEK[1], rows=0)
    assert "no rows for 2026-02-02" in refusal(opened(settings, "scoring", WEEK[1]))
    (settings.use_cases / "tiny.yaml").write_text(text(delivered, more="limits: {empty_nights: true}\n"))
    flow.ingest(opened(settings, "scoring", WEEK[1]).task())
    assert gate.verdict_on(opened(settings, "scoring", WEEK[1]), "raw").note == ask.EMPTY_NIGHT


def test_a_training_of_nothing_but_days_off_is_refused(settings: Settings, delivered: Path) -> None:
    (settings.use_cases / "tiny.yaml").write_text(text(delivered, "{days: [2026-05-01]}"))
    said = refusal(opened(settings, "training", TRAINING))
    assert (
        "no rows for 2026-01-11 to 2026-01-30; no delivery is expected on any of them, and there is none"
        in said
    )


def test_the_first_file_is_told_by_its_date_and_not_by_another_one_in_its_name(
    settings: Settings, delivered: Path
) -> None:
    (settings.use_cases / "tiny.yaml").write_text(
        text(delivered).replace("{partition}.parquet", "{partition}_of_*.parquet")
    )
    wrote(delivered, WEEK[1]).rename(delivered / f"{WEEK[1]}_of_2019-19-01_2019-01-01.parquet")
    wrote(delivered, WEEK[2]).rename(delivered / "2019-19-01_of_nothing.parquet")  # no such day
    assert (
        ingest.rows(
            opened(settings, "scoring", WEEK[1]), dates.Days(FIRST, WEEK[1]), may_be_empty=True
        ).shape[0]
        == tiny.ROWS_A_DAY
    )


# --- what may be stated


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_a_day_is_expected_by_its_weekday_unless_it_is_a_holiday(day: date) -> None:
    expected = Expected.model_validate({"weekdays": WEEKDAYS, "holidays": [HOLIDAY]})
    assert (day in expected) == (day.weekday() < 5 and day != HOLIDAY)
    assert (day in Expected.model_validate({"holidays": [HOLIDAY]})) == (day != HOLIDAY)


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.sets(st.dates(date(2020, 1, 1), date(2030, 1, 1)), min_size=1, max_size=5),
)
def test_a_list_tells_each_day_up_to_its_last_and_excuses_none_after_it(day: date, days: set[date]) -> None:
    assert (day in Expected.model_validate({"days": sorted(days)})) == (day in days or day > max(days))


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        ({}, "states nothing; write weekdays"),
        ({"days": [HOLIDAY], "weekdays": ["mon"]}, "either a list of days, or days of the week"),
        ({"weekdays": ["mon", "mon"]}, "weekdays: mon stands there twice"),
        ({"holidays": [HOLIDAY, HOLIDAY]}, "holidays: 2026-02-03 stands there twice"),
        ({"weekdays": ["Montag"]}, "Input should be 'mon', 'tue'"),
        ({"weekdays": []}, "at least 1 item"),
        ({"days": []}, "at least 1 item"),
        ({"except": [HOLIDAY]}, "Extra inputs are not permitted"),
    ],
)
def test_what_says_too_little_or_too_much_is_refused(stated: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Expected.model_validate(stated)


def test_a_path_that_names_no_day_expects_none() -> None:
    with pytest.raises(
        ValidationError, match=r"this path names no day; put \{partition\} where the date stands"
    ):
        FileSource.model_validate(
            {"kind": "file", "path": "d.csv", "format": {"type": "csv"}, "expected": {"weekdays": ["mon"]}}
        )
