"""What other runs have let through of the days that windows see, and how the days are now.

A day is known by its night's own row in the table `days`, by those of the night before this partition, and by
the newest training's: each only if the gates of the tables that it tells of are open on them as they are now,
and no other gate has stopped its rows. Only earlier partitions are asked; of the same morning a night asks
the training that is named by its day, and a training that night, about this one day alone.

Each is a word: on the rows of a day, and on its labels and late columns, if it knew any; a night's own word
knows none. Words that were given by another file are compared by the columns that mean the same in both,
whatever either file calls them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipelines.core import meaning, sql
from pipelines.core.calendar import literal, plain
from pipelines.core.config import GatedTable, Kind, UseCase
from pipelines.core.errors import BadUseCase, TableCorrupt, TableMissing
from pipelines.gates.earlier import partitions
from pipelines.run import archive
from pipelines.run.run import Run
from pipelines.storage.store import Store

if TYPE_CHECKING:
    import duckdb

KINDS: tuple[Kind, ...] = ("scoring", "training")


@dataclass(frozen=True)
class Day:
    """A row of the table `days`, see `pipelines.steps.past`, and whose it is."""

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
    late: str | None
    meaning: str

    @cached_property
    def values(self) -> dict[str, tuple[int, str | None]]:
        """What it knows of late columns, by what they mean: how many values, and a hash of them."""
        return {means: (n, found) for means, (n, found) in json.loads(self.late or "{}").items() if n}

    def __str__(self) -> str:
        """By which run it is known, as messages name it."""
        return f"{self.store.kind} {self.store.partition}"


@dataclass(frozen=True)
class Difference:
    """How a day's rows differ from those that were let through: numbers of rows."""

    before: int
    added: int
    gone: int
    changed: int  # in any column but the label and late ones
    labelled: int  # those whose label is known now, and was then
    relabelled: int  # those of them whose label is another
    later: int  # those of which a late column is known now, and was then
    corrected: int  # those of them where it is another
    columns: tuple[str, ...] = ()  # by which rows have changed

    @property
    def in_rows(self) -> bool:
        """Whether there is one beside the labels and late columns."""
        return bool(self.added or self.gone or self.changed)

    @property
    def of_both(self) -> Difference:
        """What is asked of it where other rules have let the others in: the rows that both have."""
        return replace(self, before=self.before - self.gone, added=0, gone=0)

    def of(self, *, rows: bool, labels: bool, late: bool) -> Difference:
        """What is asked of it: the rows, the labels, the late columns, or several of these."""
        found = self if rows else replace(self, added=0, gone=0, changed=0, columns=())
        found = found if labels else replace(found, labelled=0, relabelled=0)
        return found if late else replace(found, later=0, corrected=0)


SAME = Difference(0, 0, 0, 0, 0, 0, 0, 0)


def days(store: Store) -> list[Day]:
    """The days of a partition, oldest first."""
    rows, names = store.read("days"), [name for name in Day.__dataclass_fields__ if name != "store"]
    # Partitions of before have told nothing of late columns: there were none.
    columns = [sql.name(name) if name in rows.columns else f"NULL AS {sql.name(name)}" for name in names]
    return [
        Day(store, plain(day), *row) for day, *row in rows.project(", ".join(columns)).order("day").fetchall()
    ]


def others(run: Run) -> tuple[Store, ...]:
    """The earlier partitions that are asked: of each kind the newest whose days were let through."""
    return tuple(store for kind in KINDS for store in islice(_cleared_digest(run, kind), 1))


def of(run: Run, asked: Sequence[Day], told: Sequence[Day]) -> dict[date, list[Day]]:
    """What is known of some days, by this partition's rules: the night's own word first, then those of
    `others`, which are told.

    A night's own word is asked only where no other one knows the day's very rows.
    """
    found: dict[date, list[Day]] = {}
    wanted = {day.day: day for day in asked}
    for known in told:
        if known.day in wanted and known.meaning == wanted[known.day].meaning:
            found.setdefault(known.day, []).append(known)
    for day in asked:
        if any(has_rows_of(day, known) for known in found.get(day.day, ())):
            continue
        if (own := _own(run, day)) and own.meaning == day.meaning:
            found.setdefault(day.day, []).insert(0, own)
    return found


def by_other_rules(run: Run, asked: Sequence[Day], told: Sequence[Day]) -> dict[date, list[Day]]:
    """Words on days by files that let other rows feed windows: they know what means the same in both, of rows
    that bear the same key.
    """
    found = {}
    for day in asked:
        words = [*filter(None, [_own(run, day)]), *(word for word in told if word.day == day.day)]
        others = [word for word in words if word.meaning != day.meaning]
        found[day.day] = [
            word
            for word in others
            if {run.use_case.key, run.use_case.time} <= same_columns(run, word.store).keys()
        ]
    return found


def has_rows_of(day: Day, known: Day) -> bool:
    """Whether a day's rows, but for the labels, are the very rows that are known, told by columns that mean
    the same.
    """
    return (day.content, day.rows) == (known.content, known.rows)


def labels_differ(day: Day, known: Day) -> bool:
    """Whether both know labels, and not the same."""
    return bool(day.labelled and known.labelled) and day.labels != known.labels


def late_values_differ(day: Day, known: Day) -> bool:
    """Whether both know values of a late column, and not the same."""
    return any(day.values[means] != known.values[means] for means in day.values.keys() & known.values.keys())


def newest_labels(words: Sequence[Day]) -> Day | None:
    """The newest word on a day's labels: what older ones have known may have been corrected since."""
    return _newest([word for word in words if word.labelled])


def newest_values(words: Sequence[Day]) -> Day | None:
    """The newest word on a day's late columns."""
    return _newest([word for word in words if word.values])


def _newest(words: Sequence[Day]) -> Day | None:
    return max(words, key=lambda word: word.store.partition, default=None)


def why_stopped(run: Run, day: Day) -> str | None:
    """That a gate has stopped the rows of a day's own night, and has not let any through since.

    None if none has.

    What the source gives of that day now is no matter: that it is mended, the gate has to say. A training may
    have the day that names it, too, where labels are known on the next morning: on which that day's night
    was, as well.
    """
    night = run.store.at("scoring", day.day)
    if night.partition > run.partition:
        return None
    try:
        gate = partitions.stopped_by(night)
    except TableCorrupt as error:
        return f"nobody knows whether its night was stopped: {error.sentence}"
    return gate and f"stopped by {gate}"


def differences(run: Run, pairs: Collection[tuple[Day, Day]]) -> dict[tuple[Day, Day], Difference]:
    """Compare days' rows one by one with those of words on them."""
    found = dict.fromkeys(pairs, SAME)
    for store in dict.fromkeys(known.store for _, known in pairs):
        asked = {day.day: (day, known) for day, known in pairs if known.store is store}
        for day, *counted, columns in _difference_rows(run, store, list(asked)):
            found[asked[plain(day)]] = replace(Difference(*counted), columns=tuple(columns))
    return found


def _difference_rows(run: Run, store: Store, asked: Sequence[date]) -> list[tuple[Any, ...]]:
    both_have = same_columns(run, store)
    key, label, time = map(sql.name, (run.use_case.key, run.use_case.target, run.use_case.time))
    other_columns = [
        column for column in both_have if column not in (run.use_case.key, *run.use_case.hidden_at_night)
    ]
    others = [sql.name(column) for column in other_columns]
    ours, known = (f"row({', '.join(f'{side}.{column}' for column in others)})" for side in ("ours", "known"))
    both = f"ours.{key} IS NOT NULL AND known.{key} IS NOT NULL"
    labelled = (
        f"{both} AND ours.{label} IS NOT NULL AND known.{label} IS NOT NULL"
        if run.use_case.target in both_have
        else "false"
    )
    relabelled = (
        f"{labelled} AND ours.{label} <> known.{label}" if run.use_case.target in both_have else "false"
    )
    late = [sql.name(column) for column in run.use_case.late if column in both_have]
    known_late = [f"({both} AND ours.{column} IS NOT NULL AND known.{column} IS NOT NULL)" for column in late]
    other_late = [
        f"({known} AND ours.{column} <> known.{column})"
        for known, column in zip(known_late, late, strict=True)
    ]
    differing = ", ".join(
        f"{both} AND ours.{column} IS DISTINCT FROM known.{column} AS {_other(n)}"
        for n, column in enumerate(others)
    )
    day = run.calendar.of_sql
    joined = _side_by_side(run, store, asked).project(
        f"""
        coalesce({day(f"ours.{time}")}, {day(f"known.{time}")}) AS day,
            known.{key} IS NOT NULL AS before,
        known.{key} IS NULL AS added, ours.{key} IS NULL AS gone,
            {both} AND {ours} IS DISTINCT FROM {known} AS changed,
        {labelled} AS labelled, {relabelled} AS relabelled,
        {" OR ".join(known_late) or "false"} AS later, {" OR ".join(other_late) or "false"} AS corrected,
        {differing}"""
    )
    counted = [f"count_if({name})::BIGINT" for name in Difference.__dataclass_fields__ if name != "columns"]
    named = (f"if(bool_or({_other(n)}), {sql.text(column)}, NULL)" for n, column in enumerate(other_columns))
    columns = f"list_filter([{', '.join(named)}], lambda one: one IS NOT NULL)"
    return joined.aggregate(f"day, {', '.join(counted)}, {columns}", "day").fetchall()


def _side_by_side(run: Run, store: Store, asked: Sequence[date]) -> duckdb.DuckDBPyRelation:
    """Rows of some days, `ours` beside those that are `known`, by key and day."""
    key, time = map(sql.name, (run.use_case.key, run.use_case.time))
    ours, known = (_rows(run, of, asked) for of in (run.store, store))
    day = run.calendar.of_sql
    same = f"ours.{key} = known.{key} AND {day(f'ours.{time}')} = {day(f'known.{time}')}"
    return ours.set_alias("ours").join(known.set_alias("known"), same, how="outer")


def _other(number: int) -> str:
    return f'"other {number}"'


def same_columns(run: Run, store: Store) -> dict[str, str]:
    """The columns that mean the same here and where a partition was made: what this run calls them -> what it
    is called there.

    Key and time are among them, where days are known by this partition's rules (`of`).
    """
    return meaning.same_columns(run.use_case, _file(run, store, "days"))


def rows(run: Run, store: Store) -> duckdb.DuckDBPyRelation:
    """All rows that windows see in a partition: of the columns that mean what they mean to this run, and as
    it calls them.
    """
    columns = ", ".join(
        f"{sql.name(there)} AS {sql.name(here)}" for here, there in same_columns(run, store).items()
    )
    return store.read("past").project(columns).union(store.read("clean").project(columns))


def _rows(run: Run, store: Store, asked: Sequence[date]) -> duckdb.DuckDBPyRelation:
    named = ", ".join(map(literal, asked))
    return rows(run, store).filter(f"{run.calendar.of_sql(sql.name(run.use_case.time))} IN ({named})")


def _file(run: Run, store: Store, table: str) -> UseCase:
    """The file by which a table was made."""
    made_by = store.manifest(table).use_case
    try:
        return (
            run.use_case
            if made_by == run.loaded.sha256
            else archive.kept_file(run.settings, run.use_case.name, made_by).use_case
        )
    except BadUseCase as error:
        raise TableCorrupt(
            f"what its {table} holds cannot be told: its use-case file, {made_by[:12]}, says what cannot"
            " be by now",
            where=store,
            fix=f"run {store.kind} {store.partition} again",
        ) from error


def _cleared_digest(run: Run, kind: Kind) -> Iterator[Store]:
    """Earlier partitions of a kind whose days are those of tables that their gates have let through, newest
    first.
    """
    for partition in reversed(run.store.partitions(kind)):
        # A training is made by the morning on which the night of its own day is: it has let through the very
        # days before that.
        earlier = partition < run.partition or (partition == run.partition and kind == "training" != run.kind)
        if earlier and _is_cleared(run, store := run.store.at(kind, partition)):
            yield store


def _is_cleared(run: Run, store: Store) -> bool:
    if not store.has("days"):
        return False
    inputs = store.manifest("days").inputs
    tables: tuple[GatedTable, ...] = ("past", "clean")
    try:
        made_of_these = all(
            inputs.get(f"{store.kind}/{store.partition}/{table}") == store.digest(table) for table in tables
        )
    except TableMissing:
        return False
    return made_of_these and all(partitions.is_sound(store, run.use_case, table) for table in tables)


def _own(run: Run, day: Day) -> Day | None:
    """What the night of this day has let through."""
    night = run.store.at("scoring", day.day)
    if not _is_earlier(run, night) or not _is_cleared(run, night):
        return None
    return next((known for known in days(night) if known.day == day.day), None)


def _is_earlier(run: Run, night: Store) -> bool:
    # A training may have the day that names it, see `stopped`: then what that day's night has let through is
    # a word on it.
    return night.partition < run.partition or (night.partition == run.partition and run.kind == "training")
