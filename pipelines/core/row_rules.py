"""The judgement on each row, as SQL: which rules it breaks, by what is known now or was on its own night."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb

from pipelines.core import copies, repair, sql
from pipelines.core.config import Column, limit_text
from pipelines.core.config.rows import Rows
from pipelines.core.errors import BadUseCase


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


@contextmanager
def explaining(where: str) -> Iterator[None]:
    """Tell what the file says that cannot be carried out.

    Raises:
        BadUseCase: SQL of the file cannot be computed.
    """
    try:
        yield
    except (duckdb.Error, sql.BadExpression) as error:
        raise BadUseCase(
            f"cleanse cannot be carried out: {sql.reason(error)}",
            where=where,
            fix=f"python -m pipelines check {where.partition(',')[0]}",
        ) from error


def rules(use_case: Rows) -> list[Rule]:
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


def _broken(column: str, use_case: Rows) -> dict[str, str]:
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


def _allowed(column: str, use_case: Rows) -> list[str]:
    """The values that may occur, as literals; none, if any may.

    A binary label is the positive value or an allowed one; of a boolean both are.
    """
    spec = use_case.columns[column]
    values = list(spec.allowed or ())
    if column == use_case.target and use_case.positive is not None and spec.type != "boolean":
        values.append(use_case.positive)
    return [sql.literal(value, sql.TYPES[spec.type]) for value in values]


def judged(use_case: Rows, rules: list[Rule], rows: str = "raw", *, numbered: bool) -> str:
    """SQL of repaired rows and of what is said of them.

    Args:
        use_case: Its schema and its `cleanse`.
        rules: See `rules`.
        rows: SQL of the raw rows.
        numbered: Whether they are wanted with their numbers.

    Returns:
        Repaired columns, `#raw` (the whole raw row), `#day`, `#n`, `#reasons` ('' for a good row), and `#fed`
        and `shown` (see `copies`).
    """
    hiding, time = [rule for rule in rules if rule.by_night], sql.name(use_case.source_names[use_case.time])
    # The schema's own word on a label holds for a hidden one.
    asked = (
        rule.by_night or (rule.broken if set(rule.columns).isdisjoint(use_case.hidden_at_night) else None)
        for rule in rules
    )
    return f"""
        WITH tidied AS (
            SELECT raw AS "#raw", {use_case.calendar.of_sql(f"raw.{time}")} AS "#day",
                {"row_number() OVER ()" if numbered else "0"} AS "#n", {_tidied(use_case)}
            FROM {rows} AS raw
        ),
        repaired AS (SELECT "#raw", "#day", "#n", {_repaired(use_case)} FROM tidied),
        {_blind(use_case, hiding) if hiding else "blind AS (FROM repaired)"}
        SELECT *, concat_ws('; ', {_reasons(rules)}) AS "#reasons",
            NOT ({" OR ".join(filter(None, asked))}) AS "#fed",
            {_shown(use_case, rules)}
        FROM blind"""


def _tidied(use_case: Rows) -> str:
    return ", ".join(
        f"{repair.tidy_column(column, use_case)} AS {sql.name(column)}" for column in use_case.kept_columns
    )


def _repaired(use_case: Rows) -> str:
    return ", ".join(
        f"{repair.repaired_value(column, sql.name(column), use_case)} AS {sql.name(column)}"
        for column in use_case.kept_columns
    )


def _reasons(rules: list[Rule]) -> str:
    return ", ".join(f"CASE WHEN {rule.ever_broken} THEN {sql.text(rule.reason)} END" for rule in rules)


def _shown(use_case: Rows, rules: list[Rule]) -> str:
    """Whether windows may see a hidden column: where no rule is broken by it."""
    return ", ".join(
        f"NOT ({' OR '.join(rule.broken for rule in rules if column in rule.columns) or 'false'}) AS"
        f" {copies.is_shown(column)}"
        for column in use_case.hidden_at_night
    )


def _blind(use_case: Rows, hiding: list[Rule]) -> str:
    """SQL of the repaired rows, and of whether they break rules that read what is hidden at night, as they
    are judged while it is.
    """
    aside = {sql.name(column): sql.name(f"#{column}") for column in use_case.hidden_at_night}
    types = [sql.TYPES[use_case.columns[column].type] for column in use_case.hidden_at_night]
    nulls = ", ".join(
        f"CAST(NULL AS {type_}) AS {column}" for column, type_ in zip(aside, types, strict=True)
    )
    kept = ", ".join(f"{column} AS {name}" for column, name in aside.items())
    broken = ", ".join(f"{rule.broken} AS {rule.by_night}" for rule in hiding)
    back = ", ".join(f"{name} AS {column}" for column, name in aside.items())
    return f"""hidden AS (SELECT * REPLACE ({nulls}), {kept} FROM repaired),
        asked AS (SELECT *, {broken} FROM hidden),
        blind AS (SELECT * EXCLUDE ({", ".join(aside.values())}) REPLACE ({back}) FROM asked)"""
