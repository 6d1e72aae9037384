"""Columns and repairs that cannot be meant so: values that a type can never hold would be rules that never
bite.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from pipelines.core import repair, row_rules, sql
from pipelines.core.config import Column, Scalar, UseCase, limit_text
from pipelines.core.config.rows import Rows
from pipelines.core.errors import did_you_mean
from pipelines.core.snake_case import snake_case
from pipelines.sources.moments import FIRST_YEAR


def columns(rows: Rows) -> Iterator[tuple[str, str]]:
    """Values that the column's type can never hold would be rules that never bite."""
    for name, column in rows.columns.items():
        where = f"columns.{name}"
        for value in column.allowed or ():
            if not _fits(value, column):
                yield f"{where}.allowed", f"{value!r} is no {column.type}"
        if (column.min is not None or column.max is not None) and column.type in ("string", "boolean"):
            yield where, f"min and max are for numbers, dates and timestamps, and {name} is a {column.type}"
        else:
            yield from _limit_mistakes(where, column)


def label(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """A label that says too little of its values, or that rows would have to have when they are scored."""
    label = use_case.columns[use_case.target]
    if use_case.task.classes and not label.allowed and label.type != "boolean":
        yield (
            f"columns.{use_case.target}",
            "a binary label names both of its values under allowed: any other is a mistake of the source",
        )
    if use_case.label.positive is not None and not _fits(use_case.label.positive, label):
        yield "label.positive", f"{use_case.label.positive!r} is no {label.type}"
    if label.required:
        yield (
            f"columns.{use_case.target}.required",
            (
                f"rows to be scored have no label; `cleanse.drop: [{use_case.target}]` leaves unlabelled rows"
                " out of training"
            ),
        )


def _limit_mistakes(where: str, column: Column) -> Iterator[tuple[str, str]]:
    limits = [
        (what, limit) for what, limit in (("min", column.min), ("max", column.max)) if limit is not None
    ]
    wrong = [
        (f"{where}.{what}", sentence)
        for what, limit in limits
        if (sentence := _wrong_limit(what, limit, column))
    ]
    yield from wrong
    if not wrong and len(limits) > 1 and row_rules.beyond(limits[0][1], limits[1][1]):
        low, high = (limit_text(limit) for _, limit in limits)
        yield where, f"min {low} is greater than max {high}, so no value would be good"


def _wrong_limit(what: str, limit: float | date, column: Column) -> str | None:
    """Why a limit is none of its column."""
    if isinstance(limit, date) != (column.type in ("date", "timestamp")):
        return f"{limit_text(limit)} is no {column.type}"
    if isinstance(limit, int) and not _fits(
        limit, column
    ):  # a float is what it is, be it a fraction between integers
        return (
            f"{limit} is no {column.type} that a table can hold: write one, or give the column another type"
        )
    if column.type == "date" and isinstance(limit, datetime):
        return f"{limit_text(limit)} is no date: write {limit.date()}"
    if (
        what == "max"
        and column.type == "timestamp"
        and isinstance(limit, date)
        and not isinstance(limit, datetime)
    ):
        return (
            f"{limit} would be the midnight with which that day begins: write the moment, such as"
            f" {limit}T23:59:59.999999"
        )
    if isinstance(limit, date) and limit.year < FIRST_YEAR:
        return f"{limit_text(limit)} is before {FIRST_YEAR}, and no such {column.type} is read"
    return None


def repairs(rows: Rows) -> Iterator[tuple[str, str]]:
    """Repairs that can never do anything, or would make something up."""
    cleanse, declared = rows.cleanse, rows.columns
    for what in ("lower", "merge"):
        for name in getattr(cleanse, what):
            if declared[name].type != "string":
                yield (
                    f"cleanse.{what}",
                    f"{name} is a {declared[name].type}; only strings have case and spellings",
                )
    for name, codes in cleanse.missing.items():
        # A word among numbers may be a code (`n/a`); a number that the type cannot hold is a slip.
        for code in (code for code in codes if not isinstance(code, str) and not _fits(code, declared[name])):
            yield f"cleanse.missing.{name}", f"{code!r} is no {declared[name].type}, so it can never occur"
    for name, value in cleanse.fill.items():
        if name == rows.target:
            yield f"cleanse.fill.{name}", "a label that is made up teaches nothing; leave it missing"
        elif (value is None and declared[name].type != "string") or not _fits(value, declared[name]):
            yield f"cleanse.fill.{name}", f"{value!r} is no {declared[name].type}"
    for name in (name for name in cleanse.merge if declared[name].type == "string"):
        yield from ((f"cleanse.merge.{name}", sentence) for sentence in _merged_twice(name, rows))
    yield from _rename_mistakes(rows)


def _rename_mistakes(rows: Rows) -> Iterator[tuple[str, str]]:
    """A column has one name in the source, and that name no other column. DuckDB knows no case in names."""
    names, columns = rows.source_names, rows.columns
    first: dict[str, str] = {}
    for source, name in rows.cleanse.renames.items():
        where, same = (
            f"cleanse.rename.{source}",
            [other for other in names if names[other].lower() == source.lower()],
        )
        if name not in columns:
            yield where, f"no column {name!r}; {did_you_mean(name, columns)}"
        elif rows.cleanse.snake_case and source != snake_case(source):
            yield where, f"in snake case, {source!r} is {snake_case(source)!r}; write that"
        elif name in first:
            yield (
                where,
                (
                    f"{name!r} is {first[name]!r} in the source already; a column has one name there, so"
                    " leave one of them out"
                ),
            )
        elif len(same) > 1:
            yield (
                where,
                (
                    f"in the source, {' and '.join(map(repr, same))} would both be {source!r}; give each"
                    " column a name of its own there"
                ),
            )
        first.setdefault(name, source)


def _merged_twice(column: str, rows: Rows) -> Iterator[str]:
    """Which list came first would decide, and nobody reads a mapping in its order."""
    becomes: dict[str, str] = {}
    for word, kept in repair.spellings(column, rows):
        if (other := becomes.setdefault(word, kept)) != kept:
            yield f"{word!r} is to become {other!r} and {kept!r}; leave it in one of the two lists"


def _fits(value: Scalar, column: Column) -> bool:
    return sql.fits(value, sql.TYPES[column.type])
