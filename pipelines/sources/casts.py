"""Read a value as the type that the schema declares: exactly, or not at all.

DuckDB's own casts repair in silence: '1.5' becomes the integer 2, '2026-01-01 10:00+02:00' the timestamp 10:00, a moment
becomes its date, '1_000' the number 1000. Here each of them is a mistake in the data, except the second, which is 08:00 UTC.

Looking at every text by regular expressions costs more than reading the file. So a text is first guessed by DuckDB's cast,
and taken at its guess if it is spelt so plainly that the cast cannot have repaired anything; only the others are looked at.
"""

from __future__ import annotations

from pipelines.config import Column, Scalar
from pipelines.sql import TYPES
from pipelines.sql import text as literal

ARTICLES = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "date": "a date",
    "timestamp": "a timestamp",
}

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_FLOATS = ("FLOAT", "DOUBLE")
_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")
# Types that a plain cast turns into the declared one without any loss (a float's infinity and NaN are judged afterwards).
_WIDENS = {
    "integer": _INTEGERS,
    "number": (*_INTEGERS, *_FLOATS),
    "boolean": ("BOOLEAN",),
    "date": ("DATE",),
    "timestamp": _MOMENTS,
}
_BLANKS = r"' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"  # those that DuckDB's casts skip


def guess(value: str, found: str, column: Column) -> str | None:
    """SQL of what DuckDB's cast makes of a text, a repaired value perhaps; None where `cast` needs no guess."""
    return f"TRY_CAST({value} AS {TYPES[column.type]})" if found == "VARCHAR" and column.type != "string" else None


def guessed(value: str, guess: str, column: Column) -> str:
    """SQL of the same value as `cast` gives for a text; `guess` is what `guess` made of it."""
    return f"CASE WHEN {_plain(value, guess, column)} THEN {guess} ELSE {cast(value, 'VARCHAR', column)} END"


def cast(value: str, found: str, column: Column) -> str:
    """SQL of the value in the column's type, NULL where it is none; `found` is the DuckDB type that the value has."""
    if column.type == "string":
        return f"CAST({value} AS VARCHAR)"
    exact = _exact(value, found, column)
    # NaN and infinity are no numbers that a model could take; 'infinity' is also a date to DuckDB.
    return exact if column.type in ("integer", "boolean") else f"CASE WHEN isfinite({exact}) THEN {exact} END"


def broken(value: str, typed: str, codes: tuple[Scalar, ...]) -> str:
    """SQL of the value's text where `typed`, what was made of it, is missing though it is no code that is declared as missing; else NULL."""
    known = f" AND {_text(value)} NOT IN ({', '.join(literal(str(code)) for code in codes)})" if codes else ""
    return f"CASE WHEN {value} IS NOT NULL AND {typed} IS NULL{known} THEN CAST({value} AS VARCHAR) END"


def _plain(value: str, guess: str, column: Column) -> str:
    """SQL of whether a text is spelt so plainly that its guess is exact. It may be false for what is exact all the same."""
    match column.type:
        case "number":
            # No blank and no plus in front (both sort before the minus), no underscore: what is left is a number, or none at all.
            return f"{value} >= '-' AND NOT contains({value}, '_') AND isfinite({guess})"
        case "timestamp":
            return rf"regexp_full_match({value}, '[12]\d{{3}}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{{1,6}})?)?')"
        case "date":
            return rf"regexp_full_match({value}, '\d{{4}}-\d\d-\d\d')"
        case "boolean":
            return f"{guess} IS NOT NULL"
        case _:
            return f"CAST({guess} AS VARCHAR) = {value}"


def _exact(value: str, found: str, column: Column) -> str:
    if found in _WIDENS[column.type] or (found.startswith("DECIMAL") and column.type == "number"):
        return f"CAST({value} AS {TYPES[column.type]})"
    if found in _FLOATS and column.type == "integer":  # pandas keeps integers as floats where some are missing
        return f"CASE WHEN trunc({value}) = {value} THEN TRY_CAST({value} AS BIGINT) END"
    text = _text(value)
    match column.type:
        case "integer":
            return rf"CASE WHEN regexp_full_match({text}, '[+-]?\d+(\.0*)?') THEN TRY_CAST({text} AS BIGINT) END"
        case "number":
            return rf"CASE WHEN regexp_full_match({text}, '[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?') THEN TRY_CAST({text} AS DOUBLE) END"
        case "date":
            # The day as a moment is tried, too: DuckDB knows days of years that its timestamps do not reach.
            return f"CASE WHEN TRY_CAST({text} AS TIMESTAMP) = TRY_CAST(TRY_CAST({text} AS DATE) AS TIMESTAMP) THEN TRY_CAST({text} AS DATE) END"
        case "timestamp":
            # A digit first: 'epoch' is a moment to DuckDB.
            return rf"CASE WHEN regexp_matches({text}, '^\d') THEN TRY_CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP) END"
        case _:
            return f"TRY_CAST({text} AS BOOLEAN)"


def _text(value: str) -> str:
    return f"trim(CAST({value} AS VARCHAR), {_BLANKS})"
