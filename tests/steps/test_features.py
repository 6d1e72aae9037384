"""Features see a row and its past, nothing else, and are the same bits wherever the row is computed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.core import use_cases
from pipelines.core.config import UseCase
from pipelines.core.errors import BadInput, SluiceError
from pipelines.steps import features
from pipelines.steps.cleanse import cleanse
from pipelines.steps.features import check, compute
from pipelines.storage.settings import ROOT
from tests.helpers import tiny
from tests.helpers.relations import START, connection, dicts, relation, row, use_case

DAY = 24


def with_features(windows: dict[str, Any] | None = None, **kinds: dict[str, str]) -> UseCase:
    return use_case(features={"windows": windows or {}, **kinds}, slices=[])


def computed(
    rows: list[dict[str, Any]], case: UseCase, past: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    clean = cleanse(relation(rows), case, START.date())[0]
    return dicts(
        compute(clean, None if past is None else cleanse(relation(past), case, START.date())[0], case)
    )


def test_the_table_holds_key_time_target_and_the_features_in_order() -> None:
    case = use_case()
    table = compute(relation([row("b", 1), row("a", 0)]), None, case)
    assert table.columns == ["id", "at", "bad", *case.features.names]
    assert [str(type_) for type_ in table.types] == [
        "VARCHAR",
        "TIMESTAMP",
        "BIGINT",
        *["FLOAT"] * 5,
        "VARCHAR",
    ]
    assert [found["id"] for found in dicts(table)] == ["a", "b"]


def test_a_row_without_features_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = features._statement
    monkeypatch.setattr(features, "_statement", lambda *given: f"{statement(*given)} LIMIT 1")
    with pytest.raises(
        SluiceError, match="features were computed of 2 clean rows and came out for 1: nothing is published"
    ):
        computed([row("a"), row("b")], use_case())


def test_a_folds_group_is_kept_beside_the_features() -> None:
    split = {"window_days": 20, "by": "hash", "folds": {"by": "group", "group": "customer"}}
    assert compute(relation([row("a")]), None, use_case(split=split)).columns[:4] == [
        "id",
        "at",
        "bad",
        "customer",
    ]


def test_what_is_not_finite_is_null_and_a_missing_category_is_an_empty_string() -> None:
    case = with_features(
        numbers={"log": "ln(amount)", "huge": "amount * 1e300", "ratio": "1 / amount", "flag": "amount > 1"},
        categories={"channel": "channel"},
    )
    [found] = computed([row("a", amount=0, channel=None)], case)
    assert (found["log"], found["huge"], found["ratio"], found["flag"], found["channel"]) == (
        None,
        0.0,
        None,
        0.0,
        "",
    )
    [found] = computed([row("a", amount=2)], case)
    assert (found["huge"], found["flag"]) == (None, 1.0)


def test_a_window_ends_before_its_own_moment_and_holds_both_of_its_bounds() -> None:
    case = with_features(
        {"day": {"by": ["customer"], "since": "1d"}},
        numbers={"n": "count(*) over day", "sum": "sum(amount) over day"},
    )
    rows = [
        row("a", 0, amount=1),
        row("b", 5, amount=10),
        row("c", DAY, amount=100),
        row("d", DAY, amount=1000),
        row("x", 6, customer="c2"),
    ]
    found = {item["id"]: (item["n"], item["sum"]) for item in computed(rows, case)}
    assert found == {"a": (0, None), "b": (1, 1), "c": (2, 11), "d": (2, 11), "x": (0, None)}


def test_a_window_with_until_ends_that_long_ago() -> None:
    case = with_features(
        {"known": {"since": "3d", "until": "2d"}}, numbers={"bad_before": "avg(bad) over known"}
    )
    rows = [row("a", 0, bad=1), row("b", DAY - 1, bad=0), row("c", DAY + 1, bad=0), row("d", 3 * DAY)]
    assert [item["bad_before"] for item in computed(rows, case)] == [None, None, None, 0.5]


def test_past_rows_feed_windows_and_do_not_come_out() -> None:
    case = with_features(
        {"week": {"since": "7d"}}, numbers={"n": "count(*) over week", "last": "last_value(amount) over week"}
    )
    found = computed([row("b", DAY)], case, past=[row("a", 0, amount=7), row("old", -6 * DAY - 1)])
    assert [(item["id"], item["n"], item["last"]) for item in found] == [("b", 1.0, 7.0)]


def test_rows_of_the_same_moment_are_told_apart_by_their_key() -> None:
    case = with_features(
        {"week": {"since": "7d"}},
        numbers={"last": "last_value(amount) over week", "first": "first_value(amount) over week"},
    )
    rows = [row("b", 0, amount=2), row("a", 0, amount=1), row("c", 0, amount=3), row("d", 1)]
    assert [(item["last"], item["first"]) for item in computed(rows, case)][-1] == (3.0, 1.0)


# Sums that round differently in each order, many rows of one moment, and two customers.
amounts = st.sampled_from([0.1, 0.2, 0.3, 1e9, 1e-9, 7.77, None])
payments = st.lists(
    st.tuples(st.integers(0, 10 * DAY), st.sampled_from(["c1", "c2"]), amounts, st.sampled_from([0, 1])),
    min_size=1,
    max_size=30,
).map(
    lambda items: [
        row(f"{n:02}", hour, customer=c, amount=a, bad=b) for n, (hour, c, a, b) in enumerate(items)
    ]
)

REAL_SUMS = with_features(
    {"week": {"by": ["customer"], "since": "7d"}, "known": {"since": "5d", "until": "2d"}},
    numbers={
        "trend": "sum(amount) over week - 3 * avg(amount) over known",
        "spread": "stddev(amount) over week",
        "slope": 'regr_slope(amount, epoch("at")) over week',
        "rate": "avg(bad) over known",
        "last": "last_value(amount) over week",
        # What would be lost in float32: the last bits of a sum.
        "bits": "(sum(amount) over week * 1e6) % 1",
    },
)


@settings(max_examples=12, deadline=None)
@given(rows=payments, later=payments, cut=st.integers(1, 10))
def test_later_rows_and_later_labels_change_nothing(
    rows: list[dict[str, Any]], later: list[dict[str, Any]], cut: int
) -> None:
    border = START + timedelta(days=cut)
    earlier = [item for item in rows if item["at"] < border]
    other_future = [item | {"id": f"later {item['id']}"} for item in later if item["at"] >= border]
    expected = [item for item in computed(rows, REAL_SUMS) if item["at"] < border]
    assert [item for item in computed(earlier + other_future, REAL_SUMS) if item["at"] < border] == expected


@settings(max_examples=12, deadline=None)
@given(rows=payments, night=st.integers(1, 10))
def test_a_row_gets_the_same_bits_in_training_and_in_its_own_night(
    rows: list[dict[str, Any]], night: int
) -> None:
    first = START + timedelta(days=night)
    past = [item for item in rows if first - timedelta(days=7) <= item["at"] < first]
    # A night's own labels are hidden; those of the days before it are known when it is scored.
    tonight = [item | {"bad": None} for item in rows if first <= item["at"] < first + timedelta(days=1)]
    in_training = {item["id"]: item | {"bad": None} for item in computed(rows, REAL_SUMS)}
    assert computed(tonight, REAL_SUMS, past) == [
        in_training[item["id"]] for item in sorted(tonight, key=lambda i: (i["at"], i["id"]))
    ]


def many_rows() -> duckdb.DuckDBPyRelation:
    """Twenty thousand payments of twenty customers in full hours: many of the same moment, sums that round in
    each order.
    """
    return connection().sql(
        f"""SELECT i::varchar AS id, TIMESTAMP '{START}' + to_hours((hash(i) % 900)::int) AS at, 'c' || hash(i * 7) % 20 AS customer,
            (hash(i * 13) % 100000) / 97.0 AS amount, 'chip' AS channel, (hash(i * 17) % 2)::bigint AS bad FROM range(20000) t(i)"""
    )


def test_the_number_of_threads_changes_no_bit() -> None:
    told = []
    for threads in (1, 2):
        connection().execute(f"SET threads = {threads}")
        told.append(dicts(compute(many_rows(), None, REAL_SUMS)))
    connection().execute("RESET threads")
    assert told[0] == told[1]


def test_rows_outside_of_the_windows_change_no_bit_of_a_night() -> None:
    night, eve = START + timedelta(days=30), START + timedelta(days=23)
    tonight = f"\"at\" >= '{night}' AND \"at\" < '{night + timedelta(days=1)}'"
    past = f"\"at\" >= '{eve}' AND \"at\" < '{night}'"
    in_training = compute(many_rows(), None, REAL_SUMS).filter(tonight)
    assert dicts(compute(many_rows().filter(tonight), many_rows().filter(past), REAL_SUMS)) == dicts(
        in_training
    )


def test_a_row_that_an_expression_cannot_take_is_a_sentence() -> None:
    case = with_features(numbers={"amount": "amount", "number": "customer::int"})
    with pytest.raises(
        BadInput,
        match=(
            r"(?s)tiny: features cannot be computed.*features\.numbers\.number: customer::int:"
            r" .*'c1'.*way out"
        ),
    ):
        computed([row("a")], case)


def test_a_reason_that_may_quote_a_personal_value_is_hidden() -> None:
    case = with_features(numbers={"amount": "amount", "number": "CUSTOMER::int"})
    columns = case.columns | {"customer": case.columns["customer"].model_copy(update={"pii": True})}
    with pytest.raises(
        BadInput, match=r"features\.numbers\.number: CUSTOMER::int: DuckDB's reason is hidden"
    ) as told:
        computed([row("a")], case.model_copy(update={"columns": columns}))
    assert "c1" not in str(told.value)


def test_debugging_settings_do_not_stay_behind() -> None:
    computed([row("a")], with_features(numbers={"amount": "amount"}))
    assert connection().execute("SELECT current_setting('debug_window_mode')").fetchall() == [("WINDOW",)]


# --- a leak that tells the label, and of which windows see the past


def tipped() -> UseCase:
    """The tip is the label; it is known three days after its row."""
    columns = yaml.safe_load(tiny.YAML)["columns"] | {
        "tip": {"type": "number", "role": "leak", "known_after": "3d"}
    }
    windows = {"settled": {"since": "7d", "until": "3d"}}
    numbers = {
        "tips": "sum(tip) over settled",
        "n": "count(tip) over settled",
        "last": "last_value(tip) over settled",
    }
    return use_case(columns=columns, features={"windows": windows, "numbers": numbers}, slices=[])


HOURS = {
    "old": 0,
    "first": 1,
    "at the border": 24,
    "too young": 24 + 1 / 3600,
    "the day before": 72,
    "same moment": 96,
    "it": 96,
}


def told_of(tips: Mapping[str, float]) -> dict[str, Any]:
    rows = [row(name, hour, bad=1, tip=tips.get(name)) for name, hour in HOURS.items()]
    clean = cleanse(relation(rows, tip=pa.float64()), tipped(), START.date())[0]
    assert [item["tip"] for item in dicts(clean) if item["id"] == "it"] == [tips.get("it")], (
        "it is there, and is not looked at"
    )
    (found,) = [item for item in dicts(compute(clean, None, tipped())) if item["id"] == "it"]
    return {name: found[name] for name in ("tips", "n", "last")}


def test_a_feature_over_a_leaks_past_sees_what_is_known_and_nothing_younger() -> None:
    tips = {"old": 1.0, "first": 2.0, "at the border": 4.0}
    expected = {"tips": 7.0, "n": 3.0, "last": 4.0}
    assert told_of(tips) == expected
    # Neither its own row's, nor any that is known too late by a second, however plainly it tells the label.
    assert (
        told_of({**tips, "too young": 1e6, "the day before": 1e6, "same moment": 1e6, "it": 1e6}) == expected
    )
    assert told_of({"first": 2.0}) == {"tips": 2.0, "n": 1.0, "last": None}


def test_no_column_of_the_features_is_a_leak_itself() -> None:
    rows = relation([row("a", tip=1.0), row("b", 72)], tip=pa.float64())
    table = compute(cleanse(rows, tipped(), START.date())[0], None, tipped())
    assert table.columns == ["id", "at", "bad", "tips", "n", "last"]


# --- what is refused before there is data


COLUMNS = {
    "id": {"type": "string", "role": "key"},
    "at": {"type": "timestamp", "role": "time"},
    "customer": {"type": "string"},
    "amount": {"type": "number"},
    "channel": {"type": "string", "role": "leak", "why": "it is the outcome"},
    "note": {"type": "string", "role": "ignored"},
    "tip": {"type": "number", "role": "leak", "known_after": "36h"},
    "hint": {
        "type": "number",
        "role": "leak",
        "known_after": "1h",
    },  # a night's own rows have none of it, either
    "bad": {"type": "integer", "role": "label", "allowed": [0, 1]},
}
WINDOWS = {"week": {"by": ["customer"], "since": "7d"}, "known": {"since": "7d", "until": "2d"}}


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("amount +", "cannot be read: syntax error"),
        ("amount, 1", "cannot be read: not one expression"),
        ("1) , (2", "cannot be read: not one expression"),
        ("amuont", "no column 'amuont'; did you mean 'amount'?"),
        (
            "length(channel)",
            (
                "'channel' is a leak: it is the outcome; no feature may use it; if it is known some time"
                " after its row's moment, "
            ),
        ),
        ("length(channel)", "write when: known_after, such as 7d, and windows may read its past"),
        (
            "tip",
            (
                "'tip' is a leak of the row itself: not known yet; read it over a window whose until is at"
                " least 36h"
            ),
        ),
        ("amount - coalesce(tip, 0)", "'tip' is a leak of the row itself"),
        ("sum(tip) over week", "'tip' over week: not known yet; the window's until must be at least 36h"),
        ("avg(amount) filter (where tip > 1) over week", "'tip' over week: not known yet"),
        ("avg(tip) over known - avg(tip) over week - tip", "'tip' is a leak of the row itself"),
        ("avg(tip) over known - avg(tip) over week - tip", "'tip' over week: not known yet"),
        ("avg(hint) over week", "'hint' over week: not known yet; the window's until must be at least 1d"),
        ("count(channel) over week", "'channel' is a leak"),
        ("length(note)", "'note' is ignored by the schema"),
        ("bad", "'bad' is the label of the row itself: not known yet"),
        ("avg(bad) over week", "'bad' over week: not known yet; the window's until must be at least 2d"),
        ("sum(amount) filter (where bad = 1) over week", "'bad' over week: not known yet"),
        ("avg(amount) over weak", 'window "weak" does not exist; declared windows: week, known'),
        ("avg(amount) over (partition by customer)", "declare the window under features.windows"),
        ("avg(amount) over (week)", "the window week stands in parentheses: write `over week`"),
        ("avg(amount)", "avg() takes many rows: say which, by `over` a window"),
        ("lead(amount) over week", "lead() does not keep to the window's bounds"),
        ("lag(amount) over week", "lag() does not keep to the window's bounds"),
        ("row_number() over week", "row_number() does not keep to the window's bounds"),
        ("sum(distinct amount) over week", "sum(distinct ...) depends on the order"),
        ("reservoir_quantile(amount, 0.5) over week", "reservoir_quantile() changes from run to run"),
        ("(select max(amount) from rows)", "a subquery is not allowed"),
        ("amount + random()", "random() changes from run to run"),
        ('epoch(now() - "at")', "now() changes from run to run"),
        ('current_date - "at"::date', "current_date changes from run to run"),
        ('epoch(age("at"))', "age() changes from run to run"),
        ("lenght(customer)", "lenght"),
        ("length(amount)", "length"),
        ("customer", "is a VARCHAR, not a number"),
        ('"at"', "is a TIMESTAMP, not a number"),
    ],
)
def test_an_expression_that_cannot_be_a_feature_is_refused_with_its_reason(
    expression: str, told: str
) -> None:
    case = use_case(
        columns=COLUMNS, cleanse={}, features={"windows": WINDOWS, "numbers": {"x": expression}}, slices=[]
    )
    mistakes = check(case)
    assert {where for where, _ in mistakes} == {"features.numbers.x"}
    assert told in " ".join(text for _, text in mistakes)


@pytest.mark.parametrize(
    ("column", "known"),
    [("tip", "36h"), ("hint", "24h"), ("bad", "48h")],
    ids=["leak", "leak of an hour", "label"],
)
def test_a_window_reads_what_becomes_known_late_from_the_very_hour_on(column: str, known: str) -> None:
    def mistakes(until: str) -> list[tuple[str, str]]:
        late = {"since": "7d", "until": until}
        features = {"windows": {"late": late}, "numbers": {"x": f"avg({column}) over late"}}
        return check(use_case(columns=COLUMNS, cleanse={}, features=features, slices=[]))

    hours = int(known.removesuffix("h"))
    assert mistakes(f"{hours}h") == []
    assert "not known yet" in mistakes(f"{hours - 1}h")[0][1]


def test_a_feature_that_takes_the_label_for_the_sources_word_is_told_what_it_is() -> None:
    columns = {**COLUMNS, "bad": {"type": "string", "role": "label", "allowed": ["yes", "no"]}}
    features = {"windows": WINDOWS, "numbers": {"x": "avg((bad = 'yes')::int) over known"}}
    ((where, told),) = check(
        use_case(columns=columns, label={"positive": "yes"}, cleanse={}, features=features, slices=[])
    )
    assert where == "features.numbers.x"
    assert "could not convert string 'yes'" in told.lower()
    assert (
        "in features 'bad' is a number, 1 for 'yes' and 0 for the other: write avg(bad), not avg(bad = ...)"
        in told
    )


def test_windows_are_parted_by_kept_columns_only_and_never_by_what_is_not_known_yet() -> None:
    windows = {
        "a": {"by": ["channel"], "since": "7d"},
        "b": {"by": ["bad"], "since": "7d"},
        "c": {"by": ["tip"], "since": "7d", "until": "3d"},
    }
    mistakes = check(
        use_case(
            columns=COLUMNS, cleanse={}, features={"windows": windows, "numbers": {"x": "amount"}}, slices=[]
        )
    )
    assert [where for where, _ in mistakes] == [
        "features.windows.a.by",
        "features.windows.b.by",
        "features.windows.c.by",
    ]
    assert [text for _, text in mistakes if "so rows cannot be parted by it" in text] == [
        text for _, text in mistakes[1:]
    ]


def test_a_feature_may_not_bear_the_name_of_the_key() -> None:
    [(where, text)] = check(with_features(numbers={"id": "amount"}))
    assert (where, "already the name of the key" in text) == ("features.numbers.id", True)


def test_a_labels_window_ends_a_day_ago_even_without_delay_since_a_night_has_no_labels() -> None:
    case = use_case(
        label={"positive": 1},
        features={"windows": {"week": {"since": "7d"}}, "numbers": {"x": "avg(bad) over week"}},
        slices=[],
    )
    assert "at least 1d" in check(case)[0][1]


@pytest.mark.parametrize("name", use_cases.names(ROOT / "include" / "use_cases"))
def test_the_features_of_our_use_cases_are_good(name: str) -> None:
    assert check(use_cases.load(ROOT / "include" / "use_cases", name).use_case) == []


def test_the_features_of_the_tiny_use_case_are_good() -> None:
    assert check(use_case()) == []
