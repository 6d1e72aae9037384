"""A training is one look, however often it runs; the looks of a year spend what a year may, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.evaluation.look import LONGEST, YEAR, Look
from pipelines.registry import looks
from pipelines.registry.history import Decision
from tests.registry.test_history import FIRST

START = date(2026, 1, 1)
FILE = "a" * 64


def decided(day: int, file: str | None = FILE) -> Decision:
    """A decision about the training of a day, counted from the first."""
    return replace(FIRST, partition=(START + timedelta(days=day)).isoformat(), file=file)


def look(lines: list[Decision], day: int, file: str = FILE) -> Look:
    return looks.of_history(lines, START + timedelta(days=day), file)


def test_the_first_look_may_spend_a_month() -> None:
    assert look([], 0) == Look(LONGEST * 7 / 8, "the first look")


@pytest.mark.parametrize(("every", "days"), [(1, 1), (7, 7), (30, 30), (90, 31)])
def test_a_look_may_spend_the_days_since_the_one_before_but_no_more_than_a_month(
    every: int, days: int
) -> None:
    found = look([decided(0)], every)
    assert found.days == days * 7 / 8
    assert found.after == f"{every} days after that of 2026-01-01"


def test_a_week_of_a_year_at_ninety_five_per_cent_is_a_thousandth() -> None:
    found = look([decided(0)], 7)
    assert found.error(0.95) == pytest.approx(0.05 * 7 * 7 / 8 / 396)
    assert found.level(0.95) == pytest.approx(1 - 2 * found.error(0.95))


def test_the_same_training_again_is_the_same_look_whatever_was_decided_since() -> None:
    before = [decided(0), decided(7)]
    once = look(before, 14)
    assert look([*before, decided(14)], 14) == once
    assert look([*before, decided(14), decided(21), decided(10, "b" * 64)], 14) == once
    assert look([*before, decided(14, file=None)], 14) == once, "lines of before do not name the file"


def test_what_a_person_decides_is_no_look() -> None:
    person = replace(FIRST, partition=None, decision="retired", version=None)
    assert look([decided(0), person], 7) == look([decided(0)], 7)


def test_an_edited_file_on_the_same_rows_spends_half_of_what_is_left_each_time() -> None:
    lines = [decided(0), decided(8)]
    spent = [look([decided(0)], 8).days]
    for n in range(5):
        file = f"{n}" * 64
        spent.append(look(lines, 8, file).days)
        assert look(lines, 8, file).after == f"number {n + 2} of those at 2026-01-09 or before"
        lines.append(decided(8, file))
    assert spent == [7, 0.5, 0.25, 0.125, 0.0625, 0.03125]


def test_a_training_of_an_earlier_day_is_a_further_look() -> None:
    assert look([decided(0), decided(8)], 3).days == 0.5


@given(trainings=st.lists(st.tuples(st.integers(0, 900), st.sampled_from("abc")), min_size=1, max_size=60))
def test_in_any_year_the_looks_of_any_trainings_spend_no_more_than_a_year_may(
    trainings: list[tuple[int, str]],
) -> None:
    lines: list[Decision] = []
    spent: dict[tuple[int, str], tuple[int, float]] = {}
    for day, file in trainings:
        latest = max([day, *(at for at, _ in spent.values())])  # a look at earlier days is made later
        spent.setdefault((day, file), (latest, look(lines, day, file * 64).days))
        lines.append(decided(day, file * 64))
    for first in range(0, 900, 50):
        within = [days for at, days in spent.values() if first <= at < first + YEAR]
        assert sum(within) <= YEAR + LONGEST
    months = [look([decided(0), decided(one)], other).days for one, other in pairwise(range(30, 400, 30))]
    assert sum(months) < YEAR
