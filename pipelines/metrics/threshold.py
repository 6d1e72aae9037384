"""From which score on a row is taken as positive: the decision is `score >= threshold`.

The threshold is chosen on validation rows, never on the rows that judge the model. It lies midway between two
scores that occur, so that a graph whose scores differ from the trained model's in the last bit decides alike.
And it is a float32 number, as the scores are: comparing in float32 or in float64 gives the same decision.

What a policy promises of new rows (`core/promise`) it promises by independent units: rows of one customer, or
of one day, count for as many as they are worth (`clusters`).

Precision, recall and cost can only be known of rows with a label. How many alarms there will be is a matter
of all rows that a night scores: those with a label count by their out-of-fold scores, those without by the
model's own, which has learned nothing from them; each kind as often as it comes in a day. So it does not
matter which rows were labelled, and how many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix_at_thresholds

from pipelines.core.errors import BadInput
from pipelines.core.policies import Points, Policy, Unreachable
from pipelines.core.split import UNLABELLED
from pipelines.core.sql import name as quoted
from pipelines.metrics import clusters
from pipelines.metrics.cut import Cut
from pipelines.metrics.scored import NEVER

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from pipelines.core.config import UseCase

Weights: TypeAlias = npt.NDArray[np.float64]
Units: TypeAlias = npt.NDArray[np.int64]
Choice: TypeAlias = Callable[[Weights], float | Points]  # points: none of them fulfils the policy

DRAWS = 200  # of the validation rows, for the threshold's interval
SURE = (0.025, 0.975)


@dataclass(frozen=True)
class Night:
    """How many rows a night scores, on average over the days of the training's window.

    Attributes:
        labelled: Rows a day that have a label by now.
        unlabelled: Rows a day that have none.
    """

    labelled: float
    unlabelled: float = 0.0


def night(features: duckdb.DuckDBPyRelation, use_case: UseCase) -> Night:
    """Count what a night scores: every clean row of a day, whether its label is known or not.

    Args:
        features: A training's features table, with its column `split`.
        use_case: Names the time.
    """
    unlabelled = f"count(*) FILTER (split = '{UNLABELLED}')"
    ((days, without, every),) = features.aggregate(
        f"count(DISTINCT {quoted(use_case.time)}::date), {unlabelled}, count(*)"
    ).fetchall()
    return Night((every - without) / days, without / days)


def units_of(validation: pd.DataFrame) -> Units | None:
    """The unit of each validation row; None in a table of before units were kept."""
    return validation["unit"].to_numpy(np.int64) if "unit" in validation else None


def choose(
    policy: Policy,
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    night: Night | None = None,
    weight: npt.ArrayLike | None = None,
    units: npt.ArrayLike | None = None,
) -> float:
    """Choose the threshold that fulfils the policy best on these rows.

    Args:
        policy: The use case's.
        y: The truth, shape (n,): 0, 1, or NaN where nobody knows; such rows count for a policy that goes by
            every row only.
        score: The model's scores on these rows, shape (n,).
        night: For a policy that goes by every row: how many rows a day has, of which these are a sample.
        weight: How often each row counts, shape (n,), the same for all rows of a unit; once each without it.
        units: Which unit each row belongs to, see `bootstrap.units`, shape (n,); each its own without it.

    Raises:
        Unreachable: no threshold fulfils the policy.
        BadInput: the rows with a label have one class only; or rows that come at night, by which the policy
            goes, have no score here.
    """
    if policy.given is not None:
        return policy.given
    times = np.ones(len(np.asarray(y))) if weight is None else np.asarray(weight, dtype=np.float64)
    return _or_refused(policy, _chooser(policy, y, score, night, units)(times))


def or_never(
    policy: Policy | None,
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    night: Night | None,
    units: npt.ArrayLike | None,
) -> float:
    """See `choose`; `NEVER` where there is no policy, or no threshold fulfils it."""
    if policy is None:
        return NEVER
    try:
        return choose(policy, y, score, night, units=units)
    except Unreachable:
        return NEVER


def with_interval(
    policy: Policy,
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    night: Night | None = None,
    seed: int = 0,
    units: npt.ArrayLike | None = None,
) -> Cut:
    """Choose as `choose` does, and say between which two thresholds 95 of 100 choices on like rows would lie.

    Args:
        policy: See `choose`.
        y: See `choose`.
        score: See `choose`.
        night: See `choose`.
        seed: Of the draws.
        units: See `choose`; they are drawn as a whole.

    Raises:
        Unreachable, BadInput: see `choose`; a draw on which no threshold fulfils the policy counts as one
            above every score.
    """
    if policy.given is not None:
        return Cut(policy.given, policy.given, policy.given)
    choice = _chooser(policy, y, score, night, units)
    unit = np.arange(len(np.asarray(y))) if units is None else np.unique(units, return_inverse=True)[1]
    random, there = np.random.default_rng(seed), int(unit.max()) + 1
    chosen = _or_refused(policy, choice(np.ones(len(unit))))
    drawn = [
        _or_none(choice, np.bincount(random.integers(there, size=there), minlength=there)[unit])
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(drawn, SURE, method="inverted_cdf")
    return Cut(chosen, min(chosen, float(low)), max(chosen, float(high)))


def _or_none(choice: Choice, times: npt.NDArray[np.int64]) -> float:
    try:
        found = choice(times.astype(np.float64))
    except BadInput:
        return 1.0
    return 1.0 if isinstance(found, Points) else found


def _or_refused(policy: Policy, found: float | Points) -> float:
    if isinstance(found, Points):
        raise policy.unreachable(found)
    return found


def _chooser(
    policy: Policy,
    y: npt.ArrayLike,
    score: npt.ArrayLike,
    night: Night | None,
    units: npt.ArrayLike | None,
) -> Choice:
    """The policy's choice on some rows, by how often each of them counts."""
    truth, scores = np.asarray(y, dtype=np.float64), np.asarray(score, dtype=np.float32)
    if policy.by_every_row:
        distinct, at = np.unique(scores, return_inverse=True)
        return lambda times: _of_night(policy, distinct, at, _a_day(truth, times, night))
    known = ~np.isnan(truth)
    unit = None if units is None else np.unique(np.asarray(units)[known], return_inverse=True)[1]
    if unit is not None and unit.max(initial=-1) + 1 == len(unit):
        unit = None  # each row is its own
    return lambda times: _by_truth(policy, truth[known], scores[known], times[known], unit)


def _a_day(y: Weights, times: Weights, night: Night | None) -> Weights:
    """For how many of a day's rows each row stands, shape (n,)."""
    unlabelled = np.isnan(y)
    # all of them are one day
    night = night or Night(float(times[~unlabelled].sum()), float(times[unlabelled].sum()))
    stands = np.zeros(len(y))
    for rows, a_day, what in (
        (~unlabelled, night.labelled, "with"),
        (unlabelled, night.unlabelled, "without"),
    ):
        there = times[rows].sum()
        if a_day and not there:
            raise BadInput(
                f"{a_day:,.1f} rows a day come {what} a label, but none of them has a score, so nobody"
                " knows how many alarms they raise",
                where="threshold",
                fix="run the step tune again",
            )
        stands[rows] = times[rows] * (a_day / there) if there else 0
    return stands


def _of_night(
    policy: Policy, scores: npt.NDArray[np.float32], at: npt.NDArray[np.intp], stands: Weights
) -> float:
    """The threshold with as many alarms a day as the policy finds best.

    Args:
        policy: One that goes by every row.
        scores: The distinct scores, the least first, shape (m,).
        at: Which of them each row has, shape (n,).
        stands: See `_a_day`.
    """
    each = np.bincount(at, weights=stands, minlength=len(scores))
    alarms = np.concatenate([[0.0], np.cumsum(each[::-1])])
    return float(_between(scores[::-1])[policy.best_of_night(alarms)])


def _by_truth(
    policy: Policy,
    y: Weights,
    score: npt.NDArray[np.float32],
    weight: Weights,
    unit: npt.NDArray[np.intp] | None,
) -> float | Points:
    """The threshold whose decisions on rows with a label the policy finds best."""
    if len(np.unique(y)) != 2:
        raise BadInput(
            f"no threshold can be chosen: the {len(y):,} validation rows have one class only, and a"
            " policy needs rows of both",
            fix=(
                "more days (split.window_days) or fewer folds (split.folds.n), so that each fold has"
                " positive rows"
            ),
        )
    drawn = weight > 0
    _, fp, fn, tp, scores = confusion_matrix_at_thresholds(
        y[drawn], score[drawn], sample_weight=weight[drawn]
    )
    between = _between(scores)
    points = Points(
        tp=np.concatenate([[0.0], tp]),
        fp=np.concatenate([[0.0], fp]),
        fn=np.concatenate([[tp[-1]], fn]),
        threshold=between.astype(np.float64),
        clustered=None
        if unit is None
        else clusters.clustered(y[drawn], score[drawn], unit[drawn], weight[drawn]),
    )
    best = policy.best(points)
    return points if best is None else float(between[best])


def _between(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The thresholds around distinct scores, the greatest first: above all of them, between two each, below
    all of them.
    """
    # No alarm at all lies above the greatest score, an alarm for each row below the least; probabilities end
    # at 1 and 0.
    above = np.nextafter(np.maximum(scores[0], np.float32(1)), np.float32(np.inf))
    below = np.minimum(scores[-1], np.float32(0))
    edges = np.concatenate([[above], scores, [below]]).astype(np.float32)
    return _midway(edges[:-1], edges[1:])


def _midway(upper: npt.NDArray[np.float32], lower: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Between two scores each.

    Between neighbours among the float32 numbers there is nothing, and the upper one it is.
    """
    middle = ((upper.astype(np.float64) + lower) / 2).astype(np.float32)
    return np.where(middle > lower, middle, upper)
