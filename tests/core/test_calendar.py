"""Partitions tile time, whatever their grain, zone and first moment, and SQL cuts it as Python does."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.calendar import DAILY, Calendar, Hour, literal, named, plain
from pipelines.core.errors import BadInput, BadUseCase
from pipelines.core.use_cases import parse
from tests.helpers import tiny

SATURDAYS = Calendar("week", starts=5)
CALENDARS = (
    DAILY,
    SATURDAYS,
    Calendar("hour"),
    Calendar("month"),
    Calendar("day", at=time(3), zone="Europe/Berlin"),
    Calendar("day", zone="Asia/Kathmandu"),  # 5:45 hours ahead
    Calendar("week", starts=6, at=time(4, 30), zone="America/New_York"),
    Calendar("week", zone="Australia/Lord_Howe"),  # whose clocks change by half an hour
    Calendar("month", at=time(4), zone="Africa/Casablanca"),  # whose clocks change around Ramadan
)
SOME = st.sampled_from(CALENDARS)
MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2098, 12, 31))


@given(SOME, MOMENTS)
def test_each_moment_lies_in_one_partition_and_the_next_one_begins_where_it_ends(
    calendar: Calendar, moment: datetime
) -> None:
    partition = calendar.of(moment)
    assert calendar.start(partition) <= moment < calendar.end(partition)
    assert calendar.end(partition) == calendar.start(calendar.step(partition, 1))
    assert calendar.of(calendar.start(partition)) == partition
    assert calendar.over(calendar.end(partition)) == partition


@given(SOME, MOMENTS)
def test_a_name_is_read_as_what_it_names(calendar: Calendar, moment: datetime) -> None:
    partition = calendar.of(moment)
    assert calendar.parse(partition.isoformat()) == partition
    assert named(str(partition)) == partition


@given(SOME, MOMENTS, st.integers(-500, 500), st.integers(-500, 500))
def test_steps_add_up(calendar: Calendar, moment: datetime, n: int, m: int) -> None:
    partition = calendar.of(moment)
    assert calendar.step(calendar.step(partition, n), m) == calendar.step(partition, n + m)
    assert calendar.index(calendar.step(partition, n)) - calendar.index(partition) == n
    assert len(calendar.span(partition, calendar.step(partition, abs(n)))) == abs(n) + 1


@pytest.mark.parametrize("calendar", CALENDARS, ids=str)
def test_sql_cuts_time_as_python_does(calendar: Calendar) -> None:
    first = datetime(2025, 12, 1)
    moments = [first + timedelta(minutes=61 * n) for n in range(10_000)]  # more than a year
    edges = [calendar.start(calendar.of(moment)) for moment in moments[::50]]
    every = sorted({*moments[::17], *edges, *(edge - timedelta(microseconds=1) for edge in edges)})
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE moments (moment TIMESTAMP)")
        connection.executemany("INSERT INTO moments VALUES (?)", [[moment] for moment in every])
        told = connection.execute(
            f"SELECT moment, {calendar.of_sql('moment')}, {calendar.index_sql('moment')} FROM moments"
        ).fetchall()
        ((type_,),) = connection.execute(f"SELECT typeof({literal(calendar.of(first))})").fetchall()
    assert type_ == calendar.sql_type
    for moment, partition, index in told:
        assert plain(partition) == calendar.of(moment)
        assert index == calendar.index(calendar.of(moment))


def test_a_day_of_berlin_is_23_or_25_hours_long_when_its_clocks_change() -> None:
    berlin = Calendar("day", at=time(3), zone="Europe/Berlin")
    assert berlin.start(date(2026, 3, 28)) == datetime(2026, 3, 28, 2)
    assert berlin.end(date(2026, 3, 28)) == datetime(2026, 3, 29, 1)
    assert berlin.end(date(2026, 10, 24)) - berlin.start(date(2026, 10, 24)) == timedelta(hours=25)


def test_an_hour_is_named_by_its_hour_and_is_no_day() -> None:
    five = Hour(2026, 3, 2, 5)
    assert f"{five}" == five.isoformat() == "2026-03-02T05"
    assert str(Calendar("hour").step(five, 20)) == "2026-03-03T01"
    with pytest.raises(TypeError):
        _ = five < date(2026, 3, 2)


@pytest.mark.parametrize(
    ("calendar", "name", "said", "way_out"),
    [
        (SATURDAYS, "2026-03-08", "weeks start on Saturday", "write 2026-03-07 or 2026-03-14"),
        (Calendar("month"), "2026-03-05", "a month is named by its first day", "2026-03-01 or 2026-04-01"),
        (Calendar("hour"), "2026-03-02", "is not an hour", "YYYY-MM-DDTHH, such as 2026-03-02T05"),
        (Calendar("hour"), "2026-03-02T05:30", "is not an hour", "YYYY-MM-DDTHH"),
        (Calendar("hour"), "2026-03-02 05", "not written as YYYY-MM-DDTHH", "write 2026-03-02T05"),
        (DAILY, "2026-03-02T05", "is not a day", "YYYY-MM-DD, such as 2026-03-02"),
        (DAILY, "2026-03", "is not a day", "YYYY-MM-DD"),
        (CALENDARS[4], "1999-12-31", "too far away", "the years 2000 to 2099"),
    ],
)
def test_what_is_no_partition_is_refused_with_those_that_are(
    calendar: Calendar, name: str, said: str, way_out: str
) -> None:
    with pytest.raises(BadInput) as refused:
        calendar.parse(name)
    assert said in str(refused.value)
    assert way_out in str(refused.value)


def test_a_month_may_be_named_without_its_day() -> None:
    assert Calendar("month").parse("2026-03") == Calendar("month").parse("2026-03-01") == date(2026, 3, 1)


def declared(stated: str) -> Calendar:
    """The calendar of a use case whose file states this of its partitions."""
    return parse(Path("tiny.yaml"), f"{tiny.YAML}partition: {stated}\n".encode()).use_case.calendar


def test_a_use_case_states_its_calendar() -> None:
    stated = "{every: week, starts: sunday, at: '04:30', zone: America/New_York}"
    assert declared(stated) == Calendar("week", starts=6, at=time(4, 30), zone="America/New_York")


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("{zone: Europe/Berlin, at: '02:30'}", "skip 02:30, or show it twice, on 2000-03-26"),
        ("{zone: Europe/Berlin, at: '02:30'}", "such as '03:00'"),
        ("{zone: America/Sao_Paulo}", "skip 00:00, or show it twice, on 2000-10-08"),
        ("{zone: Europe/Berln}", "did you mean 'Europe/Berlin'"),
        ("{at: 2:00}", "write hours and minutes, such as '02:00'"),
        ("{starts: saturday}", "a partition is a day; leave it out"),
        ("{every: month, starts: saturday}", "a partition is a month; leave it out"),
        ("{every: hour, zone: Europe/Berlin}", "hours are UTC's"),
        ("{every: hour, at: '02:00'}", "a partition is an hour; leave it out"),
        ("{every: quarter}", "'hour', 'day', 'week' or 'month'"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused_in_a_sentence(stated: str, said: str) -> None:
    with pytest.raises(BadUseCase) as refused:
        declared(stated)
    assert said in str(refused.value)
