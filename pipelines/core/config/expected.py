"""The calendar of deliveries: on which days one is expected."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from pydantic import Field, model_validator

from pipelines.core.calendar import named
from pipelines.core.config.base import Day, ReadPath
from pipelines.core.errors import BadInput, brief
from pipelines.core.strict import Strict

ROOT = Path(__file__).resolve().parents[3]
Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


class Expected(Strict):
    """On which days a delivery is expected: on some days of the week but for holidays, or on the days of a
    list.

    A day that is expected and has no file is refused; one that is not expected and has none is a day without
    rows, of which each gate says so. A file that comes all the same is read. Nothing is learned of it: a
    night takes the file as it is now.
    """

    weekdays: tuple[Weekday, ...] = Field(
        default=WEEKDAYS, min_length=1, description="Such as [mon, tue, wed, thu, fri]."
    )
    holidays: tuple[Day, ...] = Field(
        default=(), description="Days of those weekdays without a delivery, such as [2026-12-25]."
    )
    days: tuple[Day, ...] | None = Field(
        default=None,
        min_length=1,
        description=(
            "All days with a delivery, instead of weekdays and holidays. A list excuses no day after its last"
            " one: those are expected until it goes on."
        ),
    )

    holidays_file: ReadPath | None = Field(
        default=None, description="A text file with more holidays, one date a line; # begins a comment."
    )
    days_file: ReadPath | None = Field(
        default=None, description="A text file with the days, in the place of `days`."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Expected:
        listed = self.model_fields_set & {"days", "days_file"}
        if len(listed) == 2:
            raise ValueError("states days and days_file; allowed: one of them")
        if listed and self.model_fields_set & {"weekdays", "holidays", "holidays_file"}:
            raise ValueError(
                "states days and weekdays or holidays; allowed: either a list of days, or days of the week"
                " but for holidays"
            )
        if not self.model_fields_set:
            raise ValueError(
                "states nothing; write weekdays, such as [mon, tue, wed, thu, fri], holidays, or days"
            )
        for name in ("weekdays", "holidays", "days"):
            stated = getattr(self, name) or ()
            if twice := sorted({str(each) for each in stated if stated.count(each) > 1}):
                raise ValueError(
                    f"{name}: {', '.join(twice[:3])} stand{'s' if len(twice) == 1 else ''} there twice; write"
                    " each once"
                )
        return self

    def __contains__(self, day: date) -> bool:
        """Whether a delivery is expected on a day, or of an hour of it.

        Raises:
            BadInput: the file of its dates cannot be read.
        """
        day = day.date() if isinstance(day, datetime) else day
        days = self.days if self.days_file is None else dates_in(self.days_file)
        if days is not None:
            return day in days or day > max(days)
        if WEEKDAYS[day.weekday()] not in self.weekdays or day in self.holidays:
            return False
        return self.holidays_file is None or day not in dates_in(self.holidays_file)


def dates_in(path: str) -> frozenset[date]:
    """The dates of a text file.

    Raises:
        BadInput: it is not there, holds none, or something else.
    """
    file = ROOT / path
    try:
        return _dates_in(file, file.stat().st_mtime_ns)
    except FileNotFoundError as error:
        raise BadInput(f"no file {path!r}", at=file, fix="put it there, or correct the path") from error


@lru_cache(maxsize=100)
def _dates_in(file: Path, written: int) -> frozenset[date]:  # noqa: ARG001 (a file that is written anew is read anew)
    found, wrong = set(), []
    for number, line in enumerate(file.read_text("utf-8", errors="replace").splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if text and (day := named(text)) is not None and not isinstance(day, datetime):
            found.add(day)
        elif text:
            wrong.append(f"line {number}: {brief(text)}")
    if wrong or not found:
        raise BadInput(
            f"{file.name} is no list of dates" if wrong else f"{file.name} holds no date",
            details=wrong,
            at=file,
            fix="write one date a line, such as 2026-12-25; # begins a comment",
        )
    return frozenset(found)
