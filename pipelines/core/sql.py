"""SQL from a use-case file: quoting what is data, and taking expressions apart before they run.

An expression of a use case is one scalar value of one row, or an aggregate over a declared window; see
`sql_tree` for what it may consist of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast
from uuid import uuid4

import duckdb

from pipelines.core.config import Scalar, UseCase
from pipelines.core.errors import brief, did_you_mean
from pipelines.core.sql_tree import (
    BEFORE,
    Aggregate,
    BadExpression,
    Expression,
    Node,
    Reader,
    Taken,
    connection,
    reason,
    select_list,
    specification,
    taken_out,
)

__all__ = [
    "LONGEST",
    "TYPES",
    "Aggregate",
    "BadExpression",
    "Expression",
    "Node",
    "Taken",
    "allowed",
    "bind",
    "constants",
    "fits",
    "in_quotes",
    "literal",
    "materialized",
    "name",
    "parse",
    "reason",
    "row_of_nulls",
    "select",
    "text",
    "tree",
    "type_of",
    "unknown_columns",
    "view",
    "window_clause",
    "without",
]

TYPES: dict[str, str] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}

LONGEST = 10_000  # characters
AT_ONCE = 10  # relations in a statement: planning it takes the square of their number, and memory for each


def name(identifier: str) -> str:
    """An identifier, quoted."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"


def literal(value: Scalar, type_: str) -> str:
    """A value of a use-case file as a literal of a SQL type.

    Raises:
        BadExpression: the type cannot hold it.
    """
    if not fits(value, type_):
        raise BadExpression(f"{value!r} is no {type_}")
    return f"CAST({text(str(value))} AS {type_})" if value is not None else f"CAST(NULL AS {type_})"


def fits(value: Scalar, type_: str) -> bool:
    """Whether a SQL type can hold a value of a use-case file, as it is: DuckDB's own cast rounds 1.5, and
    cuts the hour off a day.
    """
    if value is None:
        return True
    cast = f"TRY_CAST({text(str(value))} AS {type_})"
    moment = f"TRY_CAST({text(str(value))} AS TIMESTAMP)" if type_ == "DATE" else cast
    ((found, whole),) = connection().execute(f"SELECT {cast}, coalesce({moment} = {cast}, true)").fetchall()
    if type_ == "BIGINT" or (type_ == "DOUBLE" and isinstance(value, int)):
        return found is not None and Decimal(str(value)) == Decimal(found)
    return found is not None and bool(whole) and str(found) != "nan"


@lru_cache(maxsize=1000)
def constants(expressions: tuple[str, ...]) -> tuple[Any, ...]:
    """What expressions without columns come to, in DuckDB's own way."""
    return (
        tuple(connection().execute(f"SELECT {', '.join(expressions)}").fetchall()[0]) if expressions else ()
    )


def type_of(column: str, use_case: UseCase) -> str:
    """The SQL type that a column has in the clean table."""
    if column == use_case.target:
        return "BIGINT" if use_case.task.classes else "DOUBLE"
    return TYPES[use_case.columns[column].type]


def materialized(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The same rows, computed once; DuckDB keeps them, which can go through the disk."""
    table = name(f"rows {uuid4().hex}")
    rows.query("rows", f"CREATE TEMP TABLE {table} AS SELECT * FROM rows")
    return select(rows, "rows", f"SELECT * FROM {table}")


def together(relations: Iterable[duckdb.DuckDBPyRelation]) -> duckdb.DuckDBPyRelation:
    """The rows of all relations, one at least, in their order.

    Halves are put together, not one relation after the other: DuckDB refuses what is nested too deeply, as
    two hundred unions in a row are. Of many, `gathered` takes less.
    """
    every = list(relations)
    while len(every) > 1:
        pairs = [every[at : at + 2] for at in range(0, len(every), 2)]
        every = [pair[0].union(pair[1]) if len(pair) > 1 else pair[0] for pair in pairs]
    return every[0]


def gathered(relations: Sequence[duckdb.DuckDBPyRelation]) -> duckdb.DuckDBPyRelation:
    """The rows of any number of relations, one at least, in their order: where they are many, they are
    computed, some relations at a time.

    DuckDB keeps what it has computed, which can go through the disk; its connection alone sees it.
    """
    if len(relations) <= AT_ONCE:
        return together(relations)
    table = name(f"rows {uuid4().hex}")
    # Types in which each has room, as in a union.
    kinds = {tuple(map(str, relation.types)): relation for relation in relations}
    together(kinds.values()).query("rows", f"CREATE TEMP TABLE {table} AS SELECT * FROM rows LIMIT 0")
    for first in range(0, len(relations), AT_ONCE):
        some = together(relations[first : first + AT_ONCE])
        some.query("rows", f"INSERT INTO {table} SELECT * FROM rows")
    return select(relations[0], "rows", f"SELECT * FROM {table}")


def view(rows: duckdb.DuckDBPyRelation) -> str:
    """The name of a new view of a relation, by which a statement can read it beside others."""
    made = f"rows {uuid4().hex}"
    rows.create_view(made)
    return name(made)


def select(relation: duckdb.DuckDBPyRelation, name: str, statement: str) -> duckdb.DuckDBPyRelation:
    """Select from a relation, under a name.

    Its own `query` may also return nothing, after statements that are no SELECT.
    """
    return cast("duckdb.DuckDBPyRelation", relation.query(name, statement))


def row_of_nulls(columns: Mapping[str, str]) -> str:
    """SQL of a table of one row that knows nothing, column -> type, over which expressions can be tried."""
    # Materialized: of nulls that it knows beforehand DuckDB computes nothing.
    nulls = ", ".join(f"CAST(NULL AS {type_}) AS {name(column)}" for column, type_ in columns.items())
    return f"(WITH nulls AS MATERIALIZED (SELECT {nulls}) FROM nulls)"


def bind(expression: str, table: str, windows: Mapping[str, str] | None = None) -> str:
    """The type that DuckDB gives an expression over a table's SQL.

    The expression is also computed there: what fails over nothing but nulls, such as a number compared with
    'yes', fails over any row.

    Raises:
        BadExpression: no such column, function or operator for these types, or a constant that is none of its
            type.
    """
    try:
        found = connection().sql(
            f"SELECT (\n{expression}\n) FROM {table} AS rows {window_clause(windows or {})}"
        )
        found.fetchall()
        return str(found.types[0])
    except duckdb.Error as error:
        raise BadExpression(reason(error)) from error


def parse(expression: str, windows: Mapping[str, str] | None = None) -> Expression:
    """Take an expression apart; `windows` are the specifications of the named windows that it may use.

    Raises:
        BadExpression: it is no SQL expression.
    """
    if len(expression) > LONGEST:
        raise BadExpression(f"longer than {LONGEST:,} characters; derive a column, or make several of it")
    try:
        return _parse(expression, windows or {})
    except RecursionError as error:
        raise BadExpression(
            "too much stands inside of one another; derive a column, or make several of it"
        ) from error


def allowed(expression: str, windows: Mapping[str, str] | None = None) -> Expression:
    """Take an expression apart that is going to be computed; see `parse`.

    Raises:
        BadExpression: it is no SQL expression, or contains what none of a use case may.
    """
    parsed = parse(expression, windows)
    if parsed.mistakes:
        raise BadExpression(f"{brief(expression)}: {parsed.mistakes[0]}")
    return parsed


def _parse(expression: str, windows: Mapping[str, str]) -> Expression:
    node, specifications = _with_specifications(expression, windows)
    reader = Reader(specifications)
    reader.read(node)
    return Expression(
        frozenset(reader.columns), tuple(reader.aggregates), tuple(dict.fromkeys(reader.mistakes))
    )


def _with_specifications(expression: str, windows: Mapping[str, str]) -> tuple[Node, dict[str, str]]:
    """An expression's tree, and each window's name by its specification as the parser reads it."""
    uses = "".join(f", count(*) OVER {name(window)}" for window in windows)
    node, *window_nodes = select_list(f"{BEFORE}{expression}\n){uses} FROM rows {window_clause(windows)}")
    # DuckDB reads nothing, or several values, in parentheses as a row.
    if len(window_nodes) != len(windows) or node.get("function_name") == "row":
        raise BadExpression("not one expression")
    return node, {specification(use): window for use, window in zip(window_nodes, windows, strict=True)}


def without(
    expression: str, windows: Mapping[str, str], chosen: Collection[str], called: Callable[[Taken], str]
) -> str:
    """An expression in which each use of some windows is a column instead.

    Args:
        expression: The expression.
        windows: All windows that it may use.
        chosen: The names of those that are replaced.
        called: What the column is called that stands for a use.

    Raises:
        BadExpression: it is no SQL expression.
    """
    node, specifications = _with_specifications(expression, windows)
    content = expression.encode()
    for start, end, taken in reversed(taken_out(node, specifications, chosen)):
        content = content[:start] + name(called(taken)).encode() + content[end:]
    return content.decode()


def tree(expression: str, windows: Mapping[str, str] | None = None) -> Node:
    """An expression's syntax tree as DuckDB parses it, with its windows written into it.

    Raises:
        BadExpression: it is no SQL expression.
    """
    return select_list(f"{BEFORE}{expression}\n) FROM rows {window_clause(windows or {})}")[0]


def unknown_columns(expression: Expression, known: Collection[str]) -> list[str]:
    """A sentence for each column that is not among the known ones."""
    return [
        f"no column {column!r}; {did_you_mean(column, known)}"
        for column in sorted(expression.every_column)
        if column not in known
    ]


def in_quotes(expression: str, known: Collection[str], windows: Mapping[str, str] | None = None) -> list[str]:
    """A sentence for each known column that is also a word of SQL, where the expression is good once that is
    in quotes.
    """

    def good(words: frozenset[str]) -> bool:
        try:
            return not parse(_quoted(expression, words), windows).mistakes
        except BadExpression:
            return False

    columns = {column.lower() for column in known}
    words = frozenset(word.lower() for _, word in _keywords(expression) if word.lower() in columns)
    if not words or good(frozenset()) or not good(words):
        return []
    return [
        f"{word} is a word of SQL: write the column in double quotes: {name(word)}"
        for word in sorted(words)
        if not good(words - {word})
    ]


def _keywords(expression: str) -> Iterator[tuple[int, str]]:
    """The words of SQL in an expression, each with the byte where it starts."""
    content = expression.encode()
    for start, kind in duckdb.tokenize(expression) if len(expression) <= LONGEST else ():
        if kind == duckdb.token_type.keyword and (word := re.match(rb"\w+", content[start:])):
            yield start, word[0].decode()


def _quoted(expression: str, words: Collection[str]) -> str:
    content = expression.encode()
    for start, word in reversed(
        [(start, word) for start, word in _keywords(expression) if word.lower() in words]
    ):
        content = content[:start] + name(word).encode() + content[start + len(word) :]
    return content.decode()


def window_clause(windows: Mapping[str, str]) -> str:
    """SQL's WINDOW clause."""
    return (
        "WINDOW "
        + ", ".join(f"{name(window)} AS ({specification})" for window, specification in windows.items())
        if windows
        else ""
    )
