"""Which tables can be read, of which kind of run, behind which gate, and what of them is personal."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from pipelines.core import personal
from pipelines.core.config import GatedTable, Kind, UseCase
from pipelines.core.errors import BadInput, brief, did_you_mean
from pipelines.run import plan
from pipelines.run.tables import TABLES

KINDS: tuple[Kind, ...] = ("scoring", "drift", "training")  # of those that have a table, the first is meant
# Made by the same step as a table that a gate judges.
MADE_BESIDE: dict[str, GatedTable] = {"quarantine": "clean", "drift_days": "drift"}
WHOLE_ROWS = {"found", "row"}  # of quarantine: JSON of what the source gave


def kind_of(use_case: UseCase, table: str, kind: Kind | None) -> Kind:
    """The kind of run whose table is meant.

    Raises:
        BadInput: there is no such table, or this kind has none.
    """
    having = {each: _readable(use_case, each) for each in KINDS}
    if kind is not None and table in having[kind]:
        return kind
    found = [each for each, names in having.items() if table in names]
    if found and kind is None:
        return found[0]
    if found:
        raise BadInput(
            f"{kind} has no table {brief(table)}",
            where=use_case.name,
            allowed=" or ".join(found),
            fix="name one of these",
        )
    known = list(dict.fromkeys(name for names in having.values() for name in names))
    if table in TABLES and TABLES[table].name == "sources" and use_case.sources:
        known = [name for name in known if name.startswith("sources/")]
    raise BadInput(
        f"there is no table {brief(table)} to read: {did_you_mean(table, known)}",
        where=use_case.name,
        fix="name one of these",
    )


def _readable(use_case: UseCase, kind: Kind) -> list[str]:
    """The names of a kind's tables that a gate lets through, those among them that it judges besides."""
    found: list[str] = []
    for step in plan.steps_of(use_case, kind):
        if step.gate == "sources":
            found += [f"sources/{name}" for name in use_case.sources]
        elif step.gate:
            found += [step.gate, *TABLES[step.gate].with_it]
            found += [name for name, gate in MADE_BESIDE.items() if gate == step.gate]
    return found


def gate_of(table: str) -> GatedTable:
    """The table by whose gate this one is let through."""
    if table in MADE_BESIDE:
        return MADE_BESIDE[table]
    named = table.partition("/")[0]
    own = next((each.name for each in TABLES.values() if named in each.with_it), named)
    return cast("GatedTable", own)


def personal_columns(use_case: UseCase, table: str) -> Collection[str]:
    """The columns of a table that hold personal values, under any name that it may have for them."""
    if "/" in table:
        source = use_case.sources.get(table.partition("/")[2])
        return personal.columns(source) if source else ()
    hidden = personal.columns(use_case) | personal.features(use_case)
    found = {*hidden, *(f"slice_{name}" for name in use_case.slices if name in hidden)}
    if use_case.key in hidden:
        found.add("key")
    if use_case.unit_column in hidden:
        found.add("unit")
    return found | (WHOLE_ROWS if hidden and table == "quarantine" else set())
