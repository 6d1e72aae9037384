"""The metrics of `pipelines.metrics.metrics` on more rows than memory holds: the same numbers, but for their
last digits.

DuckDB sorts the rows by their scores, through the disk where need be, and hands them on in batches. What adds
up is added up row by row in that order, so that neither the batches nor DuckDB's threads show in the sums.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import duckdb
import numpy as np

from pipelines.core.errors import BadInput
from pipelines.metrics import metrics
from pipelines.metrics.metrics import Floats

AT_ONCE = 100_000  # rows in memory
SMALLEST = float(np.finfo(np.float64).eps)  # scikit-learn's least probability, of which a logarithm is taken

Sums: TypeAlias = dict[str, float]


@dataclass(frozen=True)
class Measured:
    """A metric's value, or the reason why it has none."""

    value: float | None
    reason: str | None = None


def measure(
    rows: duckdb.DuckDBPyRelation,
    task: Literal["binary", "regression"],
    *,
    threshold: float = 0.5,
    under_cost: float = 1.0,
) -> dict[str, Measured]:
    """Measure scores against the truth by every metric of the task.

    Args:
        rows: Columns `label` and `score`, both DOUBLE, and, where decisions were taken, `decision`, 0 or 1,
            which then counts instead of the threshold. They are read three times.
        task: Whether labels are 0 and 1, or numbers.
        threshold: See `metrics.measure`.
        under_cost: See `metrics.measure`.

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
            f"{number - finite:,} of {number:,} labels or scores are null or infinite; only numbers can be"
            " measured"
        )
    least, greatest, lowest, highest = (value or 0.0 for value in extremes)
    values = (
        (_binary(rows, threshold) if task == "binary" else _regression(rows, under_cost, mean))
        if number
        else {}
    )

    def measured(name: str) -> Measured:
        try:
            metrics.refuse_undefined(name, number, labels=(least, greatest), scores=(lowest, highest))
        except metrics.Undefined as reason:
            return Measured(None, str(reason))
        return Measured(values[name])

    return {name: measured(name) for name in metrics.for_task(task)}


def _binary(rows: duckdb.DuckDBPyRelation, threshold: float) -> Sums:
    """Every binary metric; those without a value on these rows are any number."""
    alarm = "decision" if "decision" in rows.columns else f"score >= '{threshold!r}'::DOUBLE"
    decided = rows.project(f"label, score, ({alarm})::DOUBLE AS alarm")
    sums = dict.fromkeys(
        ("positive", "negative", "precisions", "pairs", "alarms", "hits", "log_loss", "brier"), 0.0
    )
    counted = (
        "sum(label) AS positive, count(*) - sum(label) AS negative, sum(alarm) AS alarms, sum(alarm * label)"
        " AS hits"
    )
    by_score = decided.aggregate(f"score, {counted}", "score").order("score DESC")
    for score, positive, negative, alarms, hits in _batches(by_score):
        # Rows of the same score are one step of the ranking, of which none stands above another.
        above = sums["positive"] + np.cumsum(positive)
        picked = above + sums["negative"] + np.cumsum(negative)
        probability = score.clip(0, 1)
        logged = probability.clip(SMALLEST, 1 - SMALLEST)
        _add(
            sums,
            precisions=positive * above / picked,
            pairs=negative * (above - positive / 2),
            alarms=alarms,
            hits=hits,
            log_loss=-positive * np.log(logged) - negative * np.log(1 - logged),
            brier=positive * (1 - probability) ** 2 + negative * probability**2,
            positive=positive,
            negative=negative,
        )
    number, positives = sums["positive"] + sums["negative"], max(sums["positive"], 1)
    return {
        "aucpr": sums["precisions"] / positives,
        "roc_auc": sums["pairs"] / positives / max(sums["negative"], 1),
        "f1": 2 * sums["hits"] / max(sums["alarms"] + sums["positive"], 1),
        "precision": sums["hits"] / max(sums["alarms"], 1),
        "recall": sums["hits"] / positives,
        "log_loss": sums["log_loss"] / number,
        "brier": sums["brier"] / number,
    }


def _regression(rows: duckdb.DuckDBPyRelation, under_cost: float, mean: float) -> Sums:
    """Every metric of a regression; those without a value on these rows are any number."""
    sums = dict.fromkeys(("rows", "squares", "distances", "costs", "off", "spread"), 0.0)
    # DuckDB's mean has other last digits each time: some number near it serves as well, if it always is the
    # same.
    near = float(f"{mean:.9g}")
    for score, label in _batches(rows.project("score, label").order("score, label")):
        _add(
            sums,
            rows=np.ones(len(score)),
            squares=(label - score) ** 2,
            distances=np.abs(label - score),
            costs=metrics.costs(label, score, under_cost),
            off=label - near,
            spread=(label - near) ** 2,
        )
    variation = sums["spread"] - sums["off"] ** 2 / sums["rows"]
    return {
        "rmse": math.sqrt(sums["squares"] / sums["rows"]),
        "mae": sums["distances"] / sums["rows"],
        "r2": 1 - sums["squares"] / variation if variation else 0.0,
        "asymmetric": sums["costs"] / sums["rows"],
    }


def _batches(rows: duckdb.DuckDBPyRelation) -> Iterator[list[Floats]]:
    """The columns of some rows at a time, in their order."""
    for batch in rows.to_arrow_reader(AT_ONCE):
        yield [np.asarray(column, dtype=np.float64) for column in batch.columns]


def _add(sums: Sums, **terms: Floats) -> None:
    """Add up one after the other: NumPy's own sum would add up each batch in blocks."""
    for name, values in terms.items():
        sums[name] = float(np.cumsum(np.concatenate(([sums[name]], values)))[-1])
