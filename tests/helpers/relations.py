"""Rows for the tests of steps that are SQL: relations from literal rows, and the tiny use case with
changes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from pipelines.core.config import UseCase
from tests.helpers import tiny

START = datetime(2026, 1, 1)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("at", pa.timestamp("us")),
        ("customer", pa.string()),
        ("amount", pa.float64()),
        ("channel", pa.string()),
        ("bad", pa.int64()),
    ]
)


def use_case(**changes: Any) -> UseCase:
    """The tiny use case, with whole top-level keys replaced."""
    return UseCase.model_validate({**yaml.safe_load(tiny.YAML), **changes})


def row(id_: str | None, hours: float = 0, **values: Any) -> dict[str, Any]:
    """A good row of the tiny use case, some hours after the start, but for the given values."""
    return {
        "id": id_,
        "at": START + timedelta(hours=hours),
        "customer": "c1",
        "amount": 1.0,
        "channel": "chip",
        "bad": 0,
    } | values


@cache
def connection() -> duckdb.DuckDBPyConnection:
    """One for all tests of a process, as a run has one for all its tables."""
    return duckdb.connect()


def relation(rows: list[dict[str, Any]], **more: pa.DataType) -> duckdb.DuckDBPyRelation:
    """Rows of the tiny use case as a relation, with further columns if any are given."""
    schema = pa.schema([*SCHEMA, *(pa.field(name, type_) for name, type_ in more.items())])
    return connection().from_arrow(pa.Table.from_pylist(rows, schema=schema))


def dicts(relation: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """A relation's rows."""
    found: list[dict[str, Any]] = relation.to_arrow_table().to_pylist()
    return found
