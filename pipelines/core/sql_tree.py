"""An expression's syntax tree as DuckDB parses it, and what one of a use case may consist of: an allow-list
over the tree (`json_serialize_sql`), so that nothing is guessed from text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, cast

import duckdb

from pipelines.core.errors import did_you_mean
from pipelines.core.sql_allowed import AGGREGATES, CAST_TYPES, COLLATIONS, NO_COLUMNS, OPERATORS, SCALARS

Node: TypeAlias = dict[str, Any]

BEFORE = "SELECT (\n"  # what stands before an expression when it is parsed
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
    ordered: bool = False  # by an ORDER BY of its own arguments


@dataclass(frozen=True)
class Taken:
    """A use of a window that is taken out of its expression, to be computed elsewhere."""

    window: str
    function: str
    arguments: tuple[str, ...]
    distinct: bool
    filter: str | None
    columns: frozenset[str]  # that it reads

    def over(self, order: str | None) -> str:
        """SQL of the same as a plain aggregate, which takes its rows in this order, or in any."""
        filter_ = f" FILTER (WHERE {self.filter})" if self.filter else ""
        return self.aggregate(order) + filter_

    def aggregate(self, order: str | None = None) -> str:
        """The same of all rows, whatever they are."""
        function = {"first_value": "first", "last_value": "last"}.get(self.function, self.function)
        arguments = ", ".join(self.arguments) or "*"
        # what is distinct is counted, in any order
        ordered = f" ORDER BY {order}" if order and arguments != "*" and not self.distinct else ""
        return f"{function}({'DISTINCT ' if self.distinct else ''}{arguments}{ordered})"


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


class Reader:
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
        """Note what stands in a tree."""
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
            self._refuse(f"no type {type_!r} of a value here; {did_you_mean(type_, CAST_TYPES)}")
        return node

    def _collate(self, node: Node) -> Node | None:
        for collation in str(node["collation"]).lower().split("."):
            if collation not in COLLATIONS:
                self._refuse(f"no collation {collation!r} here; {did_you_mean(collation, COLLATIONS)}")
        return node

    def _window(self, node: Node) -> Node | None:
        function = node["function_name"]
        window = self.windows.get(specification(node))
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
        inside = Reader({})
        inside.read([node["arguments"], node["filter_expr"], node["arg_orders"]])
        self.mistakes += inside.mistakes
        arguments = tuple(_written(argument["expression"]) for argument in node["arguments"])
        ordered = bool(node["arg_orders"])
        self.aggregates.append(Aggregate(window, frozenset(inside.columns), function, arguments, ordered))
        return None


def taken_out(
    node: Node, windows: Mapping[str, str], chosen: Collection[str]
) -> list[tuple[int, int, Taken]]:
    """The uses of some windows in an expression's tree.

    Args:
        node: The tree.
        windows: The name of each window that it may use, by its specification as the parser reads it.
        chosen: The names of those that are looked for.

    Returns:
        Of each use, in order, the byte of the expression where it begins, that behind it, and what it is.
    """
    found, unread = [], [node]
    while unread:
        part: Any = unread.pop()
        if isinstance(part, list):
            unread += part
        elif isinstance(part, dict):
            if part.get("class") == "WINDOW" and (window := windows.get(specification(part))) in chosen:
                start = part["query_location"] - len(BEFORE)
                found.append((start, start + part["query_location_length"], _taken(part, str(window))))
            else:
                unread += part.values()
    return sorted(found, key=lambda use: use[0])


def _taken(node: Node, window: str) -> Taken:
    arguments = tuple(_written(argument["expression"]) for argument in node["arguments"])
    filters = [_written(node["filter_expr"])] if node["filter_expr"] else []
    if node["ignore_nulls"]:
        filters.append(f"{arguments[0]} IS NOT NULL")
    filter_ = " AND ".join(f"({one})" for one in filters)
    inside = Reader({})
    inside.read([node["arguments"], node["filter_expr"]])
    columns = frozenset(inside.columns)
    return Taken(window, node["function_name"], arguments, node["distinct"], filter_ or None, columns)


def _unknown(function: str, allowed: Collection[str]) -> str:
    return (
        f"{function}() is no function that a use case may call;"
        f" {did_you_mean(function, filter(str.isidentifier, allowed))}"
    )


def _written(node: Node) -> str:
    """SQL of a syntax tree: the other way round of `select_list`."""
    parsed = _parsed("SELECT 1")
    parsed["statements"][0]["node"]["select_list"] = [node]
    statement = str(
        connection().execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(parsed)]).fetchall()[0][0]
    )
    return statement.removeprefix("SELECT ")


def _parsed(statement: str) -> Node:
    return cast(
        Node,
        json.loads(str(connection().execute("SELECT json_serialize_sql(?)", [statement]).fetchall()[0][0])),
    )


def select_list(statement: str) -> list[Node]:
    """The trees of what one SELECT selects.

    Raises:
        BadExpression: it is no SQL, or more than one SELECT.
    """
    parsed = _parsed(statement)
    if parsed["error"]:
        # DuckDB counts bytes
        before = statement.encode()[: int(parsed["position"])] if "position" in parsed else None
        raise BadExpression(
            reason(parsed["error_message"]), None if before is None else len(before.decode()) - len(BEFORE)
        )
    statements = parsed["statements"]
    if len(statements) != 1 or statements[0]["node"]["type"] != "SELECT_NODE":
        raise BadExpression("not one expression")
    return list(statements[0]["node"]["select_list"])


def specification(node: Node) -> str:
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
def connection() -> duckdb.DuckDBPyConnection:
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
        connection()
        .execute("SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'")
        .fetchall()
    )
    return frozenset(str(name) for (name,) in found) | NO_COLUMNS | {"reservoir_quantile"}
