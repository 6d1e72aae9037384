"""How an expectation is written, and the rows that it is about."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from pipelines.core.config import Expectation
from pipelines.gates.gx.suite import Stated

Condition: TypeAlias = dict[str, Any]

GREATEST = sys.float_info.max  # finite; infinity and NaN, which DuckDB sorts behind it, are beyond


def must(name: str, /, *, why: str = "", **kwargs: Any) -> Stated:
    """An expectation that closes the gate."""
    return Stated(Expectation(name=f"expect_{name}", kwargs=kwargs), why=why)


def should(name: str, /, *, why: str = "", **kwargs: Any) -> Stated:
    """An expectation that only warns."""
    return Stated(Expectation(name=f"expect_{name}", kwargs=kwargs, severity="warn"), why=why)


def with_sentence(one: Stated, sentence: str) -> Stated:
    """The same, told in a sentence where it fails."""
    return replace(one, told=sentence)


def of_what_is_there(name: str, /, *, why: str = "", **kwargs: Any) -> Stated:
    """One that holds where there is no value to judge: whether there should be any is asked by another."""
    return Stated(Expectation(name=f"expect_{name}", kwargs=kwargs), why=why, needs_values=False)


def is_(column: str, value: str | bool | int) -> Condition:
    """The rows whose column has this value."""
    return {"type": "comparison", "column": {"name": column}, "operator": "==", "parameter": value}


def is_not(column: str, value: str | bool) -> Condition:
    """The rows whose column has another value."""
    return is_(column, value) | {"operator": "!="}


def is_one_of(column: str, values: Sequence[str]) -> Condition:
    """The rows whose column has one of these values."""
    return {"type": "comparison", "column": {"name": column}, "operator": "IN", "parameter": list(values)}


def is_null(column: str) -> Condition:
    """The rows whose column has no value."""
    return {"type": "nullity", "column": {"name": column}, "is_null": True}


def both(*conditions: Condition) -> Condition:
    """The rows that meet all of these conditions."""
    return {"type": "and", "conditions": list(conditions)}
