"""The metrics of `pipelines.metrics.metrics` on more rows than memory holds: the same numbers, but for their
last digits.

DuckDB sorts the rows by their scores, through the disk where need be, and hands them on in batches. What adds
up is added up row by row in that order, so that neither the batches nor DuckDB's threads show in the sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import duckdb
import numpy as np

from pipelines.core.errors import BadInput
from pipelines.core.metric import Metric, Ranking, Sum
from pipelines.core.metrics import by_name
from pipelines.core.stakes import UNDECLARED, Stakes
from pipelines.core.tasks import Task
from pipelines.metrics import metrics
from pipelines.metrics.daily import TAKEN
from pipelines.metrics.metrics import Floats

AT_ONCE = 100_000  # rows in memory

Sums: TypeAlias = dict[str, float]


@dataclass(frozen=True)
class Measured:
    """A metric's value, or the reason why it has none."""

    value: float | None
    reason: str | None = None


def measure(
    rows: duckdb.DuckDBPyRelation,
    task: Task,
    *,
    threshold: float = 0.5,
    stakes: Stakes = UNDECLARED,
) -> dict[str, Measured]:
    """Measure scores against the truth by every metric of the task.

    Args:
        rows: Columns `label` and `score`, both DOUBLE, and, where decisions were taken, `decision`, 0 or 1,
            which then counts instead of the threshold; and, for what is among a day's greatest scores,
            `taken`. They are read three times.
        task: Whose metrics they are, of labels that are 0 and 1, or numbers: those of them whose stakes are
            declared.
        threshold: See `metrics.measure`.
        stakes: See `metrics.measure`.

    Returns:
        Metric -> what it is on all rows.

    Raises:
        BadInput: a null or infinite number.
    """
    number, finite, *extremes, mean = rows.aggregate(
        "count(*), count(*) FILTER (isfinite(label) AND isfinite(score)), min(label), max(label), min(score),"
        " max(score), avg(label)"
    ).fetchall()[0]
    if finite < number:
        raise BadInput(
            f"{number - finite:,} of {number:,} labels or scores are null or infinite; only numbers can"
            " be measured",
            fix="see where they come from",
        )
    least, greatest, lowest, highest = (value or 0.0 for value in extremes)
    each = [by_name(name) for name in task.measured(stakes)]
    values: Sums = {}
    if number and task.classes:
        values = _by_score(rows, each, threshold, stakes)
    elif number:
        values = _row_by_row(rows, each, stakes, mean)

    def measured(name: str) -> Measured:
        if by_name(name).needs == "taken" and TAKEN not in rows.columns:
            return Measured(None, metrics.NO_DAYS.format(name))
        try:
            metrics.refuse_undefined(name, number, labels=(least, greatest), scores=(lowest, highest))
        except metrics.Undefined as reason:
            return Measured(None, reason.sentence)
        return Measured(values[name])

    return {name: measured(name) for name in task.measured(stakes)}


def _by_score(rows: duckdb.DuckDBPyRelation, each: list[Metric], threshold: float, stakes: Stakes) -> Sums:
    """Metrics of labels 0 and 1; those without a value on these rows are any number."""
    alarm = "decision" if "decision" in rows.columns else f"score >= '{threshold!r}'::DOUBLE"
    taken = TAKEN if TAKEN in rows.columns else "0"
    decided = rows.project(f"label, score, ({alarm})::DOUBLE AS alarm, {taken}::DOUBLE AS taken")
    counted = (
        "sum(label) AS positive, count(*) - sum(label) AS negative, sum(alarm) AS alarms, sum(alarm * label)"
        " AS hits, sum(taken) AS looked_at, sum(taken * label) AS found"
    )
    sums: dict[str, list[float]] = {}
    above = alike = 0.0
    by_score = decided.aggregate(f"score, {counted}", "score").order("score DESC")
    for score, positive, negative, alarms, hits, looked_at, found in _batches(by_score):
        # Rows of the same score are one step of the ranking, of which none stands above another.
        down_to = above + np.cumsum(positive), alike + np.cumsum(negative)
        yes, no = np.ones(len(score)), np.zeros(len(score))
        for metric in each:
            if isinstance(metric.by, Ranking):
                terms = [metric.by.terms(positive, negative, *down_to)]
            elif metric.needs == "decision":
                terms = _of_decisions(metric.by, stakes, positive, negative, alarms, hits)
            elif metric.needs == "taken":
                terms = _of_decisions(metric.by, stakes, positive, negative, looked_at, found)
            else:
                of_both = (metric.by.terms(label, score, stakes, 0.0) for label in (yes, no))
                terms = [positive * one + negative * other for one, other in zip(*of_both, strict=True)]
            _add(sums, metric.name, terms)
        above, alike = float(down_to[0][-1]), float(down_to[1][-1])

    def value(metric: Metric) -> float:
        if isinstance(metric.by, Ranking):
            return metric.by.of_sum(sums[metric.name][0], above, alike)
        return metric.by.value(np.asarray(sums[metric.name]))

    return {metric.name: value(metric) for metric in each}


def _of_decisions(
    by: Sum, stakes: Stakes, positive: Floats, negative: Floats, alarms: Floats, hits: Floats
) -> list[Floats]:
    """What a metric sums of rows alike: those with and without an alarm, positive and negative."""
    one, none = np.ones(1), np.zeros(1)
    alike = (
        (one, one, hits),
        (one, none, positive - hits),
        (none, one, alarms - hits),
        (none, none, negative - (alarms - hits)),
    )
    parts = [[term * rows for term in by.terms(label, alarm, stakes, 0.0)] for label, alarm, rows in alike]
    return [np.sum(terms, axis=0) for terms in zip(*parts, strict=True)]


def _row_by_row(rows: duckdb.DuckDBPyRelation, each: list[Metric], stakes: Stakes, mean: float) -> Sums:
    """Metrics of numbers; those without a value on these rows are any number."""
    # DuckDB's mean has other last digits each time: some number near it serves as well, if it always is the
    # same.
    near = float(f"{mean:.9g}")
    by = {metric.name: metric.by for metric in each if isinstance(metric.by, Sum)}
    sums: dict[str, list[float]] = {}
    for score, label in _batches(rows.project("score, label").order("score, label")):
        for name, how in by.items():
            _add(sums, name, how.terms(label, score, stakes, near))
    return {name: how.value(np.asarray(sums[name])) for name, how in by.items()}


def _batches(rows: duckdb.DuckDBPyRelation) -> Iterator[list[Floats]]:
    """The columns of some rows at a time, in their order."""
    for batch in rows.to_arrow_reader(AT_ONCE):
        yield [np.asarray(column, dtype=np.float64) for column in batch.columns]


def _add(sums: dict[str, list[float]], name: str, terms: Sequence[Floats]) -> None:
    """Add up one after the other: NumPy's own sum would add up each batch in blocks."""
    before = sums.get(name, [0.0] * len(terms))
    sums[name] = [
        float(np.cumsum(np.concatenate(([one], values)))[-1])
        for one, values in zip(before, terms, strict=True)
    ]
