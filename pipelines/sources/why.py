"""Why a value is none of its column's: found out for the few that a message shows."""

from __future__ import annotations

import re
from zoneinfo import available_timezones

from pipelines.core.config import Column
from pipelines.core.errors import brief
from pipelines.sources import moments
from pipelines.sources.casts import BLANK, THOUSANDS

_WORDS = "true or false, t or f, yes or no, y or n, on or off, 1 or 0"
_BLANK = "a blank cell; if that means a missing value, declare ' ' under cleanse.missing"
_SHORT_YEAR = (
    "a year has four digits; if it is spelt in another way than 2026-02-13, the column's format says how"
)
_ISO = "write 2026-02-13, or say under the column's format how it is spelt"
_ISO_TIME = "write 2026-02-13T10:00:00Z, or say under the column's format how it is spelt"
_EARLY = (
    f"no year before {moments.FIRST_YEAR} is read; if it stands for a missing value, declare it under"
    " cleanse.missing"
)
_NO_TIME = "there is no such time of day: the last one is 23:59:59.999999"
_SPAN = r"(.* )?-?\d{1,7}:\d\d:\d\d(\.\d+)?"
_NO_UNIT = "a span of time: have it delivered as a number, such as that of its seconds"
_ZONE = "is not told by its zone alone: write an offset such as +01:00, or a zone such as Europe/Berlin"


def why(value: str, column: Column) -> str:
    """The reason in a few words, such as ': a year has four digits ...'.

    Empty where there is nothing to add.
    """
    text = value.strip(BLANK)
    reason = (
        _BLANK
        if not text and column.type != "string"
        else _invisible(text, column) or _REASONS[column.type](text, column)
    )
    return f": {reason}" if reason else ""


def _invisible(text: str, column: Column) -> str:
    """Of a text that looks right, and holds a sign that nobody sees."""
    sign = next((sign for sign in text if not sign.isprintable()), "")
    if not sign or column.type == "string":
        return ""
    if not (rest := "".join(other for other in text if other.isprintable())):
        return (
            f"a cell of nothing but signs that are not seen, such as U+{ord(sign):04X}; if it means a missing"
            " value, declare it under cleanse.missing"
        )
    return f"it holds U+{ord(sign):04X}, a sign that is not seen, beside {brief(rest)}: leave it out"


def _is(pattern: str, text: str) -> re.Match[str] | None:
    # ASCII: the digits of other scripts are none to DuckDB.
    return re.fullmatch(pattern, text, re.ASCII)


def _begins(pattern: str, text: str) -> bool:
    return re.match(pattern, text, re.ASCII) is not None


def _of_moment(text: str, column: Column) -> str:
    if column.format is not None:
        return f"it is not spelt by {column.format!r}, or there is no such day"
    if "BC" in text:
        return _EARLY
    if not _begins(r"\d{4}[-/]\d", text):
        return (
            _SHORT_YEAR
            if _begins(r"\d{1,4}[-/.]\d", text)
            else (_ISO if column.type == "date" else _ISO_TIME)
        )
    if int(text[:4]) < moments.FIRST_YEAR:
        return _EARLY
    return _of_date(text) if column.type == "date" else _of_timestamp(text)


def _of_date(text: str) -> str:
    if _is(moments.DATE, text):
        return "there is no such day"
    if _is(rf"{moments.LOCAL}|{moments.STATED}|{moments.REGIONAL}", text):
        return "it has a time or an offset, and a day has none: give the column type timestamp"
    return _ISO


def _of_timestamp(text: str) -> str:
    if _is(moments.REGIONAL, text):
        known = text.rsplit(" ", 1)[1] in available_timezones()
        what = "the clocks there skip that time or show it twice" if known else "no such zone is known"
        return f"{what}: write an offset such as +01:00"
    if _is(moments.STATED, text) and text[:4] in (str(moments.FIRST_YEAR), str(moments.LAST_YEAR)):
        return f"there is no such day, or in UTC it is none of {moments.FIRST_YEAR} to {moments.LAST_YEAR}"
    if _is(rf"{moments.LOCAL}|{moments.STATED}", text):
        return "there is no such day"
    if _is(moments.ANY_TIME, text):
        return _NO_TIME
    zone = _is(rf"{moments.TIMED} ?([A-Za-z]\S*)", text)
    if zone and zone[1].upper() not in ("AM", "PM", "Z"):
        return f"the time {_ZONE}"
    return _ISO_TIME


def _of_text(text: str, _: Column) -> str:
    if _is(r"(?i:[+-]?(nan|inf|infinity))", text):
        return "a number that is none; if it stands for a missing value, declare it under cleanse.missing"
    if _is(r"(?i:[+-]?\d+(\.\d*)?(e[+-]?\d+)?)", text):
        return (
            "a number with a fraction, or a float beyond its exact digits; declare the column as number, or"
            " have texts delivered"
        )
    return "it is of another type, or its bytes are no text in UTF-8"


def _of_integer(text: str, _: Column) -> str:
    if _is(THOUSANDS, text):
        return f"a thousand in some countries, and one in others: write {text[:-4]} or {text[:-4]}000"
    if _is(_SPAN, text):
        return _NO_UNIT
    if _is(r"[+-]?\d+(\.0*)?", text):
        digits = text.lstrip("+-0").partition(".")[0]
        fits = (len(digits), digits) < (19, "9223372036854775808")  # 2^63; there may be thousands of digits
        return (
            "a float, which does not tell it from the next whole number"
            if fits
            else "it is too large for an integer of 64 bits"
        )
    if _is(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", text):
        return "write all its digits, such as 1000 for 1e3"
    if _is(r"[+-]?(\d+\.\d*|\.\d+)", text):
        return "it has a fraction, and an integer has none: give the column type number"
    return "write digits alone, such as 1234"


def _of_number(text: str, _: Column) -> str:
    if _is(_SPAN, text):
        return _NO_UNIT
    if _is(r"(?i:[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)", text):
        return "it is too large or too small for a number of 64 bits"
    if _is(r"(?i:[+-]?(nan|inf|infinity))", text):
        return "no model takes it; if it stands for a missing value, declare it under cleanse.missing"
    return "write digits, and a point before a fraction, such as 1234.5"


_REASONS = {
    "string": _of_text,
    "integer": _of_integer,
    "number": _of_number,
    "boolean": lambda _text, _column: f"write {_WORDS}",
    "date": _of_moment,
    "timestamp": _of_moment,
}
