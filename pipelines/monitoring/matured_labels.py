"""How the week's predictions did, on labels that are matured: rows of the table `drift`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb

from pipelines.core import dates, sql
from pipelines.core.metrics import of_decisions
from pipelines.metrics import metrics_stream
from pipelines.metrics.metrics_stream import Measured
from pipelines.monitoring import performance
from pipelines.monitoring.drift_table import SCORE, Row
from pipelines.monitoring.performance import Performance

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.registry.registry import Champion


def rows(
    scored: duckdb.DuckDBPyRelation,
    labels: duckdb.DuckDBPyRelation | None,
    due: date,
    held_out: duckdb.DuckDBPyRelation,
    had: float,
    champion: Champion,
    use_case: UseCase,
) -> list[Row]:
    """A row a metric, the primary one first; where several versions have scored, then the same of each one.

    Args:
        scored: The week's predictions.
        labels: Clean rows of the days whose labels are known; None when there are none yet.
        due: The last of those days.
        held_out: The champion's held-out rows, with their scores.
        had: See `labelled_before`.
        champion: Whose held-out rows they are.
        use_case: The facts.
    """
    ripe = scored.filter(f"{sql.name(use_case.time)}::DATE <= {_day(due)}")
    ((due_rows,),) = ripe.count("*").fetchall()
    found = performance.measure(scored, _with_labels(ripe, labels, use_case), use_case)
    target = sql.name(use_case.target)
    before = _values(held_out.project(f"{target}::DOUBLE AS label, {SCORE}"), champion, use_case)
    ((tested,),) = held_out.count("*").fetchall()
    primary = use_case.metric.name
    names = (primary, *(other for other in use_case.task.metrics if other != primary))
    together = [
        Row(
            subject=name,
            kind="performance",
            type="metric",
            method="matured labels",
            value=found.values[name].value,
            threshold=use_case.monitoring.min_performance if name == primary else None,
            reference_rows=int(tested),
            current_rows=found.rows,
            reference_value=before[name].value,
            matured_share=found.rows / found.predictions,
            due_rows=int(due_rows),
            reference_labelled=had if name == primary else None,
            note=_note(name, found),
        )
        for name in names
    ]
    return [*together, *_of_versions(found, names, champion.version, int(tested), before)]


def _note(name: str, found: Performance) -> str | None:
    several = f"by versions {' and '.join(found.versions)}, each by its own scores and decisions"
    notes = (found.values[name].reason, several if len(found.versions) > 1 else None)
    return "; ".join(filter(None, notes)) or None


def _of_versions(
    found: Performance, names: Sequence[str], champion: str, tested: int, before: Mapping[str, Measured]
) -> Iterator[Row]:
    """A row a metric of each version, where there are several; the champion's beside its held-out rows."""
    for version, own in found.versions.items() if len(found.versions) > 1 else ():
        compared = version == champion
        for name in names:
            yield Row(
                subject=f"{name} of version {version}",
                kind="version",
                type="metric",
                method="matured labels",
                value=own.values[name].value,
                reference_rows=tested if compared else 0,
                current_rows=own.rows,
                reference_value=before[name].value if compared else None,
                matured_share=own.rows / own.predictions,
                note=own.values[name].reason,
            )


def labelled_before(reference: duckdb.DuckDBPyRelation, days: int, trained: date, use_case: UseCase) -> float:
    """The share of the training's rows that had a label: of its newest days, as many as are due in the week.

    Labels may come one by one, so that older days say nothing of what is due. Of n rows, all of them with a
    label, one more need not have one: so few rows say no more.
    """
    last, time, target = (
        dates.days_of(use_case, "training", trained).last,
        sql.name(use_case.time),
        sql.name(use_case.target),
    )
    newest = reference.filter(f"{time}::DATE > {_day(last - timedelta(days=days))}")
    for rows in (newest, reference):
        ((known, every),) = rows.aggregate(f"count({target}), count(*)").fetchall()
        if every:
            return float(known / (every + 1))
    return 0.0


def _day(day: date) -> str:
    return f"DATE '{day}'"


def _with_labels(
    scored: duckdb.DuckDBPyRelation, labels: duckdb.DuckDBPyRelation | None, use_case: UseCase
) -> duckdb.DuckDBPyRelation:
    """Those of the predictions whose labels are known: label, score, model_version and, of a binary task,
    decision.
    """
    key, target = sql.name(use_case.key), sql.name(use_case.target)
    kept = ", ".join([SCORE, "model_version", *(["decision"] if use_case.task.decides else [])])
    if labels is None:
        return scored.project(f"NULL::DOUBLE AS label, {kept}").limit(0)
    known = labels.filter(f"{target} IS NOT NULL").project(f'{key} AS "#key", {target}::DOUBLE AS "#label"')
    return sql.materialized(scored.join(known, f'{key} = "#key"').project(f'"#label" AS label, {kept}'))


def _values(rows: duckdb.DuckDBPyRelation, champion: Champion, use_case: UseCase) -> dict[str, Measured]:
    """Metric -> what the champion is worth on these rows, or why it has no value."""
    threshold = 0.5 if champion.threshold is None else champion.threshold
    measured = metrics_stream.measure(
        rows, use_case.task, threshold=threshold, under_cost=use_case.metric.under_cost
    )
    if champion.threshold is None:
        no_decision = Measured(None, f"version {champion.version} has no decision threshold")
        measured |= {name: no_decision for name in measured if name in of_decisions()}
    return measured
