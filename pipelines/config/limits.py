"""How much a run may take."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

from pipelines.config.base import Strict

UNITS = {"MB": 10**6, "GB": 10**9}
LEAST = 500 * UNITS["MB"]  # Python with the libraries of a step takes most of that


def _bytes(value: object) -> object:
    """Read `2GB` or `800MB`, decimal as DuckDB and disk makers count."""
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+)\s*([MG]B)", value.strip())
        if not match:
            raise ValueError(f"{value!r} is not an amount of memory: write a whole number of MB or GB, such as 800MB or 2GB")
        return int(match[1]) * UNITS[match[2]]
    return value


def memory_text(value: int) -> str:
    """Write an amount of memory as a use-case file does."""
    return f"{value // UNITS['GB']}GB" if value % UNITS["GB"] == 0 else f"{value // UNITS['MB']}MB"


Memory = Annotated[int, BeforeValidator(_bytes, json_schema_input_type=str), PlainSerializer(memory_text)]


class Limits(Strict):
    """How much a run may take, and how little may come."""

    memory: Memory = Field(
        default=2 * UNITS["GB"],
        ge=LEAST,
        description="What a task of ingest, cleanse, features, score, drift or a gate may hold at most, such as 2GB; what is larger goes through the disk. Fitting models is not bounded by it.",
    )
    slice_rows: int = Field(
        default=1_000_000,
        ge=1,
        description="The rows that one task scores, rounded up to whole row groups; a larger night is shared out among several.",
    )
    empty_nights: bool = Field(default=False, description="Whether a night without any row is in order. If not, it is red.")
