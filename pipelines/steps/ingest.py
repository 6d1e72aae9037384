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
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TypeAlias, TypeVar

import duckdb
import pyarrow as pa

from pipelines import sources
from pipelines.core import dates
from pipelines.core.config import HttpSource, UseCase
from pipelines.core.errors import OURS, BadInput, SluiceError, TryAgain
from pipelines.core.sql import TYPES, gathered
from pipelines.core.sql import name as quoted
from pipelines.run.run import Run
from pipelines.sources import bounds, failing, opened, refusals
from pipelines.sources.due import PIECE, Due
from pipelines.sources.opened import Opened
from pipelines.sources.order import Watch
from pipelines.sources.typed import ROW, WRONG
from pipelines.storage.settings import Settings

logger = logging.getLogger(__name__)

T = TypeVar("T")
Rows: TypeAlias = duckdb.DuckDBPyRelation
Batches: TypeAlias = Generator[pa.RecordBatch, None, None]

BATCH = 100_000  # rows on their way at a time
ARROW = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
}


def stream(
    run: Run,
    days: dates.Days,
    write: Callable[[pa.RecordBatchReader], T],
    *,
    labels: bool = True,
    may_be_empty: bool = False,
    other: str | None = None,
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
        other: The name of another source than that of the rows that are predicted.

    Returns:
        What `write` returns.

    Raises:
        See `rows`.
    """
    return failing.patiently(
        lambda patient: _publish(
            opened.open_source(
                run, days, labels=labels, may_be_empty=may_be_empty, patient=patient, other=other
            ),
            write,
        )
    )


def rows(
    run: Run,
    days: dates.Days,
    *,
    labels: bool = True,
    may_be_empty: bool = False,
    other: str | None = None,
) -> duckdb.DuckDBPyRelation:
    """Read the source's rows of some days, ordered by time and key, for more than one look: they are kept
    until the store is closed.

    Args:
        run: The run; labels and late columns which are not known yet when it starts are null.
        days: Rows with a time from the first day's start up to, but without, the end of the last.
        labels: Whether any label or late column is shown: a scoring run must not know of its own rows what is
            known only later.
        may_be_empty: Whether it is in order that there are none, as before the source's first day.
        other: The name of another source than that of the rows that are predicted.

    Returns:
        The schema's columns in its order, typed as declared, under the source's names (`cleanse.rename` comes
        later). Columns with role ignored are still there. Rows of the same time and key keep the source's
        order.

    Raises:
        BadInput: what the source holds is not what the use case declares, or it holds no rows of these days.
        TryAgain: the source cannot be reached now, or changed while it was read.
        SluiceError: rows of the source were neither taken nor left to other days.
    """
    return failing.patiently(
        lambda patient: _kept(
            opened.open_source(
                run, days, labels=labels, may_be_empty=may_be_empty, patient=patient, other=other
            )
        )
    )


def fetch(use_case: UseCase, settings: Settings) -> list[Path]:
    """Fetch the public files that its sources are, where they are; see `sources.fetch`."""
    every = (use_case.source, *(other.source for other in use_case.sources.values()))
    return [
        sources.fetch(source, settings, use_case.limits.delivery)
        for source in every
        if isinstance(source, HttpSource)
    ]


class _Unordered(Exception):
    """Rows were streamed as if they came in order, and do not."""


# --- the rows


def _publish(source: Opened, write: Callable[[pa.RecordBatchReader], T]) -> T:
    """What `write` makes of the rows as they come, or else of the sorted ones."""
    try:
        with closing(_batches_as_they_come(source)) as batches:
            return write(_stream(source, batches))
    except _Unordered:
        due = source.due
        told = due.run.store, due.days, due.declared.time
        logger.info("%s: the source's rows of %s do not come in order of %s: they are sorted", *told)
    with closing(_sorted_batches(source)) as batches:
        return write(_stream(source, batches))


def _batches_as_they_come(source: Opened) -> Batches:
    """The rows, which end with an `_Unordered` as soon as one is found that should have come earlier."""
    due = source.due
    watch = Watch(due.declared.time, due.declared.key)
    for number, (piece, rows) in enumerate(zip(source.pieces, source.typed, strict=True)):
        known = due.known(number, piece, due.rows(piece, rows))
        with closing(_batches(known, [piece], due)) as batches:
            for batch in batches:
                # Of a row that is wrong the time may be missing: it is told, and nothing else matters.
                if not batch[WRONG].true_count and not watch.goes_on(batch):
                    raise _Unordered
                yield batch


def _sorted_batches(source: Opened) -> Batches:
    """The rows by time and key, and those of the same time and key in the source's order: day by day, where
    each piece is of a day, since a sort holds what it sorts.
    """
    for numbers in _sorted_together(source.pieces):
        pieces = [source.pieces[number] for number in numbers]
        with source.told():
            rows = _in_order(source, numbers)
        with closing(_batches(rows, pieces, source.due)) as batches:
            yield from batches


def _sorted_together(pieces: Sequence[sources.Piece]) -> list[list[int]]:
    """The numbers of the pieces that are sorted at a time, in order of their days."""
    found: dict[date, list[int]] = {}
    for number, piece in enumerate(pieces):
        if piece.day is None:
            return [[*range(len(pieces))]]
        found.setdefault(piece.day, []).append(number)
    return [found[day] for day in sorted(found)]


def _in_order(source: Opened, numbers: Sequence[int]) -> Rows:
    """Some pieces' rows, sorted. Many pieces are read here, others when the rows are asked for."""
    due, numbered = source.due, source.numbered
    known = [due.known(n, source.pieces[n], due.rows(source.pieces[n], numbered[n])) for n in numbers]
    return gathered(known).order(", ".join(map(quoted, (due.declared.time, due.declared.key, PIECE, ROW))))


def _batches(rows: Rows, pieces: Sequence[sources.Piece], due: Due) -> Batches:
    name = due.where
    with failing.told(pieces, due.declared, name):
        reader = rows.to_arrow_reader(BATCH)
    with reader:
        while True:
            with failing.told(pieces, due.declared, name):
                batch = next(reader, None)
            if batch is None:
                return
            yield batch


def _stream(source: Opened, batches: Batches) -> pa.RecordBatchReader:
    """The rows, which end with an error instead of an end if anything is wrong with them."""
    columns = source.due.declared.columns
    schema = pa.schema([(name, ARROW[TYPES[column.type]]) for name, column in columns.items()])

    def checked() -> Iterator[pa.RecordBatch]:
        taken = 0
        for batch in batches:
            if batch[WRONG].true_count:
                batches.close()  # the connection answers nothing else meanwhile
                _refuse_wrong_rows(source)
            taken += batch.num_rows
            _refuse_too_many(source, taken)
            yield batch.select(schema.names)
        _refuse_other_counts(source, taken)

    return pa.RecordBatchReader.from_batches(schema, checked())


def _kept(source: Opened) -> Rows:
    """The rows, sorted, after every check, for more than one look."""
    with closing(_sorted_batches(source)) as batches:
        return source.due.run.store.keep(_stream(source, batches))


# --- what is refused


def _refuse_wrong_rows(source: Opened) -> None:
    """Say what is wrong with the rows, now that something is."""
    due, name = source.due, source.due.where
    failing.refuse_change(source.pieces)
    with source.told():
        looked = [
            (piece, due.rows(piece, rows)) for piece, rows in zip(source.pieces, source.numbered, strict=True)
        ]
        refusals.refuse_broken_values(looked, due.declared, name)
        refusals.refuse_rows_of_no_day(looked, due, name)
    failing.refuse_change(source.pieces)
    raise TryAgain(
        "the source gave wrong rows, and right ones when it was asked which: nothing is published",
        where=name,
        fix="run it again when nobody writes to the source",
    )


def _refuse_too_many(source: Opened, taken: int) -> None:
    """Make sure that the pieces have not given more rows than is allowed of all of them together."""
    limits = source.limits
    if taken > limits.rows * len(source.pieces):
        places = [piece.place for piece in source.pieces]
        raise bounds.refuse("rows", refusals.first_of(places), taken, limits)


def _refuse_other_counts(source: Opened, taken: int) -> None:
    """Make sure that the rows that were taken are all that are due, and that there are some."""
    failing.refuse_change(source.pieces)
    _refuse_losses(source, taken)
    if not taken and not source.may_be_empty:
        _refuse_emptiness(source)


def _refuse_losses(source: Opened, taken: int) -> None:
    """Make sure that every row of pieces that may hold rows of any day was either taken or left to other
    days.
    """
    if len(source.surveys) < len(source.pieces):
        return  # the pieces are of a day each: every row was taken
    name, days = source.due.where, source.due.days
    read, earlier, later = (
        sum(getattr(survey, what) for survey in source.surveys) for what in ("rows", "earlier", "later")
    )
    left = earlier + later
    if read != left + taken:
        raise SluiceError(
            f"the source gave {read:,} rows, of which {taken:,} were taken for {days} and {left:,} left"
            " to other days: nothing is published",
            where=name,
            fix=OURS,
        )
    if left:
        logger.info(
            "%s: %s of the source's %s rows are not of %s, and left to other partitions: %s of earlier"
            " days, %s of later ones",
            name,
            f"{left:,}",
            f"{read:,}",
            days,
            f"{earlier:,}",
            f"{later:,}",
        )


def _refuse_emptiness(source: Opened) -> None:
    first = min((survey.first for survey in source.surveys if survey.first), default=None)
    last = max((survey.last for survey in source.surveys if survey.last), default=None)
    places = [piece.place for piece in source.pieces]
    gave = (
        f"{refusals.first_of(places)} gave none"
        if places
        else "no delivery is expected on any of them, and there is none"
    )
    said = f"the source holds {first}..{last}" if first else gave
    is_night = source.due.run.kind == "scoring"
    raise BadInput(
        f"no rows for {source.due.days}; {said}",
        where=source.due.where,
        fix=(
            "choose a day that the source has rows of, or see why it has"
            f" none{'; if a night may be empty, say so: limits.empty_nights' if is_night else ''}"
        ),
    )
