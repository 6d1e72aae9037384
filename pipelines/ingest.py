"""Source -> raw: the rows of some days, each value of the type that the schema declares, under the source's own names.

Nothing is repaired here. A column too few or too many, a value that is not of its type and a row without a time are the
source's mistakes, told with their places, and the partition is not published. Missing codes, spellings and duplicates
are for cleanse: it is declared what they mean. Rows of other days are left to their own partitions, and counted: what was
taken and what was left are all that the source gave.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb

from pipelines import dates, personal, sources
from pipelines.config import HttpSource, Replay, UseCase
from pipelines.errors import BadInput, SluiceError, listed, meant
from pipelines.run import Run
from pipelines.settings import Settings
from pipelines.sources import replay
from pipelines.sources.casts import ARTICLES, broken, cast
from pipelines.sources.files import PARTITION
from pipelines.sql import TYPES, reason
from pipelines.sql import name as quoted

logger = logging.getLogger(__name__)

# Columns of our own while rows are read; with blanks, so that they cannot be a source's.
PIECE, DAY, ROW, BROKEN = "the piece", "its day", "row in the piece", "broken "
LEFT, LAST = "rows left so far", "last of the piece"
MOST_VALUES = 6  # wrong values shown in one message
LONGEST_VALUE = 40
HIDDEN = "it cannot be computed for every row (DuckDB's reason is hidden, since it may quote personal values)"


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
        SluiceError: rows of the source were neither taken nor left to other days.
    """
    return _Reading(run, days).rows(may_be_empty)


def without_labels(rows: duckdb.DuckDBPyRelation, use_case: UseCase) -> duckdb.DuckDBPyRelation:
    """Hide every label: a scoring run must not know what it predicts."""
    name = _source_name(use_case, use_case.target)
    return rows.project(f"* REPLACE (NULL::{TYPES[use_case.columns[use_case.target].type]} AS {quoted(name)})")


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
        self.personal = personal.columns(self.use_case)
        self.table = quoted(f"{self.use_case.name} {days}")
        self.pieces: list[sources.Piece] = []

    def rows(self, may_be_empty: bool) -> duckdb.DuckDBPyRelation:
        """Collect the days' rows in a table, piece by piece, and hand them out when nothing is wrong with them."""
        self.pieces = sources.read(self.use_case.source, self.days, self.given, self.run.settings, self.connection, may_miss=may_be_empty)
        self._refuse_other_columns()
        self._create_table()
        typed = list(self._typed_pieces())
        for piece, typed_rows in zip(self.pieces, typed, strict=True):
            with self._told(piece):
                # The one pass over the source. Only these days' rows are kept, and those that are nobody's.
                typed_rows.query("typed", f"INSERT INTO {self.table} BY NAME {self._taken()}")
        self._refuse_losses()
        self._refuse_broken_values()
        self._refuse_rows_of_no_day()
        if not may_be_empty:
            self._refuse_emptiness(typed)
        return self._ordered()

    # --- the rows

    def _create_table(self) -> None:
        types = {name: TYPES[column.type] for name, column in self.columns.items()}
        types |= {BROKEN + name: "VARCHAR" for name in self.columns}
        types |= {PIECE: "INTEGER", DAY: "DATE", ROW: "BIGINT", LEFT: "BIGINT", LAST: "BOOLEAN"}
        columns = ", ".join(f"{quoted(name)} {type_}" for name, type_ in types.items())
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {self.table} ({columns})")

    def _typed_pieces(self) -> Iterator[duckdb.DuckDBPyRelation]:
        """Each piece's rows as declared, with where they come from; beside each column, the text of what is not of its type."""
        counts = [self._count(piece) for piece in self.pieces] if self.use_case.replay else []
        for number, piece in enumerate(self.pieces):
            with self._told(piece):
                place = f"{number} AS {quoted(PIECE)}, CAST({_day(piece)} AS DATE) AS {quoted(DAY)}, {quoted(ROW)}"
                numbered = piece.rows.project(f"*, row_number() OVER () AS {quoted(ROW)}")
                found = {name: str(type_) for name, type_ in zip(numbered.columns, numbered.types, strict=True)}
                selected = [sql for name in self.given for sql in self._read(name, quoted(name), found[name])]
                if self.use_case.replay:
                    selected += self._replayed(self.use_case.replay, before=sum(counts[:number]), total=sum(counts))
                yield self._derive(numbered.project(", ".join([*selected, place])))

    def _count(self, piece: sources.Piece) -> int:
        with self._told(piece):
            return int(piece.rows.aggregate("count(*)").fetchall()[0][0])

    def _replayed(self, rule: Replay, before: int, total: int) -> list[str]:
        """Key and time of a data set without dates; `before` is how many rows stand in the pieces before this one."""
        number = f"({before} + {quoted(ROW)})"
        return [*self._read(self.key, number, "BIGINT"), *self._read(self.time, replay.moment(rule, number, total), "TIMESTAMP")]

    def _derive(self, typed: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """Add what the source says in pieces only, such as a moment from a date and an hour."""
        for name, sql in self.derived.items():
            value = f"(\n{sql}\n)"  # the line breaks end a comment in it
            found = str(typed.project(value).types[0])
            typed = typed.project(", ".join(["*", *self._read(name, value, found)]))
        return typed

    def _read(self, name: str, value: str, found: str) -> list[str]:
        column = self.columns[name]
        return [
            f"{cast(value, found, column)} AS {quoted(name)}",
            f"{broken(value, found, column, self.codes.get(name, ()))} AS {quoted(BROKEN + name)}",
        ]

    def _taken(self) -> str:
        """SQL of the typed rows that are kept; the piece's last row is, too, since it knows how many rows there were."""
        return f"""
            SELECT * FROM (
                SELECT *, count(*) FILTER ({self._left()}) OVER (ROWS UNBOUNDED PRECEDING) AS {quoted(LEFT)},
                    lead({quoted(ROW)}) OVER () IS NULL AS {quoted(LAST)}
                FROM typed
            ) WHERE {self._wanted()} OR {quoted(LAST)}"""

    def _wanted(self) -> str:
        time = quoted(self.time)
        after = self.days.last + timedelta(days=1)
        return f"({time} IS NULL OR ({time} >= DATE '{self.days.first}' AND {time} < DATE '{after}') OR {time}::DATE <> {quoted(DAY)})"

    def _left(self) -> str:
        """SQL of what is left to other partitions: a row of another day, in a piece that may hold rows of any."""
        time = f"{quoted(self.time)}::DATE"
        return f"{quoted(DAY)} IS NULL AND ({time} < DATE '{self.days.first}' OR {time} > DATE '{self.days.last}')"

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

    # --- what is refused

    def _refuse_losses(self) -> None:
        """Make sure that every row of the pieces was either taken or left to other days, and drop the last rows that were only counted."""
        ((read, left, taken),) = self.connection.execute(
            f"SELECT coalesce(sum({quoted(ROW)}) FILTER ({quoted(LAST)}), 0)::BIGINT, coalesce(sum({quoted(LEFT)}) FILTER ({quoted(LAST)}), 0)::BIGINT, "
            f"count(*) FILTER ({self._wanted()}) FROM {self.table}"
        ).fetchall()
        if read != left + taken:
            raise SluiceError(
                f"{self.use_case.name}: the source gave {read:,} rows, of which {taken:,} were taken for {self.days} and {left:,} left to other days: "
                "nothing is published"
            )
        self.connection.execute(f"DELETE FROM {self.table} WHERE {self._wanted()} IS NOT TRUE")
        if left:
            logger.info(
                "%s: %s of the source's %s rows are not of %s, and left to other partitions",
                self.use_case.name,
                f"{left:,}",
                f"{read:,}",
                self.days,
            )

    def _refuse_other_columns(self) -> None:
        places: dict[str, list[str]] = {}
        for piece in self.pieces:
            found = piece.rows.columns
            if not set(found) & set(self.given):  # the names found may be a row's values, personal ones among them: none is quoted
                places.setdefault("none of the schema's columns is there; has it lost its header line?", []).append(piece.place)
                continue
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
                f"{self.use_case.name}: {total:,} value{'s are' if total > 1 else ' is'} not of the declared type (rows are counted from 1, a header is none)\n"
                + _examples(lines, total)
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
                + _examples(lines, total)
                + f"\n  way out: correct the source; files that hold rows of several days are read whole by a path without {PARTITION}"
            )

    def _refuse_emptiness(self, typed: list[duckdb.DuckDBPyRelation]) -> None:
        if self.connection.execute(f"SELECT count(*) FROM {self.table}").fetchall()[0][0]:
            return
        time = quoted(self.time)
        held = [rows.aggregate(f"min({time})::DATE, max({time})::DATE").fetchall()[0] for rows in typed]
        first = min((first for first, _ in held if first), default=None)
        last = max((last for _, last in held if last), default=None)
        said = f"the source holds {first}..{last}" if first else f"{_first_of([piece.place for piece in self.pieces])} gave none"
        raise BadInput(
            f"{self.use_case.name}: no rows for {self.days}; {said}\n  way out: choose a day that the source has rows of, or see why it has none"
        )

    @contextmanager
    def _told(self, piece: sources.Piece) -> Iterator[None]:
        """Turn DuckDB's error into a sentence: of the lines of a file that cannot be read, or else of a derived column."""
        try:
            yield
        except duckdb.Error as error:
            place = "source.derive" if self.derived else piece.place
            why = HIDDEN if self.personal else reason(error)
            told = piece.diagnose() or BadInput(f"{self.use_case.name}: {place}: {why}\n  way out: correct it there")
            raise told from error

    def _shown(self, name: str, value: str) -> str:
        if name in self.personal:
            return "the value (hidden, it is personal)"
        return repr(value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "...")


def _day(piece: sources.Piece) -> str:
    return f"'{piece.day}'" if piece.day else "NULL"


def _examples(lines: list[str], total: int) -> str:
    """Some of the mistakes, and how many there are besides."""
    more = total - len(lines)
    return listed(lines) + (f"\n  ... and {more:,} more" if more else "")


def _first_of(places: list[str]) -> str:
    return places[0] if len(places) == 1 else f"{places[0]} (and {len(places) - 1} more)"
