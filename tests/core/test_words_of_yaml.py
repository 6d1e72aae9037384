"""A wrong value is told in the words of YAML, and a wrong name with the one that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.core import use_cases
from pipelines.core.errors import BadUseCase
from tests.helpers import tiny

NO_NAME = "is no name: small letters, digits and _, of which the first is a letter"
SNAKE_CASE = ", and `cleanse: {rename: snake_case}`, which takes the source's columns by such names"


def refused(folder: Path, *changes: tuple[str, str]) -> list[str]:
    text = tiny.YAML
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "tiny.yaml").write_text(text)
    with pytest.raises(BadUseCase) as error:
        use_cases.load_file(folder / "tiny.yaml")
    return [line.partition(": ")[2] for line in error.value.parts.details]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("lower: [channel]", "lower: channel", "cleanse.lower: a list is written here, such as [a, b], found 'channel'"),
        ("slices: [channel]", "slices: {a: 1}", "slices: a list is written here, such as [a, b], found a mapping"),
        ("lower: [channel]", "missing: {amount: 7}", "cleanse.missing.amount: a list is written here, such as [a, b], found 7"),
        ("{channel: channel}", "[channel]", "features.categories: a mapping is written here, such as {key: value}, found a list"),
        ("{positive: 1, delay_days: 2}", "1", "label: a mapping is written here, such as {key: value}, found 1"),
        ('{kind: python, function: "tests.helpers.tiny:payments"}', "[a]", "source: a mapping is written here, such as {key: value}, found a list"),
        ("kind: python", "kind: pyton", "source: no kind 'pyton'; allowed: 'file', 'http', 'sql', 'python'"),
        ("kind: python, ", "", "source: its kind is missing; it has to be stated"),
        ("since: 7d}", "since: [7d]}", "features.windows.week.since: a duration is written here, such as 36h or 7d, found a list"),
        ("window_days: 20", "window_days: [20]", "split.window_days: input should be a valid integer, found a list"),
        ("{C: [0.1, 1]}", "[C]", "candidates.linear.grid: a mapping is written here, such as {key: value}, found a list"),
    ],
)  # fmt: skip
def test_a_value_of_another_form_is_told_with_the_form_that_is_asked_for(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert refused(tmp_path, (old, new)) == [told]


@pytest.mark.parametrize(
    ("found", "meant"),
    [("Amount", "amount"), ("AmountUSD", "amount_usd"), ("Order Date", "order_date"), ("Größe", "grosse")],
)
def test_a_column_that_is_no_name_is_told_with_its_name_in_snake_case(
    tmp_path: Path, found: str, meant: str
) -> None:
    column = ("  amount:  ", f"  {found}:  ")
    assert refused(tmp_path, column) == [f"columns.{found}: '{found}' {NO_NAME}; write '{meant}'{SNAKE_CASE}"]
    for already in ("rename: snake_case", "rename: [snake_case, {a: customer}]"):
        told = refused(tmp_path, column, ("lower: [channel]", already))
        assert told == [f"columns.{found}: '{found}' {NO_NAME}; write '{meant}'"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("lower: [channel]", "lower: [Channel]", f"cleanse.lower.0: 'Channel' {NO_NAME}; write 'channel'"),
        ("  amount:  ", "  7up:  ", f"columns.7up: '7up' {NO_NAME}; write another one"),
        (
            "log_amount: ",
            "LogAmount: ",
            f"features.numbers.LogAmount: 'LogAmount' {NO_NAME}; write 'log_amount'",
        ),
    ],
)
def test_any_other_name_is_told_with_what_a_name_is(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert refused(tmp_path, (old, new)) == [told]
