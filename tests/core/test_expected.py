"""The calendar of deliveries, of any source and grain; and what it forbids."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines.core.config import Expected, FileSource, UseCase
from pipelines.core.errors import BadInput, BadUseCase
from pipelines.core.use_cases import Loaded, parse
from pipelines.preflight import check
from tests.helpers import grained, tiny

SATURDAY, MONDAY, TUESDAY = date(2026, 2, 7), date(2026, 2, 9), date(2026, 2, 10)


def loaded(more: str) -> Loaded:
    return parse(Path(f"{tiny.NAME}.yaml"), f"{tiny.YAML}{more}\n".encode())


def of(more: str) -> UseCase:
    return loaded(more).use_case


def test_any_source_has_a_calendar() -> None:
    use_case = of("partition: {expected: {weekdays: [mon, tue]}}")
    assert [use_case.expects(day) for day in (SATURDAY, MONDAY, TUESDAY)] == [False, True, True]


def test_a_source_of_files_knows_it_too() -> None:
    files = '{kind: file, path: "rows/{partition}.csv", format: {type: csv}}'
    text = tiny.YAML.replace('{kind: python, function: "tests.helpers.tiny:payments"}', files)
    content = f"{text}partition: {{expected: {{weekdays: [mon]}}}}\n"
    source = parse(Path("tiny.yaml"), content.encode()).use_case.source
    assert isinstance(source, FileSource)
    assert source.expected == Expected(weekdays=("mon",))


def test_an_hour_is_expected_on_its_day() -> None:
    use_case = of("partition: {every: hour, expected: {weekdays: [mon]}}")
    hours = ["2026-02-07T05", "2026-02-09T05"]
    assert [use_case.expects(grained.HOURS.parse(hour)) for hour in hours] == [False, True]


def test_weeks_are_listed_by_their_first_days() -> None:
    use_case = of("partition: {every: week, starts: saturday, expected: {holidays: [2026-02-07]}}")
    assert [use_case.expects(week) for week in (SATURDAY, date(2026, 2, 14))] == [False, True]
    with pytest.raises(BadUseCase, match="a week has all of them; write days, or holidays"):
        of("partition: {every: week, expected: {weekdays: [mon]}}")


def test_dates_may_stand_in_a_file_that_is_read_anew_when_it_is_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "holidays.txt"
    file.write_text("# of the state\n2026-02-09  # Rose Monday\n\n")
    use_case = of(f"partition: {{expected: {{holidays_file: {file}}}}}")
    assert [use_case.expects(day) for day in (SATURDAY, MONDAY, TUESDAY)] == [True, False, True]
    file.write_text("2026-02-09\n2026-02-10\n2026-02-11\n")
    assert not use_case.expects(TUESDAY)
    listed = of(f"partition: {{expected: {{days_file: {file}}}}}")
    assert [listed.expects(day) for day in (SATURDAY, MONDAY, date(2026, 2, 12))] == [False, True, True]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("2026-02-09\n9.2.2026\n", "line 2: '9.2.2026'"),
        ("2026-02-30\n", "line 1: '2026-02-30'"),
        ("# none\n", "holds no date"),
    ],
)
def test_a_file_that_is_no_list_of_dates_is_refused_when_it_is_checked_and_when_it_is_asked(
    tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "days.txt"
    file.write_text(content)
    stated = loaded(f"partition: {{expected: {{days_file: {file}}}}}")
    with pytest.raises(BadInput, match=said):
        stated.use_case.expects(MONDAY)
    assert [said in sentence for _, sentence in check.check(stated)] == [True]


def test_a_file_that_is_gone_is_told() -> None:
    (found,) = check.check(loaded("partition: {expected: {days_file: nowhere/days.txt}}"))
    assert "partition.expected: no file 'nowhere/days.txt'" in found[1]


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("{days: [2026-02-09], days_file: days.txt}", "states days and days_file"),
        ("{weekdays: [mon], days_file: days.txt}", "either a list of days, or days of the week"),
        ("{holidays_file: ../days.txt}", "leads up by `..`"),
    ],
)
def test_a_calendar_is_stated_in_one_way(stated: str, said: str) -> None:
    with pytest.raises(BadUseCase, match=said):
        of(f"partition: {{expected: {stated}}}")


@pytest.mark.parametrize(
    ("more", "where", "said"),
    [
        (
            "partition: {expected: {weekdays: [sat]}}\nschedule: {scoring: '0 2 * * mon'}",
            "schedule.scoring",
            "never runs for a day of which a delivery is expected, such as for 2026-01-04",
        ),
        ("partition: {every: month}", "split.window_days", "20 days hold 1 month"),
    ],
)
def test_what_a_calendar_forbids_is_found_without_data(more: str, where: str, said: str) -> None:
    found = [sentence for _, sentence in check.check(loaded(more)) if sentence.startswith(where)]
    assert len(found) == 1
    assert said in found[0]


def test_a_schedule_that_runs_for_some_expected_partition_is_good() -> None:
    more = "partition: {expected: {weekdays: [sat]}}\nschedule: {scoring: '0 2 * * sun'}"
    assert check.check(loaded(more)) == []


def test_hours_need_a_format_that_reads_one() -> None:
    text = tiny.YAML.replace("at:       {type: timestamp,", "at: {type: timestamp, format: '%Y-%m-%d',")
    stated = parse(Path("tiny.yaml"), f"{text}partition: {{every: hour}}\n".encode())
    said = [sentence for _, sentence in check.check(stated) if "reads no hour" in sentence]
    assert len(said) == 1
