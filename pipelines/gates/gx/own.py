"""Great Expectations' expectations that Great Expectations lacks: values known from earlier, and what a
feature tells.

How much one column tells of another is the share of the other's variance that it explains, adjusted for
explaining some by chance: epsilon-squared, 1 - (1 - r^2)(n - 1)/(n - k) over n rows (Kelley 1935, An unbiased
correlation ratio measure, PNAS 21). For a number, r is Pearson's correlation and k is 2; for a category, r^2
is the correlation ratio eta-squared (variance between the groups / variance) and k the number of groups, so
that a column of many rare values tells nothing merely by their number. Told is the square root, on the scale
of a correlation: 0 nothing, 1 everything.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation, ColumnMapExpectation
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_partial,
)
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.validator.metric_configuration import MetricConfiguration

from pipelines.gates.gx import own_steady

CENTRE = "column.least_finite"
ENOUGH_PAIRS = 20  # fewer rows agree by chance
DIGITS = 6  # sums of floats differ in their last bits with the order in which threads add them up


class ColumnValuesInPast(ColumnMapMetricProvider):  # type: ignore[misc]
    """Whether a value is among those of the view `past`, whose one column is `value`, without nulls."""

    condition_metric_name = "column_values.in_past"
    condition_value_keys = ("past",)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column: Any, past: str, **_: Any) -> Any:  # noqa: N805  (Great Expectations makes it a class method)
        return column.in_(sa.select(sa.column("value")).select_from(sa.table(past)))


class ExpectColumnValuesToBeInPast(ColumnMapExpectation):  # type: ignore[misc]
    """The column's values occur in the view `past` of the same connection."""

    past: str

    map_metric = "column_values.in_past"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "past")


class LeastFinite(ColumnAggregateMetricProvider):  # type: ignore[misc]
    """The least finite value of a column, from which others are measured.

    Where numbers are large and alike (a billion and a little), what they differ in is lost by sums and
    squares of the numbers themselves, and kept by those of their distances from any one of them (Chan, Golub
    and LeVeque 1983, Algorithms for computing the sample variance, The American Statistician 37). The least
    one is the same whatever the threads do.
    """

    metric_name = CENTRE

    @column_aggregate_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column: Any, **_: Any) -> Any:  # noqa: N805
        return sa.func.min(_finite(column))


class _WithCentres(ColumnAggregateMetricProvider):  # type: ignore[misc]
    """A measure of a column and a label, which needs to know from where to measure each."""

    @classmethod
    def _get_evaluation_dependencies(
        cls, metric: MetricConfiguration, *args: Any, **kwargs: Any
    ) -> dict[str, MetricConfiguration]:
        needed: dict[str, MetricConfiguration] = super()._get_evaluation_dependencies(metric, *args, **kwargs)
        label = metric.metric_value_kwargs["label"]
        if cls.centred:
            needed[CENTRE] = MetricConfiguration(CENTRE, metric.metric_domain_kwargs)
        needed[f"{CENTRE} of the label"] = MetricConfiguration(
            CENTRE, metric.metric_domain_kwargs | {"column": label}
        )
        return needed

    centred: ClassVar[bool] = True  # whether the column is a number, too


class ColumnCorrelation(_WithCentres):
    """How much a number tells of the label, by its value or by its absence, whichever tells more.

    An aggregate that Great Expectations bundles with others into one query, so that all features cost one
    scan.
    """

    metric_name = "column.correlation_with_label"
    value_keys = ("label",)

    @column_aggregate_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column: Any, label: str, _metrics: dict[str, Any], **_: Any) -> Any:  # noqa: N805
        value = _distances(column, _metrics[CENTRE])
        known = _distances(sa.column(label), _metrics[f"{CENTRE} of the label"])
        absent = sa.cast(column.is_(None), sa.Integer)
        return sa.func.greatest(_association(value, known), _association(absent, known))


class ExpectColumnCorrelationToBeAtMost(ColumnAggregateExpectation):  # type: ignore[misc]
    """A number column tells at most `max_value` of the column `label`."""

    label: str
    max_value: float

    metric_dependencies = ("column.correlation_with_label",)
    success_keys: ClassVar[tuple[str, ...]] = ("label", "max_value")

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        return _at_most(metrics[self.metric_dependencies[0]], self.max_value)


class ColumnCorrelationRatio(_WithCentres):
    """How much a category tells of the label. A missing value is a group, too."""

    centred = False
    metric_name = "column.correlation_ratio_with_label"
    value_keys = ("label",)

    @metric_value(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(
        cls,  # noqa: N805
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        **_: Any,
    ) -> float:
        table, _domain, accessor = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.COLUMN
        )
        label = _distances(sa.column(metric_value_kwargs["label"]), metrics[f"{CENTRE} of the label"])
        groups = (
            sa.select(
                sa.func.count(label).label("n"),
                sa.func.avg(label).label("mean"),
                sa.func.var_pop(label).label("variance"),
            )
            .select_from(table)
            .where(label.is_not(None))
            .group_by(sa.column(accessor["column"]))
            .cte("groups")
        )
        whole = sa.select(
            sa.func.sum(groups.c.n).label("n"),
            sa.func.count().label("k"),
            (sa.func.sum(groups.c.n * groups.c.mean) / sa.func.sum(groups.c.n)).label("mean"),
        ).cte("whole")
        within = sa.func.sum(groups.c.n * groups.c.variance)
        # Summed as distances from the mean, not as a difference of squares: that one loses its digits where
        # the mean is large.
        between = sa.func.sum(groups.c.n * sa.func.pow(groups.c.mean - whole.c.mean, 2))
        query = sa.select(
            _root_epsilon_squared(
                1 - between / sa.func.nullif(within + between, 0),
                sa.func.max(whole.c.n),
                sa.func.max(whole.c.k),
            )
        )
        ((told,),) = execution_engine.execute_query(
            query.select_from(groups.join(whole, sa.true()))
        ).fetchall()
        return float(told)


class ExpectColumnCorrelationRatioToBeAtMost(ColumnAggregateExpectation):  # type: ignore[misc]
    """A category column tells at most `max_value` of the column `label`."""

    label: str
    max_value: float

    metric_dependencies = ("column.correlation_ratio_with_label",)
    success_keys: ClassVar[tuple[str, ...]] = ("label", "max_value")

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        return _at_most(metrics[self.metric_dependencies[0]], self.max_value)


NAMES = own_steady.NAMES | frozenset(
    each.expectation_type
    for each in (
        ExpectColumnValuesToBeInPast,
        ExpectColumnCorrelationToBeAtMost,
        ExpectColumnCorrelationRatioToBeAtMost,
    )
)


def _finite(column: Any) -> Any:
    """SQL of a column's numbers as doubles, without those that are not finite."""
    number = sa.cast(column, sa.Double)
    return sa.case((sa.func.isfinite(number), number))


def _distances(column: Any, centre: float | None) -> Any:
    """SQL of the distances of a column's finite numbers from one of them."""
    return _finite(column) - sa.literal(float(centre or 0), sa.Double)


def _association(column: Any, label: Any) -> Any:
    """SQL of what a number tells of the label, over the rows that have both."""
    pairs = sa.func.count(column + label)
    return _root_epsilon_squared(1 - sa.func.pow(sa.func.corr(column, label), 2), pairs, 2)


def _root_epsilon_squared(unexplained: Any, rows: Any, parameters: Any) -> Any:
    """SQL of the square root of epsilon-squared.

    0 where too few rows, or none that differ, could tell anything.
    """
    explained = 1 - unexplained * (rows - 1) / sa.func.nullif(rows - parameters, 0)
    judged = sa.and_(rows >= ENOUGH_PAIRS, rows > parameters, sa.func.isfinite(explained), explained > 0)
    return sa.case((judged, sa.func.round(sa.func.sqrt(explained), DIGITS)), else_=0.0)


def _at_most(told: float, limit: float) -> dict[str, Any]:
    return {"success": told <= limit, "result": {"observed_value": told}}
