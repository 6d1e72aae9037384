"""The parts of an error, and the one place where they become text, HTML or JSON: ten lines at most, none of
them endless, whatever the parts hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import chain
from typing import TypeAlias

MAX_LINES = 10
LONGEST = 2_000  # characters of a part, or of one detail

Json: TypeAlias = str | int | list[str] | None


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What an error says.

    `where` is the place that the sentence begins with, `at` the whole path of the file that it only names.
    `details` are examples, the first of so many `in_all`. `report` is a page, a path below the data root.
    """

    found: str
    fix: str
    where: str | None = None
    allowed: str | None = None
    details: tuple[str, ...] = ()
    in_all: int = 0
    at: str | None = None
    report: str | None = None

    @property
    def sentence(self) -> str:
        """What was found where, and what is allowed: one line, without the way out."""
        where = f"{one_line(self.where)}: " if self.where else ""
        allowed = f"; allowed: {one_line(self.allowed)}" if self.allowed else ""
        return f"{where}{one_line(self.found)}{allowed}"


def text(parts: Parts) -> str:
    """For a terminal and a log: the sentence, its details, its places, and the way out."""
    details = (f"  - {line}" for line in _details(parts))
    more = [f"  ... and {_left(parts):,} more"] if _left(parts) else []
    places = (f"  {name}: {place}" for name, place in _places(parts))
    return "\n".join([parts.sentence, *details, *more, *places, f"  way out: {one_line(parts.fix)}"])


def in_one_line(parts: Parts) -> str:
    """The same as one among several mistakes."""
    places = (f"{name}: {place}" for name, place in _places(parts))
    return "; ".join([parts.sentence, *_details(parts), *places, one_line(parts.fix)])


def html(parts: Parts) -> str:
    """The same for a page or a mail."""
    more = [f"... and {_left(parts):,} more"] if _left(parts) else []
    details = [f"<li>{escape(line)}</li>" for line in chain(_details(parts), more)]
    below = [*_places(parts), ("way out", one_line(parts.fix))]
    return "\n".join(
        [
            f"<p><b>{escape(parts.sentence)}</b></p>",
            *(["<ul>", *details, "</ul>"] if details else []),
            *(f"<p>{name}: {escape(place)}</p>" for name, place in below),
        ]
    )


def as_json(parts: Parts) -> dict[str, Json]:
    """The same for a program, by name."""
    return {
        "where": one_line(parts.where) if parts.where else None,
        "found": one_line(parts.found),
        "allowed": one_line(parts.allowed) if parts.allowed else None,
        "details": list(_details(parts)),
        "in_all": parts.in_all,
        **dict(_places(parts)),
        "fix": one_line(parts.fix),
    }


def one_line(said: str) -> str:
    """A text as one line of a bounded length, which can take no hold of a terminal."""
    line = " ".join(said[: 2 * LONGEST].splitlines())
    seen = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)
    if len(seen) <= LONGEST and len(said) <= 2 * LONGEST:
        return seen
    return f"{seen[:LONGEST]}... ({len(said):,} characters)"


def _places(parts: Parts) -> Iterator[tuple[str, str]]:
    if parts.at:
        yield "at", one_line(parts.at)
    if parts.report:
        yield "report", one_line(parts.report)


def _details(parts: Parts) -> Iterator[str]:
    return map(one_line, parts.details[: _shown(parts)])


def _shown(parts: Parts) -> int:
    """How many of the details have room between the sentence and the way out."""
    room = MAX_LINES - 2 - len(list(_places(parts)))
    return min(room if parts.in_all <= room else room - 1, len(parts.details))


def _left(parts: Parts) -> int:
    return max(parts.in_all - _shown(parts), 0)
