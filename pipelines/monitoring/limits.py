"""How improbable a move must be: one false alarm a use case and year, over all that is asked in 52 weeks.

Half of it is the features', a quarter the score's with the decisions' and the labels', a quarter that of all
features together. Within each it is shared out evenly over the statistics (Bonferroni), which costs power
where they depend on one another, and holds whatever they do.
"""

from __future__ import annotations

from dataclasses import dataclass

REDS_A_YEAR = 1.0
AMBERS_A_YEAR = 12.0
WEEKS_A_YEAR = 52
# times less is asked of each: where what is usual lasts for months, weeks have heavier tails than Student's
CAUTION = 3
OF_FEATURES, OF_PREDICTIONS, OF_JOINT = 0.5, 0.25, 0.25


@dataclass(frozen=True)
class Probabilities:
    """By chance, of one statistic in one week."""

    red: float
    amber: float


@dataclass(frozen=True)
class Counts:
    """How many statistics are asked a week.

    Attributes:
        features: Of all features.
        predictions: Of score, decisions and labels.
    """

    features: int
    predictions: int

    @property
    def of_feature(self) -> Probabilities:
        """Of one statistic of a feature."""
        return _each(OF_FEATURES, self.features)

    @property
    def of_prediction(self) -> Probabilities:
        """Of one of the score, decisions and labels."""
        return _each(OF_PREDICTIONS, self.predictions)

    @property
    def of_joint(self) -> Probabilities:
        """Of all features together."""
        return _each(OF_JOINT, 1)


def _each(part: float, statistics: int) -> Probabilities:
    of_all = part / (CAUTION * WEEKS_A_YEAR * max(statistics, 1))
    return Probabilities(REDS_A_YEAR * of_all, AMBERS_A_YEAR * of_all)
