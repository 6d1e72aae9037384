"""Expectations are resolved strictly: each mistake is a sentence that names what was meant."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.core.config import Expectation
from pipelines.gates.gx import suite

COLUMNS = ("id", "amount", "channel")


def mistakes(name: str, **kwargs: Any) -> list[str]:
    return suite.mistakes(Expectation(name=name, kwargs=kwargs), COLUMNS)


def condition(text: str) -> dict[str, str]:
    return {"row_condition": text, "condition_parser": "great_expectations"}


def test_a_good_expectation_has_no_mistakes() -> None:
    assert mistakes("expect_column_values_to_be_between", column="amount", min_value=0, mostly=0.9) == []
    assert (
        mistakes(
            "expect_column_values_to_be_between", column="amount", min_value=0, **condition('col("id")>2')
        )
        == []
    )
    assert mistakes("expect_table_columns_to_match_set", column_set=["whatever"]) == []


@pytest.mark.parametrize(
    ("name", "kwargs", "sentence"),
    [
        (
            "expect_column_values_to_be_uniqe",
            {"column": "id"},
            "did you mean 'expect_column_values_to_be_unique'?",
        ),
        ("expect_column_values_to_be_unique", {"colum": "id"}, "no argument 'colum'; did you mean 'column'?"),
        ("expect_column_values_to_be_unique", {}, "the argument 'column' is missing"),
        (
            "expect_column_values_to_be_unique",
            {"column": "ammount"},
            "no column 'ammount'; did you mean 'amount'?",
        ),
        (
            "expect_column_values_to_be_unique",
            {"column": "Amount"},
            "no column 'Amount'; did you mean 'amount'?",
        ),
        (
            "expect_column_values_to_be_unique",
            {"column": "id", "result_format": "COMPLETE"},
            "no argument 'result_format'",
        ),
        (
            "expect_column_pair_values_to_be_equal",
            {"column_A": "id", "column_B": "di"},
            "no column 'di'; known: amount, channel, id",
        ),
        (
            "expect_compound_columns_to_be_unique",
            {"column_list": ["id", "chanel"]},
            "no column 'chanel'; did you mean 'channel'?",
        ),
        (
            "expect_column_values_to_not_be_null",
            {"column": "id", **condition('col("chan")=="x"')},
            "no column 'chan'; did you mean",
        ),
        (
            "expect_column_values_to_not_be_null",
            {"column": "id", **condition("col(id")},
            "unable to parse condition",
        ),
        (
            "expect_column_values_to_not_be_null",
            {"column": "id", "row_condition": "id > 2", "condition_parser": "pandas"},
            "row_condition is text for another engine",
        ),
        (
            "expect_column_values_to_be_between",
            {"column": "id", "min_value": "many"},
            "min_value: value is not a valid float",
        ),
        (
            "expect_column_values_to_not_be_null",
            {"column": "id", "mostly": 95},
            "mostly: ensure this value is less than or equal to 1",
        ),
        ("expect_column_values_to_be_increasing", {"column": "id"}, "cannot be computed by DuckDB"),
        ("expect_table_row_count_to_equal_other_table", {"other_table_name": "raw"}, "a gate judges one"),
    ],
)
def test_a_mistake_is_a_sentence(name: str, kwargs: dict[str, Any], sentence: str) -> None:
    assert any(sentence in mistake for mistake in mistakes(name, **kwargs)), mistakes(name, **kwargs)


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("expect_column_values_to_be_between", {"column": "id"}),
        ("expect_column_mean_to_be_between", {"column": "id", "min_value": None}),
        ("expect_table_row_count_to_be_between", {}),
        ("expect_table_columns_to_match_set", {}),
        ("expect_column_values_to_be_in_type_list", {"column": "id"}),
        ("expect_column_values_to_match_regex", {"column": "channel"}),
        ("expect_column_values_to_not_be_in_set", {"column": "channel", "value_set": []}),
        ("expect_column_values_to_not_be_null", {"column": "id", "mostly": 0}),
    ],
)
def test_an_expectation_that_no_table_could_break_is_a_mistake(name: str, kwargs: dict[str, Any]) -> None:
    assert mistakes(name, **kwargs)


def test_all_mistakes_of_an_expectation_are_told_at_once() -> None:
    assert len(mistakes("expect_column_values_to_be_between", colum="id", min_valu=3)) == 4
