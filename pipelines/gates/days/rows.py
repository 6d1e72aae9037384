"""What is asked of a day's rows: whether they are there, and those that were let through."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipelines.core.config.watch import LikePast
from pipelines.gates.days import usual
from pipelines.gates.days.judged import CHANGED, Judged, Told, few
from pipelines.gates.days.known import Day, Difference
from pipelines.gates.resolve import CHANCE

# How far the number of a day's rows may lie from what it was, or from other days'; one that nobody has let
# through may be a holiday.
MARGIN = LikePast.model_fields["margin"].default
FEWEST, MOST = 1 / 4, 2.5
MOST_COLUMNS = 3  # of a day
SURE = 5  # standard deviations of a count, beyond a share that is allowed of each of many days


def missing(judged: Judged) -> Told:
    """Days that are due, and have no rows."""
    run = judged.run
    for day in judged.judged_by_day:
        due = judged.first is not None and day.day >= judged.first
        others = judged.known.get(day.day, ())
        empty_is_good = run.use_case.limits.empty_nights or not run.use_case.expects(day.day)
        if not day.rows and due and not (empty_is_good and all(not other.rows for other in others)):
            had = f", {others[0]!s} had {others[0].rows:,}" if others else ""
            yield day.day, f"no rows{had}"


def too_many(judged: Judged) -> Told:
    """Days that nobody knows, with so many or few rows that it is no holiday."""
    return _beyond(judged, FEWEST, MOST)


def many(judged: Judged) -> Told:
    """Days that nobody knows, with more or fewer rows than is usual."""
    return _beyond(judged, 1 - MARGIN, 1 + MARGIN)


def _beyond(judged: Judged, fewest: float, most: float) -> Told:
    """Days that nobody knows whose number of rows is beyond these multiples of the weekday's median."""
    first = min((day.day for day in judged.days if day.rows), default=None)
    for day in judged.fresh:
        median = usual.season_median(day.day, judged.usual_rows, judged.run.calendar)
        if median is None:
            continue
        chance = CHANCE * math.sqrt(median)
        # the source may begin in the midst of it
        low = 0 if day.day == first else min(fewest * median, median - chance)
        if not low <= day.rows <= max(most * median, median + chance):
            yield day.day, f"{day.rows:,} rows, usual {median:,.0f}"


def rejected_days(judged: Judged) -> Told:
    """Days of which too many rows were rejected."""
    return _over(
        judged,
        [(day, day.rejected or 0, day.delivered or 0) for day in judged.past if not judged.is_known(day)],
        "rejected",
    )


def again(judged: Judged) -> Told:
    """Days of which too many keys come again."""
    return _over(judged, [(day, day.again, day.rows) for day in judged.days], "keys come again")


def _over(judged: Judged, counted: Sequence[tuple[Day, int, int]], what: str) -> Told:
    """Days with a greater share than `cleanse.max_quarantined` and chance, or all of them, if together they
    have.
    """
    allowed = judged.run.use_case.cleanse.max_quarantined
    together = sum(n for _, n, _ in counted) > math.floor(round(allowed * sum(of for _, _, of in counted), 6))
    for day, n, of in counted:
        limit = allowed * of + (0 if together else SURE * math.sqrt(allowed * (1 - allowed) * of))
        if n > limit:
            yield day.day, f"{n:,} of {of:,} {what}"


def stopped_days(judged: Judged) -> Told:
    """Days whose own nights were stopped."""
    return iter(judged.stopped.items())


def changed_days(judged: Judged) -> Told:
    """Days that differ from what was let through."""
    for day, differing in judged.differences.items():
        yield day, "; ".join(_difference(found, other) for other, found in differing)


def changed_much(judged: Judged) -> Told:
    """Those that differ by much."""
    told = dict(changed_days(judged))
    at = {day.day: day for day in judged.days}
    for day, differing in judged.differences.items():
        if any(_is_much(found) or _labels_moved(at[day], other) for other, found in differing):
            yield day, told[day]


def _difference(found: Difference, other: Day) -> str:
    columns = f"other ({listed})" if (listed := few(found.columns, ", ", MOST_COLUMNS)) else "other"
    parts = {columns: found.changed, "gone": found.gone, "new": found.added}
    parts |= {"labels other": found.relabelled, "late values other": found.corrected}
    return f"{', '.join(f'{n:,} {what}' for what, n in parts.items() if n)}, {other}"


def _is_much(found: Difference) -> bool:
    rows = max(MARGIN * found.before, CHANCE * math.sqrt(found.before))
    return (
        found.changed + found.gone > CHANGED * found.before
        or abs(found.added - found.gone) > rows
        or found.relabelled > CHANGED * found.labelled
        or found.corrected > CHANGED * found.later
    )


def _labels_moved(day: Day, other: Day) -> bool:
    """Whether the number of positive labels of the same rows is another than it was by more than a count of
    rows may be.
    """
    if day.meaning != other.meaning:
        return False
    if not (day.labelled and other.labelled and day.positives is not None and other.positives is not None):
        return False
    due = other.positives * day.labelled / other.labelled
    return bool(abs(day.positives - due) > max(MARGIN * due, CHANCE * math.sqrt(due), CHANCE))


def another(judged: Judged) -> Told:
    """Days that nobody knows, in which stands what stands in another day."""
    for day in judged.fresh:
        twin = next(
            (
                other
                for other in judged.days
                if other.day != day.day and other.pattern == day.pattern and day.pattern
            ),
            None,
        )
        if twin:
            yield day.day, f"has the rows of {twin.day}"
