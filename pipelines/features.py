"""Features: what a clean row and its past say, as one SQL text for training and scoring alike.

A window is a stretch of time, so a row's frame is the same in every partition that holds the stretch. Two things more are
needed for the same row to get the same bits everywhere, since a sum of floats depends on its order:

- Rows of the same moment are told apart by their key. RANGE takes one ORDER BY expression, so `#moment` is the time in
  microseconds times `_TIES`, plus the row's rank among the rows of that moment; the bounds are reckoned accordingly.
- Each frame is added up from its first row to its last (DuckDB's `separate` mode), instead of from the blocks of a tree
  whose seams depend on which other rows are in the table. With some hundred rows in a window that costs nothing; a
  window without `by` over all rows of a large table does cost (122,000 rows, 20,000 of them in each window: a minute).
"""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import duckdb

from pipelines import personal, sql
from pipelines.config import UseCase, Window
from pipelines.errors import BadInput, SluiceError, listed, meant

_TIES = 2**32  # more rows than any moment has
_MICROSECOND = timedelta(microseconds=1)
_NUMERIC = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
_REAL = ("FLOAT", "DOUBLE", "DECIMAL")


def compute(clean: duckdb.DuckDBPyRelation, past: duckdb.DuckDBPyRelation | None, use_case: UseCase) -> duckdb.DuckDBPyRelation:
    """Compute the features of clean rows.

    Args:
        clean: the rows to compute features for, as `cleanse` returns them.
        past: the rows before them, which only feed windows.
        use_case: its `features`.

    Returns:
        Key, time, target, the column of `split.folds.group` unless a feature bears its name, then
        `use_case.features.names`: numbers as FLOAT (null where not finite), categories and texts as VARCHAR ('' for
        null). In order of (time, key).

    Raises:
        BadInput: an expression cannot be computed for some row, such as a cast of a text that is no number.
        SluiceError: not every clean row came out once.
    """
    rows = _timed(clean, past, use_case)
    table = sql.name(f"features {uuid4().hex}")
    rows.query("rows", "SET debug_window_mode = 'separate'")
    try:
        # Computed once and kept, since the split's checks and the store both read it.
        rows.query("rows", f"CREATE TABLE {table} AS {_statement(use_case)}")
    except duckdb.Error as error:
        raise BadInput(
            f"{use_case.name}: features cannot be computed for every row\n"
            + listed(_failing(rows, use_case))
            + "\n  way out: make the expression fit every clean row, or send such rows to quarantine by cleanse.rules"
        ) from error
    finally:
        rows.query("rows", "RESET debug_window_mode")
    computed = sql.select(rows, "rows", f"SELECT * FROM {table} ORDER BY {sql.name(use_case.time)}, {sql.name(use_case.key)}")
    given, found = (relation.count("*").fetchall()[0][0] for relation in (clean, computed))
    if found != given:
        raise SluiceError(
            f"{use_case.name}: features were computed of {given:,} clean rows and came out for {found:,}: nothing is published"
        )
    return computed


def check(use_case: UseCase) -> list[tuple[str, str]]:
    """Find what is wrong with the features before there is data.

    Returns:
        Pairs of a place in the file (`features.numbers.amount`) and a sentence.
    """
    found = [
        (f"features.windows.{window}.by", sentence)
        for window, spec in use_case.features.windows.items()
        for sentence in _partition_mistakes(spec, use_case)
    ]
    if found:
        return found  # expressions cannot be bound over windows that are wrong
    for kind, expressions in _expressions(use_case).items():
        for feature, expression in expressions.items():
            where = f"features.{kind}.{feature}"
            if feature in (use_case.key, use_case.time, use_case.target):
                found.append((where, f"{feature!r} is already the name of the key, the time or the label; choose another"))
            found += [(where, sentence) for sentence in _expression_mistakes(kind, expression, use_case)]
    return found


# --- SQL


def _timed(clean: duckdb.DuckDBPyRelation, past: duckdb.DuckDBPyRelation | None, use_case: UseCase) -> duckdb.DuckDBPyRelation:
    """Clean rows and their past in one table, with `#past`, `#tie` and `#moment`."""
    rows = clean.select('*, false AS "#past"')
    if past is not None:
        rows = rows.union(past.select('*, true AS "#past"'))
    time, key = sql.name(use_case.time), sql.name(use_case.key)
    return sql.select(
        rows,
        "rows",
        f"""SELECT *, epoch_us({time})::HUGEINT * {_TIES} + "#tie" AS "#moment"
            FROM (SELECT *, row_number() OVER (PARTITION BY {time} ORDER BY {key}, "#past") - 1 AS "#tie" FROM rows)""",
    )


def _windows(use_case: UseCase) -> dict[str, str]:
    return {window: _frame(spec) for window, spec in use_case.features.windows.items()}


def _frame(window: Window) -> str:
    """From the first row of the moment `since` ago to the last row of the moment `until` ago; 0d is the microsecond before."""
    since = window.since // _MICROSECOND * _TIES
    until = max(window.until // _MICROSECOND, 1) * _TIES - (_TIES - 1)
    by = f"PARTITION BY {', '.join(map(sql.name, window.by))} " if window.by else ""
    return f'{by}ORDER BY "#moment" RANGE BETWEEN {since}::HUGEINT + "#tie" PRECEDING AND {until}::HUGEINT + "#tie" PRECEDING'


def _expressions(use_case: UseCase) -> dict[str, dict[str, str]]:
    features = use_case.features
    return {"numbers": features.numbers, "categories": features.categories, "texts": features.texts}


def _typed(kind: str, expression: str) -> str:
    if kind == "numbers":
        # Beyond float32's range a value is as little a number as infinity.
        return f"TRY_CAST(CAST((\n{expression}\n) AS DOUBLE) AS FLOAT)"
    return f"coalesce(CAST((\n{expression}\n) AS VARCHAR), '')"


def _finite(kind: str, column: str) -> str:
    return f"CASE WHEN isfinite({column}) THEN {column} END AS {column}" if kind == "numbers" else column


def _statement(use_case: UseCase) -> str:
    group = use_case.split.folds.group
    facts = [use_case.key, use_case.time, use_case.target]
    if group is not None and group not in (*facts, *use_case.features.names):
        facts.append(group)
    every = [(kind, sql.name(feature), text) for kind, inner in _expressions(use_case).items() for feature, text in inner.items()]
    computed = ", ".join([*map(sql.name, facts), *(f"{_typed(kind, text)} AS {column}" for kind, column, text in every)])
    told = ", ".join([*map(sql.name, facts), *(_finite(kind, column) for kind, column, _ in every)])
    return f"""
        WITH computed AS (SELECT {computed}, "#past" FROM rows {sql.window_clause(_windows(use_case))}),
        told AS (SELECT {told} FROM computed WHERE NOT "#past")
        SELECT * FROM told ORDER BY {sql.name(use_case.time)}, {sql.name(use_case.key)}"""


def _failing(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> list[str]:
    """Which expressions fail, each tried alone, and DuckDB's reason."""
    found, hidden = [], personal.features(use_case)
    for kind, expressions in _expressions(use_case).items():
        for feature, expression in expressions.items():
            try:
                sql.select(
                    rows,
                    "rows",
                    f"SELECT max({_typed(kind, 'x')}) FROM (SELECT (\n{expression}\n) AS x FROM rows {sql.window_clause(_windows(use_case))})",
                ).fetchall()
            except duckdb.Error as error:
                reason = "DuckDB's reason is hidden, since it may quote personal values" if feature in hidden else sql.reason(error)
                found.append(f"features.{kind}.{feature}: {expression}: {reason}")
    return found


# --- checks


def _partition_mistakes(window: Window, use_case: UseCase) -> list[str]:
    found = []
    for column in window.by:
        if column == use_case.target:
            found.append("the label is not known at the moment of prediction, so rows cannot be parted by it")
        elif column not in use_case.kept_columns:
            found.append(_refused(column, use_case))
    return found


def _expression_mistakes(kind: str, expression: str, use_case: UseCase) -> list[str]:
    windows = _windows(use_case)
    try:
        parsed = sql.parse(expression, windows)
    except sql.BadExpression as error:
        declared = f"; declared windows: {', '.join(windows) or 'none'}" if "window" in str(error) else ""
        return [f"{expression!r} cannot be read: {error}{declared}"]
    found = [*parsed.mistakes]
    found += [_refused(column, use_case) for column in sorted(parsed.every_column) if column not in use_case.kept_columns]
    found += _label_mistakes(parsed, use_case)
    return found or _type_mistakes(kind, expression, use_case)


def _refused(column: str, use_case: UseCase) -> str:
    spec = use_case.columns.get(column)
    if spec is None:
        return f"no column {column!r}; {meant(column, use_case.kept_columns)}"
    if spec.role == "leak":
        return f"{column!r} is a leak{f': {spec.why}' if spec.why else ''}; no feature may use it"
    return f"{column!r} is ignored by the schema; give it the role feature to use it"


def _label_mistakes(parsed: sql.Expression, use_case: UseCase) -> list[str]:
    """The label may be read only where it is known: of earlier days (a night's own rows have none), `delay_days` ago or more."""
    target, known = use_case.target, timedelta(days=max(use_case.label.delay_days, 1))
    found = []
    if target in parsed.columns:
        found.append(
            f"{target!r} is the label of the row itself: not known yet; read it over a window whose until is at least {known.days}d"
        )
    found += [
        f"{target!r} over {aggregate.window}: not known yet; the window's until must be at least {known.days}d"
        for aggregate in parsed.aggregates
        if target in aggregate.columns and use_case.features.windows[aggregate.window].until < known
    ]
    return found


def _type_mistakes(kind: str, expression: str, use_case: UseCase) -> list[str]:
    columns = {column: sql.type_of(column, use_case) for column in use_case.kept_columns}
    table = sql.empty_table({**columns, "#tie": "BIGINT", "#moment": "HUGEINT"})
    try:
        type_ = sql.bind(expression, table, _windows(use_case))
    except sql.BadExpression as error:
        return [f"{expression!r}: {error}"]
    if kind == "numbers" and type_.split("(")[0] not in (*_NUMERIC, *_REAL):
        return [f"{expression!r} is a {type_}, not a number; make it one (e.g. by length() or a comparison) or put it under categories"]
    return []
