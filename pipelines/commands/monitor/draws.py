"""Days drawn of a use case's own, whole, each for its weekday: what they hold is of one distribution, in the
training and in every week after it, so that a year of them is one without change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.commands.monitor.own import AT, SECOND, Own
from pipelines.core.config import UseCase
from pipelines.core.dates import WEEK, Days
from pipelines.metrics import daily
from pipelines.monitoring.drift_table import SCORE

Drawn: TypeAlias = Callable[["Draws", date], pa.Table]  # a day's rows
SINCE = date(1970, 1, 1).toordinal()
MOST_ROWS = 10_000_000  # of a day: keys are the day's number times that, and the row's
OF_UNITS = 0.1  # the share of customers of whom a week of few has rows
FEWEST_UNITS = 20


@dataclass(frozen=True)
class Draws:
    """The days of one year and its training, by a seed."""

    own: Own
    seed: tuple[int, ...]

    def random(self, *of: int) -> np.random.Generator:
        """A stream of its own for each purpose."""
        return np.random.default_rng([*self.seed, *of])

    def day(self, on: date, nth: int = 0) -> pa.Table:
        """One of the own days of that weekday, as if it were this one: the first, or a further draw."""
        every = self.own.weekdays[on.weekday()]
        return self.own.days[every[int(self.random(on.toordinal(), nth).integers(len(every)))]]

    def units(self, on: date) -> frozenset[str]:
        """Who has rows in the week of a day, where there are few."""
        every = self.own.units
        n = min(max(round(OF_UNITS * len(every)), FEWEST_UNITS), len(every))
        week = on.toordinal() // WEEK
        return frozenset(self.random(week, n).choice(every, n, replace=False).tolist())


def plain(draws: Draws, on: date) -> pa.Table:
    """A day as it was."""
    return draws.day(on)


def few_units(draws: Draws, on: date) -> pa.Table:
    """Rows of a tenth of the customers, others in each week: what one of them does lasts for a week."""
    rows, unit = draws.day(on), draws.own.use_case.unit_column
    return rows.filter(pc.is_in(rows[unit], pa.array(sorted(draws.units(on)))))


def thinned(draws: Draws, on: date, keep: Callable[[pa.Table], np.ndarray]) -> pa.Table:
    """About as many rows as a day has, of two days, each kept with a probability of its own."""
    rows = pa.concat_tables([draws.day(on), draws.day(on, 1)])
    chance = draws.random(on.toordinal(), 2).random(rows.num_rows)
    return rows.filter(pa.array(chance < keep(rows)))


def dated(rows: pa.Table, on: date, use_case: UseCase) -> pa.Table:
    """A day's rows under a date and keys of their own, in order of time, as its night decides of them."""
    rows = rows.take(pc.sort_indices(rows[AT]))
    midnight = (on.toordinal() - SINCE) * 86_400 * SECOND
    time = pc.cast(pc.add(rows[AT], midnight), pa.timestamp("us"))
    key = pa.array(np.arange(rows.num_rows) + on.toordinal() * MOST_ROWS)
    rows = rows.drop_columns([AT]).append_column(use_case.key, key).append_column(use_case.time, time)
    return _by_rank(rows, use_case)


def _by_rank(rows: pa.Table, use_case: UseCase) -> pa.Table:
    """A night's rows in order of their keys, with as many alarms as the night has, where that is a number."""
    most = use_case.threshold.every_night if use_case.threshold else None
    if most is None or "decision" not in rows.column_names:
        return rows
    alarm = daily.taken(rows[SCORE].to_numpy(), np.zeros(rows.num_rows), most)
    at = rows.column_names.index("decision")
    return rows.set_column(at, rows.schema.field(at), pa.array(alarm.astype(np.int8)))


def together(days: Iterable[pa.Table]) -> pa.Table:
    """Several days' rows."""
    return pa.concat_tables(list(days)).combine_chunks()


def reference(draws: Draws, drawn: Drawn, days: Days) -> pa.Table:
    """The rows of a training."""
    use_case = draws.own.use_case
    return together(dated(drawn(draws, day), day, use_case) for day in days)
