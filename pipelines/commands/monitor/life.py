"""Worlds lived week by week, and what came of each beside what is true of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from pipelines.commands.monitor.draws import Draws
from pipelines.commands.monitor.told import Changed, Quiet, Truth
from pipelines.commands.monitor.watch import PERFORMANCE, Judgement, Watch
from pipelines.commands.monitor.worlds import Change, Steady, weeks_since
from pipelines.core.dates import WEEK
from pipelines.core.metrics import by_name
from pipelines.metrics import sureness
from pipelines.monitoring import level
from pipelines.monitoring.drift_table import SCORE
from pipelines.monitoring.impact import Impact

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.commands.monitor.own import Own
    from pipelines.metrics.metrics import Floats

WITHIN = 8  # weeks in which a change is to be found, once its labels are due
BEGINNINGS = (0.25, 0.5, 0.75)  # of the year: where a change begins
LEAST_WEEKS = 4  # are lived before one does
LARGE = 1.5  # times the least effect that an alarm needs
# Deviations of weeks: a mean score that moves by so much is seen in whatever week. Limits of a red one lie up
# to 7 off where levels seem to wander (bike_demand).
SURE = 8.0
OTHERS = 24  # years that are drawn like one, by which it is known what is true of a week
ONE_SIDE = 1.645  # deviations: 95 % lie below


@dataclass
class Year:
    """A training and the weeks since, in which nothing has changed.

    Attributes:
        draws, world, watch: How it was drawn.
        weeks: What was said of each.
    """

    draws: Draws
    world: Steady
    watch: Watch
    weeks: list[Judgement] = field(default_factory=list)

    @classmethod
    def lived(cls, own: Own, world: Steady, weeks: int, seed: tuple[int, ...]) -> Year:
        """Draw a training, and live so many weeks."""
        draws = Draws(own, seed)
        year = cls(draws, world, Watch.drawn(draws, world.day, world.window))
        for week in range(weeks):
            year.weeks.append(year.watch.judge(year.watch.week(week), year.day, year.weeks))
        return year

    def day(self, on: date) -> pa.Table:
        """A day's rows."""
        return self.world.day(self.draws, on)

    def mean_scores(self) -> Floats:
        """The mean score of each week."""
        every = [[self.day(on) for on in self.watch.week(n)] for n in range(len(self.weeks))]
        return np.array([np.concatenate([_scores(day) for day in week]).mean() for week in every])


def quiet(years: Sequence[Year], name: str) -> Quiet:
    """What was said of years in which nothing changes."""
    weeks = [week for year in years for week in year.weeks]
    by = Counter(f"{kind} {subject}" for week in weeks for kind, subject in week.red)
    return Quiet(
        use_case=years[0].draws.own.use_case.name,
        world=name,
        weeks=len(weeks),
        red=sum(bool(week.red) for week in weeks),
        true=_truly_worse(years),
        amber=sum(week.amber for week in weeks),
        by=tuple(what for what, _ in by.most_common(3)),
    )


def _truly_worse(years: Sequence[Year]) -> int:
    """Of how many weeks that are red by performance alone a model is worse in truth, by more than is allowed:
    a season of hard rows is no false alarm.

    That is known by years that are drawn alike, each with a training of its own: their mean loss is surely
    greater (95 % of one side).
    """
    red = sorted({n for year in years for n, week in enumerate(year.weeks) if week.kinds == {PERFORMANCE}})
    if not red:
        return 0
    first = years[0]
    draws = [Draws(first.draws.own, (*first.draws.seed, 1 + nth)) for nth in range(OTHERS)]
    others = [Year(one, first.world, Watch.drawn(one, first.world.day, first.world.window)) for one in draws]
    worse = {number for number in red if _loses([_beyond_allowed(year, number) for year in others])}
    return sum(
        n in worse and week.kinds == {PERFORMANCE} for year in years for n, week in enumerate(year.weeks)
    )


def _beyond_allowed(year: Year, number: int) -> float | None:
    """By how much more than is allowed a week's metric is worse than the held-out rows'."""
    told = year.watch.judge(year.watch.week(number), year.day, ()).primary
    if told["value"] is None or told["reference_value"] is None:
        return None
    metric = by_name(year.draws.own.use_case.metric.name)
    return sureness.loss(told["reference_value"], told["value"], metric) - (told["allowed_loss"] or 0.0)


def _loses(losses: Sequence[float | None]) -> bool:
    known = np.array([loss for loss in losses if loss is not None])
    if len(known) < 2:
        return False
    return float(known.mean()) > ONE_SIDE * float(known.std(ddof=1)) / math.sqrt(len(known))


def changed(years: Sequence[Year], change: Change) -> Changed:
    """Let a change begin at several times of years that are without it until then."""
    plays = [_Play(year, change, round(at * len(year.weeks))) for year in years for at in BEGINNINGS]
    found = [play.live() for play in plays]
    by = Counter(kind for play in plays for kind in play.by)
    truths = [play.truth() for play in plays]
    return Changed(
        use_case=years[0].draws.own.use_case.name,
        world=change.name,
        found=tuple(found),
        within=WITHIN,
        by=tuple(kind for kind, _ in by.most_common()),
        truth=truths[len(truths) // 2],
        must=tuple(truth.shows for truth in truths),
    )


class _Play:
    """A change that begins at some week of a year."""

    def __init__(self, year: Year, change: Change, begins: int) -> None:
        self._year, self._change = year, change
        delay = change.delay if change.delay is not None else year.draws.own.use_case.label.delay_days
        # reports until the first label of a changed day is due, where labels alone tell
        self._waits = -(-max(delay - WEEK, 0) // WEEK) if change.what == "meaning" else 0
        latest = len(year.weeks) - self._waits - WITHIN
        self._first = max(min(max(begins, LEAST_WEEKS), latest), min(LEAST_WEEKS, len(year.weeks) - 1))
        self._began = year.watch.week(self._first).first
        self._judged: list[Judgement] = []
        self.by: frozenset[str] = frozenset()

    def day(self, on: date) -> pa.Table:
        """A day's rows: as they would have been, until the change."""
        since = weeks_since(on, self._began)
        return self._year.day(on) if since < 0 else self._change.day(self._year.draws, on, since)

    def live(self) -> int | None:
        """Live until a week is red.

        Returns:
            Which week that was, from 1 on; None where none was.
        """
        first, watch = self._first + self._waits, self._year.watch
        earlier = self._year.weeks[:first]
        for nth in range(WITHIN):
            week = watch.judge(watch.week(first + nth), self.day, earlier, self._change.delay)
            self._judged.append(week)
            earlier.append(week)
            if week.red:
                self.by = week.kinds
                return nth + 1
        return None

    def truth(self) -> Truth:
        """What the change does, by what was planted, and what of that these rows can show."""
        loss, detectable, lost = self._loss()
        if self._change.what == "inputs":
            cost = self._impact()
            told = f"moves scores by {cost.score:.2g} deviations"
            if cost.decisions is not None:
                told += f", changes {cost.decisions:.1%} of decisions"
            return Truth(told, cost.matters, loss, detectable)
        if self._change.what == "labels":
            far, size, least = self._moved()
            told = f"moves a week's mean score by {far:.1f} deviations of weeks, an effect of {size:.2g}"
            if size <= LARGE * least:
                told += f"; from {least:g} on one is large enough for an alarm"
            return Truth(told, far > SURE and size > LARGE * least, loss, detectable)
        return Truth("" if loss is None else f"loses {loss:.3g}", lost, loss, detectable)

    def _week(self, day: object) -> Floats:
        days = [self._began + timedelta(days=n) for n in range(WEEK)]
        return np.concatenate([_scores(day(on)) for on in days])  # type: ignore[operator]

    def _impact(self) -> Impact:
        """By scoring the first week's rows with the change and without."""
        before, now = self._week(self._year.day), self._week(self.day)
        swap = self._year.watch.before.swap
        score = float(np.abs(now - before).mean() / swap.deviation) if swap.deviation > 0 else 0.0
        if swap.threshold is None:
            return Impact(score, None, None, len(now))
        decided, then = now >= swap.threshold, before >= swap.threshold
        share = float((decided != then).mean())
        return Impact(score, share, share / max(float(then.mean()), 1 / len(now)), len(now))

    def _moved(self) -> tuple[float, float, float]:
        """By how many deviations of a week's mean score the first week's differs from the others'; its effect
        (Cohen's h of probabilities, else deviations of the score), and from which one on an alarm is due.
        """
        weeks, now = self._year.mean_scores(), float(self._week(self.day).mean())
        deviation = float(weeks.std(ddof=1)) if len(weeks) > 1 else 0.0
        usual = float(weeks.mean())
        far = abs(now - usual) / deviation if deviation > 0 else 0.0
        if self._year.draws.own.use_case.task.probabilities:
            size = 2 * abs(math.asin(math.sqrt(now)) - math.asin(math.sqrt(usual)))
            more = usual * level.RATIO if now > usual else usual / level.RATIO
            least = 2 * abs(math.asin(math.sqrt(min(more, 1.0))) - math.asin(math.sqrt(usual)))
            return far, size, min(level.SHIFT_OF_SHARE, least)
        of_scores = self._year.watch.before.swap.deviation
        return far, abs(now - usual) / of_scores if of_scores > 0 else 0.0, level.SHIFT_OF_MEAN

    def _loss(self) -> tuple[float | None, float | None, bool]:
        """The loss beside the held-out rows, and what these rows can show: in the middle of the weeks; and
        whether half of the weeks could show theirs.
        """
        metric = by_name(self._year.draws.own.use_case.metric.name)
        told = [
            (
                sureness.loss(before, value, metric),
                least,
                sureness.shows_none(before, least, metric),
            )
            for week in self._judged
            for value, before, least in [
                tuple(week.primary[name] for name in ("value", "reference_value", "detectable_loss"))
            ]
            if None not in (value, before, least)
        ]
        if not told:
            return None, None, False
        loss = float(np.median([one for one, _, _ in told]))
        least = float(np.median([math.inf if none else other for _, other, none in told]))
        could = np.mean([one >= other and not none for one, other, none in told])
        return loss, least if math.isfinite(least) else None, float(could) >= 0.5


def _scores(rows: pa.Table) -> Floats:
    return np.asarray(rows[SCORE].to_numpy(), np.float64)
