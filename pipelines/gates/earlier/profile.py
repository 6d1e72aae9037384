"""A table, day by day, in a few numbers: what later partitions are compared with, without its rows being read
again.

A profile is made once, when the table's gate judges it, and lies beside the gate's evidence; it names the
table's digest, so one of another table is never taken for it, and bears a seal, so that a damaged one is
none, and is measured again from its table. It holds, of each day: quantiles of numbers, and of dates by how
many days they lie from their row's own; the most frequent values of categories, how much columns tell of one
another, how many rows stand there twice, and samples of hashes of rows, of halves of their columns, and of
keys, by which it is seen whether the same rows come again. Of personal categories it holds hashes; a personal
column's numbers (its quantiles, the lengths of its texts) are values of somebody, so they are never kept, but
measured anew from the table whenever they are asked for.

The sample of hashes are the smallest ones: whichever rows two days share, their samples share, too (Broder
1997, On the resemblance and containment of documents).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from pipelines.core import meaning, personal, sql
from pipelines.core.config import GatedTable, UseCase
from pipelines.core.errors import TableCorrupt, TableMissing
from pipelines.gates.earlier import links
from pipelines.storage import kept
from pipelines.storage.store import as_json

if TYPE_CHECKING:
    import duckdb

    from pipelines.storage.store import Store

FORM = 6  # of the file; one of another form is made again
STEPS = 40  # a number's quantiles are 1/40 apart
MOST_VALUES = 30  # of a category, the most frequent ones
HASHES = 128
MOST_ROWS = 50_000  # of a night: more rows tell no more of its quantiles
MOST_LINKED = 5_000  # of a day: more rows tell no more of what columns tell of one another
NEWEST_LINKED = 56  # days of a training
DAY_US = 86_400_000_000  # microseconds of a day
DAY, KEY_HASH, CONTENT, TIMED = "#day", "#key", "#content", "#timed"
HALVES, HALVED = ("one half", "the other half"), ("#half1", "#half2")
# of the column's time of day, of its texts' lengths, of its days from the row's own
HOUR, LENGTH, APART = (
    "#hour",
    "#length",
    "#days",
)

# What a file may say of a day.
Count = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Strength = Annotated[float, Field(ge=-1, le=1)]


@dataclass(frozen=True)
class Number:
    """The rows that have a value, and its quantiles: the least, one every 1/`STEPS`, the greatest."""

    n: Count
    quantiles: tuple[Finite, ...]

    @property
    def varies(self) -> bool:
        """Whether there are two different values."""
        return bool(self.quantiles) and self.quantiles[0] != self.quantiles[-1]

    @property
    def most(self) -> float:
        """The share of rows that have the most frequent value, as far as the quantiles tell."""
        longest = run = 1
        for one, other in zip(self.quantiles, self.quantiles[1:], strict=False):
            run = run + 1 if one == other else 1
            longest = max(longest, run)
        return longest / max(len(self.quantiles), 1) if longest > 1 else 1 / max(self.n, 1)

    def below(self, x: float) -> float:
        """The share of rows with a smaller value, and half of those with this one."""
        steps = self.quantiles
        less = bisect_left(steps, x)
        if equal := bisect_right(steps, x) - less:
            return (less + equal / 2) / len(steps)
        if less in (0, len(steps)):
            return float(less > 0)
        between = (x - steps[less - 1]) / (steps[less] - steps[less - 1])
        return (less - 0.5 + between) / len(steps)


@dataclass(frozen=True)
class Values:
    """The rows that have a value, how many different ones, and the most frequent ones with their numbers of
    rows.
    """

    n: Count
    different: Count
    counts: Mapping[str, Count]

    @property
    def varies(self) -> bool:
        """Whether there are two different values."""
        return self.different > 1

    @property
    def most(self) -> float:
        """The share of rows that have the most frequent value."""
        return max(self.counts.values(), default=0) / max(self.n, 1)


@dataclass(frozen=True)
class Day:
    """What a profile knows of one day."""

    rows: Count
    sampled: Count = 0  # of them, by which numbers and values were measured
    numbers: Mapping[str, Number] = field(default_factory=dict)
    values: Mapping[str, Values] = field(default_factory=dict)
    links: Mapping[str, Strength] = field(default_factory=dict)  # "one|other" -> strength, see `links`
    # with and without the time -> share of rows that repeat another
    doubled: Mapping[str, Share] = field(default_factory=dict)
    # Of rows ("content"), of each half of their columns with the time of day (`HALVES`), and of keys: the
    # smallest ones, in order.
    hashes: Mapping[str, tuple[Count, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """A table's days, and what made it."""

    digest: str
    use_case: str  # sha256 of the file
    days: Mapping[date, Day]
    version: str = ""  # of the model, where it is about predictions
    personal: tuple[str, ...] = ()  # columns of which no number is kept

    def called(self, names: Mapping[str, str], order: Sequence[str]) -> Profile:
        """The same as another file calls its columns, which may have renamed them or put them in another
        order.

        Args:
            names: What this file calls a column -> what the other one does; others keep their names, unless
                one has taken it.
            order: The other one's columns: of two that are linked, the first of them comes first.
        """
        return replace(self, days={day: _called(found, names, order) for day, found in self.days.items()})

    def as_json(self) -> bytes:
        """What lies beside the gate's evidence: without the numbers of personal columns."""
        days = {
            day.isoformat(): asdict(
                replace(
                    found,
                    numbers={
                        name: one for name, one in found.numbers.items() if column(name) not in self.personal
                    },
                )
            )
            for day, found in self.days.items()
        }
        return as_json(kept.sealed({**asdict(replace(self, days={})), **_form(), "days": days}))


@dataclass(frozen=True)
class Shape:
    """Which columns of a table are looked at, and as what.

    Attributes:
        time: The column with the moment of a row.
        numbers: Columns whose quantiles are kept.
        moments: Columns of dates or times, whose distance from the row's own is kept as a number is.
        values: Columns whose frequent values are kept.
        key: The column that names a row, where it is asked whether rows come again.
        hidden: Columns whose values are personal.
        made_by: The model's version stands in this column.
    """

    time: str
    numbers: tuple[str, ...]
    values: tuple[str, ...]
    key: str | None = None
    hidden: frozenset[str] = frozenset()
    made_by: str | None = None
    timed: bool = False
    moments: tuple[str, ...] = ()

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns that are compared with earlier days."""
        return (*self.numbers, *self.values, *self.moments, *((self.time,) if self.timed else ()))

    @property
    def personal(self) -> tuple[str, ...]:
        """The columns of which no number may be kept."""
        return tuple(
            name for name in (*self.numbers, *self.values, *self.moments, self.time) if name in self.hidden
        )

    @property
    def content(self) -> tuple[str, ...]:
        """What a row says, apart from its key and its time."""
        return (*self.numbers, *self.values, *self.moments) if self.key else ()

    @property
    def halves(self) -> tuple[tuple[str, ...], ...]:
        """The same in two parts: whichever column a copy has nudged, one of them is as it was.

        Dates are moved with their rows, so they are in neither, unless there is too little else.
        """
        every = (*self.numbers, *self.values)
        if len(every) > 1:
            return every[::2], every[1::2]
        return (every, self.moments) if every and self.moments else ()


def shape(use_case: UseCase, table: GatedTable) -> Shape | None:
    """What is looked at in a table of a use case; None where its rows have no days."""
    hidden = personal.columns(use_case) | personal.features(use_case)
    if table == "clean":
        # In order of where they come from: a row has the same hashes, and two columns the same dependence,
        # wherever a file has them.
        kept_columns = sorted(use_case.kept_columns, key=meaning.source_names(use_case).__getitem__)
        left_out = (use_case.key, use_case.time, *use_case.hidden_at_night)
        facts = {name: use_case.columns[name].type for name in kept_columns if name not in left_out}
        numbers = tuple(name for name, type_ in facts.items() if type_ in ("integer", "number"))
        values = tuple(name for name, type_ in facts.items() if type_ in ("string", "boolean"))
        moments = tuple(name for name, type_ in facts.items() if type_ in ("date", "timestamp"))
        return Shape(use_case.time, numbers, values, use_case.key, hidden, timed=True, moments=moments)
    if table == "features":
        return Shape(
            use_case.time,
            tuple(use_case.features.numbers),
            tuple(use_case.features.categories),
            hidden=hidden,
        )
    if table == "predictions":
        decision = ("decision",) if use_case.task == "binary" else ()
        return Shape(use_case.time, ("score",), decision, made_by="model_version")
    return None


def column(label: str) -> str:
    """The column that a label of a profile is about."""
    return label.removesuffix(HOUR).removesuffix(LENGTH).removesuffix(APART)


def _called(day: Day, names: Mapping[str, str], order: Sequence[str]) -> Day:
    taken = set(names.values())

    def label_of(label: str) -> str | None:
        """What the other file calls it; None where it calls another column so."""
        was = column(label)
        now = names.get(was, was)
        return None if was not in names and now in taken else now + label.removeprefix(was)

    def pair_of(pair: str) -> str | None:
        both = [label_of(label) for label in pair.split(links.BETWEEN)]
        known = [label for label in both if label is not None]
        return (
            links.BETWEEN.join(
                sorted(known, key=lambda one: order.index(one) if one in order else len(order))
            )
            if known == both
            else None
        )

    return replace(
        day,
        numbers={now: one for label, one in day.numbers.items() if (now := label_of(label)) is not None},
        values={now: one for label, one in day.values.items() if (now := label_of(label)) is not None},
        links={now: one for pair, one in day.links.items() if (now := pair_of(pair)) is not None},
    )


def without(day: Day, columns: Collection[str]) -> Day:
    """A day without what it says of some columns, and of rows as wholes, which hold them."""
    if not columns:
        return day
    return replace(
        day,
        numbers={label: found for label, found in day.numbers.items() if column(label) not in columns},
        values={name: found for name, found in day.values.items() if name not in columns},
        links={
            pair: strength
            for pair, strength in day.links.items()
            if not set(pair.split(links.BETWEEN)) & set(columns)
        },
        doubled={},
        hashes={what: found for what, found in day.hashes.items() if what == "keys"},
    )


def of(store: Store, use_case: UseCase, table: GatedTable) -> Profile:
    """The profile of a published table: as it lies there, or made now and left there.

    Raises:
        TableMissing, TableCorrupt: see `Store.read`.
        ValueError: the rows of the table have no days.
    """
    digest, name = store.digest(table), file_name(table)
    looked = shape(use_case, table)
    if looked is None:
        raise ValueError(f"the rows of {table} have no days")
    try:
        found = read(store.read_file(name), digest, looked.personal)
    except TableMissing:
        found = None
    if found is not None:
        # Another file may have made the same rows since, by which they may mean something else.
        found = replace(found, use_case=store.manifest(table).use_case)
        return (
            replace(found, days=_completed(found.days, store.read(table), looked))
            if looked.personal
            else found
        )
    days, version = measured(store.read(table), looked)
    made = Profile(digest, store.manifest(table).use_case, days, version, looked.personal)
    store.write_file(name, made.as_json())
    return made


def file_name(table: GatedTable) -> str:
    """Where a table's profile lies, below its partition."""
    return f"gates/{table}.profile.json"


def read(content: bytes, digest: str, personal: Sequence[str] = ()) -> Profile | None:
    """Read what `Profile.as_json` wrote, which has no number of a personal column.

    Returns:
        None if it is damaged, about another table, of another form, or if other columns than these were
        personal when it was made.
    """
    try:
        said = kept.unsealed(content, "a profile", "")
        if any(
            said.get(key) != value
            for key, value in {**_form(), "digest": digest, "personal": list(personal)}.items()
        ):
            return None
        return kept.read(Profile, content, "a profile", "")
    except TableCorrupt:  # whoever asks has the table, and measures it again
        return None


def _form() -> dict[str, Any]:
    import duckdb

    return {"form": FORM, "hashed_by": f"DuckDB {duckdb.__version__}"}  # another version may hash otherwise


# --- measuring


def measured(rows: duckdb.DuckDBPyRelation, shape: Shape) -> tuple[dict[date, Day], str]:
    """Look at each day of a table; a fixed number of scans, whatever the number of columns.

    Args:
        rows: The table.
        shape: What to look at.

    Returns:
        Day -> what was found, in order; and the model's version, where all rows bear one.
    """
    drawn = _drawn(rows, shape)
    if drawn is None:
        return {}, ""  # which other expectations close the gate for
    shape, marked, sample, counts = drawn
    numbers, values = _numbers(sample, shape), _values(sample, shape, counts)
    repeats, linked = _repeats(marked, shape, counts), _linked(sample, shape, counts)
    sampled = (
        dict(_asked(sample, f'SELECT "{DAY}", count(*) FROM rows GROUP BY 1'))
        if sample is not marked
        else counts
    )
    days = {
        day: Day(
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
        named = _asked(marked, f"SELECT DISTINCT {sql.name(shape.made_by)} FROM rows LIMIT 2")
        version = str(named[0][0]) if len(named) == 1 else ""
    return days, version


def _drawn(
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
    marked = sql.select(rows, "rows", _marked(rows.columns, shape))
    counts = dict(
        _asked(marked, f'SELECT "{DAY}", count(*) FROM rows WHERE "{DAY}" IS NOT NULL GROUP BY 1 ORDER BY 1')
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


def _completed(days: Mapping[date, Day], rows: duckdb.DuckDBPyRelation, shape: Shape) -> dict[date, Day]:
    """The days as they were kept, with the numbers of personal columns from the table itself."""
    drawn = _drawn(rows, shape)
    if drawn is None:
        return dict(days)
    shape, _, sample, _ = drawn
    numbers = _numbers(sample, shape, set(shape.personal))
    return {
        day: replace(found, numbers={**found.numbers, **numbers.get(day, {})}) for day, found in days.items()
    }


def _marked(columns: Sequence[str], shape: Shape) -> str:
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
        f'SELECT *, CAST({time_} AS DATE) AS "{DAY}", hash({key}) >> 16 AS "{KEY_HASH}", '
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
    for day, *told in _asked(rows, f'SELECT "{DAY}", {asked} FROM rows GROUP BY 1'):
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
        for day, shown_value, n, all_, different in _asked(rows, asked):
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
    for day, without, with_ in _asked(
        rows, f'SELECT "{DAY}", {doubled} FROM rows WHERE "{CONTENT}" % {every} = 0 GROUP BY 1'
    ):
        found.setdefault(day, {})["doubled"] = {
            "without the time": round(without, 6),
            "with the time": round(with_, 6),
        }
    # no day has fewer than are kept below it by chance
    below = min(2**48, 2**48 * 40 * HASHES // min(counts.values()))
    for what, column in {
        "content": CONTENT,
        "keys": KEY_HASH,
        **dict(zip(HALVES, HALVED, strict=True)),
    }.items():
        if column not in rows.columns:
            continue
        drawn = f'SELECT DISTINCT "{DAY}" AS day, "{column}" AS h FROM rows WHERE "{column}" < {below}'
        smallest = (
            f"SELECT day, h FROM ({drawn}) QUALIFY row_number() OVER (PARTITION BY day ORDER BY h) <="
            f" {HASHES} ORDER BY 1, 2"
        )
        for day, h in _asked(rows, smallest):
            found.setdefault(day, {}).setdefault("hashes", {}).setdefault(what, []).append(int(h))
    return {
        day: {**one, "hashes": {what: tuple(told) for what, told in one.get("hashes", {}).items()}}
        for day, one in found.items()
    }


def _linked(
    rows: duckdb.DuckDBPyRelation, shape: Shape, counts: Mapping[date, int]
) -> dict[date, dict[str, float]]:
    if not shape.key:
        return {}
    newest = sorted(counts)[-NEWEST_LINKED:]
    every = max(max(counts[day] for day in newest) // MOST_LINKED, 1)
    drawn = sql.select(
        rows,
        "rows",
        f'SELECT * FROM rows WHERE "{DAY}" >= DATE \'{newest[0]}\' AND ("{KEY_HASH}" >> 8) % {every} = 0'
        f' ORDER BY "{KEY_HASH}"',
    )
    numbers = [name for name in shape.numbers if name in rows.columns]
    values = [name for name in shape.values if name in rows.columns]
    hour = f"epoch({sql.name(shape.time)}) % 86400 AS {sql.name(shape.time)}"
    cast = [f"TRY_CAST({sql.name(name)} AS DOUBLE) AS {sql.name(name)}" for name in numbers]
    asked = [f'"{DAY}"', hour, *cast, *map(sql.name, values)]
    table = drawn.project(", ".join(asked)).to_arrow_table()
    return links.by_day(table, DAY, [shape.time, *numbers], values)


def _asked(rows: duckdb.DuckDBPyRelation, query: str) -> list[Any]:
    return sql.select(rows, "rows", query).fetchall()


def midnight(day: date) -> datetime:
    """The moment a day begins."""
    return datetime.combine(day, time())
