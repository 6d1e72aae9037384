"""What a gate has let through: a step reads no table that its gate has not judged, as the table is now, and found good.

So a gate cannot be left out. Take it from a DAG, mark its task as a success by hand, or change the table behind its back:
the next step finds no evidence for this very table, and refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from pipelines import dates, kept
from pipelines.config import GatedTable, Step, UseCase
from pipelines.errors import GateClosed, TableCorrupt, TableMissing, listed
from pipelines.flow import WAYS
from pipelines.run import Run
from pipelines.store import Store


def is_let_through(store: Store, use_case: UseCase, table: GatedTable) -> bool:
    """Whether the table's gate let through the very table that is published now."""
    pieces = use_case.candidates.families if table == "trials" else ()
    try:
        evidence = _evidence(store, table)
        return evidence.get("passed") is True and evidence.get("digest") == store.digest(table, pieces)
    except (TableMissing, TableCorrupt):
        return False


def require(run: Run, step: Step) -> None:
    """Make sure that every gate before a step was open.

    Raises:
        GateClosed: some were not, or have judged another table than the one that is published now.
    """
    closed = [
        f"gate_{table} of {store}{_damage(store, table)}"
        for store, table in _before(run, step)
        if not is_let_through(store, run.use_case, table)
    ]
    if closed:
        raise GateClosed(
            f"{run.store}: {step} reads only what its gates have let through; closed, or not run on the table as it is now:\n{listed(closed)}\n"
            "  way out: see the gate's report, mend the cause, and run its step and the gate again"
        )


def _damage(store: Store, table: GatedTable) -> str:
    """What is wrong with what a gate has left, or with its table, where that is damaged."""
    try:
        _evidence(store, table)
        store.manifest(table) if table != "trials" else None
    except TableMissing:
        return ""
    except TableCorrupt as error:
        return f": {str(error).splitlines()[0]}"
    return ""


def _evidence(store: Store, table: GatedTable) -> dict[str, Any]:
    return kept.mapping(store.read_file(name := f"gates/{table}.json"), store.folder / name, "run the gate again")


def _before(run: Run, step: Step) -> Iterator[tuple[Store, GatedTable]]:
    """The gated tables that lie before a step: those of its own partition, and for the drift report its nights'."""
    # A store of their own: what a gate has said is no input of the step's table.
    store = run.afresh().store
    for _, table in takewhile(lambda at: at[0] != step, WAYS[run.kind]):
        if table:
            yield store, table
    if step == "drift":
        for day in dates.days_of(run.use_case, "drift", run.partition):
            night = store.at("scoring", day)
            if night.has("predictions"):  # the step itself says which nights are missing
                yield night, "features"
                yield night, "predictions"
