"""By how much the primary metric differs from week to week beyond what a week's own rows and days tell, by
the reports before.

Days that last (a week of bad weather, a campaign) are fewer than they look, and neither one week nor a dozen
held-out days tell that. Weeks do: a judged week, and the held-out rows beside it, are less sure by as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.core.dates import WEEK
from pipelines.metrics import sureness
from pipelines.metrics.sureness import Between
from pipelines.monitoring import judged

NEWEST = 12  # weeks
LEAST = 4  # weeks: fewer tell nothing of how they vary
FRESH = 3  # weeks: what has changed in them, and is not found yet, must not hide itself
# Columns of the table `drift` that tell it.
ASKED = (*judged.ASKED, "standard_error", "judge")


def between(weeks: Sequence[Mapping[str, Any]], version: str, greater: bool, length: int = WEEK) -> Between:
    """By how much weeks vary.

    Weeks that were red say nothing of it: what is lost does not become usual by lasting.

    Args:
        weeks: The primary metric's row of each report before, the oldest first.
        version: Whose weeks are asked.
        greater: Whether more of the metric is better.
        length: How many days a report looks at.
    """
    told = [
        (week["value"], week["standard_error"])
        for week in weeks[-NEWEST:]
        if week["judge"] == version
        and None not in (week["value"], week["standard_error"], week["judged_days"])
        and week["judged_days"] <= length  # else it has days of the week before
        and not judged.red(week, greater)
    ]
    return spread(told)


def spread(told: Sequence[tuple[float, float]]) -> Between:
    """By how much weeks vary, whichever of the freshest are left out: the least.

    A change begins in the middle of a week, which is not red by it; the step down would make the week after
    as unsure as the change is great.

    Args:
        told: The metric of each week, with its standard error, the oldest first.
    """
    every = [
        sureness.between(told[: len(told) - fresh])
        for fresh in range(FRESH + 1)
        if len(told) - fresh >= LEAST
    ]
    return min(every, key=lambda one: one.variance, default=sureness.NOTHING_BETWEEN)
