"""Read a value as the type that the schema declares: exactly, or not at all.

DuckDB's own casts repair in silence: '1.5' becomes the integer 2, '2026-01-01 10:00+02:00' the timestamp
10:00, a moment becomes its date, '1_000' the number 1000, 1e-400 the number 0. Here each of them is a mistake
in the data, except the second, which is 08:00 UTC. What is a day or a moment is told in `moments`, what is a
text in `texts`.

Looking at every text by regular expressions costs more than reading the file. So a text is first guessed by
DuckDB's cast, and taken at its guess if it is spelt so plainly that the cast cannot have repaired anything;
only the others are looked at.
"""

from __future__ import annotations

from pipelines.core.config import Column, Scalar
from pipelines.core.sql import TYPES
from pipelines.core.sql import text as literal
from pipelines.sources import moments, texts

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
# Types that a plain cast turns into the declared one without any loss (a float's infinity and NaN are judged
# afterwards).
_WIDENS = {
    "integer": _INTEGERS,
    "number": (*_INTEGERS, *_FLOATS),
    "boolean": ("BOOLEAN",),
}
BLANK = " \t\n\v\f\r"  # those that DuckDB's casts skip
_BLANKS = " || ".join(f"chr({ord(blank)})" for blank in BLANK)
# In lower case. Integers and floats that are 0 or 1 are spelt like the last two.
_TRUE, _FALSE = r"true|t|yes|y|on|1(\.0+)?", r"false|f|no|n|off|0(\.0+)?"
THOUSANDS = r"[+-]?[1-9]\d{0,2}\.000"  # 1.000 is a thousand in half of the world, and one in the other
_ZERO = r"[+-]?[0.]+([eE][+-]?\d+)?"


def with_point(value: str, found: str, column: Column, decimal: str) -> str:
    """SQL of a text in which a number's decimals stand behind a point, whatever sign the file has for it;
    NULL where a point stands there already, which may part thousands.
    """
    if decimal == "." or found != "VARCHAR" or column.type not in ("integer", "number"):
        return value
    return f"CASE WHEN NOT contains({value}, '.') THEN replace({value}, {literal(decimal)}, '.') END"


def guess(value: str, found: str, column: Column) -> str | None:
    """SQL of what DuckDB's cast makes of a text, a repaired value perhaps.

    None where `cast` needs no guess.
    """
    if found != "VARCHAR" or column.type == "string" or column.format is not None:
        return None
    return f"TRY_CAST({value} AS {TYPES[column.type]})"


def cast_guess(value: str, guess: str, column: Column) -> str:
    """SQL of the same value as `cast` gives for a text; `guess` is what `guess` made of it."""
    return f"CASE WHEN {_plain(value, guess, column)} THEN {guess} ELSE {cast(value, 'VARCHAR', column)} END"


def cast(value: str, found: str, column: Column) -> str:
    """SQL of the value in the column's type, NULL where it is none.

    `found` is the DuckDB type that the value has.
    """
    match column.type:
        case "string" if _is_anything(column):
            return f"CAST({value} AS VARCHAR)"
        case "string":
            return texts.read(value, found)
        case "date" | "timestamp":
            return (
                moments.of_moment(value, found, column)
                if found in moments.TYPES
                else moments.read(_text(value), column)
            )
    exact = _exact(value, found, column)
    # NaN and infinity are no numbers that a model could take.
    return f"CASE WHEN isfinite({exact}) THEN {exact} END" if column.type == "number" else exact


def may_break(found: str, column: Column) -> bool:
    """Whether a value of the type may be none of the column's."""
    return column.type != "string" or (texts.may_break(found) and not _is_anything(column))


def _is_anything(column: Column) -> bool:
    """Whether nobody reads the column: it may hold lists, structs and bytes, which no declared type would
    take.
    """
    return column.type == "string" and column.role == "ignored"


def broken(value: str, typed: str, codes: tuple[Scalar, ...]) -> str:
    """SQL of the value's text where `typed`, what was made of it, is missing though it is no code that is
    declared as missing; else NULL.
    """
    # a blank is the code of a blank cell
    words = ", ".join(literal(str(code).strip(BLANK)) for code in codes)
    known = f" AND {_text(value)} NOT IN ({words})" if codes else ""
    return f"CASE WHEN {value} IS NOT NULL AND {typed} IS NULL{known} THEN CAST({value} AS VARCHAR) END"


def _plain(value: str, guess: str, column: Column) -> str:
    """SQL of whether a text is spelt so plainly that its guess is exact.

    It may be false for what is exact all the same.
    """
    match column.type:
        case "number":
            # No blank and no plus in front (both sort before the minus), no underscore: what is left is a
            # number, or none at all. A zero may be what is left of 1e-400.
            zero = f"({guess} <> 0 OR {value} IN ('0', '0.0', '0.00'))"
            return f"{value} >= '-' AND NOT contains({value}, '_') AND isfinite({guess}) AND {zero}"
        case "timestamp" | "date":
            return f"regexp_full_match({value}, '{moments.PLAIN[column.type]}')"
        case "boolean":
            return f"{guess} IS NOT NULL"
        case _:
            return f"CAST({guess} AS VARCHAR) = {value}"


def _exact(value: str, found: str, column: Column) -> str:
    if found in _WIDENS[column.type] or (found.startswith("DECIMAL") and column.type == "number"):
        return f"CAST({value} AS {TYPES[column.type]})"
    if (
        found in _FLOATS and column.type == "integer"
    ):  # pandas keeps integers as floats where some are missing
        return f"CASE WHEN {texts.whole(value, found)} THEN TRY_CAST({value} AS BIGINT) END"
    text = _text(value)
    match column.type:
        case "integer":
            whole = rf"regexp_full_match({text}, '[+-]?\d+(\.0*)?')"
            whole += f" AND NOT regexp_full_match({text}, '{THOUSANDS}')" if found == "VARCHAR" else ""
            return f"CASE WHEN {whole} THEN TRY_CAST({text} AS BIGINT) END"
        case "number":
            number = f"TRY_CAST({text} AS DOUBLE)"
            spelt = rf"regexp_full_match({text}, '[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?')"
            return (
                f"CASE WHEN {spelt} AND ({number} <> 0 OR regexp_full_match({text}, '{_ZERO}')) THEN"
                f" {number} END"
            )
        case _:
            lower = f"lower({text})"
            return (
                f"CASE WHEN regexp_full_match({lower}, '{_TRUE}') THEN true WHEN regexp_full_match({lower},"
                f" '{_FALSE}') THEN false END"
            )


def _text(value: str) -> str:
    return f"trim(CAST({value} AS VARCHAR), {_BLANKS})"
