"""A table is measured day by day, in a fixed number of scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.core import sql
from pipelines.core.calendar import literal, plain
from pipelines.gates.earlier import links
from pipelines.gates.earlier.day import (
    APART,
    HALVES,
    HASHES,
    HOUR,
    LENGTH,
    MOST_VALUES,
    STEPS,
    Day,
    Number,
    Values,
    column,
)
from pipelines.gates.earlier.shape import Shape

if TYPE_CHECKING:
    import duckdb

MOST_ROWS = 50_000  # of a night: more rows tell no more of its quantiles
MOST_LINKED = 5_000  # of a day: more rows tell no more of what columns tell of one another
NEWEST_LINKED = 56  # days of a training
DAY_US = 86_400_000_000  # microseconds of a day
DAY, KEY_HASH, CONTENT, TIMED = "#day", "#key", "#content", "#timed"
HALVED = ("#half1", "#half2")


def measure(rows: duckdb.DuckDBPyRelation, shape: Shape) -> tuple[dict[date, Day], str]:
    """Look at each day of a table; a fixed number of scans, whatever the number of columns.

    Args:
        rows: The table.
        shape: What to look at.

    Returns:
        Day -> what was found, in order; and the model's version, where all rows bear one.
    """
    drawn = _draw_sample(rows, shape)
    if drawn is None:
        return {}, ""  # which other expectations close the gate for
    shape, marked, sample, counts = drawn
    numbers, values = _numbers(sample, shape), _values(sample, shape, counts)
    repeats, linked = _repeats(marked, shape, counts), _links(sample, shape, counts)
    sampled = (
        dict(_answers(sample, f'SELECT "{DAY}", count(*) FROM rows GROUP BY 1'))
        if sample is not marked
        else counts
    )
    days = {
        plain(day): Day(
            n,
            sampled.get(day, 0),
            numbers.get(day, {}),
            values.get(day, {}),
            linked.get(day, {}),
            **repeats.get(day, {}),
        )
        for day, n in counts.items()
    }
    version = ""
    if shape.made_by:
        named = _answers(marked, f"SELECT DISTINCT {sql.name(shape.made_by)} FROM rows LIMIT 2")
        version = str(named[0][0]) if len(named) == 1 else ""
    return days, version


def _draw_sample(
    rows: duckdb.DuckDBPyRelation, shape: Shape
) -> tuple[Shape, duckdb.DuckDBPyRelation, duckdb.DuckDBPyRelation, dict[date, int]] | None:
    """What there is of a shape; the rows with their marks; a sample of them; the rows of each day.

    None where no row has a day.
    """
    types = dict(zip(rows.columns, map(str, rows.types), strict=True))
    if not types.get(shape.time, "").startswith(("TIMESTAMP", "DATE")):
        return None
    shape = replace(
        shape,
        key=shape.key if shape.key in types else None,
        made_by=shape.made_by if shape.made_by in types else None,
    )
    marked = sql.select(rows, "rows", _with_marks(rows.columns, shape))
    counts = dict(
        _answers(
            marked, f'SELECT "{DAY}", count(*) FROM rows WHERE "{DAY}" IS NOT NULL GROUP BY 1 ORDER BY 1'
        )
    )
    if not counts:
        return None
    every = max(sum(counts.values()) * max(len(counts) // 10, 1) // (MOST_ROWS * len(counts)), 1)
    sample = (
        marked
        if every == 1
        else sql.select(marked, "rows", f'SELECT * FROM rows WHERE "{KEY_HASH}" % {every} = 0')
    )
    return shape, marked, sample, counts


def complete(days: Mapping[date, Day], rows: duckdb.DuckDBPyRelation, shape: Shape) -> dict[date, Day]:
    """The days as they were kept, with the numbers of personal columns from the table itself."""
    drawn = _draw_sample(rows, shape)
    if drawn is None:
        return dict(days)
    shape, _, sample, _ = drawn
    numbers = _numbers(sample, shape, set(shape.personal))
    return {
        day: replace(found, numbers={**found.numbers, **numbers.get(day, {})}) for day, found in days.items()
    }


def _with_marks(columns: Sequence[str], shape: Shape) -> str:
    """SQL: the rows with their day, and hashes of what they say."""
    time_ = sql.name(shape.time)
    key = sql.name(shape.key) if shape.key else f"rows.{sql.name(columns[0])}"
    content = ", ".join(sql.name(name) for name in shape.content if name in columns) or "1"
    of_day = f"epoch_us(CAST({time_} AS TIMESTAMP)) % {DAY_US}"
    halves = [
        ", ".join([of_day, *(sql.name(name) for name in half if name in columns)]) for half in shape.halves
    ]
    hashes = {CONTENT: content, TIMED: f"{content}, {time_}", **dict(zip(HALVED, halves, strict=False))}
    return (
        f'SELECT *, {shape.calendar.of_sql(time_)} AS "{DAY}", hash({key}) >> 16 AS "{KEY_HASH}", '
        + ", ".join(f'hash({what}) >> 16 AS "{name}"' for name, what in hashes.items())
        + " FROM rows"
    )


def _numbers(
    rows: duckdb.DuckDBPyRelation, shape: Shape, only: set[str] | None = None
) -> dict[date, dict[str, Number]]:
    """Day -> label -> its numbers; of some columns only."""
    there = set(rows.columns)
    looked = {name: f"TRY_CAST({sql.name(name)} AS DOUBLE)" for name in shape.numbers if name in there}
    if shape.timed:
        looked[shape.time + HOUR] = (
            f"epoch(CAST({sql.name(shape.time)} AS TIMESTAMP) - CAST({sql.name(shape.time)} AS DATE)) / 3600"
        )
        looked |= {
            name + LENGTH: f"CAST(length(CAST({sql.name(name)} AS VARCHAR)) AS DOUBLE)"
            for name in shape.values
            if name in there
        }
    types = dict(zip(rows.columns, map(str, rows.types), strict=True))
    looked |= {name + APART: _apart(name, types[name], shape.time) for name in shape.moments if name in there}
    if only is not None:
        looked = {label: text for label, text in looked.items() if column(label) in only}
    if not looked:
        return {}
    steps = [step / STEPS for step in range(STEPS + 1)]
    asked = ", ".join(
        f"count(*) FILTER (isfinite({text})), quantile_disc({text}, {steps}) FILTER (isfinite({text}))"
        for text in looked.values()
    )
    found: dict[date, dict[str, Number]] = {}
    for day, *told in _answers(rows, f'SELECT "{DAY}", {asked} FROM rows GROUP BY 1'):
        pairs = zip(looked, told[::2], told[1::2], strict=True)
        found[day] = {
            name: Number(n, tuple(float(f"{value:.7g}") for value in quantiles or ()))
            for name, n, quantiles in pairs
        }
    return found


def _apart(name: str, type_: str, time_: str) -> str:
    """SQL: how many days a date lies behind the row's own, or a time behind the row's own.

    None of one that is not finite.
    """
    if type_ == "DATE":
        days = f"date_diff('day', CAST({sql.name(time_)} AS DATE), {sql.name(name)})"
    else:
        moments = [f"epoch_us(CAST({sql.name(each)} AS TIMESTAMP))" for each in (name, time_)]
        days = f"({moments[0]} - {moments[1]}) / {DAY_US}"
    return (
        f"CAST(CASE WHEN isfinite({sql.name(name)}) AND isfinite({sql.name(time_)}) THEN {days} END AS"
        " DOUBLE)"
    )


def _values(
    rows: duckdb.DuckDBPyRelation, shape: Shape, counts: Mapping[date, int]
) -> dict[date, dict[str, Values]]:
    names = [name for name in shape.values if name in rows.columns]
    found: dict[date, dict[str, Values]] = {day: {name: Values(0, 0, {}) for name in names} for day in counts}
    for name in names:
        value = f"CAST({sql.name(name)} AS VARCHAR)"
        shown = f"CAST(hash({value}) AS VARCHAR)" if name in shape.hidden else value
        groups = (
            f'SELECT "{DAY}" AS day, {shown} AS value, count(*) AS n FROM rows WHERE {value} IS NOT NULL'
            " GROUP BY 1, 2"
        )
        ranked = f"""SELECT *, sum(n) OVER days AS rows_, count(*) OVER days AS different,
            row_number() OVER (PARTITION BY day ORDER BY n DESC, value) AS rank
            FROM ({groups}) WINDOW days AS (PARTITION BY day)"""
        told: dict[date, tuple[int, int, dict[str, int]]] = {}
        asked = (
            f"SELECT day, value, n, rows_, different FROM ({ranked}) WHERE rank <= {MOST_VALUES} ORDER BY"
            " day, rank"
        )
        for day, shown_value, n, all_, different in _answers(rows, asked):
            told.setdefault(day, (int(all_), int(different), {}))[2][shown_value] = n
        for day, (all_, different, most) in told.items():
            found.setdefault(day, {})[name] = Values(all_, different, most)
    return found


def _repeats(
    rows: duckdb.DuckDBPyRelation, shape: Shape, counts: Mapping[date, int]
) -> dict[date, dict[str, Any]]:
    """Rows that stand there twice but for their key, and the smallest hashes of rows and keys."""
    if not shape.key:
        return {}
    found: dict[date, dict[str, Any]] = {}
    # by what a row says, so that what is the same is drawn together
    every = max(max(counts.values()) // MOST_ROWS, 1)
    doubled = f'1 - count(DISTINCT "{CONTENT}") / count(*), 1 - count(DISTINCT "{TIMED}") / count(*)'
    for day, without, with_ in _answers(
        rows, f'SELECT "{DAY}", {doubled} FROM rows WHERE "{CONTENT}" % {every} = 0 GROUP BY 1'
    ):
        found.setdefault(day, {})["doubled"] = {
            "without the time": round(without, 6),
            "with the time": round(with_, 6),
        }
    # no day has fewer than are kept below it by chance
    below = min(2**48, 2**48 * 40 * HASHES // min(counts.values()))
    for what, hashed in {
        "content": CONTENT,
        "keys": KEY_HASH,
        **dict(zip(HALVES, HALVED, strict=True)),
    }.items():
        if hashed not in rows.columns:
            continue
        drawn = f'SELECT DISTINCT "{DAY}" AS day, "{hashed}" AS h FROM rows WHERE "{hashed}" < {below}'
        smallest = (
            f"SELECT day, h FROM ({drawn}) QUALIFY row_number() OVER (PARTITION BY day ORDER BY h) <="
            f" {HASHES} ORDER BY 1, 2"
        )
        for day, h in _answers(rows, smallest):
            found.setdefault(day, {}).setdefault("hashes", {}).setdefault(what, []).append(int(h))
    return {
        day: {**one, "hashes": {what: tuple(told) for what, told in one.get("hashes", {}).items()}}
        for day, one in found.items()
    }


def _links(
    rows: duckdb.DuckDBPyRelation, shape: Shape, counts: Mapping[date, int]
) -> dict[date, dict[str, float]]:
    if not shape.key:
        return {}
    newest = sorted(counts)[-NEWEST_LINKED:]
    every = max(max(counts[day] for day in newest) // MOST_LINKED, 1)
    drawn = sql.select(
        rows,
        "rows",
        f'SELECT * FROM rows WHERE "{DAY}" >= {literal(newest[0])} AND ("{KEY_HASH}" >> 8) % {every} = 0'
        f' ORDER BY "{KEY_HASH}"',
    )
    numbers = [name for name in shape.numbers if name in rows.columns]
    values = [name for name in shape.values if name in rows.columns]
    hour = f"epoch({sql.name(shape.time)}) % 86400 AS {sql.name(shape.time)}"
    cast = [f"TRY_CAST({sql.name(name)} AS DOUBLE) AS {sql.name(name)}" for name in numbers]
    asked = [f'"{DAY}"', hour, *cast, *map(sql.name, values)]
    table = drawn.project(", ".join(asked)).to_arrow_table()
    return links.by_day(table, DAY, [shape.time, *numbers], values)


def _answers(rows: duckdb.DuckDBPyRelation, query: str) -> list[Any]:
    return sql.select(rows, "rows", query).fetchall()
