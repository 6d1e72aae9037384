"""A table over some partitions: its rows, and what is told beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.commands.read.named import personal_columns
from pipelines.core import personal, sql
from pipelines.core.calendar import Days
from pipelines.core.config import Kind, UseCase
from pipelines.core.errors import BadInput, listed
from pipelines.storage import manifest, places, spill
from pipelines.storage.places import Place
from pipelines.storage.store import Store

if TYPE_CHECKING:
    import duckdb

RUNS: dict[Kind, str] = {"scoring": "night", "drift": "report", "training": "training"}
PARTITION, PART = "partition", "part of a partition"
MOST_TOLD = 7  # lines about what is not read
NUMBERS = ("int", "uint", "float", "double", "halffloat", "decimal")


@dataclass(frozen=True)
class Partition:
    """What is published of a table in one partition: rows that may be read, or why none may.

    Attributes:
        partition: Its name.
        why: Why its gate has not let it through, or None.
        missing: Whether there is no such table.
        store: Where it lies, with its manifests as they were when the gate was asked.
        names: The names of the table, or of its pieces.
        use_case: The file that it was made by, with what is personal by now.
    """

    partition: date
    why: str | None
    missing: bool
    store: Store | None = None
    names: tuple[str, ...] = ()
    use_case: UseCase | None = None

    @cached_property
    def manifests(self) -> tuple[manifest.Manifest, ...]:
        """What its pieces say of themselves."""
        return tuple(self.store.manifest(name) for name in self.names) if self.store else ()

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(each.rows for each in self.manifests)

    def part_places(self) -> list[Place]:
        """Where its parts lie."""
        return [place for name in self.names for place in self.store.part_places(name)] if self.store else []

    def files(self) -> Iterator[Path]:
        """Its parts on this machine, each compared with its sha256, in a folder that tells the partition."""
        if self.store is None:
            return
        for name in self.names:
            for path, place in zip(self.store.files(name), self.store.part_places(name), strict=True):
                if path == place:
                    yield path
                    continue
                # What was fetched is called by its sha256 alone, which several partitions may have in common.
                told = spill.folder() / "read" / self.store.where / name / place.name
                places.at(told).link(places.at(path))
                yield told


@dataclass(frozen=True)
class Found:
    """A table over some partitions."""

    use_case: UseCase
    kind: Kind
    table: str
    days: Days
    partitions: tuple[Partition, ...]

    @cached_property
    def open(self) -> tuple[Partition, ...]:
        """Those that are read."""
        return tuple(each for each in self.partitions if each.why is None and not each.missing)

    @property
    def rows(self) -> int:
        """How many rows are read."""
        return sum(each.rows for each in self.open)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of all that are read, in their order, whatever the case of their letters."""
        found: dict[str, str] = {}
        for each in self.open:
            for column in each.manifests[0].schema:
                found.setdefault(column.lower(), column)
        return tuple(found.values())

    @cached_property
    def personal(self) -> frozenset[str]:
        """Those of them that hold personal values."""
        every = [each.use_case for each in self.open if each.use_case]
        hidden = {name.lower() for each in every for name in personal_columns(each, self.table)}
        return frozenset(column for column in self.columns if column.lower() in hidden)

    # --- what is told beside the rows

    def told(self, masked: bool = True) -> str:
        """What is read, and what is not and why, in ten lines at most."""
        apart = [("closed", self._closed), ("missing", self._missing)]
        left = ", ".join(f"{len(some):,} {word}" for word, some in apart if some)
        told = (
            f"{self.use_case.name} {self.kind} {self.days}: {self.table} of {self._counted(len(self.open))},"
            f" {self.rows:,} rows" + (f"; not among them: {left}" if left else "")
        )
        hidden = f"personal values are masked: {', '.join(sorted(self.personal))}"
        lines = [
            told,
            *([listed(self.left_out, MOST_TOLD)] if left else []),
            *([hidden] if self.personal and masked else []),
        ]
        return "\n".join(lines)

    @property
    def _closed(self) -> list[Partition]:
        return [each for each in self.partitions if each.why is not None]

    @property
    def _missing(self) -> list[Partition]:
        return [each for each in self.partitions if each.missing]

    @property
    def left_out(self) -> list[str]:
        """What is closed, each with its reason, and what is missing, a stretch of it a line."""
        closed = [f"{each.partition} is closed: {each.why}" for each in self._closed]
        return closed + [f"{days}: nothing is published" for days in self._stretches()]

    def _stretches(self) -> Iterator[Days]:
        index = self.days.calendar.index
        of_run = groupby(enumerate(self._missing), key=lambda nth: index(nth[1].partition) - nth[0])
        for _, some in of_run:
            days = [each.partition for _, each in some]
            yield self.days.calendar.span(days[0], days[-1])

    def _counted(self, n: int) -> str:
        every = self.use_case.calendar.every
        word = every if self.kind == "scoring" and every != "day" else RUNS[self.kind]
        return f"{n:,} {word}{'' if n == 1 else 's'}"

    # --- the rows

    def require_one_type(self) -> None:
        """Make sure that no column is of two types that have no other in common than text.

        Raises:
            BadInput: one is.
        """
        first: dict[str, tuple[str, Partition]] = {}
        for each in self.open:
            for column, type_ in each.manifests[0].schema.items():
                before, where = first.setdefault(column.lower(), (type_, each))
                if before == "null":
                    first[column.lower()] = (type_, each)
                elif type_ not in (before, "null") and not (_is_number(type_) and _is_number(before)):
                    raise BadInput(
                        f"{column} is {before} in {where.partition} and {type_} in {each.partition}",
                        where=f"{self.use_case.name} {self.kind}, {self.table}",
                        fix=f"read what lies before {each.partition} and what follows one after the other",
                    )

    def relation(
        self, connection: duckdb.DuckDBPyConnection, personal_too: bool = False, least: int | None = None
    ) -> duckdb.DuckDBPyRelation:
        """The rows, partition by partition, each in its own order, with the partition's name as a column.

        They are read when they are used, in bounded memory; the parts are compared with their sha256 now, and
        of a bucket brought to this machine.

        Args:
            connection: The DuckDB that reads them.
            personal_too: Whether personal values are shown as they are.
            least: How many rows are asked for, at the most; all by default.

        Raises:
            TableCorrupt: a part is not what the manifest promises.
        """
        files = [str(path) for each in self._first(least) for path in each.files()]
        listed_files = ", ".join(map(sql.text, files))
        rows = connection.sql(
            f"FROM read_parquet([{listed_files}], union_by_name = true, filename = {sql.text(PART)})"
        )
        there = {column.lower() for column in rows.columns}
        hidden = frozenset() if personal_too else self.personal
        shown = [_shown(column, column in hidden) for column in self.columns if column.lower() in there]
        if PARTITION not in there:
            shown.insert(0, f"{self._partition_sql} AS {PARTITION}")
        return rows.project(", ".join(shown))

    def _first(self, least: int | None) -> Iterator[Partition]:
        """The partitions that hold the first rows, one at least."""
        rows = 0
        for each in self.open:
            yield each
            rows += each.rows
            if least is not None and rows >= least:
                return

    @property
    def _partition_sql(self) -> str:
        """SQL of the partition in which a file lies."""
        named = (
            f"regexp_extract({sql.name(PART)}, '/{self.kind}/([^/]+)/{self.table}/([^/]+/)?part-[^/]+$', 1)"
        )
        hours = self.days.calendar.every == "hour"
        return f"strptime({named}, '%Y-%m-%dT%H')" if hours else f"CAST({named} AS DATE)"


def _shown(column: str, hidden: bool) -> str:
    named = sql.name(column)
    return f"CASE WHEN {named} IS NOT NULL THEN {sql.text(personal.MASK)} END AS {named}" if hidden else named


def _is_number(type_: str) -> bool:
    return type_.startswith(NUMBERS)
