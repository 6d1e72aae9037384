"""Source -> raw: the rows of some days, each value of the type that the schema declares, under the source's own names.

Nothing is repaired here. A column too few or too many, a value that is not of its type and a row without a time are the
source's mistakes, told with their places, and the partition is not published. Missing codes, spellings and duplicates
are for cleanse: it is declared what they mean.
"""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from pathlib import Path

import duckdb

from pipelines import dates, sources
from pipelines.config import HttpSource, UseCase
from pipelines.errors import BadInput, listed, meant
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.sources import replay
from pipelines.sources.casts import ARTICLES, SQL_TYPES, broken, cast, quoted

# Columns of our own while rows are read; with blanks, so that they cannot be a source's.
PIECE, DAY, ROW, NUMBER, BROKEN = "the piece", "its day", "row in the piece", "row in the source", "broken "
MOST_VALUES = 6  # wrong values shown in one message
LONGEST_VALUE = 40


def rows(run: Run, days: dates.Days, *, may_be_empty: bool = False) -> duckdb.DuckDBPyRelation:
    """Read the source's rows of some days, ordered by time and key.

    Args:
        run: The run; labels which are not known yet when it starts are null.
        days: Rows with a time from the first day's start up to, but without, the end of the last.
        may_be_empty: Whether it is in order that there are none, as before the source's first day.

    Returns:
        The schema's columns in its order, typed as declared, under the source's names (`cleanse.rename` comes later).
        Columns with role ignored are still there.

    Raises:
        BadInput: what the source holds is not what the use case declares, or it holds no rows of these days.
        TryAgain: the source cannot be reached now.
    """
    return _Reading(run, days).rows(may_be_empty)


def without_labels(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> duckdb.DuckDBPyRelation:
    """Hide every label: a scoring run must not know what it predicts."""
    name = _source_name(use_case, use_case.target)
    return rows.project(f"* REPLACE (NULL::{SQL_TYPES[use_case.columns[use_case.target].type]} AS {quoted(name)})")


def fetch(use_case: UseCase, settings: Settings) -> Path | None:
    """Fetch the use case's public file, if its source is one; see `sources.fetch`."""
    return sources.fetch(use_case.source, settings) if isinstance(use_case.source, HttpSource) else None


def _source_name(use_case: UseCase, column: str) -> str:
    """What the source calls a column of the schema."""
    return next((old for old, new in use_case.cleanse.rename.items() if new == column), column)


class _Reading:
    """One reading of the source: from its pieces to the typed rows of the days, with every check on the way."""

    def __init__(self, run: Run, days: dates.Days) -> None:
        self.run = run
        self.days = days
        self.use_case = run.use_case
        self.connection = run.store.connection
        self.columns = {_source_name(self.use_case, name): column for name, column in self.use_case.columns.items()}
        self.codes = {_source_name(self.use_case, name): codes for name, codes in self.use_case.cleanse.missing.items()}
        self.key = _source_name(self.use_case, self.use_case.key)
        self.time = _source_name(self.use_case, self.use_case.time)
        self.label = _source_name(self.use_case, self.use_case.target)
        dealt = {self.key, self.time} if self.use_case.replay else set()
        self.derived = {_source_name(self.use_case, name): sql for name, sql in self.use_case.source.derive.items()}
        self.given = tuple(name for name in self.columns if name not in dealt and name not in self.derived)
        self.table = quoted(f"{self.use_case.name} {days}")

    def rows(self, may_be_empty: bool) -> duckdb.DuckDBPyRelation:
        self.pieces = sources.read(self.use_case.source, self.days, self.given, self.run.settings, self.connection, may_miss=may_be_empty)
        if not self.pieces:
            return self._none()
        self._refuse_other_columns()
        try:
            typed = self._derive(self._type(self._joined()))
            # The one pass over the source. Only these days' rows are kept, and those that are nobody's.
            typed.query("typed", f"CREATE OR REPLACE TEMP TABLE {self.table} AS SELECT * FROM typed WHERE {self._wanted()}")
        except duckdb.Error as error:
            raise self._diagnosis(error) from error
        self._refuse_broken_values()
        self._refuse_rows_of_no_day()
        if not may_be_empty:
            self._refuse_emptiness(typed)
        return self._ordered()

    # --- the rows

    def _joined(self) -> duckdb.DuckDBPyRelation:
        """All pieces below one another, each row with where it comes from."""
        given = ", ".join(map(quoted, self.given))
        parts = [
            piece.rows.project(
                f"{given}, {number} AS {quoted(PIECE)}, {f'DATE {str(piece.day)!r}' if piece.day else 'NULL::DATE'} AS {quoted(DAY)}, "
                f"row_number() OVER () AS {quoted(ROW)}"
            )
            for number, piece in enumerate(self.pieces)
        ]
        return reduce(lambda above, below: above.union(below), parts).project(f"*, row_number() OVER () AS {quoted(NUMBER)}")

    def _type(self, joined: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """The source's own columns as declared; beside each, the text of what is not of its type."""
        found = {name: str(type_) for name, type_ in zip(joined.columns, joined.types, strict=True)}
        selected = [sql for name in self.given for sql in self._read(name, quoted(name), found[name])]
        if self.use_case.replay:
            total = joined.aggregate("count(*)").fetchall()[0][0] if self.use_case.replay.rule == "order" else 0
            selected += self._read(self.key, quoted(NUMBER), "BIGINT")
            selected += self._read(self.time, replay.moment(self.use_case.replay, quoted(NUMBER), total), "TIMESTAMP")
        return joined.project(", ".join([*selected, quoted(PIECE), quoted(DAY), quoted(ROW)]))

    def _derive(self, typed: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """Add what the source says in pieces only, such as a moment from a date and an hour."""
        for name, sql in self.derived.items():
            value = f"({sql})"
            found = str(typed.project(value).types[0])
            typed = typed.project(", ".join(["*", *self._read(name, value, found)]))
        return typed

    def _read(self, name: str, value: str, found: str) -> list[str]:
        column = self.columns[name]
        return [
            f"{cast(value, found, column)} AS {quoted(name)}",
            f"{broken(value, found, column, self.codes.get(name, ()))} AS {quoted(BROKEN + name)}",
        ]

    def _wanted(self) -> str:
        time = quoted(self.time)
        after = self.days.last + timedelta(days=1)
        return f"{time} IS NULL OR ({time} >= DATE '{self.days.first}' AND {time} < DATE '{after}') OR {time}::DATE <> {quoted(DAY)}"

    def _ordered(self) -> duckdb.DuckDBPyRelation:
        """The final rows. Rows of the same time and key keep the source's order, so that the bytes are always the same."""
        known = dates.known_by(self.run.kind, self.run.partition) - timedelta(days=self.use_case.label.delay_days)
        selected = [
            f"CASE WHEN {quoted(self.time)}::DATE <= DATE '{known}' THEN {quoted(name)} END AS {quoted(name)}"
            if name == self.label
            else quoted(name)
            for name in self.columns
        ]
        order = ", ".join(map(quoted, (self.time, self.key, PIECE, ROW)))
        return self.connection.sql(f"SELECT {', '.join(selected)} FROM {self.table} ORDER BY {order}")

    def _none(self) -> duckdb.DuckDBPyRelation:
        typed = ", ".join(f"NULL::{SQL_TYPES[column.type]} AS {quoted(name)}" for name, column in self.columns.items())
        return self.connection.sql(f"SELECT {typed} WHERE false")

    # --- what is refused

    def _refuse_other_columns(self) -> None:
        places: dict[str, list[str]] = {}
        for piece in self.pieces:
            found = piece.rows.columns
            extra = [name for name in found if name not in self.given]
            for name in self.given:
                if name not in found:
                    places.setdefault(f"no column {name!r}; {meant(name, extra or found)}", []).append(piece.place)
            for name in extra:
                places.setdefault(f"a column {name!r} that the schema does not know; {meant(name, self.given)}", []).append(piece.place)
        if places:
            raise BadInput(
                f"{self.use_case.name}: the source's columns are not those of the schema\n"
                + listed((f"{_first_of(where)}: {mistake}" for mistake, where in places.items()), 7)
                + "\n  way out: correct the source, or declare them under columns (role ignored for what nobody needs), under their names after cleanse.rename"
            )

    def _refuse_broken_values(self) -> None:
        wrong = " UNION ALL ".join(
            f"SELECT {quoted(PIECE)} AS piece, {quoted(ROW)} AS row, {number} AS number, {quoted(BROKEN + name)} AS value FROM {self.table} "
            f"WHERE {quoted(BROKEN + name)} IS NOT NULL"
            for number, name in enumerate(self.columns)
        )
        found = self.connection.execute(
            f"SELECT *, count(*) OVER () FROM ({wrong}) ORDER BY piece, row, number LIMIT {MOST_VALUES}"
        ).fetchall()
        if found:
            names = list(self.columns)
            total = found[0][-1]
            lines = [
                f"{self.pieces[piece].place}, row {row}, column {names[number]}: {self._shown(names[number], value)} is not {ARTICLES[self.columns[names[number]].type]}"
                for piece, row, number, value, _ in found
            ]
            raise BadInput(
                f"{self.use_case.name}: {total:,} value{'s are' if total > 1 else ' is'} not of the declared type\n"
                + listed(lines)
                + (f"\n  ... and {total - len(lines):,} more" if total > len(lines) else "")
                + "\n  way out: correct the source, declare a code under cleanse.missing, or correct the column's type"
            )

    def _refuse_rows_of_no_day(self) -> None:
        time = quoted(self.time)
        found = self.connection.execute(
            f"SELECT {quoted(PIECE)}, {quoted(ROW)}, {time}, count(*) OVER () FROM {self.table} "
            f"WHERE {time} IS NULL OR {time}::DATE <> {quoted(DAY)} ORDER BY {quoted(PIECE)}, {quoted(ROW)} LIMIT {MOST_VALUES}"
        ).fetchall()
        if found:
            total = found[0][-1]
            lines = [
                f"{self.pieces[piece].place}, row {row}: {self.time} is {'missing' if moment is None else f'{moment}, of another day'}"
                for piece, row, moment, _ in found
            ]
            raise BadInput(
                f"{self.use_case.name}: {total:,} row{'s' if total > 1 else ''} would belong to no partition, or to another\n"
                + listed(lines)
                + (f"\n  ... and {total - len(lines):,} more" if total > len(lines) else "")
                + f"\n  way out: correct the source; files that hold rows of several days are read whole by a path without {sources.files.PARTITION}"
            )

    def _refuse_emptiness(self, typed: duckdb.DuckDBPyRelation) -> None:
        if self.connection.execute(f"SELECT count(*) FROM {self.table}").fetchall()[0][0]:
            return
        first, last = typed.aggregate(f"min({quoted(self.time)})::DATE, max({quoted(self.time)})::DATE").fetchall()[0]
        held = f"the source holds {first}..{last}" if first else f"{_first_of([piece.place for piece in self.pieces])} gave none"
        raise BadInput(
            f"{self.use_case.name}: no rows for {self.days}; {held}\n  way out: choose a partition that it holds, or look why it is empty"
        )

    def _diagnosis(self, error: duckdb.Error) -> BadInput:
        said = next((told for told in (piece.diagnose() for piece in self.pieces) if told), None)
        if said:
            return said
        place = "source.derive" if self.derived else _first_of([piece.place for piece in self.pieces])
        return BadInput(f"{self.use_case.name}: {place}: {str(error).splitlines()[0]}\n  way out: correct it there")

    def _shown(self, name: str, value: str) -> str:
        if self.columns[name].pii:
            return "the value (hidden, it is personal)"
        return repr(value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "...")


def _first_of(places: list[str]) -> str:
    return places[0] if len(places) == 1 else f"{places[0]} (and {len(places) - 1} more)"
