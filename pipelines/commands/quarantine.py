"""Quarantine: which rows were put aside and why. `replay` runs them again after a fix."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipelines.core import personal, sql
from pipelines.core.config.other_source import OtherSource
from pipelines.core.config.rows import Rows
from pipelines.core.errors import BadInput
from pipelines.run.run import Run

if TYPE_CHECKING:
    import duckdb

MOST = 10  # reasons, and examples
LONGEST = 100  # characters of what was found


@dataclass(frozen=True, kw_only=True)
class Example:
    """A row that was put aside."""

    key: str | None
    reasons: str
    found: dict[str, Any]  # column -> what the source gave, personal values masked

    def __str__(self) -> str:
        """One line for a person."""
        key = "(no key)" if self.key is None else _one_line(self.key)
        found = f": {_one_line(json.dumps(self.found, ensure_ascii=False))}" if self.found else ""
        return f"{key}: {self.reasons}{found}"


@dataclass(frozen=True, kw_only=True)
class Aside:
    """What of a partition is in quarantine, or of what another source has told of it."""

    partition: str
    rows: int  # that were delivered
    held: int  # of them, in quarantine
    rejected: int
    kinds: int = 0  # of reasons; `reasons` are the most frequent of them
    reasons: dict[str, int] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    table: str
    way_on: str
    sources: tuple[Aside, ...] = ()  # other sources of which anything is

    def __str__(self) -> str:
        """All of it for a person."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield from self._own_lines()
        for source in self.sources:
            yield from source._own_lines()

    def _own_lines(self) -> Iterator[str]:
        held = _share(self.held, self.rows)
        yield f"{self.partition}: {held} in quarantine, {self.rejected:,} of them rejected"
        if not self.held:
            return
        yield from (f"  {reason}: {_share(n, self.rows)}" for reason, n in self.reasons.items())
        yield from _more(self.kinds - MOST, "reasons")
        yield "for example, with what was found:" if self.examples[0].found else "for example:"
        yield from (f"  {example}" for example in self.examples)
        yield from _more(self.held - MOST, "rows")
        yield f"whole table: {self.table} (Parquet; the raw rows are in its column row)"
        yield f"way on: {self.way_on}"


def show(run: Run) -> Aside:
    """Tell which rows of a partition are in quarantine: how many for each reason, some examples, and what to
    do next.

    Personal values are masked.

    Raises:
        TableMissing: there is no such partition.
        BadInput: a drift report puts no rows aside.
    """
    if run.kind == "drift":
        raise BadInput(
            "a drift report puts no row aside",
            where=run.store,
            fix=f"name a night: quarantine show {run.use_case.name} scoring <day>",
        )
    own = _aside(
        str(run.store),
        run.store.manifest("raw").rows,
        run.store.read("quarantine"),
        run.use_case,
        _way_on(run),
    )
    others = (
        _of_source(run, name, source) for name, source in run.use_case.sources.items() if _has(run, name)
    )
    return replace(
        own, table=str(run.store.folder / "quarantine"), sources=tuple(one for one in others if one.held)
    )


def _has(run: Run, name: str) -> bool:
    """Whether the partition's run has come so far."""
    return run.store.has(f"sources_aside/{name}")


def _of_source(run: Run, name: str, source: OtherSource) -> Aside:
    way_on = (
        f"mend sources.{name} in {run.loaded.path.name}, or what it reads, then: python -m pipelines run"
        f" {run.use_case.name} {run.kind} {run.partition}"
    )
    rows, whole = run.store.read("sources_aside", (name,)), run.store.manifest(f"sources_raw/{name}").rows
    found = _aside(f"{run.store} sources.{name}", whole, rows, source, way_on)
    return replace(found, table=str(run.store.folder / "sources_aside" / name))


def _aside(partition: str, whole: int, rows: duckdb.DuckDBPyRelation, of: Rows, way_on: str) -> Aside:
    held, rejected = rows.aggregate("count(*), count(*) FILTER (rejected)").fetchall()[0]
    reasons = (
        rows.project("unnest(string_split(reasons, '; ')) AS reason")
        .aggregate("reason, count(*) AS n")
        .order("n DESC, reason")
    )
    return Aside(
        partition=partition,
        rows=whole,
        held=held,
        rejected=rejected,
        kinds=len(reasons),
        reasons=dict(reasons.limit(MOST).fetchall()),
        examples=tuple(_examples(rows, of)),
        table="",
        way_on=way_on if held else "",
    )


def _way_on(run: Run) -> str:
    # Of a night that a gate has stopped before it was scored there is nothing that rows could join.
    scored = run.kind == "scoring" and run.store.has("predictions")
    again = f"quarantine replay {run.use_case.name}" if scored else f"run {run.use_case.name} {run.kind}"
    return (
        f"mend the rule in {run.loaded.path.name}, or the source, then: python -m pipelines {again}"
        f" {run.partition}"
    )


def _examples(rows: duckdb.DuckDBPyRelation, of: Rows) -> Iterator[Example]:
    """A few rows, those with other reasons first: key, reasons, and what was found, where that is kept."""
    hidden, kept = personal.columns(of), "found" if "found" in rows.columns else "'{}'"
    least = (
        f"SELECT reasons, unnest(min({{'key': key, 'found': {kept}}}, {MOST})) AS least FROM rows GROUP BY"
        " reasons"
    )
    turn = "row_number() OVER (PARTITION BY reasons ORDER BY least)"
    every = sql.select(rows, "rows", least).order(f"{turn}, reasons").limit(MOST)
    for key, reasons, text in every.project("least.key, reasons, least.found").fetchall():
        found = {
            column: personal.MASK if column in hidden else value for column, value in json.loads(text).items()
        }
        shown = personal.MASK if of.key in hidden and key is not None else key
        yield Example(key=shown, reasons=reasons, found=found)


def _share(n: int, whole: int) -> str:
    return f"{n:,} of {whole:,} rows ({100 * n / whole:.3g} %)" if whole else f"{n:,} rows"


def _more(n: int, what: str) -> Iterator[str]:
    if n > 0:
        yield f"  ... and {n:,} more {what}"


def _one_line(text: str) -> str:
    """A text that may come from anywhere, fit for a terminal."""
    plain = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text[: LONGEST + 1])
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}..."
