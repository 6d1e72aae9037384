"""What has become of a number between two sets of quantiles, in plain words: a unit that changed, hours that
moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipelines.gates.earlier.day import APART, HOUR, LENGTH

TIMES = 1.5  # each quantile is so many times the usual, or that part of it
UNITS: Mapping[str, tuple[str, float] | None] = {
    HOUR: ("hours", 0.5),
    APART: ("days", 0.5),
    LENGTH: ("characters", 0.5),
}


def shift_sentence(
    usual: Sequence[float], now: Sequence[float], unit: tuple[str, float] | None = None
) -> str:
    """A sentence about the shift, where all quantiles have made it the same way; nothing otherwise.

    Args:
        usual: Quantiles, the middle one in the middle.
        now: The same of the judged day.
        unit: What the number counts from a common zero, and the least shift; without it, a factor is told.
    """
    middle = len(usual) // 2
    if unit is not None:
        name, least = unit
        by = [one - other for one, other in zip(now, usual, strict=True)]
        if all(one >= least for one in by) or all(one <= -least for one in by):
            return f"about {_round(abs(by[middle]))} {name} {'more' if by[middle] > 0 else 'less'} than usual"
        return ""
    pairs = [(one, other) for one, other in zip(now, usual, strict=True) if other]
    ratios = [one / other for one, other in pairs]
    if len(ratios) < len(usual) - 1 or not usual[middle]:
        return ""
    if all(one >= TIMES for one in ratios) or all(0 < one <= 1 / TIMES for one in ratios):
        return f"values about {_round(now[middle] / usual[middle])} times the usual"
    return ""


def _round(number: float) -> str:
    """Two digits."""
    return f"{float(f'{number:.2g}'):,g}"
