"""Personal values leave Great Expectations' results here, before anything is made of them: behind this line
nothing needs to be hidden.

It is an allow-list: of a result about a personal column only numbers of rows stay, whatever else a version of
Great Expectations may put there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from pipelines.core.personal import MASK
from pipelines.gates.gx.engine import Observation
from pipelines.gates.gx.suite import Stated, columns_of

COUNTS = frozenset(
    {"element_count", "missing_count", "missing_percent", "unexpected_count", "unexpected_percent"}
)
COUNTS |= {"unexpected_percent_total", "unexpected_percent_nonmissing"}
# What they observe (a number of values, a type) tells nothing of a person.
HARMLESS = (
    "expect_column_unique_value_count",
    "expect_column_proportion_of",
    "expect_column_correlation",
    "expect_column_to_be_like_earlier_days",  # shares of rows, under names without values
    "expect_column_type_to_be",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
)


def mask(stated: Stated, observed: Observation, personal: Collection[str]) -> Observation:
    """What was observed, without the values of personal columns, even where an error message quotes them."""
    if not set(columns_of(stated.expectation)) & set(personal):
        return observed
    result = {name: value for name, value in observed.result.items() if name in COUNTS}
    for name in ("partial_unexpected_list", "partial_missing_list"):
        if name in observed.result:
            result[name] = [None if value is None else MASK for value in observed.result[name]]
    if "observed_value" in observed.result:
        result["observed_value"] = _masked_value(stated, observed.result["observed_value"])
    raised = observed.raised and "the reason may quote personal values"
    return replace(observed, result=result, raised=raised)


def _masked_value(stated: Stated, value: Any) -> Any:
    return value if value is None or stated.expectation.name.startswith(HARMLESS) else MASK
