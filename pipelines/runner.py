"""What a task of Airflow does, and the command line: take a step behind its guards, or judge a table; and the
whole way of a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines import flow
from pipelines.core.config import GatedTable, Step
from pipelines.run import plan
from pipelines.run.plan import Outcome

if TYPE_CHECKING:
    from pipelines.run.run import Run


def take(run: Run, step: Step, share: str | None = None) -> Outcome:
    """Take a step, or a share of it, as Airflow's tasks and the command line do: only if the gates before it
    have let its tables through.
    """
    from pipelines.preflight import begin
    from pipelines.run import clearance, progress

    first = plan.is_first(run.kind, step)
    with run.store.retrying_when_full(step):
        run = (begin.begin(run) if first else run).task()
        clearance.require(run, step)
    with (
        begin.explaining(run, first),
        progress.reporting(run, step, share),
        run.store.retrying_when_full(step),
    ):
        outcome = flow.STEPS[step](run, share) if share else flow.STEPS[step](run)
        run.note(f"{step} {share}" if share else step, outcome.summary)
        return outcome


def gate(run: Run, table: GatedTable) -> Outcome:
    """Judge a table, keep the evidence, and raise `GateClosed` unless every expectation on the table
    holds.
    """
    from pipelines.gates import gate

    if table == "past" and not run.use_case.features.history:
        return Outcome("gate_past: nothing to judge, since no feature of this run looks back")
    return gate.gate(run, table)


def run_all(run: Run) -> None:
    """Go the whole way without Airflow: each step, then its gate, in order; the first red gate ends it."""
    first, *others = plan.steps_of(run.use_case, run.kind)
    run.log(take(run, first.name))
    run = run.resumed()
    if first.gate:
        run.log(gate(run, first.gate))
    for step in others:
        for share in plan.shares(run, step.name) or (None,):
            run.log(take(run, step.name, share))
        if step.gate:
            run.log(gate(run, step.gate))
