"""From one prediction back to all that made it: its row at each step, the gates, the runs, the model, and
what that was trained on.

Each table's manifest names the very tables that it was made of, so a night that has run again since is
followed in the revision that this prediction came from. Personal values are masked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from pipelines.core import personal, sql
from pipelines.core.config import GatedTable
from pipelines.core.errors import BadInput, TableCorrupt, TableMissing
from pipelines.registry import definitions, registry, versions
from pipelines.registry.history import Decision, History
from pipelines.run import archive, clearance
from pipelines.run.tables import TABLES

if TYPE_CHECKING:
    import duckdb

    from pipelines.run.run import Run
    from pipelines.storage.manifest import Manifest
    from pipelines.storage.store import Store

LONGEST = 80  # signs of a value


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task of a run, as it has noted itself."""

    time: str
    task: str
    run: str
    summary: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.time}  {self.task:<18} {self.run}: {self.summary}"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table on the way, in the revision that the prediction came from, and the row in it."""

    table: str
    revision: int
    revisions: int
    digest: str
    code: str
    gate: str  # what it said of this revision
    # column -> value as it is shown, personal ones masked; None: not in this revision
    row: dict[str, str] | None
    key: str

    def lines(self) -> Iterator[str]:
        """All of it for a person."""
        newest = "" if self.revision == self.revisions else ", not the newest"
        yield (
            f"{self.table}: revision {self.revision} of {self.revisions}{newest}, digest {self.digest[:12]},"
            f" by code {self.code}; {self.gate}"
        )
        if self.row is None:
            yield f"  no row {self.key!r} in this revision"
        else:
            yield from (f"  {name}: {value}" for name, value in self.row.items())


@dataclass(frozen=True, kw_only=True)
class Model:
    """The version that scored, and what it was trained on."""

    version: str
    family: str
    sha256: str
    threshold: float | None
    engine: str
    decisions: tuple[Decision, ...]
    training: str
    data_version: str
    kept: bool  # whether DVC here knows the data
    seed: str
    use_case_sha256: str
    code: str
    lock: str
    tasks: tuple[Task, ...]

    def lines(self) -> Iterator[str]:
        """All of it for a person."""
        yield (
            f"model: version {self.version} ({self.family}), sha256 {self.sha256[:12]}, threshold"
            f" {self.threshold}, scored by {self.engine}"
        )
        yield from (f"  {decision}" for decision in self.decisions)
        there = "kept in DVC" if self.kept else "not known to DVC here"
        yield f"training: {self.training}, data {self.data_version} ({there}), seed {self.seed}"
        yield f"  use-case file {self.use_case_sha256}, commit {self.code}, lock {self.lock}"
        yield from (f"  {task}" for task in self.tasks)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """All that made a prediction."""

    use_case: str
    partition: str
    key: str
    file: str  # which use-case file the night went by, in words
    tables: tuple[Table, ...]
    tasks: tuple[Task, ...]
    model: Model

    def __str__(self) -> str:
        """All of it for a person."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield self.file
        for table in self.tables:
            yield from table.lines()
        yield "runs:"
        yield from (f"  {task}" for task in self.tasks)
        yield from self.model.lines()
        again = f"python -m pipelines reproduce {self.use_case} {self.model.version}"
        yield f"  to see whether it can be made again: {again}"


def trace(run: Run, key: str) -> Trace:
    """Follow a row of a night backwards.

    Args:
        run: The night.
        key: The row's key, as the source has it.

    Raises:
        BadInput: there is no such row; where it is in quarantine, why.
        TableMissing: the night has not been scored.
    """
    digest: str | None = run.store.manifest("predictions").digest
    found = _row(run, "predictions", None, key)
    if found is None:
        raise _not_there(run, key)
    return Trace(
        use_case=run.use_case.name,
        partition=run.partition.isoformat(),
        key=key,
        file=_file(run),
        tables=tuple(_tables(run, key, digest)),
        tasks=_tasks(run.store),
        model=_model(run, str(found["model_version"])),
    )


def _tables(run: Run, key: str, digest: str | None) -> Iterator[Table]:
    for table in _back_from("predictions"):
        manifest, number = _revision(run, table, digest)
        row = _row(run, table, number, key)
        yield Table(
            table=table,
            revision=number,
            revisions=len(run.store.revisions(table)),
            digest=manifest.digest,
            code=manifest.code,
            gate=_gate(run, table, manifest),
            row=_row_text(run, row) if row else None,
            key=key,
        )
        digest = manifest.inputs.get(f"{run.kind}/{run.partition}/{TABLES[table].made_of}")


def _tasks(store: Store) -> tuple[Task, ...]:
    return tuple(
        Task(**{name: str(note[name]) for name in ("time", "task", "run", "summary")})
        for note in store.notes()
    )


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
        f"{told}; of the file as it is now, {definitions.summary(wait, 'mean')} something else:"
        f" {definitions.first_names(wait)}"
        if wait
        else told
    )


def _model(run: Run, version: str) -> Model:
    model = registry.champion(replace(run, model_version=version))
    told = model.metadata
    known = {kept.md5 for kept in versions.every(run.settings, run.use_case.name)}
    return Model(
        version=version,
        family=told["family"],
        sha256=model.sha256,
        threshold=model.threshold,
        engine=str(model.engine),
        decisions=tuple(
            line for line in History.of(run.settings, run.use_case.name).read() if line.version == version
        ),
        training=told["training_partition"],
        data_version=told["data_version"],
        kept=told["data_version"] in known,
        seed=told["seed"],
        use_case_sha256=told["use_case_sha256"],
        code=told["code"],
        lock=told.get("lock", "unknown"),
        tasks=_tasks(run.store.at("training", model.partition)),
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
        f"the revision of {table} that this prediction was made of ({digest[:12]}) is gone; there are"
        f" {len(every)} others",
        where=run.store,
        fix="bring it back from a backup",
    )


def _row(run: Run, table: str, number: int | None, key: str) -> dict[str, Any] | None:
    """The row with a key, which every gate has seen to be one; raw rows bear the source's name for it."""
    column = run.use_case.source_names[run.use_case.key] if table in ("raw", "past_raw") else run.use_case.key
    rows = _with_key(run.store.read(table, revision=number), column, key)
    found = rows.limit(1).fetchall()
    return dict(zip(rows.columns, found[0], strict=True)) if found else None


def _with_key(rows: duckdb.DuckDBPyRelation, column: str, key: str) -> duckdb.DuckDBPyRelation:
    return rows.filter(f"CAST({sql.name(column)} AS VARCHAR) = {sql.text(key)}")


def _row_text(run: Run, row: dict[str, Any]) -> dict[str, str]:
    """A row's values as a person sees them: in quotes if they are texts, cut if they are long."""
    hidden = personal.columns(run.use_case) | personal.features(run.use_case)
    shown = {}
    for name, value in row.items():
        text = repr(value) if isinstance(value, str) else str(value)
        text = personal.MASK if name in hidden and value is not None else text
        shown[name] = text if len(text) <= LONGEST else text[:LONGEST] + "..."
    return shown


def _gate(run: Run, table: GatedTable, manifest: Manifest) -> str:
    """What the table's gate said, if it was about this very revision."""
    try:
        said = clearance.evidence_of(run.store, table)
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


def _not_there(run: Run, key: str) -> BadInput:
    said = f"there is no prediction for the row {key!r}"
    if run.store.has("quarantine"):
        held = _with_key(run.store.read("quarantine"), "key", key).project("reasons").fetchall()
        if held:
            return BadInput(
                f"{said}: it is in quarantine, for {held[0][0]}",
                where=run.store,
                fix=f"python -m pipelines quarantine show {run.use_case.name} scoring {run.partition}",
            )
    return BadInput(
        f"{said}, and none in quarantine",
        where=run.store,
        fix=(
            f"name the key as the column {run.use_case.key} has it, and the night (YYYY-MM-DD) on which it"
            " came"
        ),
    )
