"""What other runs have let through of the days that windows see, and how the days are now.

A day is known by its night's own row in the table `days`, by those of the night before this partition, and by the newest training's:
each only if the gates of the tables that it tells of are open on them as they are now. Only earlier partitions are asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipelines import sql
from pipelines.config import GatedTable, Kind
from pipelines.errors import TableMissing
from pipelines.let_through import is_let_through
from pipelines.run import Run
from pipelines.store import Store

if TYPE_CHECKING:
    import duckdb

KINDS: tuple[Kind, ...] = ("scoring", "training")
# The gates by which a night's own rows are stopped. Not gate_past: what that stops is not the night's own.
OF_A_NIGHT: tuple[GatedTable, ...] = ("raw", "clean", "features", "predictions")


@dataclass(frozen=True)
class Day:
    """A row of the table `days`, see `pipelines.past`, and whose it is."""

    store: Store
    day: date
    own: bool
    delivered: int | None
    aside: int | None
    rejected: int | None
    rows: int
    again: int
    content: str | None
    pattern: str | None
    labelled: int
    labels: str | None
    positives: int | None
    meaning: str

    def __str__(self) -> str:
        """By which run it is known, as messages name it."""
        return f"{self.store.kind} {self.store.partition}"


@dataclass(frozen=True)
class Difference:
    """How a day's rows differ from those that were let through: numbers of rows."""

    before: int
    added: int
    gone: int
    changed: int  # in any column but the label
    labelled: int  # those whose label is known now, and was then
    relabelled: int  # those of them whose label is another

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self.added or self.gone or self.changed or self.relabelled)


def days(store: Store) -> list[Day]:
    """The days of a partition, oldest first."""
    columns = [name for name in Day.__dataclass_fields__ if name != "store"]
    return [Day(store, *row) for row in store.read("days").project(", ".join(map(sql.name, columns))).order("day").fetchall()]


def others(run: Run) -> tuple[Store, ...]:
    """The earlier partitions that are asked: of each kind the newest whose days were let through."""
    return tuple(store for kind in KINDS for store in islice(_let_through(run, kind), 1))


def of(run: Run, asked: Sequence[Day], told: Sequence[Day]) -> dict[date, list[Day]]:
    """What is known of some days, by this partition's rules: the night's own word first, then those of `others`, which are told."""
    found: dict[date, list[Day]] = {}
    wanted = {day.day: day for day in asked}
    for known in told:
        if known.day in wanted and known.meaning == wanted[known.day].meaning:
            found.setdefault(known.day, []).append(known)
    for day in asked:
        if not any(is_as(day, known) for known in found.get(day.day, ())) and (own := _own(run, day)):
            found.setdefault(day.day, []).insert(0, own)
    return found


def is_as(day: Day, known: Day) -> bool:
    """Whether a day's rows, but for labels that one of both does not know, are those that are known."""
    return (day.content, day.rows) == (known.content, known.rows) and not relabelled(day, known)


def relabelled(day: Day, known: Day) -> bool:
    """Whether both know labels, and not the same."""
    return bool(day.labelled and known.labelled) and day.labels != known.labels


def refused(run: Run, day: Day) -> str | None:
    """The gate that has stopped the night of these very rows, if one did and they have not been mended since."""
    night = run.store.at("scoring", day.day)
    if not _is_earlier(run, night) or not night.has("raw"):
        return None
    closed = next((f"gate_{table}" for table in OF_A_NIGHT if _is_closed(night, table)), None)
    return closed if closed and _delivered(run, run.store, day) == _delivered(run, night, day) else None


def differences(run: Run, pairs: Sequence[tuple[Day, Day]]) -> dict[date, tuple[Day, Difference]]:
    """Compare days' rows one by one with those that are known of them: those that differ, and how."""
    found: dict[date, tuple[Day, Difference]] = {}
    for store in dict.fromkeys(known.store for _, known in pairs):
        theirs = {known.day: known for _, known in pairs if known.store is store}
        for day, *counted in _compared(run, store, list(theirs)):
            found[day] = (theirs[day], Difference(*counted))
    # Where rows do not differ, the hash was another version's, or a label is known that was not.
    return {day: (known, difference) for day, (known, difference) in sorted(found.items()) if difference.any}


def _compared(run: Run, store: Store, asked: Sequence[date]) -> list[tuple[Any, ...]]:
    key, label, time = map(sql.name, (run.use_case.key, run.use_case.target, run.use_case.time))
    others = [sql.name(column) for column in run.use_case.kept_columns if column not in (run.use_case.key, run.use_case.target)]
    ours, known = (f"row({', '.join(f'{side}.{column}' for column in others)})" for side in ("ours", "known"))
    both = f"ours.{key} IS NOT NULL AND known.{key} IS NOT NULL"
    labelled = f"{both} AND ours.{label} IS NOT NULL AND known.{label} IS NOT NULL"
    joined = (
        _rows(run, run.store, asked)
        .set_alias("ours")
        .join(
            _rows(run, store, asked).set_alias("known"),
            f"ours.{key} = known.{key} AND CAST(ours.{time} AS DATE) = CAST(known.{time} AS DATE)",
            how="outer",
        )
    )
    joined = joined.project(f"""
        coalesce(CAST(ours.{time} AS DATE), CAST(known.{time} AS DATE)) AS day, known.{key} IS NOT NULL AS before,
        known.{key} IS NULL AS added, ours.{key} IS NULL AS gone, {both} AND {ours} IS DISTINCT FROM {known} AS changed,
        {labelled} AS labelled, {labelled} AND ours.{label} <> known.{label} AS relabelled""")
    counted = [f"count_if({name})::BIGINT" for name in Difference.__dataclass_fields__]
    return joined.aggregate(f"day, {', '.join(counted)}", "day").fetchall()


def rows(run: Run, store: Store) -> duckdb.DuckDBPyRelation:
    """All rows that windows see in a partition."""
    columns = ", ".join(map(sql.name, run.use_case.kept_columns))
    return store.read("past").project(columns).union(store.read("clean").project(columns))


def _rows(run: Run, store: Store, asked: Sequence[date]) -> duckdb.DuckDBPyRelation:
    named = ", ".join(f"DATE '{day}'" for day in asked)
    return rows(run, store).filter(f"CAST({sql.name(run.use_case.time)} AS DATE) IN ({named})")


def _let_through(run: Run, kind: Kind) -> Iterator[Store]:
    """Earlier partitions of a kind whose days are those of tables that their gates have let through, newest first."""
    for partition in reversed(run.store.partitions(kind)):
        if partition < run.partition and _is_let_through(run, store := run.store.at(kind, partition)):
            yield store


def _is_let_through(run: Run, store: Store) -> bool:
    if not store.has("days"):
        return False
    inputs = store.manifest("days").inputs
    tables: tuple[GatedTable, ...] = ("past", "clean")
    try:
        made_of_these = all(inputs.get(f"{store.kind}/{store.partition}/{table}") == store.digest(table) for table in tables)
    except TableMissing:
        return False
    return made_of_these and all(is_let_through(store, run.use_case, table) for table in tables)


def _own(run: Run, day: Day) -> Day | None:
    """What the night of this day has let through."""
    night = run.store.at("scoring", day.day)
    if not _is_earlier(run, night) or not _is_let_through(run, night) or any(_is_closed(night, table) for table in OF_A_NIGHT):
        return None
    return next((known for known in days(night) if known.day == day.day and known.meaning == day.meaning), None)


def _is_earlier(run: Run, night: Store) -> bool:
    return night.partition < run.partition


def _is_closed(store: Store, table: GatedTable) -> bool:
    """Whether a gate has stopped the very table that is published."""
    try:
        evidence = json.loads(store.read_file(f"gates/{table}.json"))
        return evidence.get("passed") is False and evidence.get("digest") == store.digest(table)
    except TableMissing:
        return False


def _delivered(run: Run, store: Store, day: Day) -> tuple[object, ...]:
    """What the source gave of a day, whatever it was like: columns, number of rows, and a hash of all but the label."""
    table = "raw" if store is not run.store or day.own else "past_raw"
    names = run.use_case.source_names
    rows = store.read(table)
    columns = [sql.name(name) for name in rows.columns if name != names[run.use_case.target]]
    of_day = rows.filter(f"CAST({sql.name(names[run.use_case.time])} AS DATE) = DATE '{day.day}'")
    return (*columns, *of_day.aggregate(f"count(*), sum(hash({', '.join(columns)}))").fetchall()[0])
