"""Rows that break an expectation, as Great Expectations' own condition picks them: what a person wants to see
first.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, TypeAlias

from great_expectations.expectations.registry import get_metric_kwargs
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.metrics_calculator import MetricsCalculator

from pipelines.core.config import Expectation
from pipelines.core.personal import MASK
from pipelines.core.sql import name as quoted
from pipelines.gates.gx import suite
from pipelines.gates.gx.engine import MOST_EXAMPLES, DuckDBExecutionEngine, HasCursor, open_engine

if TYPE_CHECKING:
    import duckdb

Row: TypeAlias = dict[str, Any]

MOST_COLUMNS = 8  # of a row; of a wider table's rows, the key and the columns in question
# A column's set of values has no rows of its own; those that hold a value too many are those that are not in
# the set.
OF_SETS = {
    "expect_column_distinct_values_to_be_in_set": "column_values.in_set",
    "expect_column_distinct_values_to_equal_set": "column_values.in_set",
}
VIEW = "judged rows"


def rows(
    relation: duckdb.DuckDBPyRelation,
    connection: HasCursor,
    expectation: Expectation,
    key: str | None,
    personal: Collection[str],
) -> tuple[Row, ...]:
    """Pick rows of a relation that break an expectation.

    Args:
        relation: The judged table.
        connection: Its connection, or the store that it comes from.
        expectation: One that was found broken by some rows.
        key: The column that names a row, if the table has one.
        personal: Columns whose values are masked.

    Returns:
        At most ten rows, the first ones by key; none for an expectation that judges no single rows, such as
        one on a mean.
    """
    built = suite.build(expectation)
    metric = OF_SETS.get(expectation.name, getattr(built, "map_metric", None))
    if metric is None:
        return ()
    shown = relation.project(", ".join(map(quoted, _columns(relation.columns, expectation, key))))
    with open_engine(shown, connection, VIEW) as engine:
        found = _unexpected_rows(engine, built, f"{metric}.unexpected_rows")
    return tuple(
        {name: MASK if name in personal and value is not None else value for name, value in row.items()}
        for row in found
    )


def _columns(every: Collection[str], expectation: Expectation, key: str | None) -> list[str]:
    """The key first, since rows are sorted by their columns from left to right.

    Then the columns in question, then the others.
    """
    first = [column for column in (key or "", *suite.columns_of(expectation)) if column in every]
    return list(dict.fromkeys([*first, *every] if len(every) <= MOST_COLUMNS else first))


def _unexpected_rows(engine: DuckDBExecutionEngine, built: Any, metric: str) -> list[Row]:
    """Ask Great Expectations for one metric: the rows by which it has counted what is unexpected."""
    few = {"result_format": {"result_format": "SUMMARY", "partial_unexpected_count": MOST_EXAMPLES}}
    arguments = get_metric_kwargs(
        metric_name=metric, configuration=built.configuration, runtime_configuration=few
    )
    asked = MetricConfiguration(metric, arguments["metric_domain_kwargs"], arguments["metric_value_kwargs"])
    found: list[Row] = MetricsCalculator(engine).get_metric(asked)
    return found
