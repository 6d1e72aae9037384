"""Great Expectations judging a DuckDB relation where it lies, instead of a copy of it in pandas.

Verdicts and counts are those of Great Expectations on pandas, with one difference: NaN is a number to DuckDB,
greater than all others, where pandas takes it for a missing value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import SummarizationMetricNameSuffixes
from great_expectations.exceptions import MetricResolutionError
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
)
from great_expectations.expectations.metrics.column_aggregate_metrics.column_distinct_values_missing_from_column import (  # noqa: E501
    MAX_DISTINCT_VALUES,
    _coerce_value_set_for_sql,
)
from great_expectations.expectations.metrics.column_map_metrics.column_values_unique import _count_label
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    MulticolumnMapMetricProvider,
    column_function_partial,
    multicolumn_function_partial,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.registry import get_metric_provider
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import Validator
from sqlalchemy.dialects import postgresql
from sqlalchemy.pool import StaticPool

from pipelines.core.sql import name as quoted
from pipelines.gates.gx import counted
from pipelines.gates.gx.dialect import TYPES

if TYPE_CHECKING:
    import duckdb

MOST_EXAMPLES = 10
MOST_FETCHED = (
    100_000  # rows of one answer: Python takes about 300 bytes for each, and no expectation needs more
)
RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": MOST_EXAMPLES}
DISTINCT_COUNT = "column.distinct_values.count"
EXAMPLES = f".{SummarizationMetricNameSuffixes.UNEXPECTED_VALUES.value}"
BROKEN = f".{SummarizationMetricNameSuffixes.UNEXPECTED_COUNT.value}"


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]
    """Runs the queries of expectations on DuckDB, and as few as will do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Where Great Expectations looks up names of types, and sees that regular expressions are written as
        # PostgreSQL's.
        self.dialect_module = SimpleNamespace(__name__="duckdb", dialect=postgresql.dialect, **TYPES)
        self._failed: set[Any] = set()
        self._for_examples = False

    @contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        """Keep one connection open: a DuckDB result dies with the connection that made it (as with
        SQLite).
        """
        self._connection: sa.Connection = self._connection or self.engine.connect()
        yield self._connection

    def get_domain_records(self, domain_kwargs: dict[str, Any]) -> Any:
        """Return what is selected from as a subquery: SQLAlchemy 2.1 no longer makes one of a bare select."""
        records = super().get_domain_records(domain_kwargs)
        return records.subquery() if isinstance(records, sa.Select) else records

    def resolve_metrics(
        self,
        metrics_to_resolve: Iterable[Any],
        metrics: dict[Any, Any] | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> dict[Any, Any]:
        """Resolve some of what is ready, which is what Great Expectations calls again and again for until all
        is resolved.

        It would itself resolve all that is ready at once. But then aggregates that are ready one round later
        are one more scan, and examples of bad values are searched for, a scan for each expectation, before it
        is known that there are none.
        """
        ready, known = list(metrics_to_resolve), metrics or {}
        needless: dict[Any, list[Any]] = {metric.id: [] for metric in ready if _nothing_broken(metric, known)}
        if needless:
            return needless
        turns = [_turn(metric, self) for metric in ready]
        first = min(turns, default=0)
        now = [metric for metric, turn in zip(ready, turns, strict=True) if turn == first]
        # What has failed is tried again alone: it would spoil the others' query again, and be given the
        # reason of another.
        alone = [metric for metric in now if metric.id in self._failed][:1]
        self._for_examples = all(metric.metric_name.endswith(EXAMPLES) for metric in now)
        try:
            resolved: dict[Any, Any] = super().resolve_metrics(alone or now, metrics, runtime_configuration)
        except MetricResolutionError as error:
            self._failed |= {metric.id for metric in error.failed_metrics}
            raise
        return resolved

    def resolve_metric_bundle(self, metric_fn_bundle: Iterable[Any]) -> dict[Any, Any]:
        """Count distinct values apart: in one scan with other aggregates they take DuckDB twice the time and
        four times the memory.
        """
        together: list[Any] = []
        apart: list[Any] = []
        for one in metric_fn_bundle:
            (apart if one.metric_configuration.metric_name == DISTINCT_COUNT else together).append(one)
        resolved: dict[Any, Any] = super().resolve_metric_bundle(together)
        for one in apart:
            resolved |= super().resolve_metric_bundle([one])
        return resolved

    def execute_query(self, query: Any) -> Any:
        """Take each bad value once as an example, lest a frequent one hide the others, and no answer that is
        as long as the table.
        """
        return _Few(super().execute_query(query.distinct() if self._for_examples else query))


class _Few:
    """A result that refuses to fetch all rows when they are too many to be held in memory."""

    def __init__(self, result: sa.CursorResult[Any]) -> None:
        self._result = result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result, name)

    def fetchall(self) -> Sequence[Any]:
        rows = self._result.fetchmany(MOST_FETCHED + 1)
        if len(rows) > MOST_FETCHED:
            raise ValueError(
                f"it looks at each different value, and there are more than {MOST_FETCHED:,}; ask by another"
                " expectation"
            )
        return rows


class CountPerValue(ColumnMapMetricProvider):  # type: ignore[misc]
    """The rows of a column whose value repeats, by which Great Expectations tells unique values.

    Its own SQL counts the rows of every value by a window function, which takes DuckDB twice the time and a
    third more memory.
    """

    function_metric_name = "column_values.count_per_value"

    @column_function_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(cls, column: Any, _table: Any, _metrics: dict[str, Any], **_: Any) -> Any:  # noqa: N805  (Great Expectations makes it a class method)
        return _repeated_keys(_table, [column.name], [column.name], _count_label(_metrics["table.columns"]))


class CompoundColumnsCount(MulticolumnMapMetricProvider):  # type: ignore[misc]
    """The rows whose values in some columns repeat together.

    A missing value is a value like others, as it is on pandas.
    """

    function_metric_name = "compound_columns.count"

    @multicolumn_function_partial(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(cls, column_list: list[Any], _table: Any, _table_columns: list[str], **_: Any) -> Any:  # noqa: N805
        return _repeated_keys(_table, [column.name for column in column_list], _table_columns, "_num_rows")


class MissingFromColumn(ColumnAggregateMetricProvider):  # type: ignore[misc]
    """The values of a set that a column lacks.

    Great Expectations' own SQL fetches every value of the column.
    """

    metric_name = "column.distinct_values.missing_from_column"
    value_keys = ("value_set", "limit")

    @metric_value(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(
        cls,  # noqa: N805
        execution_engine: DuckDBExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> list[Any]:
        table, column = _column(execution_engine, metric_domain_kwargs)
        wanted = _coerce_value_set_for_sql(metric_value_kwargs["value_set"])
        there = execution_engine.execute_query(
            sa.select(column).select_from(table).where(column.in_(wanted)).distinct()
        ).fetchall()
        found = {row[0] for row in there}
        return [value for value in wanted if value not in found][
            : metric_value_kwargs.get("limit") or MAX_DISTINCT_VALUES
        ]


class MostCommonValue(ColumnAggregateMetricProvider):  # type: ignore[misc]
    """The values of a column than which none is more frequent.

    Great Expectations' own SQL fetches every value and its count.
    """

    metric_name = "column.most_common_value"

    @metric_value(engine=DuckDBExecutionEngine)  # type: ignore[untyped-decorator]
    def _duckdb(
        cls,  # noqa: N805
        execution_engine: DuckDBExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        **_: Any,
    ) -> list[Any]:
        table, column = _column(execution_engine, metric_domain_kwargs)
        values = (
            sa.select(column.label("value"), sa.func.count().label("n"))
            .select_from(table)
            .where(column.is_not(None))
        )
        counts = values.group_by(column).cte("counts")
        most = sa.select(sa.func.max(counts.c.n)).scalar_subquery()
        query = sa.select(counts.c.value).where(counts.c.n == most).order_by(counts.c.value)
        return [row[0] for row in execution_engine.execute_query(query).fetchall()]


def _column(engine: DuckDBExecutionEngine, domain: dict[str, Any]) -> tuple[Any, sa.ColumnClause[Any]]:
    """What an expectation on a column selects from, and the column."""
    table, _, accessor = engine.get_compute_domain(domain, MetricDomainTypes.COLUMN)
    return table, sa.column(accessor["column"])


def _repeated_keys(table: Any, key: Sequence[str], shown: Sequence[str], label: str) -> sa.Subquery:
    """The rows of a table whose key occurs more than once, and how often."""
    rows = sa.select(*map(sa.column, shown)).select_from(table).subquery("rows")
    keys = [rows.c[name] for name in key]
    count = sa.func.count()
    groups = sa.select(*keys, count.label(label)).group_by(*keys).having(count > 1).subquery("repeated")
    same = sa.and_(*(rows.c[name].is_not_distinct_from(groups.c[name]) for name in key))
    return sa.select(*rows.c, groups.c[label]).select_from(rows.join(groups, same)).subquery("repeated_rows")


@dataclass(frozen=True)
class Observation:
    """What Great Expectations found for one expectation: its result, or the reason why there is none.

    `judged`: how many values or rows it has judged, see `counted`.
    """

    success: bool
    result: dict[str, Any]
    raised: str | None
    judged: int | None = None


class HasCursor(Protocol):
    """Whatever gives connections to the same tables: DuckDB's own, or a store, which tells how far they
    are.
    """

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own."""


@contextmanager
def open_engine(
    relation: duckdb.DuckDBPyRelation, connection: HasCursor, view: str
) -> Iterator[DuckDBExecutionEngine]:
    """An engine that looks at a relation as a view, both gone when it has done its work.

    Python would close it some time later, since it refers to itself: perhaps in a process that was forked
    meanwhile, where closing DuckDB waits for threads that are not there.
    """
    with closing(connection.cursor()) as cursor:
        library = sa.create_engine("duckdb+sluice://", creator=lambda: cursor, poolclass=StaticPool)
        with closing(DuckDBExecutionEngine(engine=library)) as engine:
            relation.create_view(view, replace=True)
            try:
                engine.load_batch_data(view, SqlAlchemyBatchData(execution_engine=engine, table_name=view))
                yield engine
            finally:
                cursor.execute(f"drop view {quoted(view)}")


def validate(
    relation: duckdb.DuckDBPyRelation, connection: HasCursor, expectations: Sequence[Any]
) -> list[Observation]:
    """Judge a relation by Great Expectations' expectation objects; the results are in their order.

    Args:
        relation: The table.
        connection: Its connection, or the store that it comes from.
        expectations: As `suite.build` makes them.
    """
    if not expectations:
        return []
    counters = [counted.counter(expectation) for expectation in expectations]
    asked = [*expectations, *(counter for counter in counters if counter is not None)]
    for number, expectation in enumerate(asked):
        # Great Expectations returns results in an order of its own.
        expectation.meta = {"number": number}
    with open_engine(relation, connection, "judged") as engine:
        validator = Validator(execution_engine=engine)
        validator.metrics_calculator.show_progress_bars = False
        results = validator.graph_validate(
            [expectation.configuration for expectation in asked], {"result_format": RESULT_FORMAT}
        )
    found = {result.expectation_config.meta["number"]: result for result in results}
    counts = (found.get(counter.meta["number"]) if counter is not None else None for counter in counters)
    return [_observation(found.get(number), count) for number, count in enumerate(counts)]


def _turn(metric: Any, engine: DuckDBExecutionEngine) -> int:
    """When to resolve a metric: aggregates after all others, and examples of bad values last."""
    if metric.metric_name.endswith(EXAMPLES):
        return 2
    _, provider = get_metric_provider(metric.metric_name, engine)
    # an aggregate has no function of its own, but is put into a query with others
    return 1 if provider is None else 0


def _nothing_broken(metric: Any, known: dict[Any, Any]) -> bool:
    """Whether a metric asks for examples of bad values where, as is known, there are none."""
    if not metric.metric_name.endswith(EXAMPLES):
        return False
    arguments = {
        argument: value
        for argument, value in metric.metric_value_kwargs.items()
        if argument != "result_format"
    }
    count = MetricConfiguration(
        metric.metric_name.removesuffix(EXAMPLES) + BROKEN, metric.metric_domain_kwargs, arguments
    )
    return known.get(count.id) == 0


def _observation(result: Any | None, count: Any | None) -> Observation:
    if result is None:
        return Observation(False, {}, "Great Expectations returned no result")
    raised, found = _raised_text(result.exception_info or {}), dict(result.result)
    return Observation(
        bool(result.success) and raised is None,
        found,
        raised,
        counted.rows_judged(found, count and count.result),
    )


def _raised_text(info: dict[str, Any]) -> str | None:
    """The first line of what an expectation raised.

    The information is flat, or one level down for each metric that failed.
    """
    every: Iterable[Any] = [info] if "raised_exception" in info else info.values()
    for one in every:
        if isinstance(one, dict) and one.get("raised_exception"):
            message = str(one.get("exception_message") or "no reason given").strip().split("\n")[0]
            return re.sub(r"^\(_duckdb\.\w+\) ", "", message)  # SQLAlchemy's prefix
    return None
