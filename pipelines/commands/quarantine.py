"""Quarantine: which rows were put aside and why. `replay` runs them again after a fix."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.core import personal, sql
from pipelines.core.config import UseCase
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
        return f"{key}: {self.reasons}: {_one_line(json.dumps(self.found, ensure_ascii=False))}"


@dataclass(frozen=True, kw_only=True)
class Aside:
    """What of a partition is in quarantine."""

    partition: str
    rows: int  # that were delivered
    held: int  # of them, in quarantine
    rejected: int
    kinds: int = 0  # of reasons; `reasons` are the most frequent of them
    reasons: dict[str, int] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    table: str
    way_on: str

    def __str__(self) -> str:
        """All of it for a person."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        held = _share(self.held, self.rows)
        yield f"{self.partition}: {held} in quarantine, {self.rejected:,} of them rejected"
        if not self.held:
            return
        yield from (f"  {reason}: {_share(n, self.rows)}" for reason, n in self.reasons.items())
        yield from _more(self.kinds - MOST, "reasons")
        yield "for example, with what was found:"
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
    whole, rows = run.store.manifest("raw").rows, run.store.read("quarantine")
    held, rejected = rows.aggregate("count(*), count(*) FILTER (rejected)").fetchall()[0]
    reasons = (
        rows.project("unnest(string_split(reasons, '; ')) AS reason")
        .aggregate("reason, count(*) AS n")
        .order("n DESC, reason")
    )
    return Aside(
        partition=str(run.store),
        rows=whole,
        held=held,
        rejected=rejected,
        kinds=len(reasons),
        reasons=dict(reasons.limit(MOST).fetchall()),
        examples=tuple(_examples(rows, run.use_case)),
        table=str(run.store.folder / "quarantine"),
        way_on=_way_on(run) if held else "",
    )


def _way_on(run: Run) -> str:
    # Of a night that a gate has stopped before it was scored there is nothing that rows could join.
    scored = run.kind == "scoring" and run.store.has("predictions")
    again = f"quarantine replay {run.use_case.name}" if scored else f"run {run.use_case.name} {run.kind}"
    return (
        f"mend the rule in {run.loaded.path.name}, or the source, then: python -m pipelines {again}"
        f" {run.partition}"
    )


def _examples(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> Iterator[Example]:
    """A few rows, those with other reasons first: key, reasons, and what was found."""
    hidden = personal.columns(use_case)
    least = (
        f"SELECT reasons, unnest(min({{'key': key, 'found': found}}, {MOST})) AS least FROM rows GROUP BY"
        " reasons"
    )
    turn = "row_number() OVER (PARTITION BY reasons ORDER BY least)"
    every = sql.select(rows, "rows", least).order(f"{turn}, reasons").limit(MOST)
    for key, reasons, text in every.project("least.key, reasons, least.found").fetchall():
        found = {
            column: personal.MASK if column in hidden else value for column, value in json.loads(text).items()
        }
        shown = personal.MASK if use_case.key in hidden and key is not None else key
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
