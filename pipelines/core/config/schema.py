"""What a row is."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, model_validator

from pipelines.core.config import formats
from pipelines.core.config.base import Bound, Days, Duration, Value, duration_text
from pipelines.core.errors import brief
from pipelines.core.strict import Strict


class Column(Strict):
    """One column of the source."""

    type: Literal["string", "integer", "number", "boolean", "date", "timestamp"] = Field(
        description=(
            "string: texts, whole numbers (also as floats), bytes in UTF-8. boolean: true, t, yes, y, on, 1,"
            " 1.0 and their opposites, in any case. date: 2026-02-13. timestamp: 2026-02-13T10:00, with Z,"
            " UTC, an offset or a Region/City behind it, or UTC without. Years are 1900 to 9999."
        ),
    )
    role: Literal["feature", "key", "time", "label", "leak", "ignored"] = Field(
        default="feature",
        description=(
            "leak: known only after the moment of prediction, refused in every feature; with known_after,"
            " windows may read its past. ignored: read and dropped; declared as string it may hold anything,"
            " lists and structs too."
        ),
    )
    known_after: Duration | None = Field(
        default=None,
        description=(
            "Of a leak: how long after its row's moment the value is known, such as 7d; windows whose until"
            " is at least that, and 1d, may read it: {type: number, role: leak, known_after: 7d}. A row's own"
            " value is read by nothing."
        ),
    )
    allowed: tuple[Value, ...] | None = Field(
        default=None,
        description=(
            "The values that may occur after cleansing; others go to quarantine. Those of a string column are"
            " texts: '7' in quotes."
        ),
    )
    min: Bound | None = Field(
        default=None,
        description=(
            "Smallest value allowed after cleansing; smaller ones go to quarantine. Of dates a day such as"
            " 2026-01-31, of timestamps a moment, too."
        ),
    )
    max: Bound | None = Field(
        default=None, description="Greatest value allowed after cleansing; greater ones go to quarantine."
    )
    format: str | None = Field(
        default=None,
        min_length=1,
        max_length=formats.LONGEST,
        description=(
            "Dates and timestamps: how texts spell them where that is not ISO's way, such as %d/%m/%Y. "
            f"Allowed: {' '.join(formats.DIRECTIVES)}; English months."
        ),
    )
    required: bool = Field(default=False, description="A row without a value goes to quarantine.")
    pii: bool = Field(
        default=False, description="Personal: example values are masked wherever a person reads them."
    )
    why: str | None = Field(default=None, description="A note for the reader, e.g. why the column is a leak.")

    @model_validator(mode="after")
    def _known(self) -> Column:
        if self.known_after is None:
            return self
        if self.role != "leak":
            raise ValueError(
                f"known_after: for columns with role leak only, and this has the role {self.role}; leave it"
                " out, or give it the role leak"
            )
        if self.known_after <= timedelta(0):
            raise ValueError(
                f"known_after: {duration_text(self.known_after)} would be known with its row, and is no leak;"
                " write how long after it, such as 7d, or give it the role feature"
            )
        return self

    @model_validator(mode="after")
    def _spelt(self) -> Column:
        if self.format is None:
            return self
        if self.type not in ("date", "timestamp"):
            raise ValueError(f"format: for dates and timestamps only, and this is a {self.type}")
        if found := formats.mistakes(self.format, of_days=self.type == "date"):
            raise ValueError(f"format: {brief(self.format)}: {'; '.join(found)}")
        return self


class Label(Strict):
    """What is predicted, and when it becomes known."""

    positive: str | int | bool | None = Field(
        default=None,
        description=(
            "Binary tasks: the value that means yes, one of the label's `allowed` (a boolean needs none). In"
            " features the label is 1"
            " for it and 0 for the other."
        ),
    )
    delay_days: Days = Field(
        default=0, ge=0, description="The label of a row of day D is known on day D + delay_days."
    )
