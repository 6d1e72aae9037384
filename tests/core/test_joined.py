"""Features read what other sources tell of a row, as far as it was known at the row's moment."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core.config import UseCase
from pipelines.core.meaning import meanings
from pipelines.steps.features import check, compute
from tests.helpers.relations import START, connection, dicts, relation, row, use_case

LIMITS: dict[str, Any] = {
    "source": {"kind": "file", "path": "limits.csv", "format": {"type": "csv"}},
    "columns": {
        "customer": {"type": "string", "role": "key"},
        "since": {"type": "timestamp", "role": "time"},
        "most": {"type": "number"},
    },
}
REFUNDS: dict[str, Any] = {
    "source": {"kind": "file", "path": "refunds.csv", "format": {"type": "csv"}},
    "columns": {
        "refund": {"type": "string", "role": "key"},
        "paid": {"type": "timestamp", "role": "time"},
        "customer": {"type": "string"},
        "amount": {"type": "number"},
    },
}
KNOWN = {"known": {"type": "timestamp", "required": True}}
LIMIT = {"card": {"source": "limits", "by": ["customer"]}}
WEEK = {"week": {"source": "refunds", "by": ["customer"], "since": "7d"}}


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def case(sources: Mapping[str, Any], *, numbers: Mapping[str, str], **features: Any) -> UseCase:
    return use_case(sources=sources, features={"numbers": numbers, **features}, slices=[])


def told(
    rows: Sequence[Mapping[str, Any]], of: UseCase, **others: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The features of rows, by their key."""
    tables = {}
    for name, its in others.items():
        names = list(of.others[name].kept_columns)
        types = {"timestamp": pa.timestamp("us"), "string": pa.string(), "number": pa.float64()}
        schema = pa.schema([(each, types[of.others[name].columns[each].type]) for each in names])
        tables[name] = connection().from_arrow(
            pa.Table.from_pylist([dict(one) for one in its], schema=schema)
        )
    found = dicts(compute(relation([dict(one) for one in rows]), None, of, tables))
    return {one["id"]: {name: one[name] for name in of.features.names} for one in found}


def limits(*rows: tuple[str, float, float]) -> list[dict[str, Any]]:
    return [{"customer": customer, "since": at(hours), "most": most} for customer, hours, most in rows]


def refunds(*rows: tuple[str, str, float, float]) -> list[dict[str, Any]]:
    return [
        {"refund": name, "customer": customer, "paid": at(hours), "amount": amount}
        for name, customer, hours, amount in rows
    ]


def test_a_state_is_the_newest_that_was_known_at_the_rows_moment() -> None:
    of = case({"limits": LIMITS}, joins=LIMIT, numbers={"most": "card.most"})
    rows = [row("before", 1, customer="c"), row("then", 2, customer="c"), row("other", 9, customer="d")]
    found = told(rows, of, limits=limits(("c", 0, 10), ("c", 2, 20), ("c", 3, 30)))
    assert found == {"before": {"most": 10}, "then": {"most": 20}, "other": {"most": None}}


def test_a_state_that_was_known_only_after_a_newer_one_is_never_one() -> None:
    of = case(
        {"limits": {**LIMITS, "columns": {**LIMITS["columns"], **KNOWN}, "available_at": "known"}},
        joins=LIMIT,
        numbers={"most": "card.most"},
    )
    states = [
        {"customer": "c1", "since": at(since), "known": at(known), "most": most}
        for since, known, most in ((0, 1, 10), (5, 6, 20), (2, 8, 30), (5, 9, 40))
    ]
    rows = [row("a", 0.5), row("b", 5.5), row("c", 7), row("d", 8), row("e", 9)]
    found = [one["most"] for one in told(rows, of, limits=states).values()]
    # The one of 02:00 came late, and another word on 05:00 later still: that corrects the first.
    assert found == [None, 10, 20, 20, 40]


def test_a_delay_is_waited_for_and_a_state_that_is_too_old_or_over_is_none() -> None:
    source = {**LIMITS, "columns": {**LIMITS["columns"], "ends": {"type": "timestamp"}}, "delay": "24h"}
    join = {"card": {**LIMIT["card"], "within": "48h", "until": "ends"}}
    of = case({"limits": source}, joins=join, numbers={"most": "card.most"})
    states = [{"customer": "c1", "since": at(0), "ends": at(40), "most": 10}]
    rows = [row("early", 23.9), row("known", 24), row("over", 40)]
    assert [one["most"] for one in told(rows, of, limits=states).values()] == [None, 10, None]
    states = [{"customer": "c1", "since": at(0), "ends": None, "most": 10}]
    rows = [row("just", 48), row("old", 48.1)]
    assert [one["most"] for one in told(rows, of, limits=states).values()] == [10, None]


def test_a_look_up_holds_at_any_time_and_gives_texts_too() -> None:
    source = {
        "source": LIMITS["source"],
        "columns": {"channel": {"type": "string", "role": "key"}, "way": {"type": "string"}},
    }
    of = use_case(
        sources={"ways": source},
        features={
            "joins": {"sold": {"source": "ways", "by": ["channel"]}},
            "numbers": {"letters": "length(sold.way)"},
            "categories": {"way": "sold.way"},
        },
        slices=[],
    )
    found = told(
        [row("a"), row("b", channel="web")], of, ways=[{"channel": "chip", "way": "shop", "#always": at(0)}]
    )
    assert found == {"a": {"letters": 4, "way": "shop"}, "b": {"letters": None, "way": ""}}


def test_a_window_over_other_rows_holds_both_of_its_bounds_but_not_the_rows_moment() -> None:
    numbers = {
        "n": "count(*) over week",
        "paid": "sum(amount) over week / amount",
        "large": "count(*) filter (where amount > 2) over week",
        "last": "last_value(amount) over week",
        "own": "count(*) over day",
        "both": "coalesce(sum(amount) over week, 0) - coalesce(sum(amount) over day, 0)",
    }
    windows = {**WEEK, "day": {"by": ["customer"], "since": "1d"}}
    of = case({"refunds": REFUNDS}, windows=windows, numbers=numbers)
    events = refunds(
        ("r1", "c1", -168, 1),
        ("r2", "c1", -1, 3),
        ("r3", "c1", 0, 100),
        ("r4", "c2", -1, 50),
        ("r5", "c1", -169, 7),
    )
    found = told([row("a", 0, amount=2), row("b", 1), row("none", 0, customer="c9")], of, refunds=events)
    assert found == {
        "a": {"n": 2, "paid": 2, "large": 1, "last": 3, "own": 0, "both": 4},
        "b": {"n": 2, "paid": 103, "large": 2, "last": 100, "own": 1, "both": 101},
        "none": {"n": 0, "paid": None, "large": 0, "last": None, "own": 0, "both": 0},
    }


def test_a_corrected_event_counts_as_it_was_last_known_then() -> None:
    source = {**REFUNDS, "columns": {**REFUNDS["columns"], **KNOWN}, "available_at": "known"}
    of = case({"refunds": source}, windows=WEEK, numbers={"paid": "sum(amount) over week"})
    events = [
        {"refund": "r", "customer": "c1", "paid": at(0), "known": at(known), "amount": amount}
        for known, amount in ((2, 5), (4, 6))
    ]
    rows = [row("a", 1), row("b", 2), row("c", 4)]
    assert [one["paid"] for one in told(rows, of, refunds=events).values()] == [None, 5, 6]


SOURCES = {
    "limits": {**LIMITS, "columns": {**LIMITS["columns"], **KNOWN}, "available_at": "known"},
    "refunds": {**REFUNDS, "columns": {**REFUNDS["columns"], **KNOWN}, "available_at": "known"},
}
HOURS = st.integers(0, 96).map(lambda quarter: quarter / 4)
STATES = st.lists(st.tuples(st.sampled_from(["c1", "c2"]), HOURS, HOURS, st.integers(0, 9)), max_size=8)


def of_draw(
    drawn: Sequence[tuple[str, float, float, int]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """States and refunds of a draw, each known some time after it was so; no two of one key, time and word."""
    unique = {(customer, since, wait): value for customer, since, wait, value in drawn}
    limits = [
        {"customer": customer, "since": at(since), "known": at(since + wait), "most": float(value)}
        for (customer, since, wait), value in unique.items()
    ]
    refunds = [
        {
            "refund": f"r{value % 3} of {customer}",
            "customer": customer,
            "paid": at(since),
            "known": at(since + wait),
            "amount": 0.1 * value,
        }
        for (customer, since, wait), value in unique.items()
    ]
    keys = {(one["refund"], one["paid"], one["known"]): one for one in refunds}
    return limits, [*keys.values()]


@settings(max_examples=25)
@given(drawn=STATES, later=STATES, moment=HOURS)
def test_what_becomes_known_later_changes_no_earlier_feature(
    drawn: list[tuple[str, float, float, int]], later: list[tuple[str, float, float, int]], moment: float
) -> None:
    of = case(
        SOURCES,
        joins=LIMIT,
        windows={"week": {**WEEK["week"], "since": "24h"}},
        numbers={"most": "card.most", "n": "count(*) over week", "paid": "sum(amount) over week"},
    )
    rows = [row("a", moment), row("b", moment, customer="c2")]
    limits, refunds = of_draw(drawn)
    more_limits, more_refunds = of_draw(later)
    known_later = [[one for one in more if one["known"] > at(moment)] for more in (more_limits, more_refunds)]
    before = told(rows, of, limits=limits, refunds=refunds)
    seen = {(one["customer"], one["since"], one["known"]) for one in limits}
    told_already = {(one["refund"], one["paid"], one["known"]) for one in refunds}
    more = [one for one in known_later[0] if (one["customer"], one["since"], one["known"]) not in seen]
    others = [one for one in known_later[1] if (one["refund"], one["paid"], one["known"]) not in told_already]
    assert told(rows, of, limits=[*more, *limits], refunds=[*others, *refunds]) == before


@settings(max_examples=25)
@given(drawn=STATES, moment=HOURS)
def test_states_and_windows_are_those_that_a_loop_over_all_rows_finds(
    drawn: list[tuple[str, float, float, int]], moment: float
) -> None:
    of = case(
        SOURCES,
        joins=LIMIT,
        windows={"week": {**WEEK["week"], "since": "24h"}},
        numbers={"most": "card.most", "n": "count(*) over week", "largest": "max(amount) over week"},
    )
    limits, refunds = of_draw(drawn)
    found = told([row("a", moment)], of, limits=limits, refunds=refunds)["a"]
    states = [one for one in limits if one["customer"] == "c1" and one["known"] <= at(moment)]
    newest = max(states, key=lambda one: (one["since"], one["known"]), default={"most": None})
    known = [one for one in refunds if one["customer"] == "c1" and one["known"] <= at(moment)]
    held = [one for one in known if at(moment) - timedelta(hours=24) <= one["paid"] < at(moment)]
    last = {}
    for one in sorted(held, key=lambda one: one["known"]):
        last[one["refund"], one["paid"]] = one["amount"]
    largest = max(last.values(), default=None)
    assert found == {
        "most": newest["most"],
        "n": len(last),
        "largest": largest if largest is None else pytest.approx(largest),
    }


def test_of_ten_thousand_customers_nothing_changes_by_what_is_known_after_their_rows() -> None:
    of = case(
        SOURCES,
        joins=LIMIT,
        windows={"week": {**WEEK["week"], "since": "24h"}},
        numbers={"most": "card.most", "n": "count(*) over week", "paid": "sum(amount) over week"},
    )
    drawn = random.Random(1)
    rows, limits, refunds, later = [], [], [], [[], []]  # type: ignore[var-annotated]
    for n in range(10_000):
        customer, moment = f"k{n}", drawn.uniform(0, 96)
        rows.append(row(customer, moment, customer=customer))
        for number in range(drawn.randrange(6)):
            since, wait, value = drawn.uniform(-24, 96), drawn.choice([0, 1, 30]), drawn.uniform(0, 9)
            known = at(since + wait)
            state = {"customer": customer, "since": at(since), "known": known, "most": value}
            refund = {"refund": f"{n}-{number}", "paid": at(since), "known": known, "amount": value}
            for one, those, others in ((state, limits, later[0]), (refund, refunds, later[1])):
                (others if known > at(moment) else those).append({"customer": customer, **one})
    before = told(rows, of, limits=limits, refunds=refunds)
    assert sum(found["n"] > 0 for found in before.values()) > 2_000
    assert sum(map(len, later)) > 10_000
    assert told(rows, of, limits=[*later[0], *limits], refunds=[*later[1], *refunds]) == before


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no source": (
        {"joins": {"card": {"source": "limit", "by": ["customer"]}}},
        "joins.card.source: no source 'limit'",
    ),
    "no column": (
        {"joins": {"card": {"source": "limits", "by": ["who"]}}},
        "joins.card.by: the use case's own rows",
    ),
    "by the label": (
        {"joins": {"card": {"source": "limits", "by": ["bad"]}}},
        "'bad' is not known at the moment",
    ),
    "a window without by": ({"windows": {"w": {"source": "refunds", "since": "7d"}}}, "has no by"),
    "a column's name": (
        {"joins": {"amount": {"source": "limits", "by": ["customer"]}}},
        "joins.amount: is the name of a column, too",
    ),
}


@pytest.mark.parametrize(("features", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_joined_is_refused_with_its_place(features: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="features") as refused:
        case({"limits": LIMITS, "refunds": REFUNDS}, numbers={"amount": "amount"}, **features)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"delay": "1d", "available_at": "known"}, "both say when a row is known"),
        ({"available_at": "since"}, "since has role time and type timestamp"),
        ({"available_at": "most"}, "most has role feature and type number"),
        (
            {"columns": {**LIMITS["columns"], "bad": {"type": "integer", "role": "label"}}},
            "bad has role label",
        ),
        (
            {"source": {"kind": "file", "path": "{partition}.csv", "format": {"type": "csv"}}},
            "how old a state may be",
        ),
    ],
)
def test_a_source_that_says_too_much_or_too_little_is_refused(changes: dict[str, Any], said: str) -> None:
    source = {**LIMITS, "columns": {**LIMITS["columns"], **KNOWN}, **changes}
    with pytest.raises(ValueError, match="validation error") as refused:
        case({"limits": source}, joins=LIMIT, numbers={"most": "card.most"})
    assert said in str(refused.value)


def test_expectations_on_a_source_stand_where_the_source_does() -> None:
    expectation = {"expect_column_values_to_not_be_null": {"column": "most"}}
    with pytest.raises(ValueError, match="each source has gates of its own"):
        use_case(
            sources={"limits": LIMITS},
            features={"joins": LIMIT, "numbers": {"most": "card.most"}},
            slices=[],
            gates={"sources": [expectation]},
        )


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("card.limit", "card has no column 'limit'; it has customer, since, most"),
        ("sum(cost) over week", "'cost' over week: the rows of refunds have no such column"),
        ("nth_value(amount, 2) over week", "nth_value() over week: not of another source's rows"),
        (
            "length(string_agg(amount::varchar, ',' order by amount) over week)",
            "string_agg(... order by ...) over week: rows of",
        ),
        ("card.customer", "is a VARCHAR, not a number"),
    ],
)
def test_a_feature_that_reads_what_there_is_not_is_told(expression: str, said: str) -> None:
    of = case(
        {"limits": LIMITS, "refunds": REFUNDS},
        joins=LIMIT,
        windows=WEEK,
        numbers={"bad_one": expression, "good": "count(*) over week + card.most"},
    )
    [(where, sentence)] = check(of)
    assert where == "features.numbers.bad_one"
    assert said in sentence


def test_what_a_feature_means_holds_all_that_makes_the_other_rows_what_they_are_but_where_they_lie() -> None:
    def meant(**changes: Any) -> dict[str, str]:
        numbers = {"most": "card.most", "n": "count(*) over week", "own": "amount"}
        limits = {**LIMITS, **changes}
        of = case({"limits": limits, "refunds": REFUNDS}, joins=LIMIT, windows=WEEK, numbers=numbers)
        return meanings(of)

    before = meant()
    elsewhere = {"kind": "file", "path": "elsewhere.csv", "format": {"type": "csv"}}
    assert (
        meant(source=elsewhere, gates=[{"expect_column_values_to_not_be_null": {"column": "most"}}]) == before
    )
    for changes in ({"delay": "1d"}, {"cleanse": {"missing": {"most": [-1]}}}):
        after = meant(**changes)
        assert after["most"] != before["most"]
        assert {name: after[name] for name in ("n", "own")} == {name: before[name] for name in ("n", "own")}
