"""What a use-case file already says of a table's columns: against that, an expectation may be one that
nothing can break.

Only what holds of every published table counts: the types that ingest makes, the limits by which cleansing
puts rows aside, the values of labels, scores and decisions. A feature that is a column as it is says what
that column says.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from pipelines.core.config import Column, GatedTable, UseCase
from pipelines.core.config.rows import Rows
from pipelines.core.sql import TYPES, type_of
from pipelines.gates.fact import Fact
from pipelines.run.tables import TABLES


def facts(use_case: UseCase, table: GatedTable) -> dict[str, Fact]:
    """What is known of each column of a table that an expectation may name."""
    known = {column: Fact() for column in TABLES[table].columns(use_case)}
    if table == "raw":
        known |= {
            use_case.source_names[name]: Fact(TYPES[column.type]) for name, column in use_case.columns.items()
        }
    elif table == "clean":
        known |= _clean(use_case)
    elif table == "features":
        known |= _features(use_case, _clean(use_case))
    elif table == "predictions":
        clean = _clean(use_case)
        known |= {name: clean[name] for name in (use_case.key, use_case.time)}
        if use_case.task.probabilities:
            known["score"] = Fact("DOUBLE", 0, 1, filled=True, named="a score is a probability")
        if use_case.task.decides:
            known["decision"] = Fact(
                allowed=frozenset({0, 1}), low=0, high=1, filled=True, named="a decision is 0 or 1"
            )
    return known


def of_rows(rows: Rows) -> dict[str, Fact]:
    """What is known of each column of a source's cleansed rows."""
    found = {}
    for name in rows.kept_columns:
        column = rows.columns[name]
        allowed = frozenset(column.allowed) if column.allowed is not None else None
        filled = column.required or name in (rows.key, rows.time)
        low, high = _limits(column)
        found[name] = Fact(
            TYPES[column.type], low, high, allowed, unique=False, filled=filled, named=f"columns.{name}"
        )
    return found


def _clean(use_case: UseCase) -> dict[str, Fact]:
    found = {
        name: replace(fact, type=type_of(name, use_case), unique=name == use_case.key)
        for name, fact in of_rows(use_case).items()
    }
    if classes := use_case.task.classes:
        named = f"a {use_case.task} label is {' or '.join(map(str, classes))}"
        label = Fact("BIGINT", min(classes), max(classes), frozenset(classes), named=named)
        found[use_case.target] = label
    return found


def _limits(column: Column) -> tuple[float | None, float | None]:
    """A number's limits: expectations on days and moments are compared with none."""
    low, high = (None if isinstance(limit, date) else limit for limit in (column.min, column.max))
    return low, high


def _features(use_case: UseCase, clean: dict[str, Fact]) -> dict[str, Fact]:
    """A number that is a column as it is keeps its limits.

    A category has a word for missing values, too, and so is no longer known.
    """
    found = {name: clean[name] for name in (use_case.key, use_case.time, use_case.target) if name in clean}
    for name, expression in use_case.features.numbers.items():
        if (column := expression.strip()) in clean and clean[column].type in ("BIGINT", "DOUBLE"):
            found[name] = replace(clean[column], type="FLOAT", allowed=None, unique=False)
    return found
