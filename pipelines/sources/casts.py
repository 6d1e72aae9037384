"""Read a value as the type that the schema declares: exactly, or not at all.

DuckDB's own casts repair in silence: '1.5' becomes the integer 2, '2026-01-01 10:00+02:00' the timestamp 10:00, a moment
becomes its date. Here each of them is a mistake in the data, except the second, which is 08:00 UTC.
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


def cast(value: str, found: str, column: Column) -> str:
    """SQL of the value in the column's type, NULL where it is none; `found` is the DuckDB type that the value has."""
    if column.type == "string":
        return f"CAST({value} AS VARCHAR)"
    exact = _exact(value, found, column)
    # NaN and infinity are no numbers that a model could take; 'infinity' is also a date to DuckDB.
    return exact if column.type in ("integer", "boolean") else f"CASE WHEN isfinite({exact}) THEN {exact} END"


def broken(value: str, found: str, column: Column, codes: tuple[Scalar, ...]) -> str:
    """SQL of the value's text where it is not of the column's type, nor a code that the use case declares as missing; else NULL."""
    text = _text(value)
    known = f" AND {text} NOT IN ({', '.join(literal(str(code)) for code in codes)})" if codes else ""
    return f"CASE WHEN {value} IS NOT NULL AND {cast(value, found, column)} IS NULL{known} THEN CAST({value} AS VARCHAR) END"


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
            return f"CASE WHEN TRY_CAST({text} AS TIMESTAMP) = TRY_CAST({text} AS DATE) THEN TRY_CAST({text} AS DATE) END"
        case "timestamp":
            # A digit first: 'epoch' is a moment to DuckDB.
            return rf"CASE WHEN regexp_matches({text}, '^\d') THEN TRY_CAST(TRY_CAST({text} AS TIMESTAMPTZ) AS TIMESTAMP) END"
        case _:
            return f"TRY_CAST({text} AS BOOLEAN)"


def _text(value: str) -> str:
    return f"trim(CAST({value} AS VARCHAR))"
