"""What is at stake: what a use case declares its errors to cost, of which some metrics are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stakes:
    """What a use case declares, see `UseCase.stakes`; None: nobody has declared it.

    Attributes:
        under: What a forecast costs that is one unit too low, where one unit too high costs 1.
        false_alarm: What an alarm costs that is wrong.
        miss: What a positive row without an alarm costs.
        quantile: The share of labels that shall lie below the forecast.
        a_day: How many rows a day people look at.
    """

    under: float = 1.0
    false_alarm: float | None = None
    miss: float | None = None
    quantile: float | None = None
    a_day: int | None = None

    def cost(self, false_alarms: float, misses: float) -> float | None:
        """What so many of them cost together, where that is declared."""
        if self.false_alarm is None or self.miss is None:
            return None
        return self.false_alarm * false_alarms + self.miss * misses


UNDECLARED = Stakes()

# How a use-case file declares what has no default: for a sentence.
DECLARED_BY = {
    "false_alarm": "metric.false_positive, or a threshold by policy least_cost",
    "miss": "metric.false_negative, or a threshold by policy least_cost",
    "quantile": "metric.quantile, such as 0.9",
    "a_day": "metric.k, such as 20",
}
