"""Cleansing: repairs within a row, then a judgement on each row. Nothing is learned from other rows here.

Repairs, in order: rename, trim, lower, codes for missing -> null, spellings merged, fill. Types are ingest's
work. Judged are the repaired values. A row that breaks a rule goes to quarantine, with every rule that it
breaks, so that rows in = rows clean + rows in quarantine. What is decided where the file leaves it open:

- Codes and spellings are trimmed and lowered like the values with which they are compared.
- NaN is a missing value, as in pandas; infinity is a number (features take it for missing, `min` and `max`
  judge it).
- An empty string stays a value unless '' is among its column's codes.
- A `rules` condition that is null counts as fulfilled, as in SQL's CHECK: whether a value may be missing is
  said by `required` and `drop`. A condition that cannot be computed for a row is not fulfilled.
- A missing label sends no row to quarantine: scoring has no labels yet, and a row counts in others' windows
  either way. What a rule that reads it puts aside while it is missing stays aside: no training learns from
  what no night has scored. `drop: [<label>]` leaves such rows out of training (`pipelines.core.split`).

Rows of one key are copies. What becomes of them, and which rows feed windows, is decided in
`pipelines.core.copies`.

Most rows are good and alone bear their key. Of a large table these stream from raw to clean, and only the
sort holds them; so the raw relation is read several times. What costs more, JSON and the order among copies,
is for the few others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple
from uuid import uuid4

import duckdb

from pipelines.core import copies, repair, row_rules, sql
from pipelines.core.calendar import literal
from pipelines.core.config import UseCase
from pipelines.core.errors import OURS, SluiceError
from pipelines.core.row_rules import Rule

# rows that are judged once and kept; more are judged each time they are read, which takes less than keeping
# them
_FEW = 200_000


class Cleansed(NamedTuple):
    """What has become of raw rows.

    Attributes:
        clean: `use_case.kept_columns`, typed, in order of (time, key). A binary label is 0 or 1.
        quarantine: `key` (as text; see `keyed`), `partition`, `reasons` (joined by '; '), `found` (JSON: the
            raw values at fault), `rejected` (false for a surplus copy that is expected), `row` (JSON: the
            whole raw row).
        further: Like `clean`: rows that feed windows all the same, see `copies`; at night there are none.
    """

    clean: duckdb.DuckDBPyRelation
    quarantine: duckdb.DuckDBPyRelation
    further: duckdb.DuckDBPyRelation


class Fed(NamedTuple):
    """What raw rows of earlier days leave to windows.

    Attributes:
        rows: Like `Cleansed.clean`: the rows that feed windows, each key once a day.
        aside: `day`, `rejected`: the other rows, one each, as their own night counted them.
    """

    rows: duckdb.DuckDBPyRelation
    aside: duckdb.DuckDBPyRelation


def cleanse(raw: duckdb.DuckDBPyRelation, use_case: UseCase, partition: date) -> Cleansed:
    """Repair and judge raw rows; see the module's text for the decisions.

    Args:
        raw: the schema's columns, under the source's names, each of its declared type; rows of the same time
            and key in the order in which they were delivered.
        use_case: its schema and its `cleanse`.
        partition: whose rows they are; every row in quarantine says so.

    Raises:
        BadUseCase: a rule or value of the file cannot be used on these columns.
        SluiceError: not every row came out once.
    """
    with row_rules.explaining(use_case.name):
        rules = row_rules.rules(use_case)
        dealt = _dealt(raw, use_case, rules)
        clean, bad = _clean(use_case, dealt), _quarantine(use_case, rules, partition, dealt)
        further = f"""
            WITH numbered AS ({copies.with_numbers(use_case, dealt.suspects)})
            SELECT {_shown_columns(use_case)} FROM numbered WHERE {copies.FURTHER}"""
        _require_whole(raw, use_case, clean, bad)
    return Cleansed(
        _in_order(raw, clean, use_case),
        sql.select(raw, "raw", f'{bad} ORDER BY "key", "row"'),
        _in_order(raw, further, use_case),
    )


def feeding(raw: duckdb.DuckDBPyRelation, use_case: UseCase) -> Fed:
    """Raw rows of earlier days -> those that feed windows: what each day's own night let through, with the
    labels known since.

    Args:
        raw: see `cleanse`.
        use_case: its schema and its `cleanse`.

    Raises:
        See `cleanse`.
    """
    with row_rules.explaining(use_case.name):
        dealt = _dealt(raw, use_case, row_rules.rules(use_case))
        fed = _with_copies(use_case, dealt, _shown_columns(use_case), alone='"#fed"', copy=copies.FED)
        aside = f"""
            WITH numbered AS ({copies.with_numbers(use_case, dealt.suspects)})
            SELECT "#day" AS "day",
                NOT "#fed" OR {copies.is_rejected(use_case, '"#differs by night"')} AS "rejected"
            FROM numbered WHERE NOT ({copies.FED})"""
        _require_whole(raw, use_case, fed, aside)
    return Fed(_in_order(raw, fed, use_case), sql.select(raw, "raw", f'{aside} ORDER BY "day", "rejected"'))


def _require_whole(raw: duckdb.DuckDBPyRelation, use_case: UseCase, good: str, aside: str) -> None:
    """Make sure that every row comes out once."""
    counts = f"""
        WITH good AS ({good}), aside AS ({aside})
        SELECT (SELECT count(*) FROM raw), (SELECT count(*) FROM good), (SELECT count(*) FROM aside)"""
    ((given, kept, put_aside),) = sql.select(raw, "raw", counts).fetchall()
    if kept + put_aside != given:
        raise SluiceError(
            f"cleanse was given {given:,} rows and gave {kept:,} clean ones and {put_aside:,} for"
            " quarantine: nothing is published",
            where=use_case.name,
            fix=OURS,
        )


def _in_order(raw: duckdb.DuckDBPyRelation, rows: str, use_case: UseCase) -> duckdb.DuckDBPyRelation:
    return sql.select(raw, "raw", f"{rows} ORDER BY {sql.name(use_case.time)}, {sql.name(use_case.key)}")


def with_key(raw: duckdb.DuckDBPyRelation, use_case: UseCase) -> duckdb.DuckDBPyRelation:
    """Raw rows with a further column `#key`: the repaired key as text, or the raw one where that is none.

    As quarantine has it.
    """
    return sql.select(
        raw,
        "raw",
        f'SELECT raw.*, {repair.key_text(repair.repaired_key(use_case), "raw", use_case)} AS "#key" FROM raw',
    )


# --- judgement


@dataclass(frozen=True)
class _Dealt:
    """SQL of the judged rows, of the suspects among them in the order of their delivery (`#n`), and of the
    keys that several rows bear.
    """

    judged: str
    suspects: str
    twice: str


def _dealt(raw: duckdb.DuckDBPyRelation, use_case: UseCase, rules: list[Rule]) -> _Dealt:
    table, suspects, twice = (sql.name(f"{what} {uuid4().hex}") for what in ("judged", "suspects", "twice"))
    judged, key = row_rules.judged(use_case, rules, numbered=False), sql.name(use_case.key)
    # Suspects are bad rows, and those whose key others bear, too: few, so that only these are put in order
    # and told in JSON.
    suspect = f"""WHERE "#reasons" <> '' OR NOT "#fed" OR {key} IN (FROM {twice})"""
    ((rows,),) = raw.count("*").fetchall()
    if rows <= _FEW:
        # DuckDB keeps a table's rows in the order in which they came.
        raw.query("raw", f"CREATE TEMP TABLE {table} AS {judged}")
        raw.query("raw", f"CREATE TEMP TABLE {twice} AS {_twice(key, table)}")
        return _Dealt(f"FROM {table}", f'SELECT * REPLACE (rowid AS "#n") FROM {table} {suspect}', twice)
    keys = f"(SELECT {repair.repaired_key(use_case)} AS {key} FROM raw)"
    raw.query("raw", f"CREATE TEMP TABLE {twice} AS {_twice(key, keys)}")
    ((copied,),) = sql.select(raw, "raw", f"SELECT count(*) FROM {twice}").fetchall()
    # Rows are numbered on one thread: only where there are copies.
    found = row_rules.judged(use_case, rules, numbered=copied > 0)
    raw.query(
        "raw",
        f"""CREATE TEMP TABLE {suspects} AS
        WITH judged AS ({found})
        SELECT unnest("#raw") FROM judged {suspect} ORDER BY "#n\"""",
    )
    return _Dealt(judged, row_rules.judged(use_case, rules, suspects, numbered=True), twice)


def _twice(key: str, rows: str) -> str:
    return f"SELECT {key} FROM {rows} WHERE {key} IS NOT NULL GROUP BY {key} HAVING count(*) > 1"


# --- the two tables


def _clean(use_case: UseCase, dealt: _Dealt) -> str:
    """Good rows that alone bear their key, and of those that share one the one to keep."""
    return _with_copies(use_case, dealt, _columns(use_case), alone=copies.GOOD, copy=copies.CLEAN)


def _with_copies(use_case: UseCase, dealt: _Dealt, columns: str, *, alone: str, copy: str) -> str:
    """SQL of some columns of the rows that are taken: by one condition of those that alone bear their key, by
    another of those that share one.
    """
    key = sql.name(use_case.key)
    return f"""
        WITH judged AS ({dealt.judged}),
        numbered AS ({copies.with_numbers(use_case, dealt.suspects)}),
        single AS (SELECT {columns} FROM judged ANTI JOIN {dealt.twice} USING ({key}) WHERE {alone}),
        shared AS (SELECT {columns} FROM numbered WHERE {copy} AND {key} IN (FROM {dealt.twice}))
        SELECT * FROM single UNION ALL SELECT * FROM shared"""


def _columns(use_case: UseCase) -> str:
    """SQL of the columns of clean rows."""
    return ", ".join(f"{_value(column, use_case)} AS {sql.name(column)}" for column in use_case.kept_columns)


def _shown_columns(use_case: UseCase) -> str:
    """The same of rows that feed windows, whose label and late columns are there only where no rule is broken
    by them.
    """
    hidden = use_case.hidden_at_night
    values = {column: _value(column, use_case) for column in use_case.kept_columns}
    values |= {column: f"CASE WHEN {copies.is_shown(column)} THEN {values[column]} END" for column in hidden}
    return ", ".join(f"{value} AS {sql.name(column)}" for column, value in values.items())


def _value(column: str, use_case: UseCase) -> str:
    """SQL of a column's value in clean, of its repaired one: a label is a number."""
    if column != use_case.target:
        return sql.name(column)
    if not use_case.task.classes:
        return f"CAST({sql.name(column)} AS DOUBLE)"
    positive = sql.literal(use_case.label.positive, sql.TYPES[use_case.columns[column].type])
    return f"CAST({sql.name(column)} = {positive} AS BIGINT)"


def _quarantine(use_case: UseCase, rules: list[Rule], partition: date, dealt: _Dealt) -> str:
    """Bad rows, and of good rows that share a key those not to keep."""
    # At fault are a broken rule's columns, and the key of a row that is bad for nothing but being a copy.
    faults = [
        *(replace(rule, broken=rule.ever_broken) for rule in rules),
        Rule("duplicate", (use_case.key,), copies.GOOD),
    ]
    found = ", ".join(
        f"""CASE WHEN {" OR ".join(broken)}
            THEN {sql.text(f'"{column}": ')}
                || coalesce(CAST("#row" -> {_pointer(column, use_case)} AS VARCHAR), 'null') END"""
        for column in use_case.kept_columns
        if (broken := [f"({rule.broken})" for rule in faults if column in rule.columns])
    )
    return f"""
        WITH numbered AS ({copies.with_numbers(use_case, dealt.suspects)}),
        aside AS (FROM numbered WHERE NOT ({copies.CLEAN})),
        told AS (SELECT *, to_json("#raw") AS "#row" FROM aside)
        SELECT {repair.key_text(sql.name(use_case.key), '"#raw"', use_case)} AS "key",
            {literal(partition)} AS "partition",
            CASE WHEN "#reasons" <> '' THEN "#reasons" ELSE {copies.reason('"#differs"')} END AS "reasons",
            '{{' || concat_ws(', ', {found}) || '}}' AS "found",
            "#reasons" <> '' OR {copies.is_rejected(use_case, '"#differs"')} AS "rejected",
            CAST("#row" AS VARCHAR) AS "row"
        FROM told"""


def _pointer(column: str, use_case: UseCase) -> str:
    """Where a column stands in `#row`, as a JSON pointer."""
    return sql.text("/" + use_case.source_names[column].replace("~", "~0").replace("/", "~1"))
