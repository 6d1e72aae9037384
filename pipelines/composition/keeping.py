"""The file of a training that keeps the champion's model: the present one, whose candidates are that model
alone, with the days on whose rows its calibration is learned and those that judge it.

The file is the record of that choice: every table of the run names it, every later task and whoever makes the
version again goes by it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pipelines.composition import by_version
from pipelines.core import dates, families
from pipelines.core.config import Keep, Search, UseCase
from pipelines.core.errors import BadInput
from pipelines.evaluation import enough
from pipelines.evaluation.recalibrated import INSTEAD
from pipelines.monitoring import trial
from pipelines.monitoring.diagnosis import PRIOR
from pipelines.registry import definitions, registry
from pipelines.registry.history import History

if TYPE_CHECKING:
    from pipelines.core.dates import Days
    from pipelines.core.use_cases import Loaded
    from pipelines.registry.registry import Champion
    from pipelines.run.run import Run

# Held-out days, where days are drawn: they are not of equal weight, and so many of equal weight are needed.
LEAST_JUDGED = enough.OVER_CHAMPION.units + 1


def file(run: Run) -> Loaded:
    """Make the file.

    Args:
        run: A training by the present file.

    Raises:
        BadInput: there is no model that could be kept, it has learned something else than the file says, or
            too few labelled days are new to it.
        TableCorrupt, TryAgain: the champion or its file cannot be had.
    """
    if not run.use_case.task.probabilities:  # with a champion or without: no later training mends that
        raise BadInput(
            f"a model of a {run.use_case.task} task has no calibration and no threshold to learn anew",
            where=run.store,
            fix=INSTEAD,
        )
    champion = registry.champion_or_none(run)
    if champion is None:
        raise BadInput("there is no champion whose model could be kept", where=run.store, fix=INSTEAD)
    learned = definitions.file_of(run.settings, run.use_case.name, champion.version).use_case
    if others := definitions.apart(learned, run.use_case):
        raise BadInput(
            f"the model of version {champion.version} cannot be kept: it has learned other things than"
            f" {run.loaded.path.name} has now",
            where=run.store,
            details=others,
            fix=f"{INSTEAD}, which learns them",
        )
    keep = _keep(run, champion, learned)
    heading = (
        f"# The file {run.loaded.sha256}, of a training that keeps the model of version {keep.version}.\n"
    )
    return by_version.as_file(
        _with(run.use_case, keep, champion.metadata["family"]), run.loaded.path, heading
    )


def _keep(run: Run, champion: Champion, learned: UseCase) -> Keep:
    """Which model, and which days; of a training that has made the champion, what it has kept then."""
    before = learned.candidates.keep
    if before and champion.partition == run.partition:
        return before
    seen = dates.days_of(learned, "training", champion.partition).last
    calendar, report = run.calendar, run.use_case.report_partitions
    since = max(calendar.step(seen, 1), run.days.first, *_called(run, champion))
    days = calendar.span(since, run.days.last)
    if len(days) < trial.least(report):
        told = trial.too_few(since, days.last, run.use_case.label.delay_days, calendar, report)
        raise BadInput(
            f"the model of version {champion.version} cannot be kept yet: {told}",
            where=run.store,
            fix=f"run a later partition; or {INSTEAD}",
        )
    return Keep(version=champion.version, since=since, judged_from=judged_from(days, run.use_case))


def _called(run: Run, champion: Champion) -> list[date]:
    """The first day of what is new, as the newest report says that has called for it; none where none has."""
    calls = [
        (event.partition, event.since)
        for event in History.of(run.settings, run.use_case.name).events()
        if event.event == "called"
        and (event.cause, event.version) == (PRIOR, champion.version)
        and dates.days_of(run.use_case, "drift", dates.read(event.partition)).last <= run.partition
    ]
    return [dates.read(since) for _, since in sorted(calls)[-1:] if since]


def judged_from(days: Days, use_case: UseCase) -> date:
    """The first of the days that judge: half of what is new, at most four weeks; where days are drawn, as
    many as a promotion needs.
    """
    least = LEAST_JUDGED if use_case.unit == "day" else 0
    most = trial.MOST_JUDGED * use_case.report_partitions // dates.WEEK
    n = min(max(len(days) // 2, least), most, len(days) - 1)
    return days.calendar.step(days.last, 1 - n)


def _with(use_case: UseCase, keep: Keep, family: str) -> UseCase:
    """The use case with that model as its only candidate, which is not fitted again."""
    others: dict[str, object] = {each.name: None for each in families.EVERY}
    own = getattr(use_case.candidates, family) or Search()
    candidates = use_case.candidates.model_copy(update={**others, family: own, "refit": "none", "keep": keep})
    return use_case.model_copy(update={"candidates": candidates})
