"""A candidate by its decisions, each at a threshold that its own row has no part in.

What a metric of decisions is worth depends on the threshold, and a threshold that is chosen on the very rows
that it is judged on is worth more there than anywhere else. So each fold's rows are decided about at the
threshold that the use case's policy chooses by the out-of-fold scores of the other folds (cross-fitting), and
the metric is that of all folds' decisions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.core.errors import BadInput
from pipelines.core.metrics import by_name
from pipelines.core.policies import Policy
from pipelines.core.stakes import Stakes
from pipelines.metrics import daily, metrics, threshold
from pipelines.metrics.metrics import Floats
from pipelines.metrics.scored import NEVER
from pipelines.metrics.threshold import Night, Units

Scores: TypeAlias = Sequence[npt.NDArray[np.floating]]  # of each fold's rows held out, shape (rows,) each


@dataclass(frozen=True)
class Together(ABC):
    """Judges all folds' rows together.

    Attributes:
        metric: The metric's name.
        stakes: What is at stake.
        y: The labels of each fold's rows held out, shape (rows,) each.
    """

    metric: str
    stakes: Stakes
    y: Sequence[Floats]

    @abstractmethod
    def __call__(self, scores: Scores) -> tuple[list[float], float]:
        """The metric of each fold's rows, and of all, by what follows from their scores; an error as a
        negative number, so that greater is better.
        """

    def of(self, chosen: Sequence[Floats]) -> tuple[list[float], float]:
        """The same of what is decided, or taken, 1 or 0, shape (rows,) each."""
        each = [self._measured(y, own) for y, own in zip(self.y, chosen, strict=True)]
        return each, self._measured(np.concatenate(self.y), np.concatenate(chosen))

    def _measured(self, y: Floats, chosen: Floats) -> float:
        sign = 1 if by_name(self.metric).greater_is_better else -1
        return sign * metrics.measure(self.metric, y, chosen, stakes=self.stakes, taken=chosen)


@dataclass(frozen=True)
class CrossFitted(Together):
    """Judges out-of-fold scores by decisions.

    Attributes:
        policy: How a threshold is chosen. Where it cannot choose by the other folds' rows (it promises more
            than they can show, or they have one class only) there is no alarm in the fold, as a model that
            cannot fulfil its policy raises none. A fixed threshold is that.
        units: Which unit they are of, see `bootstrap.units`.
        night: How many rows a night has, for a policy that goes by that. Rows without a label are taken to
            score as those with one do: the search has no scores of them.
    """

    policy: Policy
    units: Sequence[Units]
    night: Night

    def __call__(self, scores: Scores) -> tuple[list[float], float]:
        """See `Together`."""
        cuts = self.thresholds(scores)
        return self.of([(score >= cut).astype(np.float64) for score, cut in zip(scores, cuts, strict=True)])

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


@dataclass(frozen=True)
class OfDays(Together):
    """Judges out-of-fold scores by what is among its day's greatest, of all folds' rows of the day.

    Attributes:
        days: The day of each fold's rows, numbers.
        places: In which order rows of the same score are taken.
    """

    days: Sequence[npt.NDArray[np.int64]]
    places: Sequence[npt.NDArray[np.int64]]

    def __call__(self, scores: Scores) -> tuple[list[float], float]:
        """See `Together`."""
        every, days, places = (np.concatenate(of) for of in (scores, self.days, self.places))
        taken = daily.taken(every, days, self.stakes.a_day or 0, places)
        return self.of(np.split(taken, np.cumsum([len(own) for own in scores])[:-1]))
