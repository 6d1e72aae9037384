"""What a profile knows of one day: its numbers, its values, and how its columns and rows belong together."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import Field

from pipelines.gates.earlier import links

STEPS = 40  # a number's quantiles are 1/40 apart
MOST_VALUES = 30  # of a category, the most frequent ones
HASHES = 128
HALVES = ("one half", "the other half")  # of a row's columns
# of the column's time of day, of its texts' lengths, of its days from the row's own
HOUR, LENGTH, APART = "#hour", "#length", "#days"

# What a file may say of a day.
Count = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Strength = Annotated[float, Field(ge=-1, le=1)]


@dataclass(frozen=True)
class Number:
    """The rows that have a value, and its quantiles: the least, one every 1/`STEPS`, the greatest."""

    n: Count
    quantiles: tuple[Finite, ...]

    @property
    def varies(self) -> bool:
        """Whether there are two different values."""
        return bool(self.quantiles) and self.quantiles[0] != self.quantiles[-1]

    @property
    def most(self) -> float:
        """The share of rows that have the most frequent value, as far as the quantiles tell."""
        longest = run = 1
        for one, other in zip(self.quantiles, self.quantiles[1:], strict=False):
            run = run + 1 if one == other else 1
            longest = max(longest, run)
        return longest / max(len(self.quantiles), 1) if longest > 1 else 1 / max(self.n, 1)

    def below(self, x: float) -> float:
        """The share of rows with a smaller value, and half of those with this one."""
        steps = self.quantiles
        less = bisect_left(steps, x)
        if equal := bisect_right(steps, x) - less:
            return (less + equal / 2) / len(steps)
        if less in (0, len(steps)):
            return float(less > 0)
        between = (x - steps[less - 1]) / (steps[less] - steps[less - 1])
        return (less - 0.5 + between) / len(steps)


@dataclass(frozen=True)
class Values:
    """The rows that have a value, how many different ones, and the most frequent ones with their numbers of
    rows.
    """

    n: Count
    different: Count
    counts: Mapping[str, Count]

    @property
    def varies(self) -> bool:
        """Whether there are two different values."""
        return self.different > 1

    @property
    def most(self) -> float:
        """The share of rows that have the most frequent value."""
        return max(self.counts.values(), default=0) / max(self.n, 1)


@dataclass(frozen=True)
class Day:
    """What a profile knows of one day."""

    rows: Count
    sampled: Count = 0  # of them, by which numbers and values were measured
    numbers: Mapping[str, Number] = field(default_factory=dict)
    values: Mapping[str, Values] = field(default_factory=dict)
    links: Mapping[str, Strength] = field(default_factory=dict)  # "one|other" -> strength, see `links`
    # with and without the time -> share of rows that repeat another
    doubled: Mapping[str, Share] = field(default_factory=dict)
    # Of rows ("content"), of each half of their columns with the time of day (`HALVES`), and of keys: the
    # smallest ones, in order.
    hashes: Mapping[str, tuple[Count, ...]] = field(default_factory=dict)


def column(label: str) -> str:
    """The column that a label of a profile is about."""
    return label.removesuffix(HOUR).removesuffix(LENGTH).removesuffix(APART)


def with_names(day: Day, names: Mapping[str, str], order: Sequence[str]) -> Day:
    """A day as another file calls its columns, see `Profile.called`."""
    taken = set(names.values())

    def label_of(label: str) -> str | None:
        """What the other file calls it; None where it calls another column so."""
        was = column(label)
        now = names.get(was, was)
        return None if was not in names and now in taken else now + label.removeprefix(was)

    def pair_of(pair: str) -> str | None:
        both = [label_of(label) for label in pair.split(links.BETWEEN)]
        known = [label for label in both if label is not None]
        return (
            links.BETWEEN.join(
                sorted(known, key=lambda one: order.index(one) if one in order else len(order))
            )
            if known == both
            else None
        )

    return replace(
        day,
        numbers={now: one for label, one in day.numbers.items() if (now := label_of(label)) is not None},
        values={now: one for label, one in day.values.items() if (now := label_of(label)) is not None},
        links={now: one for pair, one in day.links.items() if (now := pair_of(pair)) is not None},
    )


def without(day: Day, columns: Collection[str]) -> Day:
    """A day without what it says of some columns, and of rows as wholes, which hold them."""
    if not columns:
        return day
    return replace(
        day,
        numbers={label: found for label, found in day.numbers.items() if column(label) not in columns},
        values={name: found for name, found in day.values.items() if name not in columns},
        links={
            pair: strength
            for pair, strength in day.links.items()
            if not set(pair.split(links.BETWEEN)) & set(columns)
        },
        doubled={},
        hashes={what: found for what, found in day.hashes.items() if what == "keys"},
    )
