"""What performance will be on the week's days whose labels are not due yet: rows of the tables `performance`
and `drift`; and how often such estimates came true, by which they are believed or struck out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd

from pipelines.core import sql
from pipelines.core.errors import BadInput
from pipelines.core.metric import Sum
from pipelines.core.metrics import by_name
from pipelines.metrics import daily, expected
from pipelines.metrics.expected import Estimator
from pipelines.metrics.sureness import Sure
from pipelines.model import inputs
from pipelines.model.expected_loss import LossEstimator, Numbers
from pipelines.monitoring import outcomes
from pipelines.monitoring.drift_table import SCORE, Row
from pipelines.monitoring.scored_days import ALL
from pipelines.run.tables import PERFORMANCE

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.metrics.metrics import Floats
    from pipelines.registry.registry import Champion

ESTIMATED = "estimated"
METHODS = {True: "calibrated scores", False: "expected loss"}  # of a task with probabilities, and without
LEARNED = 50_000  # labelled rows, drawn by their keys, from which it is learned how far off numbers are
FEWEST_DAYS = 14  # whose estimates have been compared with their labels, before these are called untrue
# Of intervals that are to hold 95 of 100 truths: fewer than that is chance once in 5,000 times, of 14 days.
LEAST_HELD = 0.7


@dataclass(frozen=True)
class Waiting:
    """What there is of the days whose labels are not due, of the champion's own nights.

    Attributes:
        days: These days of the week.
        scored: Their predictions: key, time, score and, of a task with decisions, decision.
        features: Their features.
        held_out: The champion's held-out rows: key, time, label and score.
        reference: The features of its training.
    """

    days: tuple[date, ...]
    scored: duckdb.DuckDBPyRelation
    features: duckdb.DuckDBPyRelation
    held_out: duckdb.DuckDBPyRelation
    reference: duckdb.DuckDBPyRelation


@dataclass(frozen=True)
class Record:
    """How estimates of earlier reports came true.

    Attributes:
        days: That were estimated and are final by now.
        held: Of these, those whose interval holds what the labels say.
    """

    days: int = 0
    held: int = 0

    @property
    def bad(self) -> bool:
        """Whether nobody should go by the estimates."""
        return self.days >= FEWEST_DAYS and self.held < LEAST_HELD * self.days

    def __str__(self) -> str:
        return f"of {self.days} days that were estimated before, {self.held} came true within their interval"


@dataclass(frozen=True)
class Estimates:
    """What is estimated.

    Attributes:
        days: Rows of the table `performance`.
        week: The row of the table `drift`, where some day waits for its labels.
    """

    days: pd.DataFrame = field(default_factory=lambda: _table([]))
    week: Row | None = None


def record(earlier: Sequence[duckdb.DuckDBPyRelation], by_day: pd.DataFrame, use_case: UseCase) -> Record:
    """Compare what earlier reports have estimated with what they, and this one, have found since.

    Args:
        earlier: The tables `performance` of earlier reports, the oldest first.
        by_day: This report's.
        use_case: Names the metric.
    """
    own = f"metric = {sql.text(use_case.metric.name)} AND slice = '{ALL}'"
    tables = [*(table.filter(own).df() for table in earlier), by_day[_primary(by_day, use_case)]]
    every = pd.concat(tables, ignore_index=True)
    place = ["day", "model_version"]
    told = every[(every["status"] == ESTIMATED) & every["low"].notna()].drop_duplicates(place)
    final = every[(every["status"] == "final") & every["value"].notna()].drop_duplicates(place, keep="last")
    both = told.merge(final, on=place, suffixes=("", "_true"))
    held = (both["low"] <= both["value_true"]) & (both["value_true"] <= both["high"])
    return Record(len(both), int(held.sum()))


def _primary(by_day: pd.DataFrame, use_case: UseCase) -> pd.Series:
    return (by_day["metric"] == use_case.metric.name) & (by_day["slice"] == ALL)


def with_days(by_day: pd.DataFrame, estimated: Estimates) -> pd.DataFrame:
    """The table `performance`: the days whose labels are due, then those that are estimated."""
    tables = [table for table in (by_day, estimated.days) if len(table)]
    return pd.concat(tables, ignore_index=True).astype(PERFORMANCE) if tables else by_day


def estimate(waiting: Waiting, known: Record, champion: Champion, use_case: UseCase) -> Estimates:
    """Estimate every metric for each of the days, and the primary one for all of them.

    Args:
        waiting: The days.
        known: How earlier estimates came true.
        champion: Who has scored them.
        use_case: The facts.
    """
    rows = waiting.scored.count("*").fetchall()[0][0]
    if not waiting.days or not rows:
        return Estimates()
    metric = by_name(use_case.metric.name)
    facts = {
        "subject": metric.name,
        "kind": "estimate",
        "type": "metric",
        "method": METHODS[use_case.task.probabilities],
    }
    tested = waiting.held_out.count("*").fetchall()[0][0]
    sizes = {"reference_rows": int(tested), "current_rows": int(rows)}
    told = str(known) if known.days else "no estimate has been compared with its labels yet"
    if known.bad:
        told = f"struck out: {told}, and nobody should go by this one"
    try:
        of = _estimators(waiting, champion, use_case)
    except BadInput as error:
        why = f"nothing can be estimated of days whose labels are not due: {error.sentence}"
        return Estimates(week=Row(**facts, **sizes, note=why))  # type: ignore[arg-type]
    sure = of.whole(metric.name)
    ends = sure.interval() if sure and not known.bad else (None, None)
    value = sure.value if sure and not known.bad else None
    row = Row(**facts, **sizes, value=_digits(value), low=_digits(ends[0]), high=_digits(ends[1]), note=told)  # type: ignore[arg-type]
    return Estimates(_table(list(of.by_day(champion.version))), row)


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(PERFORMANCE)).astype(PERFORMANCE)


def _digits(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.9g}")


@dataclass(frozen=True)
class _Estimators:
    """Tell each metric of any of the rows."""

    names: tuple[str, ...]
    rows: Any  # of all days: day by day, what an estimator takes
    estimators: dict[str, Any]
    days: tuple[date, ...]

    def whole(self, name: str) -> Sure | None:
        """The metric on all days."""
        return self._of(name, None)

    def by_day(self, version: str) -> Iterator[dict[str, Any]]:
        """Rows of the table `performance`."""
        for day in self.days:
            n = self.rows.count(day)
            for name in self.names if n else ():
                sure = self._of(name, day)
                low, high = sure.interval() if sure else (None, None)
                yield {
                    "day": datetime.combine(day, time()),
                    "model_version": version,
                    "slice": ALL,
                    "metric": name,
                    "status": ESTIMATED,
                    "value": _digits(sure.value if sure else None),
                    "low": _digits(low),
                    "high": _digits(high),
                    "rows": n,
                    "labelled": 0,
                }

    def _of(self, name: str, day: date | None) -> Sure | None:
        found: Sure | None = self.estimators[name].estimate(self.rows.of(name, day))
        return found


def _estimators(waiting: Waiting, champion: Champion, use_case: UseCase) -> _Estimators:
    names = use_case.measured
    if use_case.task.probabilities:
        labelled = _Classes(_numbered(waiting.held_out, champion, use_case, labels=True))
        rows = _Classes(_numbered(waiting.scored, champion, use_case, labels=False))
        fitted = {
            name: Estimator.fit(by_name(name), labelled.of(name, None), use_case.stakes) for name in names
        }
        return _Estimators(names, rows, fitted, waiting.days)
    known = _of_numbers(waiting.held_out, waiting.reference, use_case, use_case.target)
    rows_of_numbers = _Numbers(*_of_numbers(waiting.scored, waiting.features, use_case, None)[:2])
    made: dict[str, Any] = {}
    for name in names:
        metric = by_name(name)
        if isinstance(metric.by, Sum):
            made[name] = LossEstimator.fit(metric, metric.by, known[0], known[2], use_case)
    return _Estimators(tuple(made), rows_of_numbers, made, waiting.days)


# --- rows of a task with probabilities


def _numbered(
    rows: duckdb.DuckDBPyRelation, champion: Champion, use_case: UseCase, *, labels: bool
) -> duckdb.DuckDBPyRelation:
    """Label, score, decision, day (a number, and as it is called) and unit."""
    at, calendar = sql.name(use_case.time), use_case.watched
    on = calendar.index_sql(at)
    first = rows.aggregate(f"min({on})").fetchall()[0][0]
    label, unit, decision = "NULL", "NULL", "0"
    if labels:
        label = sql.name(use_case.target)
        rows = rows.filter(f"{label} IS NOT NULL")
        if use_case.unit_column:
            unit = f"coalesce({sql.name(use_case.unit_column)}::VARCHAR, '')"
    if use_case.task.decides and champion.threshold is not None:
        decision = f"({SCORE} >= '{champion.threshold!r}'::DOUBLE)::INT" if labels else "decision"
    taken, a_day = f"0 AS {daily.TAKEN}", use_case.stakes.a_day
    if a_day is not None:
        taken = daily.column(SCORE, f"{at}::DATE", sql.name(use_case.key), a_day)
    return sql.materialized(
        rows.project(
            f"{label}::DOUBLE AS label, {SCORE}, {decision} AS decision, {taken}, {on} - {first} AS day,"
            f" {calendar.of_sql(at)} AS on_day, {unit} AS unit"
        )
    )


@dataclass(frozen=True)
class _Classes:
    rows: duckdb.DuckDBPyRelation

    def of(self, name: str, day: date | None) -> expected.Rows:
        some = self.rows if day is None else self.rows.filter(f"on_day = {outcomes.day(day)}")
        return expected.of_relation(some, by_name(name))

    def count(self, day: date) -> int:
        ((n,),) = self.rows.filter(f"on_day = {outcomes.day(day)}").aggregate("count(*)").fetchall()
        return int(n)


# --- rows of a task of numbers


@dataclass(frozen=True)
class _Numbers:
    rows: Numbers
    on: pd.Series  # the day of each

    def of(self, name: str, day: date | None) -> Numbers:  # noqa: ARG002 (all metrics take the same)
        if day is None:
            return self.rows
        own = (self.on == pd.Timestamp(day)).to_numpy()
        unit = None if self.rows.unit is None else self.rows.unit[own]
        return Numbers(self.rows.X[own], self.rows.score[own], self.rows.day[own], unit)

    def count(self, day: date) -> int:
        return int((self.on == pd.Timestamp(day)).sum())


def _of_numbers(
    scored: duckdb.DuckDBPyRelation, features: duckdb.DuckDBPyRelation, use_case: UseCase, label: str | None
) -> tuple[Numbers, pd.Series, Floats]:
    """Scored rows with their features, at most `LEARNED`: what tells a loss, their days, and their labels."""
    key, at, calendar = sql.name(use_case.key), sql.name(use_case.time), use_case.watched
    names = ", ".join(f"features.{sql.name(name)}" for name in use_case.features.names)
    truth = f"scored.{sql.name(label)}::DOUBLE" if label else "NULL::DOUBLE"
    frame = (
        scored.set_alias("scored")
        .join(
            features.set_alias("features"), f"scored.{key} = features.{key} AND scored.{at} = features.{at}"
        )
        .project(
            f'scored.{key} AS ":key", scored.{at} AS ":time", scored.{SCORE} AS ":score",'
            f' {truth} AS ":label", {calendar.of_sql(f"scored.{at}")} AS ":on",'
            f' {calendar.index_sql(f"scored.{at}")} AS ":day", {names}'
        )
        .filter('":label" IS NOT NULL' if label else "true")
        .order('md5(":key"::VARCHAR), ":key"')
        .limit(LEARNED)
        .df()
    )
    on, day = pd.to_datetime(frame[":on"]), frame[":day"].to_numpy(np.int64)
    day = day - day.min(initial=day.max(initial=0))
    score = frame[":score"].to_numpy(np.float64)
    rows = Numbers(inputs.frame(frame, use_case.features), score, day)
    return rows, on, frame[":label"].to_numpy(np.float64)
