"""What another source's row says at a moment: the newest that was known by then, by DuckDB's ASOF JOIN.

Where each row is known as long after its time as any other, the newest that is known is the last by time. So
the join looks for times alone, and only what it has found is joined with the rows themselves, of which the
one with the last key counts where several have that time: to sort all rows' values, or to look for such rows
among all of them, takes twice as long.

Where each row says itself when it is known, rows that were known only after a newer one are left out before
the join. That leaves one order, by when they are known; of rows of one time the one that was known last is
the state, since it corrects the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.core import other_rows, sql
from pipelines.core.other_rows import KNOWN
from pipelines.core.windows import new_table

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase
    from pipelines.core.config.features import Join
    from pipelines.core.config.other_source import OtherSource


def joined(
    rows: duckdb.DuckDBPyRelation,
    other: duckdb.DuckDBPyRelation,
    name: str,
    fields: Sequence[str],
    use_case: UseCase,
) -> str:
    """Join the states of another source to rows.

    Args:
        rows: Clean rows and their past, told apart by `#past`; of these nothing is told.
        other: The cleansed rows of the other source.
        name: Which of `features.joins`.
        fields: The columns that a state has.
        use_case: The use case.

    Returns:
        The name of a new table: the keys of rows for which there is a state, and the state, under the join's
        name, or null where it holds no more.
    """
    join = use_case.features.joins[name]
    source = use_case.others[join.source]
    own, states = other_rows.asking(rows, join.by, use_case), sql.view(other)
    found = _corrected(join, source, states) if source.available_at else _last(join, source, states)
    state = ", ".join(f"{sql.name(field)} := state.{sql.name(field)}" for field in fields)
    statement = f"""
        WITH own AS ({own}), {found}
        SELECT "#own" AS {sql.name(use_case.key)},
            CASE WHEN {_holds(join, source)} THEN struct_pack({state}) END AS {sql.name(name)}
        FROM state"""
    return new_table(rows, statement)


def _last(join: Join, source: OtherSource, states: str) -> str:
    """The states of a source whose rows are all known as long after their times."""
    by, time, key = ", ".join(map(sql.name, join.by)), sql.name(source.time), sql.name(source.key)
    return f"""
        known AS (SELECT {by}, {time}, {other_rows.known(source)} AS "{KNOWN}" FROM {states}),
        newest AS (
            SELECT own."#own", own."#at", {", ".join(f"own.{sql.name(one)}" for one in join.by)}, known.{time}
            FROM own ASOF JOIN known ON {other_rows.same("own", "known", join.by)}
                AND own."#at" >= known."{KNOWN}"
        ),
        state AS (
            SELECT newest."#own", newest."#at", states.* FROM newest JOIN {states} AS states
                ON {other_rows.same("newest", "states", [*join.by, source.time])}
            QUALIFY row_number() OVER (PARTITION BY newest."#own" ORDER BY states.{key} DESC) = 1
        )"""


def _corrected(join: Join, source: OtherSource, states: str) -> str:
    """The states of a source whose rows say when each of them is known."""
    by, time, key = ", ".join(map(sql.name, join.by)), sql.name(source.time), sql.name(source.key)
    return f"""
        newest AS (
            SELECT *, {other_rows.known(source)} AS "{KNOWN}" FROM {states}
            QUALIFY {time} >= coalesce(max({time}) OVER (
                PARTITION BY {by} ORDER BY "{KNOWN}", {time} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), {time})
        ),
        known AS (
            SELECT * FROM newest
            QUALIFY row_number() OVER (PARTITION BY {by}, "{KNOWN}" ORDER BY {time} DESC, {key} DESC) = 1
        ),
        state AS (
            SELECT own."#own", own."#at", known.* FROM own ASOF JOIN known
                ON {other_rows.same("own", "known", join.by)} AND own."#at" >= known."{KNOWN}"
        )"""


def _holds(join: Join, source: OtherSource) -> str:
    """SQL of whether a state that is found holds at the row's moment."""
    holds = ["true"]
    if join.within is not None:
        within = other_rows.interval(join.within)
        holds.append(f'state."#at" - state.{sql.name(source.time)} <= {within}')
    if join.until is not None:
        until = f"state.{sql.name(join.until)}"
        holds.append(f'({until} IS NULL OR state."#at" < {until})')
    return " AND ".join(holds)
