"""Which tables a task has read and written, as their manifests tell it: what lineage outside of Sluice is
made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.run.plan import WAYS, steps_of

if TYPE_CHECKING:
    from pipelines.core.config import GatedTable, Step
    from pipelines.run.run import Run
    from pipelines.storage.manifest import Manifest

# Steps that write no table of their own, and what they are about.
ABOUT: Mapping[Step, str] = {"snapshot": "features", "promote": "scores", "deliver": "predictions"}


@dataclass(frozen=True)
class Dataset:
    """A table (or file) as it was at one time."""

    root: str
    name: str  # <use case>/<kind>/<table>: the same for every partition, of which the version tells
    version: str
    rows: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Touched:
    """What a task has read and written."""

    reads: tuple[Dataset, ...] = ()
    writes: tuple[Dataset, ...] = ()


def of_step(run: Run, step: Step, share: str | None = None) -> Touched:
    """What a step (or a share of it) has read and written; only to be asked when it has succeeded."""
    if step in ABOUT:
        return Touched(reads=(_there(run, ABOUT[step]),), writes=_delivered(run) if step == "deliver" else ())
    if step not in dict(steps_of(run.use_case, run.kind)):  # this run needs it not, and it has done nothing
        return Touched()
    table = "predictions" if step == "score" else dict(WAYS[run.kind])[step]
    written = run.afresh().store.manifest(f"{table}/{share}" if share else str(table))
    return Touched(
        tuple(_cited(run, name, digest) for name, digest in sorted(written.inputs.items())),
        (_dataset(run, written),),
    )


def of_gate(run: Run, table: GatedTable) -> Touched:
    """What a gate has judged."""
    if table not in dict(steps_of(run.use_case, run.kind)).values():
        return Touched()
    pieces = run.use_case.candidates.families if table == "trials" else ()
    return Touched(reads=tuple(_there(run, f"{table}/{piece}") for piece in pieces) or (_there(run, table),))


def _there(run: Run, table: str) -> Dataset:
    return _dataset(run, run.afresh().store.manifest(table))


def _dataset(run: Run, manifest: Manifest) -> Dataset:
    # What a what-if run writes lies beside the night, and is not what is published.
    name = "/".join(filter(None, [run.use_case.name, run.kind, run.store.aside, manifest.table]))
    return Dataset(
        str(run.store.root), name, f"{run.partition}@{manifest.digest[:16]}", manifest.rows, manifest.schema
    )


def _cited(run: Run, name: str, digest: str) -> Dataset:
    """What a manifest cites as `<kind>/<partition>/<table>`."""
    kind, partition, table = name.split("/", 2)
    return Dataset(str(run.store.root), f"{run.use_case.name}/{kind}/{table}", f"{partition}@{digest[:16]}")


def _delivered(run: Run) -> tuple[Dataset, ...]:
    sink = run.use_case.sink
    if sink is None or run.what_if:
        return ()
    published = run.afresh().store.manifest("predictions")
    # By the connection's name: the database's address is nothing that a lineage file should know.
    return (
        Dataset(
            f"connection://{sink.connection}",
            sink.table,
            f"{run.partition}@{published.digest[:16]}",
            published.rows,
        ),
    )
