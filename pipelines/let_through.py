"""What a gate has let through: a step reads no table that its gate has not judged, as the table is now, and found good.

So a gate cannot be left out. Take it from a DAG, mark its task as a success by hand, or change the table behind its back:
the next step finds no evidence for this very table, and refuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import takewhile

from pipelines import dates
from pipelines.config import GatedTable, Step, UseCase
from pipelines.errors import GateClosed, TableMissing, listed
from pipelines.flow import steps_of
from pipelines.run import Run
from pipelines.store import Store


def is_let_through(store: Store, use_case: UseCase, table: GatedTable) -> bool:
    """Whether the table's gate let through the very table that is published now."""
    pieces = use_case.candidates.families if table == "trials" else ()
    try:
        evidence = json.loads(store.read_file(f"gates/{table}.json"))
        return evidence.get("passed") is True and evidence.get("digest") == store.digest(table, pieces)
    except TableMissing:
        return False


def require(run: Run, step: Step) -> None:
    """Make sure that every gate before a step was open.

    Raises:
        GateClosed: some were not, or have judged another table than the one that is published now.
    """
    closed = [f"gate_{table} of {store}" for store, table in _before(run, step) if not is_let_through(store, run.use_case, table)]
    if closed:
        raise GateClosed(
            f"{run.store}: {step} reads only what its gates have let through; closed, or not run on the table as it is now:\n{listed(closed)}\n"
            "  way out: see the gate's report, mend the cause, and run its step and the gate again"
        )


def _before(run: Run, step: Step) -> Iterator[tuple[Store, GatedTable]]:
    """The gated tables that lie before a step: those of its own partition, and for the drift report its nights'."""
    # A store of their own: what a gate has said is no input of the step's table.
    store = run.afresh().store
    for _, table in takewhile(lambda at: at[0] != step, steps_of(run.use_case, run.kind)):
        if table:
            yield store, table
    if step == "drift":
        for day in dates.days_of(run.use_case, "drift", run.partition):
            night = store.at("scoring", day)
            if night.has("predictions"):  # the step itself says which nights are missing
                yield night, "features"
                yield night, "predictions"
