"""Windows over a row's past: the same frame, added up in the same order, in whatever table the row lies.

A window is a stretch of time, so a row's frame is the same in every partition that holds the stretch. Two
things more are needed for the same row to get the same bits everywhere, since a sum of floats depends on its
order:

- Rows of the same moment are told apart by their key. RANGE takes one ORDER BY expression, so `#moment` is
  the time in microseconds times `ties`, plus `#tie`: the row's rank among the rows of that moment. The bounds
  are reckoned accordingly.
- Where the order tells, each frame is added up from its first row to its last (DuckDB's `separate` mode),
  instead of from the blocks of a tree whose seams depend on which other rows are in the table. That takes as
  long as the frame has rows: with hundreds it costs nothing, with tens of thousands a hundred times the tree
  (30,000 rows, 7,000 in each frame: 1.2 s).

What is exact in any order comes from the tree: counts, and what aggregates make of integers, decimals and
booleans (`_EXACT`). So over a large window without `by`, write `sum(amount::decimal(18, 2))`; count(distinct
...) is a thousand times sooner in the tree. An expression that has aggregates of both kinds is computed in
order; with few rows in the frames everything is, since the bits are the same either way, and one table costs
less than two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import duckdb

from pipelines.core import sql
from pipelines.core.config import UseCase, Window

_MICROSECOND = timedelta(microseconds=1)
_LARGEST = 2**62  # of a BIGINT, with room for the bounds' own sums
CROWD = 100  # rows in a frame, from which a second table and its join cost less than adding up

# The value of these tells nothing of the order of the terms, if the terms are of these types. Not so `max` of
# floats: 0 or -0.
_EXACT = {"sum", "avg", "mean", "min", "max", "median", "bool_and", "bool_or", "count_if", "countif"}
_EXACT_TYPES = {
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "DECIMAL",
}
_COUNTS = {"count", "count_star"}
_PLACES = {"first_value", "last_value", "nth_value"}  # one row of the frame: neither way adds up


@dataclass(frozen=True)
class Clock:
    """How `#moment` counts: microseconds since `origin`, times `ties`, in a type that holds the table's last
    one.
    """

    origin: int = 0
    ties: int = 2**32  # more rows than any moment has
    type_: str = "HUGEINT"

    @classmethod
    def of(cls, first: int, last: int, back: timedelta, ties: int) -> Clock:
        """The clock of rows from one moment to another, in microseconds, whose windows look so far back, and
        of which at most so many share a moment.
        """
        fits = (last - first + 2 * (back // _MICROSECOND)) * ties < _LARGEST
        return cls(first, ties, "BIGINT" if fits else "HUGEINT")

    def frames(self, use_case: UseCase) -> dict[str, str]:
        """The declared windows in SQL, for a table with `#moment` and `#tie`."""
        return {window: self._frame(spec) for window, spec in use_case.features.windows.items()}

    def moment(self, time: str) -> str:
        """SQL of `#moment`."""
        return f'(epoch_us({time}) - {self.origin})::{self.type_} * {self.ties} + "#tie"'

    def _frame(self, window: Window) -> str:
        """From the first row of the moment `since` ago to the last row of the moment `until` ago.

        0d is the microsecond before.
        """
        since = window.since // _MICROSECOND * self.ties
        until = max(window.until // _MICROSECOND, 1) * self.ties - (self.ties - 1)
        # of another source, so that it is told apart from a window over the use case's own rows
        of = [f"#rows of {window.source}"] if window.source else []
        by = f"PARTITION BY {', '.join(map(sql.name, [*of, *window.by]))} " if of or window.by else ""
        first, last = (f'{bound}::{self.type_} + "#tie" PRECEDING' for bound in (since, until))
        return f'{by}ORDER BY "#moment" RANGE BETWEEN {first} AND {last}'

    def over_events(self, window: Window, delay: timedelta) -> str:
        """A window over events, which have `#event`, beside the rows that it is asked for, whose `#tie` is 0.

        The frame of an event is empty: nobody asks, and to add it up takes time.
        """
        since = window.since // _MICROSECOND * self.ties
        until = max(window.until, delay, _MICROSECOND) // _MICROSECOND * self.ties - (self.ties - 1)
        first, last = (
            f'if("#event", {of_event}, {bound})::{self.type_} PRECEDING'
            for of_event, bound in ((0, since), (1, until))
        )
        by = ", ".join(map(sql.name, window.by))
        return f'PARTITION BY {by} ORDER BY "#moment" RANGE BETWEEN {first} AND {last}'


@dataclass(frozen=True)
class RowsInTime:
    """Rows with `#tie` and `#moment`, as SQL over `rows`, and the declared windows over them."""

    statement: str = "FROM rows"
    frames: Mapping[str, str] = field(default_factory=dict)
    crowded: bool = (
        False  # whether some window holds so many rows that what is exact should not be added up in order
    )


def in_time(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> RowsInTime:
    """Put rows, which have a column `#past`, in time; as they are, if no window is declared."""
    if not use_case.features.own_windows:
        return RowsInTime()
    time, key, table = sql.name(use_case.time), sql.name(use_case.key), sql.name(f"ties {uuid4().hex}")
    # Few rows share their moment: only these are put in order.
    rows.query(
        "rows",
        f"""CREATE TEMP TABLE {table} AS
            SELECT *, row_number() OVER (PARTITION BY {time} ORDER BY {key}, "#past") - 1 AS "#tie" FROM (
                SELECT DISTINCT {time}, {key}, "#past" FROM rows
                WHERE {time} IN (SELECT {time} FROM rows GROUP BY {time} HAVING count(*) > 1)
            )""",
    )
    ((ties, first, last, *crowds),) = sql.select(rows, "rows", _extent(use_case, table)).fetchall()
    clock = Clock.of(first, last, use_case.features.history, ties)
    statement = f"""SELECT *, {clock.moment(time)} AS "#moment" FROM (
        SELECT rows.*, coalesce("#tie", 0) AS "#tie"
        FROM rows LEFT JOIN {table} AS ties USING ({time}, {key}, "#past"))"""
    return RowsInTime(statement, clock.frames(use_case), crowded=max(crowds) > CROWD)


def _extent(use_case: UseCase, ties: str) -> str:
    """SQL of how many rows share a moment at most, of the first and the last moment, and of about how many
    rows each window holds.
    """
    moment = f"epoch_us({sql.name(use_case.time)})"
    crowds = []
    for window in use_case.features.windows.values():
        groups = f"approx_count_distinct(hash({', '.join(map(sql.name, window.by))}))" if window.by else "1"
        share = (
            f"least(1, {(window.since - window.until) // _MICROSECOND} / (max({moment}) - min({moment}) + 1))"
        )
        crowds.append(f"coalesce(count(*) * {share} / {groups}, 0)")
    most = f'(SELECT coalesce(max("#tie"), 0) + 1 FROM {ties})'
    return (
        f"SELECT {most}, coalesce(min({moment}), 0), coalesce(max({moment}), 0), {', '.join(crowds)} FROM"
        " rows"
    )


def exact(expression: str, frames: Mapping[str, str], use_case: UseCase) -> bool:
    """Whether an expression aggregates over windows, and only so that no order of the rows tells."""
    found = _aggregates(expression, frames)
    return bool(found) and all(_exact(aggregate, use_case) for aggregate in found)


def needs_order(expression: str, frames: Mapping[str, str], use_case: UseCase) -> bool:
    """Whether an expression aggregates over a window so that the order of the rows tells."""
    return not all(_exact(aggregate, use_case) for aggregate in _aggregates(expression, frames))


def _aggregates(expression: str, frames: Mapping[str, str]) -> list[sql.Aggregate]:
    return [
        aggregate
        for aggregate in sql.parse(expression, frames).aggregates
        if aggregate.function not in _PLACES
    ]


def _exact(aggregate: sql.Aggregate, use_case: UseCase) -> bool:
    columns = {column: sql.type_of(column, use_case) for column in use_case.kept_columns}
    return is_exact(aggregate.function, aggregate.arguments, columns)


def is_exact(function: str, arguments: Iterable[str], columns: Mapping[str, str]) -> bool:
    """Whether an aggregate is the same in any order of its rows, whose columns have these types."""
    if function in _COUNTS:
        return True
    nulls = sql.row_of_nulls(columns)
    return function in _EXACT and {sql.bind(one, nulls).split("(")[0] for one in arguments} <= _EXACT_TYPES


def new_table(rows: duckdb.DuckDBPyRelation, statement: str, in_order: bool = False) -> str:
    """The name of a new table of what a statement over `rows` selects, in which each window's frame is added
    up in order or by a tree.
    """
    table = sql.name(f"computed {uuid4().hex}")
    rows.query("rows", f"SET debug_window_mode = '{'separate' if in_order else 'window'}'")
    try:
        rows.query("rows", f"CREATE TEMP TABLE {table} AS {statement}")
    finally:
        rows.query("rows", "RESET debug_window_mode")
    return table
