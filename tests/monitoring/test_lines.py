"""A subject's line: the statistic by which it is judged, a value a week, the judged one last."""

from __future__ import annotations

from datetime import date

import numpy as np

from pipelines.monitoring.level import Days
from pipelines.monitoring.lines import line
from pipelines.monitoring.subjects import Statistic, Subject
from pipelines.monitoring.verdicts import Finding
from pipelines.run.tables import ALARM

MONDAY = date(2026, 5, 4)


def days(first: int, values: list[float], rows: float = 10.0) -> Days:
    """Days from so many days after the judged week's Monday on; a second statistic is never asked."""
    on = MONDAY.toordinal() + first + np.arange(len(values))
    both = np.stack([np.full(len(values), 9.0), np.array(values)], axis=1)
    return Days(on, both, np.full(both.shape, rows))


def subject(before: Days, week: Days) -> Subject:
    statistics = (Statistic("other", share=False), Statistic("location", share=False))
    return Subject("amount", "number", statistics, before, week, (1, 1), (0.0, 0.0))


FOUND = Finding(ALARM, "location", 3.0, 1.0, 2.0)


def test_each_week_before_is_a_point_and_one_that_was_an_alarm_too() -> None:
    quiet = subject(days(-21, [1.0] * 7), days(0, [3.0] * 7))
    found = line(quiet, FOUND, days(-14, [5.0] * 14))
    assert found is not None
    assert found.weeks == (
        (date(2026, 4, 13), 1.0),
        (date(2026, 4, 20), 5.0),
        (date(2026, 4, 27), 5.0),
        (MONDAY, 3.0),
    )
    assert (found.usual, found.limit) == (1.0, 2.0)


def test_days_count_by_their_rows_and_a_quarter_of_a_year_is_shown() -> None:
    long = subject(days(-200, [1.0] * 200), days(0, [np.nan, 4.0]))
    found = line(long, FOUND, None)
    assert found is not None
    assert len(found.weeks) == 13
    assert found.weeks[-1] == (MONDAY, 4.0)


def test_what_was_not_compared_has_no_line() -> None:
    assert line(subject(days(-7, [1.0] * 7), days(0, [1.0])), Finding("not compared"), None) is None
    assert line(subject(days(0, []), days(0, [1.0])), FOUND, None) is None
