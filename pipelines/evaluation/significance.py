"""The rules by which held-out rows speak for a challenger: by intervals of what it gains, overall and in each
slice.

A difference on some thousand rows is partly chance, and so is the seed of a training. A challenger is better
if the whole interval of its gain lies above the margin, at the level of this look (`look`). It harms a slice
if the whole interval there lies below what may be lost, at a level that makes up for the number of slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from pipelines.core.metrics import by_name
from pipelines.evaluation.verdict import PromotionRule
from pipelines.metrics import metrics
from pipelines.metrics.bootstrap import ENOUGH, LEAST_UNITS, Interval, interval, t_interval
from pipelines.metrics.metrics import Floats

# What a row does to a ranking or a squared error has heavy tails (a kurtosis of about five), and its variance
# is known as well as that of half as many normal ones: by 2 / (n - 1) + (kurtosis - 3) / n.
KURTOSIS_COSTS = 2
SAME = 5e-5  # of a metric: where no more than this is between two models, it is not worth a digit


def gain(
    metric: str,
    value: float | None,
    other: float | None,
    drawn: Floats | None,
    others: Floats | None,
    confidence: float,
) -> Interval | None:
    """By how much a model is better than another one on the same rows, and how sure that is.

    None where a value is missing.

    Args:
        metric: What they were measured by.
        value: The model's, on all rows.
        other: The other one's.
        drawn: The model's on draws of the rows, shape (draws,).
        others: The other one's, on the same draws.
        confidence: See `bootstrap.interval`.
    """
    if value is None or other is None or drawn is None or others is None:
        return None
    sign = 1 if by_name(metric).greater_is_better else -1
    return interval(metrics.gain(metric, value, other), sign * (drawn - others), confidence)


@dataclass(frozen=True)
class Gain:
    """What a model gains over another one, and how sure that is, before any level is asked for.

    Attributes:
        value: On the rows themselves; positive is better.
        variance: Of the draws, and of other seeds.
        degrees: Of freedom, with which that is known.
    """

    value: float
    variance: float
    degrees: float

    def interval(self, confidence_level: float) -> Interval:
        """Student's t interval."""
        return t_interval(self.value, self.variance, self.degrees, confidence_level)


def paired_gain(
    metric: str,
    values: tuple[float | None, float | None],
    drawn: tuple[Floats | None, Floats | None],
    units: float,
    across_seeds: tuple[float, ...] = (),
) -> Gain | None:
    """What the first of two models gains over the second one, with the variance of rows and of seeds.

    To the variance of the draws comes twice that of other seeds of the training: the champion's had its luck,
    too (Bouthillier et al. 2021). Each is known with its own degrees of freedom, as few units and five seeds
    give; the sum has Satterthwaite's (1946).

    Args:
        metric: What they were measured by.
        values: Theirs on all rows.
        drawn: Theirs on the same draws of the rows, shape (draws,) each.
        units: The effective number of units, see `bootstrap.effective_units`.
        across_seeds: The metric of models that differ from the first in their seed only; fewer than two say
            nothing.

    Returns:
        None where a value, or too many of the draws, do not exist.
    """
    value, other = values
    if value is None or other is None or drawn[0] is None or drawn[1] is None:
        return None
    apart = drawn[0] - drawn[1]
    if np.isfinite(apart).mean() < ENOUGH:
        return None
    # Draws vary around the units that there are, and those around the truth: Bessel's correction.
    small = units / max(units - 1, 1.0)
    known = max((units - 1) / KURTOSIS_COSTS, 1.0)
    parts = [(float(np.nanvar(apart, ddof=1)) * small, known)]
    if len(across_seeds) > 1:
        parts.append((2 * float(np.var(across_seeds, ddof=1)), len(across_seeds) - 1.0))
    variance = sum(part for part, _ in parts)
    weights = sum(part**2 / degrees for part, degrees in parts)
    degrees = variance**2 / weights if weights > 0 else parts[0][1]
    return Gain(metrics.gain(metric, value, other), variance, degrees)


def better(
    name: str, other: str, metric: str, found: Interval | None, margin: float, confidence: float, rows: int
) -> PromotionRule:
    """The challenger must be better than another model by more than the margin, and surely so.

    Args:
        name: The rule's: `baseline` or `champion`.
        other: The other model as a person calls it.
        metric: The primary metric.
        found: The gain.
        margin: What the interval must lie above.
        confidence: The interval's.
        rows: How many rows there are.
    """
    if found is None:
        sentence = (
            f"no interval of {metric} against {other} can be drawn from {rows:,} held-out rows: give it"
            f" more of them, or a smaller promotion.unit, of which {LEAST_UNITS} are needed"
        )
        return PromotionRule(name=name, holds=False, sentence=sentence, rows=rows)
    holds = found.low > margin
    if max(abs(found.low), abs(found.high)) < SAME:
        sentence = f"as good as {other}: the same {metric}"
    else:
        side = "better" if found.value > 0 else "worse" if found.value < 0 else "no better"
        sentence = (
            f"{side} than {other} by {abs(found.value):.4f} {metric} ({_interval_text(found, confidence)})"
        )
        if found.value > 0 and not holds:
            sentence += f": not surely more than {f'the margin of {margin:.3g}' if margin else 'nothing'}"
    sentence = f"on the held-out rows {sentence}"
    return PromotionRule(
        name=name,
        holds=holds,
        sentence=sentence,
        found=found.value,
        low=found.low,
        high=found.high,
        allowed=margin,
        rows=rows,
        level=confidence,
    )


def slices_level(confidence: float, judged: int) -> float:
    """The level of each slice's interval by which of a hundred challengers that harm none, half as many as a
    level of a hundred leaves are stopped: two or three at 0.95.

    Bonferroni's. Holm's (1979) stops the same ones: its first step is the same, and one harmed slice is
    enough.

    Args:
        confidence: Of all slices together.
        judged: How many there are.
    """
    return 1 - (1 - confidence) / max(judged, 1)


def slices(
    found: Mapping[str, tuple[int, Interval | None]],
    other: str,
    metric: str,
    may_lose: float,
    least: int,
    confidence: float,
) -> Iterator[PromotionRule]:
    """No slice may be surely worse than another model by more than is allowed.

    Args:
        found: Slice (`column=value`) -> rows, and the gain there; None where the metric has no value, as with
            one class.
        other: The other model as a person calls it.
        metric: The primary metric.
        may_lose: What a slice may lose.
        least: A slice with fewer rows is not judged.
        confidence: The intervals', see `slices_level`.

    Returns:
        A rule a slice that is harmed; else one that says how many were judged, and what loss cannot be ruled
        out. And one that does not hold for each column of whose slices none can be judged: a check that was
        declared and cannot be made is none that was passed.
    """
    judged = {
        part: (rows, lost) for part, (rows, lost) in found.items() if rows >= least and lost is not None
    }
    harmed = {part: (rows, lost) for part, (rows, lost) in judged.items() if lost.high < -may_lose}
    for part, (rows, lost) in harmed.items():
        yield _harm(part, rows, lost, other, metric, may_lose, confidence)
    columns: dict[str, list[str]] = {}
    for part in found:
        columns.setdefault(part.partition("=")[0], []).append(part)
    blind = {column: parts for column, parts in columns.items() if judged.keys().isdisjoint(parts)}
    for column, parts in blind.items():
        sentence = (
            f"no slice of {column} can be judged: each of {len(parts)} has fewer than {least} rows or"
            " too few of a class: give it more held-out rows, a smaller promotion.slice_rows, or leave"
            f" {column} out of slices"
        )
        yield PromotionRule(name=f"slices {column}", holds=False, sentence=sentence, allowed=float(least))
    if found and not harmed and not blind:
        few = len(found) - len(judged)
        left = f"; {few} with too few rows were not judged" if few else ""
        part, (_, least_sure) = min(judged.items(), key=lambda one: one[1][1].low)
        sentence = (
            f"no slice is surely worse than {other} by more than {may_lose:g} ({len(judged)} judged{left})"
        )
        if least_sure.low < 0:
            sentence += (
                f"; a loss of up to {-least_sure.low:.4f} {metric} where {part} cannot be ruled out"
                f" ({_level_text(confidence)} interval)"
            )
        yield PromotionRule(
            name="slices",
            holds=True,
            sentence=sentence,
            found=least_sure.value,
            low=least_sure.low,
            high=least_sure.high,
            allowed=-may_lose,
            level=confidence,
        )


def _harm(
    part: str, rows: int, lost: Interval, other: str, metric: str, may_lose: float, confidence: float
) -> PromotionRule:
    sentence = (
        f"worse than {other} where {part}, by {-lost.value:.4f} {metric} ({_interval_text(lost, confidence)},"
        f" {rows:,} rows); allowed {may_lose:g}"
    )
    return PromotionRule(
        name=f"slice {part}",
        holds=False,
        sentence=sentence,
        found=lost.value,
        low=lost.low,
        high=lost.high,
        allowed=-may_lose,
        rows=rows,
        level=confidence,
    )


def size(found: int, allowed: float | None) -> PromotionRule | None:
    """The graph must not have more bytes than allowed, in megabytes, where something is said about it."""
    if allowed is None:
        return None
    megabytes = found / 1e6
    sentence = (
        f"the graph has {megabytes:.2f} MB, {'at most' if megabytes <= allowed else 'but at most'}"
        f" {allowed:g} allowed"
    )
    return PromotionRule(
        name="size", holds=megabytes <= allowed, sentence=sentence, found=megabytes, allowed=allowed
    )


def speed(found: float | None, asked: float | None) -> PromotionRule | None:
    """The graph must score as many rows a second as is asked for, where something is said about it."""
    if asked is None:
        return None
    if found is None:
        return PromotionRule(
            name="speed",
            holds=False,
            sentence="its speed was not measured: run the step export again",
            allowed=asked,
        )
    sentence = (
        f"it scores {found:,.0f} rows a second, {'at least' if found >= asked else 'but at least'}"
        f" {asked:,.0f} asked"
    )
    return PromotionRule(name="speed", holds=found >= asked, sentence=sentence, found=found, allowed=asked)


def _interval_text(found: Interval, confidence: float) -> str:
    return f"{_level_text(confidence)} interval {found.low:+.4f} to {found.high:+.4f}"


def _level_text(confidence: float) -> str:
    """A level in per cent, its distance from a hundred to two digits: 95%, 99.84%, 99.978%."""
    left = 100 * (1 - confidence)
    return f"{100 - float(f'{left:.2g}'):.10g}%"
