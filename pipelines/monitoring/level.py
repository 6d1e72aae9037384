"""What is usual of a week: by the days and weeks before it, of the champion's training and since.

No store and no table is known here, so that years of weeks can be drawn and judged by this very code: see
`benchmarks.drift_years`.

- The independent unit is the week: rows of a day share its weather, days of a week its campaign, and
  customers come again. How much weeks differ from one another is measured on weeks, with whatever clusters
  within them. A few weeks tell that only roughly for each statistic, and all statistics together tell well
  how many times more weeks vary than their days would make them, and how much statistics differ in that: each
  deviation is drawn to that prior, and gains its degrees of freedom (`prior`; Smyth 2004, Statistical
  Applications in Genetics and Molecular Biology 3(1), where variances of many genes are estimated of few
  samples). A training of less than two weeks tells only how much days differ; then a week may lie as far off
  as a day may.
- The newest `NEWEST` weeks are the level, so that it follows a season or growth with a lag that their own
  spread holds: a straight trend lies at most 1.8 of their deviations off, whatever its slope, and limits are
  several. Where the days of a year before are known, what was usual then is usual, too: a calendar that jumps
  at New Year has jumped before.
- Where a level goes on from week to week (a random walk, as what lasts for months looks to a few weeks), the
  next one lies farther off than these lie from one another: how much of weeks' variance that is, the steps of
  all statistics tell, and limits are wider by it (`Prior.drift`; a local level, Harvey 1989, Forecasting,
  structural time series models and the Kalman filter).
- Limits are those of `pipelines.metrics.chance`: Student's t, at least 1.3 times the distance of the farthest
  week before, at least the binomial's where rows are few.
- A single odd day is a night's matter, whose gates have judged it. So of the week's days that one is left out
  which lies farthest from its weekday's mean: what is told of the week lasts for two days at least.
- Weeks that were an alarm say nothing of what is usual: what is broken does not become so by lasting.

What cannot be told apart: a season that the training is too short to know, from a change as slow as that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from pipelines.metrics import chance

if TYPE_CHECKING:
    from pipelines.core.config import UseCase

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

NEWEST = 13  # weeks, a quarter
AROUND = 2  # weeks on either side of the same week a year before
LEAST_WEEKS = 2
WEEKS_OF_WEEKDAYS = 4  # fewer do not tell what is the weekday's
LEAST_DAYS = chance.LEAST_DAYS
LEAST_FOR_JOINT = 4  # weeks, of which each is held against the others
LEAST_RATIOS = 10  # statistics: fewer tell nothing of all
MOST_FREEDOM = 20.0  # beside a few weeks: what all statistics share is known no better than that
TINY = 1e-12
SHIFT_OF_MEAN = 0.17  # of a mean of unit variance: Cliff's delta of 0.1
RATIO = 1.25  # of what is decided, or told: a quarter more, whatever the share (`prior.MOVED`)
SHIFT_OF_SHARE = 0.1  # Cohen's h: 0.5 -> 0.55, 0.1 -> 0.13, 0.01 -> 0.023, 0 -> 0.0025


@dataclass(frozen=True)
class Cycle:
    """What comes round in days. Days here may be weeks or months, of which a report looks at several.

    Attributes:
        week: How many a report looks at: the week that is judged.
        weekdays: After how many a day is like this one again; 1 where all are alike.
        year: After how many a year is over: 52 weeks of days, so that weekdays meet.
    """

    week: int = 7
    weekdays: int = 7
    year: int = 364

    @property
    def most(self) -> int:
        """More than half of a week: one with fewer days is none, and of fewer days none is left out."""
        return self.week // 2 + 1


WEEKLY = Cycle()
A_YEAR = {"day": 364, "week": 52, "month": 12}


def cycle_of(use_case: UseCase) -> Cycle:
    """What comes round in the days that a use case's reports tell of."""
    every = use_case.watched.every
    return Cycle(use_case.report_days, 7 if every == "day" else 1, A_YEAR[every])


@dataclass(frozen=True)
class Days:
    """Statistics of days.

    Attributes:
        on: The days as numbers, ascending, shape (days,).
        values: Shares, or means of variables with variance 1, shape (days, statistics); NaN where a day has
            none.
        rows: Of how many rows each, the same shape.
        cycle: What comes round in them.
    """

    on: Integers
    values: Floats
    rows: Floats
    cycle: Cycle = WEEKLY

    def those(self, chosen: Flags) -> Days:
        """Some of the days."""
        return Days(self.on[chosen], self.values[chosen], self.rows[chosen], self.cycle)


@dataclass(frozen=True)
class Judged:
    """A week's statistics beside what is usual, shape (statistics,) each.

    Attributes:
        value: The week's, as it is judged: without its oddest day.
        usual: Of the weeks (or days) before.
        low, high: Beyond which it is improbable and large.
        far: Its distance from what is usual, in that of the limit.
        periods: How many weeks or days say what is usual.
        by_weeks: Whether these are weeks.
        season: Whether it would be improbable beside the newest weeks, and was usual a year before.
    """

    value: Floats
    usual: Floats
    low: Floats
    high: Floats
    far: Floats
    periods: int
    by_weeks: bool
    season: Flags | None = None

    @property
    def beyond(self) -> Flags:
        """Whether it is improbable and large."""
        return np.asarray(self.far > 1)


@dataclass(frozen=True)
class Prior:
    """How weeks vary in general.

    Attributes:
        ratio: The variance between weeks, in that of the mean of seven independent days; at least 1.
        freedom: So many degrees of freedom it is worth: many where all statistics have about this ratio.
        drift: Which part of a week's variance is a level that goes on from week to week (a random walk).
    """

    ratio: float = 1.0
    freedom: float = 0.0
    drift: float = 0.0


NOTHING_KNOWN = Prior()


def prior(every: Sequence[tuple[Days, Flags]]) -> Prior:
    """How weeks vary, of the statistics of all subjects (Smyth 2004, section 6.2: moments of log ratios).

    Args:
        every: The days before, and which of their statistics are shares.
    """
    ratios, freedoms, steps = [], [], []
    for before, shares in every:
        usual = _weeks(newest(before), shares)
        if usual is not None:
            between, within = usual.values.var(axis=0, ddof=1), usual.within
            varying = (between > TINY) & (within > TINY)
            ratios += (between[varying] / within[varying]).tolist()
            freedoms += [len(usual.values) - 1.0] * int(varying.sum())
            steps += _drifts(usual.values[:, varying] / np.sqrt(between[varying])).tolist()
    if len(ratios) < LEAST_RATIOS:
        return NOTHING_KNOWN
    half = np.array(freedoms) / 2
    logs = np.log(ratios) - special.digamma(half) + np.log(half)
    more = float(logs.var(ddof=1) - special.polygamma(1, half).mean())
    drift = min(max(float(np.mean(steps)), 0.0), 1.0) if steps else 0.0
    if more <= 0:
        return Prior(max(float(np.exp(logs.mean())), 1.0), MOST_FREEDOM, drift)
    freedom = min(2 * _trigamma_inverse(more), MOST_FREEDOM)
    ratio = float(np.exp(logs.mean() + special.digamma(freedom / 2) - np.log(freedom / 2)))
    return Prior(max(ratio, 1.0), freedom, drift)


def _drifts(weeks: Floats) -> Floats:
    """Which part of the variance of weeks is a random walk, by how small their steps are beside it.

    Of n weeks of noise e and a walk of steps h the variance is e + h (n + 1) / 6, and half of the mean
    squared step e + h / 2 (von Neumann 1941, Annals of Mathematical Statistics 12); the variance is 1.

    Args:
        weeks: Shape (weeks, statistics), in deviations.
    """
    n = len(weeks)
    if n < WEEKS_OF_WEEKDAYS:
        return np.zeros(0)
    steps = (np.diff(weeks, axis=0) ** 2).mean(axis=0) / 2
    walk = (n + 1) / 6
    return np.asarray((1 - steps) / (walk - 0.5) * walk)


def _trigamma_inverse(value: float) -> float:
    """The argument at which the trigamma function has a value (Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, x))
        x += trigamma * (1 - trigamma / value) / float(special.polygamma(2, x))
    return x


def newest(before: Days) -> Days:
    """The days that say what the level is."""
    return before.those(before.on > before.on.max(initial=0) - NEWEST * before.cycle.week)


Bounds: TypeAlias = Callable[[chance.Baseline, Floats, float], tuple[Floats, Floats]]


def of_any_share(baseline: chance.Baseline, rows: Floats, probability: float) -> tuple[Floats, Floats]:
    """The angles within which a share is as before."""
    return chance.bounds(baseline, rows, probability, SHIFT_OF_SHARE)


def of_what_is_decided(baseline: chance.Baseline, rows: Floats, probability: float) -> tuple[Floats, Floats]:
    """The same of decisions, or of labels that are told: where one row in a hundred is positive, a quarter
    more is no small change, though Cohen's h is.
    """
    return chance.alarm_bounds(baseline, rows, probability, SHIFT_OF_SHARE, RATIO)


def judge(
    before: Days,
    week: Days,
    shares: Flags,
    probability: float,
    known: Prior = NOTHING_KNOWN,
    bounds: Bounds = of_any_share,
) -> Judged | None:
    """Compare a week with the days before it.

    Args:
        before: Those that say what is usual, with whatever they hold of the year before.
        week: The week's own days.
        shares: Which of the statistics are shares (the others are means).
        probability: Of one statistic of a week beyond its limits by chance.
        known: How weeks vary in general.
        bounds: How far a share has to move to be large.

    Returns:
        None where too few days say what is usual.
    """
    found = _judged(newest(before), week, shares, probability, known, bounds)
    if found is None:
        return None
    cycle = before.cycle
    far, ago = cycle.week * AROUND, week.on.min() - cycle.year
    then = (before.on >= ago - far) & (before.on < ago + cycle.week + far)
    if then.sum() < far:
        return found
    year_ago = _judged(before.those(then), week, shares, probability, known, bounds)
    if year_ago is None:
        return found
    return Judged(
        value=found.value,
        usual=found.usual,
        low=np.minimum(found.low, year_ago.low),
        high=np.maximum(found.high, year_ago.high),
        far=np.fmin(found.far, year_ago.far),
        periods=found.periods,
        by_weeks=found.by_weeks,
        season=found.beyond & ~year_ago.beyond,
    )


def _judged(
    before: Days, week: Days, shares: Flags, probability: float, known: Prior, bounds: Bounds
) -> Judged | None:
    usual = _weeks(before, shares)
    if usual is None:
        if len(before.on) < LEAST_DAYS:
            return None
        values = _filled(scaled(before.values, shares))
        level = chance.baseline(values, before.rows)
        now, n = _without_oddest(None, week, _filled(before.values).mean(axis=0))
    else:
        values, level = usual.values, usual.level(known)
        pooled = mean(before)[0]
        now, n = _without_oddest(before if len(values) >= WEEKS_OF_WEEKDAYS else None, week, pooled)
    there = scaled(now, shares)
    wide = np.maximum(chance.width(level, n, probability), SHIFT_OF_MEAN)
    low, high = bounds(level, n, probability)
    low, high = np.where(shares, low, level.centre - wide), np.where(shares, high, level.centre + wide)
    apart = there - level.centre
    return Judged(
        value=now,
        usual=_unscaled(level.centre, shares),
        low=_unscaled(low, shares),
        high=_unscaled(high, shares),
        far=np.nan_to_num(apart / np.where(apart > 0, high - level.centre, low - level.centre)),
        periods=len(values),
        by_weeks=usual is not None,
    )


@dataclass(frozen=True)
class _Weeks:
    """The weeks of some days, on the scale of their judgement.

    Attributes:
        values, rows: Shape (weeks, statistics), oldest first.
        within: The variance that a week's mean would have, were its days independent, shape (statistics,).
        days: Degrees of freedom of that.
    """

    values: Floats
    rows: Floats
    within: Floats
    days: int

    def level(self, known: Prior) -> chance.Baseline:
        """What they say, with their deviations drawn to what is known of all."""
        plain = chance.baseline(self.values, self.rows)
        freedom = len(self.values) - 1
        between = self.values.var(axis=0, ddof=1)
        worth = min(known.freedom, self.days)
        variance = (worth * known.ratio * self.within + freedom * between) / (worth + freedom)
        # A walk goes on: from the mean of n weeks the next lies (n + 1) (2 n + 1) / 6 n steps off, squared.
        n = len(self.values)
        ahead = known.drift * (2 * n + 1) / n + (1 - known.drift) * (1 + 1 / n)
        variance *= ahead / (1 + 1 / n)
        return replace(
            plain,
            spread=np.sqrt(variance),
            freedom=np.full(variance.shape, max(round(worth + freedom), 1), dtype=np.int64),
        )


def _weeks(before: Days, shares: Flags) -> _Weeks | None:
    """The weeks of some days, counted back from the newest one; None where they are too few."""
    weeks = blocks(before)
    if len(weeks) < LEAST_WEEKS:
        return None
    pooled = [mean(one) for one in weeks]
    values = _filled(scaled(np.stack([value for value, _ in pooled]), shares))
    days = _filled(scaled(before.values, shares))
    groups = 1
    if len(weeks) >= WEEKS_OF_WEEKDAYS:
        weekdays = before.on % before.cycle.weekdays
        there = np.unique(weekdays)
        days, groups = days.copy(), len(there)
        for day in there:
            days[weekdays == day] -= days[weekdays == day].mean(axis=0)
    freedom = max(len(days) - groups, 1)
    spread = ((days - days.mean(axis=0)) ** 2).sum(axis=0) / freedom
    size = np.mean([len(one.on) for one in weeks])
    return _Weeks(values, np.stack([n for _, n in pooled]), spread / size, freedom)


def blocks(before: Days) -> list[Days]:
    """The weeks of some days that have enough of them, counted back from the newest one, the oldest first."""
    of = (before.on.max(initial=0) - before.on) // before.cycle.week
    found, counts = np.unique(of, return_counts=True)
    return [before.those(of == block) for block in found[counts >= before.cycle.most][::-1]]


def periods(before: Days, shares: Flags) -> tuple[Floats, Floats] | None:
    """The weeks of some days, or the days where weeks are few, as they are judged, and their rows, shape
    (periods, statistics).
    """
    weeks = blocks(before)
    if len(weeks) > LEAST_FOR_JOINT:
        pooled = [mean(one) for one in weeks]
        values = scaled(np.stack([value for value, _ in pooled]), shares)
        return _filled(values), np.stack([n for _, n in pooled])
    return (_filled(scaled(before.values, shares)), before.rows) if len(before.on) >= LEAST_DAYS else None


def mean(days: Days) -> tuple[Floats, Floats]:
    """The mean over the days' rows, and how many these are, shape (statistics,) each; NaN of no rows."""
    rows = np.where(np.isnan(days.values), 0.0, days.rows)
    total = rows.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return (rows * np.nan_to_num(days.values)).sum(axis=0) / total, total


def _without_oddest(before: Days | None, week: Days, level: Floats) -> tuple[Floats, Floats]:
    """The week's mean without the day that lies farthest from what is usual on its weekday.

    Args:
        before: Days that tell what is usual on a weekday; None: the same on all of them.
        week: The days of the week.
        level: What is usual, shape (statistics,).
    """
    value, rows = mean(week)
    if len(week.on) < week.cycle.most:
        return value, rows
    of_weekday = np.broadcast_to(level, week.values.shape)
    if before is not None:
        n = before.cycle.weekdays
        usual = {day: mean(before.those(before.on % n == day))[0] for day in range(n)}
        told = np.stack([usual[int(day % n)] for day in week.on])
        of_weekday = np.where(np.isnan(told), level, told)
    apart = week.values - of_weekday
    weight = np.where(np.isnan(apart), 0.0, week.rows)
    oddest = np.nan_to_num(np.abs(apart)).argmax(axis=0)
    weight[oddest, np.arange(weight.shape[1])] = 0.0
    kept = weight.sum(axis=0)
    # What is left, as if each weekday's own level were in it as often as in other weeks.
    with np.errstate(invalid="ignore"):
        moved = (weight * np.nan_to_num(apart)).sum(axis=0) / kept
    return np.where(kept > 0, level + moved, value), np.where(kept > 0, kept, rows)


def _filled(values: Floats) -> Floats:
    """Days without a value lie at the mean of the others, where they say nothing."""
    if not np.isnan(values).any():
        return values
    there = ~np.isnan(values)
    usual = np.nansum(values, axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.where(there, values, np.where(there.any(axis=0), usual, np.nan))


def scaled(values: Floats, shares: Flags) -> Floats:
    """Shares by their angles, on which chance is the same everywhere."""
    return np.where(shares, chance.angle(values), values)


def _unscaled(values: Floats, shares: Flags) -> Floats:
    return np.where(shares, chance.share(values), values)


def alarms_apart(days: Sequence[int], alarms: Sequence[tuple[int, int]]) -> Flags:
    """Which days lie in none of the weeks that were an alarm."""
    return np.array([not any(first <= day <= last for first, last in alarms) for day in days], dtype=np.bool_)
