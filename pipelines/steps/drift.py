"""Drift: a week's features and predictions against what the champion was trained on, and its performance on
matured labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines.core import dates, sql
from pipelines.core.errors import BadInput
from pipelines.model.graph import Graph
from pipelines.monitoring import drift_table, estimates, feature_drift, matured_labels, scored_days, sides
from pipelines.monitoring.drift_table import SCORE, DriftResult, Row
from pipelines.monitoring.estimates import Waiting
from pipelines.monitoring.feature_drift import Before, Compared, Found
from pipelines.monitoring.matured_labels import Judge
from pipelines.monitoring.outcomes import Outcomes
from pipelines.reports import drift_page

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.registry.registry import Champion


def compare(
    *,
    reference: duckdb.DuckDBPyRelation,
    features: list[duckdb.DuckDBPyRelation],
    predictions: list[duckdb.DuckDBPyRelation],
    week: dates.Days,
    nights: int,
    due: Outcomes,
    earlier: Sequence[duckdb.DuckDBPyRelation] = (),
    reports: Sequence[duckdb.DuckDBPyRelation] = (),
    weeks: Sequence[Mapping[str, Any]] = (),
    champion: Champion,
    judged: Champion,
    use_case: UseCase,
    judge: Judge | None = None,
) -> DriftResult:
    """Compare a week with the training of the champion; see `feature_drift` and `matured_labels`.

    Args:
        reference: The features table of the champion's training, with its column `split`.
        features: The week's features tables, one a night that means what the champion has learned.
        predictions: The week's predictions tables, one a night that tells the champion's label.
        week: Its days.
        nights: How many nights it has.
        due: The predictions whose labels are due, of this week or of weeks before. All relations are of one
            DuckDB connection.
        earlier: The tables `drift_days` of earlier weeks.
        reports: The tables `performance` of earlier weeks, the oldest first.
        weeks: The primary metric's row in each of their tables `drift`, the oldest first.
        champion: Whose training is the reference.
        judged: The same as it was judged, which scores the held-out rows.
        use_case: The facts.
        judge: Which version's held-out rows the performance is compared with; the champion's by default.

    Raises:
        BadInput: the training lacks a feature of the use case, or the week has no rows.
    """
    _refuse_missing(reference, champion, use_case)
    held_out = held_out_rows(reference, judged, use_case)
    told = verdicts(
        before=Before(
            reference, held_out, champion, use_case, served_rows(reference, judged, champion, use_case)
        ),
        features=features,
        predictions=predictions,
        due=due,
        earlier=earlier,
        judge=judge or Judge(judged, held_out),
        weeks=weeks,
    )
    by_day = scored_days.table(due, told.had, use_case)
    waiting = Waiting(
        days=tuple(day for day in dates.watched(use_case, week) if day > due.days.last),
        scored=told.own.filter(f"{sql.name(use_case.time)} >= TIMESTAMP '{due.days.end}'"),
        features=told.week,
        held_out=held_out,
        reference=reference,
    )
    known = estimates.record(reports, by_day, use_case)
    estimated = estimates.estimate(waiting, known, champion, use_case)
    by_day = estimates.with_days(by_day, estimated)
    table = drift_table.table([*told.rows, *filter(None, [estimated.week])])
    left_out = nights - len(features), nights - len(predictions)
    pictures = told.found.bars, told.found.lines
    page = partial(drift_page.render, table, *pictures, by_day, due, week, left_out, champion, use_case)
    first_labels = told.first + timedelta(days=use_case.label.delay_days)
    return DriftResult(table, by_day, page, first_labels, told.found.days, due.days)


@dataclass(frozen=True)
class Told:
    """What closes a week's gate, or not; see `verdicts`.

    Attributes:
        found: Of features, predictions, and all features together.
        performed: Of performance.
        first: The day of the week's first predictions.
        had: The share of rows that usually have a label.
        own: What the champion has predicted in the week.
        week: The week's features.
    """

    found: Found
    performed: Sequence[Row]
    first: date
    had: float
    own: duckdb.DuckDBPyRelation
    week: duckdb.DuckDBPyRelation

    @property
    def rows(self) -> list[Row]:
        """Rows of the table `drift`."""
        return [*self.found.rows, *self.performed]


def verdicts(
    *,
    before: Before,
    features: list[duckdb.DuckDBPyRelation],
    predictions: list[duckdb.DuckDBPyRelation],
    due: Outcomes,
    earlier: Sequence[duckdb.DuckDBPyRelation] = (),
    judge: Judge,
    weeks: Sequence[Mapping[str, Any]] = (),
) -> Told:
    """All of a week's rows that a gate closes by; see `compare`.

    Args:
        before: The training of the champion, which may be held against many weeks.
        features: The week's, one table a night.
        predictions: The week's, one table a night.
        due: The predictions whose labels are due.
        earlier: The tables `drift_days` of earlier weeks.
        judge: Whose held-out rows the performance is compared with.
        weeks: The primary metric's row of each report before, the oldest first.

    Raises:
        BadInput: the week has no rows.
    """
    use_case, champion = before.use_case, before.champion
    decision = ["decision"] if use_case.task.decides else []
    scored = sides.together(predictions, [use_case.key, use_case.time, SCORE, *decision, "model_version"])
    own = scored.filter(f"model_version = {sql.text(champion.version)}")
    week = sides.together(features, [use_case.key, use_case.time, *use_case.features.names])
    ((rows,),) = week.count("*").fetchall()
    first = _first_day(scored, rows, len(features), use_case)
    had = matured_labels.labelled_before(
        before.reference.relation, len(due.days), champion.partition, use_case
    )
    performed = matured_labels.rows(due, scored_days.final(due, had), judge, had, use_case, weeks)
    ((own_rows,),) = own.count("*").fetchall()
    note = feature_drift.other_versions(scored, own_rows, champion)
    found = feature_drift.comparison(Compared(before, week, own, earlier), note)
    return Told(found, performed, first, had, own, week)


def with_names(rows: duckdb.DuckDBPyRelation, own: UseCase, now: UseCase) -> duckdb.DuckDBPyRelation:
    """A table whose key, time and label are called as one file calls them, under the names of another."""
    names = {own.key: now.key, own.time: now.time, own.target: now.target}
    # a column that is called so in the table is another one, and not needed
    taken = {name.lower() for name in names.values()}
    kept = [column for column in rows.columns if column in names or column.lower() not in taken]
    return rows.project(
        ", ".join(f"{sql.name(column)} AS {sql.name(names.get(column, column))}" for column in kept)
    )


def _refuse_missing(reference: duckdb.DuckDBPyRelation, champion: Champion, use_case: UseCase) -> None:
    missing = [name for name in use_case.features.names if name not in reference.columns]
    if missing:
        raise BadInput(
            f"the training of the champion (version {champion.version}, {champion.partition}) knows no"
            " feature of this name, so the use-case file has changed since",
            where=use_case.name,
            details=missing,
            fix=f"train again: python -m pipelines run {use_case.name} training <partition>",
        )


def _first_day(scored: duckdb.DuckDBPyRelation, rows: int, nights: int, use_case: UseCase) -> date:
    """The day of the week's first predictions; of its features there are so many rows, in so many nights."""
    time = sql.name(use_case.time)
    on = use_case.watched.of_sql(f"min({time})")
    ((predicted, first),) = scored.aggregate(f"count(*), {on}").fetchall()
    if not rows or not predicted:
        raise BadInput(
            f"the week has {rows:,} rows of features and {predicted:,} predictions in {nights} nights:"
            " nothing to compare",
            where=use_case.name,
            fix="see why the source gave none; a week in which at least one night has rows can be compared",
        )
    found: date = first
    return found


def served_rows(
    reference: duckdb.DuckDBPyRelation, judged: Champion, champion: Champion, use_case: UseCase
) -> duckdb.DuckDBPyRelation | None:
    """The held-out rows as the fit scores them that serves; None where that is the one that was judged."""
    same = judged.graph == champion.graph
    return None if same else held_out_rows(reference, champion, use_case)


def held_out_rows(
    reference: duckdb.DuckDBPyRelation, judged: Champion, use_case: UseCase
) -> duckdb.DuckDBPyRelation:
    """A version's held-out rows: key, time, target, score by the fit that has not learned from them, and the
    column of their unit, where there is one.

    DuckDB keeps them, which can go through the disk.
    """
    graph = Graph(judged.graph)
    rows = reference.filter("split = 'test'")
    kept = [use_case.key, use_case.time, use_case.target, *filter(None, [use_case.unit_column])]
    inputs = rows.project(", ".join(map(sql.name, dict.fromkeys([*kept, *graph.inputs]))))
    # a chunk in which all values are missing has no type of its own
    schema = inputs.limit(0).to_arrow_table().schema

    def scored(chunk: pd.DataFrame) -> pd.DataFrame:
        return chunk[kept].assign(
            **{
                SCORE: graph.scores(pa.Table.from_pandas(chunk, schema, preserve_index=False)).astype(
                    np.float64
                )
            }
        )

    types = {
        name: str(type_) for name, type_ in zip(inputs.columns, inputs.types, strict=True) if name in kept
    }
    return sql.materialized(inputs.map(scored, schema=types | {SCORE: "DOUBLE"}))
