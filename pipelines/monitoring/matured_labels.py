"""How the judged days' predictions did, on labels that are due: rows of the table `drift`, with what they are
worth beside the held-out rows and how sure that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.core import dates, sql
from pipelines.core.metric import Metric
from pipelines.core.metrics import by_name, of_decisions
from pipelines.metrics import daily, influence, metrics_stream, sureness
from pipelines.metrics.influence import Sums
from pipelines.metrics.metrics_stream import Measured
from pipelines.metrics.sureness import Between, Sure
from pipelines.monitoring import outcomes, performance, prior, scored_days
from pipelines.monitoring.between_weeks import between
from pipelines.monitoring.drift_table import SCORE, Row
from pipelines.monitoring.outcomes import Outcomes
from pipelines.monitoring.performance import Performance

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.registry.registry import Champion


@dataclass(frozen=True)
class Judge:
    """The version that has scored most of the judged rows, and what it was worth when it was trained.

    Attributes:
        champion: The version.
        held_out: Its held-out rows, with its scores: see `steps.drift`; None where they are gone.
        lead: By how much it was better than the baseline on them; None where nobody knows.
        why_gone: Why there are none, in a sentence.
    """

    champion: Champion
    held_out: duckdb.DuckDBPyRelation | None
    lead: float | None = None
    why_gone: str | None = None
    # what its held-out rows say, whatever week is held against it: computed once
    _known: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def measured(self, use_case: UseCase) -> tuple[dict[str, Measured] | None, int]:
        """See `_held_out`."""
        if "measured" not in self._known:
            self._known["measured"] = _held_out(self, use_case)
        found: tuple[dict[str, Measured] | None, int] = self._known["measured"]
        return found

    def sums(self, metric: Metric, use_case: UseCase) -> Sums | None:
        """See `_sums_held_out`."""
        name = f"sums of {metric.name}"
        if name not in self._known:
            self._known[name] = _sums_held_out(self, use_case, metric)
        found: Sums | None = self._known[name]
        return found


@dataclass(frozen=True)
class _Compared:
    """The primary metric on the judged rows, beside that of the held-out ones."""

    own: Sure | None = None
    before: Sure | None = None
    error: float | None = None
    sure_loss: float | None = None
    likely_loss: float | None = None
    allowed: float | None = None
    detectable: float | None = None


def rows(
    due: Outcomes,
    final: duckdb.DuckDBPyRelation,
    judge: Judge,
    had: float,
    use_case: UseCase,
    weeks: Sequence[Mapping[str, Any]] = (),
) -> list[Row]:
    """A row a metric, the primary one first; where several versions have scored, then the same of each one.

    Args:
        due: The predictions whose labels are due.
        final: Those of them that have a label, of days that have enough of them.
        judge: With whose held-out rows they are compared.
        had: See `labelled_before`.
        use_case: The facts.
        weeks: The primary metric's row of each report before, the oldest first.
    """
    ((due_rows, known),) = due.of_due_days().aggregate("count(*), count(label)").fetchall()
    ((judged_rows, days),) = final.aggregate(f"count(*), count(DISTINCT {due.on})").fetchall()
    found = performance.measure(due.rows, final, use_case)
    before, tested = judge.measured(use_case)
    primary = use_case.metric.name
    more = between(weeks, judge.champion.version, use_case.greater_is_better, use_case.report_days)
    compared = _compare(final, judge, use_case, weeks=more) if found.rows else _Compared()
    ought = outcomes.no_chance(due, use_case) or (not due_rows and bool(due.missing))
    names = (primary, *(other for other in use_case.measured if other != primary))
    together = [
        Row(
            subject=name,
            kind="performance",
            type="metric",
            method="matured labels",
            value=found.values[name].value,
            threshold=use_case.monitoring.min_performance if name == primary else None,
            reference_rows=tested,
            current_rows=int(known),
            reference_value=before[name].value if before else None,
            matured_share=known / due_rows if due_rows else 0.0,
            due_rows=int(due_rows),
            reference_labelled=had if name == primary else None,
            judged_rows=int(judged_rows),
            judged_days=int(days),
            ought=ought if name == primary else None,
            note=_note(name, found, judge if name == primary else None, due),
        )
        for name in names
    ]
    together[0] = replace(
        together[0],
        **_sure(compared),
        standard_error=_digits(compared.error),
        judge=judge.champion.version,
    )
    beside = _of_order_and_level(together, final, judge, use_case) if found.rows else []
    return [*together, *_of_versions(found, names, judge, tested, before), *beside]


def _of_order_and_level(
    together: list[Row], final: duckdb.DuckDBPyRelation, judge: Judge, use_case: UseCase
) -> list[Row]:
    """Of a task with probabilities: rows of the labels' share and of the scores' level. The row of the
    metric of order is told with its interval, as the primary one is.
    """
    if not use_case.task.probabilities:
        return []
    order = by_name(prior.ORDER)
    for n, row in enumerate(together):
        if n and row.subject == order.name:
            together[n] = replace(row, **_sure(_compare(final, judge, use_case, order)))
    own = final.filter(f"model_version = {sql.text(judge.champion.version)}")
    return list(
        prior.rows(
            lambda metric: scored_days.sums(own, use_case, metric),
            lambda metric: judge.sums(metric, use_case),
        )
    )


def _sure(compared: _Compared) -> dict[str, Any]:
    low, high = compared.own.interval() if compared.own else (None, None)
    before = compared.before.interval() if compared.before else (None, None)
    return {
        "low": _digits(low),
        "high": _digits(high),
        "reference_low": _digits(before[0]),
        "reference_high": _digits(before[1]),
        "least_loss": _digits(compared.sure_loss),
        "likely_loss": _digits(compared.likely_loss),
        "allowed_loss": _digits(compared.allowed),
        "detectable_loss": _digits(compared.detectable),
    }


def _digits(value: float | None) -> float | None:
    """Sums of many rows have other last digits in other batches."""
    return None if value is None else float(f"{value:.9g}")


def _compare(
    final: duckdb.DuckDBPyRelation,
    judge: Judge,
    use_case: UseCase,
    other: Metric | None = None,
    weeks: Between = sureness.NOTHING_BETWEEN,
) -> _Compared:
    """The interval of all judged rows, and the loss of those that the judge's version has scored; of the
    primary metric, or of one whose lead is that over no order at all.
    """
    metric = other or by_name(use_case.metric.name)
    held_out = judge.sums(metric, use_case)
    every = scored_days.sums(final, use_case, metric)
    if every is None:
        return _Compared()
    alone = sureness.sure(metric, every, [held_out] if held_out else [])
    if alone is None:
        return _Compared()
    own, error = alone.beside(weeks), alone.error
    version = f"model_version = {sql.text(judge.champion.version)}"
    mine = scored_days.sums(final.filter(version), use_case, metric)
    if held_out is None or mine is None:
        return _Compared(own, error=error, detectable=sureness.detectable(None, own, 0.0))
    before, now = sureness.sure(metric, held_out, [mine]), sureness.sure(metric, mine, [held_out])
    if before is None or now is None:
        return _Compared(own, before, error, detectable=sureness.detectable(None, own, 0.0))
    before, now = before.beside(weeks), now.beside(weeks)
    lead = before.value - prior.NO_ORDER if other else judge.lead
    allowed = use_case.monitoring.max_loss * (abs(before.value) if lead is None else max(lead, 0.0))
    return _Compared(
        own,
        before,
        error,
        sureness.least_loss(before, now),
        sureness.least_loss(before, now, sureness.AMBER),
        allowed,
        sureness.detectable(before, now, allowed),
    )


def _sums_held_out(judge: Judge, use_case: UseCase, metric: Metric) -> Sums | None:
    threshold = judge.champion.threshold
    if judge.held_out is None or (metric.needs == "decision" and threshold is None):
        return None
    time, unit = sql.name(use_case.time), use_case.unit_column
    rows = judge.held_out.filter(f"{sql.name(use_case.target)} IS NOT NULL")
    on = use_case.watched.index_sql(time)
    first, last = rows.aggregate(f"min({on}), max({on})").fetchall()[0]
    if first is None:
        return None
    decision = f"({SCORE} >= '{threshold!r}'::DOUBLE)::INT" if threshold is not None else "0"
    of_unit = f"coalesce({sql.name(unit)}::VARCHAR, '')" if unit else "NULL"
    told = rows.project(
        f"{sql.name(use_case.target)}::DOUBLE AS label, {SCORE}, {decision} AS decision,"
        f" {_taken(use_case)}, 0 AS version,"
        f" {on} - {first} AS day, {of_unit} AS unit"
    )
    batches = influence.of_relation(told, metric)
    return influence.sums(metric, batches, last - first + 1, use_case.stakes)


def _taken(use_case: UseCase) -> str:
    """Whether a held-out row is among its day's greatest scores, as SQL."""
    if use_case.stakes.a_day is None:
        return f"0 AS {daily.TAKEN}"
    day, key = f"{sql.name(use_case.time)}::DATE", sql.name(use_case.key)
    return daily.column(SCORE, day, key, use_case.stakes.a_day)


def _note(name: str, found: Performance, judge: Judge | None, due: Outcomes) -> str | None:
    several = f"by versions {' and '.join(found.versions)}, each by its own scores and decisions"
    notes = [found.values[name].reason, several if len(found.versions) > 1 else None]
    if judge and found.rows:
        notes.append(judge.why_gone)
    if judge and due.of_weeks > 1:
        notes.append(f"over {due.of_weeks} weeks, since one has too few labels of one class")
    return "; ".join(filter(None, notes)) or None


def _of_versions(
    found: Performance,
    names: Sequence[str],
    judge: Judge,
    tested: int,
    before: Mapping[str, Measured] | None,
) -> Iterator[Row]:
    """A row a metric of each version, where there are several; the judge's beside its held-out rows."""
    for version, own in found.versions.items() if len(found.versions) > 1 else ():
        compared = version == judge.champion.version and before is not None
        for name in names:
            yield Row(
                subject=f"{name} of version {version}",
                kind="version",
                type="metric",
                method="matured labels",
                value=own.values[name].value,
                reference_rows=tested if compared else 0,
                current_rows=own.rows,
                reference_value=before[name].value if compared and before else None,
                matured_share=own.rows / own.predictions,
                note=own.values[name].reason,
            )


def labelled_before(reference: duckdb.DuckDBPyRelation, days: int, trained: date, use_case: UseCase) -> float:
    """The share of the training's rows that had a label: of its newest days, as many as are judged.

    Labels may come one by one, so that older days say nothing of what is due. Of n rows, all of them with a
    label, one more need not have one: so few rows say no more.
    """
    time, target = sql.name(use_case.time), sql.name(use_case.target)
    learned = dates.watched(use_case, dates.days_of(use_case, "training", trained))
    last, calendar = learned.last, learned.calendar
    newest = reference.filter(calendar.span(calendar.step(last, 1 - days), last).hold(time))
    for some in (newest, reference):
        ((known, every),) = some.aggregate(f"count({target}), count(*)").fetchall()
        if every:
            return float(known / (every + 1))
    return 0.0


def _held_out(judge: Judge, use_case: UseCase) -> tuple[dict[str, Measured] | None, int]:
    """Metric -> what the version was worth on its held-out rows, or why it has no value; and how many."""
    if judge.held_out is None:
        return None, 0
    champion = judge.champion
    threshold = 0.5 if champion.threshold is None else champion.threshold
    taken = f", {_taken(use_case)}" if use_case.stakes.a_day is not None else ""
    rows = judge.held_out.project(f"{sql.name(use_case.target)}::DOUBLE AS label, {SCORE}{taken}")
    measured = metrics_stream.measure(rows, use_case.task, threshold=threshold, stakes=use_case.stakes)
    if champion.threshold is None:
        no_decision = Measured(None, f"version {champion.version} has no decision threshold")
        measured |= {name: no_decision for name in measured if name in of_decisions()}
    ((tested,),) = judge.held_out.count("*").fetchall()
    return measured, int(tested)
