"""Of a result about a personal column nothing is left but numbers of rows."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.core.config import Expectation
from pipelines.gates.gx.engine import Observation
from pipelines.gates.gx.masking import mask
from pipelines.gates.gx.suite import Stated

NAME = {"column": "name"}


def masked(
    expectation: str, kwargs: dict[str, Any], result: dict[str, Any], raised: str | None = None
) -> Observation:
    stated = Stated(Expectation(name=f"expect_{expectation}", kwargs=kwargs))
    return mask(stated, Observation(False, result, raised), {"name"})


def test_numbers_of_rows_stay_and_values_go() -> None:
    counts = {"element_count": 3, "unexpected_count": 2, "unexpected_percent": 66.7, "missing_count": 0}
    values = {
        "partial_unexpected_list": ["anna", None],
        "partial_unexpected_counts": [{"value": "anna", "count": 2}],
        "of_tomorrow": "anna",
    }
    found = masked("column_values_to_be_in_set", NAME | {"value_set": ["x"]}, counts | values)
    assert found.result == counts | {"partial_unexpected_list": ["•••", None]}


@pytest.mark.parametrize(
    "kwargs",
    [
        {"column_A": "city", "column_B": "name"},
        {"column_list": ["city", "name"]},
        {
            "column": "city",
            "row_condition": {
                "type": "comparison",
                "column": {"name": "name"},
                "operator": "==",
                "parameter": "x",
            },
        },
    ],
)
def test_one_personal_column_among_others_is_enough(kwargs: dict[str, Any]) -> None:
    name = {"column_A": "column_pair_values_to_be_equal", "column_list": "compound_columns_to_be_unique"}.get(
        next(iter(kwargs)), "column_values_to_be_unique"
    )
    assert masked(name, kwargs, {"partial_unexpected_list": [("rome", "anna")]}).result == {
        "partial_unexpected_list": ["•••"]
    }


def test_extremes_are_values_and_numbers_of_values_are_not() -> None:
    assert masked("column_max_to_be_between", NAME | {"max_value": 1}, {"observed_value": 44}).result == {
        "observed_value": "•••"
    }
    assert masked("column_max_to_be_between", NAME | {"max_value": 1}, {"observed_value": None}).result == {
        "observed_value": None
    }
    assert masked(
        "column_unique_value_count_to_be_between", NAME | {"max_value": 1}, {"observed_value": 44}
    ).result == {"observed_value": 44}


def test_an_error_message_may_quote_a_value() -> None:
    found = masked(
        "column_values_to_be_in_set",
        NAME | {"value_set": [1]},
        {},
        raised="Conversion Error: Could not convert string 'anna'",
    )
    assert found.raised == "the reason may quote personal values"
    assert masked("column_values_to_be_in_set", NAME | {"value_set": [1]}, {}).raised is None


def test_a_result_about_other_columns_stays_as_it_is() -> None:
    result = {"observed_value": 3, "details": {"a": 1}}
    assert (
        masked("column_max_to_be_between", {"column": "age", "max_value": 1}, result, raised="why").result
        is result
    )
