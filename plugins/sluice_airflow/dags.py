"""From a use case to its DAGs: what the three of them have in common; see `ways`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetAlias,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
    chain,
    get_parsing_context,
)

from pipelines import flow, runner
from pipelines.core import use_cases
from pipelines.core.config import GatedTable, Kind, UseCase
from pipelines.core.errors import BadUseCase, TryAgain
from pipelines.run import plan
from pipelines.storage.settings import Settings
from sluice_airflow import alerts, docs
from sluice_airflow.operators import DriftOperator, GateOperator, ShareOperator, StepOperator
from sluice_airflow.partitions import partition_param

# Only what a retry can mend is retried: `TryAgain`, and a worker that was killed (Airflow counts that as a
# try of its own). A user's mistake, a closed gate or a bug would only fail again, later.
RETRIES: dict[str, Any] = {
    "retries": 2,
    # Always the same: Airflow goes on counting when a task is cleared, and a delay that doubles would be
    # hours at the tenth try.
    "retry_delay": timedelta(seconds=30),
    "retry_policy": ExceptionRetryPolicy(
        [RetryRule(TryAgain, RetryAction.DEFAULT)], default=RetryAction.FAIL
    ),
}

# Nights come first, and trainings can never hold all workers: they have slots of their own, which `make
# setup` and the cluster's `init` make. Airflow queues no task of a pool that does not exist.
TRAINING_POOL = "sluice_training"
PRIORITY: dict[Kind, int] = {"scoring": 3, "drift": 2, "training": 1}


def sound_use_cases(kind: Kind) -> Iterator[UseCase]:
    """The use cases that a DAG file is about.

    A file with mistakes costs only its own use case; `dags/use_case_files.py` tells the mistakes.
    """
    folder = Settings.from_env().use_cases
    only = get_parsing_context().dag_id  # a task needs no DAG but its own
    for name in use_cases.names(folder):
        if only in (None, f"{name}_{kind}"):
            with suppress(BadUseCase):
                yield use_cases.load(folder, name).use_case


def sluice_dag(use_case: UseCase, kind: Kind, *, doc: str | None, **arguments: Any) -> DAG:
    """A DAG of a use case, still without tasks."""
    params = {"partition": partition_param(use_case), **arguments.pop("params", {})}
    return DAG(
        dag_id=f"{use_case.name}_{kind}",
        description=use_case.title,
        doc_md=docs.of_dag(doc, use_case),
        tags=["sluice", use_case.name, kind],
        params=params,
        catchup=False,
        # a way of which only a part could be laid, without its gates, must be no DAG of Airflow's
        auto_register=False,
        default_args={
            "owner": "sluice",
            **_turn(kind),
            **RETRIES,
            "on_failure_callback": alerts.notifiers(use_case),
        },
        **arguments,
    )


def _turn(kind: Kind) -> dict[str, Any]:
    """When a kind's tasks have their turn among those of others."""
    pool = {"pool": TRAINING_POOL} if kind == "training" else {}
    return {"priority_weight": PRIORITY[kind], "weight_rule": "absolute", **pool}


def lay_way(use_case: UseCase, kind: Kind, outlets: Mapping[str, Sequence[Asset | AssetAlias]]) -> None:
    """Lay the steps of `plan.dag_steps` and their gates in order, so that no DAG can forget a gate.

    Args:
        use_case: whose way it is.
        kind: which of its ways.
        outlets: task id -> what the task announces when it succeeds.
    """
    chained: list[Any] = []
    for step in plan.dag_steps(use_case, kind):
        if step.name == "promote" and use_case.promotion.approval:
            from sluice_airflow import approval  # only where somebody is asked: its import costs every parse

            chained.append(approval.task_for(use_case))
        before = chained[-1] if chained else None
        chained.append(_step(use_case, kind, step, outlets.get(step.name, ()), before))
        if step.gate:
            chained.append(_gate(use_case, kind, step.gate, outlets.get(f"gate_{step.gate}", ())))
    chain(*chained)


def _step(
    use_case: UseCase, kind: Kind, step: plan.Step, outlets: Sequence[Asset | AssetAlias], before: Any
) -> Any:
    arguments: dict[str, Any] = {
        "task_id": step.name,
        "step": step.name,
        "use_case": use_case.name,
        "kind": kind,
        "outlets": list(outlets),
    }
    arguments["doc_md"] = docs.of_task(flow.STEPS[step.name])
    if step.mapped_by:
        # Which families the run's own file has, and how many shards there are, is known when the task before
        # has succeeded.
        return ShareOperator.partial(map_index_template="{{ task.share }}", **arguments).expand(
            share=before.output
        )
    return (DriftOperator if step.name == "drift" else StepOperator)(**arguments)


def _gate(use_case: UseCase, kind: Kind, table: GatedTable, outlets: Sequence[Asset | AssetAlias]) -> Any:
    about = docs.of_task(runner.gate)
    return GateOperator(table=table, use_case=use_case.name, kind=kind, outlets=list(outlets), doc_md=about)
