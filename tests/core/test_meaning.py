"""What a feature means: forty edits of a use-case file, each with the features whose meaning it changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core import meaning, sql
from pipelines.core.use_cases import parse
from pipelines.preflight.check import check

YAML = """
name: shop
title: Which orders come back? One row is one order.
task: binary
source:
  kind: file
  path: data/{partition}.csv
  format: {type: csv}
  derive: {ordered: "dteday::timestamp + hr * interval 1 hour"}
columns:
  id:       {type: string, role: key}
  dteday:   {type: string, role: ignored}
  hr:       {type: integer}
  ordered:  {type: timestamp, role: time}
  customer: {type: string, required: true}
  amount:   {type: number, min: 0, max: 5000}
  tip:      {type: number}
  channel:  {type: string, allowed: [chip, online]}
  note:     {type: string}
  bad:      {type: integer, role: label, allowed: [0, 1]}
label: {positive: 1, delay_days: 2}
cleanse:
  rename: {Amount: amount}
  lower: [channel]
  missing: {amount: [-999, -1], channel: [unknown, ""]}
  merge: {channel: {online: [web, ecom]}}
  fill: {tip: 0}
  rules: {plausible: "tip <= amount"}
features:
  windows:
    week: {by: [customer, channel], since: 7d}
    known: {by: [customer], since: 7d, until: 2d}
  numbers:
    amount: amount
    hour: hr
    share: tip / (1 + amount)
    mean: avg(amount) over week
    bad_before: avg(bad) over known
    late: (hour(ordered) > 20)::int
  categories: {channel: channel}
  texts: {note: note}
split: {window_days: 60, by: time, test: 0.25, folds: {by: time, n: 3}}
candidates: {baseline: {}, linear: {grid: {C: [0.1, 1]}}}
metric: {name: aucpr}
threshold: {policy: max_recall, precision: 0.5}
slices: [channel]
gates:
  raw: [{expect_column_mean_to_be_between: {column: hr, min_value: 1}}]
schedule: {scoring: "0 2 * * *"}
monitoring: {min_performance: 0.5}
demo: {training: 2026-01-31}
"""

ALL = {"amount", "hour", "share", "mean", "bad_before", "late", "channel", "note"}
BACK = {"mean", "bad_before"}  # look back

# What is edited, what is written instead, whose values mean something else, whose past has other rows.
EDITS: dict[str, tuple[str, str, set[str], set[str]]] = {
    "a comment in the file": ("task: binary", "task: binary  # yes or no", set(), set()),
    "a comment in SQL": ("hour: hr", "hour: hr -- of the day", set(), set()),
    "blanks in SQL": ("tip / (1 + amount)", "tip/(1+  amount)", set(), set()),
    "needless brackets": ("hour: hr", "hour: ((hr))", set(), set()),
    "upper case in SQL": ("avg(amount) over week", "AVG(Amount) OVER week", set(), set()),
    "another way to write a cast": (
        "(hour(ordered) > 20)::int",
        "cast(hour(ordered) > 20 as integer)",
        set(),
        set(),
    ),
    "the order of features": (
        "    amount: amount\n    hour: hr\n",
        "    hour: hr\n    amount: amount\n",
        set(),
        set(),
    ),
    "the order of a window's columns": ("by: [customer, channel]", "by: [channel, customer]", set(), set()),
    "a window's unit": ("since: 7d}", "since: 168h}", set(), set()),
    "the order of codes": ("[-999, -1]", "[-1, -999]", set(), set()),
    "a code as another number": ("[-999, -1]", "[-999.0, -1]", set(), set()),
    "the order of spellings": ("[web, ecom]", "[ecom, web]", set(), set()),
    "the case of a spelling that is lowered": ("[web, ecom]", "[Web, ECOM]", set(), set()),
    "a fill of the same value": ("fill: {tip: 0}", "fill: {tip: 0.0}", set(), set()),
    "a rule's name": ("plausible:", "tips_are_small:", set(), set()),
    "where the source is": ("path: data/", "path: feed/", set(), set()),
    "how the file is read": ("format: {type: csv}", "format: {type: csv, separator: ';'}", set(), set()),
    "a gate": ("min_value: 1}", "min_value: 2}", set(), set()),
    "the schedule": ("0 2 * * *", "0 3 * * *", set(), set()),
    "the grid": ("C: [0.1, 1]", "C: [1]", set(), set()),
    "the threshold": ("precision: 0.5", "precision: 0.7", set(), set()),
    "what monitoring allows": ("min_performance: 0.5", "min_performance: 0.4", set(), set()),
    "a personal column": ("customer: {type: string,", "customer: {type: string, pii: true,", set(), set()),
    "SQL of one feature": ("hour: hr", "hour: (hr + 19) % 24", {"hour"}, set()),
    "a unit in SQL": ("    amount: amount", "    amount: amount / 100", {"amount"}, set()),
    "an aggregate's argument": ("avg(amount)", "avg(tip)", {"mean"}, set()),
    "an aggregate": ("avg(amount)", "max(amount)", {"mean"}, set()),
    "a window's length": ("channel], since: 7d", "channel], since: 14d", {"mean"}, set()),
    "a window's end": ("until: 2d", "until: 3d", {"bad_before"}, set()),
    "whose window it is": ("[customer, channel]", "[customer]", {"mean"}, set()),
    "which window is used": ("avg(bad) over known", "avg(bad) over known2", {"bad_before"}, set()),
    "a fill": ("fill: {tip: 0}", "fill: {tip: 1}", {"share"}, BACK),  # the rule reads tip
    "a fill that is new": ("fill: {tip: 0}", "fill: {tip: 0, hr: 12}", {"hour"}, set()),
    "a code for missing": ("[-999, -1]", "[-999]", {"amount", "share", "mean"}, BACK),
    "a spelling": ("[web, ecom]", "[web]", {"channel", "mean"}, BACK),
    "what is lowered": ("lower: [channel]", "lower: []", {"channel", "mean"}, BACK),
    "trimming": ("  lower:", "  trim: false\n  lower:", {"channel", "note", "mean", "bad_before"}, BACK),
    "what a column is derived from": (
        "hr * interval 1 hour",
        "hr * interval 2 hour",
        {"late", "mean", "bad_before"},
        BACK,
    ),
    "a type": (
        "hr:       {type: integer}",
        "hr:       {type: number}",
        {"hour", "late", "mean", "bad_before"},
        BACK,
    ),
    "where a column comes from": ("{Amount: amount}", "{Sum: amount}", {"amount", "share", "mean"}, BACK),
    "when a label is known": ("delay_days: 2", "delay_days: 1", {"bad_before"}, set()),
    "what is positive": ("positive: 1", "positive: 0", {"bad_before"}, set()),
    "a rule": ("tip <= amount", "tip < amount", set(), BACK),
    "a limit": ("max: 5000", "max: 6000", set(), BACK),
    "an allowed value": ("[chip, online]", "[chip, online, app]", set(), BACK),
    "which copy counts": ("  rules:", "  duplicates: last\n  rules:", set(), BACK),
    "what is required": ("tip:      {type: number}", "tip:      {type: number, required: true}", set(), BACK),
    "a kind": (
        "  categories: {channel: channel}\n  texts: {note: note}",
        "  categories: {channel: channel, note: note}",
        {"note"},
        set(),
    ),
}
EDITS["which window is used"] = (
    (
        "    known: {by: [customer], since: 7d, until: 2d}\n  numbers:\n    amount: amount\n    hour: hr\n   "
        " share: tip / (1 + amount)\n    mean: avg(amount) over week\n    bad_before: avg(bad) over known"
    ),
    (
        "    known: {by: [customer], since: 7d, until: 2d}\n    long: {by: [customer], since: 9d, until:"
        " 2d}\n  numbers:\n    amount: amount\n    hour: hr\n    share: tip / (1 + amount)\n    mean:"
        " avg(amount) over week\n    bad_before: avg(bad) over long"
    ),
    {"bad_before"},
    set(),
)


def meanings(text: str) -> meaning.Meanings:
    loaded = parse(Path("shop.yaml"), text.encode())
    assert check(loaded) == []
    return meaning.meanings(loaded.use_case)


BEFORE = meanings(YAML)


def test_there_are_at_least_forty_edits_and_every_feature_is_touched_by_one() -> None:
    assert len(EDITS) >= 40
    assert set().union(*(values for _, _, values, _ in EDITS.values())) == ALL == BEFORE.keys()


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_the_meaning_of_these_features_and_no_others(edit: str) -> None:
    there, instead, values, rows = EDITS[edit]
    assert YAML.count(there) == 1 or edit == "a window's unit"
    after = meanings(YAML.replace(there, instead).replace("delay_days: 1", "delay_days: 1"))
    assert {
        name for name in ALL if meaning.values_only(BEFORE[name]) != meaning.values_only(after[name])
    } == values
    assert {name for name in ALL if BEFORE[name].partition("-")[2] != after[name].partition("-")[2]} == rows


def test_a_renamed_window_and_a_renamed_column_change_nothing() -> None:
    assert meanings(YAML.replace("week", "seven_days")) == BEFORE
    renamed = YAML.replace("tip", "gratuity").replace(
        "rename: {Amount: amount}", "rename: {Amount: amount, tip: gratuity}"
    )
    assert meanings(renamed) == BEFORE


def test_how_a_day_is_spelt_is_part_of_what_is_made_of_it() -> None:
    days = [
        YAML.replace("dteday:   {type: string,", f"dteday:   {{type: date{spelt},")
        for spelt in ("", ", format: '%d/%m/%Y'", ", format: '%m/%d/%Y'")
    ]
    iso, day_first, month_first = map(meanings, days)
    for one, other in ((iso, day_first), (day_first, month_first)):
        assert {name for name in ALL if one[name] != other[name]} == {"late", "mean", "bad_before"}


def test_a_limit_that_is_a_moment_is_one_of_the_rows_that_are_let_in() -> None:
    after = meanings(YAML.replace("role: time}", "role: time, min: 2020-01-01}"))
    assert {name for name in ALL if BEFORE[name] != after[name]} == BACK


LEAK = "tip:      {type: number, role: leak, known_after: 2d}"
LATE = (
    YAML.replace("tip:      {type: number}", LEAK).replace("fill: {tip: 0}", "fill: {hr: 0}").replace('"tip <= amount"', '"amount < 1000"')
    .replace("share: tip / (1 + amount)", "share: avg(tip) over known")
)  # fmt: skip


@pytest.mark.parametrize(
    ("there", "instead", "values", "rows"),
    [
        ("known_after: 2d", "known_after: 1d", {"share"}, set()),
        ("known_after: 2d", "known_after: 48h", set(), set()),
        ("known_after: 2d", "known_after: 2d, why: given afterwards", set(), set()),
        ("known_after: 2d", "known_after: 2d, max: 9", set(), {"share", *BACK}),
    ],
)
def test_when_a_leak_is_known_is_part_of_what_the_features_mean_that_read_it(
    there: str, instead: str, values: set[str], rows: set[str]
) -> None:
    before, after = meanings(LATE), meanings(LATE.replace(there, instead))
    assert {
        name for name in ALL if meaning.values_only(before[name]) != meaning.values_only(after[name])
    } == values
    assert {name for name in ALL if before[name].partition("-")[2] != after[name].partition("-")[2]} == rows


def test_that_windows_may_read_a_leak_changes_no_feature_that_does_not() -> None:
    unread = LATE.replace("share: avg(tip) over known", "share: amount / 2")
    assert meanings(unread) == meanings(unread.replace(", known_after: 2d", ""))
    limited = unread.replace("known_after: 2d", "known_after: 2d, max: 9")
    assert meanings(limited) == meanings(limited.replace("known_after: 2d", "known_after: 9d"))
    asked_at_night = limited.replace("role: leak, known_after: 2d, ", "")
    one, other = meanings(limited), meanings(asked_at_night)
    assert {name for name in ALL if one[name] != other[name]} == BACK, (
        "at night, a limit of what is known later keeps no row out"
    )


def test_a_rule_of_sluices_own_that_is_new_changes_all_meanings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meaning, "RULE", meaning.RULE + 1)
    after = meanings(YAML)
    assert all(after[name] != BEFORE[name] for name in ALL)


def unchecked(text: str) -> meaning.Meanings:
    return meaning.meanings(parse(Path("shop.yaml"), text.encode()).use_case)


def changed(before: str, after: str) -> set[str]:
    """The features that mean something else in two files, whatever `check` says of these."""
    one, other = unchecked(before), unchecked(after)
    return {name for name in ALL if one[name] != other[name]}


def test_a_spelling_of_two_lists_means_what_the_first_of_them_makes_of_it() -> None:
    there, twice = "{online: [web, ecom]}", "{online: [web, ecom], chip: [ecom]}"
    assert changed(
        YAML.replace(there, twice), YAML.replace(there, "{chip: [ecom], online: [web, ecom]}")
    ) == {"channel", *BACK}
    assert changed(YAML.replace(there, twice), YAML) == set()  # the second list never has its turn
    assert changed(YAML, YAML.replace(there, "{chip: [], online: [web, ecom]}")) == set()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("ΟΔΟΣ", "οδος", False), ("ΟΔΟΣ", "οδοσ", True), ("a\\x1cb", "a b", False), ("a\\tb", "a b", True)],
)
def test_spellings_are_the_same_if_they_are_to_the_values_that_they_are_compared_with(
    one: str, other: str, same: bool
) -> None:
    first, second = (YAML.replace("[web, ecom]", f'["{word}"]') for word in (one, other))
    assert (changed(first, second) == set()) is same


def test_what_derives_a_column_is_read_under_the_sources_names() -> None:
    learned = YAML.replace("hr * interval 1 hour", "hr * interval 1 hour + day * interval 1 day").replace(
        "  hr: ", "  day:      {type: integer}\n  hr: "
    )
    swapped = learned.replace("rename: {", "rename: {hr: day, day: hr, ")
    assert {"late", *BACK} & changed(learned, swapped) == set()  # the very same columns of the source
    assert {"late", *BACK} <= changed(
        learned, swapped.replace("hr * interval 1 hour + day", "day * interval 1 hour + hr")
    )


def test_features_that_look_back_tell_which_column_is_the_time_and_which_the_key() -> None:
    learned = YAML.replace(
        "  customer:", "  booked:   {type: timestamp, required: true}\n  customer:"
    ).replace("role: time}", "role: time, required: true}")
    learned = learned.replace("avg(amount) over week", "avg(epoch(booked) - epoch(ordered)) over week")
    moved = learned.replace("role: time, required: true}", "required: true}").replace(
        "booked:   {type: timestamp,", "booked:   {type: timestamp, role: time,"
    )
    assert changed(learned, moved) == BACK
    keyed = YAML.replace("{type: string, role: key}", "{type: string, required: true}").replace(
        "{type: string, required: true}\n  amount", "{type: string, role: key}\n  amount"
    )
    assert changed(YAML, keyed) == BACK


def test_a_file_without_names_is_told_by_the_schemas_and_where_they_stand_is_no_meaning() -> None:
    headless = YAML.replace("format: {type: csv}", "format: {type: csv, header: false}").replace(
        "rename: {Amount: amount}\n", "trim: true\n"
    )
    assert changed(headless, headless.replace("header: false", "header: true")) == set()
    tip, note = "  tip:      {type: number}\n", "  note:     {type: string}\n"
    assert changed(headless, headless.replace(tip, "").replace(note, note + tip)) == set()
    assert changed(headless, headless.replace("tip", "gratuity")) == {"share", *BACK}


def test_only_features_that_look_back_tell_which_rows_there_are() -> None:
    assert {name for name in ALL if "-" in BEFORE[name]} == BACK


BLANKS = st.text(" \t\n", min_size=1, max_size=3)
COMMENT = st.one_of(
    st.just(""), st.text("abc x=1'\"", max_size=8).map(lambda text: f"-- {text}\n"), st.just("/* ; */")
)


@given(st.data())
def test_sql_that_differs_in_blanks_comments_and_case_is_the_same_tree(data: st.DataObject) -> None:
    words = [
        "case",
        "when",
        "amount",
        ">",
        "10.5",
        "and",
        "channel",
        "in",
        "(",
        "'Web'",
        ",",
        "'x",
        "y'",
        ")",
        "then",
        "ln",
        "(",
        "1",
        "+",
        "amount",
        ")",
        "else",
        "-",
        "tip",
        "end",
    ]
    words = ["'x y'" if word == "'x" else word for word in words if word != "y'"]
    spelt = [
        word if word.startswith("'") else data.draw(st.sampled_from([word, word.upper()])) for word in words
    ]
    text = "".join(word + data.draw(BLANKS) + data.draw(COMMENT) for word in spelt)
    assert meaning._rename(sql.tree(text), {}) == meaning._rename(sql.tree(" ".join(words)), {})
