"""A drawn training and the weeks after it, each judged by the drift step's own functions, with the tables of
the weeks before, as in real life.

Reports' pages, the table `performance` and estimates close no gate, and are not made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from pipelines.commands.monitor.draws import Drawn, Draws, dated, reference, together
from pipelines.core import dates, sql
from pipelines.core.dates import WEEK, Days
from pipelines.core.split import assign
from pipelines.monitoring import judged, outcomes
from pipelines.monitoring.feature_drift import Before
from pipelines.monitoring.matured_labels import Judge
from pipelines.monitoring.outcomes import WEEKS, Outcomes
from pipelines.run.tables import ALARM, MOVED
from pipelines.steps import drift

if TYPE_CHECKING:
    import duckdb


DayRows: TypeAlias = Callable[[date], pa.Table]

PERFORMANCE = "performance"


@dataclass(frozen=True)
class Judgement:
    """What a week's gate says.

    Attributes:
        red: By which rows it closes: kind and subject; performance by its metric.
        amber: Whether it warns that something has moved, or may be worse.
        days: The table `drift_days`.
        primary: The primary metric's row.
    """

    red: tuple[tuple[str, str], ...]
    amber: bool
    days: pa.Table
    primary: dict[str, Any]

    @property
    def kinds(self) -> frozenset[str]:
        """By which kinds of rows it is red."""
        return frozenset(kind for kind, _ in self.red)


class Watch:
    """A champion's training, against which weeks are held."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, before: Before, judge: Judge) -> None:
        """Take what weeks are held against.

        Args:
            connection: Whose relations all are.
            before: The training.
            judge: With whose held-out rows performance is compared, unless a week has another one.
        """
        self.before, self.judged_by, self._use_case = before, judge, before.use_case
        self._connection = connection
        self._rarer = self._share_of_rarer()
        days = f"max({sql.name(self._use_case.time)})::DATE"
        ((last,),) = before.reference.relation.aggregate(days).fetchall()
        self.first: date = last + timedelta(days=1)

    @classmethod
    def drawn(cls, draws: Draws, drawn: Drawn, window: int | None = None) -> Watch:
        """Draw a training.

        Args:
            draws: Of which days.
            drawn: How a day is drawn.
            window: Of how many days; by default as many as the file says.
        """
        own = draws.own
        use_case, learned, connection = own.use_case, own.run.days, own.run.store.connection
        days = Days(learned.last - timedelta(days=(window or len(learned)) - 1), learned.last)
        rows = connection.from_arrow(reference(draws, drawn, days))
        known = sql.materialized(assign(rows, use_case, days))
        held_out = drift.held_out_rows(known, own.judged, use_case)
        served = drift.served_rows(known, own.judged, own.champion, use_case)
        before = Before(known, held_out, own.champion, use_case, served)
        return cls(connection, before, Judge(own.judged, held_out, own.lead))

    def week(self, number: int) -> Days:
        """The days of a week since."""
        first = self.first + timedelta(days=WEEK * number)
        return Days(first, first + timedelta(days=WEEK - 1))

    def judge(
        self, week: Days, rows: DayRows, earlier: Sequence[Judgement], delay: int | None = None
    ) -> Judgement:
        """Judge a week as its gate would.

        Args:
            week: Its days.
            rows: A day's rows, of this week or of one before: with scores, and by whom (`model_version`).
            earlier: What was said of the weeks before.
            delay: After how many days labels are known; by default as the file says.
        """
        return self.judgement(self.told(week, rows, self.due(week, rows, delay), earlier))

    def due(self, week: Days, rows: DayRows, delay: int | None = None, since: date | None = None) -> Outcomes:
        """What a week's report judges performance by.

        Args:
            week: Its days.
            rows: A day's rows.
            delay: After how many days labels are known; by default as the file says.
            since: The first day that has predictions; by default that after the training.
        """
        for weeks in (1, WEEKS):
            due = self._due(week, weeks, rows, delay, since or self.first)
            if not outcomes.wants_more(due, self._use_case):
                break
        return due

    def told(
        self,
        week: Days,
        rows: DayRows,
        due: Outcomes,
        earlier: Sequence[Judgement],
        judge: Judge | None = None,
    ) -> drift.Told:
        """What the step says of a week; by `judge`'s held-out rows, if it is not this version's."""
        now = self.nights(week, rows)
        return drift.verdicts(
            before=self.before,
            features=[now],
            predictions=[now],
            due=due,
            earlier=[self._relation(pa.concat_tables(one.days for one in earlier))] if earlier else [],
            judge=judge or self.judged_by,
            weeks=[one.primary for one in earlier],
        )

    def judgement(self, told: drift.Told) -> Judgement:
        """What the gate says of it."""
        primary = asdict(told.performed[0])
        greater = self._use_case.greater_is_better
        red: list[tuple[str, str]] = [
            (row.kind, row.subject) for row in told.found.rows if row.verdict == ALARM
        ]
        red += [(PERFORMANCE, primary["subject"])] if judged.red(primary, greater) else []
        amber = any(row.verdict == MOVED for row in told.found.rows) or judged.amber(primary, greater)
        return Judgement(
            red=tuple(red),
            amber=bool(amber) and not red,
            days=pa.Table.from_pandas(told.found.days, preserve_index=False),
            primary=primary,
        )

    def nights(self, days: Days, rows: DayRows) -> duckdb.DuckDBPyRelation:
        """The rows of some days, with days and keys of their own."""
        return self._relation(together(dated(rows(day), day, self._use_case) for day in days))

    def _due(self, week: Days, weeks: int, rows: DayRows, delay: int | None, since: date) -> Outcomes:
        """Predictions whose labels are due, of days since the training."""
        use_case = self._use_case
        if delay is not None:
            label = use_case.label.model_copy(update={"delay_days": delay})
            use_case = use_case.model_copy(update={"label": label})
        days = dates.due_days(use_case, week.first, weeks)
        there = Days(max(days.first, since), days.last)
        if not len(there):
            nothing = self.nights(Days(week.first, week.first), rows).limit(0)
            return Outcomes(days, outcomes.joined([nothing], None, [], use_case), self._rarer)
        nights = self.nights(there, rows)
        told, labels, features = (nights.set_alias(name) for name in ("told", "labels", "features"))
        return Outcomes(
            days, outcomes.in_order(outcomes.joined([told], labels, [features], use_case)), self._rarer
        )

    def _share_of_rarer(self) -> float:
        """See `Outcomes.rarer`."""
        if not self._use_case.task.classes:
            return 1.0
        positives = f"coalesce(avg({sql.name(self._use_case.target)}), 0.5)"
        ((share,),) = self.before.reference.relation.aggregate(positives).fetchall()
        return float(min(share, 1 - share))

    def _relation(self, table: pa.Table) -> duckdb.DuckDBPyRelation:
        return self._connection.from_arrow(table)
