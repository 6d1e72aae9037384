"""Great Expectations' expectations about the table `profile`: a column's (or the rows') statistics beside
what is allowed.

See `pipelines.gates.earlier.steady`, which makes that table on the connection whose table is judged.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation, ColumnAggregateExpectation
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

MOST_TOLD = 2  # statistics in a sentence
PROFILE = sa.table(
    "profile", *map(sa.column, ("column", "statistic", "value", "low", "high", "shift", "about", "said"))
)


class ColumnStatistics(ColumnAggregateMetricProvider):  # type: ignore[misc]
    """The rows of `profile` about a column."""

    metric_name = "column.like_earlier_days"

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

    metric_name = "table.rows_new"

    @metric_value(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, execution_engine: SqlAlchemyExecutionEngine, **_: Any) -> list[tuple[Any, ...]]:  # noqa: N805
        return _rows(execution_engine, "")


class ExpectColumnToBeLikeEarlierDays(ColumnAggregateExpectation):  # type: ignore[misc]
    """Every statistic of the column is within its limits."""

    limits: list[str]
    unlevelled: str = ""  # that its values are not among the statistics, and why

    metric_dependencies = ("column.like_earlier_days",)
    success_keys: ClassVar[tuple[str, ...]] = ("limits",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        return _result(metrics[self.metric_dependencies[0]], len(self.limits), self.unlevelled)


class ExpectTableRowsToBeNew(BatchExpectation):  # type: ignore[misc]
    """Every statistic of the rows is within its limits."""

    limits: list[str]

    metric_dependencies = ("table.rows_new",)
    success_keys: ClassVar[tuple[str, ...]] = ("limits",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        return _result(metrics[self.metric_dependencies[0]], len(self.limits))


NAMES = frozenset(each.expectation_type for each in (ExpectColumnToBeLikeEarlierDays, ExpectTableRowsToBeNew))


def allowed_text(low: float | None, high: float | None) -> str:
    """What is allowed, in words."""
    least, most = (None if limit is None else f"{limit:.3g}" for limit in (low, high))
    return f"{least} to {most}" if least and most else f"at least {least}" if least else f"at most {most}"


def _rows(engine: SqlAlchemyExecutionEngine, column: str) -> list[tuple[Any, ...]]:
    query = sa.select(*list(PROFILE.c)[1:]).where(PROFILE.c.column == column).order_by(PROFILE.c.statistic)
    return [tuple(row) for row in engine.execute_query(query).fetchall()]


def _result(rows: list[tuple[Any, ...]], expected: int, unlevelled: str = "") -> dict[str, Any]:
    """Those that are beyond; where none is, how many were looked at.

    Fewer than are expected are none that hold.
    """
    beyond = [
        row
        for row in rows
        if row[1] is None
        or (row[2] is not None and row[1] < row[2])
        or (row[3] is not None and row[1] > row[3])
    ]
    told = _sentences(beyond)
    missing = expected - len(rows)
    if missing > 0:
        told.append(f"{missing} of {expected} statistics are not there")
    held = (
        f"all {len(rows)} statistics within their limits"
        if len(rows) > 1
        else "the one statistic within its limits"
    )
    return {
        "success": bool(rows) and not told,
        "result": {"observed_value": "; ".join(told) or "; ".join(filter(None, (held, unlevelled)))},
    }


def _sentences(beyond: list[tuple[Any, ...]]) -> list[str]:
    """What they say, the farthest first: in plain words, then by a statistic of each kind, since one kind
    says the same many times.
    """
    ordered = sorted(beyond, key=lambda row: (-abs(row[4] or 0.0), row[0]))
    said = list(dict.fromkeys(row[6] for row in ordered if row[6]))
    each = {row[5]: row for row in reversed(ordered)}
    first = [row for row in ordered if each[row[5]] is row][: max(MOST_TOLD - len(said), 1)]
    told = [
        *said,
        *(
            f"{statistic}: {value:.3g} (allowed: {allowed_text(low, high)})"
            for statistic, value, low, high, *_ in first
        ),
    ]
    return [*told, f"{len(beyond) - len(first)} more"] if len(beyond) > len(first) else told
