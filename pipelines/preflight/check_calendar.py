"""Whether a file cuts time as the partitions do that are there: by another calendar their names would mean
other stretches of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pipelines.core.calendar import Calendar
from pipelines.core.config import Kind, UseCase
from pipelines.core.errors import TableCorrupt
from pipelines.run import archive
from pipelines.storage import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.storage.settings import Settings


def mistake(use_case: UseCase, settings: Settings) -> str | None:
    """That the use case has partitions of another calendar, in a sentence; None where it has not."""
    before = next(_before(use_case.name, settings), None)
    if before is None or before == use_case.calendar:
        return None
    return (
        f"its partitions are {before.told} so far, and are {use_case.calendar.told} now: their names would"
        " mean other times; give the use case another name, or take back what partition said"
    )


def _before(name: str, settings: Settings) -> Iterator[Calendar]:
    """The calendars of the newest partitions, a kind of run each."""
    for kind in get_args(Kind):
        folder = settings.data / name / kind
        for partition in reversed(list(places.at(folder).folders())):
            try:
                made_by = archive.file_of_run(settings, name, kind, folder / partition)
            except TableCorrupt:  # whoever reads that table says so; another partition may tell as well
                continue
            if made_by is not None:
                yield made_by.use_case.calendar
                break
