"""Read published results: of each partition the table that its gate has let through, and nothing else.

A glob over the tables' folders also finds drafts, revisions of before, parts of a table that is published no
more, and nights whose gate is closed; this reads what the manifests list, after checking each part's sha256.

In a notebook, where `read` returns a relation of DuckDB:

    from pipelines.commands.read import read
    read("card_fraud", "predictions", "2026-03-02", "2026-03-08").rows.df()
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.core import sql, use_cases
from pipelines.core.config import Kind
from pipelines.core.errors import BadInput, did_you_mean
from pipelines.run import clearance, plan
from pipelines.run.run import Run
from pipelines.run.tables import TABLES
from pipelines.storage.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from pipelines.storage.store import Store

PARTITION = "partition"  # a column of what is read
MOST = 20  # rows that a person is shown
# Beside a gated table, and judged with it or made by the same step.
BESIDE = {
    "outcomes": "drift",
    "performance": "drift",
    "diagnosis": "drift",
    "drift_days": "drift",
    "quarantine": "clean",
    "days": "past",
}
TEXTS = ("key", "unit", "found", "row")  # columns of those that hold what stands in others
FORMATS = {".parquet": "(FORMAT parquet, COMPRESSION zstd)", ".csv": "(FORMAT csv, HEADER)"}


@dataclass(frozen=True)
class Found:
    """What was read.

    Attributes:
        rows: The rows of all partitions that are let through, in their order, with a column `partition`.
        store: Holds what the rows are read by: they are there as long as it is.
        partitions: Whose rows these are.
        left_out: The other partitions of the range, and why nothing of them is read.
    """

    rows: duckdb.DuckDBPyRelation
    store: Store
    partitions: tuple[date, ...]
    left_out: dict[date, str]

    def told(self) -> Iterator[str]:
        """Whose rows these are, and what is left out, for a person."""
        first, last = self.partitions[0], self.partitions[-1]
        yield f"{len(self.partitions)} partitions from {first} to {last}"
        named = list(self.left_out.items())
        yield from (f"left out {day}: {why}" for day, why in named[:5])
        if len(named) > 5:
            yield f"and {len(named) - 5} more partitions"


def read(
    use_case: str,
    table: str,
    first: str,
    last: str,
    kind: Kind = "scoring",
    settings: Settings | None = None,
) -> Found:
    """Read a table of some partitions, as far as its gate has let it through.

    Args:
        use_case: The name of the use case.
        table: The name of the table, such as predictions.
        first: The first partition's name, such as 2026-03-02.
        last: The last one's.
        kind: Of which kind of run; drift for tables of a report.
        settings: Where things lie; by default as the environment says.

    Raises:
        BadInput: no such table, a range that ends before it begins, nothing that is let through in it, or
            partitions whose tables have other columns.
        TableCorrupt: a table is not what was published.
    """
    settings = settings or Settings.from_env()
    loaded = use_cases.load(settings.use_cases, use_case)
    calendar = loaded.use_case.calendar
    begun, ended = calendar.parse(first), calendar.parse(last)
    if begun > ended:
        raise BadInput(f"the range ends on {last}, before it begins on {first}", fix="exchange the two")
    _require_table(table, kind)
    run = Run.open(use_case, kind, begun, settings).task()
    found: list[tuple[date, duckdb.DuckDBPyRelation]] = []
    left_out: dict[date, str] = {}
    for day in calendar.span(begun, ended):
        store = run.store.at(kind, day)
        if why := _why_not(store, run, table):
            left_out[day] = why
        else:
            found.append((day, store.read(table, TABLES[table].pieces(loaded.use_case))))
    if not found:
        raise BadInput(
            f"nothing of {table} is let through from {first} to {last}",
            where=f"{use_case} {kind}",
            details=[f"{day}: {why}" for day, why in list(left_out.items())[:5]],
            fix="choose partitions that have run, or see their gates' reports",
        )
    _require_same(found, table, use_case)
    return Found(_together(found), run.store, tuple(day for day, _ in found), left_out)


def write(found: Found, path: Path) -> int:
    """Write what was read into a file of one's own, whole or not at all, and return its number of rows.

    Raises:
        BadInput: the file is there already, its folder is not, or its name tells no format.
    """
    if path.suffix not in FORMATS:
        raise BadInput(f"{path.name} names no format", fix=f"let it end in {' or '.join(FORMATS)}")
    if path.exists():
        raise BadInput(f"{path} is there already", fix="name another file, or remove it")
    if not path.parent.is_dir():
        raise BadInput(f"there is no folder {path.parent}", fix="make it, or name another file")
    # Beside its place, under a name that nobody reads.
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        copy = f"COPY (FROM rows) TO {sql.text(draft)} {FORMATS[path.suffix]}"
        found.rows.query("rows", copy)
        os.chmod(draft, 0o600)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    ((rows,),) = found.rows.count("*").fetchall()
    return int(rows)


def shown(found: Found, run: Run, table: str) -> str:
    """The first rows for a person, personal values masked."""
    from pipelines.core.personal import MASK
    from pipelines.gates import ask

    personal = ask.personal(run.use_case, "features")
    if personal and table in BESIDE:  # under names of its own, or as part of a text
        personal |= {name for name in found.rows.columns if name in TEXTS or name.startswith("slice_")}
    masked = [name for name in found.rows.columns if name in personal]
    replaced = ", ".join(f"{sql.text(MASK)} AS {sql.name(name)}" for name in masked)
    rows = found.rows.project(f"* REPLACE ({replaced})" if masked else "*")
    return str(rows.limit(MOST))


def _why_not(store: Store, run: Run, table: str) -> str | None:
    """Why nothing of a partition is read; None if it is."""
    published = TABLES[table].published_as(run.use_case)
    if not all(store.has(name) for name in published):
        return "it has none"
    gated = BESIDE.get(table, table)
    if gated not in {step.gate for steps in plan.STEPS.values() for step in steps}:
        return None
    why = clearance.why_not(store.citing_nothing(), run.use_case, gated)
    return f"gate_{gated}: {why}" if why else None


def _require_table(table: str, kind: Kind) -> None:
    if table not in TABLES or table == "sources":
        there = [name for name in TABLES if name not in ("sources", "sources_raw", "sources_aside")]
        raise BadInput(f"no table {table!r}; {did_you_mean(table, there)}", fix="name one that a step writes")
    of_report = table in ("drift", "outcomes", "performance", "diagnosis", "drift_days")
    if of_report != (kind == "drift"):
        raise BadInput(
            f"{table} is {'a' if of_report else 'no'} table of a report",
            fix=f"read it with --kind {'drift' if of_report else 'scoring'}",
        )


def _require_same(found: list[tuple[date, duckdb.DuckDBPyRelation]], table: str, use_case: str) -> None:
    first, columns = found[0][0], dict(zip(found[0][1].columns, map(str, found[0][1].types), strict=True))
    for day, rows in found[1:]:
        others = dict(zip(rows.columns, map(str, rows.types), strict=True))
        if changed := sorted({name for name, _ in columns.items() ^ others.items()}):
            raise BadInput(
                f"{table} has other columns on {day} than on {first}: {', '.join(changed[:10])}",
                where=use_case,
                fix=f"read the partitions up to the one before {day}, and those from it on, apart",
            )


def _together(found: list[tuple[date, duckdb.DuckDBPyRelation]]) -> duckdb.DuckDBPyRelation:
    if PARTITION in found[0][1].columns:
        return sql.together(rows for _, rows in found)
    return sql.together(rows.project(f"{sql.text(day.isoformat())} AS {PARTITION}, *") for day, rows in found)
