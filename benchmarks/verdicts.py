"""Every verdict about a model beside what was once measured of it: on planted truth, by the very functions.

Run as `python -m benchmarks.verdicts [draws]`. Each line is one verdict: what it claims, what it did when it
was first looked at (by the same kind of data), and what it does now, over so many draws (years: a tenth of
them). What each verdict does in more worlds is told by a benchmark of its own, whose name stands beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.special import expit, logit

from benchmarks import drift_years, estimates, performance, promotions, retraining
from pipelines.core.policies import MaxRecall
from pipelines.model import calibration
from tests.helpers import planted
from tests.model.test_calibration import misplaced, overconfident

FRESH = 300_000  # the first seed: others than those of the benchmarks beside


@dataclass(frozen=True)
class Verdict:
    """One line.

    Attributes:
        verdict: What is judged.
        case: On which data.
        before: What was measured first.
        now: What is measured, of so many draws.
        more: The benchmark that tells more.
    """

    verdict: str
    case: str
    before: str
    now: Callable[[int], str]
    more: str


def share(found: float, of: float) -> str:
    """In per cent."""
    return f"{100 * found / max(of, 1):.0f} % of {of:.0f}"


# --- performance, drift


def reversed_concept(world: performance.World, draws: int) -> str:
    """How often a week whose scores mean the opposite is red, once its labels are due."""
    found = 0
    for seed in range(draws):
        rows = performance.drawn(
            world, performance.HELD_OUT + performance.WEEK, np.random.default_rng([FRESH, seed])
        )
        before, now = (
            rows.of(0, performance.HELD_OUT),
            rows.of(performance.HELD_OUT, performance.WEEK),
        )
        turned = replace(now, score=1 - now.score)
        found += performance.red(
            performance.judged(before, "aucpr", performance.HELD_OUT),
            performance.judged(turned, "aucpr", performance.WEEK),
            "aucpr",
            performance.MAX_LOSS * performance.lead(world, "aucpr"),
        )
    return f"red in {share(found, draws)} weeks"


@cache
def spoilt_by(world: performance.World, points: float) -> float:
    """The share of scores that has to be another row's, for so many points of AUCPR to be lost."""
    low, high = 0.0, 1.0
    for _ in range(8):
        middle = (low + high) / 2
        low, high = (middle, high) if performance.loss(world, "aucpr", middle) < points else (low, middle)
    return high


def three_points(rows: int) -> Callable[[int], str]:
    """How often a loss of three points is red within two weeks of its labels, where none is allowed."""

    def told(draws: int) -> str:
        world, found = performance.World(rows), 0
        spoilt = spoilt_by(world, 0.03)
        for seed in range(draws):
            random = np.random.default_rng([FRESH, seed, rows])
            every = performance.drawn(world, performance.HELD_OUT + 2 * performance.WEEK, random)
            before = performance.judged(every.of(0, performance.HELD_OUT), "aucpr", performance.HELD_OUT)
            weeks = [
                performance.spoilt(
                    every.of(performance.HELD_OUT + n * performance.WEEK, performance.WEEK), spoilt, random
                )
                for n in range(2)
            ]
            found += any(
                performance.red(before, performance.judged(week, "aucpr", performance.WEEK), "aucpr", 0.0)
                for week in weeks
            )
        return f"red within 2 weeks in {share(found, draws)}"

    return told


@cache
def changes(draws: int) -> list[dict[str, bool]]:
    """What the drift report finds, of 1,000 rows a day."""
    return [drift_years.found_changes(1_000, FRESH + seed) for seed in range(max(draws // 5, 4))]


def sees(change: str) -> Callable[[int], str]:
    """How often a change is found in its first week."""
    return lambda draws: (
        f"found in {share(sum(one[change] for one in changes(draws)), len(changes(draws)))} weeks"
    )


def cries_wolf(name: str) -> Callable[[int], str]:
    """The red and amber weeks of a year without change."""

    def told(draws: int) -> str:
        world, reference = drift_years.WORLDS[name]
        years = [drift_years.year(world, reference, FRESH + seed) for seed in range(max(draws // 10, 2))]
        red, amber = (np.mean([year[n] for year in years]) for n in (0, 1))
        return f"{red:.2f} red weeks a year ({len(years)} years), {amber:.1f} amber"

    return told


def estimated(name: str) -> Callable[[int], str]:
    """How often the interval of an estimate holds what its labels say later."""

    def told(draws: int) -> str:
        world, random = estimates.WORLDS[name], np.random.default_rng(FRESH)
        every = [estimates.draw(world, random)["aucpr"] for _ in range(draws)]
        found = [one for one in every if one]
        held = sum(low <= truth <= high for _, low, high, truth in found)
        return f"the interval holds the truth in {share(held, len(found))} weeks"

    return told


def calls(world: retraining.World, weeks: int) -> Callable[[int], str]:
    """How often a training is called for by so many labelled weeks of what is new."""

    def told(draws: int) -> str:
        years = [retraining.called(world, weeks, FRESH + seed)[-1] for seed in range(max(draws // 4, 4))]
        return f"called for in {share(sum(years), len(years))}"

    return told


# --- at training


def promised(positives: int) -> Callable[[int], str]:
    """How often a precision of one half is kept on new rows."""

    def told(draws: int) -> str:
        found = planted.choices(
            planted.independent(-4, 2),
            MaxRecall(policy="max_recall", precision=0.5),
            positives,
            2 * draws,
            lambda precision, _: precision >= 0.5,
        )
        kept = share(found.chosen - found.broken, found.chosen)
        return f"kept in {kept} choices, refused in {found.draws - found.chosen} of {found.draws}"

    return told


def noise(draws: int) -> str:
    """How often scores that say nothing 'reach' a precision of one half."""
    policy = MaxRecall(policy="max_recall", precision=0.5)
    found = planted.choices(planted.noise(0.3), policy, 600, 2 * draws, lambda *_: False)
    return f"reached in {share(found.chosen, found.draws)} draws"


def narrow(draws: int) -> str:
    """What is told where the scores lie in a narrow range."""
    told, true = [], []
    for seed in range(draws):
        y, _, score = misplaced("narrow", 2_000, FRESH + seed)
        _, truth, fresh = misplaced("narrow", 2_000, 2 * FRESH + seed)
        top = np.argmax(fresh)
        told.append(float(calibration.fit("sigmoid", y, score).of_scores(fresh)[top]))
        true.append(float(truth[top]))
    return f"{np.mean(told):.3f} told where {np.mean(true):.3f} is true"


def healthy(draws: int) -> str:
    """How often scores that need no calibration get one, and are worse by it on fresh rows."""
    used = worse = 0
    for seed in range(draws):
        y, score = overconfident(2_000, FRESH + seed)
        fresh, its = overconfident(50_000, 2 * FRESH + seed)
        score, its = expit(logit(score) / 2), expit(logit(its) / 2)
        n = np.arange(len(y))
        line = calibration.learn("sigmoid", y, score, n % 5, n, margins=True).line
        if line is not None:
            used += 1
            worse += ((line.of_scores(its) - fresh) ** 2).mean() > ((its - fresh) ** 2).mean()
    return f"calibrated in {share(used, draws)}, worse by it in {share(worse, draws)}"


def no_better(name: str) -> Callable[[int], str]:
    """How many looks, and years, promote a challenger that is truly no better."""

    def told(draws: int) -> str:
        world = promotions.NO_BETTER[name]
        years = [promotions.year(world, FRESH + seed) for seed in range(max(draws // 5, 4))]
        false, looks = sum(year.false for year in years), sum(year.looks for year in years)
        with_one = share(sum(year.false > 0 for year in years), len(years))
        return f"{100 * false / looks:.2f} % of {looks:,} looks, {with_one} years"

    return told


EVERY = (
    Verdict(
        "performance, once labels are due",
        "concept reversed, 500 rows a day",
        "never computed if labels need 8 days or more",
        lambda draws: reversed_concept(performance.WORLDS["independent rows, 500"], draws),
        "performance",
    ),
    Verdict(
        "",
        "the same, 1 % positive, 2,000 rows",
        "the same",
        lambda draws: reversed_concept(performance.WORLDS["1 % positive, 2,000 rows"], draws),
        "performance",
    ),
    *(
        Verdict(
            "",
            f"3 points of AUCPR lost, {rows:,} rows a day",
            "the same",
            three_points(rows),
            "performance",
        )
        for rows in (500, 5_000, 20_000)
    ),
    Verdict(
        "performance, before labels come",
        "200 rows a day, 8 % positive",
        "nothing was told",
        estimated("200 rows a day, 8 %"),
        "estimates",
    ),
    Verdict(
        "drift",
        "labels go from 17 to 60 %, by the score",
        "green",
        sees("score, prior 17 -> 60 %"),
        "drift_years",
    ),
    Verdict("", "a feature is all zero", "green", sees("all zero"), "drift_years"),
    Verdict("", "a feature times 10", "green", sees("times 10"), "drift_years"),
    Verdict("", "ten of 24 features move 3 sd", "green", sees("ten of 24 features, 3 sd"), "drift_years"),
    Verdict(
        "",
        "moved by 5 sd, one outlier before",
        "found in 0 %",
        sees("moved by 5 sd, outlier"),
        "drift_years",
    ),
    Verdict("", "a heavy tail doubled", "found in 37 %", sees("heavy tail, doubled"), "drift_years"),
    Verdict("", "all 200 values are new", "found in 0 %", sees("200 values, all new"), "drift_years"),
    Verdict(
        "false alarms of drift",
        "20 customers",
        "75 % of weeks (a feature each)",
        cries_wolf("20 customers, 500 rows"),
        "drift_years",
    ),
    Verdict("", "days vary", "58 % of weeks", cries_wolf("days vary by 0.2"), "drift_years"),
    Verdict(
        "", "a yearly season", "up to 96 % of weeks", cries_wolf("a yearly season of 0.5"), "drift_years"
    ),
    Verdict(
        "retraining",
        "nothing changed, an alarm all the year",
        "each red week called for one",
        calls(retraining.STATIONARY["300 rows a day"], retraining.YEAR),
        "retraining",
    ),
    Verdict(
        "",
        "concept reversed, 5 weeks labelled",
        "the first had no day of what was new",
        calls(retraining.CHANGED["reversed, xgboost"], 5),
        "retraining",
    ),
    Verdict("precision of at least 0.5", "1,000 positives", "kept in 49 %", promised(1_000), "thresholds"),
    Verdict("", "55 positives", "kept in 25 %", promised(55), "thresholds"),
    Verdict("", "pure noise, 30 % positive", "reached in 41 %", noise, "thresholds"),
    Verdict(
        "calibration", "scores of a narrow range", "0.027 told where 0.808 is true", narrow, "calibration"
    ),
    Verdict("", "a healthy model", "made worse", healthy, "calibration"),
    Verdict(
        "promotion, truly no better",
        "weekly looks, 56 positives",
        "2.0 % of looks",
        no_better("weekly, 56 positives"),
        "promotions",
    ),
    Verdict("", "3 positives", "9 % of looks", no_better("weekly, 3 positives"), "promotions"),
    Verdict("", "40 customers", "14 to 25 % of looks", no_better("weekly, 40 customers"), "promotions"),
)


def lines(draws: int) -> Iterator[str]:
    """The table."""
    yield f"{'verdict':34}{'case':44}{'before':46}{'now':58}see"
    for one in EVERY:
        yield f"{one.verdict:34}{one.case:44}{one.before:46}{one.now(draws):58}{one.more}"


def main(draws: int) -> None:
    """Print the table."""
    for line in lines(draws):
        print(line, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
