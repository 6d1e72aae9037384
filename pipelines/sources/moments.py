"""Dates and timestamps: a text is one by the patterns here, or none.

DuckDB's casts take 13-02-26 for the year 13, BST for Dhaka, and an hour that the clocks skip for the next
one. What is read:

- a day: a year of four digits, month and day, with - or / between them (2026-02-13, 2026/2/13), and midnight
  behind it at most;
- a moment: a day, T or a blank, hours and minutes, perhaps seconds and fractions, of which the first six
  digits count;
- behind it Z, UTC, GMT or an offset (+02, +0200, +02:00), perhaps after a blank; or a blank and a zone of the
  form Region/City, unless its clocks skip that time or show it twice;
- or, where a column has a `format`, what is spelt by it, and nothing else.

Years are 1900 to 9999: before that lie dates that stand for none (0001-01-01, 1753-01-01, 1899-12-30).
"""

from __future__ import annotations

from pipelines.core.config import Column, formats
from pipelines.core.sql import text as literal

FIRST_YEAR, LAST_YEAR = 1900, 9999
_DAY = rf"{formats.DIRECTIVES['%Y']}(?:-\d{{1,2}}-\d{{1,2}}|/\d{{1,2}}/\d{{1,2}})"
_TIME = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
_UTC = r" ?(?:Z|UTC|GMT)"
_OFFSET = rf" ?{formats.DIRECTIVES['%z']}"
# Without digits: Etc/GMT+2 is two hours west by POSIX, and two hours east to whoever writes it.
_REGION = r" [A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_-]+)+"
TIMED = rf"{_DAY}[ T]{_TIME}"
# A day and what would be a time, if it were one of the clock.
ANY_TIME = rf"{_DAY}[ T]\d{{1,2}}:\d\d(?::\d\d(?:\.\d+)?)?(?:{_UTC}|{_OFFSET})?"
DATE = rf"{_DAY}(?:[ T]0?0:00(?::00(?:\.0+)?)?(?:{_UTC})?)?"
LOCAL = rf"{_DAY}(?:[ T]{_TIME})?"
STATED = rf"{_DAY}[ T]{_TIME}(?:{_UTC}|{_OFFSET})"
REGIONAL = rf"{_DAY}[ T]{_TIME}{_REGION}"
# Spelt so plainly that DuckDB's own cast is exact.
PLAIN = {
    "date": r"(19|[2-9]\d)\d\d-\d\d-\d\d",
    "timestamp": r"(19|2\d)\d\d-\d\d-\d\d[ T]([01]\d|2[0-3]):\d\d(:\d\d(\.\d{1,6})?)?",
}
_IN_NANOSECONDS = ("TIMESTAMP_NS", "TIMESTAMPTZ_NS")
TYPES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE", *_IN_NANOSECONDS)


def read(text: str, column: Column) -> str:
    """SQL of a trimmed text as the column's date or timestamp; NULL where it is none."""
    if column.format is not None:
        fits = f"regexp_full_match({text}, {literal(formats.pattern(column.format))})"
        return _within(
            f"CASE WHEN {fits} THEN TRY_CAST(try_strptime({text}, {literal(column.format)}) AS"
            f" {_sql_type(column)}) END",
            column,
        )
    if column.type == "date":
        day = f"TRY_CAST(regexp_extract({text}, '^[^ T]+') AS DATE)"
        return f"CASE WHEN regexp_full_match({text}, '{DATE}') THEN {day} END"
    return (
        f"CASE WHEN regexp_full_match({text}, '{LOCAL}') THEN TRY_CAST({text} AS TIMESTAMP) "
        f"WHEN regexp_full_match({text}, '{STATED}') THEN {_within(_with_zone(text), column)} "
        f"WHEN regexp_full_match({text}, '{REGIONAL}') THEN {_regional(text)} END"
    )


def of_moment(value: str, found: str, column: Column) -> str:
    """SQL of a value that is a moment already, by its type: fractions are cut off as in a text, and not
    rounded.
    """
    moment = f"TRY_CAST({value} AS TIMESTAMP)"
    if found in _IN_NANOSECONDS:
        nanoseconds = f"epoch_ns({value})"
        moment = f"make_timestamp({nanoseconds} // 1000 - ({nanoseconds} % 1000 < 0)::BIGINT)"
    if column.type == "timestamp":
        return _within(moment, column)
    # A moment is a day only if it is the midnight with which that begins.
    exact = (
        value
        if found == "DATE"
        else f"CASE WHEN {moment} = date_trunc('day', {moment}) THEN TRY_CAST({moment} AS DATE) END"
    )
    return _within(exact, column)


def _sql_type(column: Column) -> str:
    return "DATE" if column.type == "date" else "TIMESTAMP"


def _within(value: str, column: Column) -> str:
    type_ = _sql_type(column)
    last = f"{LAST_YEAR}-12-31" + ("" if type_ == "DATE" else " 23:59:59.999999")
    return f"CASE WHEN {value} BETWEEN {type_} '{FIRST_YEAR}-01-01' AND {type_} '{last}' THEN {value} END"


def _with_zone(text: str) -> str:
    """SQL of a text with UTC's name or an offset, spelt as DuckDB knows it."""
    named = rf"regexp_replace({text}, '{_UTC}$', 'Z')"
    return (
        rf"TRY_CAST(TRY_CAST(regexp_replace({named}, ' ([+-][0-9:]+)$', '\1') AS TIMESTAMPTZ) AS TIMESTAMP)"
    )


def _regional(text: str) -> str:
    """SQL of a local time in the zone that it names.

    NULL where that zone's clocks skip it or show it twice, or there is no such zone.
    """
    # DuckDB ends the query where a zone is unknown, TRY or not.
    known = f"TRY_CAST({text} AS TIMESTAMPTZ) IS NOT NULL"
    zone = f"CASE WHEN {known} THEN regexp_extract({text}, ' ([^ ]+)$', 1) ELSE 'UTC' END"
    local = f"CASE WHEN {known} THEN TRY_CAST(regexp_extract({text}, '^(.*) ', 1) AS TIMESTAMP) END"

    def text_of(moment: str) -> str:
        return f"timezone(t.zone, timezone('UTC', {moment}))"

    def by_the_offset(of: str) -> str:
        return f"t.local - ({text_of(of)} - ({of}))"

    # The offsets of a day before and a day after are those before and after a change; without one, they are
    # the same.
    before, after = by_the_offset("t.local - INTERVAL 24 HOUR"), by_the_offset("t.local + INTERVAL 24 HOUR")
    tried = f"{{'zone': t.zone, 'local': t.local, 'before': {before}, 'after': {after}}}"
    early, late = f"{text_of('t.before')} = t.local", f"{text_of('t.after')} = t.local"
    judged = (
        "CASE WHEN t.local NOT BETWEEN TIMESTAMP '1900-01-02' AND TIMESTAMP '9999-12-30' THEN NULL WHEN"
        f" {early} AND ({late}) <> (t.before <> t.after) THEN t.before WHEN {late} AND NOT ({early}) THEN"
        " t.after END"
    )
    # Lambdas, so that what is made of the text is written, and bound, once.
    return (
        f"list_transform(list_transform([{{'zone': {zone}, 'local': {local}}}], lambda t: {tried}), lambda t:"
        f" {judged})[1]"
    )
