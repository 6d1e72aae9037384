"""How a column's days or moments are spelt, where they are not ISO's: `%d/%m/%Y`."""

from __future__ import annotations

import re
from typing import NamedTuple

# Directive -> what it stands for in a text. Whatever depends on a language, or leaves a century open (%y), is
# none of these.
DIRECTIVES = {
    "%Y": r"(?:19|[2-9]\d)\d\d",
    "%m": r"(?:0?[1-9]|1[0-2])",
    "%b": r"[A-Za-z]{3}",
    "%d": r"(?:0?[1-9]|[12]\d|3[01])",
    "%H": r"(?:[01]?\d|2[0-3])",
    "%I": r"(?:0?[1-9]|1[0-2])",
    "%p": r"[AaPp][Mm]",
    "%M": r"[0-5]\d",
    "%S": r"[0-5]\d",
    "%f": r"\d{1,6}",
    "%z": r"[+-](?:0\d|1[0-4])(?::?[0-5]\d)?",
}
_OF_DAYS = ("%Y", "%m", "%b", "%d")
_NUMBERS = frozenset(DIRECTIVES) - {"%b", "%p", "%z"}
_NEEDS = {"%M": ("%H", "%I"), "%S": ("%M",), "%f": ("%S",), "%I": ("%p",), "%p": ("%I",), "%z": ("%H", "%I")}
LONGEST = 40


class Part(NamedTuple):
    """A directive, or what stands between two of them."""

    text: str
    alone: bool  # no number next to it, so that its own may have one digit or two


def parts(format: str) -> list[Part]:
    """Take a format apart."""
    texts = re.findall(r"%.?|[^%]+", format, re.DOTALL)
    beside = [None, *texts, None]
    return [Part(text, not _NUMBERS.intersection((beside[n], beside[n + 2]))) for n, text in enumerate(texts)]


def mistakes(format: str, *, of_days: bool) -> list[str]:
    """What is wrong with a format; `of_days`: for a date, which has no time of day."""
    used = [part.text for part in parts(format) if part.text.startswith("%")]
    allowed = _OF_DAYS if of_days else tuple(DIRECTIVES)
    found = [
        f"{one} is not allowed in it; allowed: {', '.join(allowed)}"
        for one in dict.fromkeys(used)
        if one not in allowed
    ]
    found += [f"{one} stands in it twice" for one in dict.fromkeys(used) if used.count(one) > 1]
    if "%Y" not in used:
        found.append("it has no %Y: a year has four digits, or nobody knows its century")
    if "%d" not in used or ("%m" in used) == ("%b" in used):
        found.append("it needs a day and one month: %d, and %m or %b")
    found += [
        f"{one} needs {' or '.join(_NEEDS[one])}"
        for one in used
        if one in _NEEDS and not set(used).intersection(_NEEDS[one])
    ]
    if "%H" in used and "%I" in used:
        found.append("%H and %I are both the hour: leave one out")
    if any(part.text == "%f" and not part.alone for part in parts(format)):
        found.append("%f follows a sign such as the point in %S.%f")
    if re.search(r"\d", format):
        found.append("no digit stands in it but those that a directive is for")
    return found


def pattern(format: str) -> str:
    """A regular expression of the texts that are spelt by a format."""
    return "".join(
        _width(part) if part.text in DIRECTIVES else re.escape(part.text) for part in parts(format)
    )


def _width(part: Part) -> str:
    # 2026113 could be the 13th of January or the 3rd of November: numbers that touch have all their digits.
    expression = DIRECTIVES[part.text]
    return expression if part.alone else expression.replace("0?", "0").replace("[01]?", "[01]")
