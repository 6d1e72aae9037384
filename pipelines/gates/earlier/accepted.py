"""A person's word that a table which is unlike those before it is right all the same: said once, with a
reason, and remembered.

It lies beside the gate's evidence and is about the very table whose digest it names, and about what the gate
has found unlike earlier days there, column by column: the gate judges again, and is open by that word. Of an
accepted column only that day and those after it say what is usual. What holds for every table (its columns,
its keys, its declared ranges) cannot be accepted.
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines.core.config import GatedTable
from pipelines.core.errors import BadInput, TableMissing
from pipelines.gates.gx import own_steady
from pipelines.gates.gx.suite import Stated
from pipelines.run import clearance
from pipelines.run.tables import pieces
from pipelines.storage import kept
from pipelines.storage.store import as_json

if TYPE_CHECKING:
    from pipelines.run.run import Run
    from pipelines.storage.store import Store


MORE = 0.1  # of the rows: so many may join those of which something was said


@dataclass(frozen=True)
class Accepted:
    """What was said of a table.

    Attributes:
        digest: The table.
        findings: Expectation and column (empty: the rows) -> what was found there.
        reason: Why it is right.
        by: Who said so.
        time: When, in UTC.
    """

    digest: str
    findings: dict[str, str]
    reason: str
    by: str
    time: str

    def __str__(self) -> str:
        """In a sentence."""
        return f"accepted by {self.by} on {self.time}: {self.reason}"


@dataclass(frozen=True)
class _Told:
    """A finding, as far as it is asked about here."""

    name: str
    kwargs: dict[str, Any]
    subject: str
    found: str
    severity: str
    success: bool


@dataclass(frozen=True)
class _Evidence:
    """What a gate has said, as far as it is asked about here."""

    digest: str | None
    findings: tuple[_Told, ...]
    refusal: str | None = None


def accept(run: Run, table: GatedTable, reason: str, by: str | None = None) -> str:
    """Say that what a gate has found unlike earlier days is right.

    Args:
        run: The partition.
        table: What its gate has judged.
        reason: Why, for whoever reads it later.
        by: Who says so; by default the user of this machine.

    Returns:
        What was accepted, and how to go on.

    Raises:
        BadInput: no reason, nothing that can be accepted, or something that cannot.
        TableMissing: the gate has not judged the table.
        TableCorrupt: what the gate has said is damaged.
    """
    if not reason.strip():
        raise BadInput("a word without a reason helps nobody who reads it later", fix="--reason '...'")
    digest = run.store.digest(table, pieces(run.use_case, table))
    found = {_about(one.name, one.kwargs): one.found for one in _acceptable(run, table, digest)}
    before = of(run.store, table, digest)
    said = Accepted(
        digest=digest,
        findings={**(before.findings if before else {}), **found},
        reason=reason.strip(),
        by=by or getpass.getuser(),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    run.store.write_file(file_name(table), as_json(asdict(said)))
    run.note(f"accept {table}", f"{said}")
    columns = ", ".join(sorted(about.partition(" ")[2] or "the rows" for about in found))
    return (
        f"{run.store}: {table} is right, as {said.by} says, in {columns}: {said.reason}\nrun it again: python"
        f" -m pipelines run {run.use_case.name} {run.kind} {run.partition} (in Airflow: clear gate_{table}"
        f" alone): the gate judges by this word. From {run.partition} on, days are compared with it"
    )


def _acceptable(run: Run, table: GatedTable, digest: str) -> list[_Told]:
    """What closes a gate, all of which a person may accept.

    Raises:
        BadInput: there is none, or something else closes the gate, or it has judged another table.
    """
    evidence = _evidence(run, table)
    if evidence.digest != digest:
        raise BadInput(
            f"gate_{table} has judged another {table} than is published now",
            where=run.store,
            fix=f"run gate_{table} again, look at its page, and accept what it says then",
        )
    failed = [finding for finding in evidence.findings if not finding.success and finding.severity == "stop"]
    others = [finding for finding in failed if finding.name not in own_steady.NAMES]
    if others or evidence.refusal:
        told = [f"{one.subject}: {one.name}" for one in others] or [str(evidence.refusal)]
        raise BadInput(
            f"only what compares {table} with earlier days can be accepted, and gate_{table} is closed by"
            " what always holds",
            where=run.store,
            details=told,
            fix=f"mend these in the data or in the use-case file; then {run.again}",
        )
    if not failed:
        raise BadInput(
            f"there is nothing to accept: gate_{table} has found nothing that closes it",
            where=run.store,
            fix="accept a table that its gate has stopped",
        )
    return failed


def of(store: Store, table: GatedTable, digest: str) -> Accepted | None:
    """What was said of the very table that has this digest."""
    try:
        content = store.read_file(name := file_name(table))
    except TableMissing:
        return None
    said = kept.read(
        Accepted, content, store.folder / name, "remove it, and accept again what the gate has found"
    )
    return said if said.digest == digest else None


def taken_along(store: Store, table: GatedTable, other: Store) -> None:
    """Leave the word on a table beside another one, which has the same rows and a few more: too few to be
    unlike earlier days by themselves.
    """
    said, rows, more = (
        of(store, table, store.digest(table)),
        store.manifest(table).rows,
        other.manifest(table).rows,
    )
    if said and rows <= more <= (1 + MORE) * rows:
        other.write_file(file_name(table), as_json(asdict(replace(said, digest=other.digest(table)))))


def columns(store: Store, table: GatedTable) -> Sequence[str]:
    """The columns (empty: the rows) whose change was accepted in a partition's table as it is published
    now.
    """
    said = of(store, table, store.digest(table))
    return [about.partition(" ")[2] for about in said.findings] if said else []


def apply(said: Accepted | None, stated: Sequence[Stated]) -> list[Stated]:
    """The expectations, of which those that were accepted are shown, and close nothing."""
    if said is None:
        return list(stated)
    return [
        _open(one, said) if _about(one.expectation.name, one.expectation.kwargs) in said.findings else one
        for one in stated
    ]


def file_name(table: GatedTable) -> str:
    """Where a person's word on a table lies, below its partition."""
    return f"gates/{table}.accepted.json"


def _open(one: Stated, said: Accepted) -> Stated:
    expectation = one.expectation.model_copy(update={"severity": "warn"})
    return replace(one, expectation=expectation, why="; ".join(filter(None, (str(said), one.why))))


def _about(name: str, kwargs: dict[str, Any]) -> str:
    """What an expectation is about: its limits may change with the partitions before it, the table that was
    seen may not.
    """
    return f"{name} {kwargs.get('column', '')}"


def _evidence(run: Run, table: GatedTable) -> _Evidence:
    try:
        said = clearance.evidence_of(run.store, table)
    except TableMissing as error:
        raise BadInput(
            f"gate_{table} has not judged anything yet, so there is nothing to accept",
            where=run.store,
            fix=f"let gate_{table} judge it: {run.again}",
        ) from error
    return kept.read(
        _Evidence, as_json(said), run.store.folder / f"gates/{table}.json", f"run gate_{table} again"
    )
