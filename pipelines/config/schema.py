"""What a row is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipelines.config.base import Days, Limit, Strict


class Column(Strict):
    """One column of the source."""

    type: Literal["string", "integer", "number", "boolean", "date", "timestamp"]
    role: Literal["feature", "key", "time", "label", "leak", "ignored"] = Field(
        default="feature",
        description="leak: known only after the moment of prediction, refused in every feature. ignored: read and dropped.",
    )
    allowed: tuple[str | int, ...] | None = Field(
        default=None, description="The values that may occur after cleansing; others go to quarantine."
    )
    min: Limit | None = Field(default=None, description="Smallest value allowed after cleansing; smaller ones go to quarantine.")
    max: Limit | None = Field(default=None, description="Greatest value allowed after cleansing; greater ones go to quarantine.")
    required: bool = Field(default=False, description="A row without a value goes to quarantine.")
    pii: bool = Field(default=False, description="Personal: example values are masked wherever a person reads them.")
    why: str | None = Field(default=None, description="A note for the reader, e.g. why the column is a leak.")


class Label(Strict):
    """What is predicted, and when it becomes known."""

    positive: str | int | bool | None = Field(
        default=None, description="Binary tasks: the value that means yes. In features the label is 1 for it and 0 for the other."
    )
    delay_days: Days = Field(default=0, ge=0, description="The label of a row of day D is known on day D + delay_days.")
