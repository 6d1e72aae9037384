"""The cheap test: would the champion's own parameters, fitted again on the labelled rows up to a day within
what is new, have done better on the labelled rows behind that day?

It is fitted on as many days as a training learns from before it judges, so that a regime of which a training
would see little is not promised more. Where only the share of positives has moved, the champion's own scores
are bent by what the rows up to that day say, and no model is fitted. Both are judged on the same rows, by
units and days; a newer fit helps if a thousandth lies below what is worth a change, so that even a year of
false alarms, each with a trial, hardly starts a training (`benchmarks/retraining.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.core.calendar import DAILY, Calendar
from pipelines.core.dates import WEEK
from pipelines.core.metric import Metric
from pipelines.core.metrics import by_name, of_level
from pipelines.core.stakes import UNDECLARED, Stakes
from pipelines.evaluation.rules import WORTH
from pipelines.metrics import daily, paired, sureness
from pipelines.metrics.influence import GROUPS, Batch, Batches
from pipelines.model import calibration, candidate, inputs
from pipelines.monitoring import diagnosis

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from pipelines.core.config import UseCase

Floats: TypeAlias = npt.NDArray[np.float64]

LEAST_DAYS = 2 * WEEK  # of what is new: a week on either side of the day
LEAST_OF_CLASS = 20  # rows of the rarer class (or rows) on either side, as a promotion needs
JUDGED = 1 / 3  # of the days of what is new
MOST_JUDGED = 4 * WEEK  # days: older ones are no longer the newest


@dataclass(frozen=True)
class Trial:
    """What has come of it.

    Attributes:
        metric: By which it is judged.
        missing: What is missing for a trial, a phrase; None where there was one.
        before, after: The champion's, and the newer fit's.
        gain, low, high: By how much that is better, with the interval by which it helps or not.
        margin: What it must surely exceed to be worth a change.
        fitted, judged: How many rows.
        days: The judged days.
    """

    metric: str
    missing: str | None = None
    before: float = math.nan
    after: float = math.nan
    gain: float = math.nan
    low: float = math.nan
    high: float = math.nan
    margin: float = 0.0
    fitted: int = 0
    judged: int = 0
    days: tuple[date, date] | None = None

    @property
    def helps(self) -> bool:
        """Whether it is surely better, by more than is worth a change."""
        return self.low > self.margin

    @property
    def told(self) -> str:
        """A phrase."""
        first, last = self.days or ("", "")
        between = f" ({self.low:+.4g} to {self.high:+.4g})" if math.isfinite(self.low) else ""
        return (
            f"fitted again on {self.fitted:,} labelled rows before {first}, {self.metric} is"
            f" {self.after:.4g} and not {self.before:.4g} on the {self.judged:,} rows of {first} to"
            f" {last}: better by {self.gain:+.4g}{between}, and {self.margin:.2g} is worth a change"
        )

    def row(self) -> Mapping[str, Any]:
        """The row of the table `diagnosis`."""
        return diagnosis.row(
            kind="trial",
            subject=self.metric,
            holds=None if self.missing else self.helps,
            value=_digits(self.gain),
            low=_digits(self.low),
            high=_digits(self.high),
            threshold=self.margin,
            rows=self.judged,
            evidence=self.missing or self.told,
        )


@dataclass(frozen=True)
class Sides:
    """Which days a trial is fitted on, and which judge it."""

    first: date
    cut: date
    last: date


def least(report: int = WEEK) -> int:
    """How many partitions of what is new are needed, where a report looks at so many."""
    return round(LEAST_DAYS * report / WEEK)


def sides(
    since: date, last: date, window: int, calendar: Calendar = DAILY, report: int = WEEK
) -> Sides | None:
    """Part the labelled days: a third of what is new judges, a week at least, and four at most.

    Args:
        since: The first day of what is new.
        last: The newest day whose label is due.
        window: On how many days a training fits what it judges.
        calendar: Of the days.
        report: How many a report looks at.

    Returns:
        None where there are too few days.
    """
    new = len(calendar.span(since, last))
    if new < least(report):
        return None
    most = MOST_JUDGED * report // WEEK
    cut = calendar.step(last, 1 - min(max(report, int(new * JUDGED)), most))
    return Sides(calendar.step(cut, -window), cut, last)


def too_few(since: date, last: date, delay: int, calendar: Calendar = DAILY, report: int = WEEK) -> str:
    """How many days are missing, a phrase."""
    there, needed = len(calendar.span(since, last)), least(report)
    return (
        f"of the {calendar.every}s since {since}, {there} have labels that are due, and {needed} are needed:"
        f" {calendar.counted(needed - there)} more (labels come after {delay} days)"
    )


def rarer(label: Floats, classes: bool) -> int:
    """How many rows there are of the rarer class; all, where labels are numbers."""
    positives = int(label.sum()) if classes else len(label)
    return min(positives, len(label) - positives) if classes else len(label)


def metric_of(cause: str, use_case: UseCase) -> Metric:
    """By which metric a trial is judged: the primary one; of a moved prior, one that knows how true
    probabilities are, where the primary one knows an order alone.
    """
    name = use_case.metric.name
    return of_level(name) if cause == diagnosis.PRIOR else by_name(name)


@dataclass(frozen=True)
class Judged:
    """The rows that judge, shapes (n,): labels, the champion's scores, days and units (numbers from 0 on)."""

    label: Floats
    score: Floats
    day: npt.NDArray[np.int64]
    unit: npt.NDArray[np.int64] | None


def compare(
    rows: Judged,
    newer: Floats,
    metric: Metric,
    threshold: float | None,
    stakes: Stakes = UNDECLARED,
) -> paired.Gain | None:
    """Compare scores of another fit with the champion's, by units and days.

    A metric of decisions is compared at as many alarms: what threshold a training would choose is not known.

    Args:
        rows: The rows.
        newer: The other fit's scores, shape (n,).
        metric: By which.
        threshold: Of the champion's decision.
        stakes: What errors cost.
    """
    before, after = rows.score, newer
    if metric.needs == "decision":
        if threshold is None:
            return None
        before = (rows.score >= threshold).astype(np.float64)
        alarms = int(before.sum())
        after = np.zeros(len(newer))
        after[np.argsort(-newer, kind="stable")[:alarms]] = 1.0
    elif metric.needs == "taken" and stakes.a_day is not None:
        before, after = (daily.taken(score, rows.day, stakes.a_day) for score in (before, after))
    return gain(metric, replace(rows, score=before), after, stakes)


def gain(metric: Metric, rows: Judged, newer: Floats, stakes: Stakes = UNDECLARED) -> paired.Gain | None:
    """By how much other scores (or decisions, or what is taken) are better than the rows' own, by units and
    days.
    """
    days = int(rows.day.max()) + 1 if len(rows.day) else 1
    return paired.gain(metric, _batches(rows, rows.score), _batches(rows, newer), days, stakes)


def _batches(rows: Judged, score: Floats) -> Batches:
    def batches() -> Iterator[Batch]:
        yield Batch(rows.label, score, np.zeros(len(score), np.int64), rows.day, rows.unit)

    return batches


def fitted_again(pipeline: Pipeline, rows: pd.DataFrame, use_case: UseCase) -> Pipeline:
    """The champion's parameters, fitted on labelled rows, with its curve.

    Args:
        pipeline: The champion, as it was fitted.
        rows: In order of time, then key; `:label` and the features.
        use_case: Names the features.
    """
    y = rows[":label"].to_numpy(np.int64 if use_case.task.classes else np.float64)
    return candidate.unfitted_copy(pipeline).fit(inputs.frame(rows, use_case.features), y)


def recalibrated(label: Floats, score: Floats, of: Floats) -> Floats:
    """Scores, bent by what labelled rows say of the same model's, shape (n,)."""
    return calibration.fit("sigmoid", label, score).of_scores(of)


def units(column: pd.Series | None) -> npt.NDArray[np.int64] | None:
    """A number for each unit, below `GROUPS`; None where each row is its own."""
    if column is None:
        return None
    return np.asarray(pd.util.hash_array(column.astype(str).to_numpy(object)) % GROUPS, dtype=np.int64)


def margin(use_case: UseCase, metric: Metric, lead: float | None) -> float:
    """What a gain must surely exceed: what a promotion must, a stated margin or a hundredth of the lead over
    the baseline. Two fits of one truth differ by less, and of enough rows that is told, too.

    Args:
        use_case: Its `metric`.
        metric: By which a trial is judged.
        lead: The champion's, by the primary metric; None where nobody knows.
    """
    if metric.name != use_case.metric.name:
        return 0.0
    return use_case.metric.margin if use_case.metric.margin is not None else WORTH * max(lead or 0.0, 0.0)


def found(
    metric: Metric, gain: paired.Gain | None, fitted: int, rows: int, parted: Sides, worth: float = 0.0
) -> Trial:
    """What is told of a trial."""
    if gain is None or (ends := gain.interval(sureness.SURE)) is None:
        return Trial(
            metric.name, f"{metric.name} has no value on the {rows:,} labelled rows that would judge"
        )
    return Trial(
        metric=metric.name,
        before=gain.before,
        after=gain.after,
        gain=gain.value,
        low=ends[0],
        high=ends[1],
        margin=worth,
        fitted=fitted,
        judged=rows,
        days=(parted.cut, parted.last),
    )


def _digits(value: float) -> float | None:
    return float(f"{value:.9g}") if math.isfinite(value) else None
