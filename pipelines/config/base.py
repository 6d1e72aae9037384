"""What all parts of a use case are made of: words, durations, and the strictness."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from croniter import croniter
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

Kind: TypeAlias = Literal["training", "scoring", "drift"]
Step: TypeAlias = Literal[
    "ingest", "cleanse", "past", "features", "snapshot", "tune", "evaluate", "export", "promote", "score", "publish", "deliver", "drift"
]
GatedTable: TypeAlias = Literal["raw", "clean", "past", "features", "trials", "scores", "parity", "predictions", "drift"]
Family: TypeAlias = Literal["linear", "forest", "xgboost"]

# Names that Sluice itself writes into tables; a user's column may not take them.
RESERVED = frozenset({"split", "score", "decision", "engine", "model_version", "run", "partition", "reasons", "candidate"})
NAME = r"^[a-z][a-z0-9_]*$"


def _duration(value: object) -> object:
    """Read `36h` or `7d`, the two units in which people state how far back a feature looks."""
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+)\s*([hd])", value.strip())
        if not match:
            raise ValueError(f"{value!r} is not a duration: write a whole number of hours or days, such as 36h or 7d")
        number = int(match[1])
        return timedelta(hours=number) if match[2] == "h" else timedelta(days=number)
    return value


def duration_text(value: timedelta) -> str:
    """Write a duration as a use-case file does."""
    hours = int(value.total_seconds() // 3600)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


def _cron(value: str) -> str:
    if not croniter.is_valid(value):
        raise ValueError(f"{value!r} is not a cron expression: write five fields, such as '0 2 * * *' for 02:00 every night")
    return value


def _connection_id(value: str) -> str:
    # The value is not repeated: whoever writes an address here has written a password, too.
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", value):
        raise ValueError(
            "not the id of a connection: write letters, digits and . _ - such as shop; its address and password stay in Airflow"
        )
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration, json_schema_input_type=str),
    PlainSerializer(duration_text),
]
ConnectionId = Annotated[str, AfterValidator(_connection_id)]
Cron = Annotated[str, BeforeValidator(_cron)]
Identifier = Annotated[str, Field(pattern=NAME)]
Share = Annotated[float, Field(ge=0, le=1)]
Scalar: TypeAlias = bool | int | float | str | None


def variable_of(connection: str) -> str:
    """The environment variable that holds a connection, as Airflow names it."""
    return f"AIRFLOW_CONN_{connection.upper()}"


class Strict(BaseModel):
    """Frozen, and an unknown key is an error: a misspelt option must never be a silently ignored one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
