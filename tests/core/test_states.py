"""The state at a moment is what a loop over all rows finds, with and without a word on when each is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.test_joined import KNOWN, LIMIT, LIMITS, at, case, told
from tests.helpers.relations import row

NAMED: dict[str, Any] = {
    **LIMITS,
    "columns": {
        "name": {"type": "string", "role": "key"},
        "customer": {"type": "string"},
        "since": {"type": "timestamp", "role": "time"},
        "most": {"type": "number"},
        "ends": {"type": "timestamp"},
    },
}
QUARTERS = st.integers(0, 24).map(lambda quarter: quarter / 4)
STATES = st.lists(
    st.tuples(st.sampled_from(["c1", "c2"]), QUARTERS, st.one_of(st.none(), st.integers(0, 9))), max_size=8
)


@pytest.mark.parametrize("says", [False, True], ids=["a delay", "available_at"])
@settings(max_examples=25)
@given(drawn=STATES, moment=QUARTERS)
def test_the_state_is_what_a_loop_over_all_rows_finds(
    says: bool, drawn: list[tuple[str, float, int | None]], moment: float
) -> None:
    source = {**NAMED, "delay": "1h"}
    if says:
        source = {**NAMED, "columns": {**NAMED["columns"], **KNOWN}, "available_at": "known"}
    of = case(
        {"limits": source}, joins={"card": {**LIMIT["card"], "within": "3h"}}, numbers={"m": "card.most"}
    )
    states: list[dict[str, Any]] = [
        {
            "name": f"{(5 * n) % 9}-{n}",
            "customer": customer,
            "since": at(since),
            "known": at(since + 1),
            "most": most,
        }
        for n, (customer, since, most) in enumerate(drawn)
    ]
    rows = [row("a", moment), row("b", moment, customer="c2"), row("c", moment, customer="c3")]
    found = told(rows, of, limits=states)
    for name, customer in {"a": "c1", "b": "c2", "c": "c3"}.items():
        known = [one for one in states if one["customer"] == customer and one["known"] <= at(moment)]
        # of one time the last by name, which says something though it says null
        newest = max(known, key=lambda one: (one["since"], one["name"]), default=None)
        fresh = newest is not None and at(moment) - newest["since"] <= timedelta(hours=3)
        assert found[name]["m"] == (newest["most"] if newest and fresh else None)


def test_a_state_that_ends_is_told_until_then_though_no_feature_reads_its_end() -> None:
    of = case(
        {"limits": NAMED}, joins={"card": {**LIMIT["card"], "until": "ends"}}, numbers={"m": "CARD.Most + 1"}
    )
    states = [{"name": "n", "customer": "c1", "since": at(0), "ends": at(4), "most": 9}]
    found = told([row("a", 1), row("b", 4)], of, limits=states)
    assert found == {"a": {"m": 10}, "b": {"m": None}}


def test_a_join_that_no_feature_reads_changes_nothing() -> None:
    of = case({"limits": NAMED}, joins=LIMIT, numbers={"m": "amount"})
    states = [{"name": "n", "customer": "c1", "since": at(0), "ends": at(4), "most": 9}]
    assert told([row("a", 1, amount=3)], of, limits=states) == {"a": {"m": 3}}
