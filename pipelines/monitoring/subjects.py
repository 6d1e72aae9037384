"""What is judged of a week: each feature, the score, the decisions and the labels, as statistics of days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from pipelines.monitoring import effects
from pipelines.monitoring.effects import Floats
from pipelines.monitoring.level import WEEKLY, Cycle, Days, Flags
from pipelines.monitoring.looks import Counts, Look, Looked, Number, Text, Values

SHARE = "share"  # a subject that is one
MISSING = "share of rows without a value"
UNSEEN = "share of values that the training never had"
NEVER_SEEN = "values never seen"  # in the pictures
RARE = "share of rare values together"
UNSEEN_WORDS = "share of words that the training never had"
TAILS = "share of values below the lowest 1 %", "share of values above the highest 1 %"


@dataclass(frozen=True)
class Statistic:
    """One number a day.

    Attributes:
        name: In words, without a value of a row.
        share: Whether it is a share; otherwise it is a mean of variance 1.
        first: Whether all features together are judged by it.
    """

    name: str
    share: bool
    first: bool = False


@dataclass(frozen=True)
class Subject:
    """A feature, or what the champion says.

    Attributes:
        name, type: As in the table `drift`.
        statistics: What it is judged by.
        before, week: These statistics of the days before, and of the week.
        rows, missing: Of the reference and of the week.
        bars: In the reference and in the week, what share of the values is where: label and both shares.
        effect: How far the week lies from the reference, from 0 to 1: Cliff's delta of a number, with its
            sign; of others the share of rows that would have to have another value (total variation).
        constant: Whether the week has one value only, and the reference more.
    """

    name: str
    type: str
    statistics: tuple[Statistic, ...]
    before: Days
    week: Days
    rows: tuple[int, int]
    missing: tuple[float, float]
    bars: tuple[tuple[str, float, float], ...] = ()
    effect: float | None = None
    constant: bool = False

    @property
    def shares(self) -> Flags:
        """Which of the statistics are shares."""
        return np.array([one.share for one in self.statistics], dtype=np.bool_)

    @property
    def first(self) -> Flags:
        """By which of them all features together are judged."""
        return np.array([one.first for one in self.statistics], dtype=np.bool_)

    def with_earlier(self, days: Days | None) -> Subject:
        """The same, with the days of weeks between the training and this week."""
        if days is None or not len(days.on):
            return self
        later = days.those(days.on > self.before.on.max(initial=0))
        joined = Days(
            np.concatenate([self.before.on, later.on]),
            np.concatenate([self.before.values, later.values]),
            np.concatenate([self.before.rows, later.rows]),
            self.before.cycle,
        )
        return replace(self, before=joined)


@dataclass
class _Columns:
    """Statistics of days, one after the other."""

    statistics: list[Statistic] = field(default_factory=list)
    values: list[tuple[Floats, Floats]] = field(default_factory=list)
    rows: list[tuple[Floats, Floats]] = field(default_factory=list)

    def add(self, statistic: Statistic, parts: Iterable[tuple[Floats, Floats]]) -> None:
        """A statistic: before and in the week the sum over each day's rows, and how many these are."""
        both = []
        for total, rows in parts:
            with np.errstate(invalid="ignore", divide="ignore"):
                both.append((np.where(rows > 0, total / rows, np.nan), rows))
        self.statistics.append(statistic)
        self.values.append((both[0][0], both[1][0]))
        self.rows.append((both[0][1], both[1][1]))

    def days(self, on: tuple[Sequence[int], Sequence[int]], cycle: Cycle = WEEKLY) -> tuple[Days, Days]:
        before, week = (
            Days(
                np.array(on[side], dtype=np.int64),
                np.stack([value[side] for value in self.values], axis=1),
                np.stack([n[side] for n in self.rows], axis=1),
                cycle,
            )
            for side in (0, 1)
        )
        return before, week


def feature(
    name: str, type_: str, look: Look, before: Looked, week: Looked, cycle: Cycle = WEEKLY
) -> Subject:
    """A feature, by what was counted of the reference's days and the week's."""
    columns, on = _Columns(), (sorted(before.rows), sorted(week.rows))
    bars: tuple[tuple[str, float, float], ...] = ()
    effect: float | None = None
    constant = False
    if isinstance(look, Number):
        bars, effect = _number(columns, look, before.cells, week.cells, on)
        constant = week.least is not None and week.least == week.greatest and before.least != before.greatest
    elif isinstance(look, Values):
        bars, effect = _values(columns, look, before.cells, week.cells, on)
    else:
        bars, effect = _text(columns, look, before, week, on)
    without = [
        (_of(one.rows, days) - _of(one.present, days), _of(one.rows, days))
        for one, days in zip((before, week), on, strict=True)
    ]
    columns.add(Statistic(MISSING, share=True), without)
    rows = sum(before.rows.values()), sum(week.rows.values())
    gone = tuple(float(lost.sum()) / n if n else 0.0 for (lost, _), n in zip(without, rows, strict=True))
    statistics, of_days = tuple(columns.statistics), columns.days(on, cycle)
    return Subject(name, type_, statistics, *of_days, rows, (gone[0], gone[1]), bars, effect, constant)


Sums: TypeAlias = Mapping[int, tuple[float, int]]  # day -> a sum over its rows, and how many these are


def share(name: str, type_: str, before: Sums, week: Sums, cycle: Cycle = WEEKLY) -> Subject:
    """A share of rows, by its sum and rows on each day."""
    columns, on = _Columns(), (sorted(before), sorted(week))
    parts = [
        (np.array([one[day][0] for day in days]), np.array([one[day][1] for day in days], dtype=np.float64))
        for one, days in zip((before, week), on, strict=True)
    ]
    columns.add(Statistic(name, share=True), parts)
    rows = int(parts[0][1].sum()), int(parts[1][1].sum())
    told = [float(total.sum() / n) if n else 0.0 for (total, _), n in zip(parts, rows, strict=True)]
    bars = ((name, told[0], told[1]),)
    statistics, of_days = tuple(columns.statistics), columns.days(on, cycle)
    moved = told[1] - told[0]
    return Subject(name, type_, statistics, *of_days, rows, (0.0, 0.0), bars, moved)


def _of(counts: Mapping[int, int], days: Sequence[int]) -> Floats:
    return np.array([counts.get(day, 0) for day in days], dtype=np.float64)


def _stacked(counts: Counts, days: Sequence[int], cells: int) -> Floats:
    none = np.zeros(cells)
    return np.stack([counts.get(day, none) for day in days]) if days else np.zeros((0, cells))


def _number(
    columns: _Columns,
    look: Number,
    before: Counts,
    week: Counts,
    on: tuple[Sequence[int], Sequence[int]],
    what: str = "",
) -> tuple[tuple[tuple[str, float, float], ...], float | None]:
    """Location, spread, both tails, and the most frequent value."""
    if not len(look.cuts):
        return (), None
    sides = [_stacked(counts, days, look.cells) for counts, days in zip((before, week), on, strict=True)]
    rows = [side.sum(axis=1) for side in sides]
    if not rows[0].sum():
        return (), None
    known = sides[0].sum(axis=0) / rows[0].sum()
    weights = effects.scores(known)
    for name, weight in weights.items():
        statistic = Statistic(f"{what}{name}", share=False, first=name == effects.LOCATION)
        columns.add(statistic, [(side @ weight, n) for side, n in zip(sides, rows, strict=True)])
    for name, cell in zip(TAILS, (0, -1), strict=True):
        columns.add(
            Statistic(f"{what}{name}", share=True),
            [(side[:, cell], n) for side, n in zip(sides, rows, strict=True)],
        )
    frequent = effects.most_frequent(known)
    if frequent is not None:
        statistic = Statistic(f"{what}share of the most frequent value", share=True)
        columns.add(statistic, [(side[:, frequent], n) for side, n in zip(sides, rows, strict=True)])
    if not rows[1].sum():
        return (), None
    now = sides[1].sum(axis=0) / rows[1].sum()
    bars = tuple(
        (label, float(old), float(new))
        for label, old, new in zip(effects.labels(look.cuts), known, now, strict=True)
    )
    return bars, effects.delta(known, now)


def _values(
    columns: _Columns, look: Values, before: Counts, week: Counts, on: tuple[Sequence[int], Sequence[int]]
) -> tuple[tuple[tuple[str, float, float], ...], float | None]:
    """Each common value, rare ones together and in buckets, and those never seen."""
    sides = [_stacked(counts, days, look.cells) for counts, days in zip((before, week), on, strict=True)]
    rows = [side[:, :-1].sum(axis=1) for side in sides]
    if not rows[0].sum():
        return (), None
    n = len(look.common)

    def add(statistic: Statistic, chosen: Sequence[int]) -> None:
        columns.add(
            statistic, [(side[:, chosen].sum(axis=1), each) for side, each in zip(sides, rows, strict=True)]
        )

    for at in range(n):
        add(Statistic(f"share of the {at + 1}. most frequent value", share=True, first=True), [at])
    add(Statistic(RARE, share=True), range(n, n + look.buckets))
    if look.buckets > 1:
        for at in range(look.buckets):
            add(Statistic(f"share of rare values, bucket {at + 1}", share=True), [n + at])
    add(Statistic(UNSEEN, share=True), [look.cells - 1])
    if not rows[1].sum():
        return (), None
    known, now = (side.sum(axis=0) / total.sum() for side, total in zip(sides, rows, strict=True))
    new = float(now[-1])
    rare = float(known[n:-1].sum()), float(now[n:-1].sum()) - new
    bars = (
        *zip(look.common, known[:n].tolist(), now[:n].tolist(), strict=True),
        ("other values", rare[0], max(rare[1], 0.0)),
        (NEVER_SEEN, 0.0, new),
    )
    return bars, float(sum(abs(old - there) for _, old, there in bars) / 2)


def _text(
    columns: _Columns, look: Text, before: Looked, week: Looked, on: tuple[Sequence[int], Sequence[int]]
) -> tuple[tuple[tuple[str, float, float], ...], float | None]:
    """Lengths as of a number, words in buckets, and those never seen."""
    bars, effect = _number(columns, look.length, before.cells, week.cells, on, "length: ")
    sides = [
        _stacked(one.words, days, look.words.cells) for one, days in zip((before, week), on, strict=True)
    ]
    # Words of one text belong together, so the text is what is counted.
    texts = [_of(one.sampled or {}, days) for one, days in zip((before, week), on, strict=True)]
    totals = [np.maximum(side[:, :-1].sum(axis=1), 1) for side in sides]

    def add(statistic: Statistic, cell: int) -> None:
        columns.add(
            statistic,
            [(side[:, cell] / total * n, n) for side, total, n in zip(sides, totals, texts, strict=True)],
        )

    common = len(look.words.common)
    for at in range(common + look.words.buckets):
        name = f"the {at + 1}. most frequent word" if at < common else f"words, bucket {at - common + 1}"
        add(Statistic(f"share of {name}", share=True), at)
    add(Statistic(UNSEEN_WORDS, share=True), look.words.cells - 1)
    return bars, effect
