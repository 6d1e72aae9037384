"""A candidate by its decisions, each at a threshold that its own row has no part in.

What a metric of decisions is worth depends on the threshold, and a threshold that is chosen on the very rows
that it is judged on is worth more there than anywhere else. So each fold's rows are decided about at the
threshold that the use case's policy chooses by the out-of-fold scores of the other folds (cross-fitting), and
the metric is that of all folds' decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.core.errors import BadInput
from pipelines.core.metrics import by_name
from pipelines.core.policies import Policy
from pipelines.core.stakes import Stakes
from pipelines.metrics import metrics, threshold
from pipelines.metrics.metrics import Floats
from pipelines.metrics.scored import NEVER
from pipelines.metrics.threshold import Night, Units

Scores: TypeAlias = Sequence[npt.NDArray[np.floating]]  # of each fold's rows held out, shape (rows,) each


@dataclass(frozen=True)
class CrossFitted:
    """Judges out-of-fold scores by decisions.

    Attributes:
        metric: The metric's name.
        policy: How a threshold is chosen. Where it cannot choose by the other folds' rows (it promises more
            than they can show, or they have one class only) there is no alarm in the fold, as a model that
            cannot fulfil its policy raises none. A fixed threshold is that.
        stakes: What is at stake.
        y: The labels of each fold's rows held out, shape (rows,) each.
        units: Which unit they are of, see `bootstrap.units`.
        night: How many rows a night has, for a policy that goes by that. Rows without a label are taken to
            score as those with one do: the search has no scores of them.
    """

    metric: str
    policy: Policy
    stakes: Stakes
    y: Sequence[Floats]
    units: Sequence[Units]
    night: Night

    def __call__(self, scores: Scores) -> tuple[list[float], float]:
        """The metric of each fold's decisions, and of all; an error as a negative number, so that greater is
        better.
        """
        cuts = self.thresholds(scores)
        return self.of([(score >= cut).astype(np.float64) for score, cut in zip(scores, cuts, strict=True)])

    def of(self, alarms: Sequence[Floats]) -> tuple[list[float], float]:
        """The same of decisions, 1 or 0."""
        each = [self._measured(y, alarm) for y, alarm in zip(self.y, alarms, strict=True)]
        return each, self._measured(np.concatenate(self.y), np.concatenate(alarms))

    def thresholds(self, scores: Scores) -> list[float]:
        """Each fold's threshold; `NEVER` where none can be chosen."""
        return [self._without(fold, scores) for fold in range(len(self.y))]

    def _without(self, fold: int, scores: Scores) -> float:
        others = [n for n in range(len(self.y)) if n != fold]
        y, score, units = (np.concatenate([of[n] for n in others]) for of in (self.y, scores, self.units))
        try:
            return threshold.choose(self.policy, y, score, self.night, units=units)
        except BadInput:
            return NEVER

    def _measured(self, y: Floats, alarm: Floats) -> float:
        sign = 1 if by_name(self.metric).greater_is_better else -1
        return sign * metrics.measure(self.metric, y, alarm, threshold=0.5, stakes=self.stakes)
