"""How time is cut into partitions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from pipelines.core import zones
from pipelines.core.calendar import WEEKDAYS, Calendar
from pipelines.core.config.expected import Expected
from pipelines.core.errors import brief, did_you_mean
from pipelines.core.strict import Strict

Start: TypeAlias = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _at(value: object) -> object:
    # YAML reads 02:00 without quotes as a number of minutes.
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        return value
    raise ValueError(f"{brief(value)} is no time of the day: write hours and minutes, such as '02:00'")


def _zone(value: object) -> object:
    if isinstance(value, str) and value not in zones.names():
        close = did_you_mean(value, zones.names())
        raise ValueError(f"{brief(value)} is no zone of the IANA's list, such as Europe/Berlin; {close}")
    return value


class Partition(Strict):
    """How long a partition is, and when one begins: a day from midnight to midnight (UTC), unless this says
    otherwise.

    A row belongs to the partition in which its time lies, and a partition's rows are predicted when it is
    over, or when it begins (`predict`). It is named by its first hour (2026-03-02T05) or day (2026-03-02; a
    month also as 2026-03).
    """

    every: Literal["hour", "day", "week", "month"] = Field(default="day", description="How long one is.")
    starts: Start = Field(default="monday", description="Weeks only: the weekday on which one begins.")
    at: Annotated[str, BeforeValidator(_at, json_schema_input_type=str)] = Field(
        default="00:00",
        description=(
            "Days, weeks and months: the time of the day at which one begins, such as '02:00'; one that each"
            " day of the zone has once."
        ),
    )
    zone: Annotated[str, BeforeValidator(_zone, json_schema_input_type=str)] = Field(
        default="UTC",
        description="By whose clocks, such as Europe/Berlin. The rows' own times are UTC whatever it is.",
    )

    predict: Literal["over", "ahead"] = Field(
        default="over",
        description=(
            "When its rows are predicted. over: when it is over. ahead: when it begins, which is the time of"
            " all its rows then: features know what was known at that moment, and label.delay_days says how"
            " much later the truth is known, such as 7 of a week's sales, or 28 of those of the fourth week"
            " from then."
        ),
    )

    expected: Expected | None = Field(
        default=None,
        description=(
            "Of which partitions there is a delivery, whatever the source: of all by default. Weeks and"
            " months are named by their first days."
        ),
    )

    @property
    def calendar(self) -> Calendar:
        """All arithmetic of these partitions."""
        return Calendar(self.every, WEEKDAYS.index(self.starts), self.begins, self.zone)

    @property
    def begins(self) -> time:
        """The time of the day at which one begins."""
        return time.fromisoformat(self.at)

    @model_validator(mode="after")
    def _one_way(self) -> Partition:
        if mistakes := list(self._mistakes()):
            raise ValueError("\n".join(mistakes))
        return self

    def _mistakes(self) -> Iterator[str]:
        # What is stated as it is by default says nothing else: a file that is made of all facts states it.
        if self.starts != "monday" and self.every != "week":
            yield (
                f"starts: says on which weekday a week begins, and a partition is {_a(self.every)}; leave it"
                " out"
            )
        if self.every in ("week", "month") and self.expected and "weekdays" in self.expected.model_fields_set:
            yield f"expected.weekdays: {_a(self.every)} has all of them; write days, or holidays"
        if self.every == "hour":
            if self.begins != time():
                yield "at: says when a day, week or month begins, and a partition is an hour; leave it out"
            if self.zone != "UTC":
                yield (
                    f"zone: hours are UTC's, since the clocks of {self.zone} may skip one or show one twice;"
                    " leave it out"
                )
        elif self.zone != "UTC" and (found := zones.never_clear(self.zone, self.begins)):
            yield (
                f"at: the clocks of {self.zone} skip {self.at}, or show it twice, on {found:%Y-%m-%d},"
                " and no partition could begin there; write a time that each day has once, such as"
                f" '{zones.clear_time(self.zone, self.begins):%H:%M}'"
            )


def _a(grain: str) -> str:
    return f"an {grain}" if grain == "hour" else f"a {grain}"
