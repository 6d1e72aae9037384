"""What earlier partitions say of a table: only those whose own gate has let the table through, as it is
published now.

Never later ones, so that a partition that runs again, years after, is judged as it was judged then. Reading
them makes them no input of anything: a gate writes no table.

Nor one whose rows another of its gates has stopped: what gate_features finds wrong stands in raw and clean,
too, though their own gates have not seen it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pipelines.core import sql
from pipelines.core.config import GatedTable, UseCase
from pipelines.core.errors import TableCorrupt, TableMissing
from pipelines.run.clearance import evidence_of, is_cleared
from pipelines.run.run import Run
from pipelines.run.tables import TABLES
from pipelines.storage.store import Store

# The gates that judge a partition's own rows. Not gate_past: the days that it stops are those before, which
# are closed by themselves, and a night that it has stopped would close the next one, and that the next, when
# they are long gone. Not gate_predictions: that scores are unlike earlier ones may be the model's fault, and
# then a training over these very rows is the remedy.
OF_ROWS: tuple[GatedTable, ...] = ("raw", "clean", "features")


def stopped_by(store: Store, but: GatedTable | None = None) -> str | None:
    """The gate (but that of one table) that has stopped a partition's own rows, and has let none through
    since, whatever stands there.

    Its evidence says so, or what the partition's runs have noted: evidence may be removed, or put back from
    an older run.

    Raises:
        TableCorrupt: what a gate has said is damaged, so that nobody knows.
    """
    verdicts = {
        noted["task"]: noted.get("verdict") for noted in store.notes() if noted["task"].startswith("gate_")
    }
    closed = (
        f"gate_{table}"
        for table in OF_ROWS
        if table != but and (_has_closed(store, table) or verdicts.get(f"gate_{table}") == "closed")
    )
    return next(closed, None)


def is_sound(store: Store, use_case: UseCase, table: GatedTable) -> bool:
    """Whether a table was let through by its own gate, and its rows were stopped by none."""
    try:
        return is_cleared(store, use_case, table) and stopped_by(store, but=table) is None
    except TableCorrupt:
        return False


def _has_closed(store: Store, table: GatedTable) -> bool:
    try:
        return evidence_of(store, table).get("passed") is not True
    except TableMissing:
        return False


@dataclass(frozen=True)
class Past:
    """Earlier partitions of a run's kind that have the table, newest first.

    `of_season`: they are nights of the weekday (of hours: of the hour) that was asked for, or trainings,
    weeks and months, of which there is no such thing.
    """

    table: GatedTable
    partitions: tuple[Store, ...]
    of_season: bool = True

    def __str__(self) -> str:
        """As messages name them: how many, and from when to when."""
        days = [store.partition for store in self.partitions]
        if len(days) < 2:
            return f"the earlier partition {days[0]}" if days else "no earlier partition"
        return f"the {len(days)} earlier partitions {days[-1]} to {days[0]}"


def sound(run: Run, table: GatedTable) -> Iterator[Store]:
    """Every earlier partition of the run's kind in which the table is sound, newest first.

    A night without rows tells nothing.
    """
    for day in reversed(run.store.partitions(run.kind)):
        if day < run.partition:
            store = run.store.at(run.kind, day)
            names = TABLES[table].published_as(run.use_case)
            if is_sound(store, run.use_case, table) and (
                run.kind != "scoring" or any(store.manifest(name).rows for name in names)
            ):
                yield store


def last(run: Run, table: GatedTable, n: int) -> Past:
    """The last `n`, whatever their weekday."""
    return Past(table, tuple(islice(sound(run, table), n)))


def alike(run: Run, table: GatedTable, n: int) -> Past:
    """The last `n` of a night's weekday; of any weekday where there is none.

    An hour is beside those of its weekday, too, or else of any day. A training is like any other training.
    """
    if run.kind != "scoring":
        return last(run, table, n)
    calendar = run.calendar
    for seasons in calendar.seasons:
        same = (store for store in sound(run, table) if seasons(store.partition) == seasons(run.partition))
        if found := tuple(islice(same, n)):
            return Past(table, found)
    return Past(table, last(run, table, n).partitions, of_season=not calendar.seasons)


def row_counts(past: Past, pieces: Sequence[str] = ()) -> list[int]:
    """The number of rows of each partition's table, over all its pieces."""
    names = [f"{past.table}/{piece}" for piece in pieces] or [past.table]
    return [sum(store.manifest(name).rows for name in names) for store in past.partitions]


def view_of_values(run: Run, past: Past, column: str) -> str | None:
    """Make a view on the run's connection whose column `value` has each value of a column once, without
    nulls.

    Asked are the partitions in which the column is there, and of the type that it has now. A view holds no
    row: DuckDB reads the earlier tables when a query asks, and spills past its memory limit.

    Returns:
        The view's name, which tells what is in it; None where no partition could be asked.
    """
    type_ = run.store.manifest(past.table).schema.get(column)
    able = [
        store
        for store in past.partitions
        if type_ is not None and store.manifest(past.table).schema.get(column) == type_
    ]
    if not able:
        return None
    every = sql.together(store.read(past.table).project(f"{sql.name(column)} AS value") for store in able)
    name = f"{column} of {Past(past.table, tuple(able))}"
    every.filter("value IS NOT NULL").distinct().create_view(name, replace=True)
    return name


def filled_shares(past: Past, columns: Sequence[str]) -> dict[str, float]:
    """Column -> the share of rows that have a value, over all partitions that have the column."""
    rows, values = dict.fromkeys(columns, 0), dict.fromkeys(columns, 0)
    for store in past.partitions:
        manifest = store.manifest(past.table)
        there = [column for column in columns if column in manifest.schema]
        counts = ", ".join(f"count({sql.name(column)})" for column in there)
        for column, count in (
            zip(there, store.read(past.table).aggregate(counts).fetchall()[0], strict=True) if there else ()
        ):
            rows[column] += manifest.rows
            values[column] += count
    return {column: values[column] / rows[column] for column in columns if rows[column]}
