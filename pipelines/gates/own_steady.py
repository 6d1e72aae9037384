"""Great Expectations' expectations about the table `profile`: a column's (or the rows') statistics beside what is allowed.

See `pipelines.gates.steady`, which makes that table on the connection whose table is judged.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation, ColumnAggregateExpectation
from great_expectations.expectations.metrics.column_aggregate_metric_provider import ColumnAggregateMetricProvider
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

MOST_TOLD = 5  # statistics in a sentence
PROFILE = sa.table("profile", *map(sa.column, ("column", "statistic", "value", "low", "high")))


class ColumnStatistics(ColumnAggregateMetricProvider):  # type: ignore[misc]
    """The rows of `profile` about a column."""

    metric_name = "column.statistics_like_past"

    @metric_value(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(
        cls,  # noqa: N805  (Great Expectations makes it a class method)
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        **_: Any,
    ) -> list[tuple[Any, ...]]:
        return _rows(execution_engine, metric_domain_kwargs["column"])


class TableStatistics(TableMetricProvider):  # type: ignore[misc]
    """The rows of `profile` about whole rows."""

    metric_name = "table.statistics_like_past"

    @metric_value(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, execution_engine: SqlAlchemyExecutionEngine, **_: Any) -> list[tuple[Any, ...]]:  # noqa: N805
        return _rows(execution_engine, "")


class ExpectColumnStatisticsToBeLikePast(ColumnAggregateExpectation):  # type: ignore[misc]
    """Every statistic of the column is within its limits."""

    limits: list[str]

    metric_dependencies = ("column.statistics_like_past",)
    success_keys: ClassVar[tuple[str, ...]] = ("limits",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        return _judged(metrics[self.metric_dependencies[0]], len(self.limits))


class ExpectTableStatisticsToBeLikePast(BatchExpectation):  # type: ignore[misc]
    """Every statistic of the rows is within its limits."""

    limits: list[str]

    metric_dependencies = ("table.statistics_like_past",)
    success_keys: ClassVar[tuple[str, ...]] = ("limits",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        return _judged(metrics[self.metric_dependencies[0]], len(self.limits))


NAMES = frozenset(each.expectation_type for each in (ExpectColumnStatisticsToBeLikePast, ExpectTableStatisticsToBeLikePast))


def allowed(low: float | None, high: float | None) -> str:
    """What is allowed, in words."""
    least, most = (None if limit is None else f"{limit:.3g}" for limit in (low, high))
    return f"{least} to {most}" if least and most else f"at least {least}" if least else f"at most {most}"


def _rows(engine: SqlAlchemyExecutionEngine, column: str) -> list[tuple[Any, ...]]:
    query = sa.select(*list(PROFILE.c)[1:]).where(PROFILE.c.column == column).order_by(PROFILE.c.statistic)
    return [tuple(row) for row in engine.execute_query(query).fetchall()]


def _judged(rows: list[tuple[Any, ...]], expected: int) -> dict[str, Any]:
    """Those that are beyond; where none is, how many were looked at. Fewer than are expected are none that hold."""
    beyond = [
        f"{statistic}: {value:.3g} (allowed: {allowed(low, high)})"
        for statistic, value, low, high in rows
        if value is None or (low is not None and value < low) or (high is not None and value > high)
    ]
    if len(beyond) > MOST_TOLD:
        beyond[MOST_TOLD:] = [f"{len(beyond) - MOST_TOLD} more"]
    missing = expected - len(rows)
    if missing > 0:
        beyond.append(f"{missing} of {expected} statistics are not there")
    told = "; ".join(beyond) if beyond else f"all {len(rows)} statistics within their limits"
    return {"success": bool(rows) and not beyond, "result": {"observed_value": told}}
