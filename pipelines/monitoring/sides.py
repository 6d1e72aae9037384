"""The two sides of a comparison as samples, for Evidently's report: what the champion knows, and what the
week has brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb
import pandas as pd

from pipelines.core import sql
from pipelines.monitoring.looks import Rows, usable

SAMPLE = 10_000  # rows of each side: all rows would take memory and minutes
COMMON = 0.01  # a category is named when it has this share of the reference's rows; the others are one, OTHER
OTHER = "(other)"


def together(nights: Sequence[duckdb.DuckDBPyRelation], columns: Sequence[str]) -> duckdb.DuckDBPyRelation:
    """The nights' rows in one relation."""
    named = ", ".join(map(sql.name, columns))
    return sql.together(night.project(named) for night in nights)


def sample(rows: Rows, types: dict[str, str]) -> tuple[pd.DataFrame, int]:
    """A sample of rows that is always the same, each value as the model takes it, and of how many."""
    key, time = sql.name(rows.key), sql.name(rows.time)
    columns = [key, time, *(f"{usable(name, kind)} AS {sql.name(name)}" for name, kind in types.items())]
    ((total,),) = rows.answers("SELECT count(*) FROM rows")
    found = (
        rows.relation.project(", ".join(columns))
        .order(f"md5({key}::VARCHAR), {key}, {time}")
        .limit(SAMPLE)
        .order(f"{time}, {key}")
        .df()
        .drop(columns=rows.key)
    )
    return found, int(total)


def common_only(
    before: pd.DataFrame, now: pd.DataFrame, categories: Iterable[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make one category of the rare and the new values: among a hundred small counts a test takes chance for
    drift.
    """
    before, now = before.copy(), now.copy()
    for name in categories:
        shares = before[name].value_counts(normalize=True)
        common = shares[shares >= COMMON].index
        for side in (before, now):
            values = side[name].astype(object)
            side[name] = values.where(values.isna() | values.isin(common), OTHER)
    return before, now
