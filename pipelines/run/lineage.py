"""Which tables a task has read and written, as their manifests tell it: what lineage outside of Sluice is
made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.run import plan
from pipelines.run.tables import TABLES

if TYPE_CHECKING:
    from pipelines.core.config import GatedTable, Step
    from pipelines.run.run import Run
    from pipelines.storage.manifest import Manifest


@dataclass(frozen=True)
class Dataset:
    """A table (or file) as it was at one time."""

    root: str
    name: str  # <use case>/<kind>/<table>: the same for every partition, of which the version tells
    version: str
    rows: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadAndWritten:
    """What a task has read and written."""

    reads: tuple[Dataset, ...] = ()
    writes: tuple[Dataset, ...] = ()


def of_step(run: Run, step: Step, share: str | None = None) -> ReadAndWritten:
    """What a step (or a share of it) has read and written; only to be asked when it has succeeded."""
    facts = plan.step_of(run.kind, step)
    if not facts.needed(run.use_case):  # it has done nothing
        return ReadAndWritten()
    if facts.writes is None:
        reads = (_there(run, facts.about),) if facts.about else ()
        return ReadAndWritten(reads, writes=_delivered_to(run) if facts.connection == "sink" else ())
    written = run.store.manifest(f"{facts.writes}/{share}" if share else facts.writes)
    cited = (_cited_dataset(run, name, digest) for name, digest in sorted(written.inputs.items()))
    beside = () if share else TABLES[facts.writes].with_it
    others = (_there(run, name) for name in beside if run.store.has(name))
    return ReadAndWritten(tuple(cited), (_dataset(run, written), *others))


def of_gate(run: Run, table: GatedTable) -> ReadAndWritten:
    """What a gate has judged."""
    if table not in [step.gate for step in plan.steps_of(run.use_case, run.kind)]:
        return ReadAndWritten()
    return ReadAndWritten(reads=tuple(_there(run, name) for name in TABLES[table].published_as(run.use_case)))


def _there(run: Run, table: str) -> Dataset:
    return _dataset(run, run.store.manifest(table))


def _dataset(run: Run, manifest: Manifest) -> Dataset:
    # What a what-if run writes lies beside the night, and is not what is published.
    name = "/".join(filter(None, [run.use_case.name, run.kind, run.store.aside, manifest.table]))
    return Dataset(
        str(run.store.root), name, f"{run.partition}@{manifest.digest[:16]}", manifest.rows, manifest.schema
    )


def _cited_dataset(run: Run, name: str, digest: str) -> Dataset:
    """What a manifest cites as `<kind>/<partition>/<table>`."""
    kind, partition, table = name.split("/", 2)
    return Dataset(str(run.store.root), f"{run.use_case.name}/{kind}/{table}", f"{partition}@{digest[:16]}")


def _delivered_to(run: Run) -> tuple[Dataset, ...]:
    sink = run.use_case.sink
    if sink is None or run.what_if:
        return ()
    published = run.store.manifest("predictions")
    # By the connection's name: the database's address is nothing that a lineage file should know.
    return (
        Dataset(
            f"connection://{sink.connection}",
            sink.table,
            f"{run.partition}@{published.digest[:16]}",
            published.rows,
        ),
    )
