"""What every kind of source gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date

import duckdb

from pipelines.core.errors import BadInput


def _nothing_to_say() -> None:
    return None


@dataclass(frozen=True)
class Piece:
    """Rows from one place: a file, one day's call of a function, a query's answer."""

    rows: duckdb.DuckDBPyRelation  # read lazily, in the source's order
    place: str  # how messages name it
    day: date | None = None  # the day to which all its rows have to belong, where the source promises that
    # Rows are read lazily, so a malformed line shows late, as DuckDB's error; this says what is wrong and in
    # which line.
    diagnose: Callable[[], BadInput | None] = _nothing_to_say
    # Whether its reader guesses, so that a more patient one may read what it gives up on.
    hasty: bool = False
    # Whether its columns' names stand in a first line, which may be a row's values instead.
    header: bool = False
    # What has to be there as long as rows are read: a file that goes with it.
    kept: object = None
    # Raises `TryAgain` if what was read is not what was opened. A table in memory and a query's answer cannot
    # change.
    refuse_change: Callable[[], None] = _nothing_to_say
    # Column -> what a text column refuses of its values, in words, where they have been made texts on their
    # way, and `rows` cannot tell.
    no_texts: Mapping[str, Set[str]] = field(default_factory=dict)
