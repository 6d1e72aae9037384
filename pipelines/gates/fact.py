"""What is known of a column before its table is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """What is known of a column.

    Attributes:
        type: Its type, as DuckDB calls it.
        low: Its least value.
        high: Its greatest value.
        allowed: Its values.
        unique: No value is there twice.
        filled: No value is missing.
        named: Where the file says so.
    """

    type: str | None = None
    low: float | None = None
    high: float | None = None
    allowed: frozenset[str | int] | None = None
    unique: bool = False
    filled: bool = False
    named: str = ""
