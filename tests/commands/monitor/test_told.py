"""When a monitor does not hold: surely too many red weeks, or a change missed that could have been seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.commands.monitor.told import Changed, Quiet, Truth

YEAR = Quiet(use_case="tiny", world="a year without change", weeks=52, red=0, amber=3)
FOUND = Changed(
    use_case="tiny",
    world="amount: all zero",
    found=(1, 2, 1),
    within=8,
    by=("feature",),
    truth=Truth("moves scores by 1 deviations", True, None, None),
    must=(True, True, True),
)


@pytest.mark.parametrize("red", [0, 1, 2, 3])
def test_a_few_red_weeks_of_a_year_may_be_chance(red: int) -> None:
    assert replace(YEAR, red=red).wrong == ""


def test_four_red_weeks_of_a_year_are_surely_more_than_one() -> None:
    assert replace(YEAR, red=4, by=("feature amount",)).wrong == (
        "4 of 52 weeks without change are red, surely more than 1 a year (feature amount)"
    )


def test_the_bounds_are_those_of_the_binomial_distribution() -> None:
    rate, least, most = replace(YEAR, red=2).reds_a_year
    assert rate == 2.0
    assert least == pytest.approx(52 * 0.0068732, rel=1e-3)  # R: binom.test(2, 52, alternative = "greater")
    assert most == pytest.approx(52 * 0.1159138, rel=1e-2)
    # of none, the rule of three: 1 - 0.05 ** (1 / 52)
    assert YEAR.reds_a_year[2] == pytest.approx(52 * (1 - 0.05 ** (1 / 52)))


def test_a_change_that_was_found_each_time_is_right() -> None:
    assert FOUND.wrong == ""
    assert str(FOUND).endswith("found in week 1, at the latest 2 by feature (moves scores by 1 deviations)")


def test_a_change_that_was_missed_and_could_have_been_seen_is_wrong() -> None:
    missed = replace(FOUND, found=(1, None, 1))
    assert missed.wrong == "not found within 8 weeks, 1 times of 3: moves scores by 1 deviations"
    assert "1 of 3 not within 8 weeks" in str(missed)


def test_a_change_that_these_rows_cannot_show_is_told_with_what_they_could() -> None:
    small = Truth("loses 0.05", False, 0.05, 0.31)
    missed = replace(FOUND, found=(None, None, None), by=(), truth=small, must=(False, False, False))
    assert missed.wrong == ""
    assert "not found (loses 0.05; these rows show a loss of 0.31, and it is 0.05)" in str(missed)


def test_rows_that_cannot_show_any_loss_say_so_and_no_loss_that_they_would_show() -> None:
    whole = Truth("loses 0.293", False, 0.293, None)
    missed = replace(FOUND, found=(None, None, None), by=(), truth=whole, must=(False, False, False))
    assert missed.wrong == ""
    assert "(loses 0.293; these rows cannot show any loss, not even of all that there is)" in str(missed)
