"""Why a plain damage went through: measured on the very rows, not excused.

With one closed gate a year by chance, a gate cannot close on what good days do as well. So where a night has
24 rows, or days differ much from one another, some damages stay within that, and others are too small to
close a gate. The matrix says which, by how much the damage has shifted a statistic, and how far chance takes
it. A damage that is beyond both and was stopped by nothing is none of these: then the gates do not hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.core import dates
from pipelines.core.config import GatedTable
from pipelines.gates.earlier import alternation, profile
from pipelines.gates.earlier.basis import basis
from pipelines.gates.earlier.likeness import Earlier
from pipelines.metrics.chance import LEAST_DAYS, SHIFT

if TYPE_CHECKING:
    from pipelines.run.run import Run


def why_within(run: Run, column: str, table: GatedTable = "clean") -> str:
    """Say what kept a damage to a column of a run's table (empty: to whole rows) from being told.

    Empty if nothing did.
    """
    return _of_training(run, column) if run.kind == "training" else _of_night(run, column, table)


def _of_night(run: Run, column: str, table: GatedTable) -> str:
    own = profile.of(run.store, run.use_case, table)
    against = basis(run, table, own)
    if run.partition not in own.days or len(against.days) < LEAST_DAYS:
        return ""  # there is something to compare with, on the stage
    judged = [
        one
        for one in Earlier(against.days, calendar=run.calendar).judge(own.days[run.partition])
        if one.statistic.column == column
    ]
    if not judged:
        return (
            f"no statistic of {column} tells anything: it does not vary within days, or no value of it comes"
            " often enough"
        )
    least = min(judged, key=lambda one: max(one.by_chance, SHIFT) - one.shift)
    if any(not one.holds for one in judged):
        return ""
    name = f"{least.statistic.name} shifts by {least.shift:.2f}"
    if least.shift <= least.by_chance:
        return f"within chance: {name}, chance takes it to {least.by_chance:.2f}"
    return f"too small: {name}, {SHIFT:g} closes"


def _of_training(run: Run, column: str) -> str:
    """How far the damaged days, every second one, lie from the others."""
    own = profile.of(run.store, run.use_case, "clean")
    days = list(dates.days_of(run.use_case, "training", run.partition))
    damaged = set(days[1::2])
    nearest = 0.0
    for statistic in (
        one
        for one in Earlier(own.days, calendar=run.calendar).statistics
        if one.column == column and one.what in ("below", "value")
    ):
        told = alternation.without_weekday(statistic, own.days, run.calendar)
        kinds = [[value for day, value in told.items() if (day in damaged) is kind] for kind in (False, True)]
        if all(kinds):
            lower, upper = sorted(kinds, key=lambda values: sum(values) / len(values))
            nearest = max(nearest, min(upper) - max(lower))
    return (
        f"within what days do: both kinds of days lie {nearest:.2f} apart at most, {SHIFT:g} closes"
        if nearest < SHIFT
        else ""
    )
