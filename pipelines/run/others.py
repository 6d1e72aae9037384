"""What the gate has let through of other sources than that of the rows that are predicted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from pipelines.run.run import Run


def published(run: Run) -> Mapping[str, duckdb.DuckDBPyRelation]:
    """The cleansed rows of each other source, by its name."""
    return {name: run.store.read("sources", (name,)) for name in run.use_case.sources}
