"""What a metric will be, by what scores mean as probabilities, before labels are known; and how sure that is.

Each row counts as a positive one as often as it is likely to be one, and else as a negative one: what a
metric of weighted rows comes to is its expectation to first order (confidence-based performance estimation,
as NannyML has it). The later truth differs by

- which labels are drawn, more so where labels of a customer or of a day are alike: how much more, the
  labelled rows tell on which the probabilities were learned;
- what was not known of the probabilities themselves.

It cannot see that a score has come to mean something else: so its own record is kept, see `monitoring`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import duckdb
import numpy as np

from pipelines.core.metric import Metric, Ranking
from pipelines.core.stakes import UNDECLARED, Stakes
from pipelines.metrics import influence, sureness
from pipelines.metrics.influence import Batch, Cells, Sums
from pipelines.metrics.metrics import Floats
from pipelines.metrics.score_meaning import ScoreMeaning, Uncalibrated
from pipelines.metrics.sureness import Sure


@dataclass(frozen=True)
class Part:
    """Some rows: their scores, and what the metric needs of them."""

    score: Floats
    batch: Batch


Parts: TypeAlias = Callable[[], Iterator[Part]]
Swing: TypeAlias = Callable[[Batch], Floats]


@dataclass(frozen=True)
class Rows:
    """Rows of one model version.

    Attributes:
        parts: Gives them, each time in the same order.
        rows: How many.
        days: How many days they are of.
    """

    parts: Parts
    rows: int
    days: int


def of_relation(rows: duckdb.DuckDBPyRelation, metric: Metric) -> Rows:
    """The rows of a relation of one version.

    Args:
        rows: Columns `label` (may be null throughout), `score`, `day` (numbers from 0 on), `unit` (null where
            each row is its own) and, where the metric needs them, `decision` or `taken`.
        metric: Names what is needed of the scores.
    """
    needed = metric.needs if metric.needs in ("decision", "taken") else "score"
    ((n, days, units),) = rows.aggregate("count(*), count(DISTINCT day), count(unit)").fetchall()
    named = rows.project(
        f"coalesce(label::DOUBLE, 0) AS label, score::DOUBLE AS raw, {needed}::DOUBLE AS score,"
        f" day::BIGINT AS day, (hash(unit::VARCHAR) % {influence.GROUPS})::BIGINT AS unit"
    )

    def parts() -> Iterator[Part]:
        for batch in named.to_arrow_reader(influence.AT_ONCE):
            label, raw, score, day, unit = (np.asarray(column) for column in batch.columns)
            version = np.zeros(len(label), np.int64)
            yield Part(raw, Batch(label, score, version, day, unit if units else None))

    return Rows(parts, int(n), int(days))


@dataclass(frozen=True)
class Estimator:
    """Tells what a metric will be.

    Attributes:
        metric: Which one.
        meaning: What scores mean.
        stakes: See `metrics.measure`.
        alike: How far the labelled rows were from what was expected of them: sums by unit and day.
        chance: What the variance of that is if all labels are drawn alone.
        off: By how much their own metric is another one than is expected of them, since the curve is not
            theirs to the last bend.
    """

    metric: Metric
    meaning: ScoreMeaning
    stakes: Stakes
    alike: Sums
    chance: float
    off: float

    @classmethod
    def fit(cls, metric: Metric, labelled: Rows, stakes: Stakes = UNDECLARED) -> Estimator:
        """Learn on labelled rows what the scores mean.

        Args:
            metric: That is to be told.
            labelled: Rows that the model has not learned from.
            stakes: See `metrics.measure`.

        Raises:
            Uncalibrated: that cannot be learned.
        """
        every = list(labelled.parts())
        label = np.concatenate([part.batch.label for part in every])
        score = np.concatenate([part.score for part in every])
        meaning = ScoreMeaning.fit(label, score, _groups(every))
        found = _expected(metric, labelled, meaning, stakes)
        days = max(int(part.batch.day.max()) for part in every) + 1
        true = influence.sums(metric, _batches(labelled), days, stakes)
        if found is None or true is None:
            raise Uncalibrated(
                f"{metric.name} has no value on the labelled rows", fix="give the training more held-out rows"
            )
        value, swing = found
        cells, chance = Cells(days), 0.0
        for part in every:
            probability, g = meaning(part.score), swing(part.batch)
            cells.add((part.batch.label - probability) * g, part.batch)
            chance += float((probability * (1 - probability)) @ g**2)
        alike = cells.of(value, len(label), _rarer(label))
        return cls(metric, meaning, stakes, alike, chance, true.value - value)

    def estimate(self, rows: Rows) -> Sure | None:
        """What the metric will be of rows without labels; None where it has no value there."""
        found = _expected(self.metric, rows, self.meaning, self.stakes)
        if found is None or rows.rows < 2:
            return None
        value, swing = found
        chance, slope, positives = 0.0, np.zeros(len(self.meaning.coefficients)), 0.0
        for part in rows.parts():
            probability, g = self.meaning(part.score), swing(part.batch)
            spread = probability * (1 - probability)
            chance, positives = chance + float(spread @ g**2), positives + float(probability.sum())
            slope += (g * spread) @ self.meaning.terms(part.score)
        unsure = float(slope @ self.meaning.covariance @ slope)
        own = sureness.Rows(rows.rows, int(min(positives, rows.rows - positives)), rows.days)
        return sureness.of_estimate(
            self.metric, value, chance, unsure + self.off**2, self.alike, self.chance, own
        )


def _groups(every: list[Part]) -> influence.Codes:
    """Which rows are alike: those of a unit, else those of a day, else none."""
    days = np.concatenate([part.batch.day for part in every])
    units = [part.batch.unit for part in every]
    if all(unit is not None for unit in units):
        codes = np.concatenate([unit for unit in units if unit is not None])
    else:
        codes = days if len(np.unique(days)) >= sureness.FEWEST else np.arange(len(days))
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def _rarer(label: Floats) -> int:
    return int(min(label.sum(), len(label) - label.sum()))


def _batches(rows: Rows) -> influence.Batches:
    return lambda: (part.batch for part in rows.parts())


def _expected(
    metric: Metric, rows: Rows, meaning: ScoreMeaning, stakes: Stakes
) -> tuple[float, Swing] | None:
    """The metric's expectation, and by how much a row moves it if it is positive rather than negative."""

    def probable() -> Iterator[Batch]:
        return (replace(part.batch, label=meaning(part.score)) for part in rows.parts())

    by = metric.by
    if isinstance(by, Ranking):
        found = influence.of_both_classes(by, probable, rows.rows)
        if found is None:
            return None
        value, both = found
        return value, lambda batch: np.subtract(*both(batch))

    def terms(batch: Batch) -> tuple[Floats, Floats]:
        yes, no = np.ones(len(batch.label)), np.zeros(len(batch.label))
        positive, negative = (np.stack(by.terms(label, batch.score, stakes, 0.0)) for label in (yes, no))
        return positive, negative

    total: Floats | None = None
    for batch in probable():
        positive, negative = terms(batch)
        summed = positive @ batch.label + negative @ (1 - batch.label)
        total = summed if total is None else total + summed
    found_sum = None if total is None else influence.gradient(by, total)
    if found_sum is None:
        return None
    value, slope = found_sum
    return value, lambda batch: np.asarray(slope @ np.subtract(*terms(batch)))
