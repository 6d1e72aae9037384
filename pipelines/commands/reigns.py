"""Who was champion at a moment, and by which decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from pipelines.core import dates
from pipelines.core.errors import BadInput
from pipelines.core.rendered import one_line
from pipelines.registry.history import History

if TYPE_CHECKING:
    from pipelines.storage.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Reign:
    """What held at a moment."""

    moment: str  # as it was asked for
    champion: str | None
    since: datetime | date | None = None  # of a champion the moment, of a retirement the morning; None: never
    decided: str | None = None  # when, in ISO 8601, UTC
    decision: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        """One line for a person."""
        if self.decision is None:
            return f"{self.moment}: no champion yet"
        why = one_line(self.reason or "")
        if not isinstance(self.since, datetime):
            return f"{self.moment}: no champion since {self.since}: {why}"
        return (
            f"{self.moment}: version {self.champion}, since {self.since.isoformat(timespec='minutes')}:"
            f" {self.decision} {self.decided}: {why}"
        )


def at(settings: Settings, use_case: str, moment: str) -> Reign:
    """Find out who was champion at a moment, and by which decision.

    Args:
        settings: Where the history lies.
        use_case: Whose.
        moment: A day (its end), or a moment of it, as ISO 8601; without a zone it is UTC.

    Raises:
        BadInput: this is no moment.
    """
    line = History.of(settings, use_case).at(_moment(moment))
    if line is None:
        return Reign(moment=moment, champion=None)
    return Reign(
        moment=moment,
        champion=line.champion,
        since=line.since if line.champion is None else line.held_from,
        decided=line.time,
        decision=line.decision,
        reason=line.reason,
    )


def _moment(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(
            f"{text!r} is neither a day nor a moment", fix="write it as 2026-03-02 or 2026-03-02T14:00"
        ) from error
    if len(text) == len("2026-03-02"):
        when = datetime.combine(dates.parse(text) + dates.DAY, time()) - timedelta(seconds=1)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
