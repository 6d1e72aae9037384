"""Which columns of a table are looked at, and as what."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.core import meaning, personal
from pipelines.core.calendar import DAILY, Calendar
from pipelines.core.config import GatedTable, UseCase


@dataclass(frozen=True)
class Shape:
    """Which columns of a table are looked at, and as what.

    Attributes:
        time: The column with the moment of a row.
        numbers: Columns whose quantiles are kept.
        moments: Columns of dates or times, whose distance from the row's own is kept as a number is.
        values: Columns whose frequent values are kept.
        key: The column that names a row, where it is asked whether rows come again.
        hidden: Columns whose values are personal.
        made_by: The model's version stands in this column.
    """

    time: str
    numbers: tuple[str, ...]
    values: tuple[str, ...]
    key: str | None = None
    hidden: frozenset[str] = frozenset()
    made_by: str | None = None
    timed: bool = False
    moments: tuple[str, ...] = ()
    calendar: Calendar = DAILY

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns that are compared with earlier days."""
        return (*self.numbers, *self.values, *self.moments, *((self.time,) if self.timed else ()))

    @property
    def personal(self) -> tuple[str, ...]:
        """The columns of which no number may be kept."""
        return tuple(
            name for name in (*self.numbers, *self.values, *self.moments, self.time) if name in self.hidden
        )

    @property
    def content(self) -> tuple[str, ...]:
        """What a row says, apart from its key and its time."""
        return (*self.numbers, *self.values, *self.moments) if self.key else ()

    @property
    def halves(self) -> tuple[tuple[str, ...], ...]:
        """The same in two parts: whichever column a copy has nudged, one of them is as it was.

        Dates are moved with their rows, so they are in neither, unless there is too little else.
        """
        every = (*self.numbers, *self.values)
        if len(every) > 1:
            return every[::2], every[1::2]
        return (every, self.moments) if every and self.moments else ()


def shape(use_case: UseCase, table: GatedTable) -> Shape | None:
    """What is looked at in a table of a use case; None where its rows have no days."""
    hidden = personal.columns(use_case) | personal.features(use_case)
    if table == "clean":
        # In order of where they come from: a row has the same hashes, and two columns the same dependence,
        # wherever a file has them.
        kept_columns = sorted(use_case.kept_columns, key=meaning.source_names(use_case).__getitem__)
        left_out = (use_case.key, use_case.time, *use_case.hidden_at_night)
        facts = {name: use_case.columns[name].type for name in kept_columns if name not in left_out}
        numbers = tuple(name for name, type_ in facts.items() if type_ in ("integer", "number"))
        values = tuple(name for name, type_ in facts.items() if type_ in ("string", "boolean"))
        moments = tuple(name for name, type_ in facts.items() if type_ in ("date", "timestamp"))
        return Shape(
            use_case.time,
            numbers,
            values,
            use_case.key,
            hidden,
            timed=True,
            moments=moments,
            calendar=use_case.calendar,
        )
    if table == "features":
        return Shape(
            use_case.time,
            tuple(use_case.features.numbers),
            tuple(use_case.features.categories),
            hidden=hidden,
            calendar=use_case.calendar,
        )
    if table == "predictions":
        decision = ("decision",) if use_case.task.decides else ()
        return Shape(use_case.time, ("score",), decision, made_by="model_version", calendar=use_case.calendar)
    return None
