"""Expectations of a night that its champion's definitions make: by table, and about what an expectation is
really about.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from pipelines.composition import expected
from pipelines.composition.put_together import put_together
from pipelines.core.config import Expectation, GatedTable, UseCase
from tests.helpers import tiny

HUNDREDTHS = ("amount: amount\n", "amount: amount / 100\n")  # the feature alone: the column is what it was
BETRAG = (
    ("  amount:   {", "  betrag:   {"),
    ("cleanse:\n", "cleanse:\n  rename: {amount: betrag}\n"),
    ("ln(1 + amount)", "ln(1 + betrag)"),
    ("avg(amount)", "avg(betrag)"),
)


def file(*edits: tuple[str, str], gates: dict[str, Any] | None = None) -> UseCase:
    text = tiny.YAML
    for there, instead in edits:
        assert there in text
        text = text.replace(there, instead)
    return UseCase.model_validate({**yaml.safe_load(text), "gates": gates or {}})


def most(column: str, value: float, condition: str | None = None) -> dict[str, Any]:
    told = {"row_condition": condition, "condition_parser": "great_expectations"} if condition else {}
    return {"expect_column_max_to_be_between": {"column": column, "max_value": value, **told}}


def asked(learned: UseCase, now: UseCase) -> dict[GatedTable, list[dict[str, Any]]]:
    def plain(each: Expectation) -> dict[str, Any]:
        return {each.name: each.kwargs}

    return {
        table: [plain(each) for each in stated] for table, stated in put_together(learned, now).gates.items()
    }


@pytest.mark.parametrize("table", ["raw", "clean", "past", "predictions"])
def test_a_column_is_not_the_feature_of_its_name(table: str) -> None:
    stated = {
        table: [most("amount" if table != "predictions" else "score", 0.9)],
        "features": [most("amount", 7)],
    }
    found = asked(file(gates={"features": [most("amount", 9)]}), file(HUNDREDTHS, gates=stated))
    assert found == {table: stated[table], "features": [most("amount", 9)]}


def test_a_repair_changes_what_clean_says_and_not_what_raw_does() -> None:
    stated = {"raw": [most("amount", 10)], "clean": [most("amount", 10)]}
    assert asked(file(), file(("cleanse:\n", "cleanse:\n  fill: {amount: 7}\n"), gates=stated)) == {
        "raw": stated["raw"]
    }


@pytest.mark.parametrize(
    "expectation",
    [
        {"expect_column_values_to_be_in_set": {"column": "customer", "value_set": ["c1", "amount"]}},
        {"expect_column_values_to_match_regex": {"column": "customer", "regex": "'amount'|\"mean_7d\""}},
        most("log_amount", 5, 'col("channel")=="amount"'),
    ],
    ids=lambda each: next(iter(each)),
)
def test_a_value_that_is_called_like_what_has_changed_is_no_column(expectation: dict[str, Any]) -> None:
    table = "features" if "log_amount" in str(expectation) else "clean"
    assert asked(file(), file(HUNDREDTHS, gates={table: [expectation]})) == {table: [expectation]}


@pytest.mark.parametrize(
    "expectation",
    [
        most("amount", 1),
        most("log_amount", 5, 'col("amount")>0'),
        {"expect_column_pair_values_to_be_equal": {"column_A": "log_amount", "column_B": "amount"}},
        {"expect_compound_columns_to_be_unique": {"column_list": ["log_amount", "amount"]}},
    ],
    ids=["column", "row condition", "pair", "list"],
)
def test_what_names_a_column_that_has_changed_waits_with_it(expectation: dict[str, Any]) -> None:
    assert asked(file(), file(HUNDREDTHS, gates={"features": [expectation]})) == {}


def test_which_columns_a_table_has_is_asked_by_whose_columns_they_are() -> None:
    def count(n: int) -> dict[str, Any]:
        return {"expect_table_column_count_to_equal": {"value": n}}

    more = ("amount: amount\n", "amount: amount / 100\n    twice: 2 * amount\n")
    learned = file(gates={"features": [count(10)], "clean": [count(6)]})
    assert asked(learned, file(more, gates={"features": [count(11)], "clean": [count(6)]})) == {
        "features": [count(10)],
        "clean": [count(6)],
    }


def test_a_column_that_the_file_has_renamed_is_asked_under_its_learned_name() -> None:
    now = file(
        *BETRAG,
        ("amount: amount\n", "amount: betrag / 100\n"),
        gates={"clean": [most("betrag", 10, 'col("betrag")>1')]},
    )
    assert asked(file(), now) == {"clean": [most("amount", 10, 'col("amount")>1')]}


def test_a_limit_that_the_champions_own_rules_keep_anyway_closes_no_night() -> None:
    lower = ("amount:   {type: number, min: 0}", "amount:   {type: number, min: -5}")
    stated = {"clean": [{"expect_column_values_to_be_between": {"column": "amount", "min_value": -1}}]}
    assert asked(file(), file(lower, HUNDREDTHS, gates=stated)) == {}


def test_a_column_that_is_misspelt_is_left_to_check() -> None:
    stated = {"clean": [most("amuont", 10)]}
    assert asked(file(), file(HUNDREDTHS, gates=stated)) == stated


def test_a_file_without_its_new_features_asks_all_else() -> None:
    more = ("amount: amount\n", "amount: amount\n    online: channel = 'online'\n")
    now = file(
        more,
        gates={
            "features": [most("online", 1), most("amount", 9)],
            "clean": [most("amount", 9, 'col("channel")=="online"')],
        },
    )
    less = now.model_copy(update={"features": file().features})
    found = expected.as_far_as(now, less)
    assert {table: [each.kwargs["column"] for each in stated] for table, stated in found.items()} == {
        "features": ["amount"],
        "clean": ["amount"],
    }
