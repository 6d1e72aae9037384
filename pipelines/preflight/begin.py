"""How a run begins: by which use-case file, and whether that is in order.

A model scores only what it has learned. Where the file's features mean something else by now (see `meaning`)
than those of the champion's training, a night or a week's report is made by the champion's own definitions,
until a model is promoted that has learned the new ones. A training that keeps the champion's model goes by a
file that says so. What is no definition comes from the present file:
where the source is, limits, schedule, alerts, sink, monitoring, what is personal, and the expectations about
all that means the same in both.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.composition import by_version, keeping
from pipelines.core.config import UseCase
from pipelines.core.errors import BadInput, BadUseCase, NoChampion
from pipelines.core.use_cases import Loaded
from pipelines.registry.definitions import apart, champion_of, first_names, summary
from pipelines.run import archive

if TYPE_CHECKING:
    from pipelines.run.run import Run

logger = logging.getLogger(__name__)


def begin(run: Run) -> Run:
    """The run as its first step takes it: by the present file, or by the champion's definitions, and that is
    kept.

    Raises:
        BadUseCase: that file has a mistake, which `check` would tell, too.
        BadInput: a night cannot be made by its champion's definitions; says which features mean something
            else. Or the champion's model cannot be kept.
        TableCorrupt, TryAgain: the champion's file cannot be had.
    """
    from pipelines.preflight import check, check_calendar

    if run.kind != "training":
        run = run.by(_for_champion(run))
    elif run.model == "keep":
        run = run.by(keeping.file(run))
    check.require(run.loaded)
    if wrong := check_calendar.mistake(run.use_case, run.settings):
        raise BadUseCase(
            "partition is another than it was",
            where=run.store,
            details=[wrong],
            fix=f"python -m pipelines check {run.use_case.name} says whether it is good",
        )
    archive.keep(run)
    if version := archive.made_by(run.loaded):
        logger.info("%s: %s", run.store, _by_older(run, version))
    return run


def _by_older(run: Run, version: str) -> str:
    """That a night is not made by the file as it is, and what of that waits."""
    now = archive.present(run)
    wait = apart(run.use_case, now.use_case) if now else []
    told = f": {summary(wait, 'wait')} for a training ({first_names(wait)})" if wait else ""
    return f"made by the definitions of version {version} with all else of {run.loaded.path.name}{told}"


def _for_champion(run: Run) -> Loaded:
    """The file for a night or a week's report: the present one, if its features mean what the champion has
    learned.
    """
    try:
        return by_version.for_version(run, champion_of(run))
    except NoChampion:
        return run.loaded  # the step that needs one says so


@contextmanager
def explaining(run: Run, first: bool) -> Iterator[None]:
    """Say with an error about what was delivered (to the first step) that the night asks for it by its
    champion's definitions.
    """
    try:
        yield
    except BadInput as error:
        if (
            not first
            or (version := archive.made_by(run.loaded)) is None
            or (now := archive.present(run)) is None
        ):
            raise
        if _asked_of_source(run.use_case) == _asked_of_source(now.use_case):
            raise  # by the file as it is now, the source would be asked for the same, and fail alike
        raise BadInput(
            error.parts.found,
            where=error.parts.where,
            details=[
                *error.parts.details[:2],
                f"asked for by the definitions of version {version}, which has learned other things than"
                f" {run.loaded.path.name} has now",
                *sorted(
                    apart(run.loaded.use_case, now.use_case), key=lambda line: "no such feature" not in line
                ),
            ],
            at=error.parts.at,
            fix=(
                f"train by the file as it is now, or let the source deliver what version {version} has"
                " learned"
            ),
        ) from error


def _asked_of_source(use_case: UseCase) -> tuple[object, ...]:
    """What a file wants of a delivery: columns and their values' form, not which of these are good."""
    columns = {name: (each.type, each.role, each.format) for name, each in use_case.columns.items()}
    return use_case.source, use_case.assign_days, use_case.cleanse.rename, use_case.cleanse.missing, columns
