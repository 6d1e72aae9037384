"""Every raw row comes out once: repaired and clean, or in quarantine with its reasons."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cleanse import cleanse
from pipelines.config import UseCase
from pipelines.errors import BadUseCase
from tests.relations import START, dicts, relation, row, use_case


def both(rows: list[dict[str, Any]], case: UseCase | None = None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    clean, quarantine = cleanse(relation(rows), case or use_case())
    return dicts(clean), dicts(quarantine)


def test_strings_are_trimmed_lowered_and_merged() -> None:
    clean, _ = both([row("a", channel="  WEB\u00a0\n"), row("b", channel="CHIP", customer=" Ann   Lee ")])
    assert [(found["channel"], found["customer"]) for found in clean] == [("online", "c1"), ("chip", "Ann Lee")]


def test_codes_for_missing_are_compared_after_trimming_and_lowering_and_before_merging() -> None:
    case = use_case(
        cleanse={
            "lower": ["channel"],
            "missing": {"channel": ["Unknown", ""], "amount": [-999]},
            "merge": {"channel": {"chip": ["unknown"]}},
        }
    )
    clean, _ = both([row("a", channel=" UNKNOWN"), row("b", channel="  "), row("c", amount=-999)], case)
    assert [(found["channel"], found["amount"]) for found in clean] == [(None, 1.0), (None, 1.0), ("chip", None)]


def test_an_empty_string_is_a_value_unless_it_is_declared_missing() -> None:
    clean, quarantine = both([row("a", customer=" ")])
    assert (clean[0]["customer"], quarantine) == ("", [])


def test_missing_values_are_filled_before_they_are_judged() -> None:
    case = use_case(cleanse={"fill": {"customer": "nobody", "amount": 0}})
    clean, quarantine = both([row("a", customer=None, amount=None)], case)
    assert (clean[0]["customer"], clean[0]["amount"], quarantine) == ("nobody", 0.0, [])


def test_a_bad_row_tells_every_reason_and_the_raw_values_at_fault() -> None:
    clean, quarantine = both([row("a", customer=None, amount=-5, channel=" Fax ")])
    assert clean == []
    assert quarantine[0]["key"] == "a"
    assert quarantine[0]["reasons"] == "customer: missing; amount: below 0; channel: not allowed"
    assert json.loads(quarantine[0]["found"]) == {"customer": None, "amount": -5.0, "channel": " Fax "}
    assert json.loads(quarantine[0]["row"])["at"] == "2026-01-01 00:00:00"
    assert quarantine[0]["rejected"]


def test_a_rule_of_the_file_holds_unless_it_is_false_or_cannot_be_computed() -> None:
    case = use_case(cleanse={"rules": {"cheap_by_chip": "channel <> 'chip' or amount < 10", "numbered": "customer[2:]::int > 0"}})
    rows = [row("a", amount=50), row("b", amount=None), row("c", customer="cx"), row("d")]
    clean, quarantine = both(rows, case)
    assert [found["id"] for found in clean] == ["b", "d"]
    assert [(found["key"], found["reasons"]) for found in quarantine] == [("a", "cheap_by_chip"), ("c", "numbered")]
    assert json.loads(quarantine[0]["found"]) == {"amount": 50.0, "channel": "chip"}


def test_rows_without_key_or_time_go_to_quarantine() -> None:
    _, quarantine = both([row(None), row("b", at=None)])
    assert [(found["key"], found["reasons"]) for found in quarantine] == [("b", "at: missing"), (None, "id: missing")]


@pytest.mark.parametrize(("policy", "kept", "rejected"), [("first", 1.0, False), ("last", 3.0, False), ("quarantine", 1.0, True)])
def test_of_rows_with_the_same_key_one_is_kept(policy: str, kept: float, rejected: bool) -> None:
    rows = [row("a", 2, amount=3), row("a", 0, amount=1), row("a", 1, amount=2)]
    clean, quarantine = both(rows, use_case(cleanse={"duplicates": policy}))
    assert [found["amount"] for found in clean] == [kept]
    assert {(found["reasons"], found["rejected"]) for found in quarantine} == {("duplicate", rejected)}
    assert len(quarantine) == 2


def test_exact_copies_go_to_quarantine_too() -> None:
    clean, quarantine = both([row("a"), row("a")])
    assert (len(clean), [found["reasons"] for found in quarantine]) == (1, ["duplicate"])


def test_a_bad_row_never_stands_in_for_a_good_one_of_the_same_key() -> None:
    clean, quarantine = both([row("a", 0, amount=-1), row("a", 1, amount=2)])
    assert [found["amount"] for found in clean] == [2.0]
    assert [found["reasons"] for found in quarantine] == ["amount: below 0"]


def test_a_binary_label_becomes_one_or_zero_or_stays_unknown() -> None:
    clean, quarantine = both([row("a", 0, bad=1), row("b", 1, bad=0), row("c", 2, bad=None), row("d", 3, bad=7)])
    assert [found["bad"] for found in clean] == [1, 0, None]
    assert [(found["key"], found["reasons"]) for found in quarantine] == [("d", "bad: not allowed")]


def test_a_missing_label_sends_no_row_to_quarantine_even_when_it_is_required() -> None:
    clean, quarantine = both([row("a", bad=None)], use_case(cleanse={"drop": ["bad"]}))
    assert (len(clean), quarantine) == (1, [])


def test_a_regressions_label_becomes_a_float_and_leaks_are_gone() -> None:
    columns = {
        "id": {"type": "string", "role": "key"},
        "at": {"type": "timestamp", "role": "time"},
        "customer": {"type": "string", "role": "ignored"},
        "amount": {"type": "number"},
        "channel": {"type": "string", "role": "leak", "why": "it is the outcome"},
        "bad": {"type": "integer", "role": "label"},
    }
    case = use_case(
        task="regression",
        columns=columns,
        label={},
        cleanse={},
        features={"numbers": {"amount": "amount"}},
        metric={"name": "rmse"},
        threshold=None,
        slices=[],
    )
    clean, _ = cleanse(relation([row("a", bad=3)]), case)
    assert dict(zip(clean.columns, map(str, clean.types), strict=True)) == {
        "id": "VARCHAR",
        "at": "TIMESTAMP",
        "amount": "DOUBLE",
        "bad": "DOUBLE",
    }


def test_columns_are_renamed_and_found_under_the_sources_name() -> None:
    case = use_case(cleanse={"rename": {"Paid / in €": "amount"}})
    raw = relation([row("a", amount=-1), row("b")]).project('* EXCLUDE amount, amount AS "Paid / in €"')
    clean, quarantine = cleanse(raw, case)
    assert [found["amount"] for found in dicts(clean)] == [1.0]
    assert json.loads(dicts(quarantine)[0]["found"]) == {"amount": -1.0}
    assert json.loads(dicts(quarantine)[0]["row"])["Paid / in €"] == -1.0


def test_a_value_that_the_column_cannot_hold_is_a_sentence() -> None:
    columns = {
        "id": {"type": "string", "role": "key"},
        "at": {"type": "timestamp", "role": "time"},
        "customer": {"type": "string"},
        "amount": {"type": "number", "allowed": ["much"]},
        "channel": {"type": "string"},
        "bad": {"type": "integer", "role": "label", "allowed": [0, 1]},
    }
    with pytest.raises(BadUseCase, match=r"'much' is no DOUBLE\n  way out: python -m pipelines check tiny"):
        cleanse(relation([row("a")]), use_case(columns=columns))


words = st.sampled_from(["chip", "Web ", "", "fax", "'); drop", '"', None, "\t", "é"])
dirty_rows = st.lists(
    st.builds(
        lambda key, minutes, customer, amount, channel, bad: {
            "id": key,
            "at": None if minutes is None else START + timedelta(minutes=minutes),
            "customer": customer,
            "amount": amount,
            "channel": channel,
            "bad": bad,
        },
        st.sampled_from(["a", "b", "c", " a", "", None]),
        st.integers(0, 3) | st.none(),
        words,
        st.sampled_from([0.0, -1.0, 1e300, 2.5, -999.0, None]),
        words,
        st.sampled_from([0, 1, 2, None]),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(rows=dirty_rows, policy=st.sampled_from(["first", "last", "quarantine"]))
def test_rows_in_are_rows_clean_plus_rows_in_quarantine(rows: list[dict[str, Any]], policy: str) -> None:
    case = use_case(cleanse={"lower": ["channel"], "missing": {"amount": [-999]}, "duplicates": policy, "rules": {"odd": "ln(amount) < 1"}})
    clean, quarantine = both(rows, case)
    assert len(clean) + len(quarantine) == len(rows)
    assert len({found["id"] for found in clean}) == len(clean)
    assert all(found["reasons"] and json.loads(found["row"]) and isinstance(json.loads(found["found"]), dict) for found in quarantine)


@settings(max_examples=15, deadline=None)
@given(rows=dirty_rows, data=st.data())
def test_the_order_in_which_rows_arrive_changes_nothing(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    assert both(rows) == both(data.draw(st.permutations(rows)))


def test_an_empty_table_is_cleansed_into_empty_tables_with_their_columns() -> None:
    clean, quarantine = cleanse(relation([]), use_case())
    assert tuple(clean.columns) == use_case().kept_columns
    assert quarantine.columns == ["key", "reasons", "found", "rejected", "row"]
