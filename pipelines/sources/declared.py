"""What a use case expects of a source, under the source's own names: `cleanse.rename` comes later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pipelines.core import personal
from pipelines.core.config import Column, DayAssignment, Scalar
from pipelines.core.config.rows import Rows
from pipelines.core.config.source import FileFormat
from pipelines.core.snake_case import snake_case


@dataclass(frozen=True)
class Declared:
    """The schema as the source should have it.

    Attributes:
        columns: Each column, in the schema's order.
        given: Those that the source itself has to hold.
        derived: Column -> SQL, for those that are made of the given ones, in this order.
        assign_days: How key and time are made where the source has none.
        codes: Column -> what stands for a missing value there.
        key, time: What the source calls them.
        label: What it calls the label, where there is one.
        afterwards: What the source calls the label and leaks, which nothing is made of at night.
        late: What it calls those leaks whose past windows may read -> how long after its row's moment each is
            known.
        personal: Columns whose values no message shows.
        in_snake_case: Whether the source's own names are brought into snake case.
        decimal: The sign before a number's decimals in texts.
    """

    columns: Mapping[str, Column]
    given: tuple[str, ...]
    derived: Mapping[str, str]
    assign_days: DayAssignment | None
    codes: Mapping[str, tuple[Scalar, ...]]
    key: str
    time: str
    label: str | None
    afterwards: frozenset[str]
    late: Mapping[str, timedelta]
    personal: frozenset[str]
    in_snake_case: bool = False
    decimal: str = "."

    @classmethod
    def of(cls, rows: Rows) -> Declared:
        """Read it off what is declared of rows."""
        names = rows.source_names
        key, time = names[rows.key], names[rows.time]
        derived = {names[column]: sql for column, sql in rows.source.derive.items()}
        return cls(
            columns={names[column]: spec for column, spec in rows.columns.items()},
            given=tuple(names[column] for column in rows.given_columns),
            derived=derived,
            assign_days=rows.assign_days,
            codes={names[column]: tuple(codes) for column, codes in rows.cleanse.missing.items()},
            key=key,
            time=time,
            label=names[rows.target] if rows.target else None,
            afterwards=frozenset(names[column] for column in filter(None, (rows.target, *rows.leaks))),
            late={names[column]: rows.known_after(column) for column in rows.late},
            personal=personal.columns(rows),
            in_snake_case=rows.cleanse.snake_case,
            decimal=getattr(rows.source, "format", FileFormat(type="csv")).decimal,
        )

    def called(self, name: str) -> str:
        """What a column of the source is called once it is read."""
        return snake_case(name) if self.in_snake_case else name
