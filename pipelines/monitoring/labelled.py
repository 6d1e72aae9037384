"""How many labels have to be there, so that what they say is told from labels that are lost.

Some rows never get a label, and some late, so it is not asked whether all are there, but whether about as
many are as there have been.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

LEAST = 0.5  # of the usual share: so many of the labels that are due may be missing, and chance
CHANCE = 3  # standard deviations
# Columns of the table `drift` that say of a metric on how many labels it stands, see `drift_table`.
ASKED = ("subject", "value", "note", "current_rows", "due_rows", "reference_labelled")


def fewest(rows: int, share: float) -> float:
    """So many labels so many rows have at least, where a share of others like them has one."""
    return LEAST * share * rows - CHANCE * math.sqrt(share * (1 - share) * rows)


def enough(metric: Mapping[str, Any]) -> int:
    """On so many labels a metric judges a week of which some are due, as its row in the table `drift` tells:
    one at least.
    """
    return max(math.ceil(fewest(metric["due_rows"], metric["reference_labelled"] or 0.0)), 1)


def not_judged(metric: Mapping[str, Any]) -> str | None:
    """Why a metric does not say whether its stated minimum holds.

    None if it does, or if no label is due yet.
    """
    return (too_few(metric) or no_value(metric)) if metric["due_rows"] else None


def too_few(metric: Mapping[str, Any]) -> str | None:
    """That too few of the labels are there that are due."""
    due, known, least = metric["due_rows"], metric["current_rows"], enough(metric)
    if known >= least:
        return None
    had = metric["reference_labelled"]
    half = (
        f" (half of the share that the training's rows of that age had, {had:.3g}, less chance)"
        if least > 1
        else ""
    )
    return f"of {due:,} predictions whose labels are due, {known:,} have one; at least {least:,} must{half}"


def no_value(metric: Mapping[str, Any]) -> str | None:
    """That labels are there, and it cannot be told from them."""
    value = metric["value"]
    return (
        None
        if value is not None and not math.isnan(value)
        else metric["note"] or f"{metric['subject']} has no value"
    )
