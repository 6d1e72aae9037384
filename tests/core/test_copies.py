"""A feature of a row is the same bits in whatever run it comes out, whatever was delivered again: on its day,
on another, changed or not.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core.config import UseCase
from pipelines.steps import past
from pipelines.steps.cleanse import cleanse, feeding
from pipelines.steps.features import compute
from tests.helpers import tiny
from tests.helpers.relations import START, dicts, relation, row, use_case

Rows = list[dict[str, Any]]
DAY, HISTORY, DELAY, DAYS = timedelta(days=1), 3, 2, 9
KNOWN = timedelta(hours=36)  # after its row's moment, the tip is
FEATURES = {
    "windows": {
        "lately": {"by": ["customer"], "since": "3d"},
        "known": {"since": "3d", "until": "2d"},
        "settled": {"since": "3d", "until": "36h"},
    },
    "numbers": {
        "amount": "amount",
        "n": "count(*) over lately",
        "sum": "(sum(amount) over lately * 1e6) % 1",
        "rate": "avg(bad) over known",
        "last": "last_value(amount) over lately",
        "tips": "(sum(tip) over settled * 1e6) % 1",
        "tipped": "last_value(tip) over settled",
    },
}
COLUMNS = yaml.safe_load(tiny.YAML)["columns"] | {
    "tip": {"type": "number", "role": "leak", "known_after": "36h", "max": 8}
}


def case_of(policy: str, **cleanse: Any) -> UseCase:
    label = {"positive": 1, "delay_days": DELAY}
    return use_case(
        columns=COLUMNS, features=FEATURES, slices=[], label=label, cleanse={"duplicates": policy, **cleanse}
    )


def of_days(rows: Rows, first: int, last: int, morning: int | None) -> Any:
    """The rows of some days as ingest gives them: in order of time and key, and of delivery.

    Labels and tips as known on a morning.
    """
    chosen = [item for item in rows if START + first * DAY <= item["at"] < START + (last + 1) * DAY]
    by = START - 999 * DAY if morning is None else START + morning * DAY
    told = [
        item
        | {
            "bad": item["bad"] if item["at"] < by + (1 - DELAY) * DAY else None,
            "tip": item.get("tip") if item["at"] <= by - KNOWN else None,
        }
        for item in chosen
    ]
    return relation(sorted(told, key=lambda item: (item["at"], item["id"])), tip=pa.float64())


def computed(
    rows: Rows, first: int, last: int, morning: int, case: UseCase, training: bool
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Key and time -> features, of a run over some days."""
    own = cleanse(of_days(rows, first, last, morning if training else None), case, date(2026, 1, 1))
    assert training or not dicts(own.further), "at night, what feeds windows is clean"
    before = of_days(rows, first - HISTORY, first - 1, morning)
    seen = past.compute(before, own.further if training else None, case).rows
    found = dicts(compute(own.clean, seen, case))
    return {(item["id"], item["at"]): {name: item[name] for name in case.features.names} for item in found}


def night(rows: Rows, day: int, case: UseCase) -> dict[tuple[Any, ...], dict[str, Any]]:
    return computed(rows, day, day, day + 1, case, training=False)


def training(
    rows: Rows, first: int, last: int, case: UseCase, later: int = 0
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """On the morning on which the last day's labels become known, or some days later."""
    return computed(rows, first, last, last + DELAY + later, case, training=True)


deliveries = st.lists(
    st.builds(
        lambda key, hour, customer, amount, bad, tip: row(
            key, hour, customer=customer, amount=amount, bad=bad, tip=tip
        ),
        st.sampled_from(["a", "b", "c", "d", " a"]),
        st.integers(0, 24 * DAYS - 1) | st.sampled_from([0, 24, 48, 72, 96, 120, 144]),
        st.sampled_from(["c1", "c2"]),
        st.sampled_from([0.1, 0.7, 7.77, 1e9, -1.0, None]),
        st.sampled_from([0, 1, 7, None]),
        st.sampled_from([0.1, 0.3, 1e-9, 7.77, 9.0, None]),
    ),
    min_size=4,
    max_size=40,
)
policies = st.sampled_from(["first", "last", "quarantine"])
rules = st.sampled_from(
    [
        {},
        {"cheap": "bad = 0 or amount < 1"},
        {"told": "bad is not null or amount > 0.5"},
        {"few": "amount < 8"},
        {"small": "tip < amount or amount < 1"},
        {"given": "tip is not null or amount > 0.5", "cheap": "bad = 0 or amount < 1"},
    ]
)


@settings(max_examples=8, deadline=None)
@given(
    rows=deliveries, policy=policies, rule=rules, first=st.integers(HISTORY, 5), last=st.integers(5, DAYS - 1)
)
def test_a_row_that_comes_out_of_two_kinds_of_run_has_the_same_features(
    rows: Rows, policy: str, rule: dict[str, str], first: int, last: int
) -> None:
    case = case_of(policy, rules=rule)
    learned = training(rows, first, last, case)
    other = training(rows, HISTORY, DAYS - 1, case, later=3)
    for day in range(first, last + 1):
        scored = night(rows, day, case)
        for found in (learned, other):
            both = scored.keys() & found.keys()
            assert repr({key: scored[key] for key in both}) == repr({key: found[key] for key in both})
    assert all(repr(learned[key]) == repr(other[key]) for key in learned.keys() & other.keys())


@pytest.mark.parametrize("policy", ["first", "last", "quarantine"])
def test_a_row_that_is_delivered_on_the_next_day_again_counts_as_often_in_training_as_at_night(
    policy: str,
) -> None:
    rows = [row("x", 72), row("x", 96), row("later", 121)]
    scored, learned = night(rows, 5, case_of(policy)), training(rows, 3, 6, case_of(policy))
    assert scored["later", START + timedelta(hours=121)]["n"] == 2
    assert learned["later", START + timedelta(hours=121)]["n"] == 2
    assert len(learned) == 2, "a training learns from each key once"


def test_a_corrected_label_wins_where_the_last_one_does_and_windows_see_it_as_soon_as_it_is_known() -> None:
    rows = [row("x", 72, bad=0), row("x", 72, bad=1), row("later", 121)]
    for policy, rate in (("first", 0.0), ("last", 1.0), ("quarantine", 0.0)):
        for found in (
            night(rows, 5, case_of(policy)),
            training(rows, 4, 6, case_of(policy)),
            training(rows, 3, 6, case_of(policy)),
        ):
            assert found["later", START + timedelta(hours=121)]["rate"] == rate


def test_a_row_that_its_own_night_puts_aside_feeds_no_window_though_its_label_mends_it() -> None:
    rows = [row("x", 72, amount=0.1, bad=1), row("y", 80, amount=5), row("later", 121)]
    case = case_of("first", rules={"told": "bad is not null or amount > 0.5"})
    scored, learned = night(rows, 5, case), training(rows, 3, 6, case)
    assert "x" not in {key for key, _ in learned}, "no training learns from what no night has scored"
    for found in (scored, learned):
        assert found["later", START + timedelta(hours=121)]["n"] == 1


def test_a_leak_that_breaks_a_rule_is_none_to_windows_from_the_night_on_that_knows_it_and_its_row_still_counts() -> (
    None
):
    rows = [row("x", 72, tip=9.0), row("y", 73, tip=5.0, amount=5), row("later", 121)]
    case = case_of("first", rules={"small": "tip < amount or amount < 1"})
    for found in (night(rows, 5, case), training(rows, 3, 5, case), training(rows, 5, 6, case)):
        told = found["later", START + timedelta(hours=121)]
        assert (told["tipped"], told["n"]) == (None, 2)
    lax = case_of("first")
    for found in (night(rows, 5, lax), training(rows, 3, 5, lax)):
        assert found["later", START + timedelta(hours=121)]["tipped"] == 5
    assert {key for key, _ in training(rows, 3, 5, lax)} == {
        "y",
        "later",
    }, "a training puts aside what breaks a rule by now"


def test_what_feeds_windows_of_a_day_does_not_depend_on_other_days() -> None:
    rows = [row("a", hour, amount=hour) for hour in range(0, 96, 6)]
    whole = dicts(feeding(relation(rows, tip=pa.float64()), case_of("last")).rows)
    days = [dicts(feeding(of_days(rows, day, day, DAYS), case_of("last")).rows) for day in range(4)]
    assert whole == [item for day in days for item in day]
    assert [item["amount"] for item in whole] == [18, 42, 66, 90]
