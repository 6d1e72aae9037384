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
# Columns of the table `drift` that tell it.
ASKED = (*judged.ASKED, "standard_error", "judge")


def between(weeks: Sequence[Mapping[str, Any]], version: str, greater: bool) -> Between:
    """By how much weeks vary.

    Weeks that were red say nothing of it: what is lost does not become usual by lasting.

    Args:
        weeks: The primary metric's row of each report before, the oldest first.
        version: Whose weeks are asked.
        greater: Whether more of the metric is better.
    """
    told = [
        (week["value"], week["standard_error"])
        for week in weeks[-NEWEST:]
        if week["judge"] == version
        and None not in (week["value"], week["standard_error"], week["judged_days"])
        and week["judged_days"] <= WEEK  # else it has days of the week before
        and not judged.red(week, greater)
    ]
    return sureness.between(told) if len(told) >= LEAST else sureness.NOTHING_BETWEEN
