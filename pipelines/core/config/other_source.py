"""Other sources than that of the rows that are predicted: states, events and look-ups that features join."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field, model_validator

from pipelines.core.calendar import DAILY, Calendar
from pipelines.core.config.base import Duration, Identifier, duration_text
from pipelines.core.config.cleanse import Cleanse
from pipelines.core.config.rows import Rows
from pipelines.core.config.schema import Column
from pipelines.core.config.source import Source
from pipelines.core.config.watch import Expectation
from pipelines.core.strict import Strict

ALWAYS = "#always"  # the time of a look-up's rows
ROLES = ("key", "time", "feature", "ignored")


class OtherSource(Rows, Strict):
    """Rows beside those that are predicted: what has happened to a customer, what a terminal was like, a list
    of zones.

    A row counts from the moment on at which it is known: at its time, `delay` after it, or at `available_at`.
    So what comes later, or is corrected later, changes nothing that was said before. A source whose rows have
    no time, such as a list of zones, is a look-up, which holds at any time.
    """

    source: Source
    columns: dict[Identifier, Column] = Field(
        min_length=2,
        description=(
            "As the use case's own. Roles: key (what the row is about, or what names it), time (when it was"
            " so, or when it happened; a look-up has none), feature, ignored."
        ),
    )
    delay: Duration = Field(
        default=timedelta(0), description="How long after its time a row is known, such as 1d."
    )
    available_at: Identifier | None = Field(
        default=None,
        description=(
            "A column of type timestamp: when each row became known, where that is not the same for all of"
            " them. It must not be before the row's time."
        ),
    )
    cleanse: Cleanse = Field(
        default=Cleanse(),
        description=(
            "As the use case's own. Copies are rows of the same key, time and available_at: of those that say"
            " the same the first is kept; those that say something else go to quarantine."
        ),
    )
    gates: tuple[Expectation, ...] = Field(
        default=(), description="Expectations on the cleansed rows, on top of those that always hold."
    )

    @property
    def assign_days(self) -> None:  # type: ignore[override]
        """Its rows have a time of their own, or none."""
        return

    @property
    def calendar(self) -> Calendar:
        """Its rows are cut into no partitions: windows and joins look at moments."""
        return DAILY

    @property
    def timed(self) -> bool:
        """Whether its rows have a time; else they are a look-up."""
        return any(column.role == "time" for column in self.columns.values())

    def dated(self) -> OtherSource:
        """The same, with a time that each row of a look-up has: before all others."""
        if self.timed:
            return self
        columns = {**self.columns, ALWAYS: Column(type="timestamp", role="time")}
        derive = {**self.source.derive, ALWAYS: "TIMESTAMP '1900-01-01'"}
        return self.model_copy(
            update={"columns": columns, "source": self.source.model_copy(update={"derive": derive})}
        )

    @model_validator(mode="after")
    def _whole(self) -> OtherSource:
        if mistakes := [*self.role_mistakes(("key", "time") if self.timed else ("key",)), *self._mistakes()]:
            raise ValueError("\n".join(mistakes))
        return self

    def _mistakes(self) -> Iterator[str]:
        yield from self.cleanse_mistakes()
        for name, column in self.columns.items():
            if column.role not in ROLES:
                yield (
                    f"columns: {name} has role {column.role}, which columns of another source have not;"
                    f" allowed: {', '.join(ROLES)}"
                )
        if not self.timed and (self.delay or self.available_at):
            yield "delay, available_at: a source without a time holds at any time; leave them out"
        if not self.timed and self.source.has_days:
            yield (
                "source: it has rows of each day, and no column has role time; give it to the column that"
                " says when a row was so"
            )
        if self.delay and self.available_at:
            yield (
                f"delay, available_at: {duration_text(self.delay)} and {self.available_at} both say when a"
                " row is known; state one of them"
            )
        if self.available_at:
            yield from self._available_mistakes(self.available_at)

    def _available_mistakes(self, name: str) -> Iterator[str]:
        column = self.columns.get(name)
        if column is None:
            yield f"available_at: no column {name!r}; there are {', '.join(self.columns)}"
        elif column.type != "timestamp" or column.role != "feature":
            yield (
                f"available_at: {name} has role {column.role} and type {column.type}; give it role feature"
                " and type timestamp"
            )
        elif not column.required:
            yield (
                f"available_at: {name} may be missing, and then nobody knows when its row is known; write"
                f" {name}: {{type: timestamp, required: true}}"
            )
