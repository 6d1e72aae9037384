"""Which aggregates may come from DuckDB's tree, and how moments are counted: in no way may a bit differ."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from pipelines.core import windows
from pipelines.core.config import UseCase
from pipelines.steps.features import compute
from tests.helpers.relations import START, connection, dicts, relation, row, use_case

WINDOWS = {"week": {"by": ["customer"], "since": "7d"}, "ever": {"since": "36525d"}}


def asking(**numbers: str) -> UseCase:
    return use_case(features={"windows": WINDOWS, "numbers": numbers}, slices=[])


def told(expression: str) -> tuple[bool, bool]:
    case = asking(x=expression)
    frames = windows.Clock().frames(case)
    return windows.exact(expression, frames, case), windows.needs_order(expression, frames, case)


EXACT = [
    "count(*) over week",
    "count(amount) over week",
    "count(distinct amount) over week",
    "count(*) filter (where amount > 2) over week",
    "sum(bad) over week",
    "avg(bad) over week",
    "sum(amount::decimal(18, 3)) over week",
    "avg(amount::decimal(18, 3)) over week",
    "max(amount::decimal(18, 3)) over week",
    "median(bad) over week",
    "bool_or(amount > 5) over week::int",
    "min(length(channel)) over ever - max(length(customer)) over week",
]


@pytest.mark.parametrize("expression", EXACT)
def test_what_no_order_can_change_comes_from_the_tree(expression: str) -> None:
    assert told(expression) == (True, False)


@pytest.mark.parametrize(
    "expression",
    [
        "sum(amount) over week",
        "avg(bad / 3) over week",
        "max(amount) over week",  # 0 and -0 are equal: which of them it is depends on the order
        "stddev(bad) over week",
        "mode(bad) over week",
        "count(*) over week + sum(amount) over week",
    ],
)
def test_where_the_order_tells_frames_are_added_up_in_order(expression: str) -> None:
    assert told(expression) == (False, True)


@pytest.mark.parametrize(
    "expression", ["amount", "last_value(amount) over week", "first_value(amount) over ever"]
)
def test_what_adds_nothing_up_needs_neither(expression: str) -> None:
    assert told(expression) == (False, False)


def hourly() -> Any:
    return connection().sql(
        f"""SELECT i::varchar AS id, TIMESTAMP '{START}' + to_hours((hash(i) % 400)::int) AS at, 'c' || hash(i * 7) % 3 AS customer,
            (hash(i * 13) % 100000) / 97.0 AS amount, 'chip' AS channel, (hash(i * 17) % 2)::bigint AS bad FROM range(3000) t(i)"""
    )


def test_the_tree_and_the_order_agree_to_the_bit_where_the_tree_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # No feature may read the label so early.
    case = asking(
        **{
            f"x{n}": expression.replace("::int", "").replace("bad", "length(id)")
            for n, expression in enumerate(EXACT)
        }
    )
    by_tree = dicts(compute(hourly(), None, case))
    monkeypatch.setattr(windows, "CROWD", 3000)
    assert dicts(compute(hourly(), None, case)) == by_tree


def test_features_of_both_ways_stay_with_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "CROWD", 0)
    case = asking(n="count(*) over week", sum="sum(amount) over week", amount="amount")
    found = dicts(
        compute(
            relation([row("b", 2, amount=4), row("a", 1, amount=2), row("c", 3, customer="c2")]), None, case
        )
    )
    assert [(item["id"], item["n"], item["sum"], item["amount"]) for item in found] == [
        ("a", 0, None, 2),
        ("b", 1, 2, 4),
        ("c", 0, None, 1),
    ]


def test_a_row_that_the_past_has_twice_is_counted_twice_and_multiplies_nothing() -> None:
    # Nights are cleansed one by one: the same key may have come in two of them.
    past = [row("a", 0, amount=1), row("a", 0, amount=2), row("b", 0, amount=4)]
    found = dicts(
        compute(
            relation([row("c", 1)]),
            relation(past),
            asking(n="count(*) over week", sum="sum(amount) over week"),
        )
    )
    assert [(item["n"], item["sum"]) for item in found] == [(3, 7)]


def test_times_of_all_ages_and_many_of_one_moment_are_counted() -> None:
    early, late = datetime(1, 1, 1), datetime(9999, 1, 1)
    rows = [row(f"{n:02}") | {"at": early} for n in range(40)] + [row("x") | {"at": datetime(1, 1, 2)}]
    rows += [row("y") | {"at": late}, row("z") | {"at": datetime(9999, 1, 2)}]
    found = dicts(
        compute(relation(rows), None, asking(n="count(*) over ever", last="last_value(amount) over week"))
    )
    assert [(item["n"], item["last"]) for item in found][-4:] == [(0, None), (40, 1), (0, None), (1, 1)]


def test_a_table_without_rows_has_features_without_rows() -> None:
    assert (
        dicts(compute(relation([]), None, asking(n="count(*) over week", sum="sum(amount) over week"))) == []
    )


def test_a_window_is_crowded_by_the_rows_that_it_may_hold_of_one_group() -> None:
    # forty days, one row an hour
    rows = relation([row(f"{n:03}", n, customer=f"c{n % 10}") for n in range(960)])

    def crowded(**window: Any) -> bool:
        case = use_case(features={"windows": {"w": window}, "numbers": {"n": "count(*) over w"}}, slices=[])
        return windows.in_time(rows.select('*, false AS "#past"'), case).crowded

    assert (crowded(since="7d"), crowded(since="3d"), crowded(since="7d", by=["customer"])) == (
        True,
        False,
        False,
    )
