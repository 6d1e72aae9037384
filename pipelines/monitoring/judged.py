"""What the primary metric's row in the table `drift` comes to: red where it is surely too bad, amber where
that is likely.

Red are: the whole interval beyond the file's limit; a loss against the held-out rows that is surely greater
than is allowed; and a metric that ought to exist by now and does not.

Amber are: a value beyond the file's limit; and a loss that is greater than is allowed by nine to one. Were a
value that is too low enough, a model that is as good as ever would warn in every third week, and nobody would
look at the next warning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pipelines.monitoring import labelled

# Columns that tell it.
ASKED = (
    *labelled.ASKED,
    "threshold",
    "low",
    "high",
    "reference_value",
    "least_loss",
    "likely_loss",
    "allowed_loss",
    "judged_rows",
    "judged_days",
    "ought",
)


def red(metric: Mapping[str, Any], greater: bool) -> list[str]:
    """Why the gate closes, in sentences; none where it does not.

    Args:
        metric: The row.
        greater: Whether more of the metric is better.
    """
    return [told for told in (missing(metric), beyond(metric, greater), lost(metric)) if told]


def amber(metric: Mapping[str, Any], greater: bool) -> list[str]:
    """What is worse than it should be, and may be chance."""
    told: list[str] = []
    value, limit = _number(metric["value"]), _number(metric["threshold"])
    if value is None:
        return told
    if limit is not None and _worse(value, limit, greater) and not beyond(metric, greater):
        told.append(
            f"{metric['subject']} is {value:.4g}, worse than {limit:.4g}, the worst allowed; that may be"
            f" chance{_between(metric)}"
        )
    likely, allowed = _number(metric["likely_loss"]), _number(metric["allowed_loss"])
    if likely is not None and allowed is not None and likely > allowed and not lost(metric):
        told.append(
            f"{metric['subject']} is {value:.4g}{_between(metric)} and was {metric['reference_value']:.4g} on"
            f" the held-out rows: nine to one that it is worse by more than {likely:.4g}; {allowed:.4g} is"
            " allowed, and that may be chance"
        )
    return told


def missing(metric: Mapping[str, Any]) -> str | None:
    """That there ought to be labels, or a value, by now."""
    if few := labelled.too_few(metric) if metric["due_rows"] else None:
        return few
    return labelled.no_value(metric) if metric["ought"] is True else None


def beyond(metric: Mapping[str, Any], greater: bool) -> str | None:
    """That the whole interval is beyond the file's limit."""
    limit, end = _number(metric["threshold"]), _number(metric["high" if greater else "low"])
    if limit is None or end is None or not _worse(end, limit, greater):
        return None
    return (
        f"{metric['subject']} is {metric['value']:.4g} on {metric['judged_rows']:,} labelled rows"
        f"{_between(metric)}; monitoring.min_performance allows {'at least' if greater else 'at most'}"
        f" {limit:g}"
    )


def lost(metric: Mapping[str, Any]) -> str | None:
    """That it is surely worse than on the held-out rows, by more than is allowed."""
    least, allowed = _number(metric["least_loss"]), _number(metric["allowed_loss"])
    if least is None or allowed is None or least <= allowed:
        return None
    return (
        f"{metric['subject']} is {metric['value']:.4g} on {metric['judged_rows']:,} labelled rows and was"
        f" {metric['reference_value']:.4g} on the held-out ones: surely worse by {least:.4g}, and"
        f" monitoring.max_loss allows {allowed:.4g}"
    )


def _between(metric: Mapping[str, Any]) -> str:
    low, high = _number(metric["low"]), _number(metric["high"])
    return "" if low is None or high is None else f" ({low:.4g} to {high:.4g})"


def _worse(value: float, limit: float, greater: bool) -> bool:
    return value < limit if greater else value > limit


def _number(value: Any) -> float | None:
    """A number; None where there is none."""
    return None if value is None or math.isnan(value) else float(value)
