"""Windows over events hold what a loop over all events finds, to the bit, whatever else is in the tables."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core import events, events_in_frames, events_in_lists, joined
from tests.core.test_joined import REFUNDS, at, case, refunds, told
from tests.helpers.relations import row

LATE = {**REFUNDS, "delay": "2h"}
WINDOWS = {
    "day": {"source": "refunds", "by": ["customer"], "since": "24h", "until": "2h"},
    "hours": {"source": "refunds", "by": ["customer"], "since": "5h", "until": "3h"},
}
ASKED = {
    "n": "count(*) over {}",
    "ones": "sum(1) over {}",
    "paid": "sum(amount) over {}",
    "mean": "avg(amount) over {}",
    "least": "min(amount) over {}",
    "large": "sum(amount) filter (where amount > 0.35) over {}",
    "kinds": "count(distinct amount) over {}",
    "first": "first_value(amount) over {}",
    "last": "last_value(amount) over {}",
    "known": "last_value(amount ignore nulls) over {}",
}
OF = case(
    {"refunds": LATE},
    windows=WINDOWS,
    numbers={f"{name}_{window}": text.format(window) for name, text in ASKED.items() for window in WINDOWS},
)
QUARTERS = st.integers(0, 40).map(lambda quarter: quarter / 4)
AMOUNTS = st.one_of(st.none(), st.integers(-9, 9).map(lambda tenths: 0.1 * tenths))
EVENTS = st.lists(st.tuples(st.sampled_from(["c1", "c2"]), QUARTERS, AMOUNTS), max_size=12)


def by_loop(events: list[dict[str, Any]], customer: str, moment: float) -> dict[str, float | None]:
    """What each feature is of a row, by a loop over all events."""
    found: dict[str, float | None] = {}
    for window, (since, until) in {"day": (24, 2), "hours": (5, 3)}.items():
        first, last = at(moment) - timedelta(hours=since), at(moment) - timedelta(hours=until)
        held = [one for one in events if one["customer"] == customer and first <= one["paid"] <= last]
        every = [one["amount"] for one in sorted(held, key=lambda one: (one["paid"], one["refund"]))]
        amounts = [amount for amount in every if amount is not None]
        large = [amount for amount in amounts if amount > 0.35]
        found |= {
            f"n_{window}": len(every),
            f"ones_{window}": len(every) or None,
            f"paid_{window}": added(amounts) if amounts else None,
            f"mean_{window}": added(amounts) / len(amounts) if amounts else None,
            f"least_{window}": min(amounts, default=None),
            f"large_{window}": added(large) if large else None,
            f"kinds_{window}": len(set(amounts)),
            f"first_{window}": every[0] if every else None,
            f"last_{window}": every[-1] if every else None,
            f"known_{window}": amounts[-1] if amounts else None,
        }
    return found


def added(amounts: list[float]) -> float:
    """The sum from the first to the last, as it is added up in order."""
    total = 0.0
    for amount in amounts:
        total += amount
    return total


def as_floats(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """As features are told: in single precision."""
    import numpy as np

    return {name: None if value is None else float(np.float32(value)) for name, value in values.items()}


def as_drawn(drawn: list[tuple[str, float, float | None]]) -> list[dict[str, Any]]:
    # names in no order of time
    return [
        {"refund": f"r{(7 * n) % 13}-{n}", "customer": customer, "paid": at(hours), "amount": amount}
        for n, (customer, hours, amount) in enumerate(drawn)
    ]


@settings(max_examples=40)
@given(drawn=EVENTS, moment=QUARTERS, other=QUARTERS)
def test_windows_hold_what_a_loop_over_all_events_finds(
    drawn: list[tuple[str, float, float | None]], moment: float, other: float
) -> None:
    events = as_drawn(drawn)
    rows = [
        row("a", moment),
        row("b", other),
        row("c", moment, customer="c2"),
        row("d", other, customer="c3"),
    ]
    found = told(rows, OF, refunds=events)
    for name, (customer, hours) in {
        "a": ("c1", moment),
        "b": ("c1", other),
        "c": ("c2", moment),
        "d": ("c3", other),
    }.items():
        assert found[name] == as_floats(by_loop(events, customer, hours))


def many(seed: int, customers: int = 3) -> list[dict[str, Any]]:
    """Events whose sum depends on the order in which they are added up, many of them at the same moments."""
    drawn = random.Random(seed)
    return [
        {
            "refund": f"{seed}-{drawn.random()}",
            "customer": f"c{1 + n % customers}",
            "paid": at(drawn.randrange(20)),
            "amount": drawn.choice([1e8, 1e-3, 0.1, -1e8, 3.7]),
        }
        for n in range(600)
    ]


def test_sums_are_the_same_to_the_bit_whatever_else_is_there_and_in_whatever_order() -> None:
    every, rows = many(1), [row(f"a{n}", n / 8, customer=f"c{1 + n % 3}") for n in range(150)]
    before = told(rows, OF, refunds=every)
    assert len({one["paid_day"] for one in before.values()}) > 30
    shuffled = random.Random(2).sample(every, len(every))
    later = [{**one, "paid": one["paid"] + timedelta(hours=40)} for one in many(3)]
    others = [{**one, "customer": f"x{n % 9}"} for n, one in enumerate(many(4))]
    assert told(rows, OF, refunds=[*later, *others, *shuffled]) == before
    some = told(rows[::7], OF, refunds=every)
    assert some == {name: before[name] for name in some}


def test_lists_and_frames_and_trees_tell_the_same_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    every, rows = many(1), [row(f"a{n}", n / 8, customer=f"c{1 + n % 3}") for n in range(150)]
    by_lists = told(rows, OF, refunds=every)
    monkeypatch.setattr(events_in_lists, "ROOM", 0)
    assert told(rows, OF, refunds=every) == by_lists
    monkeypatch.setattr(events_in_frames, "CROWD", 0)
    assert told(rows, OF, refunds=every) == by_lists


def test_who_has_too_many_events_for_a_list_is_told_the_same_beside_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = [one for n, one in enumerate(many(1)) if one["customer"] == "c1" or n % 10 < 2]
    rows = [row(f"a{n}", n / 8, customer=f"c{1 + n % 4}") for n in range(150)]
    by_lists = told(rows, OF, refunds=few)
    (asked,) = events.asked(OF, joined.rewritten(OF).taken)
    monkeypatch.setattr(events_in_lists, "ROOM", events_in_lists.ROOM * 100 // events_in_lists.longest(asked))
    assert 50 < events_in_lists.longest(events_in_lists.those(asked)) < 200
    for crowd in (100, 0):
        monkeypatch.setattr(events_in_frames, "CROWD", crowd)
        assert told(rows, OF, refunds=few) == by_lists


def test_events_of_nobody_belong_to_no_row() -> None:
    of = case(
        {"refunds": REFUNDS},
        windows={"w": {**WINDOWS["day"], "until": "0d"}},
        numbers={"n": "count(*) over w"},
    )
    nobodys = [{**one, "customer": None} for one in refunds(("r1", "c1", 1, 1.0))]
    assert told([row("a", 2, customer=None)], of, refunds=nobodys) == {"a": {"n": 0}}


def test_without_a_row_or_an_event_there_is_a_table_all_the_same() -> None:
    assert told([], OF, refunds=many(1)) == {}
    (alone,) = told([row("a", 5)], OF, refunds=[]).values()
    assert (alone["n_day"], alone["kinds_day"], alone["paid_day"]) == (0, 0, None)


def test_moments_that_are_far_apart_and_shared_by_many_are_counted_in_a_larger_type() -> None:
    windows = {"w": {"source": "refunds", "by": ["customer"], "since": "36500d"}}
    of = case({"refunds": REFUNDS}, windows=windows, numbers={"paid": "sum(amount) over w"})
    # 2 * 10**15 microseconds and more, times 1,500 events of one moment, are no BIGINT
    every = refunds(*((f"r{n:04}", "c1", 0, 0.1 * (n % 7)) for n in range(1500)))
    (found,) = told([row("a", 1)], of, refunds=every).values()
    assert found["paid"] == pytest.approx(math.fsum(one["amount"] for one in every))
