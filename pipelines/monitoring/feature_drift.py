"""Which features have moved, whether that matters, and whether the score, the decisions, the labels or all
features together have: rows of the table `drift`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd

from pipelines.core import personal
from pipelines.model.graph import Graph
from pipelines.monitoring import (
    earlier_weeks,
    impact,
    joint,
    level,
    limits,
    lines,
    looks,
    subjects,
    verdicts,
)
from pipelines.monitoring.drift_table import ALL, DECISIONS, LABELS, SCORE, Kind, Row
from pipelines.monitoring.earlier_weeks import Earlier
from pipelines.monitoring.impact import Impact, Swap
from pipelines.monitoring.level import Days
from pipelines.monitoring.lines import Line
from pipelines.monitoring.looks import Look, Looked, Rows
from pipelines.monitoring.subjects import Subject, Sums
from pipelines.monitoring.verdicts import Finding
from pipelines.run.tables import ALARM, AS_BEFORE, MOVED, NOT_COMPARED

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.registry.registry import Champion

LEARNED = "split = 'train'"


MILD = (AS_BEFORE, MOVED, ALARM, NOT_COMPARED)


class Before:
    """What the champion's training says, whatever week is held against it: counted once, when it is asked.

    All relations are of one DuckDB connection.
    """

    def __init__(
        self,
        reference: duckdb.DuckDBPyRelation,
        held_out: duckdb.DuckDBPyRelation,
        champion: Champion,
        use_case: UseCase,
        served: duckdb.DuckDBPyRelation | None = None,
    ) -> None:
        """Take the training.

        Args:
            reference: Its features.
            held_out: The champion's held-out rows, scored by the fit that has not learned from them.
            champion: Who learned from it.
            use_case: The facts.
            served: The same rows as the fit scores them that serves, where that is another one.
        """
        self.served = Before(reference, served, champion, use_case) if served is not None else None
        self.champion, self.use_case, self.types = champion, use_case, feature_types(use_case)
        self.reference, self.held_out = self.rows(reference), self.rows(held_out)

    def rows(self, relation: duckdb.DuckDBPyRelation) -> Rows:
        """Rows, by the days that reports tell of."""
        facts = self.use_case
        return Rows(relation, facts.key, facts.time, facts.watched, facts.report_days)

    @cached_property
    def features(self) -> tuple[Mapping[str, Look], Mapping[str, Looked]]:
        """How each feature is counted, and what of each."""
        looked = looks.look(self.reference, LEARNED, self.types)
        return looked, looks.count(self.reference, looked, self.types, own=True)

    @cached_property
    def score(self) -> tuple[Look, Looked]:
        """How scores are counted, and what of those of the held-out rows."""
        looked = looks.look(self.held_out, "true", {SCORE: "number"})
        counted = looks.count(self.held_out, looked, {SCORE: "number"}, own=True)
        return looked[SCORE], counted[SCORE]

    @cached_property
    def decisions(self) -> Sums | None:
        """What would have been decided of the held-out rows; None where nothing is, or of each night just so
        many (`exact: true`): then their share tells how many rows a night has.
        """
        threshold, policy = self.champion.threshold, self.use_case.threshold
        if not self.use_case.task.decides or threshold is None or (policy and policy.every_night is not None):
            return None
        return _sums(self.held_out, f"({SCORE} >= {threshold!r}::DOUBLE)::INTEGER")

    @cached_property
    def labels(self) -> Sums | None:
        """Which share of positive labels was predicted; None where scores are no probabilities."""
        return _sums(self.held_out, SCORE) if self.use_case.task.probabilities else None

    @cached_property
    def swap(self) -> Swap:
        """By which the cost of a move is measured, but for the rows of a week."""
        scores = self.held_out.relation.aggregate(f"stddev_pop({SCORE})").fetchall()[0][0]
        before = impact.sample(self.reference, self.types, LEARNED)
        return Swap(
            before=before,
            now=before.head(0),
            types=self.types,
            graph=Graph(self.champion.graph),
            threshold=self.champion.threshold if self.use_case.task.decides else None,
            deviation=float(scores or 0.0),
        )


@dataclass(frozen=True)
class Compared:
    """What is compared; all relations are of one DuckDB connection.

    Attributes:
        before: The champion's training.
        week: The features of the week's nights.
        own: What the champion has predicted in the week.
        earlier: The tables `drift_days` of earlier weeks.
    """

    before: Before
    week: duckdb.DuckDBPyRelation
    own: duckdb.DuckDBPyRelation
    earlier: Sequence[duckdb.DuckDBPyRelation]


@dataclass(frozen=True)
class Found:
    """What has come of it.

    Attributes:
        rows: Of the table `drift`: features, the score and what belongs to it, all features together.
        days: The table `drift_days`.
        bars: Subject -> label, share in the reference, share in the week.
        lines: Subject -> how it has gone over the past weeks.
    """

    rows: list[Row]
    days: pd.DataFrame
    bars: Mapping[str, Sequence[tuple[str, float, float]]]
    lines: Mapping[str, Line | None]


def comparison(compared: Compared, note: str | None) -> Found:
    """Compare the week with the champion's training and with the weeks since.

    Args:
        compared: The rows.
        note: What there is to say of the score, see `other_versions`.
    """
    made = _Comparison(compared)
    features = [
        (subject, verdicts.of_feature(subject, made.counts.of_feature, made.known, made.cost_of))
        for subject in made.features
    ]
    predictions = [
        (subject, verdicts.of_prediction(subject, made.counts.of_prediction, made.known))
        for subject in made.predictions
    ]
    told_as = _milder(predictions, compared, made)
    told_as = [(subject, _with_note(subject, found, note)) for subject, found in told_as]
    together = made.together()
    rows = [
        *(_row("feature", *each) for each in features),
        *(_row("prediction", *each) for each in told_as),
        _joint_row(together, made.features),
    ]
    every = (*features, *predictions)
    told = [subject for subject, _ in every]
    days = earlier_weeks.table(
        [*told, _joint_subject(made.features)], _unusual(rows), compared.before.champion.sha256, made.calendar
    )
    drawn = {
        subject.name: lines.line(subject, found, made.earlier_days(subject), made.calendar)
        for subject, found in every
    }
    return Found(rows, days, {subject.name: subject.bars for subject in told}, drawn)


def _milder(
    predictions: Sequence[tuple[Subject, Finding]], compared: Compared, made: _Comparison
) -> Sequence[tuple[Subject, Finding]]:
    """What is said of scores, where another fit serves than has scored the held-out rows.

    That one has other scores of the same rows, above all of the many that are hardly possible; it knows the
    held-out rows, and is surer of them than of a week's. A move is one beside both, then. The weeks since say
    by and by what is usual.
    """
    served = compared.before.served
    if served is None:
        return predictions
    other = _Comparison(replace(compared, before=served, earlier=()))
    beside = [
        (subject, verdicts.of_prediction(subject, made.counts.of_prediction, made.known))
        for subject in other.predictions
    ]
    return [
        min(pair, key=lambda one: MILD.index(one[1].verdict))
        for pair in zip(predictions, beside, strict=True)
    ]


def _unusual(rows: Sequence[Row]) -> list[str]:
    """Of which subjects the week says nothing of what is usual: alarms, and, where all features together are
    one, those that have moved.
    """
    together = any(row.kind == "joint" and row.verdict == ALARM for row in rows)
    return [row.subject for row in rows if row.verdict == ALARM or (together and row.verdict == MOVED)]


def feature_types(use_case: UseCase) -> dict[str, str]:
    """What each feature is."""
    features = use_case.features
    kinds = {"number": features.numbers, "category": features.categories, "text": features.texts}
    return {name: kind for kind, names in kinds.items() for name in names}


def private(use_case: UseCase) -> set[str]:
    """The features that the page may not show: texts, word for word, and the values and extremes of personal
    features.
    """
    return {*use_case.features.texts, *personal.features(use_case)}


class _Comparison:
    """The subjects of a week, and what their moves cost."""

    def __init__(self, compared: Compared) -> None:
        self._compared, self._before = compared, compared.before
        facts = compared.before.use_case
        self.calendar, self._cycle = facts.watched, level.cycle_of(facts)
        self._earlier = Earlier(compared.earlier, compared.before.champion.sha256, self.calendar, self._cycle)

    def _rows(self, relation: duckdb.DuckDBPyRelation) -> Rows:
        return self._before.rows(relation)

    @cached_property
    def _plain(self) -> list[Subject]:
        """The features, by the training's days alone."""
        (looked, before), types = self._before.features, self._before.types
        now = looks.count(self._rows(self._compared.week), looked, types, own=False)
        return [
            subjects.feature(name, types[name], one, before[name], now[name], self._cycle)
            for name, one in looked.items()
        ]

    def earlier_days(self, subject: Subject) -> Days | None:
        """What earlier weeks have measured of a subject, alarms among it."""
        return self._earlier.every_day(subject)

    @cached_property
    def features(self) -> list[Subject]:
        """The features, by the days of training and since."""
        return [one.with_earlier(self._earlier.days(one)) for one in self._plain]

    @cached_property
    def predictions(self) -> list[Subject]:
        """The score, the share of decisions, and the predicted share of positive labels."""
        own, (looked, before) = self._rows(self._compared.own), self._before.score
        now = looks.count(own, {SCORE: looked}, {SCORE: "number"}, own=False)[SCORE]
        found = [subjects.feature(SCORE, SCORE, looked, before, now, self._cycle)]
        if self._before.decisions is not None:
            found.append(
                subjects.share(
                    DECISIONS, subjects.SHARE, self._before.decisions, _sums(own, "decision"), self._cycle
                )
            )
        if self._before.labels is not None:
            found.append(
                subjects.share(LABELS, subjects.SHARE, self._before.labels, _sums(own, SCORE), self._cycle)
            )
        return [one.with_earlier(self._earlier.days(one)) for one in found]

    @cached_property
    def counts(self) -> limits.Counts:
        """How many statistics are asked."""
        return limits.Counts(
            features=sum(len(one.statistics) for one in self.features),
            predictions=sum(len(one.statistics) for one in self.predictions),
        )

    @cached_property
    def known(self) -> level.Prior:
        """How weeks vary, of all features together."""
        return level.prior([(one.before, one.shares) for one in self.features])

    @cached_property
    def _swap(self) -> Swap:
        now = impact.sample(self._rows(self._compared.week), self._before.types)
        return replace(self._before.swap, now=now)

    def cost_of(self, feature: str) -> Impact:
        """What it costs that a feature has moved."""
        return self._swap.back([feature])

    def together(self) -> Finding:
        """All features at once."""
        quiet = self._earlier.quiet_days()
        every = [one.with_earlier(self._earlier.days(one, quiet)) for one in self._plain]
        before, week = _side_by_side(every)
        if not len(week.on):
            return Finding(NOT_COMPARED, note="not compared: no day on which all features were looked at")
        asked, shares = self.counts.of_joint, np.concatenate([one.shares[one.first] for one in every])
        red, amber = (joint.judge(before, week, shares, each) for each in (asked.red, asked.amber))
        if red is None or amber is None:
            return Finding(NOT_COMPARED, note="not compared: too few days or features to compare")
        if not amber.beyond:
            return Finding(AS_BEFORE, JOINT, amber.value, amber.usual, amber.limit)
        cost = self._swap.back(list(self._before.types))
        verdict = ALARM if red.beyond and cost.matters else MOVED
        told = red if red.beyond else amber
        return Finding(verdict, JOINT, told.value, told.usual, told.limit, cost)


JOINT = "mean of log(1 + t²) over all features"


def _side_by_side(every: Sequence[Subject]) -> tuple[Days, Days]:
    """The statistics of all features by which they are judged together, on the days that all of them have."""
    sides = []
    for side in ("before", "week"):
        own = [(getattr(one, side), one.first) for one in every]
        on = np.array(sorted(set.intersection(*(set(days.on.tolist()) for days, _ in own))), dtype=np.int64)
        chosen = [(days.those(np.isin(days.on, on)), first) for days, first in own]
        sides.append(
            Days(
                on,
                np.concatenate([days.values[:, first] for days, first in chosen], axis=1),
                np.concatenate([days.rows[:, first] for days, first in chosen], axis=1),
                own[0][0].cycle,
            )
        )
    return sides[0], sides[1]


def _sums(rows: Rows, text: str) -> Sums:
    answers = rows.answers(f"SELECT {rows.day}, sum({text}), count({text}) FROM rows GROUP BY 1 ORDER BY 1")
    return {int(day): (float(total or 0.0), int(n)) for day, total, n in answers}


def _with_note(subject: Subject, found: Finding, note: str | None) -> Finding:
    if note is None or subject.name != SCORE:
        return found
    return replace(found, note="; ".join(filter(None, (note, found.note if len(subject.week.on) else None))))


def _row(kind: Kind, subject: Subject, found: Finding) -> Row:
    cost = found.impact
    return Row(
        subject=subject.name,
        kind=kind,
        type=subject.type,
        method=found.statistic,
        value=found.value,
        threshold=found.limit,
        drifted=None if found.verdict == NOT_COMPARED else found.verdict in (MOVED, ALARM),
        verdict=found.verdict,
        broken=found.broken,
        season=found.season,
        effect=subject.effect,
        score_change=cost.score if cost else None,
        decisions_changed=cost.decisions if cost else None,
        reference_value=found.usual,
        reference_missing=subject.missing[0],
        current_missing=subject.missing[1],
        reference_rows=subject.rows[0],
        current_rows=subject.rows[1],
        note=found.note,
    )


def _joint_row(found: Finding, features: Sequence[Subject]) -> Row:
    return _row("joint", _joint_subject(features), found)


def _joint_subject(features: Sequence[Subject]) -> Subject:
    """All features as one subject, of whose days nothing but the verdict is kept."""
    rows = features[0].rows
    week = features[0].week
    only = Days(week.on, np.zeros((len(week.on), 1)), week.rows[:, :1], week.cycle)
    return Subject(ALL, "joint", (subjects.Statistic("days", share=False),), only, only, rows, (0.0, 0.0))


def other_versions(scored: duckdb.DuckDBPyRelation, own: int, champion: Champion) -> str | None:
    """Who else has scored in this week: their scores follow another distribution by nature, and are not
    compared.
    """
    versions = {str(row[0]) for row in scored.project("model_version").distinct().fetchall()}
    others = ", ".join(sorted(versions - {champion.version}))
    if not others:
        return None
    if not own:
        return f"not compared: all nights were scored by version {others}, none by {champion.version}"
    return (
        f"only the {own:,} rows that version {champion.version} has scored are compared: some nights were"
        f" scored by version {others}"
    )
