"""A day beside earlier ones, by their profiles alone: what a word means for later days, weekdays, sparse
columns, dates, near copies.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest

from pipelines.gates.earlier.day import APART, HALVES, HASHES, STEPS, Day, Number, Values
from pipelines.gates.earlier.likeness import Earlier
from pipelines.gates.earlier.statistic import Judgement

FIRST = date(2026, 1, 5)  # a Monday
ROWS = 2_000
RANKS = np.linspace(0, 1, STEPS + 1)


def on(n: int) -> date:
    return FIRST + timedelta(days=n)


def number(values: object, filled: float = 1.0) -> Number:
    steps = np.quantile(np.asarray(values, dtype=np.float64), RANKS)
    return Number(round(filled * ROWS), tuple(steps.tolist())) if filled else Number(0, ())


def hashes(n: int) -> tuple[int, ...]:
    random = np.random.default_rng(n)
    return tuple(sorted(random.integers(0, 2**40, HASHES).tolist()))


def day(n: int, amount: float = 1.0, **more: object) -> Day:
    """A day whose amounts are log-normal, times something, and whose rows are its own."""
    random = np.random.default_rng(n)
    amounts = amount * np.exp(random.normal(3 + 0.02 * random.normal(), 1, ROWS))
    told = {"content": hashes(n), "keys": hashes(1_000 + n), **{half: hashes(2_000 + n) for half in HALVES}}
    given = {
        "numbers": {"amount": number(amounts)},
        "values": {"channel": Values(ROWS, 2, {"chip": 1_200 + n % 3, "online": 800 - n % 3})},
        "doubled": {"with the time": 0.0},
        "hashes": told,
    }
    return Day(ROWS, ROWS, **{**given, **more})  # type: ignore[arg-type]


def days(of: Callable[[int], Day], n: int = 35) -> dict[date, Day]:
    return {on(k): of(k) for k in range(n)}


def beyond(earlier: Earlier, one: Day) -> set[str]:
    """What closes the gate, column and kind."""
    return {f"{told.statistic.column or 'rows'} {told.statistic.what}" for told in closed(earlier, one)}


def closed(earlier: Earlier, one: Day) -> list[Judgement]:
    return [told for told in earlier.judge(one) if not told.holds]


# --- a word holds for its day where it is about rows, and makes a level where it is about one


def repeated(n: int, what: str) -> Day:
    """A day that repeats rows or keys of the fourth, or each of its own."""
    if what == "doubled":
        return day(n, doubled={"with the time": 0.5})
    return day(n, hashes={"content": hashes(n), "keys": hashes(1_000 + n), what: day(3).hashes[what]})


@pytest.mark.parametrize("what", ["content", "keys", "doubled"])
@pytest.mark.parametrize("nights_later", [0, 1, 4])
def test_a_word_on_repeated_rows_excuses_no_later_night(what: str, nights_later: int) -> None:
    before = {
        **days(day, 14),
        on(14): repeated(14, what),
        **{on(14 + n): day(14 + n) for n in range(1, nights_later + 1)},
    }
    assert beyond(Earlier(before), repeated(30, what)) == set(), (
        "it would be usual, as long as that day is among the others"
    )
    assert beyond(Earlier(before, {"": (on(14),)}), repeated(30, what))
    assert beyond(Earlier(before, {"": (on(14),)}), day(30)) == set()


def with_new(n: int, share: float) -> Day:
    new = round(share * ROWS)
    return day(
        n, values={"channel": Values(ROWS, 3, {"chip": 1_200, "online": 800 - new, f"telex {n}": new})}
    )


def test_a_word_on_new_values_lets_no_later_ones_in() -> None:
    before = {**days(day, 14), on(14): with_new(14, 0.2), on(15): day(15), on(16): day(16)}
    assert "channel new" in beyond(Earlier(before, {"channel": (on(14),)}), with_new(17, 0.2))


def test_a_word_on_one_odd_day_leaves_a_dependence_and_a_constant_to_be_told_again() -> None:
    usual = days(lambda n: day(n, links={"amount|channel": 0.6 + 0.01 * (n % 3)}), 14)
    constant = {"amount": number(np.full(ROWS, 20.0))}
    odd = day(14, links={}, numbers=constant)
    before = {**usual, on(14): odd, **{on(n): day(n, links={"amount|channel": 0.6}) for n in (15, 16, 17)}}
    assert {"amount same", "amount link"} <= beyond(
        Earlier(before, {"amount": (on(14),)}), day(18, numbers=constant)
    )


def test_a_word_on_a_unit_makes_the_new_level_usual_with_the_old_days_spread() -> None:
    def varied(n: int, times: float = 1.0) -> Day:
        return day(n, amount=times * (2.0 if n % 2 else 1.0))

    before = {**days(varied, 28), on(28): varied(28, 100), on(29): varied(29, 100)}
    earlier = Earlier(before, {"amount": (on(28),)})
    assert beyond(earlier, varied(30, 100)) == set()
    assert "amount below" in beyond(earlier, varied(30))


# --- weekdays


def weekly(n: int, amount: float = 1.0) -> Day:
    return day(n, amount=amount * (0.1 if on(n).weekday() >= 5 else 1.0))


def test_a_column_with_a_week_is_judged_beside_the_nearest_of_its_weekdays() -> None:
    earlier = Earlier(days(weekly))
    assert earlier.unlevelled == ()
    assert [beyond(earlier, weekly(n)) for n in range(35, 42)] == [set()] * 7
    assert beyond(earlier, weekly(37, 1_000)) == {"amount below"}
    assert beyond(earlier, weekly(40, 0.01)) == {"amount below"}
    holiday = day(37, amount=0.1)  # a Wednesday like a Sunday
    assert beyond(earlier, holiday) == set()


def test_before_enough_weeks_are_there_such_a_column_has_no_level_and_is_told() -> None:
    earlier = Earlier(days(weekly, 20))
    assert earlier.unlevelled == ("amount",)
    assert beyond(earlier, weekly(21, 1_000)) == set()


def test_after_an_accepted_change_a_week_goes_on() -> None:
    before = {**days(weekly), **{on(n): weekly(n, 100) for n in range(35, 40)}}  # Monday to Friday
    earlier = Earlier(before, {"amount": (on(35),)})
    assert beyond(earlier, weekly(40, 100)) == set(), "a Saturday"
    assert "amount below" in beyond(earlier, weekly(40, 10_000))


# --- how much is filled, and dates


def filled(n: int, share: float) -> Day:
    share += 0.05 * min(share, 1 - share) * (n % 3 - 1)
    return day(n, numbers={"fee": number(np.exp(np.random.default_rng(n).normal(0, 1, 90)), share)})


@pytest.mark.parametrize(("usual", "now"), [(0.045, 0.0), (0.045, 0.9), (0.96, 0.88), (0.0, 0.3)])
def test_a_column_that_is_emptied_or_filled_is_told(usual: float, now: float) -> None:
    earlier = Earlier(days(lambda n: filled(n, usual)))
    assert "fee filled" in beyond(earlier, filled(35, now))
    assert beyond(earlier, filled(35, usual)) == set()


def test_a_category_that_is_emptied_is_told() -> None:
    assert beyond(Earlier(days(day)), day(35, values={"channel": Values(0, 0, {})})) == {"channel filled"}


@pytest.mark.parametrize("apart", [np.arange(ROWS) % 30, np.full(ROWS, 1)], ids=["varied", "always tomorrow"])
def test_a_date_that_is_a_year_off_is_told(apart: np.ndarray) -> None:
    def dated(n: int, later: int = 0) -> Day:
        return day(n, numbers={f"due{APART}": number(apart + later)})

    earlier = Earlier(days(dated))
    assert beyond(earlier, dated(35)) == set()
    assert beyond(earlier, dated(35, -365)) == {"due below"}


# --- near copies


def test_a_copy_in_which_one_column_is_nudged_is_told_by_the_other_half() -> None:
    nudged = {
        "content": hashes(99),
        "keys": hashes(1_099),
        HALVES[0]: hashes(2_099),
        HALVES[1]: hashes(2_003),
    }
    found = closed(Earlier(days(day)), day(35, hashes=nudged))
    assert [told.statistic.name for told in found] == [
        "share of rows that stand in one earlier day with their time of day and the other half of their"
        " columns"
    ]


def test_rows_of_few_values_repeat_by_nature() -> None:
    few = {"content": hashes(1), HALVES[0]: hashes(2), HALVES[1]: hashes(3), "keys": hashes(4)}
    assert beyond(Earlier(days(lambda n: day(n, hashes=few))), day(35, hashes=few)) == set()
