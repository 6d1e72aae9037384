"""Why a week is not as before: a row a possible cause in the table `diagnosis`, with its evidence; and which
of those that hold is the one to act on.

In this order, the first that holds: what stands above would spoil the evidence of what stands below.

1. *broken source*: a feature without any value, with one value, or with new values only; one source column
   whose features are an alarm while all others are as before; rows or labels that are gone. Whatever else is
   measured is measured on broken data.
2. *prior*: more or fewer positive labels, so that scores expect too many or too few, while their order (ROC
   AUC) tells as much as before. A metric such as AUCPR falls with the share of positives alone.
3. *concept*: performance is surely lost on final labels. Labels know better than features whether that
   matters.
4. *season*: what has moved is as it was a year before, and nothing else is an alarm.
5. *covariates*: features or scores have moved, and labels do not say (yet) that it matters.
6. *as before*.

`diagnose` names the cause and `retraining.decide` what follows; both are pure functions of the table `drift`
and of what earlier reports and the history say. A rehearsal of a policy calls these two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cached_property
from typing import Any, Literal, TypeAlias

import pandas as pd

from pipelines.core.dates import WEEK
from pipelines.monitoring import judged, prior
from pipelines.run.tables import ALARM, AS_BEFORE, DIAGNOSIS

Name: TypeAlias = Literal["broken source", "prior", "concept", "season", "covariates", "as before"]

BROKEN: Name = "broken source"
PRIOR: Name = "prior"
CONCEPT: Name = "concept"
SEASON: Name = "season"
COVARIATES: Name = "covariates"
QUIET: Name = "as before"
CAUSES = (BROKEN, PRIOR, CONCEPT, SEASON, COVARIATES, QUIET)
OF_A_REGIME = (PRIOR, CONCEPT, COVARIATES)  # what may last, and be learned
CURED = (QUIET, SEASON)

LEAST_OTHERS = 2  # features that read another column: of fewer nobody can say that one column moved alone
LEAST_ROWS = 0.5  # of the usual rows of a day
SOME = 5  # names in a sentence


@dataclass(frozen=True)
class Week:
    """What a report is about, beside its table.

    Attributes:
        first: Its first day.
        judged_first: The first of the days whose labels are due.
        nights: How many of its nights are there.
        rows_a_day, usual_rows: Of a night of the week, and of a day of the training; None where nobody knows.
        reads: Feature -> the source's columns of which it is made.
        champion: The version that scores.
        judged: The version that has scored most of the judged days.
        metric: The primary one.
        greater: Whether more of it is better.
        due: How many nights a report looks at.
    """

    first: date
    judged_first: date
    nights: int
    rows_a_day: float
    usual_rows: float | None
    reads: Mapping[str, frozenset[str]]
    champion: str
    judged: str
    metric: str
    greater: bool
    due: int = WEEK

    @property
    def is_short(self) -> bool:
        """Whether half of its nights, or fewer, are there."""
        return self.nights <= self.due // 2


@dataclass(frozen=True)
class Report:
    """An earlier report: its week's first day, and its table `diagnosis`."""

    week: date
    table: pd.DataFrame

    @property
    def cause(self) -> str:
        """The one that was acted on."""
        chosen = self.table[(self.table.kind == "cause") & self.table.chosen]
        return str(chosen.subject.iloc[0]) if len(chosen) else QUIET

    def since(self, cause: str) -> date | None:
        """Since when a cause held then; None where it did not."""
        rows = self.table[(self.table.kind == "cause") & (self.table.subject == cause)]
        held = rows[rows.holds.fillna(False).astype(bool) & rows.since.notna()]
        return None if held.empty else pd.Timestamp(held.since.iloc[0]).date()


Told: TypeAlias = tuple[date, str]  # of a week, by its first day: a cause


@dataclass(frozen=True)
class Past:
    """What is known of earlier weeks; nothing of the week itself, so that a rerun decides the same.

    Attributes:
        reports: Earlier reports, the oldest first.
        calls: For which causes a training was called for, the oldest first.
        acknowledged: Which causes a person has taken note of.
        promoted: The trainings, by their partitions, that have made another champion.
        length: The days of a report.
    """

    reports: Sequence[Report] = ()
    calls: Sequence[Told] = ()
    acknowledged: Sequence[Told] = ()
    promoted: Sequence[date] = ()
    length: int = WEEK

    def before(self, week: date) -> Report | None:
        """The report of the week before, or the one before that where it is missing."""
        found = [one for one in self.reports if 0 < (week - one.week).days <= 2 * self.length]
        return found[-1] if found else None

    def acknowledged_since(self, cause: str, day: date) -> bool:
        """Whether a person has taken note of a cause in a week that ended on a day or later."""
        return any(name == cause and (day - week).days < self.length for week, name in self.acknowledged)

    def cured(self, after: date) -> bool:
        """Whether all was well in some week after this one."""
        return any(one.week > after and one.cause in CURED for one in self.reports)


NOTHING_KNOWN = Past()


@dataclass(frozen=True)
class Cause:
    """A possible cause.

    Attributes:
        name: Which one.
        holds: Whether it does; None where nobody can say.
        evidence: A phrase.
        since: The first day of the weeks in a row of which it holds.
        value, low, high, threshold: The number that tells most of it, its interval, and beyond what it holds.
    """

    name: Name
    holds: bool | None
    evidence: str
    since: date | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """All causes, in the order in which they are asked."""

    causes: tuple[Cause, ...]

    @cached_property
    def cause(self) -> Cause:
        """The one to act on."""
        return next(cause for cause in self.causes if cause.holds)

    @cached_property
    def since(self) -> date | None:
        """The first day of what is new: of all causes that last, since labels tell it later than features."""
        days = [one.since for one in self.causes if one.holds and one.name in OF_A_REGIME and one.since]
        return min(days, default=None)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the table `diagnosis`."""
        for one in self.causes:
            yield row(
                kind="cause",
                subject=one.name,
                holds=one.holds,
                chosen=one is self.cause,
                since=one.since,
                value=one.value,
                low=one.low,
                high=one.high,
                threshold=one.threshold,
                evidence=one.evidence,
            )


def row(**told: Any) -> dict[str, Any]:
    """A row of the table `diagnosis`; what is not told is null."""
    since = told.pop("since", None)
    day = None if since is None else datetime.combine(since, time())
    return dict.fromkeys(DIAGNOSIS) | {"chosen": False, "since": day} | told


def table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The table `diagnosis`."""
    return pd.DataFrame(rows, columns=list(DIAGNOSIS)).astype(DIAGNOSIS)


def diagnose(measured: pd.DataFrame, week: Week, past: Past = NOTHING_KNOWN) -> Diagnosis:
    """Find out which causes hold, and since when.

    Args:
        measured: The table `drift` of the week.
        week: What it is about.
        past: What is known of earlier weeks.
    """
    asked = _Asked(measured, week, past)
    found = [asked.broken(), asked.prior(), asked.concept(), asked.season(), asked.covariates()]
    quiet = not any(cause.holds for cause in found)
    evidence = "nothing is an alarm, and performance is not surely lost" if quiet else "see the others"
    return Diagnosis(tuple(map(asked.dated, [*found, Cause(QUIET, quiet, evidence)])))


@dataclass(frozen=True)
class _Asked:
    """The week's numbers, as each cause asks them."""

    measured: pd.DataFrame
    week: Week
    past: Past

    def dated(self, cause: Cause) -> Cause:
        """With the day since which it holds in each week: the evidence of labels is about the days that they
        judge.
        """
        if not cause.holds:
            return cause
        before = self.past.before(self.week.first)
        began = self.week.judged_first if cause.name in (PRIOR, CONCEPT) else self.week.first
        earlier = before.since(cause.name) if before else None
        return replace(cause, since=min(earlier, began) if earlier else began)

    def _of(self, *kinds: str) -> pd.DataFrame:
        return self.measured[self.measured.kind.isin(kinds)]

    def _alarms(self, *kinds: str) -> list[str]:
        rows = self._of(*kinds)
        return [str(name) for name in rows[rows.verdict == ALARM].subject]

    def _metric(self, name: str, kind: str = "performance") -> dict[str, Any] | None:
        rows = self._of(kind)
        rows = rows[rows.subject == name].astype(object)
        found: list[dict[str, Any]] = rows.where(rows.notna(), None).to_dict("records")  # type: ignore[assignment]
        return found[0] if found else None

    # --- the causes

    def broken(self) -> Cause:
        """Something does not come as it did."""
        since = self.past.before(self.week.first)
        day = (since.since(BROKEN) if since else None) or self.week.first
        told = list(self._broken())
        if told and self.past.acknowledged_since(BROKEN, day):
            return Cause(BROKEN, False, f"{'; '.join(told)}: a person has taken note of it")
        return Cause(BROKEN, bool(told), "; ".join(told) or "every column comes as it did")

    def _broken(self) -> Iterator[str]:
        rows = self._of("feature")
        gone = rows[(rows.verdict == ALARM) & rows.broken.fillna(False).astype(bool)]
        if len(gone):
            yield f"{_some(gone.subject)} has no value, one value, or values that the training never had"
        if column := self._alone():
            yield f"what is made of {column} is an alarm, and all else is as before"
        usual = self.week.usual_rows
        if usual and self.week.rows_a_day < LEAST_ROWS * usual:
            yield f"{self.week.rows_a_day:,.0f} rows a night, and the training had {usual:,.0f} a day"
        if self.week.is_short:
            yield f"{self.week.nights} nights of the week are there"
        primary = self._metric(self.week.metric)
        if primary and (missing := judged.missing(primary)):
            yield missing

    def _alone(self) -> str | None:
        """The one column of which all features that are an alarm are made, where all others are as before."""
        rows = self._of("feature")
        alarms = rows[rows.verdict == ALARM].subject.to_list()
        if not alarms:
            return None
        shared = frozenset.intersection(*(self.week.reads.get(name, frozenset()) for name in alarms))
        for column in sorted(shared):
            others = rows[[column not in self.week.reads.get(name, ()) for name in rows.subject]]
            if len(others) >= LEAST_OTHERS and (others.verdict == AS_BEFORE).all():
                return column
        return None

    def prior(self) -> Cause:
        """More or fewer positive labels, and the same order."""
        share, level = self._metric(prior.SHARE.name, "labels"), self._metric(prior.LEVEL.name, "level")
        order = self._metric(prior.ORDER)
        if share is None or level is None or order is None or order["value"] is None:
            return Cause(PRIOR, None, "no labels that tell it")
        if share["least_loss"] is None or level["least_loss"] is None:
            return Cause(PRIOR, None, "too few labels, or nothing to compare them with")
        numbers = {"value": share["value"], "low": share["low"], "high": share["high"]}
        told = (
            f"{_percent(share['value'])} of the labels are positive, and {_percent(share['reference_value'])}"
            f" of the held-out ones were; scores expect {level['value']:.3g} for each that was seen, and"
            f" expected {level['reference_value']:.3g}"
        )
        moved = all(one["least_loss"] > one["allowed_loss"] for one in (share, level))
        if not moved:
            return Cause(PRIOR, False, f"{told}: not surely another share", **numbers)
        if worse := judged.lost(order):
            return Cause(PRIOR, False, f"{told}; but their order tells less, too: {worse}", **numbers)
        order_told = f"{prior.ORDER} {order['value']:.4g} of {order['reference_value']:.4g}"
        return Cause(PRIOR, True, f"{told}; their order is not surely worse ({order_told})", **numbers)

    def concept(self) -> Cause:
        """What is learned is no longer so."""
        primary = self._metric(self.week.metric)
        if primary is None or primary["value"] is None:
            return Cause(CONCEPT, None, "no final labels tell the performance")
        numbers = {"value": primary["value"], "low": primary["low"], "high": primary["high"]}
        lost = judged.beyond(primary, self.week.greater) or judged.lost(primary)
        return Cause(CONCEPT, bool(lost), lost or "performance is not surely lost", **numbers)

    def season(self) -> Cause:
        """As it was a year before."""
        rows = self._of("feature", "prediction")
        as_then = rows[rows.season.fillna(False).astype(bool)].subject.to_list()
        if not as_then:
            return Cause(SEASON, False, "nothing has moved that was so a year before")
        told = f"{_some(as_then)} is as a year before, and not as in the weeks before this one"
        alarms = self._alarms("feature", "prediction")
        return Cause(SEASON, not alarms, told + (f"; but {_some(alarms)} is not" if alarms else ""))

    def covariates(self) -> Cause:
        """Features or scores have moved, and no season tells why."""
        alarms = self._alarms("feature", "prediction", "joint")
        if not alarms:
            return Cause(COVARIATES, False, "no feature, nor the score, is an alarm")
        if self.season().holds:
            return Cause(COVARIATES, False, f"{_some(alarms)}: the season tells it")
        return Cause(COVARIATES, True, f"{_some(alarms)}: improbable beside the weeks before, and it matters")


def _some(names: Sequence[str] | pd.Series) -> str:
    every = [str(name) for name in names]
    return ", ".join(every[:SOME]) + (f" and {len(every) - SOME} more" if len(every) > SOME else "")


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:.3g} %"
