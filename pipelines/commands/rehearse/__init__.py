"""A time that has been, as a use case's schedule and rules would have lived it: trainings, nights, reports
and promotions by the functions of the steps, in a scratch folder, beside nothing that is real.

Features are computed once for all nights; windows and late labels see what a night would have seen. Gates on
data are not asked: what a rehearsal tells of is models. Where a person has to approve, approval is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from pipelines.commands import scratch
from pipelines.commands.rehearse import told
from pipelines.commands.rehearse.life import Life
from pipelines.commands.rehearse.played import Played, Registry
from pipelines.commands.rehearse.told import Month, Policy
from pipelines.core.dates import Days
from pipelines.storage.settings import Settings

Line: TypeAlias = str | Month | Policy


def rehearse(settings: Settings, use_case: str, days: Days) -> Iterator[Line]:
    """Live some nights by a use case's file, and tell what came of it: a line a month, then a line a policy.

    Raises:
        BadInput: the days are none, or the first training promotes nobody.
        SluiceError: the source cannot be read.
    """
    with scratch.place() as folder:
        played = Played.of(settings, use_case, days, folder / "played")
        yield f"{use_case}: {days} by {played.use_case.metric.name}"
        yield told.HEAD
        own = Life(played, Registry(played, "declared"), by_reports=True)
        yield from own.live()
        yield (
            "what other policies would have come to, with labels that are known in the end (trainings: the"
            " first one among them):"
        )
        yield own.policy("as declared")
        yield _by_schedule(played, own)
        yield own.policy("never trained again", own.first_champion)


def _by_schedule(played: Played, own: Life) -> Policy:
    """Without the trainings that reports have called for."""
    name = "by schedule only"
    if not own.called:
        return own.policy(name)
    other = Life(played, Registry(played, "scheduled", beside=own.registry), by_reports=False)
    for _ in other.live():
        pass
    return other.policy(name)
