"""What a night, or a training, is compared with: days that their own gates have let through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING

from pipelines.core import meaning, personal
from pipelines.core.calendar import Calendar
from pipelines.core.config import GatedTable
from pipelines.core.errors import BadUseCase, TableCorrupt, TableMissing
from pipelines.gates.earlier import accepted, partitions, profile
from pipelines.gates.earlier.day import Day, without
from pipelines.gates.earlier.measuring import measure
from pipelines.gates.earlier.profile import Profile
from pipelines.gates.earlier.shape import shape
from pipelines.metrics.chance import LEAST_DAYS
from pipelines.registry import definitions
from pipelines.run import archive
from pipelines.run.clearance import is_cleared

if TYPE_CHECKING:
    from pipelines.core.config import UseCase
    from pipelines.run.run import Run
    from pipelines.storage.store import Store

NIGHTS = 56  # the newest ones: eight weeks know rain and holidays, and lag little behind a season
OLDEST = 100  # days: the window of a training and the delay of its labels may lie between
MOST_WORDS = 3  # days in a sentence


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


def basis(run: Run, table: GatedTable, own: Profile) -> Basis:
    """The newest let-through nights, and days of a training where they are few."""
    days: dict[date, Day] = {}
    made_by: dict[date, str] = {}
    since: dict[str, tuple[date, ...]] = {}
    oldest = run.calendar.step(run.partition, -_oldest(run.calendar))
    alike = (one for one in partitions.sound(run, table) if _same_hour(run, one.partition))
    for store in islice(alike, NIGHTS):
        if store.partition < oldest:
            break
        said = _earlier_profile(run, store, table)
        if store.partition not in said.days or (own.version and said.version != own.version):
            continue
        days[store.partition], made_by[store.partition] = said.days[store.partition], said.use_case
        for column in _accepted_columns(run, store, table):
            since[column] = (*since.get(column, ()), store.partition)
    nights = len(days)
    if nights < NIGHTS:
        for day, (found, file) in _training_days(run, table, own).items():
            is_before = oldest <= day < run.partition and _same_hour(run, day)
            if day not in days and is_before and len(days) < NIGHTS:
                days[day], made_by[day] = found, file
    same = [day for day, file in made_by.items() if _same_meaning(run, file, own.use_case)]
    # Definitions that were edited may mean another thing by the same column, of which those before say
    # nothing: once enough days were made by them, only these count.
    asked = days if len(same) < LEAST_DAYS else same
    kept = {
        day: without(days[day], _other_columns(run, table, made_by[day], own.use_case))
        for day in sorted(asked)
    }
    return Basis(kept, since, _basis_text(kept, nights if len(kept) == len(days) else None, since))


def _oldest(calendar: Calendar) -> int:
    """How many partitions ago the oldest night may be: hours are compared with that hour of other days."""
    return OLDEST * 24 if calendar.every == "hour" else OLDEST


def _same_hour(run: Run, partition: date) -> bool:
    """Whether a partition is of the same hour of a day, where partitions are hours."""
    if run.calendar.every != "hour":
        return True
    of_any_day = run.calendar.seasons[-1]
    return of_any_day(partition) == of_any_day(run.partition)


def _basis_text(days: Mapping[date, Day], nights: int | None, since: Mapping[str, tuple[date, ...]]) -> str:
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
                said = _earlier_profile(run, store, table)
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
        days = _score_days(run, model.graph, model.engine, model.threshold, store.read("features"))
        said = Profile(made_of, store.manifest("features").use_case, days, version)
        store.write_file(name, said.as_json())
    return {day: (said.days[day], said.use_case) for day in sorted(said.days, reverse=True)}


def _score_days(
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
    return measure(rows, replace(looked, made_by=None))[0]


def cleared_days(run: Run, table: GatedTable, own: Profile) -> dict[date, Day]:
    """The nights of a training's newest days that were let through: what they say of the columns that mean
    the same.

    Rules of rows may be others: few rows are let in, or put aside, by an edit (`cleanse.max_quarantined`),
    and that is no shift.
    """
    found = {}
    for day in sorted(own.days)[-NIGHTS:]:
        store = run.store.at("scoring", day)
        if store.has(table) and partitions.is_sound(store, run.use_case, table):
            said = _earlier_profile(run, store, table)
            if day in said.days and (
                said.use_case == own.use_case or _made_by(run, store, table) is not None
            ):
                found[day] = without(said.days[day], _other_columns(run, table, said.use_case, own.use_case))
    return found


def _earlier_profile(run: Run, store: Store, table: GatedTable) -> Profile:
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
    return said.with_names(_names(run, made_by), [looked.time, *looked.numbers, *looked.values])


def _accepted_columns(run: Run, store: Store, table: GatedTable) -> Sequence[str]:
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
