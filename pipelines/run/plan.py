"""What a run does: the order of its steps, and of each step which table it writes, whose gate judges it, and
what it is shared out into.

DAGs, the command line, clearance, lineage and progress go by it. Nothing is done here: the work of a step is
the function of its name in `pipelines.flow`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pipelines.core import config
from pipelines.core.config import GatedTable, Kind, Model, UseCase

if TYPE_CHECKING:
    from pipelines.run.run import Run
    from pipelines.storage.parts import Shard


@dataclass(frozen=True)
class Outcome:
    """What a step tells its caller: one line for the log, and where a person can look further."""

    summary: str
    report: str | None = None  # path below the data root
    mlflow_run: str | None = None
    retrain: Model | None = None  # drift: a training is called for, which is to search for a model or keep it
    numbers: Mapping[str, float] = field(default_factory=dict)  # for whoever watches: name -> value


def _families(run: Run) -> tuple[str, ...]:
    return run.use_case.candidates.families


def _shards(run: Run) -> tuple[str, ...]:
    return tuple(shards(run))


def _looks_back(use_case: UseCase) -> bool:
    return bool(use_case.features.history)


def _joins(use_case: UseCase) -> bool:
    return bool(use_case.sources)


def _delivers(use_case: UseCase) -> bool:
    return use_case.sink is not None


def _always(_: UseCase) -> bool:
    return True


@dataclass(frozen=True)
class Step:
    """A task of a DAG, and all that others have to know of it.

    Attributes:
        name: Its task, and its function in `pipelines.flow`.
        writes: The table that it publishes, or a share of it; None: it publishes none.
        gate: The table whose gate stands behind it, which is the one that it writes; None: no gate does.
        about: What it reads, where no table that it writes cites it.
        mapped_by: What it is shared out into, one task each; it is asked when the task before has succeeded.
        needed: Whether a run by a file takes it.
        laid: Whether a use case's DAG has it; `past` also where nothing looks back, since a run that began by
            another file, or a night that goes by its champion's definitions, may need it.
        connection: What a use case's connection is lent for.
    """

    name: config.Step
    writes: str | None = None
    gate: GatedTable | None = None
    about: str | None = None
    mapped_by: Callable[[Run], tuple[str, ...]] | None = None
    needed: Callable[[UseCase], bool] = _always
    laid: Callable[[UseCase], bool] = _always
    connection: Literal["source", "sink"] = "source"


_TO_FEATURES = (
    Step("ingest", writes="raw", gate="raw"),
    Step("cleanse", writes="clean", gate="clean"),
    Step("past", writes="past", gate="past", needed=_looks_back),
    Step("sources", writes="sources", gate="sources", needed=_joins, laid=_joins),
    Step("features", writes="features", gate="features"),
)
STEPS: dict[Kind, tuple[Step, ...]] = {
    "training": (
        *_TO_FEATURES,
        Step("snapshot", about="features"),
        Step("tune", writes="trials", gate="trials", mapped_by=_families),
        Step("evaluate", writes="scores", gate="scores"),
        Step("export", writes="parity", gate="parity"),
        Step("promote", about="scores"),
    ),
    "scoring": (
        *_TO_FEATURES,
        Step("score", writes="predictions", mapped_by=_shards),
        Step("publish", writes="predictions", gate="predictions"),
        Step("deliver", about="predictions", laid=_delivers, connection="sink"),
    ),
    "drift": (Step("drift", writes="drift", gate="drift"),),
}


def dag_steps(use_case: UseCase, kind: Kind) -> tuple[Step, ...]:
    """The steps of a use case's DAG, in order."""
    return tuple(step for step in STEPS[kind] if step.laid(use_case))


def steps_of(use_case: UseCase, kind: Kind) -> tuple[Step, ...]:
    """The steps of a run by this file, in order."""
    return tuple(step for step in dag_steps(use_case, kind) if step.needed(use_case))


def step_of(kind: Kind, name: config.Step) -> Step:
    """A step of a kind of run, by its name."""
    return next(step for step in STEPS[kind] if step.name == name)


def is_first(kind: Kind, name: config.Step) -> bool:
    """Whether a run begins with a step, which takes the use-case file as it is then, for all of them."""
    return name == STEPS[kind][0].name


def shares(run: Run, name: config.Step) -> tuple[str, ...]:
    """What a step is shared out into, one task each; none: it is one task, and takes no share."""
    mapped_by = step_of(run.kind, name).mapped_by
    return mapped_by(run) if mapped_by else ()


def shards(run: Run) -> dict[str, Shard]:
    """The shards that the features are scored in, by name."""
    return {str(shard): shard for shard in run.store.shards("features", run.use_case.limits.shard_rows)}


def shares_behind(run: Run, task: config.Step | GatedTable) -> tuple[str, ...]:
    """The shares of the step behind a table's gate, or behind a step without one."""
    steps = steps_of(run.use_case, run.kind)
    tasks = [step.gate or step.name for step in steps]
    behind = steps[tasks.index(task) + 1 :] if task in tasks else ()
    return shares(run, behind[0].name) if behind else ()
