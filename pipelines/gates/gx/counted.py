"""How many values an expectation has judged: one that judged none says nothing, whatever Great Expectations
makes of it.

Expectations on single values tell it themselves. Those on a whole column (its mean, its set of values) do
not, so their values are counted beside them, by an aggregate that Great Expectations puts into the same query
as the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from great_expectations.expectations.core import ExpectTableRowCountToBeBetween
from great_expectations.expectations.expectation import ColumnAggregateExpectation

DOMAIN = ("row_condition", "condition_parser")
SHARE_OF_ROWS = (  # it judges rows: those without a value, too
    "expect_column_proportion_of_non_null_values_to_be_between"
)


class ExpectColumnValuesToBeCounted(ColumnAggregateExpectation):  # type: ignore[misc]
    """Counts the values that are there, and always holds: asked beside others, and never stated."""

    metric_dependencies = ("column.non_null_count",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        return {"success": True, "result": {"observed_value": metrics[self.metric_dependencies[0]]}}


NAME = ExpectColumnValuesToBeCounted.expectation_type


def counter(expectation: Any) -> Any | None:
    """An expectation whose observed value is how many values the other one judges.

    None where that one tells itself, or judges none.
    """
    if not isinstance(expectation, ColumnAggregateExpectation):
        return None
    kwargs = expectation.configuration.kwargs
    domain = {argument: kwargs[argument] for argument in DOMAIN if kwargs.get(argument) is not None}
    if expectation.expectation_type == SHARE_OF_ROWS:
        return ExpectTableRowCountToBeBetween(min_value=0, **domain) if domain else None
    return ExpectColumnValuesToBeCounted(column=kwargs["column"], **domain)


def rows_judged(result: Mapping[str, Any], count: Mapping[str, Any] | None) -> int | None:
    """How many values (or rows) were judged.

    None of an expectation on the table itself, or where it could not be counted.
    """
    if "element_count" in result:
        return int(result["element_count"]) - int(result.get("missing_count") or 0)
    return None if count is None else count.get("observed_value")
