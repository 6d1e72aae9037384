"""What is at stake: what a use case declares its errors to cost, of which some metrics are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stakes:
    """What a use case declares, see `UseCase.stakes`.

    Attributes:
        under: What a forecast costs that is one unit too low, where one unit too high costs 1.
    """

    under: float = 1.0


UNDECLARED = Stakes()
