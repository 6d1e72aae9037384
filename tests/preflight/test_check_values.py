"""A value of a use-case file that its column cannot hold, or that is no text where one is meant, is told
before a run.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.core import use_cases
from pipelines.core.errors import BadUseCase
from pipelines.preflight.check import check
from tests.helpers import tiny

ALLOWED = "allowed: [chip, online]}"
LABEL = "bad:      {type: integer, role: label, allowed: [0, 1]}"


def told(tmp_path: Path, *changes: tuple[str, str], after: str = "") -> str:
    """All mistakes of the tiny use case after some of its text was replaced."""
    text = tiny.YAML
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "tiny.yaml"
    path.write_text(text + after)
    try:
        return "\n".join(sentence for _, sentence in check(use_cases.load_file(path)))
    except BadUseCase as error:
        return str(error)


def test_words_that_yaml_1_1_takes_for_booleans_are_the_texts_that_stand_there(tmp_path: Path) -> None:
    label = "bad:      {type: string, role: label, allowed: [yes, no]}"
    changes = [
        (ALLOWED, "allowed: [NO, DE, on]}"),
        (
            "  lower: [channel]\n  merge: {channel: {online: [web]}}",
            "  missing: {channel: [off]}\n  fill: {channel: NO}",
        ),
        (LABEL, label),
        ("{positive: 1,", "{positive: yes,"),
        ("    bad_before: avg(bad) over known\n", ""),
    ]
    assert told(tmp_path, *changes) == ""
    use_case = use_cases.load_file(tmp_path / "tiny.yaml").use_case
    assert use_case.columns["channel"].allowed == ("NO", "DE", "on")
    assert (use_case.cleanse.missing, use_case.cleanse.fill, use_case.label.positive) == (
        {"channel": ("off",)},
        {"channel": "NO"},
        "yes",
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (ALLOWED, "allowed: [chip, online, 007]}", "columns.channel.allowed.2: 007 is an integer to YAML, and channel is a string: write it in quotes: '007'"),
        (ALLOWED, "allowed: [chip, online, 0x1F]}", "write it in quotes: '0x1F'"),
        (ALLOWED, "allowed: [chip, online, true]}", "columns.channel.allowed.2: only texts and whole numbers stand here, found True; if it is meant as a text, write it in quotes: 'true'"),
        (ALLOWED, "allowed: [chip, online, 1.10]}", "write it in quotes: '1.10'"),
        (ALLOWED, "allowed: [chip, online, ~]}", "write it in quotes: '~'"),
        ("min: 0}", "allowed: [true]}", "columns.amount.allowed.0: only texts and whole numbers stand here"),
        ("lower: [channel]", "missing: {channel: [0, n/a]}", "cleanse.missing.channel.0: 0 is an integer to YAML, and channel is a string: write it in quotes: '0'"),
        ("lower: [channel]", "missing: {channel: [FALSE]}", "FALSE is true or false to YAML, and channel is a string: write it in quotes: 'FALSE'"),
        ("lower: [channel]", "missing: {channel: [null]}", "null is no value at all to YAML, and channel is a string: write it in quotes: 'null'"),
        ("lower: [channel]", "missing: {amount: [null]}", "cleanse.missing.amount: null is a missing value already"),
        ("lower: [channel]", "fill: {customer: 1e3}", "cleanse.fill.customer: 1e3 is a number to YAML, and customer is a string: write it in quotes: '1e3'"),
        ("online: [web]", "online: [12]", "cleanse.merge.channel.online.0: input should be a valid string, found 12; if it is meant as a text, write it in quotes: '12'"),
        ("{positive: 1,", "{positive: true,", "label.positive: True is no integer"),
        ("{positive: 1,", "{positive: 2,", "label.positive: 2 is not among the label's allowed values (0, 1); write one of these, or add it there"),
        ("allowed: [0, 1]}", "allowed: [1, 1]}", "columns.bad.allowed: 1 alone: a binary label has two values"),
        ("lower: [channel]", "fill: {amount: -1}", "cleanse.fill.amount: -1 is below min 0, so every row that is filled would go to quarantine"),
        ("min: 0}", "max: 9}\n  n: {type: integer, max: 0.5}", ""),
        ("lower: [channel]", "fill: {channel: none}", "cleanse.fill.channel: 'none' is not among the allowed values ('chip', 'online')"),
        ("lower: [channel]", "fill: {channel: Online}", "cleanse.fill.channel: 'Online' is not among the allowed values"),
        ("lower: [channel]", "fill: {id: none}", "cleanse.fill.id: id is the key, which no row can be given"),
        ("lower: [channel]", "fill: {at: '2026-01-01'}", "cleanse.fill.at: at is the time, which no row can be given"),
        ("{online: [web]}", "{onlin: [web]}", "cleanse.merge.channel.onlin: 'onlin' is not among the allowed values ('chip', 'online')"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_told_with_the_way_out(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    found = told(tmp_path, (old, new))
    assert sentence in found
    assert bool(sentence) is bool(found)


@pytest.mark.parametrize(
    ("table", "expectation", "sentence"),
    [
        ("clean", "{column: channel, value_set: [chip, 1]}", "gates.clean.0.expect_column_values_to_be_in_set.value_set.1: 1 is an integer to YAML, and channel is a string: write it in quotes: '1'"),
        ("raw", "{column: channel, value_set: [010]}", "write it in quotes: '010'"),
        ("features", "{column: channel, value_set: [NO, TRUE]}", "TRUE is true or false to YAML"),
        ("clean", "{column: bad, value_set: [x]}", "value_set.0: 'x' is never there: bad is a BIGINT"),
        ("raw", "{column: amount, value_set: [much, 1]}", "value_set.0: 'much' is never there: amount is a DOUBLE"),
        ("features", "{column: amount, value_set: [much]}", "value_set.0: 'much' is never there: amount is a FLOAT"),
        ("raw", "{column: channel, value_set: [NO, yes]}", ""),
        ("raw", "{column: amount, value_set: [1, 2.5]}", ""),
    ],
)  # fmt: skip
def test_the_values_of_an_expectation_are_of_their_columns_type(
    tmp_path: Path, table: str, expectation: str, sentence: str
) -> None:
    found = told(
        tmp_path, after=f"gates:\n  {table}:\n    - expect_column_values_to_be_in_set: {expectation}\n"
    )
    assert sentence in found
    assert bool(sentence) is bool(found)


def test_a_boolean_label_needs_no_list_of_its_values(tmp_path: Path) -> None:
    changes = [(LABEL, "bad:      {type: boolean, role: label}"), ("{positive: 1,", "{positive: true,")]
    assert told(tmp_path, *changes) == ""
