"""Other sources than that of the rows that are predicted: read, repaired and judged like those, but for
copies.

Rows of one key and time (and `available_at`, where there is one) are copies. Of those that say the same one
is kept, and the others are expected; one that says something else is rejected, since nobody knows which of
both is true: a correction has an `available_at` of its own, or a later time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from pipelines.core import copies, dates, repair, row_rules, sql
from pipelines.core.config.other_source import ALWAYS

if TYPE_CHECKING:
    import duckdb

    from pipelines.core.config import UseCase
    from pipelines.core.config.other_source import OtherSource

KNOWN = "#known"  # when a row is known
EVER = datetime(dates.YEARS[0], 1, 2)


class Cleansed(NamedTuple):
    """What has become of a source's raw rows.

    Attributes:
        rows: Its kept columns, typed, in order of (time, key, available_at).
        aside: `key`, `reasons`, `rejected`, `row` (JSON: the whole raw row).
    """

    rows: duckdb.DuckDBPyRelation
    aside: duckdb.DuckDBPyRelation


def known(source: OtherSource) -> str:
    """SQL of when a row is known."""
    if source.available_at:
        return sql.name(source.available_at)
    return f"{sql.name(source.time)} + {interval(source.delay)}"


def interval(duration: timedelta) -> str:
    """SQL of a duration."""
    return f"to_microseconds({duration // timedelta(microseconds=1)})"


def columns(source: OtherSource) -> dict[str, str]:
    """The columns of a source that features may read, and their types."""
    return {name: sql.TYPES[source.columns[name].type] for name in source.kept_columns if name != ALWAYS}


def asking(rows: duckdb.DuckDBPyRelation, by: Iterable[str], use_case: UseCase) -> str:
    """SQL of the clean rows for which something is asked: their key `#own`, their moment `#at`, and `by`."""
    key, time = sql.name(use_case.key), sql.name(use_case.time)
    names = ", ".join(map(sql.name, by))
    return f'SELECT {key} AS "#own", {time} AS "#at", {names} FROM {sql.view(rows)} WHERE NOT "#past"'


def same(one: str, other: str, by: Iterable[str]) -> str:
    """SQL of whether rows of two tables have the same values in some columns."""
    return " AND ".join(f"{one}.{sql.name(column)} = {other}.{sql.name(column)}" for column in by)


def asked(use_case: UseCase, name: str, days: dates.Days) -> dates.Days:
    """The partitions of a source that rows of some look at: as far as its joins and windows look back. Of
    rows that are predicted when their partition begins, a source of days is not asked for that.
    """
    features = use_case.features
    joins = [join.within for join in features.joins.values() if join.source == name]
    back = [window.since for window in features.windows.values() if window.source == name]
    calendar, begun = use_case.calendar, EVER
    if None not in joins:
        begun = calendar.start(days.first) - max(back + [within for within in joins if within is not None])
    of_days = use_case.others[name].source.has_days
    return calendar.span(calendar.of(begun), calendar.step(days.last, -int(use_case.ahead and of_days)))


def cleanse(raw: duckdb.DuckDBPyRelation, source: OtherSource, where: str) -> Cleansed:
    """Repair and judge a source's raw rows.

    Args:
        raw: the schema's columns, under the source's names, each of its declared type, in the order in which
            they were delivered.
        source: what is declared of them.
        where: how messages name it.

    Raises:
        BadUseCase: a rule or value of the file cannot be used on these columns.
    """
    table = sql.name(f"judged {uuid4().hex}")
    same = ", ".join(map(sql.name, filter(None, (source.key, source.time, source.available_at))))
    columns = ", ".join(map(sql.name, source.kept_columns))
    order = ", ".join(map(sql.name, filter(None, (source.time, source.key, source.available_at))))
    way = "DESC" if source.cleanse.duplicates == "last" else "ASC"
    with row_rules.explaining(where):
        rules = row_rules.rules(source)
        judged = row_rules.judged(source, rules, numbered=True)
        alike = f'PARTITION BY {same}, {copies.GOOD} ORDER BY "#n" {way}'
        raw.query(
            "raw",
            f"""CREATE TEMP TABLE {table} AS
            SELECT *, row_number() OVER alike AS "#copy",
                row({columns}) IS DISTINCT FROM first_value(row({columns})) OVER alike AS "#differs"
            FROM ({judged}) WINDOW alike AS ({alike})""",
        )
    kept = f'{copies.GOOD} AND "#copy" = 1'
    differs = '"#differs"'
    reasons = f'CASE WHEN {copies.GOOD} THEN {copies.reason(differs)} ELSE "#reasons" END'
    rejected = f"NOT ({copies.GOOD}) OR {copies.is_rejected(source, differs)}"
    aside = f"""
        SELECT {repair.key_text(sql.name(source.key), '"#raw"', source)} AS "key", {reasons} AS "reasons",
            {rejected} AS "rejected", CAST(to_json("#raw") AS VARCHAR) AS "row"
        FROM {table} WHERE NOT ({kept}) ORDER BY "key", "row" """
    return Cleansed(
        sql.select(raw, "raw", f"SELECT {columns} FROM {table} WHERE {kept} ORDER BY {order}"),
        sql.select(raw, "raw", aside),
    )
