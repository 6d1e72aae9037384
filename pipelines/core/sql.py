"""SQL from a use-case file: quoting what is data, and taking expressions apart before they run.

An expression of a use case is one scalar value of one row, or an aggregate over a declared window. What it
may consist of is an allow-list over DuckDB's own syntax tree (`json_serialize_sql`), so that nothing is
guessed from text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, TypeAlias, cast
from uuid import uuid4

import duckdb

from pipelines.core.config import Scalar, UseCase
from pipelines.core.errors import brief, meant
from pipelines.core.sql_allowed import AGGREGATES, CAST_TYPES, COLLATIONS, NO_COLUMNS, OPERATORS, SCALARS

TYPES: dict[str, str] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}

Node: TypeAlias = dict[str, Any]

_BEFORE = "SELECT (\n"  # what stands before an expression when it is parsed
_ALLOWED = {"CONSTANT", "COMPARISON", "CONJUNCTION", "CASE", "CAST", "BETWEEN"}
_REFUSED = {
    "SUBQUERY": "a subquery",
    "STAR": "`*`",
    "LAMBDA": "a lambda",
    "PARAMETER": "a parameter",
    "POSITIONAL_REFERENCE": "`#1`",
}
# All others (lag, lead, row_number, rank, ...) look at rows outside of the window's bounds.
_INSIDE_BOUNDS = {"WINDOW_AGGREGATE", "WINDOW_FIRST_VALUE", "WINDOW_LAST_VALUE", "WINDOW_NTH_VALUE"}
LONGEST = 10_000  # characters
DEEPEST = 150  # expressions inside one another


class BadExpression(ValueError):
    """DuckDB cannot read or bind the expression; the message is its reason, in one line.

    Attributes:
        position: The character of the expression at which DuckDB stopped reading, if it did.
    """

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason)
        self.position = position


@dataclass(frozen=True)
class Aggregate:
    """One use of a window: its name, the columns that are read through it, the function, and its arguments'
    SQL.
    """

    window: str
    columns: frozenset[str]
    function: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Expression:
    """What an expression consists of."""

    columns: frozenset[str]  # of the row itself
    aggregates: tuple[Aggregate, ...]
    mistakes: tuple[str, ...]  # what an expression of a use case may not contain

    @property
    def every_column(self) -> frozenset[str]:
        """Columns read from the row or through a window."""
        return self.columns.union(*(aggregate.columns for aggregate in self.aggregates))


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
    ((found, whole),) = _connection().execute(f"SELECT {cast}, coalesce({moment} = {cast}, true)").fetchall()
    if type_ == "BIGINT" or (type_ == "DOUBLE" and isinstance(value, int)):
        return found is not None and Decimal(str(value)) == Decimal(found)
    return found is not None and bool(whole) and str(found) != "nan"


@lru_cache(maxsize=1000)
def constants(expressions: tuple[str, ...]) -> tuple[Any, ...]:
    """What expressions without columns come to, in DuckDB's own way."""
    return (
        tuple(_connection().execute(f"SELECT {', '.join(expressions)}").fetchall()[0]) if expressions else ()
    )


def type_of(column: str, use_case: UseCase) -> str:
    """The SQL type that a column has in the clean table."""
    if column == use_case.target:
        return "BIGINT" if use_case.task == "binary" else "DOUBLE"
    return TYPES[use_case.columns[column].type]


def materialized(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The same rows, computed once; DuckDB keeps them, which can go through the disk."""
    table = name(f"rows {uuid4().hex}")
    rows.query("rows", f"CREATE TEMP TABLE {table} AS SELECT * FROM rows")
    return select(rows, "rows", f"SELECT * FROM {table}")


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
        found = _connection().sql(
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
    uses = "".join(f", count(*) OVER {name(window)}" for window in windows)
    node, *window_nodes = _select_list(f"{_BEFORE}{expression}\n){uses} FROM rows {window_clause(windows)}")
    # DuckDB reads nothing, or several values, in parentheses as a row.
    if len(window_nodes) != len(windows) or node.get("function_name") == "row":
        raise BadExpression("not one expression")
    reader = _Reader({_specification(use): window for use, window in zip(window_nodes, windows, strict=True)})
    reader.read(node)
    return Expression(
        frozenset(reader.columns), tuple(reader.aggregates), tuple(dict.fromkeys(reader.mistakes))
    )


def tree(expression: str, windows: Mapping[str, str] | None = None) -> Node:
    """An expression's syntax tree as DuckDB parses it, with its windows written into it.

    Raises:
        BadExpression: it is no SQL expression.
    """
    return _select_list(f"{_BEFORE}{expression}\n) FROM rows {window_clause(windows or {})}")[0]


def unknown_columns(expression: Expression, known: Collection[str]) -> list[str]:
    """A sentence for each column that is not among the known ones."""
    return [
        f"no column {column!r}; {meant(column, known)}"
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


class _Reader:
    """Walks one expression's syntax tree and notes what it meets."""

    def __init__(self, windows: Mapping[str, str]) -> None:
        self.windows = windows
        self.columns: set[str] = set()
        self.aggregates: list[Aggregate] = []
        self.mistakes: list[str] = []
        # Each says what of its node is still to be read.
        self.handlers: dict[str, Callable[[Node], Node | None]] = {
            "WINDOW": self._window,
            "COLUMN_REF": self._column,
            "FUNCTION": self._function,
            "OPERATOR": self._operator,
            "TYPE": self._type,
            "COLLATE": self._collate,
        }

    def read(self, node: object) -> None:
        # By a list of what is still to be read: Python's own stack would not do for every expression that
        # DuckDB can read.
        unread = [node]
        while unread:
            node = unread.pop()
            if isinstance(node, dict):
                if (kind := node.get("class")) in self.handlers:
                    node = self.handlers[kind](node)
                elif kind and kind not in _ALLOWED:
                    self._refuse(
                        f"{_REFUSED.get(kind, kind.lower())} is not allowed here; write one value of the row"
                    )
                node = list(node.values()) if isinstance(node, dict) else node
            if isinstance(node, list):
                unread += reversed(node)

    def _refuse(self, mistake: str) -> None:
        self.mistakes.append(mistake)

    def _column(self, node: Node) -> Node | None:
        column = ".".join(node["column_names"]).lower()
        if column in NO_COLUMNS:
            self._refuse(
                f"{column} changes from run to run; use the row's own columns (one of this name gets another"
                " by cleanse.rename)"
            )
        else:
            self.columns.add(column)
        return None

    def _function(self, node: Node) -> Node | None:
        function, of = node["function_name"], ".".join(filter(None, (node["catalog"], node["schema"])))
        if of:
            # DuckDB reads `x.abs()` as a function of a schema or of a column, which no list of columns would
            # name.
            self._refuse(
                f"{of}.{function}(): write the function alone, and the column as its argument:"
                f" {function}({of})"
            )
        elif function in _unstable() or (
            function == "age" and len(node["arguments"]) == 1
        ):  # counts from today
            self._refuse(f"{function}() changes from run to run; use the row's own columns")
        elif function in AGGREGATES:
            self._refuse(f"{function}() takes many rows: say which, by `over` a window of features.windows")
        elif function not in SCALARS:
            self._refuse(_unknown(function, SCALARS))
        return node

    def _operator(self, node: Node) -> Node | None:
        if node["type"] not in OPERATORS:
            self._refuse(
                f"the operator {node['type'].lower()} is not allowed here; write one value of the row"
            )
        return node

    def _type(self, node: Node) -> Node | None:
        type_ = ".".join(filter(None, (node["catalog"], node["schema"], node["type_name"]))).lower()
        if type_ not in CAST_TYPES:
            self._refuse(f"no type {type_!r} of a value here; {meant(type_, CAST_TYPES)}")
        return node

    def _collate(self, node: Node) -> Node | None:
        for collation in str(node["collation"]).lower().split("."):
            if collation not in COLLATIONS:
                self._refuse(f"no collation {collation!r} here; {meant(collation, COLLATIONS)}")
        return node

    def _window(self, node: Node) -> Node | None:
        function = node["function_name"]
        window = self.windows.get(_specification(node))
        if window is None:
            self._refuse(
                f"{function}() over (...): declare the window under features.windows and use it by name"
            )
            return None
        if node["type"] not in _INSIDE_BOUNDS:
            self.mistakes.append(
                f"{function}() does not keep to the window's bounds; use last_value, first_value, nth_value"
                " or an aggregate"
            )
        elif node["schema"] or node["catalog"]:
            self._refuse(f"{node['schema']}.{function}(): write the function alone")
        elif function in _unstable():
            self._refuse(f"{function}() changes from run to run; use an exact aggregate")
        elif node["type"] == "WINDOW_AGGREGATE" and function not in AGGREGATES:
            self._refuse(_unknown(function, AGGREGATES))
        if node["distinct"] and function != "count":
            self.mistakes.append(
                f"{function}(distinct ...) depends on the order of the rows; only count(distinct ...)"
                " does not"
            )
        inside = _Reader({})
        inside.read([node["arguments"], node["filter_expr"], node["arg_orders"]])
        self.mistakes += inside.mistakes
        arguments = tuple(_written(argument["expression"]) for argument in node["arguments"])
        self.aggregates.append(Aggregate(window, frozenset(inside.columns), function, arguments))
        return None


def _unknown(function: str, allowed: Collection[str]) -> str:
    return (
        f"{function}() is no function that a use case may call;"
        f" {meant(function, filter(str.isidentifier, allowed))}"
    )


def _written(node: Node) -> str:
    """SQL of a syntax tree: the other way round of `_select_list`."""
    parsed = _parsed("SELECT 1")
    parsed["statements"][0]["node"]["select_list"] = [node]
    statement = str(
        _connection().execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(parsed)]).fetchall()[0][0]
    )
    return statement.removeprefix("SELECT ")


def _parsed(statement: str) -> Node:
    return cast(
        Node,
        json.loads(str(_connection().execute("SELECT json_serialize_sql(?)", [statement]).fetchall()[0][0])),
    )


def _select_list(statement: str) -> list[Node]:
    parsed = _parsed(statement)
    if parsed["error"]:
        # DuckDB counts bytes
        before = statement.encode()[: int(parsed["position"])] if "position" in parsed else None
        raise BadExpression(
            reason(parsed["error_message"]), None if before is None else len(before.decode()) - len(_BEFORE)
        )
    statements = parsed["statements"]
    if len(statements) != 1 or statements[0]["node"]["type"] != "SELECT_NODE":
        raise BadExpression("not one expression")
    return list(statements[0]["node"]["select_list"])


def _specification(node: Node) -> str:
    """A window's bounds as the parser read them: DuckDB writes a named window into every place that uses
    it.
    """
    parts = ("partitions", "orders", "start", "end", "start_expr", "end_expr", "exclude_clause")
    return json.dumps({part: _without_places(node[part]) for part in parts}, sort_keys=True)


def _without_places(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_places(item) for item in node]
    if isinstance(node, dict):
        return {
            key: _without_places(value) for key, value in node.items() if not key.startswith("query_location")
        }
    return node


def reason(message: object) -> str:
    """DuckDB's own words, without the drawing of the statement below them.

    Of what they do not help with, the way out.
    """
    words = next(line for line in str(message).splitlines() if line.strip()).strip()
    copied = re.search(r'cannot copy window "(.+?)"', words)
    return f"the window {copied[1]} stands in parentheses: write `over {copied[1]}`" if copied else words


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """Nothing but a parser and a binder: it reaches no file and fetches no extension, whatever it is given to
    read.
    """
    safe = {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "lock_configuration": "true",
    }
    return duckdb.connect(config={"max_expression_depth": str(DEEPEST), **safe})


@cache
def _unstable() -> frozenset[str]:
    """None of these is allowed anyway; they get a sentence of their own.

    DuckDB calls a sample by chance consistent.
    """
    found = (
        _connection()
        .execute("SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'")
        .fetchall()
    )
    return frozenset(str(name) for (name,) in found) | NO_COLUMNS | {"reservoir_quantile"}
