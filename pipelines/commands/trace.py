"""From one prediction back to all that made it: its row at each step, the gates, the runs, the model, and
what that was trained on.

Each table's manifest names the very tables that it was made of, so a night that has run again since is
followed in the revision that this prediction came from. Personal values are masked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from pipelines.core import personal, sql
from pipelines.core.config import GatedTable
from pipelines.core.errors import BadInput, TableCorrupt, TableMissing
from pipelines.registry import definitions, registry, snapshot
from pipelines.registry.history import History
from pipelines.run import archive, let_through
from pipelines.run.tables import TABLES

if TYPE_CHECKING:
    import duckdb

    from pipelines.run.run import Run
    from pipelines.storage.manifest import Manifest

LONGEST = 80  # signs of a value


def trace(run: Run, key: str) -> Iterator[str]:
    """Follow a row of a night backwards.

    Args:
        run: The night.
        key: The row's key, as the source has it.

    Yields:
        Lines for a person.

    Raises:
        BadInput: there is no such row; where it is in quarantine, why.
        TableMissing: the night has not been scored.
    """
    digest: str | None = run.store.manifest("predictions").digest
    found = _row(run, "predictions", None, key)
    if found is None:
        raise BadInput(_not_there(run, key))
    version = str(found["model_version"])
    yield _file(run)
    for table in _back_from("predictions"):
        manifest, number = _revision(run, table, digest)
        yield (
            f"{table}: {_revisions(run, table, number)}, digest {manifest.digest[:12]}, by code"
            f" {manifest.code}; {_gate(run, table, manifest)}"
        )
        row = _row(run, table, number, key)
        yield from (
            (f"  {line}" for line in _values(run, row))
            if row
            else iter([f"  no row {key!r} in this revision"])
        )
        digest = manifest.inputs.get(f"{run.kind}/{run.partition}/{TABLES[table].made_of}")
    yield "runs:"
    yield from (
        f"  {note['time']}  {note['task']:<18} {note['run']}: {note['summary']}" for note in run.store.notes()
    )
    yield from _model(run, version)


def _back_from(table: str) -> Iterator[GatedTable]:
    """A table, the one that it is made of, and so on to the first."""
    name: str | None = table
    while name:
        yield cast("GatedTable", name)
        name = TABLES[name].made_of


def _file(run: Run) -> str:
    """Which use-case file the night went by, and whether another one waits for its training."""
    by = archive.made_by(run.loaded)
    told = f"use-case file: {run.loaded.sha256[:12]}" + (
        f", the definitions of version {by} with all else of the file of then" if by else ""
    )
    now = archive.present(run)
    wait = definitions.apart(run.use_case, now.use_case) if now else []
    return (
        f"{told}; of the file as it is now, {definitions.counted(wait, 'mean')} something else:"
        f" {definitions.named(wait)}"
        if wait
        else told
    )


def _model(run: Run, version: str) -> Iterator[str]:
    model = registry.champion(replace(run, model_version=version))
    told = model.metadata
    yield (
        f"model: version {version} ({told['family']}), sha256 {model.sha256[:12]}, threshold"
        f" {model.threshold}, scored by {model.engine}"
    )
    for line in History.of(run.settings, run.use_case.name).read():
        if line.version == version:
            yield f"  {line}"
    kept = {kept.md5 for kept in snapshot.versions(run.settings, run.use_case.name)}
    there = "kept in DVC" if told["data_version"] in kept else "not known to DVC here"
    yield (
        f"training: {told['training_partition']}, data {told['data_version']} ({there}), seed {told['seed']}"
    )
    yield (
        f"  use-case file {told['use_case_sha256']}, commit {told['code']}, lock"
        f" {told.get('lock', 'unknown')}"
    )
    training = run.store.at("training", model.partition)
    yield from (
        f"  {note['time']}  {note['task']:<18} {note['run']}: {note['summary']}" for note in training.notes()
    )
    yield (
        f"  to see whether it can be made again: python -m pipelines reproduce {run.use_case.name} {version}"
    )


def _revision(run: Run, table: GatedTable, digest: str | None) -> tuple[Manifest, int]:
    """The revision of a table that has a digest, and its number from 1 on.

    What is published now where nobody names one.
    """
    every = run.store.revisions(table)
    if not every:
        run.store.manifest(table)  # says that it is missing
    for number, manifest in enumerate(every, start=1):
        if manifest.digest == digest:
            return manifest, number
    if digest is None:
        return every[-1], len(every)
    raise TableMissing(
        f"{run.store}: the revision of {table} that this prediction was made of ({digest[:12]}) is gone;"
        f" there are {len(every)} others\n  way out: bring it back from a backup"
    )


def _revisions(run: Run, table: GatedTable, number: int) -> str:
    newest = len(run.store.revisions(table))
    return f"revision {number} of {newest}{', not the newest' if number < newest else ''}"


def _row(run: Run, table: str, number: int | None, key: str) -> dict[str, Any] | None:
    """The row with a key, which every gate has seen to be one; raw rows bear the source's name for it."""
    column = run.use_case.source_names[run.use_case.key] if table in ("raw", "past_raw") else run.use_case.key
    rows = _with_key(run.store.read(table, revision=number), column, key)
    found = rows.limit(1).fetchall()
    return dict(zip(rows.columns, found[0], strict=True)) if found else None


def _with_key(rows: duckdb.DuckDBPyRelation, column: str, key: str) -> duckdb.DuckDBPyRelation:
    return rows.filter(f"CAST({sql.name(column)} AS VARCHAR) = {sql.text(key)}")


def _values(run: Run, row: dict[str, Any]) -> Iterator[str]:
    hidden = personal.columns(run.use_case) | personal.features(run.use_case)
    for name, value in row.items():
        shown = (
            personal.MASK
            if name in hidden and value is not None
            else repr(value)
            if isinstance(value, str)
            else str(value)
        )
        yield f"{name}: {shown if len(shown) <= LONGEST else shown[:LONGEST] + '...'}"


def _gate(run: Run, table: GatedTable, manifest: Manifest) -> str:
    """What the table's gate said, if it was about this very revision."""
    try:
        said = let_through.evidence_of(run.store, table)
    except TableMissing:
        return f"gate_{table} has not run"
    except TableCorrupt:
        return f"gate_{table} has left evidence that is damaged"
    if said.get("digest") != manifest.digest:
        return f"gate_{table} has judged another revision since"
    word = f", {said['accepted']}" if said.get("accepted") else ""
    return (
        f"gate_{table} {'open' if said.get('passed') is True else 'closed'}, {len(said['findings'])}"
        f" expectations{word}"
    )


def _not_there(run: Run, key: str) -> str:
    said = f"{run.store}: there is no prediction for the row {key!r}"
    if run.store.has("quarantine"):
        held = _with_key(run.store.read("quarantine"), "key", key).project("reasons").fetchall()
        if held:
            return (
                f"{said}: it is in quarantine, for {held[0][0]}\n  way on: python -m pipelines quarantine"
                f" show {run.use_case.name} scoring {run.partition}"
            )
    return (
        f"{said}, and none in quarantine\n  way out: name the key as the column {run.use_case.key} has it,"
        " and the night (YYYY-MM-DD) on which it came"
    )
