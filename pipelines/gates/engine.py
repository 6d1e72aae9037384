"""Great Expectations judging a DuckDB relation where it lies, instead of a copy of it in pandas.

Great Expectations speaks to databases through SQLAlchemy, whose nearest dialect is PostgreSQL's: DuckDB's SQL is
PostgreSQL's but for the points below, each with its reason. (duckdb-engine, the dialect that others wrote, cannot list a
table's columns with DuckDB 2 and SQLAlchemy 2.1, and leaves DuckDB complaining of leaks when a process ends.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import great_expectations as gx
import sqlalchemy as sa
from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from sqlalchemy.dialects import postgresql, registry
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDialect, PGIdentifierPreparer
from sqlalchemy.pool import StaticPool

if TYPE_CHECKING:
    import duckdb
    from sqlalchemy.engine.interfaces import ReflectedPrimaryKeyConstraint

MOST_EXAMPLES = 10

# DuckDB's names for types are SQLAlchemy's names too. Others (lists, structs, HUGEINT) are told by name alone.
TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    name: getattr(sa.types, name)
    for name in ("BIGINT", "BLOB", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "FLOAT", "INTEGER", "SMALLINT", "TIME", "TIMESTAMP", "UUID", "VARCHAR")
}  # fmt: skip


class Preparer(PGIdentifierPreparer):
    """Quotes every name: DuckDB reserves words that PostgreSQL does not, such as `at`."""

    def _requires_quotes(self, *_: Any) -> bool:
        return True


class Compiler(PGCompiler):
    """DuckDB's SQL where it differs in meaning from PostgreSQL's."""

    def visit_custom_op_binary(self, element: sa.BinaryExpression[Any], operator: Any, **kw: Any) -> str:
        """Write a regular expression as a search: in DuckDB `~` asks for a match of the whole string."""
        if operator.opstring in ("~", "!~"):
            found = f"regexp_matches({self.process(element.left, **kw)}, {self.process(element.right, **kw)})"
            return found if operator.opstring == "~" else f"NOT {found}"
        return super().visit_custom_op_binary(element, operator, **kw)  # type: ignore[no-untyped-call, no-any-return]

    def limit_clause(self, select: Any, **kw: Any) -> str:
        """Sort before cutting off: examples of a big table must not depend on which thread was first."""
        order = "" if select._order_by_clauses else " ORDER BY ALL"
        limit: str = super().limit_clause(select, **kw)  # type: ignore[no-untyped-call]
        return order + limit


class Dialect(PGDialect):
    """DuckDB, whose Python module is itself the driver."""

    name = "duckdb"
    driver = "duckdb"
    supports_statement_cache = False
    statement_compiler = Compiler
    preparer = Preparer

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """DuckDB's own module. Imported here: held by a class, it would outlive the interpreter, and complain."""
        import duckdb

        return duckdb

    def initialize(self, *_: Any) -> None:
        """Ask for no version and no settings: they are PostgreSQL's."""

    def get_columns(self, connection: sa.Connection, table_name: str, *_: Any, **__: Any) -> list[dict[str, Any]]:  # type: ignore[override]
        """Describe a table: DuckDB lacks some of PostgreSQL's catalogue tables."""
        described = connection.exec_driver_sql(f"describe {self.identifier_preparer.quote(table_name)}").fetchall()
        return [{"name": row[0], "type": _type(row[1])(), "nullable": True, "default": None} for row in described]

    def get_pk_constraint(self, *_: Any, **__: Any) -> ReflectedPrimaryKeyConstraint:
        """A Parquet file has no primary key."""
        return {"constrained_columns": [], "name": None}

    # No transactions: each query reads, and the error of one must not abort the transaction in which the others run.
    def do_begin(self, connection: Any) -> None:
        """Begin nothing."""

    def do_commit(self, connection: Any) -> None:
        """Commit nothing."""

    def do_rollback(self, connection: Any) -> None:
        """Roll nothing back."""


registry.register("duckdb.sluice", __name__, Dialect.__name__)


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]
    """Runs the queries of expectations on DuckDB."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Where Great Expectations looks up names of types, and sees that regular expressions are written as PostgreSQL's.
        self.dialect_module = SimpleNamespace(__name__="duckdb", dialect=postgresql.dialect, **TYPES)

    @contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        """Keep one connection open: a DuckDB result dies with the connection that made it (as with SQLite)."""
        self._connection: sa.Connection = self._connection or self.engine.connect()
        yield self._connection

    def get_domain_records(self, domain_kwargs: dict[str, Any]) -> Any:
        """Return what is selected from as a subquery: SQLAlchemy 2.1 no longer makes one of a bare select."""
        records = super().get_domain_records(domain_kwargs)
        return records.subquery() if isinstance(records, sa.Select) else records

    def execute_query(self, query: Any) -> Any:
        """Take each bad value once as an example, lest a frequent one hide the others."""
        if isinstance(query, sa.Select) and "unexpected_values" in query.selected_columns:
            query = query.distinct()
        return super().execute_query(query)


class DuckDBDatasource(SQLDatasource):  # type: ignore[misc]
    """A Great Expectations datasource whose tables are those of a DuckDB connection."""

    type: Literal["duckdb"] = "duckdb"

    @property
    def execution_engine_type(self) -> Any:
        """The engine that knows DuckDB."""
        return DuckDBExecutionEngine


@dataclass(frozen=True)
class Observed:
    """What Great Expectations found for one expectation: its result, or the reason why there is none.

    `whole` is Great Expectations' own result object, for its Data Docs; None where it returned none.
    """

    success: bool
    result: dict[str, Any]
    raised: str | None
    whole: Any = None


def validate(relation: duckdb.DuckDBPyRelation, connection: duckdb.DuckDBPyConnection, expectations: Sequence[Any]) -> list[Observed]:
    """Judge a relation of `connection` by Great Expectations' expectation objects; the results are in their order."""
    if not expectations:
        return []
    name = "judged"
    relation.create_view(name, replace=True)
    for number, expectation in enumerate(expectations):
        # Great Expectations returns results in an order of its own.
        expectation.meta = {"number": number}
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )
    # A cursor is a connection of its own to the same tables; SQLAlchemy may close it without closing the store's.
    own = {"creator": connection.cursor, "poolclass": StaticPool}
    source = context.data_sources.add_duckdb("duckdb", connection_string="duckdb+sluice://", kwargs=own)
    batch = source.add_table_asset(name, table_name=name).add_batch_definition_whole_table(name).get_batch()
    suite = gx.ExpectationSuite(name=name, expectations=list(expectations))
    results = batch.validate(suite, result_format={"result_format": "SUMMARY", "partial_unexpected_count": MOST_EXAMPLES}).results
    found = {result.expectation_config.meta["number"]: _observed(result) for result in results}
    connection.execute(f"drop view {name}")
    return [found.get(number, Observed(False, {}, "Great Expectations returned no result")) for number in range(len(expectations))]


def _observed(result: Any) -> Observed:
    raised = _raised(result.exception_info or {})
    return Observed(bool(result.success) and raised is None, dict(result.result), raised, whole=result)


def _raised(info: dict[str, Any]) -> str | None:
    """The first line of what an expectation raised; the information is flat, or one level down for each metric that failed."""
    every: Iterable[Any] = [info] if "raised_exception" in info else info.values()
    for one in every:
        if isinstance(one, dict) and one.get("raised_exception"):
            message = str(one.get("exception_message") or "no reason given").strip().split("\n")[0]
            return re.sub(r"^\(_duckdb\.\w+\) ", "", message)  # SQLAlchemy's prefix
    return None


def _type(name: str) -> type[sa.types.TypeEngine[Any]]:
    bare = name.partition("(")[0]
    return TYPES.get(bare) or type(name, (sa.types.NullType,), {})
