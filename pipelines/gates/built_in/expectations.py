"""The expectations that always hold: what the use-case file promises of each table, and what must agree
between tables.

They come from the file, from the numbers of rows in other tables' manifests and from earlier partitions that
their own gate has let through, never from the data that are judged: a range learned from a day would call
that day normal. What only a person can know (what an amount is like, how fresh the rows must be) stands in
the file, under `gates`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipelines.core.config import GatedTable
from pipelines.gates.built_in import drift, every, features, models, predictions, rows
from pipelines.gates.earlier import steady
from pipelines.gates.gx.suite import Stated
from pipelines.gates.resolve import resolve
from pipelines.run.run import Run

_OF: dict[GatedTable, Callable[[Run], Iterator[Stated]]] = {
    "raw": rows.raw,
    "clean": rows.clean,
    "past": rows.past,
    "features": features.features,
    "trials": models.trials,
    "scores": models.scores,
    "parity": models.parity,
    "predictions": predictions.predictions,
    "drift": drift.drift,
}


def expectations(run: Run, table: GatedTable) -> tuple[Stated, ...]:
    """The built-in expectations on a table of a run.

    Raises:
        TableMissing: a table with whose rows this one must agree is not published.
        TableCorrupt: an earlier partition is not what was published.
    """
    # Of a table of which nothing else is known, its columns are.
    built_in = _OF[table](run) if table in _OF else [every.columns(run, table)]
    return tuple(resolve(run, table, (*built_in, *_steady(run, table))))


def _steady(run: Run, table: GatedTable) -> Iterator[Stated]:
    """Every column is like it was on earlier days, and rows are new, unless the file says so itself."""
    if run.kind == "drift" or (run.store.has(table) and not run.store.manifest(table).rows):
        return
    for expectation in steady.default_expectations(run, table):
        name = expectation.name.removeprefix("expect_")
        if not every.is_stated_by_file(run.use_case, table, name, **expectation.kwargs):
            yield Stated(expectation)
