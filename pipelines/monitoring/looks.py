"""What is looked at of each feature, day by day, over all rows: counts that DuckDB sums up in one pass.

The reference says into which cells a feature's values fall (`effects`), which values of a category are
common, and which were ever seen; the days of the reference and those of the week are then counted by these.
Nothing grows with the number of rows but what DuckDB groups, which goes through the disk.

Of a category's values each common one is counted by itself, the rare ones together, and, where they are many,
in `BUCKETS` by their hashes, in which one hidden by another is seen. A value that was never seen is one that
stands in no row of the reference; of a day of the reference, in no other week of it. Texts are counted by
their lengths and their words, on `TEXTS` of each day's rows: words in buckets, and those never seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

import duckdb
import numpy as np

from pipelines.core import sql
from pipelines.core.calendar import DAILY, Calendar
from pipelines.monitoring import effects
from pipelines.monitoring.effects import Floats

Day: TypeAlias = int  # its number, as the calendar tells: of a day its ordinal
Counts: TypeAlias = dict[Day, Floats]

COMMON = 0.05  # of the reference's rows: so frequent a value is counted by itself
MOST_COMMON = 8
BUCKETS = 8
MANY = 0.2  # of the rows have rare values: these are looked at in buckets, too
TEXTS = 2_000  # of a day's rows: more tell no more of its words
WEEK, FEW_WEEKS = 7, 4


@dataclass(frozen=True)
class Number:
    """How a number is counted: the cuts of its cells; none where the reference has no value."""

    cuts: Floats

    @property
    def cells(self) -> int:
        """How many there are."""
        return 2 * len(self.cuts) + 1


@dataclass(frozen=True)
class Values:
    """How values are counted, of a category or of words.

    Attributes:
        common: Those that are counted by themselves.
        table: Of the reference's values: value, in how many of its weeks, as DuckDB has it.
        buckets: How many there are for all others.
    """

    common: tuple[str, ...]
    table: str
    buckets: int

    @property
    def cells(self) -> int:
        """Common ones, buckets, and how many were never seen."""
        return len(self.common) + self.buckets + 1


@dataclass(frozen=True)
class Text:
    """How a text is counted."""

    length: Number
    words: Values


Look: TypeAlias = Number | Values | Text


@dataclass(frozen=True)
class Looked:
    """What was counted of one feature.

    Attributes:
        rows: Day -> rows.
        present: Day -> rows with a value.
        cells: Day -> counts, see the feature's look: of a text, those of its lengths.
        words: Of a text: day -> counts of its words.
        least, greatest: Of a number's values.
        sampled: Of a text: day -> texts that were looked at.
    """

    rows: dict[Day, int]
    present: dict[Day, int]
    cells: Counts
    words: Counts
    least: float | None = None
    greatest: float | None = None
    sampled: Mapping[Day, int] | None = None


@dataclass(frozen=True)
class Rows:
    """Rows of some days, each value as the model takes it: an infinite number and an empty string are as good
    as missing.
    """

    relation: duckdb.DuckDBPyRelation
    key: str
    time: str
    calendar: Calendar = DAILY
    week: int = WEEK  # days that a report looks at

    @property
    def day(self) -> str:
        """SQL of a row's day, as a number."""
        return self.calendar.index_sql(sql.name(self.time))

    def answers(self, query: str) -> list[Any]:
        """What a query over `rows` gives."""
        return sql.select(self.relation, "rows", query).fetchall()


def usable(column: str, kind: str) -> str:
    """SQL of a value as the model takes it."""
    if kind == "number":
        return f"CASE WHEN isfinite({sql.name(column)}::DOUBLE) THEN {sql.name(column)}::DOUBLE END"
    return f"nullif({sql.name(column)}::VARCHAR, '')"


def look(reference: Rows, learned: str, types: Mapping[str, str]) -> dict[str, Look]:
    """How each feature is counted.

    Args:
        reference: The champion's training.
        learned: SQL: which of its rows it was fitted on.
        types: Feature -> number, category or text.
    """
    found: dict[str, Look] = {}
    numbers = [name for name, kind in types.items() if kind == "number"]
    found |= _numbers(reference, learned, {name: usable(name, "number") for name in numbers})
    for name, kind in types.items():
        if kind == "category":
            every = f"SELECT {reference.day} AS day, {usable(name, kind)} AS value FROM rows"
            found[name] = _values(reference, every)
        elif kind == "text":
            length = f"length({usable(name, kind)})::DOUBLE"
            lengths = _numbers(reference, learned, {name: length})
            found[name] = Text(lengths[name], _values(reference, _words(reference, name), BUCKETS))
    return {name: found[name] for name in types}


def _numbers(rows: Rows, learned: str, numbers: Mapping[str, str]) -> dict[str, Number]:
    if not numbers:
        return {}
    ranks = list(effects.RANKS)
    asked = ", ".join(f"quantile_disc({text}, {ranks})" for text in numbers.values())
    (told,) = rows.answers(f"SELECT {asked} FROM rows WHERE {learned}")
    return {
        name: Number(effects.distinct(np.array(quantiles or [], dtype=np.float64)))
        for name, quantiles in zip(numbers, told, strict=True)
    }


def _values(rows: Rows, every: str, buckets: int | None = None) -> Values:
    """Values of the reference, in a table of DuckDB's that may go through the disk."""
    ((first, last),) = rows.answers(
        f"SELECT coalesce(min({rows.day}), 0), coalesce(max({rows.day}), 0) FROM rows"
    )
    block = (
        rows.week if last - first >= rows.week * FEW_WEEKS else 1
    )  # of a few weeks, each day beside the others
    table = sql.name(f"values {uuid4().hex}")
    rows.relation.query(
        "rows",
        f"CREATE TEMP TABLE {table} AS SELECT value, count(*) AS n, "
        f"count(DISTINCT ({last} - day) // {block}) AS weeks FROM ({every}) "
        "WHERE value IS NOT NULL GROUP BY value",
    )
    ((total,),) = rows.answers(f"SELECT coalesce(sum(n), 0) FROM {table}")
    common = rows.answers(
        f"SELECT value, n FROM {table} WHERE n >= {COMMON} * {total}"
        f" ORDER BY n DESC, value LIMIT {MOST_COMMON}"
    )
    rare = 1 - sum(n for _, n in common) / total if total else 0.0
    return Values(
        tuple(value for value, _ in common),
        table,
        (BUCKETS if rare >= MANY else 1) if buckets is None else buckets,
    )


def count(rows: Rows, looks: Mapping[str, Look], types: Mapping[str, str], own: bool) -> dict[str, Looked]:
    """Count the days of some rows.

    Args:
        rows: The reference's, or the week's.
        looks: See `look`.
        types: Feature -> number, category or text.
        own: Whether these are the reference's own rows, of which a value that no other week has counts as
            never seen.
    """
    plain = {name: usable(name, types[name]) for name, one in looks.items() if isinstance(one, Number)}
    found = _counted(rows, plain, {name: one for name, one in looks.items() if isinstance(one, Number)})
    others = [name for name, one in looks.items() if not isinstance(one, Number)]
    present = _present(rows, {name: usable(name, types[name]) for name in others})
    for name in others:
        one = looks[name]
        every, there = present[name]
        if isinstance(one, Values):
            pairs = f"SELECT {rows.day} AS day, {usable(name, types[name])} AS value FROM rows"
            found[name] = Looked(every, there, _of_values(rows, pairs, one, own), {})
        elif isinstance(one, Text):
            length = f"length({usable(name, 'text')})::DOUBLE"
            lengths = _counted(rows, {name: length}, {name: one.length})[name]
            words = _of_values(rows, _words(rows, name), one.words, own)
            sampled = {day: min(n, TEXTS) for day, n in there.items()}
            found[name] = Looked(every, there, lengths.cells, words, sampled=sampled)
    return {name: found[name] for name in looks}


def _counted(rows: Rows, texts: Mapping[str, str], looks: Mapping[str, Number]) -> dict[str, Looked]:
    """Numbers, in one pass over all rows."""
    if not texts:
        return {}
    asked = ", ".join(
        f"count({text}), min({text}), max({text}), {_histogram(text, looks[name])}"
        for name, text in texts.items()
    )
    answers = rows.answers(f"SELECT {rows.day}, count(*), {asked} FROM rows GROUP BY 1 ORDER BY 1")
    found = {}
    for at, name in enumerate(texts):
        told = {int(day): each[4 * at : 4 * at + 4] for day, _, *each in answers}
        least = [low for _, low, _, _ in told.values() if low is not None]
        greatest = [high for _, _, high, _ in told.values() if high is not None]
        found[name] = Looked(
            rows={int(day): int(n) for day, n, *_ in answers},
            present={day: int(n) for day, (n, *_) in told.items()},
            cells={day: _cells(counts, looks[name].cells) for day, (*_, counts) in told.items()},
            words={},
            least=min(least, default=None),
            greatest=max(greatest, default=None),
        )
    return found


def _histogram(text: str, one: Number) -> str:
    """SQL: how many values lie in each cell, up to its upper edge; those beyond the last are told last."""
    edges = ", ".join(f"{edge!r}::DOUBLE" for edge in effects.edges(one.cuts).tolist())
    return f"map_values(histogram({text}, [{edges}]))" if edges else "NULL"


def _cells(counts: Sequence[int] | None, cells: int) -> Floats:
    found = np.zeros(cells)
    if counts:
        found[: len(counts)] = counts
    return found


def _present(rows: Rows, texts: Mapping[str, str]) -> dict[str, tuple[dict[Day, int], dict[Day, int]]]:
    if not texts:
        return {}
    asked = ", ".join(f"count({text})" for text in texts.values())
    answers = rows.answers(f"SELECT {rows.day}, count(*), {asked} FROM rows GROUP BY 1 ORDER BY 1")
    every = {int(day): int(n) for day, n, *_ in answers}
    return {
        name: (every, {int(day): int(each[at]) for day, _, *each in answers}) for at, name in enumerate(texts)
    }


def _of_values(rows: Rows, pairs: str, one: Values, own: bool) -> Counts:
    common = ", ".join(f"{sql.text(value)}: {at}" for at, value in enumerate(one.common))
    cell = f"{len(one.common)} + (md5_number_lower(value) % {one.buckets})::INTEGER"
    if common:
        cell = f"coalesce((MAP {{{common}}})[value], {cell})"
    unseen = "weeks = 1" if own else "weeks IS NULL"
    grouped = f"SELECT day, value, count(*) AS times FROM ({pairs}) WHERE value IS NOT NULL GROUP BY ALL"
    asked = (
        f"SELECT day, {cell} AS cell, sum(times), coalesce(sum(times) FILTER (coalesce({unseen}, false)), 0)"
        f" FROM ({grouped}) LEFT JOIN {one.table} AS known USING (value) GROUP BY ALL ORDER BY ALL"
    )
    found: Counts = {}
    for day, at, n, new in rows.answers(asked):
        counts = found.setdefault(int(day), np.zeros(one.cells))
        counts[int(at)] += float(n)
        counts[-1] += float(new)
    return found


def _words(rows: Rows, name: str) -> str:
    """SQL: day and word, of a sample of each day's texts that is always the same."""
    text, key = usable(name, "text"), sql.name(rows.key)
    drawn = (
        f"SELECT {rows.day} AS day, {text} AS text FROM rows WHERE {text} IS NOT NULL QUALIFY row_number()"
        f" OVER (PARTITION BY {rows.day} ORDER BY md5({key}::VARCHAR), {key}) <= {TEXTS}"
    )
    words = "unnest(list_distinct(regexp_split_to_array(lower(text), '[^\\p{L}\\p{N}]+')))"
    return f"SELECT day, nullif(word, '') AS value FROM (SELECT day, {words} AS word FROM ({drawn}))"
