"""DuckDB's dialect of SQL, for SQLAlchemy, by which Great Expectations speaks to databases.

The nearest dialect that SQLAlchemy has is PostgreSQL's: DuckDB's SQL is PostgreSQL's but for the points
below, each with its reason. (duckdb-engine, the dialect that others wrote, cannot list a table's columns with
DuckDB 2 and SQLAlchemy 2.1, and leaves DuckDB complaining of leaks when a process ends.)
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDialect, PGIdentifierPreparer, PGTypeCompiler

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import ReflectedPrimaryKeyConstraint

# DuckDB's names for types are SQLAlchemy's names too. Others (lists, structs, HUGEINT) are told by name
# alone.
TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    name: getattr(sa.types, name)
    for name in (
        *("BIGINT", "BLOB", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "FLOAT"),
        *("INTEGER", "SMALLINT", "TIME", "TIMESTAMP", "UUID", "VARCHAR"),
    )
}


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

    def visit_truediv_binary(self, binary: sa.BinaryExpression[Any], operator: Any, **kw: Any) -> str:  # noqa: ARG002
        """Divide as doubles: for PostgreSQL the divisor is cast to NUMERIC, which DuckDB rounds to three
        decimals (DECIMAL(18,3)).
        """
        return (
            f"CAST({self.process(binary.left, **kw)} AS DOUBLE) / CAST({self.process(binary.right, **kw)} AS"
            " DOUBLE)"
        )

    def limit_clause(self, select: Any, **kw: Any) -> str:
        """Sort before cutting off: examples of a big table must not depend on which thread was first."""
        order = "" if select._order_by_clauses else " ORDER BY ALL"
        limit: str = super().limit_clause(select, **kw)  # type: ignore[no-untyped-call]
        return order + limit


class TypeCompiler(PGTypeCompiler):
    """DuckDB's types where a name of PostgreSQL's means another one: FLOAT has 32 bits, and NUMERIC three
    decimals.
    """

    def visit_FLOAT(self, type_: sa.Float[Any], **kw: Any) -> str:  # noqa: ARG002, N802  (SQLAlchemy's names)
        """Write a floating-point number as one of 64 bits."""
        return "DOUBLE"

    def visit_NUMERIC(self, type_: sa.Numeric[Any], **kw: Any) -> str:  # noqa: N802
        """Write a number of no stated precision as one of 64 bits."""
        return "DOUBLE" if type_.precision is None else super().visit_NUMERIC(type_, **kw)


class Dialect(PGDialect):
    """DuckDB, whose Python module is itself the driver."""

    name = "duckdb"
    driver = "duckdb"
    supports_statement_cache = False
    supports_native_decimal = (
        True  # numbers come as DuckDB gives them: SQLAlchemy would write a double as a decimal of ten places
    )
    statement_compiler = Compiler
    type_compiler_cls = TypeCompiler
    preparer = Preparer

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """DuckDB's own module.

        Imported here: held by a class, it would outlive the interpreter, and complain.
        """
        import duckdb

        return duckdb

    def initialize(self, *_: Any) -> None:
        """Ask for no version and no settings: they are PostgreSQL's."""

    def get_columns(  # type: ignore[override]
        self, connection: sa.Connection, table_name: str, *_: Any, **__: Any
    ) -> list[dict[str, Any]]:
        """Describe a table: DuckDB lacks some of PostgreSQL's catalogue tables."""
        described = connection.exec_driver_sql(
            f"describe {self.identifier_preparer.quote(table_name)}"
        ).fetchall()
        return [
            {"name": row[0], "type": _type(row[1])(), "nullable": True, "default": None} for row in described
        ]

    def get_pk_constraint(self, *_: Any, **__: Any) -> ReflectedPrimaryKeyConstraint:
        """A Parquet file has no primary key."""
        return {"constrained_columns": [], "name": None}

    # No transactions: each query reads, and the error of one must not abort the transaction in which the
    # others run.
    def do_begin(self, connection: Any) -> None:
        """Begin nothing."""

    def do_commit(self, connection: Any) -> None:
        """Commit nothing."""

    def do_rollback(self, connection: Any) -> None:
        """Roll nothing back."""


registry.register("duckdb.sluice", __name__, Dialect.__name__)


def _type(name: str) -> type[sa.types.TypeEngine[Any]]:
    bare = name.partition("(")[0]
    return TYPES.get(bare) or type(name, (sa.types.NullType,), {})
