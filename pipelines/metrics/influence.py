"""What each row takes part in a metric's deviation from its value, and the sums of that over days and units:
of these it follows how sure the metric is, see `sureness`.

Rows come in batches, as many as there are, several times; nothing is kept of them but a table of distinct
scores (of very many rows, of scores to 4 digits) and the sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt

from pipelines.core.metric import Metric, Ranking, Sum
from pipelines.core.stakes import UNDECLARED, Stakes
from pipelines.metrics.metrics import Floats

AT_ONCE = 100_000  # rows in memory
EXACT = 1_000_000  # rows whose scores are told apart to the last bit
COARSE = np.uint32(0xFFFFFE00)  # of a float32: what is left of beyond that, 2 ** -14 of a score
GROUPS = (
    4_096  # into which units are dealt: where there are more units, several are one, which biases nothing
)
STEP = 1e-6  # by which a sum is moved, as a share of it, to see what becomes of the metric

Codes: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Some rows. Shapes (n,).

    Attributes:
        label: 0 or 1, or numbers.
        score: What the metric needs: scores, decisions or what is taken (0 or 1).
        version: Which model has scored, a number from 0 on.
        day: Which day it is, a number from 0 on.
        unit: Which unit it is of, a number from 0 on and below `GROUPS`; None where each row is its own.
    """

    label: Floats
    score: Floats
    version: Codes
    day: Codes
    unit: Codes | None


Batches: TypeAlias = Callable[[], Iterator[Batch]]


@dataclass(frozen=True)
class Sums:
    """What the rows' influences add up to, squared: the parts of a variance.

    Attributes:
        value: The metric.
        rows: How many.
        least: Of rows whose label is 0 or 1: how many there are of the rarer class; else all rows.
        days: Days with rows.
        units: Units with rows, at most `GROUPS`; as many as rows where each row is its own.
        by_unit: The squares of the units' sums, added up.
        by_day: Those of the days'.
        by_cell: Those of the sums of each unit on each day.
    """

    value: float
    rows: int
    least: int
    days: int
    units: int
    by_unit: float
    by_day: float
    by_cell: float


def sums(metric: Metric, batches: Batches, days: int, stakes: Stakes = UNDECLARED) -> Sums | None:
    """Sum up the influence of rows on a metric.

    Args:
        metric: Which one; a ranking's is combined over versions as `monitoring.performance` does.
        batches: Gives the rows, each time in the same order. They are read two or three times.
        days: How many numbers of days there are.
        stakes: See `metrics.measure`.

    Returns:
        None where the metric has no value on them.
    """
    found = measured(metric, batches, stakes)
    if found is None:
        return None
    cells = Cells(days)
    for batch in batches():
        cells.add(found.of_row(batch), batch)
    return cells.of(found.value, found.rows, found.least)


@dataclass(frozen=True)
class Measured:
    """A metric of some rows, and what each of them takes part in it.

    Attributes:
        value: The metric.
        rows, least: See `Sums`.
        of_row: The influence of each row of a batch, shape (n,).
    """

    value: float
    rows: int
    least: int
    of_row: Callable[[Batch], Floats]


def measured(metric: Metric, batches: Batches, stakes: Stakes = UNDECLARED) -> Measured | None:
    """Measure rows, and each row's influence; see `sums`."""
    counted = _counted(batches)
    if counted is None or (metric.of_labels_that_differ and counted.least_label == counted.most_label):
        return None
    of = (
        _of_ranking(metric.by, batches, counted.rows)
        if isinstance(metric.by, Ranking)
        else _of_sum(metric.by, batches, stakes, counted.mean)
    )
    if of is None:
        return None
    return Measured(of[0], counted.rows, counted.of_rarer_class, of[1])


# --- what there is


@dataclass
class _Counted:
    rows: int = 0
    positives: float = 0.0
    total: float = 0.0
    least_label: float = np.inf
    most_label: float = -np.inf

    @property
    def mean(self) -> float:
        return self.total / self.rows

    @property
    def of_rarer_class(self) -> int:
        if self.least_label < 0 or self.most_label > 1:
            return self.rows
        return int(min(self.positives, self.rows - self.positives))


def _counted(batches: Batches) -> _Counted | None:
    found = _Counted()
    for batch in batches():
        if len(batch.label):
            found.rows += len(batch.label)
            found.positives += float((batch.label == 1).sum())
            found.total += float(batch.label.sum())
            found.least_label = min(found.least_label, float(batch.label.min()))
            found.most_label = max(found.most_label, float(batch.label.max()))
    return found if found.rows else None


# --- influence of a row

_Of: TypeAlias = Callable[[Batch], Floats]
_OfBoth: TypeAlias = Callable[[Batch], tuple[Floats, Floats]]


def _of_sum(by: Sum, batches: Batches, stakes: Stakes, mean: float) -> tuple[float, _Of] | None:
    """A function of sums: its gradient there, times what the row adds to each. It adds up to 0, since all
    sums times the same leave the metric as it is.
    """

    def terms(batch: Batch) -> Floats:
        return np.stack(by.terms(batch.label, batch.score, stakes, mean))

    total = np.sum([terms(batch).sum(axis=1) for batch in batches()], axis=0)
    found = gradient(by, total)
    if found is None:
        return None
    value, slope = found
    return value, lambda batch: np.asarray(slope @ terms(batch))


def gradient(by: Sum, total: Floats) -> tuple[float, Floats] | None:
    """A function of sums, and its slope at these sums; None where it has no value there."""
    value = by.value(total)
    if not np.isfinite(value):
        return None
    slope = np.zeros(len(total))
    for n in np.flatnonzero(total):  # a sum of nothing moves nothing
        step = np.where(np.arange(len(total)) == n, STEP * total, 0.0)
        slope[n] = (by.value(total + step) - by.value(total - step)) / (2 * step[n])
    return value, slope


@dataclass
class _Steps:
    """Of one version: its distinct scores, least first, with positives and negatives of each."""

    scores: Floats = field(default_factory=lambda: np.empty(0))
    positive: Floats = field(default_factory=lambda: np.empty(0))
    negative: Floats = field(default_factory=lambda: np.empty(0))

    def add(self, score: Floats, label: Floats) -> None:
        every = np.concatenate([self.scores, score])
        positive, negative = (
            np.concatenate([self.positive, label]),
            np.concatenate([self.negative, 1 - label]),
        )
        self.scores, at = np.unique(every, return_inverse=True)
        self.positive = np.bincount(at, positive, len(self.scores)).astype(np.float64)
        self.negative = np.bincount(at, negative, len(self.scores)).astype(np.float64)


def _of_ranking(by: Ranking, batches: Batches, rows: int) -> tuple[float, _Of] | None:
    found = of_both_classes(by, batches, rows)
    if found is None:
        return None
    value, both = found

    def influence(batch: Batch) -> Floats:
        positive, negative = both(batch)
        return np.where(batch.label == 1, positive, negative)

    return value, influence


def of_both_classes(by: Ranking, batches: Batches, rows: int) -> tuple[float, _OfBoth] | None:
    """A ranking of each version for itself, each by its weight; and what a row takes part in it if it is
    positive, and if it is negative.

    Args:
        by: The ranking.
        batches: The rows; their labels may be probabilities, too.
        rows: How many there are.
    """

    def told_apart(score: Floats) -> Floats:
        return score if rows <= EXACT else _coarse(score)

    steps: dict[int, _Steps] = {}
    for batch in batches():
        for version in np.unique(batch.version):
            own = batch.version == version
            steps.setdefault(int(version), _Steps()).add(told_apart(batch.score[own]), batch.label[own])
    judged = {
        version: one for version, one in steps.items() if one.positive.sum() > 0 and one.negative.sum() > 0
    }
    if not judged:
        return None
    counts = {
        version: (float(one.positive.sum()), float(one.negative.sum())) for version, one in judged.items()
    }
    values = {version: _value(by, one) for version, one in judged.items()}
    weights = {version: by.weight(*counts[version]) for version in judged}
    total = sum(weights.values())
    value = sum(weights[version] * values[version] for version in judged) / total
    influences = {}
    for version, one in judged.items():
        positive, negative = by.influence(one.positive[::-1], one.negative[::-1])
        n, m = counts[version]
        by_positive, by_negative = (
            by.weight(n + 1, m) - weights[version],
            by.weight(n, m + 1) - weights[version],
        )
        off = (values[version] - value) / total  # what a row moves by making its version count for more
        share = weights[version] / total
        influences[version] = (
            share * positive[::-1] + by_positive * off,
            share * negative[::-1] + by_negative * off,
        )

    def both(batch: Batch) -> tuple[Floats, Floats]:
        found = np.zeros((2, len(batch.label)))
        for version, of_each in influences.items():
            own = batch.version == version
            at = np.searchsorted(judged[version].scores, told_apart(batch.score[own]))
            found[:, own] = np.stack(of_each)[:, at]
        return found[0], found[1]

    return value, both


def _value(by: Ranking, steps: _Steps) -> float:
    return by.value(np.cumsum(steps.positive[::-1]), np.cumsum(steps.negative[::-1]))


def _coarse(score: Floats) -> Floats:
    """Scores in fewer digits, in the same order."""
    bits = score.astype(np.float32).view(np.uint32)
    return np.asarray((bits & COARSE).view(np.float32), dtype=np.float64)


# --- sums of it


class Cells:
    """Influences added up by day and unit."""

    def __init__(self, days: int) -> None:
        self.days = days
        self.of_day = np.zeros(days)
        self.rows_of_day = np.zeros(days)
        self.squares = 0.0
        self.cells: Floats | None = None
        self.rows_of_unit: Floats | None = None

    def add(self, influence: Floats, batch: Batch) -> None:
        """Add some rows' influences, shape (n,)."""
        self.of_day += np.bincount(batch.day, influence, self.days)
        self.rows_of_day += np.bincount(batch.day, minlength=self.days)
        self.squares += float(influence @ influence)
        if batch.unit is not None:
            if self.cells is None or self.rows_of_unit is None:
                self.cells, self.rows_of_unit = np.zeros(self.days * GROUPS), np.zeros(GROUPS)
            self.cells += np.bincount(batch.day * GROUPS + batch.unit, influence, self.days * GROUPS)
            self.rows_of_unit += np.bincount(batch.unit, minlength=GROUPS)

    def of(self, value: float, rows: int, least: int) -> Sums:
        """What they come to, of so many rows; see `Sums`."""
        by_cell = by_unit = self.squares
        units = rows
        if self.cells is not None and self.rows_of_unit is not None:
            table = self.cells.reshape(self.days, GROUPS)
            by_cell, by_unit = float((table**2).sum()), float((table.sum(axis=0) ** 2).sum())
            units = int((self.rows_of_unit > 0).sum())
        return Sums(
            value=value,
            rows=rows,
            least=least,
            days=int((self.rows_of_day > 0).sum()),
            units=units,
            by_unit=by_unit,
            by_day=float((self.of_day**2).sum()),
            by_cell=by_cell,
        )


# --- rows of a relation


def of_relation(rows: duckdb.DuckDBPyRelation, metric: Metric) -> Batches:
    """The batches of a relation.

    Args:
        rows: Columns `label`, `score`, `version`, `day` (numbers from 0 on), `unit` (any value; null where
            each row is its own) and, where the metric needs them, `decision` or `taken`; no null in the
            others.
        metric: Names what is needed of the scores.
    """
    score = metric.needs if metric.needs in ("decision", "taken") else "score"
    whole = rows.aggregate("count(unit)").fetchall()[0][0] > 0
    named = rows.project(
        f"label::DOUBLE AS label, {score}::DOUBLE AS score, version::BIGINT AS version, day::BIGINT AS day,"
        f" (hash(unit::VARCHAR) % {GROUPS})::BIGINT AS unit"
    )

    def batches() -> Iterator[Batch]:
        for batch in named.to_arrow_reader(AT_ONCE):
            label, score_, version, day, unit = (np.asarray(column) for column in batch.columns)
            yield Batch(label, score_, version, day, unit if whole else None)

    return batches
