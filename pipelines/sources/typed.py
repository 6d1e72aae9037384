"""A piece's rows as the schema declares them, with what is needed to tell what is wrong with them and
where.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from pipelines.core.config import DayAssignment
from pipelines.core.errors import BadUseCase
from pipelines.core.sql import TYPES, BadExpression, allowed
from pipelines.core.sql import name as quoted
from pipelines.sources import casts, day_assignment
from pipelines.sources.declared import Declared
from pipelines.sources.piece import Piece

# Columns of our own; with blanks, so that they cannot be a source's.
ROW, WRONG, BROKEN = "row in the piece", "any value broken", "broken "
_GIVEN, _GUESS, _ASIDE = "given ", "guess ", "aside "


def typed_rows(
    piece: Piece, declared: Declared, *, numbered: bool, blind: bool = False, before: int = 0, total: int = 0
) -> duckdb.DuckDBPyRelation:
    """Read a piece's rows as declared; lazily, so that what nobody selects of it costs nothing.

    Args:
        piece: The piece, with all columns that are declared as given.
        declared: The schema.
        numbered: Whether rows are wanted with their numbers. DuckDB counts them on one thread, and does all
            the rest there, too.
        blind: Whether derived columns see no label and no leak, as at night.
        before: Where days are assigned: how many rows stand in the pieces before this one.
        total: Where days are assigned: how many rows all pieces have.

    Returns:
        The schema's columns in its order; a value that is not of its type is null there. ROW: its number in
        the piece, from 1, if wanted.
        WRONG: whether the row has such a value. For each column that may have one, BROKEN and its name: the
            text of such a value.

    Raises:
        BadUseCase: the SQL of a derived column contains what it may not.
        duckdb.Error: a derived column cannot be computed of these columns.
    """
    number = "row_number() OVER ()" if numbered or declared.assign_days else "CAST(NULL AS BIGINT)"
    given = piece.rows.project(f"*, {number} AS {quoted(ROW)}")
    found = dict(zip(given.columns, map(str, given.types), strict=True))
    values = {name: (quoted(name), found[name]) for name in declared.given}
    if declared.assign_days:
        values |= _assigned_columns(declared.assign_days, declared, f"({before} + {quoted(ROW)})", total)
    rows = _cast(given, values, declared, kept=quoted(ROW))
    types = {name: type_ for name, (_, type_) in values.items()}
    unseen = [name for name in declared.columns if blind and declared.derived and name in declared.afterwards]
    rows = _hide(rows, [name for name in unseen if name not in declared.derived], declared)
    for name, sql in declared.derived.items():
        try:
            allowed(sql)
        except BadExpression as error:
            raise BadUseCase(
                str(error), where="source.derive", fix="python -m pipelines check tells all of them"
            ) from error
        value = f"(\n{sql}\n)"  # the line breaks end a comment in it
        types[name] = str(rows.project(value).types[0])
        rows = _cast(rows, {name: (value, types[name])}, declared, kept="*")
        rows = _hide(rows, [name] if name in unseen else [], declared)
    return _with_faults(_show(rows, unseen), declared, types)


def _hide(rows: duckdb.DuckDBPyRelation, names: list[str], declared: Declared) -> duckdb.DuckDBPyRelation:
    """Rows in which some columns have no value; it is kept aside for `_shown`."""
    if not names:
        return rows
    nulls = ", ".join(
        f"CAST(NULL AS {TYPES[declared.columns[name].type]}) AS {quoted(name)}" for name in names
    )
    return rows.project(
        ", ".join([f"* REPLACE ({nulls})", *(f"{quoted(name)} AS {quoted(_ASIDE + name)}" for name in names)])
    )


def _show(rows: duckdb.DuckDBPyRelation, names: list[str]) -> duckdb.DuckDBPyRelation:
    return (
        rows.project(
            f"* REPLACE ({', '.join(f'{quoted(_ASIDE + name)} AS {quoted(name)}' for name in names)})"
        )
        if names
        else rows
    )


def _assigned_columns(
    rule: DayAssignment, declared: Declared, number: str, total: int
) -> dict[str, tuple[str, str]]:
    """Key and time of a data set without dates."""
    return {
        declared.key: (number, "BIGINT"),
        declared.time: (day_assignment.moment(rule, number, total), "TIMESTAMP"),
    }


def _cast(
    rows: duckdb.DuckDBPyRelation, values: Mapping[str, tuple[str, str]], declared: Declared, kept: str
) -> duckdb.DuckDBPyRelation:
    """Add columns: column -> SQL of its value, and the type that this has.

    Beside each stays what was given.
    """
    given = {name: quoted(_GIVEN + name) for name in values}
    texts = {
        name: casts.with_point(
            given[name], found, declared.columns[name], declared.decimal if name in declared.given else "."
        )
        for name, (_, found) in values.items()
    }
    guesses = {
        name: casts.guess(texts[name], found, declared.columns[name]) for name, (_, found) in values.items()
    }
    rows = rows.project(
        ", ".join([kept, *(f"{value} AS {given[name]}" for name, (value, _) in values.items())])
    )
    rows = rows.project(
        ", ".join(["*", *(f"{guess} AS {quoted(_GUESS + name)}" for name, guess in guesses.items() if guess)])
    )
    selected = [
        f"{_value(texts[name], found, quoted(_GUESS + name) if guesses[name] else None, name, declared)} AS"
        f" {quoted(name)}"
        for name, (_, found) in values.items()
    ]
    return rows.project(", ".join(["*", *selected]))


def _value(given: str, found: str, guess: str | None, name: str, declared: Declared) -> str:
    column = declared.columns[name]
    return casts.cast_guess(given, guess, column) if guess else casts.cast(given, found, column)


def _with_faults(
    rows: duckdb.DuckDBPyRelation, declared: Declared, types: Mapping[str, str]
) -> duckdb.DuckDBPyRelation:
    broken = {
        name: casts.broken(quoted(_GIVEN + name), quoted(name), declared.codes.get(name, ()))
        for name, column in declared.columns.items()
        if casts.may_break(types[name], column)
    }
    # Only a row with a missing value is looked at closely: most have none.
    missing = " OR ".join(f"{quoted(name)} IS NULL" for name in broken)
    wrong = (
        f"CASE WHEN {missing} THEN {' OR '.join(f'({text}) IS NOT NULL' for text in broken.values())} ELSE"
        " false END"
    )
    return rows.project(
        ", ".join(
            [
                *map(quoted, declared.columns),
                quoted(ROW),
                f"{wrong} AS {quoted(WRONG)}",
                *(f"{text} AS {quoted(BROKEN + name)}" for name, text in broken.items()),
            ]
        )
    )
