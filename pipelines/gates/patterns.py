"""Patterns that every text matches, or that DuckDB cannot read: tried on texts of every kind, as the gate
will try them on values.

A regular expression is searched for, so one that matches the empty text is found in every text, whatever else
it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import duckdb

EXPECTATIONS = frozenset(
    f"column_values_to_{verb}match_{kind}{each}"
    for verb in ("", "not_")
    for kind in ("regex", "like_pattern")
    for each in ("", "_list")
)
# Each character that a keyboard has, and some of other scripts, alone; all of them together; and a text
# longer than any {n,m} of RE2.
_CHARACTERS = [
    chr(code)
    for code in (
        *range(1, 127),
        0xA0,
        0xDF,
        0xE9,
        0x3A9,
        0x436,
        0x5D0,
        0x200B,
        0x4E2D,
        0xFEFF,
        0xFFFD,
        0x1F642,
    )
]
PROBES = ("", *_CHARACTERS, "".join(_CHARACTERS), "".join(reversed(_CHARACTERS)), "a\nb", "long " * 400)


def mistakes(given: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the patterns of an expectation; by their arguments it is told what is asked."""
    kind = "regex" if "regex" in given or "regex_list" in given else "like_pattern"
    patterns = given.get(f"{kind}_list", [given.get(kind)])
    if isinstance(patterns, list | tuple):
        for pattern in patterns:
            yield from _of(kind, str(pattern), given.get("escape"))


def _of(kind: str, pattern: str, escape: str | None) -> Iterator[str]:
    try:
        everything = _matches_everything(kind, pattern, escape)
    except duckdb.Error as error:
        yield f"{kind} {pattern!r} cannot be read: {str(error).splitlines()[0]}"
        return
    if everything:
        yield f"{kind} {pattern!r} is found in every text" + (
            ", as what matches the empty one is" if kind == "regex" else ""
        )


@cache
def _matches_everything(kind: str, pattern: str, escape: str | None) -> bool:
    """Whether every probe matches.

    A `.` counts as any character, since whoever writes `^.*$` thinks of no line ends.
    """
    probes = "SELECT unnest($probes) AS text"
    with duckdb.connect() as connection:
        if kind == "regex":
            condition, values = (
                "regexp_matches(text, $pattern) OR regexp_matches(text, $dotted)",
                {"dotted": f"(?s){pattern}"},
            )
        elif escape is None:
            condition, values = "text LIKE $pattern", {}
        else:
            condition, values = "like_escape(text, $pattern, $escape)", {"escape": escape}
        query = f"SELECT bool_and({condition}) FROM ({probes})"
        ((found,),) = connection.execute(
            query, {"probes": list(PROBES), "pattern": pattern, **values}
        ).fetchall()
    return bool(found)
