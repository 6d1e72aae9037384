"""What the source says of days whose performance is to be judged: labels that are late by however much.

A drift report judges the newest days whose labels are due. Where these lie before the first night that the
stage has lived, nights of the week are told as theirs, so that seven days are judged at any delay.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial

from pipelines.commands.selftest import past
from pipelines.commands.selftest.damage import Damage
from pipelines.commands.selftest.stage import Stage
from pipelines.core import dates, sql
from pipelines.core.config import GatedTable
from pipelines.monitoring.outcomes import NO_CHANCE
from pipelines.run import clearance
from pipelines.run.run import Run
from pipelines.storage import kept
from pipelines.storage.store import as_json

MANY = 2 * NO_CHANCE  # rows of the rarer class in a week, of which none is surely no chance
EVEN = 0.3  # share of the rarer class from which on swapped classes make every metric worse

TOLD: tuple[GatedTable, ...] = ("features", "predictions")


def every(stage: Stage) -> Iterator[Damage]:
    """All damages to labels that are due."""
    label, key = (_source(stage, name) for name in (stage.use_case.target, stage.use_case.key))
    by_key = f"OVER (ORDER BY hash({key}), {key}"
    changes = {
        "nearly none is there": f"if(hash({key}) % 300 = 0, {label}, NULL)",
        "each is that of another row": (
            f"coalesce(lag({label}) {by_key}), last_value({label}) {by_key} ROWS BETWEEN UNBOUNDED PRECEDING"
            " AND UNBOUNDED FOLLOWING))"
        ),
    }
    share, rows = _rarer(stage)
    if not stage.use_case.task.classes or share >= EVEN:
        changes["reversed"] = past.other_label(stage)
    column = stage.use_case.columns[stage.use_case.target]
    if column.allowed and share * rows >= MANY:
        negative = next(value for value in column.allowed if value != stage.use_case.label.positive)
        changes["all are of one class"] = sql.literal(negative, sql.TYPES[column.type])
    for what, value in changes.items():
        yield Damage(
            f"labels that are due: {what}",
            "drift",
            partial(_deliver, value=value),
            stopped_by="gate_drift",
        )


def _rarer(stage: Stage) -> tuple[float, int]:
    """The share of the rarer class in the training, and the rows of a week's nights."""
    week = dates.days_of(stage.use_case, "drift", stage.day("drift"))
    nights = [stage.run("scoring", day).store for day in week]
    rows = sum(night.manifest("predictions").rows for night in nights if night.has("predictions"))
    if not stage.use_case.task.classes:
        return 0.0, rows
    target = sql.name(stage.use_case.target)
    features = stage.run("training").store.read("features")
    ((share,),) = features.aggregate(f"coalesce(avg({target}), 0)").fetchall()
    return min(share, 1 - share), rows


def _deliver(stage: Stage, value: str) -> Run:
    """Let the source give other labels of the days that are judged."""
    week = stage.day("drift")
    judged = dates.due_days(stage.use_case, week)
    lived = dates.days_of(stage.use_case, "drift", week)
    spare = [day for day in lived if day not in judged and stage.run("scoring", day).store.has("predictions")]
    label, time = (_source(stage, name) for name in (stage.use_case.target, stage.use_case.time))
    for day in judged:
        of = day if day in lived else spare.pop() if spare else None
        if of is None or not stage.run("scoring", of).store.has("predictions"):
            continue
        back = f"{time} - INTERVAL {(of - day).days} DAY AS {time}"
        if of != day:
            _tell(stage, of, day)
        stage.deliver(day, f"SELECT * REPLACE ({value} AS {label}, {back}) FROM rows", of=of)
    return stage.run("drift")


def _tell(stage: Stage, of: date, day: date) -> None:
    """Publish a night's tables as those of another day, let through as they were."""
    there, here = (stage.run("scoring", each).store for each in (of, day))
    time = sql.name(stage.use_case.time)
    for table in TOLD:
        back = f"{time} - INTERVAL {(of - day).days} DAY AS {time}"
        rows = sql.select(there.read(table), "rows", f"SELECT * REPLACE ({back}) FROM rows")
        here.write(table, rows, meaning=there.manifest(table).meaning)
        said = clearance.evidence_of(there, table)
        said |= {"gate": f"gate_{table} of {here}", "digest": here.digest(table)}
        here.write_file(f"gates/{table}.json", as_json(kept.seal(said)))


def _source(stage: Stage, column: str) -> str:
    return sql.name(stage.use_case.source_names[column])
