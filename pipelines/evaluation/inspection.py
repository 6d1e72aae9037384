"""What is tried out on the winner, beside the comparison: other seeds, fewer rows, shuffled features, and how
true its probabilities are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from pipelines.core.calendar import DAILY, Calendar
from pipelines.evaluation import calibration
from pipelines.evaluation.calibration import Reliability
from pipelines.metrics import daily, metrics
from pipelines.metrics.scored import Scored
from pipelines.model import candidate, explain, learning, seed_variance
from pipelines.model.learning import Bar

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from pipelines.core.config import Keep, UseCase
    from pipelines.evaluation.rows import HeldOut, LabelledRows
    from pipelines.metrics.bootstrap import Codes


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        across_seeds: The primary metric of the winner, and of models that differ from it in their seed only.
        learning: See `learning.curve`.
        learned: What follows from it, a sentence.
        importance: See `explain.importance`.
        reliable: How true its probabilities are; None for a regression.
        calibrated: What came of calibrating it, a sentence; None where it was not asked for.
    """

    across_seeds: tuple[float, ...]
    learning: pd.DataFrame
    learned: str
    importance: pd.DataFrame
    reliable: Reliability | None
    calibrated: str | None = None


def inspect_model(
    fitted: Pipeline,
    winner: Scored,
    train: LabelledRows,
    held_out: HeldOut,
    baseline: Bar,
    use_case: UseCase,
) -> Inspection:
    """Try the winner out.

    Args:
        fitted: Its Pipeline.
        winner: Its scores on the held-out rows, and its threshold.
        train: The rows on which it was fitted.
        held_out: Those on which it is judged.
        baseline: The baseline's primary metric on both.
        use_case: Names the metric and the seed.
    """
    seed, sign = use_case.candidates.seed, 1 if use_case.greater_is_better else -1
    metric, keep = _Metric(winner.threshold, use_case), use_case.candidates.keep
    if keep:  # other seeds and fewer rows would make other models
        points, learned = learning.NOTHING, kept(keep, len(train.y), use_case.calendar)
        across: tuple[float, ...] = (metric.of(fitted, held_out.X, held_out.y, held_out.days),)
    else:
        points, learned = _learning(fitted, metric, train, held_out, baseline)
        across = seed_variance.across_seeds(
            fitted, train.X, train.y, lambda model: metric.of(model, held_out.X, held_out.y, held_out.days)
        )
    probable = use_case.task.probabilities
    return Inspection(
        across_seeds=across,
        learning=points,
        learned=learned,
        importance=explain.importance(
            fitted,
            held_out.X,
            held_out.y,
            lambda model, rows, y, some: sign * metric.of(model, rows, y, held_out.days[some]),
            seed,
        ),
        reliable=calibration.reliability(
            held_out.y, winner.score, held_out.units, use_case.promotion.confidence_level, seed
        )
        if probable
        else None,
        calibrated=candidate.note_of(fitted),
    )


def kept(keep: Keep, rows: int, calendar: Calendar = DAILY) -> str:
    """What is new where the model is not, a sentence."""
    return (
        f"the model is that of version {keep.version}, kept as it serves: new are its calibration and its"
        f" threshold, learned on the {rows:,} rows of {keep.since} to {calendar.step(keep.judged_from, -1)}"
    )


def _learning(
    fitted: Pipeline, metric: _Metric, train: LabelledRows, held_out: HeldOut, baseline: Bar
) -> tuple[pd.DataFrame, str]:
    """See `Inspection.learning` and `learned`."""
    X, y, use_case = train.X, train.y, metric.use_case  # noqa: N806 (scikit-learn's letter)
    points = learning.curve(
        fitted,
        X,
        y,
        lambda model, some: metric.if_defined(model, X.iloc[some], y[some], train.days[some]),
        lambda model: metric.if_defined(model, held_out.X, held_out.y, held_out.days),
        use_case.candidates.seed,
    )
    return points, learning.verdict(points, baseline, 1 if use_case.greater_is_better else -1)


@dataclass(frozen=True)
class _Metric:
    """The primary metric, at the winner's threshold."""

    threshold: float
    use_case: UseCase

    def of(self, model: Pipeline, X: pd.DataFrame, y: metrics.Floats, days: Codes) -> float:  # noqa: N803
        name, stakes = self.use_case.metric.name, self.use_case.stakes
        score = candidate.scores(model, X, self.use_case.task)
        taken = None if stakes.a_day is None else daily.taken(score, days, stakes.a_day)
        return metrics.measure(name, y, score, threshold=self.threshold, stakes=stakes, taken=taken)

    def if_defined(
        self,
        model: Pipeline,
        X: pd.DataFrame,  # noqa: N803
        y: metrics.Floats,
        days: Codes,
    ) -> float | None:
        try:
            return self.of(model, X, y, days)
        except metrics.Undefined:
            return None
