"""What may become a text: an allow-list of the types in which sources hold words and the names of things.

Any value has some spelling, and another one in the next driver: 123.0, b'..', {'a': 1}. A text column takes

- texts, and UUIDs;
- whole numbers, with all their digits. As whole numbers come whole floats and decimals, too (123 for 123.0):
  pandas makes floats of integers of which some are missing, and databases call any number decimal;
- bytes that are a text in UTF-8, as older writers of Parquet leave it.

All others are refused: booleans, days and moments (which have a type of their own), fractions, structs,
lists.
"""

from __future__ import annotations

_WHOLE = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "BIGNUM"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
)
# JSON: a text that Parquet calls so; the last: a column without any value
_TEXTS = ("VARCHAR", "UUID", "JSON", '"NULL"')
# From here on a float does not tell a whole number from the next.
EXACT = {"FLOAT": 2**24, "DOUBLE": 2**53}
# Bytes that are by chance UTF-8, such as a binary key's, but no text that anybody writes.
CONTROLS = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F]"


def is_allowed(found: str) -> bool:
    """Whether a text column may be given as this type of DuckDB's."""
    return found in (*_TEXTS, *_WHOLE, *EXACT, "BLOB") or found.startswith(("DECIMAL", "ENUM"))


def may_break(found: str) -> bool:
    """Whether not every value of the type is a text."""
    return found not in (*_TEXTS, *_WHOLE) and not found.startswith("ENUM")


def read(value: str, found: str) -> str:
    """SQL of a value's text; NULL where it is none."""
    if found in EXACT:
        return f"CASE WHEN {whole(value, found)} THEN CAST(TRY_CAST({value} AS BIGINT) AS VARCHAR) END"
    spelt = f"CAST({value} AS VARCHAR)"
    if found.startswith("DECIMAL"):
        return rf"CASE WHEN regexp_full_match({spelt}, '-?\d+(\.0*)?') THEN split_part({spelt}, '.', 1) END"
    if found == "BLOB":
        decoded = f"TRY(decode({value}))"
        return f"CASE WHEN NOT regexp_matches({decoded}, '{CONTROLS}') THEN {decoded} END"
    return spelt if is_allowed(found) else "CAST(NULL AS VARCHAR)"


def whole(value: str, found: str) -> str:
    """SQL of whether a float is a whole number, and surely the one that was meant."""
    return f"trunc({value}) = {value} AND abs({value}) < {EXACT[found]}"
