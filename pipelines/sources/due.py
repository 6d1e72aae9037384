"""Which of a source's rows are due: those of some days, with as much of each as is known at a run's start."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

import duckdb

from pipelines.core import dates
from pipelines.core.calendar import Calendar
from pipelines.core.config.rows import Rows
from pipelines.core.sql import TYPES
from pipelines.core.sql import name as quoted
from pipelines.run.run import Run
from pipelines.sources.declared import Declared
from pipelines.sources.piece import Piece
from pipelines.sources.typed import ROW, WRONG

PIECE = (  # a column of our own while rows are sorted; with blanks, so that it cannot be a source's
    "number of the piece"
)


@dataclass(frozen=True)
class Survey:
    """What a piece holds that may hold rows of any day."""

    rows: int
    earlier: int  # left to days before
    later: int  # left to days after
    first: date | None
    last: date | None


@dataclass(frozen=True)
class Due:
    """What a run is to have of its source.

    Attributes:
        run: The run; labels and late columns which are not known yet when it starts are hidden from it.
        days: Whose rows are taken; others are left to their own partitions.
        labels: Whether any label or late column is shown.
        declared: The schema.
        other: The name of the source, where it is not the one of the rows that are predicted.
    """

    run: Run
    days: dates.Days
    labels: bool
    declared: Declared
    other: str | None = None

    def rows(self, piece: Piece, typed: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """A piece's rows without those that are left to other days: none is, where all have to be of one
        day.
        """
        return typed if piece.day else typed.filter(self._of_these_days)

    def known(self, number: int, piece: Piece, rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """As much of a piece's `rows` as is known, with its number; WRONG also tells those that are
        nobody's.
        """
        nobodys = self.not_of(piece.day) if piece.day else self.nobodys
        shown = {name: self._late(name) for name in self.declared.late}
        if self.declared.label:
            shown[self.declared.label] = self._label(self.declared.label)
        values = [
            f"{shown[name]} AS {quoted(name)}" if name in shown else quoted(name)
            for name in self.declared.columns
        ]
        own = [
            f"{number} AS {quoted(PIECE)}",
            quoted(ROW),
            f"{quoted(WRONG)} OR {nobodys} AS {quoted(WRONG)}",
        ]
        return rows.project(", ".join([*values, *own]))

    def survey(self, typed: duckdb.DuckDBPyRelation) -> Survey:
        """How many of a piece's rows are left to other days, and of which days it has any."""
        counts = f"count(*), count(*) FILTER ({self._earlier}), count(*) FILTER ({self._later})"
        first, last = (self._calendar.of_sql(f"{one}({self._time})") for one in ("min", "max"))
        (found,) = typed.aggregate(f"{counts}, {first}, {last}").fetchall()
        return Survey(*found)

    @property
    def of(self) -> Rows:
        """What the use case declares of the source's rows."""
        return self.run.use_case.others[self.other] if self.other else self.run.use_case

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"{self.run.use_case.name}{f', sources.{self.other}' if self.other else ''}"

    @cached_property
    def too_late(self) -> datetime:
        """The first moment of which no row can be yet: a file of all days may hold those of today, and
        somewhere it is tomorrow.

        An assignment of days takes rows as it likes, and whoever asks for a day says that it has been. What
        other sources tell may be of days to come, such as a price.
        """
        if self.declared.assign_days or self.other:
            return datetime(dates.YEARS[-1] + 1, 1, 1)
        begun = dates.starts_at(self.run.use_case, self.run.kind, self.run.partition)
        return max(datetime.combine(dates.today() + timedelta(days=2), time()), self.days.end, begun)

    def not_of(self, day: date) -> str:
        """SQL of whether a row is none of a partition, to which all rows of its piece have to belong."""
        return f"{self._time} IS NULL OR NOT {self._calendar.span(day, day).hold(self._time)}"

    # --- SQL of whether a row is taken

    @property
    def _time(self) -> str:
        return quoted(self.declared.time)

    @property
    def _calendar(self) -> Calendar:
        return self.run.use_case.calendar

    @property
    def _of_these_days(self) -> str:
        """What is taken; a row that no day can have, too, since it is nobody's."""
        return f"({self.nobodys}) OR {self.days.hold(self._time)}"

    @property
    def _earlier(self) -> str:
        """What is left to partitions of days before."""
        return f"{self._time} < TIMESTAMP '{self.days.start}'"

    @property
    def _later(self) -> str:
        """What is left to partitions of days after."""
        end, too_late = self.days.end, self.too_late
        return f"{self._time} >= TIMESTAMP '{end}' AND {self._time} < TIMESTAMP '{too_late}'"

    @property
    def nobodys(self) -> str:
        """A time that no row can have: none, or one that has not been yet."""
        return f"{self._time} IS NULL OR {self._time} >= TIMESTAMP '{self.too_late}'"

    # --- SQL of values, as far as they are known

    def _label(self, name: str) -> str:
        until = dates.labels_until(self.run.use_case, self.run.kind, self.run.partition)
        return self._value(name, f"{self._time} < TIMESTAMP '{until}'")

    def _late(self, name: str) -> str:
        """Of a column that is known some time after its row's moment."""
        known_after, run = self.declared.late[name], self.run
        until = dates.known_until(run.use_case, known_after, run.kind, run.partition)
        return self._value(name, f"{self._time} <= TIMESTAMP '{until}'")

    def _value(self, name: str, known: str) -> str:
        if not self.labels:
            return f"CAST(NULL AS {TYPES[self.declared.columns[name].type]})"
        return f"CASE WHEN {known} THEN {quoted(name)} END"
