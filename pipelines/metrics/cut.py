"""A decision threshold, as whatever judges or keeps one hands it on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """A decision threshold and how sure it is.

    Attributes:
        value: A row is taken as positive where its score is at least this.
        low: The lower end of the interval of the thresholds that draws of the validation rows would have
            chosen.
        high: Its upper end.
    """

    value: float
    low: float
    high: float
