"""How true a model's probabilities are on held-out rows, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.evaluation.verdict import PromotionRule
from pipelines.metrics.bootstrap import LEAST_UNITS, Codes, Interval
from pipelines.metrics.metrics import Floats

BINS = 10  # of about equal numbers of rows
DRAWS = 1_000
MOST_EXPECTED = 1.25  # positive rows for each that was seen, and as few the other way


@dataclass(frozen=True)
class Reliability:
    """How far probabilities are from the truth.

    Attributes:
        error: The expected calibration error, see `calibration_error`, with its interval; NaN where too few
            units are there to draw one from.
        ratio: How many positive rows the probabilities expect for each that was seen, the same way.
    """

    error: Interval
    ratio: Interval


def calibration_error(y: Floats, score: Floats) -> float:
    """The expected calibration error: the mean distance of probability and truth, in ten bins of about
    equally many rows (Naeini et al. 2015).

    Rows of one score are in one bin, so the order of rows does not matter.

    Args:
        y: The truth, shape (n,): 0 or 1.
        score: Probabilities, shape (n,).
    """
    gaps = np.bincount(_bins(score), weights=score - y, minlength=BINS)
    return float(np.abs(gaps).sum() / len(y))


def reliability(y: Floats, score: Floats, units: Codes, confidence_level: float, seed: int) -> Reliability:
    """Measure with intervals, from draws of the units.

    A distance is never negative, so chance alone makes the error greater, and of draws twice as much: what
    the draws add on average is taken off (Efron and Tibshirani 1993, chapter 10).

    Args:
        y: The truth, shape (n,): 0 or 1, both there.
        score: Probabilities, shape (n,).
        units: What is drawn together, shape (n,): 0, 1, 2, ...
        confidence_level: Of the intervals.
        seed: Of the draws.
    """
    there = int(units.max()) + 1
    ratio = float(score.sum() / y.sum())
    if there < LEAST_UNITS:
        return Reliability(
            Interval(calibration_error(y, score), np.nan, np.nan), Interval(ratio, np.nan, np.nan)
        )
    sums = np.zeros((there, BINS + 3))
    np.add.at(sums, (units, _bins(score)), score - y)
    for column, values in enumerate((score, y, np.ones(len(y))), start=BINS):
        sums[:, column] = np.bincount(units, weights=values, minlength=there)
    random = np.random.default_rng([seed, 2])
    drawn = np.stack(
        [
            np.bincount(random.integers(there, size=there), minlength=there).astype(np.float64) @ sums
            for _ in range(DRAWS)
        ]
    )
    errors, ratios = _error(drawn), _ratio(drawn)
    found = float(_error(sums.sum(axis=0)[np.newaxis])[0])
    chance = float(errors.mean()) - found
    ends = [(1 - confidence_level) / 2, (1 + confidence_level) / 2]
    error = max(found - chance, 0.0)
    low, high = (float(end) - 2 * chance for end in np.quantile(errors, ends))
    # Near nothing the draws lie on one side of it: the lower end is then as far away as the upper one.
    low = max(min(low, 2 * error - high), 0.0)
    ratio_low, ratio_high = (float(end) for end in np.quantile(ratios, ends))
    return Reliability(Interval(error, low, high), Interval(ratio, ratio_low, ratio_high))


def rule(error: Interval, ratio: Interval, allowed: float, confidence_level: float) -> PromotionRule:
    """The calibration error must surely be no greater than allowed: the whole interval lies below. And the
    probabilities must not surely expect too many or too few positive rows, which in a rare event's errors
    does not show.

    Judged by its value alone, a model whose error is a little too great would be let through in two of five
    trainings; by the lower end of its interval, in nine of ten (`benchmarks/calibration.py`).
    """
    whole = f"{confidence_level:.0%} interval"
    if not np.isfinite(error.high):
        holds = False
        sentence = (
            f"no interval of the calibration error ({error.value:.4f}) can be drawn: give it more held-out"
            f" rows, or a smaller promotion.unit, of which {LEAST_UNITS} are needed"
        )
    else:
        near = not (ratio.low > MOST_EXPECTED or ratio.high < 1 / MOST_EXPECTED)
        holds = error.high <= allowed and near
        sentence = f"calibration error {error.value:.4f} ({whole} {error.low:.4f} to {error.high:.4f}), "
        if error.low > allowed:
            sentence += f"but at most {allowed:g} allowed"
        elif error.high > allowed:
            sentence += f"not surely at most {allowed:g}, which is allowed: more held-out rows would tell"
        else:
            sentence += f"at most {allowed:g} allowed"
        if not near:
            sentence += (
                f"; it expects {ratio.value:.2f} positive rows for each that was seen ({whole}"
                f" {ratio.low:.2f} to {ratio.high:.2f}), at most {MOST_EXPECTED:g} and at least"
                f" {1 / MOST_EXPECTED:g} allowed"
            )
    return PromotionRule(
        name="calibration",
        holds=holds,
        sentence=sentence,
        found=error.value,
        low=error.low if np.isfinite(error.low) else None,
        high=error.high if np.isfinite(error.high) else None,
        allowed=allowed,
    )


def _bins(score: Floats) -> Codes:
    """Which bin each row is in: rows of one score in that of the first of them."""
    before = np.searchsorted(np.sort(score), score, side="left")
    return np.asarray(before * min(BINS, len(score)) // len(score), dtype=np.int64)


def _error(sums: Floats) -> Floats:
    return np.asarray(np.abs(sums[:, :BINS]).sum(axis=1) / sums[:, BINS + 2])


def _ratio(sums: Floats) -> Floats:
    expected, seen = sums[:, BINS], sums[:, BINS + 1]
    return np.asarray(np.divide(expected, seen, out=np.full(len(seen), np.inf), where=seen > 0))
