"""What is declared of the rows of a source: those that are predicted, or others beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pipelines.core.calendar import Calendar
from pipelines.core.config.base import RESERVED
from pipelines.core.config.cleanse import Cleanse
from pipelines.core.config.partition import Partition
from pipelines.core.config.schema import Column
from pipelines.core.config.source import DayAssignment, Source


class Rows:
    """Where rows come from, what each is, and how it is repaired: what ingest and cleansing go by."""

    if TYPE_CHECKING:
        source: Source
        assign_days: DayAssignment | None
        columns: Mapping[str, Column]
        cleanse: Cleanse
        partition: Partition

    @property
    def calendar(self) -> Calendar:
        """How time is cut into partitions."""
        return self.partition.calendar

    def _with_role(self, role: str) -> str:
        return next(name for name, column in self.columns.items() if column.role == role)

    @property
    def key(self) -> str:
        """The column that names a row."""
        return self._with_role("key")

    @property
    def time(self) -> str:
        """The column with the moment of the event: naive UTC."""
        return self._with_role("time")

    @property
    def target(self) -> str | None:
        """The label's column, where there is one."""
        return None

    @property
    def positive(self) -> str | int | bool | None:
        """The label's value that means yes, where one does."""
        return None

    @property
    def leaks(self) -> tuple[str, ...]:
        """Columns of which no row has a value when it is scored, beside the label."""
        return tuple(name for name, column in self.columns.items() if column.role == "leak")

    @property
    def late(self) -> tuple[str, ...]:
        """Those leaks whose past windows may read, since it is stated from when on they are known."""
        return tuple(name for name, column in self.columns.items() if column.known_after is not None)

    @property
    def hidden_at_night(self) -> tuple[str, ...]:
        """The kept columns of which a night's own rows have no value."""
        return self.late

    def known_after(self, column: str) -> timedelta:
        """How long after its row's moment a late column is known."""
        return self.columns[column].known_after or timedelta(0)

    @property
    def kept_columns(self) -> tuple[str, ...]:
        """The columns of the clean table, in order: all but the ignored and those leaks of which no window
        may read anything.
        """
        dropped = ("ignored", "leak")
        return tuple(
            name
            for name, column in self.columns.items()
            if column.role not in dropped or column.known_after is not None
        )

    @property
    def given_columns(self) -> tuple[str, ...]:
        """The columns that the source itself has to hold: all but those that are derived, or made by
        assign_days.
        """
        made = (self.assign_days.key, self.assign_days.time) if self.assign_days else ()
        return tuple(name for name in self.columns if name not in self.source.derive and name not in made)

    @property
    def source_names(self) -> dict[str, str]:
        """Column -> its name in the source, as it is read: `cleanse.rename: snake_case` knows no other."""
        renamed = {column: source for source, column in self.cleanse.renames.items()}
        return {column: renamed.get(column, column) for column in self.columns}

    def expects(self, day: date) -> bool:
        """Whether a delivery is expected on a day: on each, unless the source says otherwise."""
        return self.source.expects(day)

    @property
    def nameless(self) -> bool:
        """Whether the source's columns are told by their places alone, which are the schema's."""
        return getattr(getattr(self.source, "format", None), "header", True) is False

    def role_mistakes(self, roles: Sequence[str]) -> Iterator[str]:
        """A sentence for each of these roles that not exactly one column has, and for each column whose role
        or name it cannot have.
        """
        for role in roles:
            names = [name for name, column in self.columns.items() if column.role == role]
            if len(names) != 1:
                yield (
                    f"columns: exactly one has role {role}, found"
                    f" {len(names)}{': ' + ', '.join(names) if names else ''}"
                )
        for name, column in self.columns.items():
            if column.role == "time" and column.type != "timestamp":
                yield f"columns: {name} has role time and type {column.type}; give it type timestamp"
        for name, column in self.columns.items():
            if column.role == "key" and column.type not in ("string", "integer", "date"):
                yield (
                    f"columns: {name} has role key and type {column.type}, by which two keys may become one;"
                    " give it type string, integer or date"
                )
        for name in sorted(RESERVED.intersection(self.columns)):
            yield f"columns: {name} is a name that Sluice writes itself; rename it under cleanse.rename"

    def cleanse_mistakes(self) -> Iterator[str]:
        """A sentence for each column that cleansing names and nothing declares."""
        columns = ", ".join(self.columns)
        for where in ("lower", "missing", "merge", "fill", "drop"):
            for name in getattr(self.cleanse, where):
                if name not in self.columns:
                    yield f"cleanse.{where}: no column {name!r}; there are {columns}"
