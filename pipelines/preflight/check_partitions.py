"""What can be said of partitions without data: their list of dates, their schedule, and whether rows can fall
into them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from croniter import croniter

from pipelines.core import dates, zones
from pipelines.core.config import FileSource, UseCase
from pipelines.core.errors import SluiceError

SOME = datetime(2026, 1, 1)  # any two years tell what a calendar forbids
LONG = timedelta(days=2 * 366)
MOST = 1000  # runs
LEAST = 2  # partitions of a training: some teach, others are held out


def partitions(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """Mistakes of the calendar, by their places in the file."""
    if unread := list(_unread(use_case)):
        yield from unread
        return
    yield from _never_expected(use_case)
    yield from _few(use_case)
    yield from _known_too_early(use_case)
    yield from _no_time_of_day(use_case)


def _unread(use_case: UseCase) -> Iterator[tuple[str, str]]:
    source = use_case.source
    stated = {"partition": use_case.partition.expected}
    if isinstance(source, FileSource) and source.expected != use_case.partition.expected:
        stated["source"] = source.expected
    for where, expected in stated.items():
        if expected is not None:
            try:
                _ = SOME.date() in expected
            except SluiceError as error:
                yield f"{where}.expected", "; ".join([error.sentence, *error.parts.details])


def _never_expected(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """A schedule whose every run is about a partition without a delivery."""
    cron = use_case.schedule.scoring
    if cron is None:
        return
    about = {dates.newest_over(use_case, "scoring", moment) for moment in _moments(cron, use_case)}
    if about and not any(map(use_case.expects, about)):
        yield (
            "schedule.scoring",
            (
                f"{cron!r} never runs for a {use_case.partition.every} of which a delivery is expected, such"
                f" as for {min(about)}; a run is about the newest one that is over by then: correct it, or"
                " the calendar (partition.expected, source.expected)"
            ),
        )


def _moments(cron: str, use_case: UseCase) -> Iterator[datetime]:
    """When a schedule runs within two years (UTC)."""
    zone, shown = use_case.partition.zone, croniter(cron, SOME)
    for moment in islice(iter(lambda: shown.get_next(datetime), None), MOST):
        if moment > SOME + LONG:
            return
        yield moment if zone == "UTC" else zones.moment(zone, moment)


def _known_too_early(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """A truth that is there when the partition begins of which it tells."""
    every, delay = use_case.partition.every, use_case.label.delay_days
    least = max(use_case.calendar.longest.days, 1)
    if use_case.ahead and delay < least:
        yield (
            "label.delay_days",
            (
                f"rows are predicted when their {every} begins (partition.predict: ahead), and a label that"
                f" is known {delay} days after that is known before the {every} is over: write {least} or"
                " more"
            ),
        )


def _few(use_case: UseCase) -> Iterator[tuple[str, str]]:
    calendar = use_case.calendar
    last = calendar.of(SOME)
    n = len(calendar.span(dates.window_begins(use_case, last), last))
    if n < LEAST:
        yield (
            "split.window_days",
            (
                f"{use_case.split.window_days} days hold {calendar.counted(n)}, and a training takes whole"
                f" ones, {LEAST} at the least: write more days"
            ),
        )


def _no_time_of_day(use_case: UseCase) -> Iterator[tuple[str, str]]:
    """Rows of hours whose moments are read by a format that knows no hour."""
    spelt = use_case.columns[use_case.time].format
    if use_case.partition.every == "hour" and spelt and not any(one in spelt for one in ("%H", "%I")):
        yield (
            f"columns.{use_case.time}.format",
            (
                f"{spelt!r} reads no hour, so that all rows of a day would fall into its first one; write a"
                " format with %H, or partition: {every: day}"
            ),
        )
