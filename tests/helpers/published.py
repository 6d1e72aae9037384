"""Partitions whose tables are published as steps publish them, a few rows each, with the word of their gates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import pyarrow as pa

from pipelines.core.config import GatedTable, Kind
from pipelines.run import archive
from pipelines.run.run import Run
from pipelines.storage.settings import Settings
from tests.helpers import judged, tiny

MADE_OF = {
    "raw": (),
    "quarantine": ("raw",),
    "clean": ("raw",),
    "features": ("clean",),
    "predictions": ("features",),
}
GATED: tuple[GatedTable, ...] = ("raw", "clean", "features", "predictions")


def open_run(settings: Settings, kind: Kind, day: date) -> Run:
    return Run.open(tiny.NAME, kind, day, settings)


def scores(day: date, score: Sequence[float] = (0.25, 0.75), **more: Sequence[object]) -> pa.Table:
    """Predictions, of so many rows."""
    at = datetime(day.year, day.month, day.day, 12)
    return pa.table(
        {
            "id": [f"{day}-{n}" for n in range(len(score))],
            "at": [at] * len(score),
            "score": list(score),
            "partition": [day] * len(score),
            **{name: list(values) for name, values in more.items()},
        }
    )


def rows_of(table: str, day: date) -> pa.Table:
    if table == "predictions":
        return scores(day)
    if table == "quarantine":
        told = {
            "key": ["k"],
            "partition": [day],
            "reasons": ["amount: below 0"],
            "found": ['{"amount": -1}'],
            "rejected": [True],
        }
        return pa.table({**told, "row": ['{"id": "k", "customer": "Ann"}']})
    return pa.table({"id": [f"{day}-0", f"{day}-1"], "customer": ["Ann", "Bob"], "amount": [1.5, 2.5]})


def publish(run: Run, table: str, rows: pa.Table | None = None) -> None:
    """Write a table as its step does: of those before it, which it cites."""
    task = run.task()
    for before in MADE_OF.get(table, ()):
        task.store.read(before)
    task.store.write(table, rows_of(table, run.partition) if rows is None else rows)


def night(
    settings: Settings, day: date, rows: pa.Table | None = None, closed: GatedTable | None = None
) -> Run:
    """A night, up to its predictions or the gate that has closed."""
    run = open_run(settings, "scoring", day)
    archive.keep(run)
    for table in MADE_OF:
        publish(run, table, rows if table == "predictions" else None)
        if table in GATED:
            judged.clearance(run.store, table, passed=table != closed)
        if table == closed:
            break
    return run


def report(settings: Settings, day: date, passed: bool = True) -> Run:
    """A week's report, with what its gate judges besides."""
    run = open_run(settings, "drift", day)
    archive.keep(run)
    publish(
        run,
        "performance",
        pa.table({"day": [datetime(2026, 2, 1)], "metric": ["aucpr"], "value": [float("nan")]}),
    )
    publish(run, "drift", pa.table({"subject": ["amount"], "verdict": ["alarm"], "value": [0.5]}))
    judged.clearance(run.store, "drift", passed=passed)
    return run
