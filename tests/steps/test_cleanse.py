"""Every raw row comes out once: repaired and clean, or in quarantine with its reasons."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core import sql
from pipelines.core.config import UseCase
from pipelines.core.errors import BadUseCase, SluiceError
from pipelines.steps import cleanse as steps
from pipelines.steps.cleanse import cleanse, feeding, with_key
from tests.helpers import tiny
from tests.helpers.relations import START, dicts, relation, row, use_case

NIGHT = date(2026, 1, 1)


def both(
    rows: list[dict[str, Any]], case: UseCase | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    clean, quarantine, _ = cleanse(relation(rows), case or use_case(), NIGHT)
    return dicts(clean), dicts(quarantine)


@pytest.mark.parametrize(
    ("found", "kept"),
    [("a b", "a b"), ("\ta", "a"), ("a\r\n", "a"), ("a\fb", "a b"), ("é \u3000é ", "é é"), ("  ", "")],
)
def test_runs_of_white_space_of_any_kind_become_one_blank(found: str, kept: str) -> None:
    assert both([row("a", customer=found)])[0][0]["customer"] == kept


def test_strings_are_trimmed_lowered_and_merged() -> None:
    clean, _ = both([row("a", channel="  WEB\u00a0\n"), row("b", channel="CHIP", customer=" Ann   Lee ")])
    assert [(found["channel"], found["customer"]) for found in clean] == [
        ("online", "c1"),
        ("chip", "Ann Lee"),
    ]


def test_codes_for_missing_are_compared_after_trimming_and_lowering_and_before_merging() -> None:
    case = use_case(
        cleanse={
            "lower": ["channel"],
            "missing": {"channel": ["Unknown", ""], "amount": [-999]},
            "merge": {"channel": {"chip": ["unknown"]}},
        }
    )
    clean, _ = both([row("a", channel=" UNKNOWN"), row("b", channel="  "), row("c", amount=-999)], case)
    assert [(found["channel"], found["amount"]) for found in clean] == [
        (None, 1.0),
        (None, 1.0),
        ("chip", None),
    ]


def test_an_empty_string_is_a_value_unless_it_is_declared_missing() -> None:
    clean, quarantine = both([row("a", customer=" ")])
    assert (clean[0]["customer"], quarantine) == ("", [])


def test_missing_values_are_filled_before_they_are_judged() -> None:
    case = use_case(cleanse={"fill": {"customer": "nobody", "amount": 0}})
    clean, quarantine = both([row("a", customer=None, amount=None)], case)
    assert (clean[0]["customer"], clean[0]["amount"], quarantine) == ("nobody", 0.0, [])


BEYOND = 2**53  # where a double no longer tells a whole number from the next


@pytest.mark.parametrize(
    ("limits", "bad"),
    [
        ({"min": BEYOND + 1}, {"a": "below 9007199254740993"}),
        ({"max": BEYOND}, {"b": "above 9007199254740992"}),
        ({"max": 1e16}, {"d": "above 1e+16"}),
    ],
)
def test_limits_of_whole_numbers_are_exact(limits: dict[str, float], bad: dict[str, str]) -> None:
    values = {"a": BEYOND, "b": BEYOND + 1, "c": 10**16, "d": 10**16 + 1}
    limits = {"min": 0} | limits
    case = use_case(columns=yaml.safe_load(tiny.YAML)["columns"] | {"amount": {"type": "integer", **limits}})
    exact = " ".join(f"WHEN '{key}' THEN {value}" for key, value in values.items())
    rows = relation([row(key) for key in values]).project(f"* REPLACE (CASE id {exact} END AS amount)")
    told = {
        found["key"]: found["reasons"].removeprefix("amount: ")
        for found in dicts(cleanse(rows, case, NIGHT).quarantine)
    }
    assert {key: reason for key, reason in told.items() if key in bad} == bad
    least, most = limits["min"], limits.get("max", math.inf)
    assert told.keys() == {key for key, value in values.items() if not least <= value <= most}


@pytest.mark.parametrize(
    ("spec", "bad"),
    [
        ({"type": "timestamp", "min": "2026-01-02"}, {"a": "below 2026-01-02"}),
        ({"type": "timestamp", "max": "2026-01-02T00:00:00"}, {"c": "above 2026-01-02T00:00:00"}),
        ({"type": "timestamp", "max": "2026-01-02T02:00:00+02:00"}, {"c": "above 2026-01-02T00:00:00"}),
        ({"type": "date", "min": date(2026, 1, 2)}, {"a": "below 2026-01-02"}),
        ({"type": "date", "max": "2026-01-01"}, {"b": "above 2026-01-01", "c": "above 2026-01-01"}),
    ],
)
def test_days_and_moments_have_limits_like_numbers(spec: dict[str, Any], bad: dict[str, str]) -> None:
    moments = {
        "a": "2026-01-01 23:59:59.999999",
        "b": "2026-01-02 00:00:00",
        "c": "2026-01-02 00:00:00.000001",
    }
    case = use_case(columns=yaml.safe_load(tiny.YAML)["columns"] | {"channel": spec}, cleanse={})
    exact = " ".join(f"WHEN '{key}' THEN TIMESTAMP '{value}'" for key, value in moments.items())
    rows = relation([row(key) for key in moments]).project(
        f"* REPLACE (CAST(CASE id {exact} END AS {spec['type']}) AS channel)"
    )
    told = {
        found["key"]: found["reasons"].removeprefix("channel: ")
        for found in dicts(cleanse(rows, case, NIGHT).quarantine)
    }
    assert told == bad


def test_a_code_that_is_no_whole_number_takes_no_other_for_missing() -> None:
    case = use_case(
        columns=yaml.safe_load(tiny.YAML)["columns"] | {"amount": {"type": "integer"}},
        cleanse={"missing": {"amount": ["1.5"]}},
    )
    rows = relation([row("a", amount=2)]).project("* REPLACE (amount::BIGINT AS amount)")
    assert dicts(cleanse(rows, case, NIGHT).clean)[0]["amount"] == 2


def test_a_bad_row_tells_every_reason_and_the_raw_values_at_fault() -> None:
    clean, quarantine = both([row("a", customer=None, amount=-5, channel=" Fax ")])
    assert clean == []
    assert (quarantine[0]["key"], quarantine[0]["partition"]) == ("a", NIGHT)
    assert quarantine[0]["reasons"] == "customer: missing; amount: below 0; channel: not allowed"
    assert json.loads(quarantine[0]["found"]) == {"customer": None, "amount": -5.0, "channel": " Fax "}
    assert json.loads(quarantine[0]["row"])["at"] == "2026-01-01 00:00:00"
    assert quarantine[0]["rejected"]


def test_a_rule_of_the_file_holds_unless_it_is_false_or_cannot_be_computed() -> None:
    case = use_case(
        cleanse={
            "rules": {
                "cheap_by_chip": "channel <> 'chip' or amount < 10",
                "numbered": "customer[2:]::int > 0",
            }
        }
    )
    rows = [row("a", amount=50), row("b", amount=None), row("c", customer="cx"), row("d")]
    clean, quarantine = both(rows, case)
    assert [found["id"] for found in clean] == ["b", "d"]
    assert [(found["key"], found["reasons"]) for found in quarantine] == [
        ("a", "cheap_by_chip"),
        ("c", "numbered"),
    ]
    assert json.loads(quarantine[0]["found"]) == {"amount": 50.0, "channel": "chip"}


def test_not_a_number_is_missing_and_infinity_is_a_number() -> None:
    facts = use_case()
    strict = facts.columns["amount"].model_copy(update={"required": True, "max": 100.0})
    case = facts.model_copy(update={"columns": {**facts.columns, "amount": strict}})
    clean, quarantine = both([row("a", amount=math.nan), row("b", amount=math.inf), row("c")], case)
    assert [found["id"] for found in clean] == ["c"]
    assert [(found["key"], found["reasons"]) for found in quarantine] == [
        ("a", "amount: missing"),
        ("b", "amount: above 100"),
    ]
    (filled,), _ = both([row("a", amount=math.nan)], use_case(cleanse={"fill": {"amount": 7}}))
    assert filled["amount"] == 7.0


def test_rows_without_key_or_time_go_to_quarantine() -> None:
    _, quarantine = both([row(None), row("b", at=None)])
    assert [(found["key"], found["reasons"]) for found in quarantine] == [
        ("b", "at: missing"),
        (None, "id: missing"),
    ]


@pytest.mark.parametrize(("policy", "kept"), [("first", 1.0), ("last", 3.0), ("quarantine", 1.0)])
def test_of_rows_with_the_same_key_one_is_kept_and_those_that_say_something_else_are_rejected(
    policy: str, kept: float
) -> None:
    rows = [row("a", 2, amount=3), row("a", 0, amount=1), row("a", 1, amount=2)]
    clean, quarantine = both(rows, use_case(cleanse={"duplicates": policy}))
    assert [found["amount"] for found in clean] == [kept]
    assert {(found["reasons"], found["rejected"]) for found in quarantine} == {
        ("duplicate with other values", True)
    }
    assert len(quarantine) == 2


@pytest.mark.parametrize(("policy", "rejected"), [("first", False), ("last", False), ("quarantine", True)])
def test_a_copy_that_says_the_same_is_rejected_only_where_none_is_expected(
    policy: str, rejected: bool
) -> None:
    _, quarantine = both(
        [row("a", customer=" c1"), row("a", customer="c1 ")], use_case(cleanse={"duplicates": policy})
    )
    assert [(found["reasons"], found["rejected"]) for found in quarantine] == [("duplicate", rejected)]


@pytest.mark.parametrize("few", [200_000, -1])
@pytest.mark.parametrize(
    ("policy", "kept"), [("first", (9.0, 0)), ("last", (10.0, 1)), ("quarantine", (9.0, 0))]
)
def test_of_rows_of_the_same_key_and_moment_the_order_of_their_delivery_decides(
    policy: str, kept: tuple[float, int], few: int
) -> None:
    rows = [row("a", amount=9), row("b"), row("a", amount=10, bad=1)]
    with patch.object(steps, "_FEW", few):
        clean, _ = both(rows, use_case(cleanse={"duplicates": policy}))
    assert [(found["amount"], found["bad"]) for found in clean if found["id"] == "a"] == [kept]


def test_a_key_of_another_day_is_left_out_of_clean_and_feeds_windows() -> None:
    rows = [row("a", 1, amount=1), row("a", 25, amount=2), row("b", 26)]
    for policy, kept, other in (("first", 1.0, 2.0), ("last", 2.0, 1.0)):
        clean, quarantine, further = map(
            dicts, cleanse(relation(rows), use_case(cleanse={"duplicates": policy}), NIGHT)
        )
        assert [found["amount"] for found in clean if found["id"] == "a"] == [kept]
        assert [(found["reasons"], found["rejected"]) for found in quarantine] == [
            ("duplicate with other values", True)
        ]
        assert [found["amount"] for found in further] == [other]


def test_a_row_that_is_bad_by_its_label_alone_feeds_windows_without_it_as_at_night() -> None:
    rule = {"rules": {"cheap_when_bad": "bad = 0 or amount < 5", "told": "amount < 50"}}
    rows = [row("a", bad=2), row("b", bad=1, amount=7), row("c", bad=1, amount=70), row("d")]
    _, _, further = cleanse(relation(rows), use_case(cleanse=rule), NIGHT)
    assert [(found["id"], found["bad"]) for found in dicts(further)] == [("a", None), ("b", None)]
    fed = feeding(relation(rows), use_case(cleanse=rule))
    assert [(found["id"], found["bad"]) for found in dicts(fed.rows)] == [("a", None), ("b", None), ("d", 0)]
    assert [found["rejected"] for found in dicts(fed.aside)] == [True]


def test_exact_copies_go_to_quarantine_too() -> None:
    clean, quarantine = both([row("a"), row("a")])
    assert (len(clean), [(found["reasons"], found["found"]) for found in quarantine]) == (
        1,
        [("duplicate", '{"id": "a"}')],
    )


def test_a_bad_row_never_stands_in_for_a_good_one_of_the_same_key() -> None:
    clean, quarantine = both([row("a", 0, amount=-1), row("a", 1, amount=2)])
    assert [found["amount"] for found in clean] == [2.0]
    assert [found["reasons"] for found in quarantine] == ["amount: below 0"]


def test_a_binary_label_becomes_one_or_zero_or_stays_unknown() -> None:
    clean, quarantine = both(
        [row("a", 0, bad=1), row("b", 1, bad=0), row("c", 2, bad=None), row("d", 3, bad=7)]
    )
    assert [found["bad"] for found in clean] == [1, 0, None]
    assert [(found["key"], found["reasons"]) for found in quarantine] == [("d", "bad: not allowed")]


def test_a_boolean_label_may_be_either_though_nothing_is_said_to_be_allowed() -> None:
    label = {"type": "boolean", "role": "label"}
    case = use_case(columns={**use_case().model_dump(exclude_unset=True)["columns"], "bad": label})
    case = case.model_copy(update={"label": case.label.model_copy(update={"positive": True})})
    rows = relation([row("a", 0, bad=1), row("b", 1, bad=0)]).project("* REPLACE (bad::BOOLEAN AS bad)")
    clean, quarantine, _ = cleanse(rows, case, NIGHT)
    assert [found["bad"] for found in dicts(clean)] == [1, 0]
    assert dicts(quarantine) == []


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
    clean, *_ = cleanse(relation([row("a", bad=3)]), case, NIGHT)
    assert dict(zip(clean.columns, map(str, clean.types), strict=True)) == {
        "id": "VARCHAR",
        "at": "TIMESTAMP",
        "amount": "DOUBLE",
        "bad": "DOUBLE",
    }


def test_columns_are_renamed_and_found_under_the_sources_name() -> None:
    case = use_case(cleanse={"rename": {"Paid / in €": "amount"}})
    raw = relation([row("a", amount=-1), row("b")]).project('* EXCLUDE amount, amount AS "Paid / in €"')
    clean, quarantine, _ = cleanse(raw, case, NIGHT)
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
        cleanse(relation([row("a")]), use_case(columns=columns), NIGHT)


def test_a_row_that_would_get_lost_is_told_and_nothing_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = steps._clean
    monkeypatch.setattr(steps, "_clean", lambda *given: f"SELECT * FROM ({whole(*given)}) WHERE false")
    with pytest.raises(
        SluiceError, match="given 3 rows and gave 0 clean ones and 1 for quarantine: nothing is published"
    ):
        both([row("a"), row("b"), row(None)])


def test_keyed_names_each_raw_row_as_quarantine_names_it() -> None:
    case = use_case(
        cleanse={
            "rename": {"ID": "id"},
            "lower": ["id"],
            "missing": {"id": ["none"]},
            "rules": {"never": "amount < 0"},
        }
    )
    raw = relation([row(" A"), row("None"), row(None), row("b")]).project("* EXCLUDE id, id AS ID")
    keys = {found["#key"] for found in dicts(with_key(raw, case))}
    assert keys == {found["key"] for found in dicts(cleanse(raw, case, NIGHT)[1])} == {"a", "None", None, "b"}


# --- laws

texts = st.sampled_from(
    ["chip", "Web ", "", "fax", "'); drop", '"', None, "\t", "é", "\u2028", "😀", "a\0b"]
) | st.text(max_size=3)
numbers = st.sampled_from(
    [0.0, -0.0, -1.0, 1e300, -1e300, 5e-324, 2.5, -999.0, math.inf, -math.inf, math.nan, None]
)
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
        texts,
        numbers,
        texts,
        st.sampled_from([0, 1, 2, None]),
    ),
    max_size=12,
)
required = st.booleans()
schemas = st.fixed_dictionaries(
    {
        "id": st.just({"type": "string", "role": "key"}),
        "at": st.just({"type": "timestamp", "role": "time"}),
        "customer": st.fixed_dictionaries(
            {"type": st.just("string"), "required": required, "allowed": st.sampled_from([None, ["", "é"]])}
        ),
        "amount": st.fixed_dictionaries(
            {
                "type": st.just("number"),
                "required": required,
                "min": st.none() | st.just(0),
                "max": st.none() | st.sampled_from([1, 1e300]),
            }
        ),
        "channel": st.fixed_dictionaries(
            {"type": st.just("string"), "required": required, "allowed": st.sampled_from([None, ["chip"]])}
        ),
        "bad": st.just({"type": "integer", "role": "label", "allowed": [0, 1]}),
    }
)
RULES = {
    "odd": "ln(amount) < 1",
    "together": "amount > 0 or channel = 'chip'",
    "cast": "customer::int > 0",
    "never": "1 = 0",
}
repairs = st.fixed_dictionaries(
    {
        "trim": st.booleans(),
        "lower": st.sampled_from([[], ["channel", "id"]]),
        "missing": st.sampled_from([{}, {"amount": [-999], "channel": ["", "fax"], "id": [""]}]),
        "merge": st.sampled_from([{}, {"channel": {"chip": ["web"]}}]),
        "fill": st.sampled_from([{}, {"amount": 1, "customer": "nobody"}]),
        "drop": st.sampled_from([[], ["amount"], ["bad"]]),
        "rules": (
            st.lists(st.sampled_from(sorted(RULES)), unique=True).map(
                lambda names: {name: RULES[name] for name in names}
            )
        ),
        "duplicates": st.sampled_from(["first", "last", "quarantine"]),
    }
)


@settings(max_examples=60, deadline=None)
@given(rows=dirty_rows, columns=schemas, cleanse=repairs)
def test_rows_in_are_rows_clean_plus_rows_in_quarantine(
    rows: list[dict[str, Any]], columns: dict[str, Any], cleanse: dict[str, Any]
) -> None:
    raw = relation(rows)
    clean, quarantine = both(rows, use_case(columns=columns, cleanse=cleanse))
    assert len(clean) + len(quarantine) == len(rows)
    assert len({found["id"] for found in clean}) == len(clean)
    # What is in quarantine are rows of the source, as they were, each once; the others are the clean ones.
    every = Counter(
        text for (text,) in sql.select(raw, "raw", "SELECT to_json(raw)::VARCHAR FROM raw").fetchall()
    )
    assert Counter(found["row"] for found in quarantine) <= every


@settings(max_examples=40, deadline=None)
@given(rows=dirty_rows, columns=schemas, cleanse=repairs)
def test_every_broken_rule_is_listed_with_what_was_found(
    rows: list[dict[str, Any]], columns: dict[str, Any], cleanse: dict[str, Any]
) -> None:
    about = {
        "duplicate": {"id"},
        "duplicate with other values": {"id"},
        "odd": {"amount"},
        "together": {"amount", "channel"},
        "cast": {"customer"},
        "never": set(),
    }
    for bad in both(rows, use_case(columns=columns, cleanse=cleanse))[1]:
        reasons, found, whole = bad["reasons"].split("; "), json.loads(bad["found"]), json.loads(bad["row"])
        assert set(found) == set().union(*(about.get(reason, {reason.split(":")[0]}) for reason in reasons))
        assert repr(found) == repr({column: whole[column] for column in found})  # NaN equals nothing
        amount = None if str(whole["amount"]) == "nan" else whole["amount"]
        repaired = (
            cleanse["fill"].get("amount")
            if amount in (None, *cleanse["missing"].get("amount", ()))
            else amount
        )
        expected = {
            "missing": repaired is None and (columns["amount"]["required"] or "amount" in cleanse["drop"]),
            "below 0": repaired is not None and columns["amount"]["min"] is not None and repaired < 0,
        }
        assert {what for what, broken in expected.items() if broken} == {
            what for what in expected if f"amount: {what}" in reasons
        }


@settings(max_examples=30, deadline=None)
@given(rows=dirty_rows, columns=schemas, cleanse=repairs)
def test_many_rows_come_out_as_few_do(
    rows: list[dict[str, Any]], columns: dict[str, Any], cleanse: dict[str, Any]
) -> None:
    case = use_case(columns=columns, cleanse=cleanse)
    few = both(rows, case)
    with patch.object(steps, "_FEW", -1):
        assert repr(both(rows, case)) == repr(few)  # NaN equals nothing


@settings(max_examples=15, deadline=None)
@given(rows=dirty_rows, data=st.data())
def test_the_order_in_which_rows_arrive_changes_nothing_but_which_of_the_same_key_and_moment_came_first(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    moments = itertools.count()  # so that no two are the same
    rows = [{**each, "at": each["at"] and each["at"] + timedelta(seconds=next(moments))} for each in rows]
    assert repr(both(rows)) == repr(both(data.draw(st.permutations(rows))))


def test_an_empty_table_is_cleansed_into_empty_tables_with_their_columns() -> None:
    clean, quarantine, _ = cleanse(relation([]), use_case(), NIGHT)
    assert tuple(clean.columns) == use_case().kept_columns
    assert quarantine.columns == ["key", "partition", "reasons", "found", "rejected", "row"]


# --- leaks whose past windows may read


LATE = {"tip": {"type": "number", "role": "leak", "known_after": "7d", "max": 8}}


def with_tips(**cleanse: Any) -> UseCase:
    return use_case(columns=yaml.safe_load(tiny.YAML)["columns"] | LATE, cleanse=cleanse)


def test_of_the_label_and_a_late_column_each_is_shown_to_windows_unless_the_row_breaks_a_rule_by_itself() -> (
    None
):
    """Whatever is known of the other one by then: that comes at another time."""
    rows = [
        row("a", bad=7, tip=5.0),
        row("b", bad=1, tip=9.0),
        row("c", bad=1, tip=2.0),
        row("d", bad=0, tip=None),
    ]
    case = with_tips(rules={"fair": "tip <> 2 or amount > 5", "paid": "bad = 1 or amount > 0.5"})
    found = dicts(feeding(relation(rows, tip=pa.float64()), case).rows)
    assert [(item["id"], item["bad"], item["tip"]) for item in found] == [
        ("a", None, 5),
        ("b", 1, None),
        ("c", 1, None),
        ("d", 0, None),
    ]


def test_copies_that_differ_in_a_late_column_alone_are_the_same_to_their_night() -> None:
    rows = [row("a", tip=1.0), row("a", tip=2.0), row("b", amount=1.0), row("b", amount=2.0)]
    fed = feeding(relation(rows, tip=pa.float64()), with_tips())
    assert [item["tip"] for item in dicts(fed.rows)] == [1.0, None]
    assert sorted(item["rejected"] for item in dicts(fed.aside)) == [False, True]


def test_a_rule_that_only_the_label_fulfils_puts_a_row_aside_in_training_as_at_night_and_tells_the_label() -> (
    None
):
    case = use_case(cleanse={"rules": {"told": "bad is not null or amount > 5"}})
    for label in (1, None):
        clean, quarantine = both([row("a", bad=label)], case)
        assert (clean, quarantine[0]["reasons"]) == ([], "told")
        assert json.loads(quarantine[0]["found"]) == {"amount": 1.0, "bad": label}
