"""What differs between two files is said in their own words: no parse tree, no long SQL, and nothing
personal.
"""

from __future__ import annotations

import pytest
import yaml

from pipelines.core import spoken
from pipelines.core.config import UseCase
from pipelines.registry import definitions
from tests.helpers import tiny

NET = (
    ('"tests.helpers.tiny:payments"}', '"tests.helpers.tiny:payments", derive: {net: "amount - fee"}}'),
    ("  channel:  {type", "  net:      {type: number}\n  fee:      {type: number}\n  channel:  {type"),
    ("    amount: amount\n", "    amount: amount\n    net: net\n"),
)


def file(*edits: tuple[str, str]) -> UseCase:
    text = tiny.YAML
    for there, instead in edits:
        assert there in text
        text = text.replace(there, instead)
    return UseCase.model_validate(yaml.safe_load(text))


def told(name: str, *edits: tuple[str, str], learned: tuple[tuple[str, str], ...] = ()) -> str:
    (line,) = [
        line
        for line in definitions.differences(file(*learned), file(*learned, *edits))
        if line.startswith(f"{name}: ")
    ]
    return line.removeprefix(f"{name}: learned as ")


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        ("amount", ("amount: amount\n", "amount: amount / 100\n"), "`amount`, a number, now `amount / 100`, a number"),
        ("amount", ("amount:   {type: number", "amount:   {type: integer"), "where amount is a number, now `amount`, a number, where amount is an integer"),
        ("amount", ("cleanse:\n", "cleanse:\n  missing: {amount: [-1, n/a]}\n"), "amount has no code for missing, now `amount`, a number, where amount has -1, 'n/a' for missing"),
        ("channel", ("{online: [web]}", "{chip: [web]}"), "channel has 'web' merged into 'online', now `channel`, a category, where channel has 'web' merged into 'chip'"),
        ("channel", ("lower: [channel]", "lower: []"), "channel is lowered"),
        ("payments_7d", ("amount:   {type: number, min: 0}", "amount:   {type: number, min: 5}"), "where amount is 0 or more, now"),
        ("payments_7d", ("[chip, online]", "[chip, online, app]"), "where channel is 'app', 'chip', 'online' only"),
        ("payments_7d", ("[chip, online]", "[chip, online, app, till, post]"), "where channel is 'app', 'till', 'post' and 2 more only"),
        ("payments_7d", ("cleanse:\n", "cleanse:\n  rules: {small: amount < 50}\n"), "where rows keep to `amount < 50`"),
        ("payments_7d", ("cleanse:\n", "cleanse:\n  duplicates: last\n"), "where of copies the last counts"),
        ("bad_before", ("delay_days: 2", "delay_days: 1"), "bad is known after 1 days, 1 is positive (binary)"),
    ],
    ids=["SQL", "type", "missing", "spelling", "case", "limit", "allowed", "one of many allowed", "rule", "copies", "delay"],
)  # fmt: skip
def test_a_difference_is_said_as_the_files_say_it(name: str, edit: tuple[str, str], said: str) -> None:
    assert said in told(name, edit)


def test_a_derived_column_is_said_by_its_sql() -> None:
    edit = ('"amount - fee"', '"fee - amount"')
    assert (
        told("net", edit, learned=NET)
        == "`net`, a number, where net is derived by `amount - fee`, now `net`, a number, where net is"
        " derived by `fee - amount`"
    )


def test_long_sql_is_shown_where_it_differs() -> None:
    long = " + ".join(["amount"] * 60)
    learned = ("amount: amount\n", f"amount: {long} + 1 + {long}\n")
    line = told("amount", (" + 1 + ", " - 1 - "), learned=(learned,))
    assert len(line) < 300
    assert "+ amount + amount + 1 + amount" in line
    assert "+ amount + amount - 1 - amount" in line


LATE = (
    ("  channel:  {type", "  tip:      {type: number, role: leak, known_after: 2d}\n  channel:  {type"),
    ("avg(bad) over known\n", "avg(bad) over known\n    tips: avg(tip) over known\n"),
)


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ("leak, known_after: 36h", "where tip is known after 2d, now `avg(tip) over known` (known: 7d to 2d before of the same customer), a number, where tip is known after 36h"),
        ("feature", "where tip is known after 2d, now `avg(tip) over known` (known: 7d to 2d before of the same customer), a number, where tip is known at once"),
        ("leak, known_after: 2d, max: 9", "where tip is 9 or less; tip is known only later"),
    ],
)  # fmt: skip
def test_when_a_leak_is_known_is_said(instead: str, said: str) -> None:
    assert said in told("tips", ("leak, known_after: 2d", instead), learned=LATE)


def test_codes_of_a_personal_column_are_not_said() -> None:
    personal = ("customer: {type: string,", "customer: {type: string, pii: true,")
    line = told("mean_7d", ("cleanse:\n", "cleanse:\n  missing: {customer: [Jane]}\n"), learned=(personal,))
    assert "customer's missing is \u2022\u2022\u2022" in line
    assert "Jane" not in line


def test_no_difference_shows_how_it_was_found() -> None:
    many = [
        ("cleanse:\n", "cleanse:\n  fill: {amount: 7}\n"),
        ("amount:   {type: number, min: 0}", "amount:   {type: number, max: 9}"),
    ]
    lines = list(definitions.differences(file(), file(*many)))
    assert len(lines) == 5
    assert not any(sign in line for line in lines for sign in ("{", "[", "None", "True", "class"))


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        (["amount: x"], "1 feature waits"),
        (["amount: x", "fee: y"], "2 features wait"),
        (["the label: x"], "the label waits"),
        (["the label: x", "fee: y"], "the label and 1 feature wait"),
    ],
)
def test_how_many_wait_is_said_in_words(apart: list[str], said: str) -> None:
    assert definitions.summary(apart, "wait") == said


def test_what_waits_is_named_as_far_as_a_line_holds_it() -> None:
    assert definitions.first_names(["the label: x", "amount: y"]) == "the label, amount"
    assert definitions.first_names([f"f{n}: x" for n in range(9)]) == "f0, f1, f2, f3, f4 and 4 more"


def test_a_feature_says_its_windows() -> None:
    assert (
        spoken.feature_text("bad_before", file())
        == "`avg(bad) over known` (known: 7d to 2d before of the same customer), a number"
    )
