"""Damages of other sources: what they tell, and what the step that reads them might make of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pipelines.commands.selftest.damage import Damage, behind
from pipelines.commands.selftest.stage import Stage
from pipelines.core.config.other_source import OtherSource
from pipelines.core.sql import name as quoted
from pipelines.run.run import Run

# Of any type: another value, which a join would have to choose from.
OTHER = {
    "string": "'other than ' || {}",
    "integer": "{} + 1",
    "number": "{} + 1",
    "boolean": "NOT {}",
    "date": "{} + 1",
    "timestamp": "{} + INTERVAL 1 DAY",
}


def every(stage: Stage) -> Iterator[Damage]:
    """All damages that a use case's other sources admit."""
    for name, source in stage.use_case.sources.items():
        yield from _told(name, source)
    if stage.use_case.sources:
        yield behind("sources", "sources", "a row is lost", "FROM rows OFFSET 1")
        yield behind("sources", "sources", "a row stands twice", "FROM rows UNION ALL (FROM rows LIMIT 1)")


def _told(name: str, source: OtherSource) -> Iterator[Damage]:
    called = source.source_names
    feature = next(
        (
            one
            for one, column in source.columns.items()
            if column.role == "feature" and one != source.available_at
        ),
        None,
    )
    if feature is not None:
        column = quoted(called[feature])
        other = OTHER[source.columns[feature].type].format(column)
        twice = f"FROM rows UNION ALL SELECT * REPLACE ({other} AS {column}) FROM rows"
        yield _damage(name, "two states of every moment", twice, "gate_sources")
        yield _damage(name, "a column is missing", f"SELECT * EXCLUDE ({column}) FROM rows", "sources")
    if source.available_at is not None:
        known, time = quoted(called[source.available_at]), quoted(called[source.time])
        early = f"SELECT * REPLACE ({time} - INTERVAL 1 DAY AS {known}) FROM rows"
        yield _damage(name, "known before it was so", early, "gate_sources")
    few = "FROM rows LIMIT (SELECT count(*) // 10 FROM rows)"
    yield _damage(name, "a tenth of the rows", few, "gate_sources")
    nobody = f"SELECT * REPLACE (NULL AS {quoted(called[source.key])}) FROM rows"
    yield _damage(name, "of nobody", nobody, "gate_sources")


def _damage(name: str, what: str, statement: str, stopped_by: str) -> Damage:
    def do(stage: Stage, statement: str) -> Run:
        stage.tell(name, statement)
        return stage.run("scoring")

    return Damage(f"{name}: {what}", "scoring", partial(do, statement=statement), stopped_by=stopped_by)
