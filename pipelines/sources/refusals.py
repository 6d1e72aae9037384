"""What is wrong with what a source gave, told with its places. Slow, since nothing is wrong as a rule, but in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from pipelines.errors import BadInput, listed, meant
from pipelines.sources.casts import ARTICLES
from pipelines.sources.declared import Declared
from pipelines.sources.files import PARTITION
from pipelines.sources.piece import Piece
from pipelines.sources.typed import BROKEN, ROW, WRONG
from pipelines.sql import name as quoted

MOST_VALUES = 6  # wrong values, or rows, shown in one message
LONGEST_VALUE = 40

# A piece, and those of its rows that are to be looked at, as `typed` gives them.
Looked = Sequence[tuple[Piece, duckdb.DuckDBPyRelation]]


def refuse_other_columns(pieces: Iterable[Piece], declared: Declared, use_case: str) -> None:
    """Compare the pieces' columns with the schema's.

    Raises:
        BadInput: they are not the same; all mistakes of all pieces at once.
    """
    places: dict[str, list[str]] = {}
    for piece in pieces:
        found = piece.rows.columns
        if not set(found) & set(declared.given):  # the names found may be a row's values, personal ones among them: none is quoted
            places.setdefault("none of the schema's columns is there; has it lost its header line?", []).append(piece.place)
            continue
        extra = [name for name in found if name not in declared.given]
        for name in declared.given:
            if name not in found:
                places.setdefault(f"no column {name!r}; {meant(name, extra or found)}", []).append(piece.place)
        for name in extra:
            places.setdefault(f"a column {name!r} that the schema does not know; {meant(name, declared.given)}", []).append(piece.place)
    if places:
        raise BadInput(
            f"{use_case}: the source's columns are not those of the schema\n"
            + listed((f"{first_of(where)}: {mistake}" for mistake, where in places.items()), 7)
            + "\n  way out: correct the source, or declare them under columns (role ignored for what nobody needs), under their names after cleanse.rename"
        )


def refuse_broken_values(looked: Looked, declared: Declared, use_case: str) -> None:
    """Look for values that are not of their column's type.

    Raises:
        BadInput: there are some; says how many, and where the first of them stand.
    """
    breakable = [name for name, column in declared.columns.items() if column.type != "string"]
    counted = " + ".join(f"count({quoted(BROKEN + name)})" for name in breakable)
    selected = ", ".join([quoted(ROW), *(quoted(BROKEN + name) for name in breakable)])
    total = 0
    lines: list[str] = []
    for piece, rows in looked:
        wrong = rows.filter(quoted(WRONG))
        total += wrong.aggregate(counted).fetchall()[0][0]
        for row, *values in wrong.project(selected).order(quoted(ROW)).limit(MOST_VALUES - len(lines)).fetchall():
            lines += [
                f"{piece.place}, row {row}, column {name}: {_shown(name, value, declared)} is not {ARTICLES[declared.columns[name].type]}"
                for name, value in zip(breakable, values, strict=True)
                if value is not None
            ]
    if total:
        raise BadInput(
            f"{use_case}: {total:,} value{'s are' if total > 1 else ' is'} not of the declared type (rows are counted from 1, a header is none)\n"
            + _examples(lines, total)
            + "\n  way out: correct the source, declare a code under cleanse.missing, or correct the column's type"
        )


def refuse_rows_of_no_day(looked: Looked, declared: Declared, use_case: str) -> None:
    """Look for rows without a time, and for rows of another day than their piece's.

    Raises:
        BadInput: there are some; says how many, and where the first of them stand.
    """
    time = quoted(declared.time)
    total = 0
    lines: list[str] = []
    for piece, rows in looked:
        other = f" OR {time}::DATE <> DATE '{piece.day}'" if piece.day else ""
        misplaced = rows.filter(f"{time} IS NULL{other}").project(f"{quoted(ROW)}, {time}")
        total += misplaced.aggregate("count(*)").fetchall()[0][0]
        lines += [
            f"{piece.place}, row {row}: {declared.time} is {'missing' if moment is None else f'{moment}, of another day'}"
            for row, moment in misplaced.order(quoted(ROW)).limit(MOST_VALUES - len(lines)).fetchall()
        ]
    if total:
        raise BadInput(
            f"{use_case}: {total:,} row{'s' if total > 1 else ''} would belong to no partition, or to another\n"
            + _examples(lines, total)
            + f"\n  way out: correct the source; files that hold rows of several days are read whole by a path without {PARTITION}"
        )


def first_of(places: Sequence[str]) -> str:
    """The first of some places, and how many there are besides."""
    return places[0] if len(places) == 1 else f"{places[0]} (and {len(places) - 1} more)"


def _shown(name: str, value: str, declared: Declared) -> str:
    if name in declared.personal:
        return "the value (hidden, it is personal)"
    return repr(value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "...")


def _examples(lines: list[str], total: int) -> str:
    """Some of the mistakes, and how many there are besides."""
    shown = lines[:MOST_VALUES]
    more = total - len(shown)
    return listed(shown) + (f"\n  ... and {more:,} more" if more else "")
