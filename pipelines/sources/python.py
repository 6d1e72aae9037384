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

from pipelines.core.config import Delivery
from pipelines.core.errors import BadInput, SluiceError, brief, did_you_mean
from pipelines.sources import bounds
from pipelines.sources.names import mistakes_of
from pipelines.sources.piece import Piece

_SHOWN = 300  # characters of what pyarrow or DuckDB says
_MOST_DIGITS = 38  # of DuckDB's decimals


def piece(function: str, day: date, connection: duckdb.DuckDBPyConnection, limits: Delivery) -> Piece:
    """Call `package.module:function` for a day.

    Raises:
        BadInput: there is no such function, it raises an error, or it returns no pyarrow Table, or one that
            is more than is allowed.
        SluiceError: what the function itself raises as one, so that it may ask for a retry by `TryAgain`.
    """
    place = f"{function}({day})"
    rows = _rows_of(load(function), day, place)
    bounds.require("rows", place, rows.num_rows, limits)
    bounds.require("columns", place, rows.num_columns, limits)
    _refuse_damaged(rows, place)
    try:
        return Piece(connection.from_arrow(_in_known_types(rows)), place, day)
    except (duckdb.Error, pa.ArrowException) as error:
        types = ", ".join(
            dict.fromkeys(
                f"{name}: {type_}" for name, type_ in zip(rows.column_names, rows.schema.types, strict=True)
            )
        )
        raise BadInput(
            f"{place} returned a table that cannot be read: {_first_line(error)}",
            details=[f"its columns: {types[:_SHOWN]}"],
            fix=(
                "let it return columns of plain types, such as string, int64, float64, bool, date32 or"
                " timestamp"
            ),
        ) from error


def _rows_of(function: Callable[[date], Any], day: date, place: str) -> pa.Table:
    """What the user's function returns for a day; whatever it raises is told as a sentence about it."""
    try:
        rows = function(day)
    except SluiceError:
        raise  # a sentence already
    except SystemExit as error:
        raise BadInput(
            f"{place} ends the program ({_first_line(error)}){_where(error)}", fix="correct the function"
        ) from error
    except Exception as error:  # the function is the user's, and may raise anything
        raise BadInput(
            f"{place} raised {_first_line(error)}{_where(error)}",
            fix=(
                "correct the function; for what may be gone in a minute it can raise"
                " pipelines.core.errors.TryAgain"
            ),
        ) from error
    if not isinstance(rows, pa.Table):
        raise BadInput(
            f"{place} returned {type(rows).__name__}; a source returns the day's rows as a pyarrow.Table",
            fix=(
                "let it return one, such as pyarrow.Table.from_pandas(rows, preserve_index=False) or"
                " pyarrow.Table.from_pylist(rows)"
            ),
        )
    return rows


def _refuse_damaged(rows: pa.Table, place: str) -> None:
    """Make sure that a table has columns of a name each, and that their values are what their types say.

    Raises:
        BadInput: it has not; pyarrow itself looks at neither, and bytes that are no UTF-8 would be published
            as a text.
    """
    mistakes = mistakes_of(rows.column_names) or ([] if rows.column_names else ["there is no column"])
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowException as error:
            mistakes.append(f"column {brief(name)}: {_first_line(error)}")
    if mistakes:
        raise BadInput(
            f"{place} returned a table that is none of rows", details=mistakes, fix="correct the function"
        )


def _narrow(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_float16(type_):
        return pa.float32()
    if pa.types.is_decimal256(type_):
        return pa.decimal128(min(type_.precision, _MOST_DIGITS), type_.scale)
    return type_


def _in_known_types(rows: pa.Table) -> pa.Table:
    """Columns of types that DuckDB has none for as the next one that it has, exactly.

    Raises:
        pyarrow.ArrowException: a value has no place there.
    """
    found = [(field.name, _narrow(field.type)) for field in rows.schema]
    return rows.cast(pa.schema(found)) if [type_ for _, type_ in found] != rows.schema.types else rows


def load(dotted: str) -> Callable[[date], Any]:
    """Import `package.module:function`.

    Raises:
        BadInput: the module cannot be imported, or has no such function.
    """
    name, _, function = dotted.partition(":")
    try:
        module = import_module(name)
    except SystemExit as error:
        raise BadInput(
            f"importing {name} ends the program ({_first_line(error)})",
            where=f"source.function {dotted!r}",
            fix="correct the module",
        ) from error
    except Exception as error:  # importing runs the user's code, which may raise anything
        # A module that exists and misses one of its own imports is another matter.
        if (
            isinstance(error, ModuleNotFoundError)
            and error.name
            and (name == error.name or name.startswith(f"{error.name}."))
        ):
            raise BadInput(
                f"no module {error.name!r}",
                where=f"source.function {dotted!r}",
                fix="write package.module:function as seen from the project's root",
            ) from error
        raise BadInput(
            f"importing {name} raised {_first_line(error)}",
            where=f"source.function {dotted!r}",
            fix="correct the module",
        ) from error
    found = getattr(module, function, None)
    if not callable(found):
        known = [name for name, value in vars(module).items() if isinstance(value, FunctionType)]
        raise BadInput(
            f"module {name} has no function {function!r}; {did_you_mean(function, known)}",
            where=f"source.function {dotted!r}",
            fix="write one that the module has",
        )
    return found  # type: ignore[no-any-return]


def _first_line(error: BaseException) -> str:
    said = f"{type(error).__name__}: {error}".splitlines()[0]
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}..."


def _where(error: BaseException) -> str:
    """The last line of the function's own file that was running: it may have failed deep in a library."""
    called = extract_tb(error.__traceback__)[1:]  # without our own call
    own = [frame for frame in called if frame.filename == called[0].filename]
    return f", at {own[-1].filename}, line {own[-1].lineno}" if own else ""
