"""Windows over another source's events, as far as these were known at a row's moment.

Where each event is known as long after its time as any other, a window is a stretch of time: rows and events
that have the same `by` are put in one order, by time and, of one moment, by the events' keys, and the frames
of all windows with that `by` are found in it. So rows and events are sorted once, whatever is asked of them,
and no pair of a row and an event is written down. Each frame is added up from its first event to its last
where the order tells, as in windows over own rows (see `pipelines.core.windows`), so that no bit depends on
what else is in the table. What is exact in any order comes from a tree, in a table of its own, where rows and
events have so many pairs that this is sooner.

Where each event says itself when it is known, no stretch of time holds those that a window does: pairs are
joined, and each event counts as it was last known then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from pipelines.core import other_rows, sql
from pipelines.core.other_rows import KNOWN
from pipelines.core.windows import CROWD, Clock, is_exact, new_table

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase, Window
    from pipelines.core.config.other_source import OtherSource

_MICROSECOND = timedelta(microseconds=1)
_FIRST = {"first", "first_value", "arbitrary"}  # of the frame, whether or not it is null
_LAST = {"last", "last_value"}


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

    def some(self, exact: bool) -> Asked:
        """Those uses that are the same in any order of the events, or the others."""
        return self._replace(
            uses={name: use for name, use in self.uses.items() if _is_exact(use, self.source) == exact}
        )


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
    place = _placed(rows, own, events, of)
    parts = [(of, True)]
    if place.crowded:
        parts = [(of.some(exact=False), True), (of.some(exact=True), False)]
    found: dict[str, str] = {}
    for part, in_order in parts:
        if part.uses:
            statement = _in_frames(own, place, part, use_case)
            found |= dict.fromkeys(part.uses, new_table(rows, statement, in_order))
    return found


def _is_exact(use: sql.Taken, source: OtherSource) -> bool:
    return is_exact(use.function, use.arguments, other_rows.columns(source))


# --- frames


class _Place(NamedTuple):
    """Where rows and events lie in time.

    Attributes:
        clock: How `#moment` counts.
        events: The table of the events that any window can hold.
        ties: The table of those that share their moment with others of the same `by`, with `#tie`.
        crowded: Whether windows hold so many events that what is exact should not be added up in order.
    """

    clock: Clock
    events: str
    ties: str
    crowded: bool


def _placed(rows: duckdb.DuckDBPyRelation, own: str, events: str, of: Asked) -> _Place:
    extent = f'SELECT count(*), epoch_us(min("#at")), epoch_us(max("#at")) FROM ({own})'
    ((many, first, last),) = sql.select(rows, "rows", extent).fetchall()
    held = new_table(rows, _held(own, events, of, (first, last) if many else None))
    by, time = ", ".join(map(sql.name, of.by)), sql.name(of.source.time)
    # Few events of the same `by` share their moment: only these are put in order.
    ties = new_table(
        rows,
        f"""SELECT {by}, {time}, {sql.name(of.source.key)}, row_number() OVER (
                PARTITION BY {by}, {time} ORDER BY {sql.name(of.source.key)}) - 1 AS "#tie"
            FROM {held} SEMI JOIN (
                SELECT {by}, {time} FROM {held} GROUP BY ALL HAVING count(*) > 1
            ) USING ({by}, {time})""",
    )
    ((most, there, groups),) = sql.select(
        rows,
        "rows",
        f"""SELECT (SELECT coalesce(max("#tie"), 0) + 1 FROM {ties}), count(*),
            greatest(1, approx_count_distinct(hash({by}))) FROM {held}""",
    ).fetchall()
    clock = Clock.of(first, last, of.since, most) if many else Clock()
    return _Place(clock, held, ties, crowded=many * there / groups > CROWD * (many + there))


def _held(own: str, events: str, of: Asked, extent: tuple[int, int] | None) -> str:
    """SQL of the events that windows of rows from one moment to another can hold, as far as it is asked."""
    read = {of.source.time, of.source.key, *of.by}
    read |= {column for use in of.uses.values() for column in use.columns}
    columns = ", ".join(sql.name(one) for one in other_rows.columns(of.source) if one.lower() in read)
    found = f"SELECT {columns} FROM {events}"
    if extent is None:
        return f"{found} WHERE false"
    first, last = (f"make_timestamp({moment})" for moment in extent)
    return f"""{found} SEMI JOIN ({own}) AS own USING ({", ".join(map(sql.name, of.by))})
        WHERE {sql.name(of.source.time)} BETWEEN {first} - {other_rows.interval(of.since)}
            AND {last} - {other_rows.interval(of.until)}"""


def _in_frames(own: str, place: _Place, of: Asked, use_case: UseCase) -> str:
    time, by = sql.name(of.source.time), ", ".join(map(sql.name, of.by))
    same = ", ".join(map(sql.name, (*of.by, of.source.time, of.source.key)))
    frames = {name: place.clock.over_events(window, of.source.delay) for name, window in of.windows.items()}
    computed = ", ".join(f"{_in_frame(use)} AS {sql.name(name)}" for name, use in of.uses.items())
    told = ", ".join(map(sql.name, of.uses))
    return f"""
        WITH own AS ({own}),
        every AS (
            SELECT "#own", {by}, false AS "#event", {place.clock.moment('"#at"')} AS "#moment"
            FROM (SELECT *, 0 AS "#tie" FROM own)
            UNION ALL BY NAME
            SELECT *, true AS "#event", {place.clock.moment(time)} AS "#moment" FROM (
                SELECT held.*, coalesce("#tie", 0) AS "#tie"
                FROM {place.events} AS held LEFT JOIN {place.ties} AS ties USING ({same}))
        ),
        told AS (SELECT "#own", "#event", {computed} FROM every {sql.window_clause(frames)})
        SELECT "#own" AS {sql.name(use_case.key)}, {told} FROM told WHERE NOT "#event" """


def _in_frame(use: sql.Taken) -> str:
    """SQL of a use of a window, of the events in its frame."""
    of_events = '"#event"' + (f" AND {use.filter}" if use.filter else "")
    if use.function in _FIRST | _LAST:
        place = "first_value" if use.function in _FIRST else "last_value"
        # A struct is no null, whatever is in it; of rows that are no events it is.
        value = f"CASE WHEN {of_events} THEN struct_pack(told := {use.arguments[0]}) END"
        return f"struct_extract({place}({value} IGNORE NULLS) OVER {sql.name(use.window)}, 'told')"
    return f"{use.aggregate()} FILTER (WHERE {of_events}) OVER {sql.name(use.window)}"


# --- pairs


def _in_pairs(own: str, events: str, of: Asked, use_case: UseCase) -> str:
    """SQL of one window over events that say themselves when they are known."""
    (window,), source = of.windows.values(), of.source
    time, key = sql.name(source.time), sql.name(source.key)
    computed = ", ".join(
        f"{use.over(None if _is_exact(use, source) else f'{time}, {key}')} AS {sql.name(name)}"
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
