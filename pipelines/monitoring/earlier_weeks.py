"""What earlier weekly reports of the same champion have measured: the table `drift_days`, a row a day,
subject and statistic, by which later weeks know what is usual since the training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import duckdb
import numpy as np
import pandas as pd

from pipelines.core.calendar import DAILY, Calendar
from pipelines.monitoring.level import WEEKLY, Cycle, Days, Flags
from pipelines.monitoring.subjects import Subject
from pipelines.run.tables import DRIFT_DAYS


class Earlier:
    """The days of earlier weeks, by subject."""

    def __init__(
        self,
        weeks: Sequence[duckdb.DuckDBPyRelation],
        sha256: str,
        calendar: Calendar = DAILY,
        cycle: Cycle = WEEKLY,
    ) -> None:
        """Read the weeks in which this very model was the champion."""
        found = [rows.filter(f"graph_sha256 = '{sha256}'").df() for rows in weeks]
        self._cycle = cycle
        kept = [rows for rows in found if len(rows)]
        self._rows = pd.concat(kept, ignore_index=True) if kept else _empty()
        self._rows["on"] = [calendar.index(day) for day in pd.to_datetime(self._rows["day"]).dt.date]

    def quiet_days(self) -> frozenset[int]:
        """The days of weeks in which nothing was an alarm."""
        alarms = set(self._rows.on[self._rows.alarm.astype(bool)])
        return frozenset(int(day) for day in set(self._rows.on) - alarms)

    @cached_property
    def _by_subject(self) -> dict[str, pd.DataFrame]:
        return {str(name): rows for name, rows in self._rows.groupby("subject", sort=False)}

    def days(self, subject: Subject, on: Iterable[int] | None = None) -> Days | None:
        """What they say of a subject, without the weeks in which it was an alarm itself.

        Args:
            subject: Whose statistics are asked.
            on: Which days only.
        """
        own = self._by_subject.get(subject.name)
        if own is None:
            return None
        chosen = ~own.alarm.to_numpy(bool)
        if on is not None:
            chosen &= np.isin(own.on.to_numpy(np.int64), list(on))
        return self._days(subject, own, chosen)

    def every_day(self, subject: Subject) -> Days | None:
        """What they say of a subject, alarms among it."""
        own = self._by_subject.get(subject.name)
        return None if own is None else self._days(subject, own, np.full(len(own), True))

    def _days(self, subject: Subject, own: pd.DataFrame, chosen: Flags) -> Days | None:
        if not chosen.any():
            return None
        days, row = np.unique(own.on.to_numpy(np.int64)[chosen], return_inverse=True)
        names = pd.Index([one.name for one in subject.statistics])
        column = names.get_indexer(pd.Index(own.statistic.to_numpy()[chosen]))
        asked = column >= 0
        values, rows = np.full((2, len(days), len(names)), np.nan)
        for found, told in ((values, own.value), (rows, own.rows)):
            found[row[asked], column[asked]] = told.to_numpy(np.float64)[chosen][asked]
        return Days(days, values, np.nan_to_num(rows), self._cycle)


def table(
    subjects: Iterable[Subject], alarms: Iterable[str], sha256: str, calendar: Calendar = DAILY
) -> pd.DataFrame:
    """The table `drift_days` of a week."""
    red = set(alarms)
    rows = [
        {
            "subject": subject.name,
            "statistic": statistic.name,
            "day": calendar.nth(int(day)),
            "value": value,
            "rows": n,
            "alarm": subject.name in red,
            "graph_sha256": sha256,
        }
        for subject in subjects
        for at, day in enumerate(subject.week.on)
        for statistic, value, n in zip(
            subject.statistics, subject.week.values[at], subject.week.rows[at], strict=True
        )
    ]
    made = pd.DataFrame(rows, columns=list(DRIFT_DAYS)) if rows else _empty()
    return made.astype({name: type_ for name, type_ in DRIFT_DAYS.items() if type_ != "date"})


def _empty() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="object") for name in DRIFT_DAYS})
