"""What has become of a number, in plain words, where all of it has gone the same way."""

from __future__ import annotations

import pytest

from pipelines.gates.earlier import plain
from pipelines.gates.earlier.day import APART, HOUR
from pipelines.gates.gx import own_steady

USUAL = [2.0, 10.0, 20.0, 40.0, 100.0]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ([200.0, 1_000.0, 2_010.0, 4_000.0, 10_000.0], "values about 100 times the usual"),
        ([0.02, 0.1, 0.2, 0.4, 1.0], "values about 0.01 times the usual"),
        ([2.4, 12.0, 24.0, 48.0, 120.0], ""),
        ([20.0] * 5, ""),
        ([-200.0, -1_000.0, -2_000.0, -4_000.0, -10_000.0], ""),
    ],
)
def test_a_factor_is_told_where_every_quantile_has_it(now: list[float], said: str) -> None:
    assert plain.shift_sentence(USUAL, now) == said


def test_a_number_with_zeros_may_keep_one_of_them() -> None:
    assert (
        plain.shift_sentence([0.0, 1.0, 2.0, 3.0, 5.0], [0.0, 10.0, 20.0, 30.0, 50.0])
        == "values about 10 times the usual"
    )
    assert plain.shift_sentence([0.0, 0.0, 0.0, 3.0, 5.0], [0.0, 0.0, 0.0, 30.0, 50.0]) == ""


def test_hours_and_days_are_told_by_how_far_they_have_moved() -> None:
    hours = [8.0, 10.0, 14.0, 16.0, 20.0]
    assert (
        plain.shift_sentence(hours, [hour - 6 for hour in hours], plain.UNITS[HOUR])
        == "about 6 hours less than usual"
    )
    assert (
        plain.shift_sentence(hours, [hour + 365 for hour in hours], plain.UNITS[APART])
        == "about 360 days more than usual"
    )
    assert plain.shift_sentence(hours, [14.0] * 5, plain.UNITS[HOUR]) == ""


def test_a_finding_tells_plain_words_and_one_statistic_of_the_many_that_say_the_same() -> None:
    below = [
        (f"share of rows below {x}", 0.0, 0.1, None, x / 10, "amount", "values about 100 times the usual")
        for x in (1, 2, 3)
    ]
    found = own_steady._result([*below, ("share of 'chip'", 0.5, 0.4, 0.6, 0.1, "share of 'chip'", "")], 4)
    assert (
        found["result"]["observed_value"]
        == "values about 100 times the usual; share of rows below 3: 0 (allowed: at least 0.1); 2 more"
    )
    assert not found["success"]


def test_a_column_without_a_level_is_not_said_to_be_within_its_limits() -> None:
    found = own_steady._result(
        [("share of rows with a value", 1.0, 0.9, None, 0.0, "filled", "")], 1, "its values are not compared"
    )
    assert (
        found["result"]["observed_value"]
        == "the one statistic within its limits; its values are not compared"
    )
