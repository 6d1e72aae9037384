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

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple
from uuid import uuid4

import duckdb

from pipelines.core import copies, repair, sql
from pipelines.core.config import Column, UseCase, limit_text
from pipelines.core.errors import BadUseCase, SluiceError

# rows that are judged once and kept; more are judged each time they are read, which takes less than keeping
# them
_FEW = 200_000


@dataclass(frozen=True)
class Rule:
    """What a good row fulfils."""

    reason: str
    columns: tuple[str, ...]  # whose raw values are shown when it is broken
    broken: str  # SQL over the repaired columns: true for a bad row, never null
    by_night: str | None = (
        None  # where it reads what is hidden at night: the column that says whether the row breaks it then
    )

    @property
    def ever_broken(self) -> str:
        """SQL of whether a row breaks it, by what is known of it now or on its own night."""
        return f"({self.broken} OR {self.by_night})" if self.by_night else self.broken


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
    with _told(use_case):
        rules = _rules(use_case)
        dealt = _dealt(raw, use_case, rules)
        clean, bad = _clean(use_case, dealt), _quarantine(use_case, rules, partition, dealt)
        further = (
            f"SELECT {_shown_columns(use_case)} FROM {copies.numbered(use_case, dealt.suspects)} WHERE"
            f" {copies.FURTHER}"
        )
        _require_whole(raw, use_case, clean, bad)
    return Cleansed(
        _ordered(raw, clean, use_case),
        sql.select(raw, "raw", f'{bad} ORDER BY "key", "row"'),
        _ordered(raw, further, use_case),
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
    with _told(use_case):
        dealt = _dealt(raw, use_case, _rules(use_case))
        key, columns = sql.name(use_case.key), _shown_columns(use_case)
        numbered = copies.numbered(use_case, dealt.suspects)
        fed = f"""
            SELECT {columns} FROM {dealt.judged} ANTI JOIN {dealt.twice} USING ({key}) WHERE "#fed"
            UNION ALL SELECT {columns} FROM {numbered} WHERE {copies.FED} AND {key} IN (FROM {dealt.twice})"""
        aside = f"""
            SELECT "#day" AS "day",
                NOT "#fed" OR {copies.rejected(use_case, '"#differs by night"')} AS "rejected"
            FROM {numbered} WHERE NOT ({copies.FED})"""
        _require_whole(raw, use_case, fed, aside)
    return Fed(_ordered(raw, fed, use_case), sql.select(raw, "raw", f'{aside} ORDER BY "day", "rejected"'))


@contextmanager
def _told(use_case: UseCase) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, sql.BadExpression) as error:
        raise BadUseCase(
            f"{use_case.name}: cleanse cannot be carried out: {sql.reason(error)}\n  way out: python -m"
            f" pipelines check {use_case.name}"
        ) from error


def _require_whole(raw: duckdb.DuckDBPyRelation, use_case: UseCase, good: str, aside: str) -> None:
    """Make sure that every row comes out once."""
    counts = (
        f"SELECT (SELECT count(*) FROM raw), (SELECT count(*) FROM ({good})), (SELECT count(*) FROM"
        f" ({aside}))"
    )
    ((given, kept, put_aside),) = sql.select(raw, "raw", counts).fetchall()
    if kept + put_aside != given:
        raise SluiceError(
            f"{use_case.name}: cleanse was given {given:,} rows and gave {kept:,} clean ones and"
            f" {put_aside:,} for quarantine: nothing is published"
        )


def _ordered(raw: duckdb.DuckDBPyRelation, rows: str, use_case: UseCase) -> duckdb.DuckDBPyRelation:
    return sql.select(raw, "raw", f"{rows} ORDER BY {sql.name(use_case.time)}, {sql.name(use_case.key)}")


def keyed(raw: duckdb.DuckDBPyRelation, use_case: UseCase) -> duckdb.DuckDBPyRelation:
    """Raw rows with a further column `#key`: the repaired key as text, or the raw one where that is none.

    As quarantine has it.
    """
    return sql.select(
        raw,
        "raw",
        f'SELECT raw.*, {repair.key_text(repair.repaired_key(use_case), "raw", use_case)} AS "#key" FROM raw',
    )


# --- judgement


def _rules(use_case: UseCase) -> list[Rule]:
    """Every rule that a good row fulfils, in the order in which reasons are told."""
    rules = [
        Rule(f"{column}: {what}", (column,), f"coalesce({broken}, false)")
        for column in use_case.kept_columns
        for what, broken in _broken(column, use_case).items()
    ]
    for n, (reason, condition) in enumerate(use_case.cleanse.rules.items()):
        columns = tuple(sorted(sql.allowed(condition).columns))
        by_night = None if set(columns).isdisjoint(use_case.hidden_at_night) else f'"#broken by night {n}"'
        rules.append(Rule(reason, columns, f"TRY((\n{condition}\n) IS NOT FALSE) IS NOT TRUE", by_night))
    return rules


def _broken(column: str, use_case: UseCase) -> dict[str, str]:
    """What can be wrong with one column: in words, and as SQL."""
    spec, value = use_case.columns[column], sql.name(column)
    must_be_there = spec.required or column in (use_case.key, use_case.time, *use_case.cleanse.drop)
    broken = {}
    if must_be_there and column != use_case.target:
        broken["missing"] = f"{value} IS NULL"
    if allowed := _allowed(column, use_case):
        broken["not allowed"] = f"{value} NOT IN ({', '.join(allowed)})"
    if spec.min is not None:
        broken[f"below {limit_text(spec.min)}"] = f"{value} < {_limit(spec.min, spec)}"
    if spec.max is not None:
        broken[f"above {limit_text(spec.max)}"] = f"{value} > {_limit(spec.max, spec)}"
    return broken


def beyond(low: float | date, high: float | date) -> bool:
    """Whether no value lies between two limits of the same column."""
    if isinstance(low, date) and isinstance(high, date):
        return low.isoformat() > high.isoformat()  # a day is before each of its moments
    return low > high  # type: ignore[operator]


def _limit(limit: float | date, column: Column) -> str:
    """SQL of a limit: of whole numbers a whole one, since DuckDB would compare them with a double as doubles,
    rounded.
    """
    if isinstance(limit, date):
        return f"{sql.TYPES[column.type]} {sql.text(limit.isoformat())}"
    return str(int(limit)) if column.type == "integer" and limit == int(limit) else repr(limit)


def _allowed(column: str, use_case: UseCase) -> list[str]:
    """The values that may occur, as literals; none, if any may.

    A binary label is the positive value or an allowed one.
    """
    spec = use_case.columns[column]
    values = list(spec.allowed or ())
    if column == use_case.target and use_case.label.positive is not None:
        values.append(use_case.label.positive)
    return [sql.literal(value, sql.TYPES[spec.type]) for value in values]


@dataclass(frozen=True)
class _Dealt:
    """SQL of the judged rows, of the suspects among them in the order of their delivery (`#n`), and of the
    keys that several rows bear.
    """

    judged: str
    suspects: str
    twice: str


def _judged(use_case: UseCase, rules: list[Rule], *, numbered: bool) -> str:
    """Repaired columns, `#raw` (the whole raw row), `#day`, `#n`, `#reasons` ('' for a good row), and `#fed`
    and `shown` (see `copies`).
    """
    tidied = ", ".join(
        f"{repair.tidy_column(column, use_case)} AS {sql.name(column)}" for column in use_case.kept_columns
    )
    repaired = ", ".join(
        f"{repair.repaired(column, sql.name(column), use_case)} AS {sql.name(column)}"
        for column in use_case.kept_columns
    )
    reasons = ", ".join(f"CASE WHEN {rule.ever_broken} THEN {sql.text(rule.reason)} END" for rule in rules)
    # The schema's own word on a label holds for a hidden one.
    asked = (
        rule.by_night or (rule.broken if set(rule.columns).isdisjoint(use_case.hidden_at_night) else None)
        for rule in rules
    )
    by_night = list(filter(None, asked))
    shown = ", ".join(
        f"NOT ({' OR '.join(rule.broken for rule in rules if column in rule.columns) or 'false'}) AS"
        f" {copies.shown(column)}"
        for column in use_case.hidden_at_night
    )
    return f"""
        WITH tidied AS (
            SELECT raw AS "#raw",
                CAST(raw.{sql.name(use_case.source_names[use_case.time])} AS DATE) AS "#day",
                {"row_number() OVER ()" if numbered else "0"} AS "#n", {tidied} FROM raw
        ),
        repaired AS (SELECT "#raw", "#day", "#n", {repaired} FROM tidied),
        blind AS ({_blind(use_case, [rule for rule in rules if rule.by_night])})
        SELECT *, concat_ws('; ', {reasons}) AS "#reasons", NOT ({" OR ".join(by_night)}) AS "#fed",
            {shown} FROM blind"""


def _blind(use_case: UseCase, hiding: list[Rule]) -> str:
    """SQL of the repaired rows, and of whether they break rules that read what is hidden at night, as they
    are judged while it is.
    """
    if not hiding:
        return "FROM repaired"
    columns = {sql.name(column): sql.name(f"#{column}") for column in use_case.hidden_at_night}
    types = [sql.TYPES[use_case.columns[column].type] for column in use_case.hidden_at_night]
    nulls = ", ".join(
        f"CAST(NULL AS {type_}) AS {column}" for column, type_ in zip(columns, types, strict=True)
    )
    kept = ", ".join(f"{column} AS {aside}" for column, aside in columns.items())
    broken = ", ".join(f"{rule.broken} AS {rule.by_night}" for rule in hiding)
    seen = f"SELECT *, {broken} FROM (SELECT * REPLACE ({nulls}), {kept} FROM repaired)"
    back = ", ".join(f"{aside} AS {column}" for column, aside in columns.items())
    return f"SELECT * EXCLUDE ({', '.join(columns.values())}) REPLACE ({back}) FROM ({seen})"


def _dealt(raw: duckdb.DuckDBPyRelation, use_case: UseCase, rules: list[Rule]) -> _Dealt:
    table, suspects, twice = (sql.name(f"{what} {uuid4().hex}") for what in ("judged", "suspects", "twice"))
    statement, key = _judged(use_case, rules, numbered=False), sql.name(use_case.key)
    # Suspects are bad rows, and those whose key others bear, too: few, so that only these are put in order
    # and told in JSON.
    suspect = f"""WHERE "#reasons" <> '' OR NOT "#fed" OR {key} IN (FROM {twice})"""
    ((rows,),) = raw.count("*").fetchall()
    if rows <= _FEW:
        # DuckDB keeps a table's rows in the order in which they came.
        raw.query("raw", f"CREATE TEMP TABLE {table} AS {statement}")
        raw.query("raw", f"CREATE TEMP TABLE {twice} AS {_twice(key, table)}")
        return _Dealt(table, f'(SELECT * REPLACE (rowid AS "#n") FROM {table} {suspect})', twice)
    keys = f"(SELECT {repair.repaired_key(use_case)} AS {key} FROM raw)"
    raw.query("raw", f"CREATE TEMP TABLE {twice} AS {_twice(key, keys)}")
    ((copied,),) = sql.select(raw, "raw", f"SELECT count(*) FROM {twice}").fetchall()
    # Rows are numbered on one thread: only where there are copies.
    found = f"SELECT * FROM ({_judged(use_case, rules, numbered=copied > 0)}) {suspect}"
    raw.query("raw", f'CREATE TEMP TABLE {suspects} AS SELECT unnest("#raw") FROM ({found}) ORDER BY "#n"')
    again = f"(WITH raw AS (FROM {suspects}) SELECT * FROM ({_judged(use_case, rules, numbered=True)}))"
    return _Dealt(f"({statement})", again, twice)


def _twice(key: str, rows: str) -> str:
    return f"SELECT {key} FROM {rows} WHERE {key} IS NOT NULL GROUP BY {key} HAVING count(*) > 1"


# --- the two tables


def _clean(use_case: UseCase, dealt: _Dealt) -> str:
    """Good rows that alone bear their key, and of those that share one the one to keep."""
    columns, key = _columns(use_case), sql.name(use_case.key)
    return f"""
        SELECT {columns} FROM {dealt.judged} ANTI JOIN {dealt.twice} USING ({key}) WHERE "#reasons" = ''
        UNION ALL SELECT {columns} FROM {copies.numbered(use_case, dealt.suspects)} WHERE {copies.CLEAN}
            AND {key} IN (FROM {dealt.twice})"""


def _columns(use_case: UseCase) -> str:
    """SQL of the columns of clean rows."""
    return ", ".join(f"{_value(column, use_case)} AS {sql.name(column)}" for column in use_case.kept_columns)


def _shown_columns(use_case: UseCase) -> str:
    """The same of rows that feed windows, whose label and late columns are there only where no rule is broken
    by them.
    """
    hidden = use_case.hidden_at_night
    values = {column: _value(column, use_case) for column in use_case.kept_columns}
    values |= {column: f"CASE WHEN {copies.shown(column)} THEN {values[column]} END" for column in hidden}
    return ", ".join(f"{value} AS {sql.name(column)}" for column, value in values.items())


def _value(column: str, use_case: UseCase) -> str:
    """SQL of a column's value in clean, of its repaired one: a label is a number."""
    if column != use_case.target:
        return sql.name(column)
    if use_case.task != "binary":
        return f"CAST({sql.name(column)} AS DOUBLE)"
    positive = sql.literal(use_case.label.positive, sql.TYPES[use_case.columns[column].type])
    return f"CAST({sql.name(column)} = {positive} AS BIGINT)"


def _quarantine(use_case: UseCase, rules: list[Rule], partition: date, dealt: _Dealt) -> str:
    """Bad rows, and of good rows that share a key those not to keep."""
    # At fault are a broken rule's columns, and the key of a row that is bad for nothing but being a copy.
    faults = [
        *(replace(rule, broken=rule.ever_broken) for rule in rules),
        Rule("duplicate", (use_case.key,), "\"#reasons\" = ''"),
    ]
    found = ", ".join(
        f"""CASE WHEN {" OR ".join(broken)}
            THEN {sql.text(f'"{column}": ')}
                || coalesce(CAST("#row" -> {_pointer(column, use_case)} AS VARCHAR), 'null') END"""
        for column in use_case.kept_columns
        if (broken := [f"({rule.broken})" for rule in faults if column in rule.columns])
    )
    return f"""
        WITH suspects AS (FROM {copies.numbered(use_case, dealt.suspects)}),
        aside AS (FROM suspects WHERE NOT ({copies.CLEAN})),
        told AS (SELECT *, to_json("#raw") AS "#row" FROM aside)
        SELECT {repair.key_text(sql.name(use_case.key), '"#raw"', use_case)} AS "key",
            DATE '{partition}' AS "partition",
            CASE WHEN "#reasons" <> '' THEN "#reasons" ELSE {copies.reason('"#differs"')} END AS "reasons",
            '{{' || concat_ws(', ', {found}) || '}}' AS "found",
            "#reasons" <> '' OR {copies.rejected(use_case, '"#differs"')} AS "rejected",
            CAST("#row" AS VARCHAR) AS "row"
        FROM told"""


def _pointer(column: str, use_case: UseCase) -> str:
    """Where a column stands in `#row`, as a JSON pointer."""
    return sql.text("/" + use_case.source_names[column].replace("~", "~0").replace("/", "~1"))
