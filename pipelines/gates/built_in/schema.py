"""What the schema says of a column's values, once they are repaired."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time

from pipelines.core.config.rows import Rows
from pipelines.gates.built_in.wording import must, of_what_is_there
from pipelines.gates.gx.suite import Stated


def of_column(column: str, rows: Rows) -> Iterator[Stated]:
    """That they are there where they have to be, and are among those that may be."""
    spec = rows.columns[column]
    if spec.required:
        yield must("column_values_to_not_be_null", column=column)
    if spec.allowed is not None:
        yield of_what_is_there("column_values_to_be_in_set", column=column, value_set=list(spec.allowed))
    if spec.min is not None or spec.max is not None:
        low, high = map(_comparable, (spec.min, spec.max))
        yield of_what_is_there("column_values_to_be_between", column=column, min_value=low, max_value=high)


def _comparable(limit: float | date | None) -> float | datetime | None:
    """A limit as Great Expectations compares it: a day as the midnight with which it begins."""
    return (
        datetime.combine(limit, time())
        if isinstance(limit, date) and not isinstance(limit, datetime)
        else limit
    )
