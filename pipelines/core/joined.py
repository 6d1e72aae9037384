"""What other sources tell of a row: their states and events, as far as they were known at its moment.

Each join gives rows a column of type STRUCT, under the join's name, and each use of a window over another
source's rows a column `#taken <n>`; the features' SQL is then that of rows which have these columns, see
`rewritten`.

A row of another source is known at its `available_at`, or `delay` after its time. So what is known later
changes nothing that was said of an earlier row:

- The state at a moment is the row with the greatest time among those that are known by then. Rows that were
  known only after a newer one are never a state, which leaves one order, by when they are known, for DuckDB's
  ASOF JOIN. Of rows of one time the one that was known last is the state, since it corrects the others.
- A window holds the rows whose time lies in it, and that are known by then. They are added up in order of
  time and key where the order tells, so that sums of floats do not depend on what else is in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from pipelines.core import other_rows, sql
from pipelines.core.config.other_source import ALWAYS
from pipelines.core.windows import Clock, is_exact

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase, Window
    from pipelines.core.config.features import Join
    from pipelines.core.config.other_source import OtherSource

KINDS = ("numbers", "categories", "texts")
KNOWN = "#known"  # when a row of another source is known


class Rewritten(NamedTuple):
    """A use case whose features read other sources by columns.

    Attributes:
        use_case: The same, with such features, and without joins and windows over other sources' rows.
        taken: The columns that stand for a use of a window.
    """

    use_case: UseCase
    taken: Mapping[str, sql.Taken]


def rewritten(use_case: UseCase) -> Rewritten:
    """Let features read columns instead of windows over other sources' rows.

    Raises:
        BadExpression: a feature's SQL cannot be read.
    """
    features = use_case.features
    reader = _Reader(use_case)
    kinds = {
        kind: {name: reader.without(text) for name, text in getattr(features, kind).items()} for kind in KINDS
    }
    changed = features.model_copy(update={**kinds, "windows": features.own_windows, "joins": {}})
    return Rewritten(use_case.model_copy(update={"features": changed}), reader.taken)


def without(expression: str, use_case: UseCase) -> tuple[str, Mapping[str, sql.Taken]]:
    """One expression in which columns stand for windows over other sources' rows, and what each stands for.

    Raises:
        BadExpression: it is no SQL expression.
    """
    reader = _Reader(use_case)
    return reader.without(expression), reader.taken


class _Reader:
    """Reads expressions, and gives each use of a window over another source's rows a column."""

    def __init__(self, use_case: UseCase) -> None:
        self._frames = Clock().frames(use_case)
        self._others = use_case.features.windows.keys() - use_case.features.own_windows.keys()
        self.taken: dict[str, sql.Taken] = {}

    def without(self, text: str) -> str:
        if not self._others:
            return text
        return sql.without(text, self._frames, self._others, self._called)

    def _called(self, one: sql.Taken) -> str:
        names = {taken: name for name, taken in self.taken.items()}
        name = names.get(one, f"#taken {len(self.taken)}")
        self.taken[name] = one
        return name


def types(use_case: UseCase) -> dict[str, str]:
    """The columns that joins give to rows, and their types."""
    found = {}
    for name, join in use_case.features.joins.items():
        fields = columns(use_case.sources[join.source])
        found[name] = f"STRUCT({', '.join(f'{sql.name(one)} {type_}' for one, type_ in fields.items())})"
    return found


def columns(source: OtherSource) -> dict[str, str]:
    """The columns of a source that features may read, and their types."""
    return {name: sql.TYPES[source.columns[name].type] for name in source.kept_columns if name != ALWAYS}


def type_of(taken: sql.Taken, use_case: UseCase) -> str:
    """The type of a use of a window.

    Raises:
        BadExpression: it cannot be computed of the source's columns.
    """
    source = use_case.others[str(use_case.features.windows[taken.window].source)]
    return sql.bind(taken.over(sql.name(source.time)), sql.row_of_nulls(columns(source)))


def with_joined(
    rows: duckdb.DuckDBPyRelation,
    others: Mapping[str, duckdb.DuckDBPyRelation],
    use_case: UseCase,
    taken: Mapping[str, sql.Taken],
) -> duckdb.DuckDBPyRelation:
    """Rows with what other sources tell of them.

    Args:
        rows: Clean rows and their past, told apart by `#past`; of these nothing is told.
        others: The cleansed rows of each other source, by its name.
        use_case: The use case as its file states it.
        taken: See `Rewritten`.

    Returns:
        The same rows, in any order, with a column for each join and each use of a window.
    """
    if not use_case.features.joins and not taken:
        return rows
    key = sql.name(use_case.key)
    tables = [
        (name, _state(rows, others[join.source], join, name, use_case))
        for name, join in use_case.features.joins.items()
    ]
    windows = {one.window for one in taken.values()}
    for window in sorted(windows):
        spec = use_case.features.windows[window]
        uses = {name: one for name, one in taken.items() if one.window == window}
        table = _events(rows, others[str(spec.source)], spec, uses, use_case)
        tables += [(name, table) for name in uses]
    joins = " ".join(
        f'LEFT JOIN {table} ON NOT rows."#past" AND rows.{key} = {table}.{key}'
        for table in dict.fromkeys(table for _, table in tables)
    )
    told = ", ".join(f"{table}.{sql.name(name)}" for name, table in tables)
    return sql.select(rows, "rows", f"SELECT rows.*, {told} FROM rows {joins}")


def _interval(duration: timedelta) -> str:
    return f"to_microseconds({duration // timedelta(microseconds=1)})"


def _state(
    rows: duckdb.DuckDBPyRelation, other: duckdb.DuckDBPyRelation, join: Join, name: str, use_case: UseCase
) -> str:
    """The name of a new table: each clean row's key, and the state that is joined to it."""
    source = use_case.others[join.source]
    by, time, key = ", ".join(map(sql.name, join.by)), sql.name(source.time), sql.name(source.key)
    state = ", ".join(f"{sql.name(one)} := {sql.name(one)}" for one in columns(source))
    holds = ['"#state" IS NOT NULL']
    if join.within is not None:
        holds.append(f"own.{sql.name(use_case.time)} - states.{time} <= {_interval(join.within)}")
    if join.until is not None:
        until = f'"#state".{sql.name(join.until)}'
        holds.append(f"({until} IS NULL OR own.{sql.name(use_case.time)} < {until})")
    same = " AND ".join(f"own.{sql.name(one)} = states.{sql.name(one)}" for one in join.by)
    statement = f"""
        WITH own AS (SELECT {_own(join, use_case)} FROM {_view(rows)} WHERE NOT "#past"),
        every AS (SELECT {by}, {time}, {key}, {other_rows.known(source)} AS "{KNOWN}",
            struct_pack({state}) AS "#state" FROM {_view(other)}),
        newest AS (
            SELECT * FROM every QUALIFY {time} >= coalesce(max({time}) OVER (
                PARTITION BY {by} ORDER BY "{KNOWN}", {time} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), {time})
        ),
        states AS (
            SELECT * FROM newest
            QUALIFY row_number() OVER (PARTITION BY {by}, "{KNOWN}" ORDER BY {time} DESC, {key} DESC) = 1
        )
        SELECT own.{sql.name(use_case.key)},
            CASE WHEN {" AND ".join(holds)} THEN "#state" END AS {sql.name(name)}
        FROM own ASOF LEFT JOIN states ON {same} AND own.{sql.name(use_case.time)} >= states."{KNOWN}" """
    return _new_table(rows, statement)


def _events(
    rows: duckdb.DuckDBPyRelation,
    other: duckdb.DuckDBPyRelation,
    window: Window,
    uses: Mapping[str, sql.Taken],
    use_case: UseCase,
) -> str:
    """The name of a new table: each clean row's key, and each use of a window over another source's rows."""
    source = use_case.others[str(window.source)]
    time, key, ours = sql.name(source.time), sql.name(source.key), sql.name(use_case.time)
    until, own_key = max(window.until, timedelta(microseconds=1)), sql.name(use_case.key)
    same = " AND ".join(f"own.{sql.name(one)} = events.{sql.name(one)}" for one in window.by)
    theirs = ", ".join(f"events.{sql.name(one)}" for one in columns(source))
    # Where rows are corrected, each counts as it was last known then.
    last = f"""QUALIFY row_number() OVER (
        PARTITION BY own.{own_key}, events.{key}, events.{time} ORDER BY "{KNOWN}" DESC) = 1"""
    in_time = f"{time}, {key}"
    computed = ", ".join(
        f"{one.over(None if _is_exact(one, source) else in_time)} AS {sql.name(name)}"
        for name, one in uses.items()
    )
    told = ", ".join(
        f'if(found."#own" IS NULL, nothing.{name}, found.{name}) AS {name}' for name in map(sql.name, uses)
    )
    statement = f"""
        WITH own AS (SELECT {_own(window, use_case)} FROM {_view(rows)} WHERE NOT "#past"),
        events AS (SELECT *, {other_rows.known(source)} AS "{KNOWN}" FROM {_view(other)}),
        held AS (
            SELECT own.{own_key} AS "#own", {theirs} FROM own JOIN events ON {same}
                AND events.{time} >= own.{ours} - {_interval(window.since)}
                AND events.{time} <= own.{ours} - {_interval(until)}
                AND events."{KNOWN}" <= own.{ours}
            {last if source.available_at else ""}
        ),
        found AS (SELECT "#own", {computed} FROM held GROUP BY "#own"),
        nothing AS (SELECT {computed} FROM held WHERE false)
        SELECT own.{own_key}, {told}
        FROM own LEFT JOIN found ON own.{own_key} = found."#own" CROSS JOIN nothing"""
    return _new_table(rows, statement)


def _is_exact(one: sql.Taken, source: OtherSource) -> bool:
    return is_exact(one.function, one.arguments, columns(source))


def _own(one: Join | Window, use_case: UseCase) -> str:
    names = dict.fromkeys((use_case.key, use_case.time, *one.by))
    return ", ".join(map(sql.name, names))


def _view(rows: duckdb.DuckDBPyRelation) -> str:
    """The name of a new view of a relation, by which a statement can read it beside others."""
    name = f"rows {uuid4().hex}"
    rows.create_view(name)
    return sql.name(name)


def _new_table(rows: duckdb.DuckDBPyRelation, statement: str) -> str:
    table = sql.name(f"joined {uuid4().hex}")
    rows.query("rows", f"CREATE TEMP TABLE {table} AS {statement}")
    return table


# --- checks


def known_columns(use_case: UseCase) -> list[str]:
    """The columns of joins as features write them: `<join>.<column>`."""
    return [
        f"{name}.{column}"
        for name, join in use_case.features.joins.items()
        for column in columns(use_case.sources[join.source])
    ]


def mistakes(aggregate: sql.Aggregate, use_case: UseCase) -> list[str]:
    """What is wrong with a use of a window over another source's rows, but for its types."""
    from pipelines.core.errors import did_you_mean

    name = str(use_case.features.windows[aggregate.window].source)
    there = columns(use_case.sources[name])
    found = [
        f"{column!r} over {aggregate.window}: the rows of {name} have no such column;"
        f" {did_you_mean(column, there)}"
        for column in sorted(aggregate.columns)
        if column not in there
    ]
    if aggregate.function == "nth_value":
        found.append(
            f"nth_value() over {aggregate.window}: not of another source's rows; use first_value, last_value"
            " or an aggregate"
        )
    return found
