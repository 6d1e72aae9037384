"""Source -> raw: the rows of some days, each value of the type that the schema declares, under the source's
own names.

Nothing is repaired here. A column too few or too many, a value that is not of its type and a row without a
time are the source's mistakes, told with their places, and the partition is not published. Missing codes,
spellings and duplicates are for cleanse: it is declared what they mean. Rows of other days are left to their
own partitions, and counted: what was taken and what was left are all that the source gave.

Most sources come in order of time, so a partition's rows are streamed from the source into the table, and
only watched: no row is sorted or kept unless it has to be, and what is wrong is looked for once it is known
that something is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, reduce
from pathlib import Path
from typing import TypeAlias, TypeVar

import duckdb
import pyarrow as pa

from pipelines import sources
from pipelines.core import dates
from pipelines.core.config import HttpSource, UseCase
from pipelines.core.errors import BadInput, SluiceError, TryAgain
from pipelines.core.sql import TYPES, reason
from pipelines.core.sql import name as quoted
from pipelines.run.run import Run
from pipelines.sources import bounds, other_columns, refusals
from pipelines.sources.declared import Declared
from pipelines.sources.order import Watch
from pipelines.sources.typed import ROW, WRONG, typed
from pipelines.storage.settings import Settings

logger = logging.getLogger(__name__)

T = TypeVar("T")
Batches: TypeAlias = Generator[pa.RecordBatch, None, None]

PIECE = (  # a column of our own while rows are sorted; with blanks, so that it cannot be a source's
    "number of the piece"
)
BATCH = 100_000  # rows on their way at a time
ARROW = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
}
HIDDEN = "it cannot be computed for every row (DuckDB's reason is hidden, since it may quote personal values)"


def stream(
    run: Run,
    days: dates.Days,
    write: Callable[[pa.RecordBatchReader], T],
    *,
    labels: bool = True,
    may_be_empty: bool = False,
) -> T:
    """Stream the source's rows of some days into a table, ordered by time and key.

    Args:
        run: The run; labels and late columns which are not known yet when it starts are null.
        days: Rows with a time from the first day's start up to, but without, the end of the last.
        write: Takes the rows, as `rows` describes them, and publishes them, unless the stream ends with an
            error. It is called again, with the same rows sorted, where they turn out not to come in order.
        labels: Whether any label or late column is shown: a scoring run must not know of its own rows what is
            known only later.
        may_be_empty: Whether it is in order that there are none, as before the source's first day.

    Returns:
        What `write` returns.

    Raises:
        See `rows`.
    """
    return _patiently(
        lambda patient: _streamed(
            _Reading(run, days, labels=labels, may_be_empty=may_be_empty, patient=patient), write
        )
    )


def _streamed(reading: _Reading, write: Callable[[pa.RecordBatchReader], T]) -> T:
    try:
        with closing(reading.in_order()) as batches:
            return write(reading.stream(batches))
    except _Unordered:
        told = reading.run.store, reading.days, reading.declared.time
        logger.info("%s: the source's rows of %s do not come in order of %s: they are sorted", *told)
    with closing(reading.sorted()) as batches:
        return write(reading.stream(batches))


def rows(
    run: Run, days: dates.Days, *, labels: bool = True, may_be_empty: bool = False
) -> duckdb.DuckDBPyRelation:
    """Read the source's rows of some days, ordered by time and key, for more than one look: they are kept
    until the store is closed.

    Args:
        run: The run; labels and late columns which are not known yet when it starts are null.
        days: Rows with a time from the first day's start up to, but without, the end of the last.
        labels: Whether any label or late column is shown: a scoring run must not know of its own rows what is
            known only later.
        may_be_empty: Whether it is in order that there are none, as before the source's first day.

    Returns:
        The schema's columns in its order, typed as declared, under the source's names (`cleanse.rename` comes
        later). Columns with role ignored are still there. Rows of the same time and key keep the source's
        order.

    Raises:
        BadInput: what the source holds is not what the use case declares, or it holds no rows of these days.
        TryAgain: the source cannot be reached now, or changed while it was read.
        SluiceError: rows of the source were neither taken nor left to other days.
    """
    return _patiently(
        lambda patient: _Reading(run, days, labels=labels, may_be_empty=may_be_empty, patient=patient).kept()
    )


def fetch(use_case: UseCase, settings: Settings) -> Path | None:
    """Fetch the use case's public file, if its source is one; see `sources.fetch`."""
    return (
        sources.fetch(use_case.source, settings, use_case.limits.delivery)
        if isinstance(use_case.source, HttpSource)
        else None
    )


def _patiently(attempt: Callable[[bool], T]) -> T:
    """Read the source; and once more, line by line, before a file is blamed that a reader in haste gave up
    on.
    """
    try:
        return attempt(False)
    except _GivenUp as given_up:
        logger.info("%s: read once more, line by line", given_up)
    return attempt(True)


class _GivenUp(Exception):
    """A reader that guesses has given up on a file, which may be in order."""


class _Unordered(Exception):
    """Rows were streamed as if they came in order, and do not."""


@dataclass(frozen=True)
class _Survey:
    """What a piece holds that may hold rows of any day."""

    rows: int
    earlier: int  # left to days before
    later: int  # left to days after
    first: date | None
    last: date | None


class _Reading:
    """One reading of the source: from its pieces to the typed rows of the days, with every check on the
    way.
    """

    def __init__(
        self, run: Run, days: dates.Days, *, labels: bool, may_be_empty: bool, patient: bool = False
    ) -> None:
        self.run = run
        self.days = days
        self.labels = labels
        excused = run.use_case.limits.empty_nights or not any(map(run.use_case.expects, days))
        self.may_be_empty = may_be_empty or (excused and run.kind != "training")
        self.use_case = run.use_case
        self.connection = run.store.connection
        self.declared = Declared.of(run.use_case)
        self.too_late = self._too_late()
        self.limits = run.use_case.limits.delivery
        self.pieces = sources.read(
            run.use_case.source,
            days,
            self.declared,
            run.settings,
            self.connection,
            limits=self.limits,
            may_miss=may_be_empty,
            patient=patient,
        )
        other_columns.refuse(self.pieces, self.declared, self.use_case)
        self.typed = list(self._typed(numbered=False))
        self.surveys = [
            self._survey(piece, rows)
            for piece, rows in zip(self.pieces, self.typed, strict=True)
            if piece.day is None
        ]

    @cached_property
    def numbered(self) -> list[duckdb.DuckDBPyRelation]:
        """The pieces' rows as `typed`, with their numbers."""
        return list(self._typed(numbered=True))

    def _too_late(self) -> date:
        """The first day of which no row can be yet: a file of all days may hold those of today, and somewhere
        it is tomorrow.

        An assignment of days takes rows as it likes, and whoever asks for a day says that it has been.
        """
        if self.declared.assign_days:
            return date(dates.YEARS[-1] + 1, 1, 1)
        over = dates.known_by(self.run.kind, self.run.partition)
        return max(dates.today() + timedelta(days=2), self.days.last + timedelta(days=1), over)

    # --- the rows

    def stream(self, batches: Batches) -> pa.RecordBatchReader:
        """Hand rows on, and end with an error instead of an end if anything is wrong with them."""

        def checked() -> Iterator[pa.RecordBatch]:
            taken = 0
            for batch in batches:
                if batch[WRONG].true_count:
                    batches.close()  # the connection answers nothing else meanwhile
                    self._refuse()
                taken += batch.num_rows
                self._refuse_too_many(taken)
                yield batch.select(schema.names)
            self._refuse_change()
            self._refuse_losses(taken)
            self._refuse_emptiness(taken)

        schema = pa.schema(
            [(name, ARROW[TYPES[column.type]]) for name, column in self.declared.columns.items()]
        )
        return pa.RecordBatchReader.from_batches(schema, checked())

    def in_order(self) -> Batches:
        """The rows as they come.

        Raises:
            _Unordered: as soon as one is found that should have come earlier.
        """
        watch = Watch(self.declared.time, self.declared.key)
        for number, piece in enumerate(self.pieces):
            with closing(self._batches(self._taken(number, numbered=False), [piece])) as batches:
                for batch in batches:
                    # Of a row that is wrong the time may be missing: it is told, and nothing else matters.
                    if not batch[WRONG].true_count and not watch.goes_on(batch):
                        raise _Unordered
                    yield batch

    def sorted(self) -> Batches:
        """The rows ordered by time and key, and rows of the same time and key in the source's order."""
        if self.pieces:
            yield from self._batches(self._sorted(), self.pieces)

    def kept(self) -> duckdb.DuckDBPyRelation:
        """The rows in a table of their own, sorted, after every check."""
        table = quoted(f"{self.use_case.name} {self.days}")
        types = {name: TYPES[column.type] for name, column in self.declared.columns.items()} | {
            WRONG: "BOOLEAN"
        }
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table}"
            f" ({', '.join(f'{quoted(name)} {type_}' for name, type_ in types.items())})"
        )
        if self.pieces:
            with self._told(self.pieces):
                self._sorted().query(
                    "sorted",
                    f"INSERT INTO {table} BY NAME SELECT * EXCLUDE ({quoted(PIECE)}, {quoted(ROW)}) FROM"
                    " sorted",
                )
        ((taken, wrong),) = self.connection.execute(
            f"SELECT count(*), count(*) FILTER ({quoted(WRONG)}) FROM {table}"
        ).fetchall()
        if wrong:
            self._refuse()
        self._refuse_too_many(taken)
        self._refuse_change()
        self._refuse_losses(taken)
        self._refuse_emptiness(taken)
        # DuckDB gives a table's rows in the order in which they were inserted.
        return self.connection.sql(f"SELECT {', '.join(map(quoted, self.declared.columns))} FROM {table}")

    def _batches(self, rows: duckdb.DuckDBPyRelation, pieces: list[sources.Piece]) -> Batches:
        with self._told(pieces):
            reader = rows.to_arrow_reader(BATCH)
        with reader:
            while True:
                with self._told(pieces):
                    batch = next(reader, None)
                if batch is None:
                    return
                yield batch

    def _typed(self, *, numbered: bool) -> Iterator[duckdb.DuckDBPyRelation]:
        counts = [self._count(piece) for piece in self.pieces] if self.declared.assign_days else []
        for number, piece in enumerate(self.pieces):
            with self._told([piece]):
                before, total = sum(counts[:number]), sum(counts)
                yield typed(
                    piece, self.declared, numbered=numbered, blind=not self.labels, before=before, total=total
                )

    def _count(self, piece: sources.Piece) -> int:
        with self._told([piece]):
            return int(piece.rows.aggregate("count(*)").fetchall()[0][0])

    def _survey(self, piece: sources.Piece, rows: duckdb.DuckDBPyRelation) -> _Survey:
        time = quoted(self.declared.time)
        with self._told([piece]):
            found = rows.aggregate(
                f"count(*), count(*) FILTER ({self._earlier()}), count(*) FILTER ({self._later()}),"
                f" min({time})::DATE, max({time})::DATE"
            ).fetchall()
        survey = _Survey(*found[0])
        bounds.require("rows", piece.place, survey.rows, self.limits)
        return survey

    def _taken(self, number: int, *, numbered: bool) -> duckdb.DuckDBPyRelation:
        """A piece's rows for these days, with its number; WRONG also tells those that are nobody's."""
        piece, time = self.pieces[number], quoted(self.declared.time)
        nobodys = f"{time} IS NULL OR {time}::DATE <> DATE '{piece.day}'" if piece.day else self._nobodys()
        shown = {
            self.declared.label: self._label(),
            **{name: self._late(name) for name in self.declared.late},
        }
        selected = [
            f"{shown[name]} AS {quoted(name)}" if name in shown else quoted(name)
            for name in self.declared.columns
        ]
        own = [
            f"{number} AS {quoted(PIECE)}",
            quoted(ROW),
            f"{quoted(WRONG)} OR {nobodys} AS {quoted(WRONG)}",
        ]
        return self._wanted(number, numbered=numbered).project(", ".join([*selected, *own]))

    def _wanted(self, number: int, *, numbered: bool) -> duckdb.DuckDBPyRelation:
        """A piece's rows without those that are left to other days: none is, where all have to be of one
        day.
        """
        rows = (self.numbered if numbered else self.typed)[number]
        return rows if self.pieces[number].day else rows.filter(self._of_these_days())

    def _of_these_days(self) -> str:
        """SQL of what is taken; a row that no day can have, too, since it is nobody's."""
        time, after = quoted(self.declared.time), self.days.last + timedelta(days=1)
        return f"({self._nobodys()}) OR ({time} >= DATE '{self.days.first}' AND {time} < DATE '{after}')"

    def _earlier(self) -> str:
        """SQL of what is left to partitions of days before."""
        return f"{quoted(self.declared.time)}::DATE < DATE '{self.days.first}'"

    def _later(self) -> str:
        """SQL of what is left to partitions of days after."""
        day = f"{quoted(self.declared.time)}::DATE"
        return f"{day} > DATE '{self.days.last}' AND {day} < DATE '{self.too_late}'"

    def _nobodys(self) -> str:
        """SQL of whether a row has a time that no row can have: none, or one that has not been yet."""
        time = quoted(self.declared.time)
        return f"{time} IS NULL OR {time} >= DATE '{self.too_late}'"

    def _late(self, column: str) -> str:
        """SQL of a column that is known some time after its row's moment, as far as it is."""
        if not self.labels:
            return self._none_of(column)
        until = dates.known_until(self.declared.late[column], self.run.kind, self.run.partition)
        return f"CASE WHEN {quoted(self.declared.time)} <= TIMESTAMP '{until}' THEN {quoted(column)} END"

    def _none_of(self, column: str) -> str:
        """SQL of a column that is hidden."""
        return f"CAST(NULL AS {TYPES[self.declared.columns[column].type]})"

    def _label(self) -> str:
        """SQL of the label, as far as it is known."""
        name = quoted(self.declared.label)
        if not self.labels:
            return self._none_of(self.declared.label)
        known = dates.known_by(self.run.kind, self.run.partition) - timedelta(
            days=self.use_case.label.delay_days
        )
        return f"CASE WHEN {quoted(self.declared.time)}::DATE <= DATE '{known}' THEN {name} END"

    def _sorted(self) -> duckdb.DuckDBPyRelation:
        every = reduce(
            lambda rows, more: rows.union(more),
            (self._taken(number, numbered=True) for number in range(len(self.pieces))),
        )
        return every.order(", ".join(map(quoted, (self.declared.time, self.declared.key, PIECE, ROW))))

    # --- what is refused

    def _refuse(self) -> None:
        """Say what is wrong with the rows, now that something is."""
        self._refuse_change()
        with self._told(self.pieces):
            looked = [
                (piece, self._wanted(number, numbered=True)) for number, piece in enumerate(self.pieces)
            ]
            refusals.refuse_broken_values(looked, self.declared, self.use_case.name)
            refusals.refuse_rows_of_no_day(looked, self.declared, self.use_case.name, self.too_late)
        self._refuse_change()
        raise TryAgain(
            f"{self.use_case.name}: the source gave wrong rows, and right ones when it was asked which:"
            " nothing is published\n  way out: run it again when nobody writes to the source"
        )

    def _refuse_change(self) -> None:
        for piece in self.pieces:
            piece.refuse_change()

    def _refuse_too_many(self, taken: int) -> None:
        """Make sure that the pieces have not given more rows than is allowed of all of them together."""
        if taken > self.limits.rows * len(self.pieces):
            raise bounds.refuse(
                "rows", refusals.first_of([piece.place for piece in self.pieces]), taken, self.limits
            )

    def _refuse_losses(self, taken: int) -> None:
        """Make sure that every row of pieces that may hold rows of any day was either taken or left to other
        days.
        """
        if len(self.surveys) < len(self.pieces):
            return  # the pieces are of a day each: every row was taken
        read, earlier = (
            sum(survey.rows for survey in self.surveys),
            sum(survey.earlier for survey in self.surveys),
        )
        later = sum(survey.later for survey in self.surveys)
        left = earlier + later
        if read != left + taken:
            raise SluiceError(
                f"{self.use_case.name}: the source gave {read:,} rows, of which {taken:,} were taken for"
                f" {self.days} and {left:,} left to other days: nothing is published"
            )
        if left:
            logger.info(
                "%s: %s of the source's %s rows are not of %s, and left to other partitions: %s of earlier"
                " days, %s of later ones",
                self.use_case.name,
                f"{left:,}",
                f"{read:,}",
                self.days,
                f"{earlier:,}",
                f"{later:,}",
            )

    def _refuse_emptiness(self, taken: int) -> None:
        if taken or self.may_be_empty:
            return
        first = min((survey.first for survey in self.surveys if survey.first), default=None)
        last = max((survey.last for survey in self.surveys if survey.last), default=None)
        places = [piece.place for piece in self.pieces]
        gave = (
            f"{refusals.first_of(places)} gave none"
            if places
            else "no delivery is expected on any of them, and there is none"
        )
        said = f"the source holds {first}..{last}" if first else gave
        raise BadInput(
            f"{self.use_case.name}: no rows for {self.days}; {said}\n  way out: choose a day that the source"
            " has rows of, or see why it has none"
            + ("; if a night may be empty, say so: limits.empty_nights" if self.run.kind == "scoring" else "")
        )

    @contextmanager
    def _told(self, pieces: list[sources.Piece]) -> Iterator[None]:
        """Turn DuckDB's error into a sentence: of the lines of a file that cannot be read, or else of a
        derived column.
        """
        try:
            yield
        except (
            duckdb.Error,
            pa.ArrowException,
            OSError,
        ) as error:  # while it streams, DuckDB's errors come as pyarrow's
            self._refuse_change()
            if hasty := [piece.place for piece in pieces if piece.hasty]:
                raise _GivenUp(refusals.first_of(hasty)) from error
            place = (
                "source.derive"
                if self.declared.derived
                else refusals.first_of([piece.place for piece in pieces])
            )
            why = HIDDEN if self.declared.personal else reason(error)
            mistakes = (piece.diagnose() for piece in pieces)
            told = next((told for told in mistakes if told), None)
            raise told or BadInput(
                f"{self.use_case.name}: {place}: {why}\n  way out: correct it there"
            ) from error
