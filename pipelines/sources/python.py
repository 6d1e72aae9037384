"""A function of the user's own, called once a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from importlib import import_module
from traceback import extract_tb
from types import FunctionType
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.config import Delivery
from pipelines.errors import BadInput, SluiceError, meant
from pipelines.sources import bounds
from pipelines.sources.piece import Piece


def piece(function: str, day: date, connection: duckdb.DuckDBPyConnection, limits: Delivery) -> Piece:
    """Call `package.module:function` for a day.

    Raises:
        BadInput: there is no such function, it raises an error, or it returns no pyarrow Table, or one that is more than is allowed.
        SluiceError: what the function itself raises as one, so that it may ask for a retry by `TryAgain`.
    """
    place = f"{function}({day})"
    called = loaded(function)
    try:
        rows = called(day)
    except SluiceError:
        raise  # a sentence already
    except SystemExit as error:
        raise BadInput(f"{place} ends the program ({_said(error)}){_where(error)}\n  way out: correct the function") from error
    except Exception as error:  # the function is the user's: whatever it raises is told as a sentence about it
        raise BadInput(
            f"{place} raised {_said(error)}{_where(error)}\n"
            "  way out: correct the function; for what may be gone in a minute it can raise pipelines.errors.TryAgain"
        ) from error
    if not isinstance(rows, pa.Table):
        raise BadInput(f"{place} returned {type(rows).__name__}; a source returns the day's rows as a pyarrow.Table")
    bounds.require("rows", place, rows.num_rows, limits)
    bounds.require("columns", place, rows.num_columns, limits)
    return Piece(connection.from_arrow(rows), place, day)


def loaded(dotted: str) -> Callable[[date], Any]:
    """Import `package.module:function`.

    Raises:
        BadInput: the module cannot be imported, or has no such function.
    """
    name, _, function = dotted.partition(":")
    try:
        module = import_module(name)
    except SystemExit as error:
        raise BadInput(
            f"source.function {dotted!r}: importing {name} ends the program ({_said(error)})\n  way out: correct the module"
        ) from error
    except Exception as error:  # importing runs the user's code, which may raise anything
        # A module that exists and misses one of its own imports is another matter.
        if isinstance(error, ModuleNotFoundError) and error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise BadInput(
                f"source.function {dotted!r}: no module {error.name!r}\n  way out: write package.module:function as seen from the project's root"
            ) from error
        raise BadInput(f"source.function {dotted!r}: importing {name} raised {_said(error)}\n  way out: correct the module") from error
    found = getattr(module, function, None)
    if not callable(found):
        known = [name for name, value in vars(module).items() if isinstance(value, FunctionType)]
        raise BadInput(f"source.function {dotted!r}: module {name} has no function {function!r}; {meant(function, known)}")
    return found  # type: ignore[no-any-return]


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _where(error: BaseException) -> str:
    """The last line of the function's own file that was running: it may have failed deep in a library."""
    called = extract_tb(error.__traceback__)[1:]  # without our own call
    own = [frame for frame in called if frame.filename == called[0].filename]
    return f", at {own[-1].filename}, line {own[-1].lineno}" if own else ""
