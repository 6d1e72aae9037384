"""Gates that are left out: their tasks marked as a success by hand, their evidence edited, or that of another
night.

The next step has to see it. And profiles of earlier nights from which somebody has taken what the gate would
compare with: it compares with what lies in the tables, not with what a file says of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from pipelines.commands.selftest.damage import Damage
from pipelines.core import dates, sql
from pipelines.core.config import GatedTable, Kind, Step
from pipelines.core.errors import TableMissing
from pipelines.gates.earlier import profile
from pipelines.run import plan
from pipelines.storage import places
from pipelines.storage.store import as_json

if TYPE_CHECKING:
    from pipelines.commands.selftest.stage import Stage
    from pipelines.run.run import Run

KINDS: tuple[Kind, ...] = ("training", "scoring")


def every(stage: Stage) -> Iterator[Damage]:
    """Each gate that has a step behind it, left out in each way."""
    for kind in KINDS:
        ways: dict[str, Callable[[Run, GatedTable], None]] = {
            "marked as a success by hand": _no_evidence,
            "its evidence edited": _edit,
        }
        if kind == "scoring":
            ways["its evidence is that of the night before"] = _of_the_night_before
        for step, behind in pairwise(plan.steps_of(stage.use_case, kind)):
            if step.gate:
                for what, leave in ways.items():
                    yield _left_out(kind, step.name, step.gate, behind.name, what, leave)
    numbers = [
        name
        for name, column in stage.use_case.columns.items()
        if column.role == "feature" and column.type == "number"
    ]
    for name in numbers[:1]:
        do = partial(_unknown_before, column=name)
        yield Damage(
            f"{name}: x2, and taken out of the profiles of earlier nights",
            "scoring",
            do,
            may_be_harmless=True,
            about=name,
        )


def _left_out(
    kind: Kind,
    step: Step,
    table: GatedTable,
    next_step: Step,
    what: str,
    leave: Callable[[Run, GatedTable], None],
) -> Damage:
    def do(stage: Stage) -> Run:
        run = stage.run(kind)
        leave(run, table)
        return run

    return Damage(
        f"gate_{table} left out: {what}", kind, do, behind=step, stopped_by=next_step, gate_left_out=True
    )


def _no_evidence(run: Run, table: GatedTable) -> None:
    places.at(run.store.folder / "gates" / f"{table}.json").unlink()


def _edit(run: Run, table: GatedTable) -> None:
    """Take out all that was found but the first: what is left still tells of an open gate."""
    said = json.loads(run.store.read_file(name := f"gates/{table}.json"))
    run.store.write_file(name, as_json(said | {"findings": said["findings"][:1]}))


def _of_the_night_before(run: Run, table: GatedTable) -> None:
    before = run.store.at("scoring", run.partition - timedelta(days=1))
    run.store.write_file(name := f"gates/{table}.json", before.read_file(name))


def _unknown_before(stage: Stage, column: str) -> Run:
    source, run = sql.name(stage.use_case.source_names[column]), stage.run("scoring")
    stage.deliver(stage.night, f"SELECT * REPLACE ({source} * 2 AS {source}) FROM rows")
    for day in dates.Days(stage.training + timedelta(days=1), stage.night - timedelta(days=1)):
        night = run.store.at("scoring", day)
        try:
            said = json.loads(night.read_file(name := profile.file_name("clean")))
        except TableMissing:
            continue  # measured when it is asked for
        for told in said["days"].values():
            told["numbers"] = {}
        night.write_file(name, as_json(said))
    return run
