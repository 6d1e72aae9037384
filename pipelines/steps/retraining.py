"""What a drift report comes to: its diagnosis, the trial of a newer fit where one is asked for, and what
follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.core import dates, sql, windows
from pipelines.core.errors import BadInput, TableCorrupt, TableMissing
from pipelines.core.meaning import expressions
from pipelines.model import candidate, inputs
from pipelines.model.graph import Graph
from pipelines.monitoring import diagnosis, retraining, trial
from pipelines.monitoring.claims import Checked
from pipelines.monitoring.diagnosis import Diagnosis, Past, Report, Week
from pipelines.monitoring.retraining import Decision
from pipelines.monitoring.trial import Judged, Sides, Trial
from pipelines.registry.history import Event, History
from pipelines.steps import claims, labelled_nights
from pipelines.steps.labelled_nights import LABEL, UNIT

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.monitoring.drift_table import DriftResult
    from pipelines.monitoring.matured_labels import Judge
    from pipelines.run.run import Run
    from pipelines.steps.week import Week as Compared

KNOWN = 2 * retraining.YEAR  # days of which earlier reports are asked


@dataclass(frozen=True)
class Verdict:
    """What a report comes to.

    Attributes:
        found: The diagnosis.
        decision: What follows.
        checked: What has come true of the gains that promotions have claimed.
        table: The table `diagnosis`.
    """

    found: Diagnosis
    decision: Decision
    checked: list[Checked]
    table: pd.DataFrame


def verdict(run: Run, read: Compared, compared: DriftResult, judge: Judge) -> Verdict:
    """Diagnose a week and decide what follows.

    Args:
        run: A drift run, which has published its other tables.
        read: What was compared.
        compared: What has come of it.
        judge: With whose held-out rows the performance was compared.
    """
    week, past = _week(run, read, compared, judge), _past(run)
    found, asked = diagnosis.diagnose(compared.table, week, past), run.use_case.monitoring.retrain
    tried = None
    if retraining.hindrance(found, week, asked, past) is None:
        tried = _trial(run, read, found, judge.lead)
    decision = retraining.decide(found, week, asked, past, tried)
    checked = claims.check(run)
    rows = [
        *found.rows(),
        *([tried.row()] if tried else []),
        *(one.row() for one in checked),
        decision.row(),
    ]
    return Verdict(found, decision, checked, diagnosis.table(rows))


def write_down(run: Run, read: Compared, told: Verdict) -> None:
    """Let the history say that a training was called for, and what a gain has come to; a week that is run
    again says nothing twice.

    Raises:
        TryAgain: somebody else is deciding about the champion.
    """
    claims.write_down(run, told.checked)
    decision = told.decision
    if not decision.trains or run.what_if:
        return
    history = History.of(run.settings, run.use_case.name)
    with history.deciding():
        history.note(
            Event(
                time=datetime.now(UTC).isoformat(timespec="seconds"),
                event="called",
                partition=run.partition.isoformat(),
                version=read.champion.version,
                cause=decision.cause,
                since=told.found.since.isoformat() if told.found.since else None,
                reason=decision.sentence,
                orchestrator=run.orchestrator,
                by=run.asked_by,
            )
        )


def _week(run: Run, read: Compared, compared: DriftResult, judge: Judge) -> Week:
    use_case, nights = run.use_case, len(read.features)
    features = compared.table[compared.table.kind == "feature"]
    days = len(dates.days_of(use_case, "training", read.champion.partition))
    rows, usual = int(features.current_rows.iloc[0]), int(features.reference_rows.iloc[0])
    return Week(
        first=run.partition,
        judged_first=_first_judged(compared),
        nights=read.nights,
        rows_a_day=rows / max(nights, 1),
        usual_rows=usual / days,
        reads=_reads(use_case),
        champion=read.champion.version,
        judged=judge.champion.version,
        metric=use_case.metric.name,
        greater=use_case.greater_is_better,
        due=use_case.report_partitions,
    )


def _first_judged(compared: DriftResult) -> date:
    """The first of the newest days with labels: the first nights may be younger than labels are due."""
    told = compared.performance[compared.performance.status != "estimated"].day
    days = [day for day in told.dt.date if day >= compared.due.first]
    return min(days, default=compared.due.first)


def _reads(use_case: UseCase) -> dict[str, frozenset[str]]:
    """Without the label: features of earlier labels move with what labels mean, which breaks no source."""
    frames = windows.Clock().frames(use_case)
    return {
        name: sql.parse(text, frames).every_column - {use_case.target}
        for name, (_, text) in expressions(use_case).items()
    }


def _past(run: Run) -> Past:
    """What was known before the week's own report: a rerun decides by the same."""
    before = [
        day
        for day in sorted(run.store.partitions("drift"))
        if run.partition - timedelta(days=KNOWN) <= day < run.partition
    ]
    reports = [
        Report(day, run.store.at("drift", day).read("diagnosis").df())
        for day in before
        if run.store.at("drift", day).has("diagnosis")
    ]
    history = History.of(run.settings, run.use_case.name)
    told = [
        (event.event, dates.read(event.partition), str(event.cause))
        for event in history.events()
        if dates.read(event.partition) < run.partition
    ]
    trainings = [dates.read(line.partition) for line in history.changes() if line.partition]
    return Past(
        reports,
        calls=sorted((day, cause) for kind, day, cause in told if kind == "called"),
        acknowledged=sorted((day, cause) for kind, day, cause in told if kind == "acknowledged"),
        promoted=[day for day in trainings if day < run.partition],
        length=(run.days.end - run.days.start).days,
    )


# --- the trial


def _trial(run: Run, read: Compared, found: Diagnosis, lead: float | None) -> Trial:
    use_case, metric = run.use_case, trial.metric_of(found.cause.name, run.use_case)
    calendar, report = use_case.calendar, use_case.report_partitions
    last = dates.last_labelled(use_case, "drift", run.partition)
    since = found.since or run.partition
    of_a_training = calendar.span(dates.window_begins(use_case, last), last)
    window = len(of_a_training)
    if use_case.split.by == "time":
        window -= len(dates.held_out_days(use_case, of_a_training))
    parted = trial.sides(since, last, window, calendar, report)
    if parted is None:
        delay = use_case.label.delay_days
        return Trial(metric.name, trial.too_few(since, last, delay, calendar, report))
    before = calendar.step(parted.cut, -1)
    judged, new = (
        labelled_nights.frame(labelled_nights.read(run, read.champion, days), run)
        for days in (calendar.span(parted.cut, last), calendar.span(since, before))
    )
    for rows, where in (
        (new, f"of {since} to {before}"),
        (judged, f"of {parted.cut} to {last}"),
    ):
        there = trial.rarer(rows[LABEL].to_numpy(np.float64), bool(use_case.task.classes))
        if there < trial.LEAST_OF_CLASS:
            of = " of the rarer class" if use_case.task.classes else ""
            return Trial(
                metric.name,
                f"{there} labelled rows{of} {where} are there, and {trial.LEAST_OF_CLASS} are needed:"
                f" {trial.LEAST_OF_CLASS - there} more",
            )
    try:
        return _tried(run, read, found, _Rows(parted, judged, new), lead)
    except (BadInput, TableCorrupt, TableMissing) as error:  # its candidate is gone, or cannot be fitted
        return Trial(metric.name, f"no trial: {error.sentence}")


@dataclass(frozen=True)
class _Rows:
    """The labelled rows of what is new, those that judge and those before them."""

    parted: Sides
    judged: pd.DataFrame
    new: pd.DataFrame


def _tried(run: Run, read: Compared, found: Diagnosis, of: _Rows, lead: float | None) -> Trial:
    use_case, champion, parted, judged, new = run.use_case, read.champion, of.parted, of.judged, of.new
    metric, graph = trial.metric_of(found.cause.name, use_case), Graph(champion.graph)
    rows = Judged(
        label=judged[LABEL].to_numpy(np.float64),
        score=labelled_nights.scores(graph, judged),
        day=(judged[use_case.time].dt.normalize() - pd.Timestamp(parted.cut)).dt.days.to_numpy(np.int64),
        unit=trial.units(judged[UNIT] if use_case.unit_column else None),
    )
    if found.cause.name == diagnosis.PRIOR:
        own = labelled_nights.scores(graph, new)
        newer = trial.recalibrated(new[LABEL].to_numpy(np.float64), own, rows.score)
        fitted = len(new)
    else:
        known = _known(run, read, parted, new)
        family = champion.metadata["family"]
        kept = run.store.at("training", champion.partition).read_file(f"candidates/{family}.skops")
        again = trial.fitted_again(candidate.load(kept), known, use_case)
        newer = candidate.scores(again, inputs.frame(judged, use_case.features), use_case.task)
        fitted = len(known)
    gain = trial.compare(rows, newer, metric, champion.threshold, use_case.stakes)
    worth = trial.margin(use_case, metric, lead)
    return trial.found(metric, gain, fitted, len(judged), parted, worth)


def _known(run: Run, read: Compared, parted: Sides, new: pd.DataFrame) -> pd.DataFrame:
    """The labelled rows that a newer fit learns from, in order of time: those of nights, and of days before
    the first of them those of the champion's training.
    """
    use_case = run.use_case
    calendar = use_case.calendar
    before = calendar.span(parted.first, calendar.step(parted.cut, -1))
    nights = labelled_nights.read(run, read.champion, before)
    rows = labelled_nights.frame(nights, run)
    rows = rows if len(rows) else new
    first = calendar.start(calendar.of(rows[use_case.time].min().to_pydatetime()))
    target, time = sql.name(use_case.target), sql.name(use_case.time)
    names = ", ".join(map(sql.name, (use_case.key, use_case.time, *use_case.features.names)))
    trained = read.reference.filter(
        f"{target} IS NOT NULL AND {time} >= TIMESTAMP '{before.start}' AND {time} < TIMESTAMP '{first}'"
    ).project(f"{names}, {target}::DOUBLE AS {sql.name(LABEL)}, NULL::VARCHAR AS {sql.name(UNIT)}")
    every = pd.concat([labelled_nights.frame(trained, run), rows], ignore_index=True)
    return every.sort_values([use_case.time, use_case.key], ignore_index=True)
