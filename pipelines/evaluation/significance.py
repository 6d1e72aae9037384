"""The rules by which held-out rows speak for a challenger: by intervals of what it gains, overall and in each
slice.

A difference on some thousand rows is partly chance, and so is the seed of a training. A challenger is better
if the whole interval of its gain lies above the margin: of a hundred challengers that are no better than the
champion, two or three get through at a confidence of 0.95. It harms a slice if the whole interval there lies
below what may be lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from pipelines.core.metrics import by_name
from pipelines.evaluation.verdict import PromotionRule
from pipelines.metrics import metrics
from pipelines.metrics.bootstrap import LEAST_UNITS, Interval, interval
from pipelines.metrics.metrics import Floats

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


def with_seed_variance(drawn: Floats, across_seeds: tuple[float, ...], seed: int) -> Floats:
    """Add to draws of a metric what other seeds of the training do to it.

    Twice their variance: the champion's training had its luck, too. It is known from a few trainings only,
    hence Student's t (see Nadeau and Bengio 2003 on what rows alone do not tell; Bouthillier et al. 2021 on
    seeds).

    Args:
        drawn: The challenger's metric on draws of the rows.
        across_seeds: The same metric of models that differ in their seed only; fewer than two say nothing.
        seed: Of the random numbers.
    """
    if len(across_seeds) < 2:
        return drawn
    # A stream of its own: these numbers must not be those that have drawn the rows.
    random = np.random.default_rng([seed, 1])
    spread = np.sqrt(2) * np.std(across_seeds, ddof=1)
    return np.asarray(drawn + spread * random.standard_t(len(across_seeds) - 1, size=len(drawn)))


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
            sentence += f": not surely more than {f'the margin of {margin:g}' if margin else 'nothing'}"
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
    )


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
        confidence: The intervals'.

    Returns:
        A rule a slice that is harmed; else one that says how many were judged. And one that does not hold for
        each column of
        whose slices none can be judged: a check that was declared and cannot be made is none that was passed.
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
        sentence = (
            f"no slice is surely worse than {other} by more than {may_lose:g} ({len(judged)} judged{left})"
        )
        yield PromotionRule(name="slices", holds=True, sentence=sentence)


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
    return f"{confidence:.0%} interval {found.low:+.4f} to {found.high:+.4f}"
