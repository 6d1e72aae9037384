"""The way of a gate: five steps, each of which hands one object on to the next.

    ask      which expectations are stated about a table, and from where       -> Asked
    measure  Great Expectations measures the table                             -> Measured
    judge    findings, and whether what stands behind the gate may run         -> Verdict
    show     pages for a person, and the index                                 -> Shown
    keep     results, a note and the evidence, beside the table

What is kept lets the table through, and so is written when all else is there.
"""

from __future__ import annotations

from pipelines.core.config import GatedTable
from pipelines.gates.ask import ask
from pipelines.gates.judge import judge
from pipelines.gates.keep import keep
from pipelines.gates.measure import measure
from pipelines.gates.show import show
from pipelines.gates.verdict import GateVerdict
from pipelines.run import clearance, progress
from pipelines.run.plan import Outcome
from pipelines.run.run import Run


def gate(run: Run, table: GatedTable) -> Outcome:
    """Judge a table, keep the evidence, and stop the run unless every expectation on the table holds.

    Raises:
        GateClosed: some do not hold, or could not be judged.
    """
    run = run.task()
    with progress.reporting(run, f"gate_{table}"), run.store.retrying_when_full(f"gate_{table}"):
        verdict = judge(measure(ask(run, table)))
    shown = show(run, verdict)
    keep(run, shown)
    verdict.raise_if_closed(shown.report)
    return Outcome(verdict.summary(), report=shown.report, numbers=_numbers(run, verdict))


def verdict_on(run: Run, table: GatedTable) -> GateVerdict:
    """Judge a table, and keep nothing of it."""
    return judge(measure(ask(run, table)))


def _numbers(run: Run, verdict: GateVerdict) -> dict[str, float]:
    """What whoever watches the gate is told."""
    numbers: dict[str, float] = {
        "gate_open": verdict.passed,
        "failed_expectations": len(verdict.failed("stop")),
        "rows": verdict.rows,
    }
    if verdict.table == "predictions" and not run.what_if:
        numbers["newest_partition"] = clearance.newest_night(run).timestamp()
    return numbers
