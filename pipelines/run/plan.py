"""What a run does: the order of its steps, which table each writes and whose gate judges it, and what a step
is shared out into.

DAGs, the command line, clearance, lineage and progress go by it. Nothing is done here: see `pipelines.flow`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.core.config import GatedTable, Kind, Step, UseCase

if TYPE_CHECKING:
    from pipelines.run.run import Run
    from pipelines.storage.parts import Slice


@dataclass(frozen=True)
class Outcome:
    """What a step tells its caller: one line for the log, and where a person can look further."""

    summary: str
    report: str | None = None  # path below the data root
    mlflow_run: str | None = None
    retrain: bool = False  # drift: the week was so different that a training should follow
    numbers: Mapping[str, float] = field(default_factory=dict)  # for whoever watches: name -> value


# The order of the steps in each DAG; every table is followed by its gate. Airflow's DAGs and the command line
# share it.
WAYS: dict[Kind, tuple[tuple[Step, GatedTable | None], ...]] = {
    "training": (
        ("ingest", "raw"),
        ("cleanse", "clean"),
        ("past", "past"),
        ("features", "features"),
        ("snapshot", None),
        ("tune", "trials"),
        ("evaluate", "scores"),
        ("export", "parity"),
        ("promote", None),
    ),
    "scoring": (
        ("ingest", "raw"),
        ("cleanse", "clean"),
        ("past", "past"),
        ("features", "features"),
        ("score", None),
        ("publish", "predictions"),
    ),
    "drift": (("drift", "drift"),),
}


def steps_of(use_case: UseCase, kind: Kind) -> tuple[tuple[Step, GatedTable | None], ...]:
    """The way of a run by this file: that of `laid`, without `past` where no feature looks back."""
    return tuple(at for at in laid(use_case, kind) if at[0] != "past" or use_case.features.history)


def laid(use_case: UseCase, kind: Kind) -> tuple[tuple[Step, GatedTable | None], ...]:
    """The way of a DAG: that of all, and where there is a sink, behind every gate, what brings the
    predictions there.

    With `past` whether or not this file's features look back: a run that began by another file, or a night
    that goes by its champion's definitions, may need it; where it is not needed, it does nothing. The last
    step is none of `WAYS`: whoever goes those, such as the self-test with its damages, delivers nothing.
    """
    delivery: tuple[tuple[Step, None], ...] = (
        (("deliver", None),) if kind == "scoring" and use_case.sink else ()
    )
    return WAYS[kind] + delivery


def shares(run: Run, step: Step) -> tuple[str, ...]:
    """What a step is shared out into, one task each: families, slices of the features.

    None: it is one task, and takes no share.
    """
    if step == "tune":
        return run.use_case.candidates.families
    if step == "score":
        return tuple(slices(run))
    return ()


def slices(run: Run) -> dict[str, Slice]:
    """The slices that the features are scored in, by name."""
    return {str(slice_): slice_ for slice_ in run.store.deal("features", run.use_case.limits.slice_rows)}


def shares_behind(run: Run, task: Step | GatedTable) -> tuple[str, ...]:
    """The shares of the step behind a table's gate, or behind a step without one."""
    way = steps_of(run.use_case, run.kind)
    tasks = [table or step for step, table in way]
    behind = way[tasks.index(task) + 1 :] if task in tasks else ()
    return shares(run, behind[0][0]) if behind else ()
