"""The table `performance`: a row a scored day, version, slice and metric."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import duckdb
import pandas as pd

from pipelines.core import personal, sql
from pipelines.core.metric import Metric
from pipelines.core.metrics import by_name
from pipelines.evaluation.scores import MISSING
from pipelines.metrics import influence, metrics_stream, sureness
from pipelines.metrics.daily import TAKEN
from pipelines.metrics.influence import Sums
from pipelines.monitoring import labelled, outcomes
from pipelines.monitoring.outcomes import Outcomes
from pipelines.run.tables import PERFORMANCE

if TYPE_CHECKING:
    from pipelines.core.config import UseCase

# final: as many labels are there as are usual, and the day is judged; provisional: they are due, and fewer
# are there; estimated: none is due yet.
Status: TypeAlias = Literal["estimated", "provisional", "final"]

ALL = "all"


def statuses(due: Outcomes, had: float) -> dict[date, Status]:
    """Each day with predictions, in order, and whether it has about as many labels as are usual.

    Args:
        due: The predictions whose labels are due.
        had: The share that has usually a label.
    """
    counted = due.rows.aggregate(f"{due.on} AS day, count(*), count(label)", "day").order("day").fetchall()
    return {
        day: "final" if known and known >= labelled.fewest(rows, had) else "provisional"
        for day, rows, known in counted
    }


def final(due: Outcomes, had: float) -> duckdb.DuckDBPyRelation:
    """Those of the predictions that have a label, of the newest final days, as many as are due at once; where
    none is final, of all days, which then are too few.
    """
    days = [day for day, status in statuses(due, had).items() if status == "final"][-len(due.days) :]
    some = ", ".join(map(outcomes.day, days))
    known = outcomes.labelled(due.rows)
    return known.filter(f"{due.on} IN ({some})") if days else known


def table(due: Outcomes, had: float, use_case: UseCase) -> pd.DataFrame:
    """The table: each day and version by every metric, each slice by the primary one, which has an interval
    by unit.
    """
    rows = [
        row
        for day, status in statuses(due, had).items()
        for row in _of_day(day, status, due.rows.filter(f"{due.on} = {outcomes.day(day)}"), due, use_case)
    ]
    return pd.DataFrame(rows, columns=list(PERFORMANCE)).astype(PERFORMANCE)


def _of_day(
    day: date, status: Status, rows: duckdb.DuckDBPyRelation, due: Outcomes, use_case: UseCase
) -> Iterator[dict[str, Any]]:
    changed = due.changed.get(day)
    note = f"{changed} label{'s have' if changed != 1 else ' has'} changed"
    for (version,) in rows.project("model_version").distinct().order("model_version").fetchall():
        own = rows.filter(f"model_version = {sql.text(str(version))}")
        for name, part in _slices(own, due.rows, use_case):
            facts = {
                "day": datetime.combine(day, time()),
                "model_version": str(version),
                "slice": name,
                "status": status,
            }
            measured = _of_rows(part, use_case) if name == ALL else _of_slice(part, use_case)
            for metric in measured:
                yield facts | metric | ({"note": note} if changed else {})


def _of_rows(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> Iterator[dict[str, Any]]:
    """Every metric."""
    (primary,) = _of_slice(rows, use_case)
    found = metrics_stream.measure(outcomes.labelled(rows), use_case.task, stakes=use_case.stakes)
    for name, value in found.items():
        interval = {} if name == primary["metric"] else {"low": None, "high": None}
        yield primary | interval | {"metric": name, "value": value.value, "note": value.reason}


def _of_slice(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> Iterator[dict[str, Any]]:
    """The primary metric; of more than a million rows by scores to four digits, see `influence`."""
    ((every, known),) = rows.aggregate("count(*), count(label)").fetchall()
    primary = by_name(use_case.metric.name)
    summed = sums(outcomes.labelled(rows), use_case)
    sure = sureness.sure(primary, summed) if summed else None
    low, high = sure.interval() if sure else (None, None)
    yield {
        "metric": primary.name,
        "value": _digits(summed.value) if summed else None,
        "low": _digits(low),
        "high": _digits(high),
        "rows": int(every),
        "labelled": int(known),
        "note": None if summed else "no value on these rows",
    }


def _digits(value: float | None) -> float | None:
    """Sums of many rows have other last digits in other batches."""
    return None if value is None else float(f"{value:.9g}")


def _slices(
    rows: duckdb.DuckDBPyRelation, every: duckdb.DuckDBPyRelation, use_case: UseCase
) -> Iterator[tuple[str, duckdb.DuckDBPyRelation]]:
    """All rows, then those of each value of each declared slice; personal values by a number."""
    yield ALL, rows
    hidden = personal.features(use_case)
    for column in use_case.slices:
        name = f"slice_{column}"
        counted = (
            every.filter(f"{name} IS NOT NULL")
            .aggregate(f"{name} AS value, count(*) AS n", "value")
            .order("n DESC, value")
            .fetchall()
        )
        values = [str(value) for value, _ in counted]
        shown = {value: value or MISSING for value in sorted(values)}
        if column in hidden:  # by its number of rows: its place in the alphabet would tell of it
            named = [value for value in values if value]
            shown = {value: f"{personal.MASK} {n}" for n, value in enumerate(named, start=1)}
            shown |= {"": MISSING} if "" in values else {}
        there = {str(value) for (value,) in rows.project(name).distinct().fetchall() if value is not None}
        for value, told in shown.items():
            if value in there:
                yield f"{column}={told}", rows.filter(f"{name} = {sql.text(value)}")


def sums(rows: duckdb.DuckDBPyRelation, use_case: UseCase, metric: Metric | None = None) -> Sums | None:
    """What outcomes with labels say of a metric (the primary one by default), see `influence.sums`; None
    where it has no value.
    """
    on = use_case.watched.index_sql("time")
    first, last = rows.aggregate(f"min({on}), max({on})").fetchall()[0]
    if first is None:
        return None
    metric = metric or by_name(use_case.metric.name)
    versions = [
        str(version)
        for (version,) in rows.project("model_version").distinct().order("model_version").fetchall()
    ]
    listed = ", ".join(map(sql.text, versions))
    unit = "unit" if use_case.unit_column else "NULL"
    decision = "decision" if use_case.task.decides else "0"
    taken = TAKEN if TAKEN in rows.columns else "0"
    told = rows.project(
        f"label, score, {decision} AS decision, {taken} AS taken,"
        f" list_position([{listed}], model_version) - 1 AS version,"
        f" {on} - {first} AS day, {unit} AS unit"
    )
    batches = influence.of_relation(told, metric)
    return influence.sums(metric, batches, last - first + 1, use_case.stakes)
