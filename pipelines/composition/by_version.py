"""The file by which a version scores: the present one, as far as its features mean what the version has
learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from pipelines.composition.put_together import put_together
from pipelines.core import meaning, spoken, use_cases, yaml_text
from pipelines.core.config import UseCase
from pipelines.core.errors import OURS, BadInput, BadUseCase, SluiceError
from pipelines.core.use_cases import Loaded
from pipelines.registry.definitions import LABEL, apart, differences, file_of, summary

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.run.run import Run


def for_version(run: Run, version: str) -> Loaded:
    """The file by which a night is made that a version scores: the present one, if its features mean what
    that has learned.

    Raises:
        BadInput: the version's definitions and the rest of the present file are no whole.
        TableCorrupt, TryAgain: the version's file cannot be had.
    """
    learned = file_of(run.settings, run.use_case.name, version)
    others = apart(learned.use_case, run.use_case)
    # A feature that the model does not know changes no score of it; a week's report compares what the
    # training had.
    known = {*learned.use_case.features.names, *([LABEL] if _shows(learned.use_case, run.use_case) else [])}
    if not others or (run.kind == "scoring" and not any(line.partition(":")[0] in known for line in others)):
        return run.loaded
    heading = (
        f"# Definitions of version {version} (file {learned.sha256}); all else as in the file"
        f" {run.loaded.sha256},\n# where something else is meant by {summary(others)}: that waits for a model"
        " that has learned it.\n"
    )
    try:
        made = as_file(put_together(learned.use_case, run.use_case), run.loaded.path, heading)
        for still in differences(learned.use_case, made.use_case):
            raise ValueError(
                f"put together with the rest of the present file, they mean something else: {still}"
            )
        return made
    except (BadUseCase, ValueError) as error:
        raise BadInput(
            f"version {version} has learned other things than {run.loaded.path.name} has now, and by its"
            " own definitions this night cannot be made",
            where=run.store,
            details=[
                f"why not: {error.reason if isinstance(error, BadUseCase) else error}",
                *others,
            ],
            fix=f"train by the file as it is now, or bring back what version {version} has learned",
        ) from error


def _shows(learned: UseCase, now: UseCase) -> bool:
    """Whether a label shows in nights: those see none, so one whose column the source gives no more stops
    none of the same task.
    """
    given = {meaning.place(name, now) for name in now.columns if name not in now.source.derive}
    return (
        learned.task != now.task
        or learned.target in learned.source.derive
        or meaning.place(learned.target, learned) in given
    )


def as_far_as(loaded: Loaded, night: UseCase) -> Loaded:
    """A file without the features that a night does not have, and without windows that look further back than
    it does.

    Args:
        loaded: A file in which the night's own features mean what they do in the night's.
        night: By which the night was made.
    """
    now = loaded.use_case
    more = {name for name in now.features.names if name not in night.features.names}
    windows = {
        name: window
        for name, window in now.features.windows.items()
        if (window.source in night.sources if window.source else window.since <= night.features.history)
    }
    sources = {name: source for name, source in now.sources.items() if name in night.sources}
    if not more and len(windows) == len(now.features.windows) and len(sources) == len(now.sources):
        return loaded
    kinds = {
        kind: {name: text for name, text in getattr(now.features, kind).items() if name not in more}
        for kind in spoken.KINDS
    }

    from pipelines.composition import expected

    joins = {name: join for name, join in now.features.joins.items() if join.source in night.sources}
    features = now.features.model_copy(update={**kinds, "windows": windows, "joins": joins})
    less = now.model_copy(
        update={
            "slices": night.slices,
            "candidates": night.candidates,
            "sources": sources,
            "features": features,
        }
    )
    heading = (
        f"# The file {loaded.sha256} without what no model has learned yet, for a night that was made before"
        " it.\n"
    )
    return as_file(less.model_copy(update={"gates": expected.as_far_as(now, less)}), loaded.path, heading)


def as_file(use_case: UseCase, path: Path, heading: str = "") -> Loaded:
    """A use case that no file has said, as a file of its own.

    Raises:
        SluiceError: what the file would say is not this use case.
    """
    told = yaml.dump(
        _plain(use_case.model_dump(exclude_unset=True)), Dumper=yaml_text.Dumper, sort_keys=False, width=110
    )
    loaded = use_cases.parse(path, (heading + told).encode())
    if loaded.use_case != use_case:
        raise SluiceError(
            "a file that was put together does not say what it should: nothing goes by it",
            where=path.name,
            fix=OURS,
        )
    return loaded


def _plain(value: Any) -> Any:
    """What YAML can say: no tuples, and numbers that are numbers."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
