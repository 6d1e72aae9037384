"""Great Expectations' measures where its own SQL, on DuckDB, says less than it seems to: each with the
reason.

- A comparison with a missing value is neither true nor false in SQL, and Great Expectations counts as broken
  what is false. So a row without a value was judged and could not fail. Here it fails, as on pandas, unless
  `ignore_row_if` leaves it out.
- A z-score needs a standard deviation that is finite and not zero; without one, Great Expectations is content
  with every value.
- A standard deviation is measured from the column's mean: far from zero, a number's last digits are lost in
  its distance from zero.
- Sums of fractions are rounded (0.1 + 0.2 is not 0.3): they are compared to twelve digits, since no sum is
  exact to sixteen. Sums of whole numbers are exact.
- Limits are doubles to Great Expectations, which from 2^53 on do not tell a whole number from the next: there
  they stay whole.
- Quantiles are compared with their limits as they stand. Great Expectations grants 1e-8 beside them, more
  than all of a column of tiny values, and one part in ten thousand.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import sqlalchemy as sa
from great_expectations.compatibility.pydantic import StrictInt
from great_expectations.core.metric_function_types import MetricPartialFunctionTypeSuffixes
from great_expectations.core.types import Comparable
from great_expectations.expectations.core import (
    ExpectColumnMaxToBeBetween,
    ExpectColumnMinToBeBetween,
    ExpectColumnQuantileValuesToBeBetween,
    ExpectColumnSumToBeBetween,
    ExpectColumnValuesToBeBetween,
)
from great_expectations.expectations.metrics.column_aggregate_metric_provider import column_aggregate_partial
from great_expectations.expectations.metrics.column_aggregate_metrics.column_standard_deviation import (
    ColumnStandardDeviation,
)
from great_expectations.expectations.metrics.column_map_metrics.column_values_z_score import (
    ColumnValuesZScore,
)
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnPairMapMetricProvider,
    MulticolumnMapMetricProvider,
    column_condition_partial,
    column_function_partial,
    column_pair_condition_partial,
    multicolumn_condition_partial,
)

from pipelines.core.config.base import BEYOND
from pipelines.gates.gx.engine import DuckDBExecutionEngine

Whole: TypeAlias = StrictInt | Comparable | None
ROUNDING = 1e-12  # of a sum of fractions, as a share of what is added up
Z_SCORES = f"column_values.z_score.{MetricPartialFunctionTypeSuffixes.MAP.value}"


class StandardDeviation(ColumnStandardDeviation):  # type: ignore[misc]
    """Of a sample, measured from the mean, which Great Expectations has computed before."""

    @column_aggregate_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(cls, column: Any, _metrics: dict[str, Any], **_: Any) -> Any:  # noqa: N805  (Great Expectations makes it a class method)
        mean = _metrics["column.mean"]
        number = sa.cast(column, sa.Double)
        return sa.func.stddev_samp(number if mean is None else number - sa.literal(float(mean), sa.Double))


class ZScores(ColumnValuesZScore):  # type: ignore[misc]
    """How many standard deviations a value is away from the mean."""

    @column_function_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb_function(cls, column: Any, _metrics: dict[str, Any], **_: Any) -> Any:  # noqa: N805
        mean, deviation = _metrics["column.mean"], _metrics["column.standard_deviation"]
        if deviation is None or not math.isfinite(deviation):
            raise ValueError(
                "values have z-scores where two of them at least are there, and all of them are finite"
            )
        if deviation == 0:
            raise ValueError("all values are the same, and so have no z-scores")
        return (sa.cast(column, sa.Double) - sa.literal(float(mean), sa.Double)) / sa.literal(
            float(deviation), sa.Double
        )

    @column_condition_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb_condition(
        cls,  # noqa: N805
        _column: Any = None,
        *,
        _metrics: dict[str, Any],
        threshold: float,
        double_sided: bool,
        **_: Any,
    ) -> Any:
        score = _metrics[Z_SCORES][0]
        return (sa.func.abs(score) if double_sided else score) < threshold


class PairGreater(ColumnPairMapMetricProvider):  # type: ignore[misc]
    """Whether one column is greater than another; not, where either has no value."""

    condition_metric_name = "column_pair_values.a_greater_than_b"
    condition_domain_keys = (
        "batch_id",
        "table",
        "column_A",
        "column_B",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )
    condition_value_keys = ("or_equal",)

    @column_pair_condition_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(cls, column_A: Any, column_B: Any, or_equal: bool = False, **_: Any) -> Any:  # noqa: N803, N805
        if not or_equal:
            return sa.func.coalesce(column_A > column_B, sa.false())
        return sa.or_(
            sa.func.coalesce(column_A >= column_B, sa.false()),
            sa.and_(column_A.is_(None), column_B.is_(None)),
        )


class PairInSet(ColumnPairMapMetricProvider):  # type: ignore[misc]
    """Whether two columns' values are one of some pairs; a null in a pair stands for a missing value."""

    condition_metric_name = "column_pair_values.in_set"
    condition_domain_keys = (
        "batch_id",
        "table",
        "column_A",
        "column_B",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )
    condition_value_keys = ("value_pairs_set",)

    @column_pair_condition_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(cls, column_A: Any, column_B: Any, value_pairs_set: Any, **_: Any) -> Any:  # noqa: N803, N805
        pairs = (sa.and_(column_A == a, column_B == b) for a, b in value_pairs_set)
        return sa.func.coalesce(sa.or_(sa.false(), *pairs), sa.false())


class SumEqual(MulticolumnMapMetricProvider):  # type: ignore[misc]
    """Whether a row's numbers add up to a total; not, where one of them is missing or not finite."""

    condition_metric_name = "multicolumn_sum.equal"
    condition_domain_keys = (
        "batch_id",
        "table",
        "column_list",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )
    condition_value_keys = ("sum_total",)

    @multicolumn_condition_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(cls, column_list: list[Any], sum_total: float, **_: Any) -> Any:  # noqa: N805
        numbers: list[Any] = [sa.cast(column, sa.Double) for column in column_list]
        size = sum(map(sa.func.abs, numbers), sa.literal(0.0, sa.Double))
        apart = sa.func.abs(sum(numbers, sa.literal(-float(sum_total), sa.Double)))
        whole = sa.and_(size < BEYOND, *(number == sa.func.trunc(number) for number in numbers))
        rounding = sa.case((whole, 0.0), else_=ROUNDING)
        return sa.func.coalesce(sa.and_(sa.func.isfinite(size), apart <= rounding * size), sa.false())


class ExpectColumnValuesToBeBetweenWhole(ExpectColumnValuesToBeBetween):  # type: ignore[misc]
    """Stands in where a limit is beyond 2^53."""

    min_value: Whole = None
    max_value: Whole = None


class ExpectColumnMinToBeBetweenWhole(ExpectColumnMinToBeBetween):  # type: ignore[misc]
    """Stands in where a limit is beyond 2^53."""

    min_value: Whole = None
    max_value: Whole = None


class ExpectColumnMaxToBeBetweenWhole(ExpectColumnMaxToBeBetween):  # type: ignore[misc]
    """Stands in where a limit is beyond 2^53."""

    min_value: Whole = None
    max_value: Whole = None


class ExpectColumnSumToBeBetweenWhole(ExpectColumnSumToBeBetween):  # type: ignore[misc]
    """Stands in where a limit is beyond 2^53."""

    min_value: Whole = None
    max_value: Whole = None


class ExpectColumnQuantilesToBeBetween(ExpectColumnQuantileValuesToBeBetween):  # type: ignore[misc]
    """Stands in for the expectation that it is made of, see `suite.build`: limits are limits."""

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        ranges = self.configuration.kwargs["quantile_ranges"]
        values = metrics["column.quantile_values"]
        good = [_within(value, *limits) for value, limits in zip(values, ranges["value_ranges"], strict=True)]
        observed = {"quantiles": ranges["quantiles"], "values": values}
        return {
            "success": all(good),
            "result": {"observed_value": observed, "details": {"success_details": good}},
        }


def _within(value: Any, low: float | None, high: float | None) -> bool:
    return value is not None and (low is None or bool(value >= low)) and (high is None or bool(value <= high))
