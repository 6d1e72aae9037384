"""A person's word on the cause that a weekly report has found: from the next report on it is known, and what
one training did not cure may be tried once more.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from pipelines.core import people
from pipelines.core.errors import BadInput
from pipelines.monitoring.diagnosis import CURED, Report
from pipelines.registry.history import Event, History
from pipelines.run.run import Run

if TYPE_CHECKING:
    from pipelines.storage.settings import Settings


def acknowledge(settings: Settings, use_case: str, week: date, reason: str) -> str:
    """Write down that a person has taken note of what a week's report has found.

    Args:
        settings: Where things lie.
        use_case: Its name.
        week: The report's, by its first day.
        reason: In the person's words.

    Returns:
        A sentence on what that means.

    Raises:
        BadInput: there is no reason, no champion, nothing to take note of, or another word on it already.
        TableMissing: there is no such report.
        TryAgain: somebody else is deciding about the champion.
    """
    if not reason.strip():
        raise BadInput("a word without a reason helps nobody who reads it later", fix="--reason '...'")
    run = Run.open(use_case, "drift", week, settings, resume=True)
    cause = Report(week, run.store.read("diagnosis").df()).cause
    if cause in CURED:
        raise BadInput(
            f"the report of the week {week} has found nothing to take note of: {cause}",
            where=use_case,
            fix="name the week whose report asks for it",
        )
    history = History.of(settings, use_case)
    with history.deciding():
        if history.champion is None:
            raise BadInput(f"{use_case} has no champion", fix="run a training whose model passes its gates")
        said = Event(
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            event="acknowledged",
            partition=week.isoformat(),
            version=history.champion,
            cause=cause,
            reason=reason.strip(),
            by=people.user(),
        )
        _require_new(history, said)
        history.note(said)
    return (
        f"{use_case}: {cause} of the week {week} is known; from the next week's report on, it may call for"
        " one training more"
    )


def _require_new(history: History, said: Event) -> None:
    """A history keeps one word on a week's cause: another one would be lost without a sign."""
    for known in history.events():
        if known.same_as(said) and (known.reason, known.by) != (said.reason, said.by):
            raise BadInput(
                f"{known.cause} of the week {known.partition} was acknowledged already, by {known.by} on"
                f" {known.time}: {known.reason}",
                where=history.path.parent.name,
                allowed="one word on what a week's report has found",
                fix="nothing is left to be done: from the next week's report on it is known",
            )
