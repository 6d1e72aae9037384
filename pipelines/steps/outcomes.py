"""What a drift report judges performance by: the predictions of the newest days whose labels are due, in
whatever week they were scored.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import duckdb

from pipelines.core import dates, sql
from pipelines.core.calendar import plain
from pipelines.core.dates import Days
from pipelines.core.metrics import by_name
from pipelines.evaluation.scores import BASELINE, CONSTANT, to_beat
from pipelines.metrics import sureness
from pipelines.model.graph import Graph
from pipelines.monitoring import outcomes
from pipelines.monitoring.matured_labels import Judge
from pipelines.monitoring.outcomes import Outcomes
from pipelines.registry import definitions, registry
from pipelines.run import clearance
from pipelines.steps import drift, ingest
from pipelines.steps.cleanse import cleanse
from pipelines.storage.store import Store

if TYPE_CHECKING:
    from pipelines.registry.registry import Champion
    from pipelines.run.run import Run

# Rows of the report before whose labels are asked for again: of its newest day at least, of all its days
# where they are few.
ASKED_AGAIN = 1_000_000


def read(
    run: Run,
    champion: Champion,
    reference: duckdb.DuckDBPyRelation,
    weeks: int = 1,
    reports: Sequence[duckdb.DuckDBPyRelation] = (),
) -> Outcomes:
    """Read the predictions of the newest days whose labels are due, and the labels from the source.

    Days before them are read, too, whose labels are others now than earlier reports have found: those that
    had too few, and those that were changed. Nights of days before the report's own week, which no gate
    before this step has asked about, are left out where they are not let through.

    Args:
        run: A drift run.
        champion: Whose label it is.
        reference: The features of its training.
        weeks: How many weeks of such days.
        reports: The tables `performance` of earlier weeks, the oldest first.

    Raises:
        BadInput: the source's labels cannot be read.
    """
    use_case, days = run.use_case, dates.due_days(run.use_case, run.partition, weeks)
    due = dates.watched(use_case, days)
    before = outcomes.known_before(reports, due.first, use_case)
    final, few = _asked_again(run, days), outcomes.late(before, ASKED_AGAIN)
    nights, missing, left_out = _nights(run, champion, days)
    had_few = _nights_of(run, champion, few)
    labels, changed, late = None, {}, []
    if nights or had_few:
        asked = [night.partition for night in (*nights, *had_few)] + ([final.first] if final else [])
        rows = ingest.rows(run, run.calendar.span(min(asked), days.last), may_be_empty=True)
        # many rows of a few short columns: what stands beside them is not held while they are joined
        told = filter(None, (use_case.key, use_case.target, use_case.unit_column))
        clean = cleanse(rows, use_case, run.partition).clean.project(", ".join(map(sql.name, told)))
        labels = run.store.keep(clean.to_arrow_reader())
        if final:
            changed = outcomes.changed(_before(run).read("outcomes"), labels, final, use_case)
        with_labels = _joined(run, had_few, labels) if had_few else None
        if with_labels is not None:
            late = outcomes.with_other_labels(with_labels, before, use_case.watched)
    again = _nights_of(run, champion, {*changed, *late})
    return Outcomes(
        days=due,
        length=use_case.report_days,
        rows=_joined(run, [*again, *nights], labels),
        rarer=_rarer(reference, run),
        missing=missing,
        left_out=left_out,
        changed=changed,
        late=tuple(day for day in late if day not in changed),
    )


def _nights_of(run: Run, champion: Champion, days: Iterable[date]) -> list[Store]:
    """Those nights of some of a report's days that can be judged."""
    every = [run.use_case.watched.span(day, day) for day in sorted(days)]
    return [night for one in every for night in _nights(run, champion, dates.held_by(run.use_case, one))[0]]


def _nights(
    run: Run, champion: Champion, days: Days
) -> tuple[list[Store], tuple[date, ...], tuple[date, ...]]:
    """The nights of some days whose predictions can be judged, the days that have none, and those whose
    night cannot.
    """
    scored = [
        day for day in run.store.partitions("scoring") if run.store.at("scoring", day).has("predictions")
    ]
    there = [run.store.at("scoring", day) for day in scored if days.first <= day <= days.last]
    # what a gate has said of a night is no input of the report's tables
    sound = [
        night for night in there if clearance.is_cleared(night.citing_nothing(), run.use_case, "predictions")
    ]
    judged = definitions.telling_one_label(run, champion, sound) if sound else []
    told = {night.partition for night in judged}
    missing = tuple(
        day for day in days if day not in scored and scored and day > scored[0] and run.use_case.expects(day)
    )
    # those of the week itself are told already
    left_out = [
        day for day in (night.partition for night in there) if day not in told and day < run.partition
    ]
    return judged, missing, tuple(left_out)


def _before(run: Run) -> Store:
    """The report before."""
    return run.store.at("drift", run.calendar.step(run.partition, -run.use_case.report_partitions))


def _asked_again(run: Run, days: Days) -> Days | None:
    """The newest days of the report before, as many as have `ASKED_AGAIN` rows together, one at least.

    None where that report has judged nothing, or other days.
    """
    before = _before(run)
    if not before.has("outcomes"):
        return None
    on = run.calendar.of_sql("time")
    rows = before.read("outcomes").aggregate(f"{on} AS day, count(*) AS n", "day").order("day DESC")
    found = [(plain(each), int(n)) for each, n in rows.fetchall() if each < days.first]
    taken: list[date] = []
    total = 0
    for each, n in found:
        if not taken or total + n <= ASKED_AGAIN:
            taken.append(each)
            total += n
    return run.calendar.span(min(taken), max(taken)) if taken else None


def _joined(
    run: Run, nights: Sequence[Store], labels: duckdb.DuckDBPyRelation | None
) -> duckdb.DuckDBPyRelation:
    if not nights:
        # Some night of the week stands for the columns of one without rows.
        some = next(
            run.store.at("scoring", day)
            for day in run.days
            if run.store.at("scoring", day).has("predictions")
        )
        return outcomes.joined([_named(run, some, "predictions").limit(0)], None, [], run.use_case)
    predictions = [_named(run, night, "predictions") for night in nights]
    slices = [
        rows
        for night in nights
        if run.use_case.slices and night.has("features")
        if set(run.use_case.slices) <= set((rows := _named(run, night, "features")).columns)
    ]
    rows = outcomes.joined(predictions, labels, slices, run.use_case)
    # joined first and then sorted: each holds what it works on
    return outcomes.in_order(run.store.keep(rows.to_arrow_reader()))


def _named(run: Run, store: Store, table: str) -> duckdb.DuckDBPyRelation:
    """A partition's table, its columns called as this run calls them."""
    return drift.with_names(store.read(table), definitions.file_of_table(run, store, table), run.use_case)


def _rarer(reference: duckdb.DuckDBPyRelation, run: Run) -> float:
    """See `Outcomes`."""
    if not run.use_case.task.classes:
        return 1.0
    ((share,),) = reference.aggregate(f'coalesce(avg("{run.use_case.target}"), 0.5)').fetchall()
    return float(min(share, 1 - share))


# --- with what it is compared


def judge(
    run: Run,
    champion: Champion,
    judged: Champion,
    reference: duckdb.DuckDBPyRelation,
    rows: duckdb.DuckDBPyRelation,
) -> Judge:
    """The version that has scored most of the rows with a label, and what it was worth on its held-out rows.

    After a promotion, labels are still those of the champion before, whose own training tells what it was
    worth.

    Args:
        run: A drift run.
        champion: Of now.
        judged: The same as it was judged.
        reference: The features of its training.
        rows: The table `outcomes`.

    Raises:
        TableCorrupt, TryAgain: a version's model or file cannot be had.
    """
    counted = (
        outcomes.labelled(rows)
        .aggregate("model_version, count(*) AS n", "model_version")
        .order("n DESC, model_version")
        .fetchall()
    )
    version = str(counted[0][0]) if counted else champion.version
    if version == champion.version:
        held_out = drift.held_out_rows(reference, judged, run.use_case)
        return Judge(judged, held_out, lead(run, run.store.at("training", champion.partition)))
    other = registry.as_judged(run, registry.champion(replace(run, model_version=version)))
    training = run.store.at("training", other.partition)
    inputs = {*Graph(other.graph).inputs, *filter(None, [run.use_case.unit_column])}
    features = _named(run, training, "features") if training.has("features") else None
    if features is None or not inputs <= set(features.columns) or not _as_learned(training, other):
        gone = (
            f"not compared with held-out rows: those of version {version}, which has scored most of these"
            f" days, are gone with the training {other.partition}"
        )
        return Judge(other, None, why_gone=gone)
    return Judge(other, drift.held_out_rows(features, other, run.use_case), lead(run, training))


def _as_learned(training: Store, champion: Champion) -> bool:
    told = training.manifest("features").meaning
    return all(told.get(name) == learned for name, learned in champion.meanings.items())


def lead(run: Run, training: Store) -> float | None:
    """By how much the challenger of a training was better than what it had to beat (`scores.to_beat`); None
    where nobody knows.
    """
    if not training.has("scores"):
        return None
    name = run.use_case.metric.name
    table = training.read("scores").filter(f"metric = {sql.text(name)} AND slice = 'all'")
    roles = [role for role in ("challenger", BASELINE, CONSTANT) if role in table.columns]
    found = table.project(", ".join(map(sql.name, roles))).fetchall()
    if len(found) != 1:
        return None
    values = dict(zip(roles, found[0], strict=True))
    challenger, least = values.pop("challenger"), to_beat(name, values)
    if challenger is None or math.isnan(least):
        return None
    return sureness.loss(float(challenger), least, by_name(name))
