"""What all parts of a use case are made of: words, durations, days."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from croniter import CroniterBadDateError, croniter
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from pipelines.core.calendar import named
from pipelines.core.errors import brief

Kind: TypeAlias = Literal["training", "scoring", "drift"]
Step: TypeAlias = Literal[
    "ingest",
    "cleanse",
    "past",
    "sources",
    "features",
    "snapshot",
    "tune",
    "evaluate",
    "export",
    "promote",
    "score",
    "publish",
    "deliver",
    "drift",
]
GatedTable: TypeAlias = Literal[
    "raw", "clean", "past", "sources", "features", "trials", "scores", "parity", "predictions", "drift"
]
Family: TypeAlias = str  # the name of one of `pipelines.core.families`
# Where a training has its model from: by a search, or it is the one that serves, with another calibration.
Model: TypeAlias = Literal["search", "keep"]

# Names that Sluice itself writes into tables; a user's column may not take them.
RESERVED = frozenset(
    {"split", "score", "decision", "engine", "model_version", "run", "partition", "reasons", "candidate"}
)
NAME = r"^[a-z][a-z0-9_]*$"
# characters: names go into files' names and DAG ids, and PostgreSQL cuts longer ones off without a word
LONGEST_NAME = 63
MOST_DAYS = 36_525  # a century: so far, any sum of days and dates below is a date
BEYOND = 2**53  # from here on, a float does not tell a whole number from the next
LONGEST_CRON = 100  # characters
LONGEST_PATH = 1_000  # characters


def _duration(value: object) -> object:
    """Read `36h` or `7d`, the two units in which people state how far back a feature looks."""
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+)\s*([hd])", value.strip())
        if not match:
            raise ValueError(
                f"{brief(value)} is not a duration: write a whole number of hours or days, such as 36h or 7d"
            )
        hours = (
            int(match[1]) * (1 if match[2] == "h" else 24)
            if len(match[1]) < len(str(24 * MOST_DAYS)) + 1
            else 24 * MOST_DAYS + 1
        )
        if hours > 24 * MOST_DAYS:
            raise ValueError(f"{brief(value)} is more than a century ({MOST_DAYS}d)")
        return timedelta(hours=hours)
    return value


def duration_text(value: timedelta) -> str:
    """Write a duration as a use-case file does."""
    hours = int(value.total_seconds() // 3600)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


def _cron(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_CRON or not croniter.is_valid(value):
        raise ValueError(
            f"{brief(value)} is not a cron expression: write five fields, such as '0 2 * * *' for 02:00 every"
            " night"
        )
    try:
        croniter(value, datetime(2000, 1, 1)).get_next()
    except CroniterBadDateError as error:
        raise ValueError(
            f"{value!r} never comes: there is no such day; write five fields, such as '0 2 * * *'"
        ) from error
    return value


def _connection_id(value: str) -> str:
    # The value is not repeated: whoever writes an address here has written a password, too.
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,200}", value):
        raise ValueError(
            "not the id of a connection: write letters, digits and . _ - such as shop; its address and"
            " password stay in Airflow"
        )
    return value


def _day(value: object) -> object:
    # Pydantic would take 20260131 for seconds since 1970.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"{brief(value)} is no day of the calendar") from error
    raise ValueError(f"{brief(value)} is no day: write year, month and day, such as 2026-01-31")


def _partition(value: object) -> date:
    if isinstance(value, date):
        return value
    if (found := named(value)) is None:
        raise ValueError(f"{brief(value)} names no partition: write it such as 2026-01-31, or 2026-01-31T05")
    return found


def _no_way_up(value: str) -> str:
    """A path to read: absolute, or below the project's root.

    It may not climb out of a folder that it names.
    """
    if ".." in value.split("/"):
        raise ValueError(
            f"{brief(value)} leads up by `..`: write a path below the project's root, or an absolute one"
        )
    return value


def _text_or_integer(value: object) -> object:
    if isinstance(value, bool | float) or value is None:
        raise PydanticCustomError("unquoted", "only texts and whole numbers stand here")
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration, json_schema_input_type=str),
    PlainSerializer(duration_text),
]
ConnectionId = Annotated[str, AfterValidator(_connection_id)]
Cron = Annotated[str, BeforeValidator(_cron)]
Identifier = Annotated[str, Field(pattern=NAME, max_length=LONGEST_NAME)]
Days = Annotated[int, Field(le=MOST_DAYS)]
Day = Annotated[date, BeforeValidator(_day), Field(ge=date(1000, 1, 1), le=date(2999, 12, 31))]
PartitionName = Annotated[
    date,
    PlainValidator(_partition, json_schema_input_type=str),
    PlainSerializer(lambda value: value.isoformat(), return_type=str),
]
ReadPath = Annotated[str, AfterValidator(_no_way_up), Field(min_length=1, max_length=LONGEST_PATH)]
Value = Annotated[str | int, BeforeValidator(_text_or_integer)]
Scalar: TypeAlias = bool | int | float | str | None


def _exactly(value: object, read: ValidatorFunctionWrapHandler) -> float:
    number: float = read(value)
    return (
        value if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= BEYOND else number
    )


def _bound(value: object, read: ValidatorFunctionWrapHandler) -> float | date:
    """A number, or a day or moment as an ISO text, or as YAML may have made of it.

    A moment with an offset becomes UTC.
    """
    found = value
    if isinstance(value, str) and re.match(r"\d{4}-\d", value):
        try:
            found = (
                date.fromisoformat(value)
                if len(value) == len("2026-01-31")
                else datetime.fromisoformat(value)
            )
        except ValueError as error:
            raise ValueError(
                f"{brief(value)} is no day and no moment: write 2026-01-31, or 2026-01-31T10:00:00"
            ) from error
    if isinstance(found, datetime):
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    if isinstance(found, date):
        return found
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"input should be a finite number, found {value}")
    try:
        return _exactly(value, read)
    except ValidationError as error:
        if not isinstance(value, str):
            raise
        raise ValueError(f"{brief(value)} is no number, and no day such as 2026-01-31") from error


# Of numbers, or of days and moments.
Bound = Annotated[
    float | date,
    Field(union_mode="left_to_right"),
    WrapValidator(_bound, json_schema_input_type=float | str),
    PlainSerializer(lambda value: value if isinstance(value, (int, float)) else value.isoformat()),
]


def limit_text(limit: float | date) -> str:
    """A limit as people write it, with all digits of a whole number."""
    if isinstance(limit, date):
        return limit.isoformat()
    return str(limit) if isinstance(limit, int) else f"{limit:g}"


def variable_of(connection: str) -> str:
    """The environment variable that holds a connection, as Airflow names it."""
    return f"AIRFLOW_CONN_{connection.upper()}"


class ConnectedPart:
    """What is reached through a connection of Airflow's, where its address and password stay."""

    if TYPE_CHECKING:
        connection: ConnectionId

    @property
    def variable(self) -> str:
        """The environment variable that holds the connection, as Airflow names it."""
        return variable_of(self.connection)
