"""Rows with scores whose truth is planted, as tests and `benchmarks.thresholds` draw them: what a promise is
worth is counted on a large fresh sample of the same world.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from pipelines.core.policies import Policy, Unreachable
from pipelines.metrics import threshold

Floats: TypeAlias = npt.NDArray[np.float64]
Units: TypeAlias = npt.NDArray[np.int64]
Rows: TypeAlias = tuple[Floats, Floats, Units]  # truth, score, unit
World: TypeAlias = Callable[[np.random.Generator, int], Rows]

FRESH = 400_000


def independent(mean: float, spread: float, bent: float = 1.0) -> World:
    """Each row is a unit; a score is the truth's probability, its logit `bent` times as far from nothing."""

    def rows(random: np.random.Generator, n: int) -> Rows:
        certainty = random.normal(mean, spread, n)
        return (
            (random.random(n) < expit(certainty)) * 1.0,
            expit(bent * certainty),
            np.arange(n, dtype=np.int64),
        )

    return rows


def noise(share: float) -> World:
    """Scores that say nothing."""

    def rows(random: np.random.Generator, n: int) -> Rows:
        y: Floats = (random.random(n) < share).astype(np.float64)
        return y, random.random(n), np.arange(n, dtype=np.int64)

    return rows


def customers(mean: float, spread: float, own: float, rows_each: float) -> World:
    """Customers with a habit that no feature tells (`own`, in logits), of geometric numbers of rows."""

    def rows(random: np.random.Generator, n: int) -> Rows:
        each = random.geometric(1 / rows_each, max(int(n / rows_each), 20))
        unit = np.repeat(np.arange(len(each)), each)
        certainty = random.normal(mean, spread / 2**0.5, len(each))[unit]
        certainty = certainty + random.normal(0, spread / 2**0.5, len(unit))
        truth = expit(certainty + random.normal(0, own, len(each))[unit])
        return (random.random(len(unit)) < truth) * 1.0, expit(certainty), unit

    return rows


def days(mean: float, spread: float, own: float, number: int) -> World:
    """Days of which each has its own level that no feature tells (`own`, in logits)."""

    def rows(random: np.random.Generator, n: int) -> Rows:
        there = number if n < FRESH // 2 else 4_000
        unit, certainty = random.integers(there, size=n), random.normal(mean, spread, n)
        truth = expit(certainty + random.normal(0, own, there)[unit])
        return (random.random(n) < truth) * 1.0, expit(certainty), unit

    return rows


@dataclass(frozen=True)
class Truth:
    """What decisions are worth on a large fresh sample.

    Attributes:
        score: Falling.
        precision: From each score on.
        recall: From each score on.
        share: Of the rows that are positive.
    """

    score: Floats
    precision: Floats
    recall: Floats
    share: float

    def at(self, cut: float) -> tuple[float, float]:
        """Precision and recall of a threshold."""
        last = max(int(np.searchsorted(-self.score, -cut, side="right")) - 1, 0)
        return float(self.precision[last]), float(self.recall[last])


@cache
def truth_of(world: World) -> Truth:
    """Draw the fresh sample."""
    y, score, _ = world(np.random.default_rng(99), FRESH)
    order = np.argsort(-score)
    right = np.cumsum(y[order])
    return Truth(score[order], right / np.arange(1, len(y) + 1), right / right[-1], float(y.mean()))


@dataclass(frozen=True)
class Choices:
    """What came of many trainings.

    Attributes:
        draws: How many.
        chosen: In how many a threshold was chosen.
        broken: In how many of them the promise is not kept on the fresh sample.
        recall: The mean on the fresh sample; 0 where nothing was chosen.
        precision: The mean of those that were chosen.
    """

    draws: int
    chosen: int
    broken: int
    recall: float
    precision: float


def choices(
    world: World, policy: Policy, positives: int, draws: int, keeps: Callable[[float, float], bool]
) -> Choices:
    """Choose on fresh draws of rows, about so many of them positive, and look at what is kept.

    Args:
        world: Gives rows.
        policy: Chooses.
        positives: The expected number.
        draws: How many.
        keeps: Whether a true precision and recall keep the promise.
    """
    truth, random = truth_of(world), np.random.default_rng(1)
    found: list[tuple[float, float]] = []
    for _ in range(draws):
        y, score, unit = world(random, int(positives / truth.share))
        if len(np.unique(y)) < 2:
            continue
        try:
            found.append(truth.at(threshold.choose(policy, y, score, units=unit)))
        except Unreachable:
            continue
    broken = sum(not keeps(*each) for each in found)
    precision = float(np.mean([each[0] for each in found])) if found else float("nan")
    return Choices(draws, len(found), broken, sum(each[1] for each in found) / draws, precision)
