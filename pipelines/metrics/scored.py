"""One model's scores on rows whose truth is known, and what can be measured about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipelines.core.stakes import Stakes
from pipelines.metrics import metrics

Mask: TypeAlias = npt.NDArray[np.bool_]

# Who cannot fulfil the policy cannot be put to work, and raises no alarm.
NEVER = float("inf")
ALWAYS = 0.0  # no probability is less
CONFUSION = ("tp", "fp", "fn", "tn")


@dataclass(frozen=True)
class Scored:
    """A model, by the name that tables and pages give it, with a score for each row.

    Attributes:
        name: A family, `baseline`, `constant` or `champion`.
        score: Shape (n,).
        threshold: From which score on a row is taken as positive; `NEVER` where no threshold fulfils the
            policy. A regression does not look at it.
        taken: Which rows are among their day's greatest scores, see `daily.taken`, shape (n,), where anybody
            asks for that.
    """

    name: str
    score: metrics.Floats
    threshold: float = NEVER
    taken: metrics.Floats | None = None

    def of(self, name: str, rows: Mask) -> Scored:
        """The same by another name, of some of the rows."""
        taken = None if self.taken is None else self.taken[rows]
        return Scored(name, self.score[rows], self.threshold, taken)

    def value(self, metric: str, y: metrics.Floats, stakes: Stakes, rows: Mask) -> float | None:
        """Measure on some of the rows; None where the metric has no value on them."""
        taken = None if self.taken is None else self.taken[rows]
        try:
            return metrics.measure(
                metric, y[rows], self.score[rows], threshold=self.threshold, stakes=stakes, taken=taken
            )
        except metrics.Undefined:
            return None

    def confusion(self, y: metrics.Floats, rows: Mask) -> dict[str, int]:
        """How many alarms were right (tp) and false (fp), and how many silences were misses (fn) and right
        (tn).
        """
        alarm, positive = self.score[rows] >= self.threshold, y[rows] == 1
        counts = (alarm & positive, alarm & ~positive, ~alarm & positive, ~alarm & ~positive)
        return {name: int(count.sum()) for name, count in zip(CONFUSION, counts, strict=True)}
