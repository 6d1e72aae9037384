"""Values of a use-case file beside the columns that they are values of: their types, and each other.

A value that its column can never hold is a rule that never bites, and one that is no text to YAML is another
text than the file's author has written: `007` is seven.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import yaml

from pipelines.core import sql, yaml_text
from pipelines.core.config import Column, Scalar, UseCase
from pipelines.gates import facts

Mistakes: TypeAlias = Iterator[tuple[str, str]]

_KINDS = {bool: "true or false", int: "an integer", float: "a number", type(None): "no value at all"}


def unquoted_texts(use_case: UseCase, whole: yaml.Node | None) -> Mistakes:
    """Numbers, booleans and nulls where a text is asked for, each with the text that the file's author may
    have meant.
    """
    for where, column, value in _of_texts(use_case):
        if not isinstance(value, str) and type(value) in _KINDS:
            written = yaml_text.as_written(whole, tuple(where.split(".")))
            kind, way_out = _KINDS[type(value)], yaml_text.quoted(str(value) if written is None else written)
            yield (
                where,
                (
                    f"{str(value) if written is None else written} is {kind} to YAML, and {column} is a"
                    f" string: {way_out}"
                ),
            )


def _of_texts(use_case: UseCase) -> Iterator[tuple[str, str, Any]]:
    """Each value that belongs to a column of texts: where it stands, and the column."""
    cleanse = use_case.cleanse
    for name in (name for name, column in use_case.columns.items() if column.type == "string"):
        lists = {
            f"columns.{name}.allowed": use_case.columns[name].allowed,
            f"cleanse.missing.{name}": cleanse.missing.get(name),
        }
        for where, values in lists.items():
            yield from ((f"{where}.{n}", name, value) for n, value in enumerate(values or ()))
        if name in cleanse.fill:
            yield f"cleanse.fill.{name}", name, cleanse.fill[name]
        if name == use_case.target and use_case.label.positive is not None:
            yield "label.positive", name, use_case.label.positive
    for where, name, type_, value in _of_sets(use_case):
        if type_ == "VARCHAR":
            yield where, name, value


def _of_sets(use_case: UseCase) -> Iterator[tuple[str, str, str, Any]]:
    """Each value of an expectation's `value_set`: where it stands, its column, and the column's type."""
    texts = {*use_case.features.categories, *use_case.features.texts}
    for table, expectations in use_case.gates.items():
        types = {name: fact.type for name, fact in facts.facts(use_case, table).items()}
        types |= dict.fromkeys(texts, "VARCHAR") if table == "features" else {}
        for n, expectation in enumerate(expectations):
            name, values = str(expectation.kwargs.get("column")), expectation.kwargs.get("value_set")
            if (type_ := types.get(name)) and isinstance(values, list | tuple):
                where = f"gates.{table}.{n}.{expectation.name}.value_set"
                yield from ((f"{where}.{number}", name, type_, value) for number, value in enumerate(values))


def mistakes(use_case: UseCase) -> Mistakes:
    """Values that their column never holds, by its type, its limits or its list, or that a row may not be
    given.
    """
    yield from _positive_mistakes(use_case)
    for where, name, type_, value in _of_sets(use_case):
        if type_ != "VARCHAR" and value is not None and not sql.fits(value, type_):
            yield where, f"{value!r} is never there: {name} is a {type_}; leave it out, or correct the column"
    for name, value in use_case.cleanse.fill.items():
        column, where = use_case.columns[name], f"cleanse.fill.{name}"
        if column.role in ("key", "time"):
            yield (
                where,
                (
                    f"{name} is the {column.role}, which no row can be given; leave it missing, and the row"
                    " goes to quarantine"
                ),
            )
        elif value is not None and sql.fits(value, sql.TYPES[column.type]):
            yield from (
                (where, f"{value!r} {why}, so every row that is filled would go to quarantine")
                for why in _put_aside(value, column)
            )
    for name, kept in use_case.cleanse.merge.items():
        column = use_case.columns[name]
        for spelling in kept if column.type == "string" else ():
            yield from (
                (f"cleanse.merge.{name}.{spelling}", f"{spelling!r} {why}")
                for why in _put_aside(spelling, column)
            )
    for name, codes in use_case.cleanse.missing.items():
        if None in codes and use_case.columns[name].type != "string":
            yield (
                f"cleanse.missing.{name}",
                "null is a missing value already; leave it out, or write a text in quotes: 'null'",
            )


def _positive_mistakes(use_case: UseCase) -> Mistakes:
    label, positive = use_case.columns[use_case.target], use_case.label.positive
    allowed = label.allowed or ()
    type_ = sql.TYPES[label.type]
    if positive is None or not allowed or not all(sql.fits(value, type_) for value in (positive, *allowed)):
        return
    yes, *others = sql.constants(tuple(sql.literal(value, type_) for value in (positive, *allowed)))
    if yes not in others:
        listed = ", ".join(map(repr, allowed))
        yield (
            "label.positive",
            (
                f"{positive!r} is not among the label's allowed values ({listed}); write one of these, or add"
                " it there"
            ),
        )
    elif set(others) == {yes}:
        yield (
            f"columns.{use_case.target}.allowed",
            f"{positive!r} alone: a binary label has two values, so name the other one, too",
        )


def _put_aside(value: Scalar, column: Column) -> Iterator[str]:
    """Why cleansing puts a row with this value aside."""
    type_ = sql.TYPES[column.type]
    if column.allowed is not None:
        fitting = [word for word in column.allowed if sql.fits(word, type_)]
        found, *allowed = sql.constants(tuple(sql.literal(word, type_) for word in (value, *fitting)))
        if found not in allowed:
            yield f"is not among the allowed values ({', '.join(map(repr, column.allowed))})"
    number = _number(value) if column.type in ("integer", "number") else None
    if number is not None and isinstance(column.min, int | float) and number < Decimal(str(column.min)):
        yield f"is below min {column.min:g}"
    if number is not None and isinstance(column.max, int | float) and number > Decimal(str(column.max)):
        yield f"is above max {column.max:g}"


def _number(value: Scalar) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
