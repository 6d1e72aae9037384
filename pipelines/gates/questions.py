"""What is asked of a relation: the expectations on it, and what is known of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.gates.fact import Fact
from pipelines.gates.gx.suite import Stated

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Questions:
    """Expectations on a relation.

    Attributes:
        relation: The table, or what tells of it.
        stated: What is expected.
        masked: Columns whose values are personal.
        key: The column that names a row, if the table has one.
        known: What the use-case file says of the columns: a file's expectation that says no more is a
            mistake; built-in ones are what the file says.
    """

    relation: duckdb.DuckDBPyRelation
    stated: Sequence[Stated]
    masked: frozenset[str] = frozenset()
    key: str | None = None
    known: Mapping[str, Fact] | None = None
