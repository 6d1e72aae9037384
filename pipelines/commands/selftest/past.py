"""Damages to what windows look back at, and rows that are delivered again: the partition's own rows stay as
they were, or nearly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from functools import partial

from pipelines import runner
from pipelines.commands.selftest.damage import Damage
from pipelines.commands.selftest.stage import Stage
from pipelines.core import dates, sql
from pipelines.core.config import Kind
from pipelines.core.config.base import duration_text
from pipelines.core.errors import GateClosed
from pipelines.run.run import Run

KINDS: tuple[Kind, ...] = ("scoring", "training")
GATE = "gate_past"
FLIPPED = "labels flipped"  # features of a number's sign may be stopped by their own gate, too
TENTH = "hash({key}) % 10 = 0"
SHARE = 3  # one row of so many is delivered again


def damages(stage: Stage) -> Iterator[Damage]:
    """All of them that a use case admits."""
    yield from _of_copies(stage)
    if not stage.use_case.features.history:
        return
    yield from _of_nights(stage)
    for kind in KINDS:
        yield from _of_days(stage, kind)


def _of_nights(stage: Stage) -> Iterator[Damage]:
    """What happens to the nights before a night."""
    for name in stage.use_case.late:
        after = duration_text(stage.use_case.known_after(name))
        yield Damage(
            f"delivered: {name} of rows younger than {after} is not given yet",
            "scoring",
            partial(_not_given_yet, column=name),
            may_be_harmless=True,
            good=True,
        )
    yield Damage("delivered: a third of the day before again", "scoring", _yesterday_again)
    after_it: dict[str, Callable[[Stage, Run], None]] = {
        "": lambda *_: None,
        ", and one row of it came late": _one_row_late,
        ", and the evidence of the night before was put in its place": _evidence_of_the_night_before,
    }
    for what, then in after_it.items():
        yield Damage(
            f"scoring's past: a day whose own night gate_features has stopped{what}",
            "scoring",
            partial(_stopped_yesterday, then=then),
            stopped_by=GATE,
        )


def _of_days(stage: Stage, kind: Kind) -> Iterator[Damage]:
    """What happens to the days that a run's windows see."""
    for what, statement in _statements(stage).items():
        yield Damage(
            f"{kind}'s past: {what}",
            kind,
            partial(_everywhere, kind=kind, statement=statement),
            stopped_by=None if what == FLIPPED else GATE,
            may_be_harmless=True,  # such as no holiday, a hundred times
        )
    missing = partial(_one_day, kind=kind, statement="FROM rows LIMIT 0")
    yield Damage(f"{kind}'s past: a day is missing", kind, missing, stopped_by=GATE)
    if _last_missed_day(stage, kind):  # before the first file of all, none is missed
        gone = partial(_file_gone, kind=kind)
        yield Damage(f"{kind}'s past: a day's file is gone", kind, gone, stopped_by="ingest")
    tenth = partial(_one_day, kind=kind, statement=_tenth(stage))
    yield Damage(f"{kind}'s past: a tenth of a day", kind, tenth, stopped_by=GATE)
    yield Damage(
        f"{kind}'s past: a tenth of a day, and all columns have other names",
        kind,
        partial(_columns_renamed, kind=kind),
        # A champion's definitions ask for the names that it has learned.
        stopped_by="ingest" if kind == "scoring" else GATE,
    )
    another = partial(_another_days, kind=kind)
    yield Damage(f"{kind}'s past: a day has another day's rows", kind, another, stopped_by=GATE)


def other_label(stage: Stage) -> str:
    """SQL of the label with its classes swapped; of a number with its sign turned."""
    column, label = stage.use_case.columns[stage.use_case.target], _source(stage, stage.use_case.target)
    if not column.allowed:
        return f"-{label}"
    one, other = (sql.literal(value, sql.TYPES[column.type]) for value in column.allowed)
    return f"CASE {label} WHEN {one} THEN {other} WHEN {other} THEN {one} END"


def _of_copies(stage: Stage) -> Iterator[Damage]:
    """Rows of a training that come again, and say something else."""
    label, time, some = (
        _source(stage, stage.use_case.target),
        _source(stage, stage.use_case.time),
        _some(stage),
    )
    corrected = (
        f"FROM rows UNION ALL SELECT * REPLACE ({other_label(stage)} AS {label}) FROM rows WHERE {some}"
    )
    later = (
        f"FROM rows UNION ALL SELECT * REPLACE ({time} + INTERVAL 1 SECOND AS {time}) FROM rows WHERE {some}"
        f" AND {time}::TIME < TIME '23:59:59'"
    )
    for what, statement in {"with another label": corrected, "a moment later": later}.items():
        do = partial(_on_days, kind="training", statement=statement)
        yield Damage(f"training delivered: a third of the rows again, {what}", "training", do)
    yield Damage("training delivered: a third of the rows again on the next day", "training", _next_day_again)
    again = (
        "delivered: the rows of the day before again, under new keys, and the file has its columns in another"
        " order"
    )
    yield Damage(again, "scoring", _again_and_reordered)


def _statements(stage: Stage) -> dict[str, str]:
    """What happens to each day before the partition's own."""
    use_case, key = stage.use_case, _source(stage, stage.use_case.key)
    new_keys = (
        f"{key} || '-' || n" if use_case.columns[use_case.key].type == "string" else f"{key} + n * 1000000000"
    )
    found = {
        "rows three times": (
            f"SELECT rows.* REPLACE (if(n > 0, {new_keys}, {key}) AS {key}) FROM rows, range(3) AS t(n)"
        )
    }
    if any(use_case.target in aggregate.columns for aggregate in _aggregates(stage)):
        found[FLIPPED] = (
            f"SELECT * REPLACE ({other_label(stage)} AS {_source(stage, use_case.target)}) FROM rows"
        )
    late = {
        name for name in use_case.late if any(name in aggregate.columns for aggregate in _aggregates(stage))
    }
    for name, column in use_case.columns.items():
        if (column.role == "feature" or name in late) and column.type in ("integer", "number"):
            source = _source(stage, name)
            found[f"{name} x100"] = (
                f"SELECT * REPLACE (CAST({source} * 100 AS {sql.TYPES[column.type]}) AS {source}) FROM rows"
            )
    return found


def _not_given_yet(stage: Stage, column: str) -> Run:
    """What a source gives that learns a late column when it is known: in the good life, it has given all
    values at once.
    """
    until = dates.known_until(stage.use_case, stage.use_case.known_after(column), "scoring", stage.night)
    source, time = _source(stage, column), _source(stage, stage.use_case.time)
    for day in dates.Days(max(until.date(), _past(stage, "scoring").first), stage.night):
        stage.deliver(
            day,
            f"SELECT * REPLACE (CASE WHEN {time} <= TIMESTAMP '{until}' THEN {source} END AS {source}) FROM"
            " rows",
        )
    return stage.run("scoring")


def _aggregates(stage: Stage) -> Iterator[sql.Aggregate]:
    features = stage.use_case.features
    frames = dict.fromkeys(features.windows, "")
    for text in (*features.numbers.values(), *features.categories.values(), *features.texts.values()):
        yield from sql.parse(text, frames).aggregates


def _past(stage: Stage, kind: Kind) -> dates.Days:
    return dates.past_of(stage.use_case, kind, stage.day(kind))


def _everywhere(stage: Stage, kind: Kind, statement: str) -> Run:
    for day in _past(stage, kind):
        stage.deliver(day, statement)
    return stage.run(kind)


def _one_day(stage: Stage, kind: Kind, statement: str) -> Run:
    stage.deliver(_middle(stage, kind), statement)
    return stage.run(kind)


def _columns_renamed(stage: Stage, kind: Kind) -> Run:
    """A file that calls the source's columns otherwise, as the source does from now on: one day of the past
    has lost rows by it.
    """
    use_case = stage.use_case
    others = {column: f"{source} v2" for column, source in use_case.source_names.items()}
    names = ", ".join(f"{_source(stage, column)} AS {sql.name(other)}" for column, other in others.items())
    rename = {other: column for column, other in others.items()}
    days = [*_past(stage, kind), *dates.days_of(use_case, kind, stage.day(kind))]
    for day in days:
        few = (
            f" WHERE {TENTH.format(key=_source(stage, use_case.key))}" if day == _middle(stage, kind) else ""
        )
        stage.deliver(day, f"SELECT {names} FROM rows{few}")
    # that speaks of the names that there were
    gates = {table: stated for table, stated in use_case.gates.items() if table != "raw"}
    return stage.run(
        kind, loaded=stage.edited(cleanse=use_case.cleanse.model_copy(update={"rename": rename}), gates=gates)
    )


def _last_missed_day(stage: Stage, kind: Kind) -> date | None:
    """The last day of the past of which a file is missed."""
    first = _past(stage, "training").first
    return max(
        (day for day in _past(stage, kind) if day > first and stage.use_case.expects(day)), default=None
    )


def _file_gone(stage: Stage, kind: Kind) -> Run:
    if day := _last_missed_day(stage, kind):
        stage.deliver_nothing(day)
    return stage.run(kind)


def _another_days(stage: Stage, kind: Kind) -> Run:
    """What was delivered on the day before, under this day's date."""
    stage.deliver(_middle(stage, kind), _a_day_later(stage), of=_middle(stage, kind) - timedelta(days=1))
    return stage.run(kind)


def _middle(stage: Stage, kind: Kind) -> date:
    past = list(_past(stage, kind))
    delivered = [day for day in past if stage.use_case.expects(day)] or past
    return delivered[len(delivered) // 2]


def _on_days(stage: Stage, kind: Kind, statement: str) -> Run:
    for day in dates.days_of(stage.use_case, kind, stage.day(kind)):
        stage.deliver(day, statement)
    return stage.run(kind)


def _yesterday_again(stage: Stage) -> Run:
    stage.deliver_more(
        stage.night, f"{_a_day_later(stage)} WHERE {_some(stage)}", of=stage.night - timedelta(days=1)
    )
    return stage.run("scoring")


def _stopped_yesterday(stage: Stage, then: Callable[[Stage, Run], None]) -> Run:
    """What the source gives of the day before is as it was, or nearly, and its night was stopped for what its
    features say.
    """
    night = stage.run("scoring", stage.night - timedelta(days=1))
    number = sql.name(next(iter(stage.use_case.features.numbers)))
    stage.rewrite(night, "features", f"SELECT * REPLACE ('inf'::FLOAT AS {number}) FROM rows")
    with suppress(GateClosed):
        runner.gate(night, "features")
    then(stage, night)
    return stage.run("scoring")


def _one_row_late(stage: Stage, night: Run) -> None:
    stage.deliver(
        night.partition, f"FROM rows UNION ALL (SELECT * REPLACE ({_new_key(stage)}) FROM rows LIMIT 1)"
    )


def _evidence_of_the_night_before(_: Stage, night: Run) -> None:
    before = night.store.at("scoring", night.partition - timedelta(days=1))
    night.store.write_file(name := "gates/features.json", before.read_file(name))


def _again_and_reordered(stage: Stage) -> Run:
    """The rows of the day before under new keys, on the day on which somebody has put the file's columns into
    another order.
    """
    again = f"SELECT * REPLACE ({_new_key(stage)}) FROM ({_a_day_later(stage)})"
    stage.deliver(stage.night, again, of=stage.night - timedelta(days=1))
    return stage.run("scoring", loaded=stage.edited(columns=dict(reversed(stage.use_case.columns.items()))))


def _new_key(stage: Stage) -> str:
    key = _source(stage, stage.use_case.key)
    return (
        f"{key} || ' late' AS {key}"
        if stage.use_case.columns[stage.use_case.key].type == "string"
        else f"-{key} - 1 AS {key}"
    )


def _next_day_again(stage: Stage) -> Run:
    first, *others = dates.days_of(stage.use_case, "training", stage.day("training"))
    for before, day in zip([first, *others], others, strict=False):
        stage.deliver_more(day, f"{_a_day_later(stage)} WHERE {_some(stage)}", of=before)
    return stage.run("training")


def _a_day_later(stage: Stage) -> str:
    time = _source(stage, stage.use_case.time)
    return f"SELECT * REPLACE ({time} + INTERVAL 1 DAY AS {time}) FROM rows"


def _tenth(stage: Stage) -> str:
    return f"SELECT * FROM rows WHERE {TENTH.format(key=_source(stage, stage.use_case.key))}"


def _some(stage: Stage) -> str:
    return f"hash({_source(stage, stage.use_case.key)}) % {SHARE} = 0"


def _source(stage: Stage, column: str) -> str:
    return sql.name(stage.use_case.source_names[column])
