"""A function of the user's own, called once a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from importlib import import_module
from types import FunctionType
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.errors import BadInput, meant
from pipelines.sources.piece import Piece


def piece(function: str, day: date, connection: duckdb.DuckDBPyConnection) -> Piece:
    """Call `package.module:function` for a day. What the function itself raises is the user's own, and passes through.

    Raises:
        BadInput: there is no such function, or it returns no pyarrow Table.
    """
    rows = _function(function)(day)
    place = f"{function}({day})"
    if not isinstance(rows, pa.Table):
        raise BadInput(f"{place} returned {type(rows).__name__}; a source returns the day's rows as a pyarrow.Table")
    return Piece(connection.from_arrow(rows), place, day)


def _function(dotted: str) -> Callable[[date], Any]:
    name, _, function = dotted.partition(":")
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        # A module that exists and misses one of its own imports is another matter.
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise BadInput(
                f"source.function {dotted!r}: no module {error.name!r}\n  way out: write package.module:function as seen from the project's root"
            ) from error
        raise
    found = getattr(module, function, None)
    if not callable(found):
        known = [name for name, value in vars(module).items() if isinstance(value, FunctionType)]
        raise BadInput(f"source.function {dotted!r}: module {name} has no function {function!r}; {meant(function, known)}")
    return found  # type: ignore[no-any-return]
