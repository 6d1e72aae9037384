"""What a drift report compares: a week of nights, and the training of the champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.core import dates, sql
from pipelines.core.errors import BadInput
from pipelines.monitoring import between_weeks, level
from pipelines.registry import definitions, registry
from pipelines.steps import drift

if TYPE_CHECKING:
    import duckdb

    from pipelines.registry.registry import Champion
    from pipelines.run.run import Run
    from pipelines.storage.store import Store

RECORD = 12  # reports' lengths of days, by which earlier estimates are believed or not


@dataclass(frozen=True)
class Week:
    """What there is to compare, see `drift.compare`.

    Attributes:
        days: The week's.
        nights: How many nights it has.
        champion: Whose training is the reference.
        judged: The same as it was judged, of which alone its held-out rows tell.
        reference: The features table of that training.
        features: A features table for each night whose features mean what the champion has learned.
        predictions: A predictions table for each night that tells the champion's label.
        earlier: The tables `drift_days` of the weeks before, the newest first, no day in two of them.
        reports: The tables `performance` of the weeks before, the oldest first.
        performed: The primary metric's row in each of their tables `drift`, the oldest first.
    """

    days: dates.Days
    nights: int
    champion: Champion
    judged: Champion
    reference: duckdb.DuckDBPyRelation
    features: list[duckdb.DuckDBPyRelation]
    predictions: list[duckdb.DuckDBPyRelation]
    earlier: list[duckdb.DuckDBPyRelation]
    reports: list[duckdb.DuckDBPyRelation]
    performed: list[dict[str, Any]]

    def left_out(self) -> list[str]:
        """What is not compared, in sentences."""
        told = []
        if left_out := self.nights - len(self.features):
            told.append(f"features of {left_out} nights mean something else, and are not compared")
        if left_out := self.nights - len(self.predictions):
            told.append(
                f"predictions of {left_out} nights tell another label or go by another key, and are not"
                " compared"
            )
        return told


def read(run: Run) -> Week:
    """Read the week of a drift run.

    Raises:
        NoChampion: there was none yet.
        TableMissing: a night, or the champion's training, has no such table.
        BadInput: no night of the week has run, or the champion's training is gone.
    """
    days = run.days
    every = [run.store.at("scoring", day) for day in days]
    # A day on which no delivery is expected needs no run.
    nights = [night for night in every if run.use_case.expects(night.partition) or night.has("raw")] or every
    _require_nights(run, nights)
    champion = registry.champion(run)
    training = run.store.at("training", champion.partition)
    _require_training(run, champion, training)
    alike = definitions.of_one_meaning(run, champion, training, nights)
    judged = definitions.of_one_label(run, champion, nights)
    return Week(
        days=days,
        nights=len(nights),
        champion=champion,
        judged=registry.as_judged(run, champion),
        reference=_with_names(run, training, "features"),
        features=[_with_names(run, night, "features") for night in alike],
        predictions=[_with_names(run, night, "predictions") for night in judged],
        earlier=_earlier(run),
        reports=_reports(run),
        performed=_performed(run),
    )


def _require_nights(run: Run, nights: list[Store]) -> None:
    """Some night has run."""
    if not any(night.has("predictions") for night in nights):
        raise BadInput(
            f"the week {run.days} has no night: there is nothing to compare, and no prediction to judge",
            where=run.store,
            fix=(
                f"run its nights: python -m pipelines backfill {run.use_case.name} {run.days.first}"
                f" {run.days.last}"
            ),
        )


def _require_training(run: Run, champion: Champion, training: Store) -> None:
    """The rows that the champion was trained and judged on are there."""
    if not training.has("features"):
        raise BadInput(
            f"the rows of the training {champion.partition}, which version {champion.version} has learned"
            " from, are gone: there is nothing to compare the week with, nor what the version was worth"
            " when it was trained",
            where=run.store,
            fix=(
                f"bring them back: python -m pipelines data restore {run.use_case.name}"
                f" {champion.metadata.get('data_version', '<version>')} ...; or train again"
            ),
        )


def _with_names(run: Run, store: Store, table: str) -> duckdb.DuckDBPyRelation:
    """A partition's table, its columns called as this run calls them."""
    return drift.with_names(store.read(table), definitions.file_of_table(run, store, table), run.use_case)


def _earlier(run: Run) -> list[duckdb.DuckDBPyRelation]:
    """What the reports of the weeks before have measured: of the newest ones, and of a year ago."""
    free, found, cycle = run.days.first, [], level.cycle_of(run.use_case)
    watched, back = run.use_case.watched, cycle.year + (level.AROUND + 1) * cycle.week
    oldest = run.calendar.of(watched.start(watched.step(watched.of(run.days.start), -back)))
    for partition in sorted(run.store.partitions("drift"), reverse=True):
        last = dates.days_of(run.use_case, "drift", partition).last
        if last >= free or partition < oldest:
            continue
        week = run.store.at("drift", partition)
        if week.has("drift_days"):
            found.append(week.read("drift_days"))
            free = partition
    return found


def _reports(run: Run) -> list[duckdb.DuckDBPyRelation]:
    """What the reports of the weeks before have estimated, and found since, of the newest
    `RECORD` reports' lengths of days that
    are due by now.
    """
    calendar, record = run.calendar, RECORD * run.use_case.report_partitions
    latest = calendar.start(calendar.step(run.days.first, -record))
    oldest = calendar.of(calendar.days_before(latest, run.use_case.label.delay_days))
    weeks = [run.store.at("drift", one) for one in sorted(run.store.partitions("drift"))]
    return [
        week.read("performance")
        for week in weeks
        if oldest <= week.partition < run.partition and week.has("performance")
    ]


def _performed(run: Run) -> list[dict[str, Any]]:
    """What the reports of the newest weeks before have said of the primary metric, where they say it all."""
    names, found = between_weeks.ASKED, []
    of_metric = f"kind = 'performance' AND subject = {sql.text(run.use_case.metric.name)}"
    for n in range(between_weeks.NEWEST, 0, -1):
        before = run.calendar.step(run.partition, -n * run.use_case.report_partitions)
        week = run.store.at("drift", before)
        if week.has("drift") and set(names) <= set((table := week.read("drift")).columns):
            rows = table.filter(of_metric).project(", ".join(names)).fetchall()
            found += [dict(zip(names, row, strict=True)) for row in rows]
    return found
