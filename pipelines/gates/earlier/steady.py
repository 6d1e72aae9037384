"""Whether a table is like those of earlier days that their own gates have let through: by each column, and as
rows.

A night is compared with the newest let-through nights, and where there are few, with the days of the newest
let-through training, whose rows it resembles from the first night on. Predictions are compared with those of
the same model version, and where there are few, with what that version says of the days that its training
held out. A training is compared with itself, day by day, and with the nights of its days.

The statistics and their limits are made a table, `profile` (column, statistic, value, low, high), which Great
Expectations judges, one expectation a column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipelines.core import meaning, personal, sql
from pipelines.core.config import Expectation, GatedTable
from pipelines.core.config.watch import LikeEarlierDays, NewRows, Resolved
from pipelines.core.errors import BadUseCase, TableCorrupt, TableMissing
from pipelines.gates.earlier import accepted, alternation, partitions, profile
from pipelines.gates.earlier.chance import ALARMS_A_YEAR, LEAST_DAYS
from pipelines.gates.earlier.day import Day, without
from pipelines.gates.earlier.likeness import Earlier, Limits
from pipelines.gates.earlier.measuring import measured
from pipelines.gates.earlier.profile import Profile
from pipelines.gates.earlier.shape import shape
from pipelines.gates.gx import own_steady
from pipelines.gates.gx.suite import Stated
from pipelines.registry import definitions
from pipelines.run import archive
from pipelines.run.clearance import is_cleared

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.run.run import Run
    from pipelines.storage.store import Store

COLUMN = "expect_column_to_be_like_earlier_days"
ROWS = "expect_table_rows_to_be_new"
JUDGED = "profile"  # the table that is judged
NIGHTS = 56  # the newest ones: eight weeks know rain and holidays, and lag little behind a season
OLDEST = timedelta(days=100)  # the window of a training and the delay of its labels may lie between
UNLEVELLED = "its values are not compared: they have no level, since days differ too much from one another"
MOST_WORDS = 3  # days in a sentence
FEW = "fewer than {least} earlier days that were let through: nothing to compare with"


@dataclass(frozen=True)
class Line:
    """A row of the table that is judged."""

    column: str
    statistic: str
    value: float
    low: float | None
    high: float | None
    shift: float = 0.0
    by_chance: float = 0.0
    about: str = ""  # of several lines about the same one tells enough
    said: str = ""  # in plain words, if it is beyond

    @property
    def told(self) -> str:
        """What is allowed, in words."""
        return f"{self.statistic}: {own_steady.allowed(self.low, self.high)}"


@dataclass(frozen=True)
class Basis:
    """What a night is compared with.

    Attributes:
        days: Earlier days, oldest first.
        since: Column -> the days on which a change of it was accepted, the newest first; see `Earlier`.
        told: In words.
    """

    days: Mapping[date, Day] = field(default_factory=dict)
    since: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    told: str = ""


def stated(run: Run, table: GatedTable) -> Iterator[Expectation]:
    """What is always asked: of each column that is looked at, and, where rows have keys, of the rows."""
    looked = shape(run.use_case, table)
    if looked is None:
        return
    for column in looked.compared:
        yield Expectation(name=COLUMN, kwargs={"column": column})
    if looked.key and run.kind == "scoring":
        yield Expectation(name=ROWS, kwargs={})


def meant(
    run: Run, table: GatedTable, each: Sequence[tuple[Stated, LikeEarlierDays | NewRows]]
) -> list[Stated]:
    """The expectations as Great Expectations can judge them, with the table `profile` on the run's
    connection.

    Args:
        run: A night or a training.
        table: What its gate judges.
        each: What is stated, and its form.

    Raises:
        TableMissing, TableCorrupt: an earlier partition is not what was published.
    """
    forms = [form for _, form in each]
    limits = Limits(
        shift={form.column: form.shift for form in forms if isinstance(form, LikeEarlierDays)},
        **next(
            ({"again": form.again, "doubled": form.doubled} for form in forms if isinstance(form, NewRows)),
            {},
        ),
    )
    lines, why, unlevelled = _compared(run, table, limits)
    _publish(run, lines, {form.column if isinstance(form, LikeEarlierDays) else "" for form in forms})
    return [_plain(one, form, lines, why, unlevelled) for one, form in each]


def compared(run: Run, table: GatedTable, limits: Limits | None = None) -> tuple[list[Line], str]:
    """Every statistic of a run's table beside what is allowed, and what it is compared with, in words."""
    lines, why, _ = _compared(run, table, limits)
    return lines, why


def _compared(run: Run, table: GatedTable, limits: Limits | None) -> tuple[list[Line], str, Collection[str]]:
    """The same, and the columns whose values have no level."""
    own = profile.of(run.store, run.use_case, table)
    if run.kind == "training":
        return (
            alternation.lines(own, _cleared_days(run, table, own), _hidden(run), limits or Limits()),
            (
                "each day of the training beside the others, and beside its own night where that was let"
                " through, by columns that mean the same"
            ),
            (),
        )
    found = basis(run, table, own)
    day = own.days.get(run.partition)
    if day is None or len(found.days) < LEAST_DAYS:
        return [], FEW.format(least=LEAST_DAYS), ()
    earlier = Earlier(found.days, found.since, _hidden(run))
    lines = [
        Line(
            one.statistic.column,
            one.statistic.name,
            one.value,
            one.low,
            one.high,
            one.shift,
            one.by_chance,
            about=one.statistic.label if one.statistic.what == "below" else one.statistic.name,
            said=earlier.plainly(one, day),
        )
        for one in earlier.judge(day, limits)
        if one.low is not None or one.high is not None
    ]
    return (
        lines,
        f"{found.told}; by chance at most {ALARMS_A_YEAR:g} closed gate a year in all",
        earlier.unlevelled,
    )


# --- what a night is compared with


def basis(run: Run, table: GatedTable, own: Profile) -> Basis:
    """The newest let-through nights, and days of a training where they are few."""
    days: dict[date, Day] = {}
    made_by: dict[date, str] = {}
    since: dict[str, tuple[date, ...]] = {}
    oldest = run.partition - OLDEST
    for store in islice(partitions.sound(run, table), NIGHTS):
        if store.partition < oldest:
            break
        said = _said(run, store, table)
        if store.partition not in said.days or (own.version and said.version != own.version):
            continue
        days[store.partition], made_by[store.partition] = said.days[store.partition], said.use_case
        for column in _accepted(run, store, table):
            since[column] = (*since.get(column, ()), store.partition)
    nights = len(days)
    if nights < NIGHTS:
        for day, (found, file) in _training_days(run, table, own).items():
            if day not in days and oldest <= day < run.partition and len(days) < NIGHTS:
                days[day], made_by[day] = found, file
    same = [day for day, file in made_by.items() if _same_meaning(run, file, own.use_case)]
    # Definitions that were edited may mean another thing by the same column, of which those before say
    # nothing: once enough days were made by them, only these count.
    asked = days if len(same) < LEAST_DAYS else same
    kept = {
        day: without(days[day], _other_columns(run, table, made_by[day], own.use_case))
        for day in sorted(asked)
    }
    return Basis(kept, since, _told(kept, nights if len(kept) == len(days) else None, since))


def _told(days: Mapping[date, Day], nights: int | None, since: Mapping[str, tuple[date, ...]]) -> str:
    if not days:
        return "no earlier day"
    first, last = min(days), max(days)
    of = (
        ""
        if nights is None or nights == len(days)
        else f" ({nights} nights, the others of the newest training)"
    )
    words = sorted({day for days in since.values() for day in days}, reverse=True)
    accepted_on = ", ".join(map(str, words[:MOST_WORDS])) + (", ..." if len(words) > MOST_WORDS else "")
    changed = f"; changes were accepted on {accepted_on}" if since else ""
    return f"{len(days)} earlier days {first} to {last}{of}{changed}"


def _training_days(run: Run, table: GatedTable, own: Profile) -> dict[date, tuple[Day, str]]:
    """The days of the newest training, newest first, and the file that made them."""
    if table == "predictions":
        return _held_out_days(run, own.version)
    for day in reversed(run.store.partitions("training")):
        if day < run.partition:
            store = run.store.at("training", day)
            if partitions.is_sound(store, run.use_case, table):
                said = _said(run, store, table)
                return {day: (said.days[day], said.use_case) for day in sorted(said.days, reverse=True)}
    return {}


def _held_out_days(run: Run, version: str) -> dict[date, tuple[Day, str]]:
    """What a model version says of the days that its training held out, newest first: scored once, and kept
    in the training.
    """
    from pipelines.registry import registry
    from pipelines.registry.history import History

    if version not in {line.version for line in History.of(run.settings, run.use_case.name).read()}:
        return {}  # nobody has decided about it, so nothing is known of it
    model = registry.champion(replace(run, model_version=version))
    store = run.store.at("training", model.partition)
    name = f"gates/held_out.{model.sha256[:16]}.profile.json"
    made_of = store.digest("features") if store.has("features") else ""
    if not made_of or not is_cleared(store, run.use_case, "features"):
        return {}
    try:
        said = profile.read(store.read_file(name), made_of)
    except TableMissing:
        said = None
    if said is None or said.version != version:
        days = _scored(run, model.graph, model.engine, model.threshold, store.read("features"))
        said = Profile(made_of, store.manifest("features").use_case, days, version)
        store.write_file(name, said.as_json())
    return {day: (said.days[day], said.use_case) for day in sorted(said.days, reverse=True)}


def _scored(
    run: Run, graph: bytes, engine: str, threshold: float | None, features: object
) -> dict[date, Day]:
    import numpy as np
    import pyarrow as pa

    from pipelines.model import engines

    loaded = engines.load(graph, engine)
    held_out = features.filter("split = 'test'")  # type: ignore[attr-defined]
    times, scores = [], []
    for batch in held_out.to_arrow_reader(loaded.rows_at_once):
        times.append(batch[run.use_case.time])
        scores.append(np.asarray(loaded.scores(batch), dtype=np.float64))
    columns = {
        run.use_case.time: pa.chunked_array(
            times, held_out.limit(0).to_arrow_table().schema.field(run.use_case.time).type
        )
    }
    score = np.concatenate(scores) if scores else np.zeros(0)
    columns["score"] = pa.array(score)
    if threshold is not None:
        columns["decision"] = pa.array((score >= threshold).astype(np.int8))
    rows = run.store.connection.from_arrow(pa.table(columns))
    looked = shape(run.use_case, "predictions")
    if looked is None:  # pragma: no cover -- predictions have days
        raise ValueError("predictions")
    return measured(rows, replace(looked, made_by=None))[0]


def _cleared_days(run: Run, table: GatedTable, own: Profile) -> dict[date, Day]:
    """The nights of a training's newest days that were let through: what they say of the columns that mean
    the same.

    Rules of rows may be others: few rows are let in, or put aside, by an edit (`cleanse.max_quarantined`),
    and that is no shift.
    """
    found = {}
    for day in sorted(own.days)[-NIGHTS:]:
        store = run.store.at("scoring", day)
        if store.has(table) and partitions.is_sound(store, run.use_case, table):
            said = _said(run, store, table)
            if day in said.days and (
                said.use_case == own.use_case or _made_by(run, store, table) is not None
            ):
                found[day] = without(said.days[day], _other_columns(run, table, said.use_case, own.use_case))
    return found


def _said(run: Run, store: Store, table: GatedTable) -> Profile:
    """What an earlier partition's table is like, its columns called as this run calls those that mean the
    same.
    """
    made_by = _made_by(run, store, table)
    if made_by is None or made_by == run.use_case:
        return profile.of(store, run.use_case, table)
    said = profile.of(store, personal.with_privacy(made_by, run.use_case), table)
    looked = shape(run.use_case, table)
    if table != "clean" or looked is None:  # features and scores have names of their own
        return said
    return said.called(_names(run, made_by), [looked.time, *looked.numbers, *looked.values])


def _accepted(run: Run, store: Store, table: GatedTable) -> Sequence[str]:
    """The columns whose change was accepted in an earlier partition, as this run calls those that mean the
    same.
    """
    made_by, columns = _made_by(run, store, table), accepted.columns(store, table)
    if table != "clean" or made_by is None or made_by == run.use_case:
        return columns
    names = _names(run, made_by)
    return [names[column] if column else "" for column in columns if not column or column in names]


def _made_by(run: Run, store: Store, table: GatedTable) -> UseCase | None:
    """The file that made an earlier partition's table; None where it is not known any more."""
    with suppress(TableCorrupt, BadUseCase):  # of before files were kept
        return archive.kept_file(run.settings, run.use_case.name, store.manifest(table).use_case).use_case
    return None


def _names(run: Run, made_by: UseCase) -> dict[str, str]:
    """What another file calls a column of clean -> what this run calls the one that means the same."""
    return {there: here for here, there in meaning.same_columns(run.use_case, made_by).items()}


def _same_meaning(run: Run, one: str, other: str) -> bool:
    """Whether two use-case files, by their sha256, mean the same by their columns and features."""
    return (
        one == other
        or len({definitions.meant_by(run.settings, run.use_case.name, file) for file in (one, other)}) == 1
    )


def _other_columns(run: Run, table: GatedTable, one: str, other: str) -> frozenset[str]:
    """The columns by which two use-case files, by their sha256, are known to mean something else."""
    if one == other:
        return frozenset()
    theirs, ours = (
        definitions.columns_meant_by(run.settings, run.use_case.name, file, table) for file in (one, other)
    )
    # A column of clean means the same whatever a file calls it, and is called here as this run does: see
    # `_said`.
    same = set(theirs.values()) if table == "clean" else set()
    return frozenset(
        column for column in ours.keys() & theirs.keys() if ours[column] not in same | {theirs[column]}
    )


def _hidden(run: Run) -> frozenset[str]:
    return personal.columns(run.use_case) | personal.features(run.use_case)


# --- the table that is judged


def _publish(run: Run, lines: Iterable[Line], columns: Collection[str]) -> None:
    """Tell the table on the run's connection of some columns (or the rows), and leave there what others are
    held against.

    The file's own expectations and the built-in ones are resolved one after the other, each with limits of
    their own.
    """
    told = [line for line in lines if line.column in columns]
    rows = [
        (line.column, line.statistic, line.value, line.low, line.high, line.shift, line.about, line.said)
        for line in told
    ]
    connection, table = run.store.connection, sql.name(JUDGED)
    numbers, texts = "value DOUBLE, low DOUBLE, high DOUBLE, shift DOUBLE", "about VARCHAR, said VARCHAR"
    connection.execute(
        f'CREATE TABLE IF NOT EXISTS {table} ("column" VARCHAR, statistic VARCHAR, {numbers}, {texts})'
    )
    connection.executemany(
        f'DELETE FROM {table} WHERE "column" = ?', [[column] for column in sorted(columns)]
    )
    if rows:
        connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _plain(
    one: Stated, form: LikeEarlierDays | NewRows, lines: Sequence[Line], why: str, unlevelled: Collection[str]
) -> Stated:
    column = form.column if isinstance(form, LikeEarlierDays) else ""
    limits = [line.told for line in lines if line.column == column]
    expectation = one.expectation
    if not limits:
        # The column is there, or the table has rows: of which others judge, so this closes nothing, and the
        # reason is told.
        name, kwargs = (
            ("expect_column_to_exist", {"column": column})
            if column
            else ("expect_table_row_count_to_be_between", {"min_value": 1})
        )
        none = (
            UNLEVELLED
            if column in unlevelled
            else "no statistic of it can be told from chance by the days before"
        )
        said = why if not lines else none
        return replace(
            one,
            expectation=expectation.model_copy(update={"name": name, "kwargs": kwargs, "severity": "warn"}),
            why=_both(one.why, said),
        )
    asked: dict[str, Any] = {"column": column, "limits": limits} if column else {"limits": limits}
    if column in unlevelled:
        asked["unlevelled"] = UNLEVELLED
    name = COLUMN if column else ROWS
    changed = Resolved(name=name, kwargs=asked, severity=expectation.severity, why=expectation.why)
    # Of an empty column the share of rows with a value was judged.
    return replace(one, expectation=changed, why=_both(one.why, why), needs_values=False)


def _both(one: str, other: str) -> str:
    return "; ".join(filter(None, (one, other)))
