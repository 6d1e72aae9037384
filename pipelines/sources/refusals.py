"""What is wrong with what a source gave, told with its places.

Slow, since nothing is wrong as a rule, but in bounded memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import duckdb

from pipelines.core.errors import BadInput
from pipelines.core.sql import name as quoted
from pipelines.core.sql import select
from pipelines.sources.casts import ARTICLES
from pipelines.sources.declared import Declared
from pipelines.sources.due import Due
from pipelines.sources.files import PARTITION
from pipelines.sources.piece import Piece
from pipelines.sources.typed import BROKEN, ROW, WRONG
from pipelines.sources.why import why

MOST_VALUES = 6  # wrong values, or rows, shown in one message
LONGEST_VALUE = 40

# A piece, and those of its rows that are to be looked at, as `typed` gives them.
Looked = Sequence[tuple[Piece, duckdb.DuckDBPyRelation]]


def refuse_broken_values(looked: Looked, declared: Declared, use_case: str) -> None:
    """Look for values that are not of their column's type.

    Raises:
        BadInput: there are some; says how many by column, and where the first of each kind stand.
    """
    counts: Counter[str] = Counter()
    examples: list[_Example] = []
    for piece, rows in looked:
        breakable = [name for name in declared.columns if BROKEN + name in rows.columns]
        wrong = rows.filter(quoted(WRONG))
        counted = wrong.aggregate(
            ", ".join(f"count({quoted(BROKEN + name)})" for name in breakable)
        ).fetchall()[0]
        of_piece = {name: n for name, n in zip(breakable, counted, strict=True) if n}
        counts.update(of_piece)
        examples = _one_a_kind([*examples, *_examples_of(list(of_piece), piece, wrong)])
    if not counts:
        return
    total = counts.total()
    shown = [
        f"{one.place}, row {one.row}, column {one.column}: {_judgement(one, declared)}"
        for one in _first(examples, MOST_VALUES)
    ]
    raise BadInput(
        f"{total:,} value{'s are' if total > 1 else ' is'} not of the declared type (rows are counted"
        f" from 1, a header is none){_by_column(counts)}",
        where=use_case,
        details=shown,
        in_all=total,
        fix=(
            "correct the source, declare a code under cleanse.missing, or correct the column's type or format"
        ),
    )


class _Example(NamedTuple):
    """A wrong value, of a kind that its looks tell: its letters and digits are left out, and how long it
    is.
    """

    column: str
    kind: str
    place: str
    row: int
    value: str


def _examples_of(columns: Sequence[str], piece: Piece, wrong: duckdb.DuckDBPyRelation) -> list[_Example]:
    """The first of each kind of a piece's wrong values.

    Of more kinds of a column than can be shown, the first ones.
    """
    if not columns:
        return []
    values = ", ".join(f"{{'n': {n}, 'v': {quoted(BROKEN + name)}}}" for n, name in enumerate(columns))
    kind = rf"regexp_replace(regexp_replace(one.v[:{LONGEST_VALUE}], '\d+', '9', 'g'), '[a-zA-Z]+', 'a', 'g')"
    found = select(
        wrong,
        "wrong",
        f"""
        SELECT one.n, {kind} AS kind, min(place) AS first, arg_min(one.v, place)
        FROM (SELECT {quoted(ROW)} AS place, unnest([{values}]) AS one FROM wrong) WHERE one.v IS NOT NULL
        GROUP BY one.n, kind QUALIFY row_number() OVER (PARTITION BY one.n ORDER BY first) <= {MOST_VALUES}
            ORDER BY first, one.n""",
    )
    return [_Example(columns[n], kind, piece.place, row, value) for n, kind, row, value in found.fetchall()]


def _one_a_kind(examples: Iterable[_Example]) -> list[_Example]:
    kinds: dict[tuple[str, str], _Example] = {}
    columns: Counter[str] = Counter()
    for one in examples:
        if (one.column, one.kind) not in kinds and columns[one.column] < MOST_VALUES:
            kinds[one.column, one.kind] = one
            columns[one.column] += 1
    return list(kinds.values())


def _first(examples: Sequence[_Example], most: int) -> list[_Example]:
    """So many examples: each column's first kind before any second one.

    Told in the order in which they stand in the source.
    """
    seen: Counter[str] = Counter()
    ranked = []
    for n, one in enumerate(examples):
        ranked.append((seen[one.column], n, one))
        seen[one.column] += 1
    places = {place: n for n, place in enumerate(dict.fromkeys(one.place for one in examples))}
    return sorted((one for _, _, one in sorted(ranked)[:most]), key=lambda one: (places[one.place], one.row))


def _judgement(one: _Example, declared: Declared) -> str:
    column = declared.columns[one.column]
    number = column.type in ("integer", "number")
    if one.column in declared.personal:
        reason = ""
    elif number and declared.decimal != "." and "." in one.value:
        reason = ": it has a point, and format.decimal says that decimals stand behind a comma"
    else:
        reason = why(one.value.replace(declared.decimal, ".") if number else one.value, column)
    return f"{_value_text(one.column, one.value, declared)} is not {ARTICLES[column.type]}{reason}"


def _by_column(counts: Counter[str]) -> str:
    """How many there are in each column, where there are several."""
    if len(counts) < 2:
        return ""
    told = ", ".join(f"{n:,} in {name}" for name, n in counts.most_common(MOST_VALUES))
    return f": {told}{', ...' if len(counts) > MOST_VALUES else ''}"


def refuse_rows_of_no_day(looked: Looked, due: Due, use_case: str) -> None:
    """Look for rows without a time, for rows of another day than their piece's, and for those of a day that
    nobody has seen yet.

    Raises:
        BadInput: there are some; says how many, and where the first of them stand.
    """
    declared = due.declared
    time = quoted(declared.time)
    total = 0
    lines: list[str] = []
    for piece, rows in looked:
        other = due.not_of(piece.day) if piece.day else due.nobodys
        misplaced = rows.filter(other).project(f"{quoted(ROW)}, {time}")
        total += misplaced.aggregate("count(*)").fetchall()[0][0]
        what = f"of another {due.run.use_case.partition.every}" if piece.day else "later than tomorrow"
        lines += [
            f"{piece.place}, row {row}: {declared.time} is"
            f" {'missing' if moment is None else f'{moment}, {what}'}"
            for row, moment in misplaced.order(quoted(ROW)).limit(MOST_VALUES - len(lines)).fetchall()
        ]
    if total:
        raise BadInput(
            f"{total:,} row{'s' if total > 1 else ''} would belong to no partition, or to another",
            where=use_case,
            details=lines,
            in_all=total,
            fix=(
                "correct the source; files that hold rows of several days are read whole by a path without"
                f" {PARTITION}"
            ),
        )


def first_of(places: Sequence[str]) -> str:
    """The first of some places, and how many there are besides."""
    return places[0] if len(places) == 1 else f"{places[0]} (and {len(places) - 1} more)"


def _value_text(name: str, value: str, declared: Declared) -> str:
    if name in declared.personal:
        return "the value (hidden, it is personal)"
    return repr(value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "...")
