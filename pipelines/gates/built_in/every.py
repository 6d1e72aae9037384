"""What is expected of several tables: their columns and keys, their days, and that values are there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from pipelines.core import dates
from pipelines.core.config import GatedTable, UseCase
from pipelines.gates.built_in.wording import must, should
from pipelines.gates.earlier import partitions
from pipelines.gates.gx.suite import Stated
from pipelines.gates.vacuous import FEW
from pipelines.run.run import Run
from pipelines.run.tables import TABLES

ENOUGH_ROWS = 20  # so many rows do not all get the same score, or no value where others have one, by chance
PAST = 4  # earlier partitions by which it is known how many values a column lacks
MISSING = 0.05  # of the rows: so many more than usual may lack a value


def columns(run: Run, table: str) -> Stated:
    """The table has the columns that it is to have, and no others."""
    there = [
        column
        for column in TABLES[table].columns(run.use_case)
        if (table, column) != ("features", "split") or run.kind == "training"
    ]
    return must("table_columns_to_match_set", column_set=there, exact_match=True)


def has_key(use_case: UseCase) -> Iterator[Stated]:
    """Each row has a key of its own, and a time."""
    yield must("column_values_to_not_be_null", column=use_case.key)
    yield must("column_values_to_be_unique", column=use_case.key)
    yield must("column_values_to_not_be_null", column=use_case.time)


def not_missing(run: Run, table: GatedTable, names: Sequence[str]) -> Iterator[Stated]:
    """No column has many more missing values than in earlier partitions, unless the file itself says how many
    there may be.

    Without earlier partitions: a warning where a column has no value at all.
    """
    rows, earlier = run.store.manifest(table).rows, partitions.last(run, table, PAST)
    share = partitions.filled_shares(earlier, names)
    for name in names:
        if _says_how_many_lack(run.use_case, table, name):
            continue
        missing = 1 - share.get(name, 0)
        allowed = _missing_at_most(missing, rows)
        if share.get(name, 0) * rows < ENOUGH_ROWS:  # so few values are due that none may be chance
            yield should(
                "column_proportion_of_non_null_values_to_be_between",
                column=name,
                min_value=0,
                strict_min=True,
            )
        elif 1 - allowed >= FEW:
            why = (
                f"{missing:.3g} of the rows of {earlier} lack it; as many again, at least {MISSING:g}, and"
                f" chance; where more may lack it, state this expectation under gates.{table}"
            )
            yield must("column_values_to_not_be_null", column=name, mostly=round(1 - allowed, 6), why=why)
        else:
            why = f"{1 - missing:.3g} of the rows of {earlier} have a value"
            yield must(
                "column_proportion_of_non_null_values_to_be_between",
                column=name,
                min_value=0,
                strict_min=True,
                why=why,
            )


def _missing_at_most(missing: float, rows: int) -> float:
    """The share that may be missing: twice the usual one, or `MISSING` more, and three standard deviations of
    a share of so many rows.
    """
    deviation = math.sqrt(max(missing, MISSING / 5) * (1 - missing) / rows) if rows else 0.0
    return missing + max(missing, MISSING) + 3 * deviation


def is_stated_by_file(use_case: UseCase, table: GatedTable, name: str, **kwargs: Any) -> bool:
    """Whether the file states an expectation itself, with these arguments among others: a person's word
    wins.
    """
    there = (each for each in use_case.gates.get(table, ()) if each.name == f"expect_{name}")
    return any(kwargs.items() <= each.kwargs.items() for each in there)


def _says_how_many_lack(use_case: UseCase, table: GatedTable, column: str) -> bool:
    """Whether the file says of all rows how many may lack a column's value, so that more of them close the
    gate.
    """
    return any(
        each.name == "expect_column_values_to_not_be_null" and each.kwargs.get("column") == column
        for each in use_case.gates.get(table, ())
        if each.severity == "stop" and not each.kwargs.get("row_condition")
    )


def within_days(run: Run, column: str) -> Stated:
    """Every row is of one of the partition's days."""
    return between_days(run.days, column, "the partition's days are")


def between_days(days: dates.Days, column: str, what: str) -> Stated:
    """Every row is of one of these days."""
    return must(
        "column_values_to_be_between",
        column=column,
        min_value=days.start.isoformat(),
        max_value=days.end.isoformat(),
        strict_max=True,
        why=f"{what} {days}",
    )
