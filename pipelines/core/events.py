"""Windows over another source's events, as far as these were known at a row's moment.

Where each event is known as long after its time as any other, a window is a stretch of time: the events that
have the same `by` are put in one order, by time and key, whatever is asked of them, and no pair of a row and
an event is written down. What most features ask is read off lists (`pipelines.core.events_in_lists`); what
else there is, and of a `by` whose list would be too long, is computed over frames
(`pipelines.core.events_in_frames`).
Both add up from the first event to the last, so that no bit depends on what else is in the table, nor on
which of them it was.

Where each event says itself when it is known, no stretch of time holds those that a window does: pairs are
joined, and each event counts as it was last known then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from pipelines.core import events_in_frames, events_in_lists, other_rows, sql
from pipelines.core.other_rows import KNOWN
from pipelines.core.windows import is_exact, new_table

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase, Window
    from pipelines.core.config.other_source import OtherSource

_MICROSECOND = timedelta(microseconds=1)


class Asked(NamedTuple):
    """What is asked of one source's events by the same columns.

    Attributes:
        name: What the source is called.
        source: The source.
        by: The columns.
        windows: The windows that hold them.
        uses: What is asked of these, and the columns that are told.
    """

    name: str
    source: OtherSource
    by: tuple[str, ...]
    windows: Mapping[str, Window]
    uses: Mapping[str, sql.Taken]

    @property
    def since(self) -> timedelta:
        """How far the windows look back."""
        return max(window.since for window in self.windows.values())

    @property
    def until(self) -> timedelta:
        """How long before a row's moment the last event is that any window holds."""
        return min(max(window.until, _MICROSECOND) for window in self.windows.values())

    def only(self, uses: Mapping[str, sql.Taken]) -> Asked:
        """The same, of some uses."""
        return self._replace(uses=uses)

    def is_exact(self, use: sql.Taken) -> bool:
        """Whether a use is the same in any order of the events."""
        return is_exact(use.function, use.arguments, other_rows.columns(self.source))


class Held(NamedTuple):
    """The events that windows can hold.

    Attributes:
        table: Their table.
        first, last: The first and the last moment of the rows that ask, in microseconds.
        rows: How many rows ask.
        events: How many events there are.
        groups: How many there are that have the same `by`.
        most: How many events have the same `by` at most.
    """

    table: str
    first: int
    last: int
    rows: int
    events: int
    groups: int
    most: int


def asked(use_case: UseCase, taken: Mapping[str, sql.Taken]) -> list[Asked]:
    """What is asked of other sources' events, what one table can tell together."""
    found: dict[tuple[str, ...], dict[str, sql.Taken]] = {}
    for name, use in taken.items():
        window = use_case.features.windows[use.window]
        # no stretch of time is that of another window where events say when they are known
        alone = [use.window] if use_case.others[str(window.source)].available_at else []
        found.setdefault((str(window.source), *window.by, *alone), {})[name] = use
    every = []
    for uses in found.values():
        windows = {use.window: use_case.features.windows[use.window] for use in uses.values()}
        one = next(iter(windows.values()))
        name = str(one.source)
        every.append(Asked(name, use_case.others[name], one.by, windows, uses))
    return every


def told(
    rows: duckdb.DuckDBPyRelation, other: duckdb.DuckDBPyRelation, of: Asked, use_case: UseCase
) -> dict[str, str]:
    """Compute what is asked of another source's events.

    Args:
        rows: Clean rows and their past, told apart by `#past`; of these nothing is told.
        other: The cleansed rows of the source.
        of: What is asked.
        use_case: The use case.

    Returns:
        Of each column that is told, the name of a new table that has it, beside each clean row's key.
    """
    own, events = other_rows.asking(rows, of.by, use_case), sql.view(other)
    if of.source.available_at:
        return dict.fromkeys(of.uses, new_table(rows, _in_pairs(own, events, of, use_case)))
    held = _held(rows, own, events, of)
    listed = events_in_lists.those(of)
    others = of.only({name: use for name, use in of.uses.items() if name not in listed.uses})
    found: dict[str, str] = {}
    if listed.uses:
        found |= dict.fromkeys(listed.uses, _listed(rows, own, held, listed, use_case))
    if others.uses:
        found |= events_in_frames.told(rows, own, held, others, use_case)
    return found


def _listed(rows: duckdb.DuckDBPyRelation, own: str, held: Held, of: Asked, use_case: UseCase) -> str:
    """The name of a new table of what can be read off lists, and is where these are not too long."""
    longest = events_in_lists.longest(of)
    if held.most <= longest:
        return events_in_lists.told(rows, own, held, of, use_case)
    by, key = ", ".join(map(sql.name, of.by)), sql.name(use_case.key)
    crowds = new_table(rows, f"SELECT {by} FROM {held.table} GROUP BY {by} HAVING count(*) > {longest}")
    told = []
    for way in ("SEMI", "ANTI"):
        those = f"{way} JOIN {crowds} AS crowds USING ({by})"
        asking = f"SELECT * FROM ({own}) AS own {those}"
        events = new_table(rows, f"SELECT * FROM {held.table} AS held {those}")
        told.append((asking, _measured(rows, asking, events, of, (held.first, held.last))))
    (in_crowds, crowded), (elsewhere, few) = told
    frames = events_in_frames.told(rows, in_crowds, crowded, of, use_case)
    lists = events_in_lists.told(rows, elsewhere, few, of, use_case)
    tables = list(dict.fromkeys(frames.values()))
    beside = " ".join(f"JOIN {table} USING ({key})" for table in tables[1:])
    return new_table(rows, f"SELECT * FROM {tables[0]} {beside} UNION ALL BY NAME SELECT * FROM {lists}")


def _held(rows: duckdb.DuckDBPyRelation, own: str, events: str, of: Asked) -> Held:
    """The events that any window can hold, as far as it is asked of them."""
    extent = f'SELECT count(*), epoch_us(min("#at")), epoch_us(max("#at")) FROM ({own})'
    ((many, first, last),) = sql.select(rows, "rows", extent).fetchall()
    read = {of.source.time, of.source.key, *of.by}
    read |= {column for use in of.uses.values() for column in use.columns}
    columns = ", ".join(sql.name(one) for one in other_rows.columns(of.source) if one.lower() in read)
    by = ", ".join(map(sql.name, of.by))
    between = "false"
    if many:
        back, until = other_rows.interval(of.since), other_rows.interval(of.until)
        bounds = f"make_timestamp({first}) - {back} AND make_timestamp({last}) - {until}"
        between = f"{sql.name(of.source.time)} BETWEEN {bounds}"
    table = new_table(
        rows, f"SELECT {columns} FROM {events} SEMI JOIN ({own}) AS own USING ({by}) WHERE {between}"
    )
    return _measured(rows, own, table, of, (first or 0, last or 0))


def _measured(
    rows: duckdb.DuckDBPyRelation, own: str, table: str, of: Asked, extent: tuple[int, int]
) -> Held:
    sizes = f"SELECT count(*) AS n FROM {table} GROUP BY {', '.join(map(sql.name, of.by))}"
    statement = f"""SELECT (SELECT count(*) FROM ({own})),
        coalesce(sum(n), 0)::BIGINT, count(*), coalesce(max(n), 0) FROM ({sizes})"""
    ((many, there, groups, most),) = sql.select(rows, "rows", statement).fetchall()
    return Held(table, *extent, many, there, groups, most)


# --- pairs


def _in_pairs(own: str, events: str, of: Asked, use_case: UseCase) -> str:
    """SQL of one window over events that say themselves when they are known."""
    (window,), source = of.windows.values(), of.source
    time, key = sql.name(source.time), sql.name(source.key)
    computed = ", ".join(
        f"{use.over(None if of.is_exact(use) else f'{time}, {key}')} AS {sql.name(name)}"
        for name, use in of.uses.items()
    )
    told = ", ".join(
        f'if(found."#own" IS NULL, nothing.{name}, found.{name}) AS {name}' for name in map(sql.name, of.uses)
    )
    theirs = ", ".join(f"events.{sql.name(one)}" for one in other_rows.columns(source))
    return f"""
        WITH own AS ({own}),
        events AS (SELECT *, {other_rows.known(source)} AS "{KNOWN}" FROM {events}),
        held AS (
            SELECT "#own", {theirs} FROM own JOIN events ON {other_rows.same("own", "events", of.by)}
                AND events.{time} >= own."#at" - {other_rows.interval(window.since)}
                AND events.{time} <= own."#at" - {other_rows.interval(of.until)}
                AND events."{KNOWN}" <= own."#at"
            QUALIFY row_number() OVER (
                PARTITION BY "#own", events.{key}, events.{time} ORDER BY "{KNOWN}" DESC) = 1
        ),
        found AS (SELECT "#own", {computed} FROM held GROUP BY "#own"),
        nothing AS (SELECT {computed} FROM held WHERE false)
        SELECT own."#own" AS {sql.name(use_case.key)}, {told}
        FROM own LEFT JOIN found ON own."#own" = found."#own" CROSS JOIN nothing"""
