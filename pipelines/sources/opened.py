"""A source that has been opened for a run: its pieces, and their rows of the declared types."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property

import duckdb

from pipelines import sources
from pipelines.core import dates
from pipelines.core.config import Delivery
from pipelines.run.run import Run
from pipelines.sources import bounds, failing, other_columns
from pipelines.sources.declared import Declared
from pipelines.sources.due import Due, Survey
from pipelines.sources.piece import Piece
from pipelines.sources.typed import typed_rows


@dataclass(frozen=True)
class Opened:
    """A source that has been opened for some days.

    Attributes:
        due: What is to be had of it.
        pieces: What it gives.
        typed: Each piece's rows, of the declared types, without their numbers.
        surveys: What the pieces hold that may hold rows of any day.
        may_be_empty: Whether it is in order that there are no rows of these days.
    """

    due: Due
    pieces: list[Piece]
    typed: list[duckdb.DuckDBPyRelation]
    surveys: list[Survey]
    may_be_empty: bool

    @cached_property
    def numbered(self) -> list[duckdb.DuckDBPyRelation]:
        """The same rows with their numbers."""
        return _typed(self.pieces, self.due, numbered=True)

    @property
    def limits(self) -> Delivery:
        """How much it may give."""
        return self.due.run.use_case.limits.delivery

    def told(self) -> AbstractContextManager[None]:
        """See `failing.told`."""
        return failing.told(self.pieces, self.due.declared, self.due.where)


def open_source(
    run: Run,
    days: dates.Days,
    *,
    labels: bool,
    may_be_empty: bool,
    patient: bool,
    other: str | None = None,
) -> Opened:
    """Open a run's source.

    Args:
        run: The run.
        days: The days whose rows are wanted.
        labels: Whether any label or late column is shown.
        may_be_empty: Whether it is in order that there are no rows of these days, as before the source's
            first.
        patient: Whether to read files line by line, where DuckDB has given up on one.
        other: The name of another source than that of the rows that are predicted.

    Raises:
        BadInput: what the source holds is not what the use case declares.
        TryAgain: the source cannot be reached now.
    """
    of = run.use_case.others[other] if other else run.use_case
    declared = Declared.of(of)
    due = Due(run, days, labels, declared, other)
    limits = run.use_case.limits.delivery
    pieces = sources.read(
        of.source,
        days,
        declared,
        run.settings,
        run.store.connection,
        limits=limits,
        may_miss=may_be_empty,
        patient=patient,
    )
    other_columns.refuse(pieces, declared, of, due.where)
    every = _typed(pieces, due, numbered=False)
    surveys = [
        _survey(piece, rows, due) for piece, rows in zip(pieces, every, strict=True) if piece.day is None
    ]
    excused = run.use_case.limits.empty_nights or not any(map(of.expects, days))
    return Opened(due, pieces, every, surveys, may_be_empty or (excused and run.kind != "training"))


def _typed(pieces: Sequence[Piece], due: Due, *, numbered: bool) -> list[duckdb.DuckDBPyRelation]:
    """Each piece's rows, of the declared types."""
    declared, name = due.declared, due.where
    counts = [_count(piece, due) for piece in pieces] if declared.assign_days else []
    found = []
    for number, piece in enumerate(pieces):
        with failing.told([piece], declared, name):
            before, total = sum(counts[:number]), sum(counts)
            found.append(
                typed_rows(
                    piece, declared, numbered=numbered, blind=not due.labels, before=before, total=total
                )
            )
    return found


def _count(piece: Piece, due: Due) -> int:
    with failing.told([piece], due.declared, due.where):
        return int(piece.rows.aggregate("count(*)").fetchall()[0][0])


def _survey(piece: Piece, rows: duckdb.DuckDBPyRelation, due: Due) -> Survey:
    with failing.told([piece], due.declared, due.where):
        survey = due.survey(rows)
    bounds.require("rows", piece.place, survey.rows, due.run.use_case.limits.delivery)
    return survey
