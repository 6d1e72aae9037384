"""A subject's verdict: as before, moved, an alarm, or not compared; by which statistic, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from pipelines.monitoring import level, subjects
from pipelines.monitoring.impact import Impact
from pipelines.monitoring.level import Judged, Prior
from pipelines.monitoring.limits import Probabilities
from pipelines.monitoring.subjects import NEVER_SEEN, Subject
from pipelines.run.tables import ALARM, AS_BEFORE, MOVED, NOT_COMPARED

Verdict: TypeAlias = str  # see `run.tables`


@dataclass(frozen=True)
class Finding:
    """What is said of a subject.

    Attributes:
        verdict: See the module.
        statistic: The one that lies farthest off; None where nothing was compared.
        value, usual, limit: Of it: the week's, the usual one, and the bound on its side.
        impact: What the move costs; None where it was not asked, or where it is no feature.
        note: In words.
        season: Whether some statistic is only as before since it was so a year before.
        broken: See `broken`.
    """

    verdict: Verdict
    statistic: str | None = None
    value: float | None = None
    usual: float | None = None
    limit: float | None = None
    impact: Impact | None = None
    note: str | None = None
    season: bool = False
    broken: bool = False


def of_feature(
    subject: Subject, probabilities: Probabilities, known: Prior, impact: Callable[[str], Impact]
) -> Finding:
    """A feature is an alarm where its move is improbable and matters; where it is broken (no value, one
    value, or values that the training never had), where the model looks at it at all.

    Args:
        subject: The feature.
        probabilities: Of one of its statistics.
        known: How weeks vary in general.
        impact: What swapping it back does to scores, which is asked only where it has moved.
    """
    red, amber = _judged(subject, probabilities, known)
    if red is None or amber is None:
        return Finding(NOT_COMPARED, note=_too_few(subject))
    if not amber.beyond.any():
        return _found(AS_BEFORE, subject, amber)
    cost = impact(subject.name)
    alarm = red.beyond.any() and (cost.matters or (broken(subject) and not cost.nil))
    return _found(ALARM if alarm else MOVED, subject, red if red.beyond.any() else amber, cost)


def of_prediction(subject: Subject, probabilities: Probabilities, known: Prior) -> Finding:
    """The score, the decisions and the labels matter by themselves."""
    decided = subject.type == subjects.SHARE
    bounds = level.of_what_is_decided if decided else level.of_any_share
    red, amber = _judged(subject, probabilities, known, bounds)
    if red is None or amber is None:
        return Finding(NOT_COMPARED, note=_too_few(subject))
    if red.beyond.any():
        return _found(ALARM, subject, red)
    return _found(MOVED if amber.beyond.any() else AS_BEFORE, subject, amber)


def broken(subject: Subject) -> bool:
    """Whether nothing is left of what it was: no value, one value, or only values never seen."""
    new = {label: now for label, _, now in subject.bars}.get(NEVER_SEEN, 0.0)
    return subject.constant or new > 0.99 or (subject.missing[1] == 1 and subject.missing[0] < 1)


def _judged(
    subject: Subject,
    probabilities: Probabilities,
    known: Prior,
    bounds: level.Bounds = level.of_any_share,
) -> tuple[Judged | None, Judged | None]:
    if not len(subject.week.on):
        return None, None
    red, amber = (
        level.judge(subject.before, subject.week, subject.shares, probability, known, bounds)
        for probability in (probabilities.red, probabilities.amber)
    )
    return red, amber


def _found(verdict: Verdict, subject: Subject, judged: Judged, impact: Impact | None = None) -> Finding:
    at = int(judged.far.argmax())
    value, usual = float(judged.value[at]), float(judged.usual[at])
    return Finding(
        verdict,
        subject.statistics[at].name,
        value,
        usual,
        float((judged.high if value >= usual else judged.low)[at]),
        impact,
        _note(subject, verdict),
        bool(judged.season is not None and judged.season.any()),
        broken(subject),
    )


def _note(subject: Subject, verdict: Verdict) -> str | None:
    notes = []
    old, new = subject.missing
    if verdict in (MOVED, ALARM):
        moved = abs(old - new) >= 0.001
        if moved:
            notes.append(f"missing: {100 * old:.1f} % in the reference, {100 * new:.1f} % in the week")
        if subject.constant:
            notes.append("one value in all rows of the week")
    if old == 1 or new == 1:
        notes.append(f"no value in the {'reference' if old == 1 else 'week'}")
    return "; ".join(notes) or None


def _too_few(subject: Subject) -> str:
    days = len(np.unique(subject.before.on))
    if not len(subject.week.on):
        return "no row in the week"
    return (
        f"not compared: {days} day{'s' * (days != 1)} of the training and since say what is usual, at least"
        f" {level.LEAST_DAYS} must"
    )
