"""Whether there are more or fewer positive labels than there were, and whether scores still say how many:
rows of the table `drift`, by which a moved prior is told from another concept.

Where only the share of positives moves, the order of scores says as much as before, and probabilities are off
by one factor of the odds (Saerens, Latinne and Decaestecker 2002): a threshold and a curve mend that, and no
new model is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from pipelines.core.metric import Metric, Sum
from pipelines.metrics import sureness
from pipelines.metrics.influence import Sums
from pipelines.metrics.sureness import Sure
from pipelines.monitoring.drift_table import Row

if TYPE_CHECKING:
    from pipelines.metrics.metrics import Floats

ORDER, NO_ORDER = "roc_auc", 0.5
MOVED = 1.25  # times as many, or so many times fewer: `max_calibration_error` calls no less a wrong number


def _mean(sums: Floats) -> float:
    return float(sums[0] / sums[1]) if sums[1] else math.nan


SHARE = Metric(
    name="share of positive labels",
    task="binary",
    meaning="of all labels that are known, how many are positive",
    needs="number",
    on_arrays=lambda truth, _, __: float(truth.mean()),
    by=Sum(lambda truth, _, __, ___: [truth, np.ones(len(truth))], _mean),
)
LEVEL = Metric(
    name="positives expected for each that was seen",
    task="binary",
    meaning="the sum of the scores over that of the labels",
    needs="probability",
    on_arrays=lambda truth, score, _: float(score.sum() / truth.sum()),
    by=Sum(lambda truth, score, _, __: [score, truth], _mean),
)
Summed = Callable[[Metric], "Sums | None"]


def rows(judged: Summed, held_out: Summed) -> Iterator[Row]:
    """A row of each: the judged days' value beside that of the held-out rows, by how many times it has surely
    become more or fewer (as a logarithm, in `least_loss`), and how far that may be.

    Args:
        judged: What labelled rows of the judge's version say of a metric.
        held_out: What its held-out rows say.
    """
    for kind, metric in (("labels", SHARE), ("level", LEVEL)):
        now, before = judged(metric), held_out(metric)
        if now is None:
            continue
        own = sureness.sure(metric, now, [before] if before else [])
        then = sureness.sure(metric, before, [now]) if before else None
        low, high = own.interval() if own else (None, None)
        reference = then.interval() if then else (None, None)
        yield Row(
            subject=metric.name,
            kind=kind,  # type: ignore[arg-type]
            type="metric",
            method="matured labels",
            value=_digits(now.value),
            low=_digits(low),
            high=_digits(high),
            reference_value=_digits(before.value if before else None),
            reference_low=_digits(reference[0]),
            reference_high=_digits(reference[1]),
            least_loss=_digits(surely_apart(then, own)) if own and then else None,
            allowed_loss=_digits(math.log(MOVED)),
            reference_rows=before.rows if before else 0,
            current_rows=now.rows,
        )


def surely_apart(before: Sure, now: Sure) -> float:
    """How far two positive numbers surely lie from one another, as a logarithm; negative where they may be
    the same.

    The lower end of an interval of the difference, of the two intervals (MOVER: Zou and Donner 2008), with a
    thousandth beyond it.
    """
    if min(before.value, now.value) <= 0:
        return -math.inf
    (low, high), (low_now, high_now) = (
        tuple(math.log(max(end, 1e-300)) for end in one.interval(sureness.SURE)) for one in (before, now)
    )
    then, there = math.log(before.value), math.log(now.value)
    up = there - then - math.hypot(there - low_now, high - then)
    down = then - there - math.hypot(high_now - there, then - low)
    return max(up, down)


def _digits(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.9g}")
