"""What a use case expects of its source, under the source's own names: `cleanse.rename` comes later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pipelines.core import personal
from pipelines.core.config import Column, DayAssignment, Scalar, UseCase
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
        key, time, label: What the source calls them.
        afterwards: What the source calls the label and leaks, which nothing is made of at night.
        late: What it calls those leaks whose past windows may read -> how long after its row's moment each is
            known.
        personal: Columns whose values no message shows.
        in_snake_case: Whether the source's own names are brought into snake case.
    """

    columns: Mapping[str, Column]
    given: tuple[str, ...]
    derived: Mapping[str, str]
    assign_days: DayAssignment | None
    codes: Mapping[str, tuple[Scalar, ...]]
    key: str
    time: str
    label: str
    afterwards: frozenset[str]
    late: Mapping[str, timedelta]
    personal: frozenset[str]
    in_snake_case: bool = False

    @classmethod
    def of(cls, use_case: UseCase) -> Declared:
        """Read it off a use case."""
        names = use_case.source_names
        key, time = names[use_case.key], names[use_case.time]
        derived = {names[column]: sql for column, sql in use_case.source.derive.items()}
        return cls(
            columns={names[column]: spec for column, spec in use_case.columns.items()},
            given=tuple(names[column] for column in use_case.given_columns),
            derived=derived,
            assign_days=use_case.assign_days,
            codes={names[column]: tuple(codes) for column, codes in use_case.cleanse.missing.items()},
            key=key,
            time=time,
            label=names[use_case.target],
            afterwards=frozenset(names[column] for column in (use_case.target, *use_case.leaks)),
            late={names[column]: use_case.known_after(column) for column in use_case.late},
            personal=personal.columns(use_case),
            in_snake_case=use_case.cleanse.snake_case,
        )

    def called(self, name: str) -> str:
        """What a column of the source is called once it is read."""
        return snake_case(name) if self.in_snake_case else name
