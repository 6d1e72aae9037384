"""How well published predictions did, now that labels are known: by each version's own decisions, and its own
ranking.

A week with a promotion has nights of two versions. What was decided stands in the column `decision` of each
night, and nothing else was decided: no version's threshold is held against another one's scores. Metrics of
decisions, of probabilities and of numbers add up over rows, whoever has scored them. Those of a ranking do
not, since two models' scores have two scales; the nights of each version are ranked for themselves, and
combined so that each metric keeps its meaning:

- aucpr, the mean over the positive rows of the precision at their rank: each version counts by its positive
  rows;
- roc_auc, the share of pairs of a positive and a negative row that are in order: each version counts by its
  own pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from pipelines.core import sql
from pipelines.core.metric import Ranking
from pipelines.core.metrics import by_name
from pipelines.metrics import metrics_stream
from pipelines.metrics.metrics_stream import Measured

if TYPE_CHECKING:
    from pipelines.core.config import UseCase


@dataclass(frozen=True)
class Version:
    """What one version's predictions were worth.

    Attributes:
        rows: Of its predictions, those whose labels are known.
        predictions: All of them.
        values: Metric -> what it is on these rows, or why it has no value.
    """

    rows: int
    predictions: int
    values: Mapping[str, Measured]


@dataclass(frozen=True)
class Performance:
    """What a week's predictions were worth.

    Attributes:
        values: Metric -> what it is over all versions, or why it has no value.
        versions: Version -> its own part, in order; one a week but for promotions.
    """

    values: Mapping[str, Measured]
    versions: Mapping[str, Version]

    @property
    def rows(self) -> int:
        """How many predictions have a label and are judged."""
        return sum(version.rows for version in self.versions.values())

    @property
    def predictions(self) -> int:
        """How many predictions there are."""
        return sum(version.predictions for version in self.versions.values())


def measure(
    scored: duckdb.DuckDBPyRelation, matured: duckdb.DuckDBPyRelation, use_case: UseCase
) -> Performance:
    """Measure published predictions against the labels that are known by now.

    Args:
        scored: All of them, with their column `model_version`.
        matured: Those with a label: `label`, `score`, `model_version` and, of a binary task, `decision` as it
            was published.
        use_case: Names the task and the cost of a metric.
    """
    predictions = _rows_by_version(scored)
    known = _rows_by_version(matured)
    versions = {
        name: Version(known.get(name, 0), rows, _of(_by(name, matured), use_case))
        for name, rows in predictions.items()
    }
    together = _of(matured, use_case)
    if len(versions) <= 1:
        return Performance(together, versions)
    for name in together:
        ranking = by_name(name).by
        if isinstance(ranking, Ranking):
            together[name] = _combined_ranking(name, ranking, matured, versions)
    return Performance(together, versions)


def _of(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> dict[str, Measured]:
    return metrics_stream.measure(rows, use_case.task, stakes=use_case.stakes)


def _by(version: str, rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return rows.filter(f"model_version = {sql.text(version)}")


def _rows_by_version(rows: duckdb.DuckDBPyRelation) -> dict[str, int]:
    """Version -> number of its rows, the versions in order of their numbers."""
    found = rows.aggregate("model_version, count(*)", "model_version").fetchall()
    return {
        str(version): int(n) for version, n in sorted(found, key=lambda row: (len(str(row[0])), str(row[0])))
    }


def _combined_ranking(
    metric: str, ranking: Ranking, matured: duckdb.DuckDBPyRelation, versions: Mapping[str, Version]
) -> Measured:
    """A ranking's metric over several versions' own rankings."""
    counted = matured.aggregate(
        "model_version, sum(label), count(*) - sum(label)", "model_version"
    ).fetchall()
    positives_and_negatives = {str(version): (float(yes), float(no)) for version, yes, no in counted}
    total = weights = 0.0
    for name, version in versions.items():
        value = version.values[metric].value
        if value is not None:
            weight = ranking.weight(*positives_and_negatives[name])
            total, weights = total + weight * value, weights + weight
    if not weights:
        return Measured(None, f"{metric} has no value: of no version there are labels of both 0 and 1")
    return Measured(total / weights)
