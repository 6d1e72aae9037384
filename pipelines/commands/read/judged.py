"""What there is of a table in each partition, and what its gate has said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.commands.read.found import Partition
from pipelines.commands.read.named import gate_of
from pipelines.core import personal
from pipelines.core.calendar import Days
from pipelines.core.config import Kind, UseCase
from pipelines.core.errors import BadUseCase, TableCorrupt, TableMissing
from pipelines.run import archive, clearance, plan
from pipelines.run.tables import TABLES
from pipelines.storage import manifest
from pipelines.storage.settings import Settings
from pipelines.storage.store import Store, Version


def partitions(settings: Settings, now: UseCase, kind: Kind, table: str, days: Days) -> Iterator[Partition]:
    """What there is in each partition.

    Of reports and trainings nobody knows which there ought to be, since each may begin on any day: none is
    missing.
    """
    root = Store(settings.data, now.name, kind, days.first, Version(use_case="", code=""))
    there = {
        each
        for each in root.partitions(kind)
        if type(each) is type(days.first) and days.first <= each <= days.last
    }
    files: dict[str, UseCase] = {}
    for day in days if kind == "scoring" else sorted(there):
        yield (
            _partition(settings, now, root.at(kind, day), table, files)
            if day in there
            else Partition(day, None, missing=True)
        )


def _partition(
    settings: Settings, now: UseCase, store: Store, table: str, files: dict[str, UseCase]
) -> Partition:
    day, kind = store.partition, store.kind
    try:
        first = manifest.current(store.folder / archive.FIRST[kind])
        if first is None:
            return Partition(day, None, missing=True)
        if first.use_case not in files:
            files[first.use_case] = personal.with_privacy(
                archive.kept_file(settings, now.name, first.use_case).use_case, now
            )
        made_by = files[first.use_case]
        version = Version(use_case=first.use_case, code="")
        own = Store(store.root, store.use_case, kind, day, version).recording()
        names = (table,) if "/" in table else TABLES[table].published_as(made_by)
        if not all(map(own.has, names)):
            why = _stopped_by(own)
            return Partition(day, why, missing=why is None)
        why = _why_not(own, made_by, table, names)
        return Partition(day, why, missing=False, store=own, names=names, use_case=made_by)
    except TableMissing:  # removed since it was asked for
        return Partition(day, None, missing=True)
    except (TableCorrupt, BadUseCase) as error:  # a file that is damaged or gone
        return Partition(day, error.sentence, missing=False)


def _why_not(store: Store, use_case: UseCase, table: str, names: Sequence[str]) -> str | None:
    """Why a table may not be read, in a few words; None if it may."""
    gate = gate_of(table)
    if why := clearance.why_not(store, use_case, gate):
        return f"gate_{gate}: {why}" if why != "closed" else f"gate_{gate}"
    judged = store.manifest(TABLES[gate].published_as(use_case)[0])
    for made in map(store.manifest, names):
        if made.use_case != judged.use_case:
            return f"it was made by another use-case file than {gate}"
        for name, digest in made.inputs.items():
            if name.rpartition("/")[2] == made.table:  # of before it was written again by the same step
                continue
            if digest != _there_now(store, name, judged.inputs.get(name, digest)):
                return f"it was made of another {name.rpartition('/')[2]} than {gate}, or than is there now"
    return None


def _there_now(store: Store, name: str, judged: str) -> str:
    """The digest of an input as it is now, if it is a table of the same partition; else that by which its
    gate has judged.
    """
    here = f"{store.kind}/{store.partition}/"
    table = name.removeprefix(here)
    if not name.startswith(here) or not store.has(table):
        return judged
    return store.digest(table)


def _stopped_by(store: Store) -> str | None:
    """The gate that has closed before the table was made; None where none has."""
    for step in plan.STEPS[store.kind]:
        if step.gate is None:
            continue
        try:
            passed = clearance.evidence_of(store, step.gate).get("passed") is True
        except TableMissing:
            continue
        except TableCorrupt as error:
            return error.sentence
        if not passed:
            return f"gate_{step.gate}, before this table was made"
    return None
