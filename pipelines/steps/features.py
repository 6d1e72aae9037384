"""Features: what a clean row and its past say, as one SQL text for training and scoring alike.

How a row gets the same bits in whatever table it lies, and which windows cost what, is told in
`pipelines.core.windows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import duckdb

from pipelines.core import joined, other_rows, personal, sql, windows
from pipelines.core.config import UseCase, Window
from pipelines.core.config.base import duration_text
from pipelines.core.errors import OURS, BadInput, BadUseCase, SluiceError, did_you_mean

_NUMERIC = (
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
_REAL = ("FLOAT", "DOUBLE", "DECIMAL")


def compute(
    clean: duckdb.DuckDBPyRelation,
    past: duckdb.DuckDBPyRelation | None,
    use_case: UseCase,
    others: Mapping[str, duckdb.DuckDBPyRelation] | None = None,
) -> duckdb.DuckDBPyRelation:
    """Compute the features of clean rows.

    Args:
        clean: the rows to compute features for, as `cleanse` returns them.
        past: the rows before them, which only feed windows.
        use_case: its `features`.
        others: the rows of its other sources, by their names.

    Returns:
        Key, time, target, the columns of `split.folds.group` and `promotion.unit` unless a feature bears
        their name, then `use_case.features.names`: numbers as FLOAT (null where not finite), categories and
        texts as VARCHAR ('' for null). In order of (time, key).

    Raises:
        BadUseCase: an expression contains what none may.
        BadInput: an expression cannot be computed for some row, such as a cast of a text that is no number.
        SluiceError: not every clean row came out once.
    """
    _refuse(use_case)
    as_stated, (use_case, taken) = use_case, joined.rewritten(use_case)
    rows = joined.with_joined(_with_past(clean, past), others or {}, as_stated, taken)
    timed = windows.in_time(rows, use_case)
    try:
        tables = _select(rows, timed, use_case)
    except duckdb.Error as error:
        if not (failing := _failing(rows, timed, use_case, as_stated)):
            raise  # no expression's fault: a full disk
        raise BadInput(
            "features cannot be computed for every row",
            where=use_case.name,
            details=failing,
            fix="make the expression fit every clean row, or send such rows to quarantine by cleanse.rules",
        ) from error
    ((given, found),) = sql.select(
        clean, "clean", f"SELECT (SELECT count(*) FROM clean), (SELECT count(*) FROM {tables})"
    ).fetchall()
    if found != given:
        raise SluiceError(
            f"features were computed of {given:,} clean rows and came out for {found:,}: nothing is"
            " published",
            where=use_case.name,
            fix=OURS,
        )
    columns, (time, key) = (
        map(sql.name, [*_facts(use_case), *use_case.features.names]),
        map(sql.name, (use_case.time, use_case.key)),
    )
    return sql.select(clean, "clean", f"SELECT {', '.join(columns)} FROM {tables} ORDER BY {time}, {key}")


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
                found.append(
                    (
                        where,
                        f"{feature!r} is already the name of the key, the time or the label; choose another",
                    )
                )
            found += [(where, sentence) for sentence in _expression_mistakes(kind, expression, use_case)]
    return found


def _refuse(use_case: UseCase) -> None:
    """Let nothing be computed that `check` refuses, such as the row's own label: what a version has learned
    is checked nowhere else.
    """
    if found := [f"{where}: {sentence}" for where, sentence in check(use_case)]:
        raise BadUseCase(
            "features are not what a use case may compute",
            where=use_case.name,
            details=found,
            fix=f"python -m pipelines check {use_case.name} tells where",
        )


# --- SQL


def _with_past(
    clean: duckdb.DuckDBPyRelation, past: duckdb.DuckDBPyRelation | None
) -> duckdb.DuckDBPyRelation:
    """Clean rows and their past in one table, told apart by `#past`."""
    rows = clean.select('*, false AS "#past"')
    return rows if past is None else rows.union(past.select('*, true AS "#past"'))


def _select(rows: duckdb.DuckDBPyRelation, timed: windows.RowsInTime, use_case: UseCase) -> str:
    """SQL of the table of features, or of two that are joined: computed now, since the split's checks and the
    store both read it.
    """
    every = {feature: text for inner in _expressions(use_case).values() for feature, text in inner.items()}
    facts = _facts(use_case)
    if not timed.crowded:
        return windows.new_table(rows, _statement([*facts, *every], timed, use_case), in_order=True)
    by_tree = [feature for feature, text in every.items() if windows.exact(text, timed.frames, use_case)]
    in_order = any(windows.needs_order(text, timed.frames, use_case) for text in every.values())
    if not (in_order and by_tree):
        return windows.new_table(rows, _statement([*facts, *every], timed, use_case), in_order)
    others = [feature for feature in every if feature not in by_tree]
    one = windows.new_table(rows, _statement([*facts, *others], timed, use_case), in_order=True)
    two = windows.new_table(rows, _statement([use_case.key, *by_tree], timed, use_case), in_order=False)
    return f"{one} JOIN {two} USING ({sql.name(use_case.key)})"


def _facts(use_case: UseCase) -> list[str]:
    """The columns that are told as they are."""
    known = (use_case.key, use_case.time, use_case.target)
    others = [
        name
        for name in (use_case.split.folds.group, use_case.unit_column)
        if name and name not in (*known, *use_case.features.names)
    ]
    return [*known, *dict.fromkeys(others)]


def _expressions(use_case: UseCase) -> dict[str, dict[str, str]]:
    features = use_case.features
    return {"numbers": features.numbers, "categories": features.categories, "texts": features.texts}


def _with_type(kind: str, expression: str) -> str:
    if kind == "numbers":
        # Beyond float32's range a value is as little a number as infinity.
        return f"TRY_CAST(CAST((\n{expression}\n) AS DOUBLE) AS FLOAT)"
    return f"coalesce(CAST((\n{expression}\n) AS VARCHAR), '')"


def _finite(kind: str, column: str) -> str:
    return f"CASE WHEN isfinite({column}) THEN {column} END AS {column}" if kind == "numbers" else column


def _statement(columns: list[str], timed: windows.RowsInTime, use_case: UseCase) -> str:
    """SQL of some of the facts and features."""
    every = {
        feature: (kind, text)
        for kind, inner in _expressions(use_case).items()
        for feature, text in inner.items()
    }
    facts = [sql.name(column) for column in columns if column not in every]
    chosen = [(sql.name(column), *every[column]) for column in columns if column in every]
    computed = ", ".join(
        [*facts, *(f"{_with_type(kind, text)} AS {column}" for column, kind, text in chosen)]
    )
    told = ", ".join([*facts, *(_finite(kind, column) for column, kind, _ in chosen)])
    return f"""
        WITH computed AS (SELECT {computed}, "#past"
            FROM ({timed.statement}) {sql.window_clause(timed.frames)})
        SELECT {told} FROM computed WHERE NOT "#past" """


def _failing(
    rows: duckdb.DuckDBPyRelation, timed: windows.RowsInTime, use_case: UseCase, as_stated: UseCase
) -> list[str]:
    """Which expressions fail, each tried alone, and DuckDB's reason."""
    found, hidden, stated = [], personal.features(as_stated), _expressions(as_stated)
    for kind, expressions in _expressions(use_case).items():
        for feature, expression in expressions.items():
            try:
                sql.select(
                    rows,
                    "rows",
                    f"SELECT max({_with_type(kind, 'x')}) FROM (SELECT (\n{expression}\n) AS x FROM"
                    f" ({timed.statement}) {sql.window_clause(timed.frames)})",
                ).fetchall()
            except duckdb.Error as error:
                reason = (
                    "DuckDB's reason is hidden, since it may quote personal values"
                    if feature in hidden
                    else sql.reason(error)
                )
                found.append(f"features.{kind}.{feature}: {stated[kind][feature]}: {reason}")
    return found


# --- checks


def _partition_mistakes(window: Window, use_case: UseCase) -> list[str]:
    found = []
    for column in window.by:
        if column in use_case.hidden_at_night:
            what = "the label" if column == use_case.target else f"{column!r}, a leak,"
            found.append(f"{what} is not known at the moment of prediction, so rows cannot be parted by it")
        elif column not in use_case.kept_columns:
            found.append(_why_refused(column, use_case))
    return found


def _expression_mistakes(kind: str, expression: str, use_case: UseCase) -> list[str]:
    frames, names = windows.Clock().frames(use_case), [*use_case.columns, *use_case.features.joins]
    try:
        parsed = sql.parse(expression, frames)
    except sql.BadExpression as error:
        declared = f"; declared windows: {', '.join(frames) or 'none'}" if "window" in str(error) else ""
        words = sql.in_quotes(expression, names, frames)
        return ["; ".join([f"{expression!r} cannot be read: {error}{declared}", *words])]
    found = sql.in_quotes(expression, names, frames) or [*parsed.mistakes]
    own, others = _by_source(parsed, use_case)
    known = {*use_case.kept_columns, *map(str.lower, joined.known_columns(use_case))}
    found += [_why_refused(column, use_case) for column in sorted(own.every_column) if column not in known]
    for column in use_case.hidden_at_night:
        found += _too_early(column, own, use_case)
    for aggregate in others:
        found += joined.mistakes(aggregate, use_case)
    return found or _type_mistakes(kind, expression, use_case)


def _by_source(parsed: sql.Expression, use_case: UseCase) -> tuple[sql.Expression, tuple[sql.Aggregate, ...]]:
    """What an expression reads of the use case's own rows, and its uses of windows over other sources'."""
    own = use_case.features.own_windows
    of_own = tuple(one for one in parsed.aggregates if one.window in own)
    others = tuple(one for one in parsed.aggregates if one.window not in own)
    return replace(parsed, aggregates=of_own), others


def _why_refused(column: str, use_case: UseCase) -> str:
    spec = use_case.columns.get(column)
    if spec is None and (join := column.partition(".")[0]) in use_case.features.joins:
        there = other_rows.columns(use_case.sources[use_case.features.joins[join].source])
        return f"{join} has no column {column.partition('.')[2]!r}; it has {', '.join(there)}"
    if spec is None:
        return f"no column {column!r}; {did_you_mean(column, use_case.kept_columns)}"
    if spec.role == "leak":
        way_out = (
            "if it is known some time after its row's moment, write when: known_after, such as 7d, and"
            " windows may read its past"
        )
        return f"{column!r} is a leak{f': {spec.why}' if spec.why else ''}; no feature may use it; {way_out}"
    return f"{column!r} is ignored by the schema; give it the role feature to use it"


def _too_early(column: str, parsed: sql.Expression, use_case: UseCase) -> list[str]:
    """The label, or a late column, may be read only where it is known: of earlier partitions, since a night's
    own rows have none of it.
    """
    known = max(use_case.known_after(column), use_case.calendar.longest)
    least, what = duration_text(known), "the label" if column == use_case.target else "a leak"
    found = []
    if column in parsed.columns:
        found.append(
            f"{column!r} is {what} of the row itself: not known yet; read it over a window whose until is at"
            f" least {least}"
        )
    found += [
        f"{column!r} over {aggregate.window}: not known yet; the window's until must be at least {least}"
        for aggregate in parsed.aggregates
        if column in aggregate.columns and use_case.features.windows[aggregate.window].until < known
    ]
    return found


def _label_for_features(expression: str, use_case: UseCase) -> str:
    """What a binary label is to features, where one reads it: nobody who has seen the source's words can
    know.
    """
    target, positive = use_case.target, use_case.label.positive
    if positive is None or target not in sql.parse(expression, windows.Clock().frames(use_case)).every_column:
        return ""
    return (
        f"; in features {target!r} is a number, 1 for {positive!r} and 0 for the other: write avg({target}),"
        f" not avg({target} = ...)"
    )


def _type_mistakes(kind: str, expression: str, use_case: UseCase) -> list[str]:
    columns = {column: sql.type_of(column, use_case) for column in use_case.kept_columns}
    columns |= joined.types(use_case)
    try:
        expression_alone, taken = joined.without(expression, use_case)
        columns |= {name: joined.type_of(one, use_case) for name, one in taken.items()}
        table = sql.row_of_nulls({**columns, "#tie": "BIGINT", "#moment": "HUGEINT"})
        type_ = sql.bind(expression_alone, table, windows.Clock().frames(use_case))
    except sql.BadExpression as error:
        return [f"{expression!r}: {error}{_label_for_features(expression, use_case)}"]
    if kind == "numbers" and type_.split("(")[0] not in (*_NUMERIC, *_REAL):
        return [
            f"{expression!r} is a {type_}, not a number; make it one (e.g. by length() or a comparison) or"
            " put it under categories"
        ]
    return []
