"""Windows over events as frames of one order of rows and events.

Rows and events that have the same `by` are sorted by time and, of one moment, by the events' keys; the frames
of all windows are found in that order. Each is added up from its first event to its last where the order
tells, as in windows over own rows (see `pipelines.core.windows`). What is exact in any order comes from a
tree, in a table of its own, where rows and events have so many pairs that this is sooner.

It takes as much memory as the events of one `by`, and a third of a microsecond a use and event, which also
gets a frame, an empty one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.core import sql
from pipelines.core.windows import CROWD, Clock, new_table

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase
    from pipelines.core.events import Asked, Held

FIRST = {"first", "first_value", "arbitrary"}  # of the frame, whether or not it is null
LAST = {"last", "last_value"}


def told(rows: duckdb.DuckDBPyRelation, own: str, held: Held, of: Asked, use_case: UseCase) -> dict[str, str]:
    """Compute what is asked of events; see `pipelines.core.events.told`.

    Args:
        rows: Rows of the connection that the tables are made by.
        own: SQL of the rows that ask, see `other_rows.asking`.
        held: The events.
        of: What is asked.
        use_case: The use case.
    """
    ties = new_table(rows, _ties(held, of))
    most = f'SELECT coalesce(max("#tie"), 0) + 1 FROM {ties}'
    ((together,),) = sql.select(rows, "rows", most).fetchall()
    clock = Clock.of(held.first, held.last, of.since, together)
    every = _in_order(own, held, ties, of, clock)
    parts = [(of, True)]
    if held.rows * held.events / max(held.groups, 1) > CROWD * (held.rows + held.events):
        exact = {name: use for name, use in of.uses.items() if of.is_exact(use)}
        others = {name: use for name, use in of.uses.items() if name not in exact}
        parts = [(of.only(others), True), (of.only(exact), False)]
    found: dict[str, str] = {}
    for part, in_order in parts:
        if part.uses:
            table = new_table(rows, _in_frames(every, clock, part, use_case), in_order)
            found |= dict.fromkeys(part.uses, table)
    return found


def _ties(held: Held, of: Asked) -> str:
    """SQL of the events that share their moment with others of the same `by`, which are few, and their places
    among these.
    """
    by, time, key = ", ".join(map(sql.name, of.by)), sql.name(of.source.time), sql.name(of.source.key)
    return f"""
        SELECT {by}, {time}, {key},
            row_number() OVER (PARTITION BY {by}, {time} ORDER BY {key}) - 1 AS "#tie"
        FROM {held.table} SEMI JOIN (
            SELECT {by}, {time} FROM {held.table} GROUP BY ALL HAVING count(*) > 1
        ) USING ({by}, {time})"""


def _in_order(own: str, held: Held, ties: str, of: Asked, clock: Clock) -> str:
    """SQL of rows and events with `#event` and `#moment`."""
    same = ", ".join(map(sql.name, (*of.by, of.source.time, of.source.key)))
    return f"""
        SELECT "#own", {", ".join(map(sql.name, of.by))}, false AS "#event",
            {clock.moment('"#at"')} AS "#moment"
        FROM (SELECT *, 0 AS "#tie" FROM ({own}))
        UNION ALL BY NAME
        SELECT *, true AS "#event", {clock.moment(sql.name(of.source.time))} AS "#moment" FROM (
            SELECT held.*, coalesce("#tie", 0) AS "#tie"
            FROM {held.table} AS held LEFT JOIN {ties} AS ties USING ({same}))"""


def _in_frames(every: str, clock: Clock, of: Asked, use_case: UseCase) -> str:
    frames = {name: clock.over_events(window, of.source.delay) for name, window in of.windows.items()}
    computed = ", ".join(f"{_in_frame(use)} AS {sql.name(name)}" for name, use in of.uses.items())
    return f"""
        SELECT "#own" AS {sql.name(use_case.key)}, {", ".join(map(sql.name, of.uses))} FROM (
            SELECT "#own", "#event", {computed} FROM ({every}) {sql.window_clause(frames)}
        ) WHERE NOT "#event" """


def _in_frame(use: sql.Taken) -> str:
    """SQL of a use of a window, of the events in its frame."""
    of_events = '"#event"' + (f" AND {use.filter}" if use.filter else "")
    if use.function in FIRST | LAST:
        place = "first_value" if use.function in FIRST else "last_value"
        # A struct is no null, whatever is in it; of rows that are no events it is.
        value = f"CASE WHEN {of_events} THEN struct_pack(told := {use.arguments[0]}) END"
        return f"struct_extract({place}({value} IGNORE NULLS) OVER {sql.name(use.window)}, 'told')"
    return f"{use.aggregate()} FILTER (WHERE {of_events}) OVER {sql.name(use.window)}"
